//! Checks of what the connected libvirt is too old for.

use super::text::{Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::machine::{Feature, Firmware};
use crate::spec::Place;

pub(super) static CHECKS: &[&Check] = &[&HOST_FEATURE_VERSION];

static HOST_FEATURE_VERSION: Check = Check {
    code: "HOST-FEATURE-VERSION",
    title: "libvirt supports every part of the domain",
    explain: "Parts of the domain's description came with a certain version of libvirt, and an older one rejects a \
              domain that has them. Optional parts are left out and reported here. Required ones stop the build: a \
              held device needs libvirt 6.0, because an older one would show it to the guest; a VLAN on a kernel \
              bridge needs 11.0, because without its tag the guest would be in another network; the watchdog itco \
              needs 9.1, virtio-mem 7.9, evdev 7.6, clusters of CPUs 10.1, UEFI 5.2.",
    run: Some(features),
    ..Check::VM
};

fn features(subject: &Subject, notes: &mut Notes) {
    // Only a held device depends on a version that is still met: what else is old enough is nothing to speak of.
    if subject.machine.held.is_empty() && subject.machine.dropped.is_empty() {
        return;
    }
    let what = "whether libvirt supports every part of the domain";
    let Some(host) = notes.known(&subject.facts.host, || field("pci_devices"), what) else { return };
    for feature in &subject.machine.dropped {
        let needs = text!("needs libvirt {since}; this is {libvirt}", since = feature.since(), libvirt = host.libvirt);
        dropped(subject, notes, *feature, &needs);
    }
}

/// What is lost with the feature, and what there is to do about it.
fn dropped(subject: &Subject, notes: &mut Notes, feature: Feature, needs: &Text) {
    if let Some((place, what, way_out)) = refused(feature) {
        return notes.blocker(place, text!("{what} {needs}", what, needs), way_out);
    }
    let dropped = |feature| subject.machine.dropped.contains(&feature);
    match feature {
        Feature::PortWithoutHotplug => {
            let message = text!("hiding the GPU from the eject menu of Windows {needs}: left out", needs);
            notes.info(field("pci_devices"), message, "nothing to do: do not eject the card in the guest");
        }
        // Said with the firmware itself.
        Feature::FirmwareFeatures if dropped(Feature::FirmwareSelection) => {}
        Feature::FirmwareFeatures if subject.machine.firmware.value == (Firmware::Uefi { secure_boot: true }) => {
            let message = text!("choosing a UEFI with enrolled keys {needs}: libvirt's default is used", needs);
            notes.warning(
                field("secure_boot"),
                message,
                "check in the guest that Secure Boot is on, or update libvirt",
            );
        }
        Feature::FirmwareFeatures => {
            let message = text!("choosing a UEFI without Secure Boot {needs}: libvirt's default is used", needs);
            notes.warning(
                field("uefi"),
                message,
                "name a loader in custom_xml if the firmware rejects the guest's boot loader",
            );
        }
        Feature::Migratable => {
            let message = text!(
                "a CPU with all features of the host, including those that prevent migration, {needs}: left out",
                needs
            );
            notes.info(field("cpu").key("mode"), message, "nothing to do: the guest lacks the invariant TSC");
        }
        Feature::IoUring => {
            let message = text!("io_uring {needs}: left out, QEMU uses threads", needs);
            notes.info(field("storage").key("disks"), message, "nothing to do, or set io to native");
        }
        Feature::Rotation => {
            let message = text!("reporting a disk as SSD to the guest {needs}: left out", needs);
            notes.info(field("storage").key("disks"), message, "nothing to do: discard works without it");
        }
        Feature::AddressWidth => {
            let message = text!("the width of the guest's addresses {needs}: left to QEMU", needs);
            let way_out = "update libvirt if the guest does not start or find its device";
            notes.warning(field("pci_devices"), message, way_out);
        }
        Feature::AddressLimit if !dropped(Feature::AddressWidth) => {
            let message = text!("a limit of the guest's addresses {needs}: their exact width is set instead", needs);
            notes.info(field("pci_devices"), message, "nothing to do");
        }
        // Without the mode of the Hyper-V features, and with slots for virtio-mem, it means the same; the rest is refused.
        _ => {}
    }
}

/// What the VM cannot do without: the field, what it is, and the way out.
fn refused(feature: Feature) -> Option<(Place, &'static str, &'static str)> {
    let cpu = |name: &str| field("cpu").key(name);
    Some(match feature {
        Feature::UnassignedAddress => {
            let way_out = "also pass the held devices, or update libvirt";
            (field("pci_devices"), "holding a device back from the guest", way_out)
        }
        Feature::FirmwareSelection => {
            let way_out = "set uefi to false, or update libvirt";
            (field("uefi"), "selecting a UEFI firmware", way_out)
        }
        Feature::NvmeDisk => {
            let way_out = "pass the drive as a PCI device, or name it below /dev/disk/by-id";
            (field("storage").key("disks"), "a disk that is an NVMe drive of the host", way_out)
        }
        // Without the tag the guest would be in another network than the one asked for.
        Feature::BridgeVlan => {
            let way_out = "use a bridge above a VLAN of the host's port, or update libvirt";
            (field("networks"), "a VLAN on a kernel bridge", way_out)
        }
        Feature::Virtiofs => (field("shares"), "sharing a folder by virtiofs", "share it by 9p, or update libvirt"),
        // Without the word read-only the guest could write.
        Feature::ReadOnlyVirtiofs => {
            (field("shares"), "sharing a read-only folder by virtiofs", "share it by 9p, or update libvirt")
        }
        // Without it the product is not the number of CPUs.
        Feature::Dies => (cpu("topology").key("dies"), "a topology with dies", "leave them out"),
        Feature::Clusters => (cpu("topology").key("clusters"), "a topology with clusters", "leave them out"),
        Feature::MaximumCpu => (cpu("mode"), "the CPU mode maximum", "use host-passthrough, or a model without KVM"),
        Feature::RestrictiveNuma => {
            (field("numa").key("mode"), "the memory mode restrictive", "use strict, or update libvirt")
        }
        Feature::Evdev => {
            let way_out = "pass the devices by usb_devices, or update libvirt";
            (field("evdev"), "sharing an input device between host and guest", way_out)
        }
        Feature::VirtioMem => (
            field("memory_hotplug").key("by"),
            "memory that grows by virtio-mem",
            "let it grow by dimm, or update libvirt",
        ),
        Feature::ItcoWatchdog => {
            (field("watchdog").key("model"), "the watchdog itco", "use i6300esb, or update libvirt")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, host, known};
    use crate::checks::text::Wording;
    use crate::facts::{Fact, Host, HostCpu, Kernel, Version};
    use serde_json::{Value, json};

    fn on(major: u32, minor: u32, patch: Value) -> Asked {
        let libvirt = Version { major, minor, release: 0 };
        Asked::with(patch).facts(|facts| facts.host = known(Host { libvirt, ..host() }))
    }

    fn held() -> Value {
        json!({"pci_devices": [
            {"host_address": "01:00.0"}, {"host_address": "01:00.1"}, {"host_address": "04:00.0", "role": "hold"}
        ]})
    }

    #[test]
    fn an_old_libvirt_is_told_less() {
        let want = "holding a device back from the guest needs libvirt 6.0; this is 5.10";
        on(5, 10, held()).blocks("HOST-FEATURE-VERSION", "pci_devices", want);
        on(6, 2, held()).said("HOST-FEATURE-VERSION").info();
        on(6, 5, held()).passes("HOST-FEATURE-VERSION");
        on(5, 10, held()).facts(|facts| facts.host = Fact::default()).unknown("HOST-FEATURE-VERSION");
        Asked::good().quiet("HOST-FEATURE-VERSION");
    }

    #[test]
    fn a_vlan_is_not_left_out() {
        let tagged = |kind: &str, source: &str| json!({"networks": [{"type": kind, "source": source, "vlan": 42}]});
        let want = "a VLAN on a kernel bridge needs libvirt 11.0; this is 10.10";
        on(10, 10, tagged("bridge", "br0")).blocks("HOST-FEATURE-VERSION", "networks", want);
        on(11, 0, tagged("bridge", "br0")).quiet("HOST-FEATURE-VERSION");
        on(10, 10, tagged("direct", "enp5s0")).quiet("HOST-FEATURE-VERSION");
        on(10, 10, json!({"networks": [{"type": "bridge", "source": "br0"}]})).quiet("HOST-FEATURE-VERSION");
    }

    #[test]
    fn a_firmware_that_cannot_be_chosen_is_pointed_out() {
        for (patch, place) in
            [(json!({"uefi": true}), "uefi"), (json!({"uefi": true, "secure_boot": true}), "secure_boot")]
        {
            assert_eq!(on(7, 0, patch.clone()).said("HOST-FEATURE-VERSION").warning().place, place);
            on(7, 2, patch).quiet("HOST-FEATURE-VERSION");
        }
    }

    #[test]
    fn what_the_vm_cannot_do_without_is_refused_with_the_version() {
        let disks =
            json!({"disks": [{"action": "create", "size": "20 GiB", "io": "io_uring", "ssd": true, "bus": "sata"}]});
        let evdev = json!({"evdev": ["/dev/input/by-id/usb-Mouse-event-mouse"]});
        let clusters = json!({"architecture": "aarch64", "cpu": {"topology": {"clusters": 2}}});
        let grows = json!({"memory": "4 GiB", "max_memory": "8 GiB", "memory_hotplug": {"by": "virtio-mem"}});
        for ((major, minor), patch, place, what) in [
            ((9, 1), json!({"watchdog": {"model": "itco"}}), "watchdog.model", "the watchdog itco"),
            ((7, 9), grows, "memory_hotplug.by", "memory that grows by virtio-mem"),
            ((7, 6), evdev, "evdev", "sharing an input device between host and guest"),
            (
                (7, 3),
                json!({"numa": {"mode": "restrictive", "nodes": "0"}}),
                "numa.mode",
                "the memory mode restrictive",
            ),
            ((7, 1), json!({"cpu": {"mode": "maximum"}}), "cpu.mode", "the CPU mode maximum"),
            ((10, 1), clusters, "cpu.topology.clusters", "a topology with clusters"),
            ((6, 1), json!({"cpu": {"topology": {"dies": 2}}}), "cpu.topology.dies", "a topology with dies"),
        ] {
            let needs = format!("{what} needs libvirt {major}.{minor}; this is {major}.{}", minor - 1);
            on(major, minor - 1, patch.clone()).blocks("HOST-FEATURE-VERSION", place, &needs);
            assert!(!says(&on(major, minor, patch), what), "{what}");
        }
        let old = |minor| on(6, minor, json!({"storage": disks}));
        assert!(says(&old(2), "io_uring") && !says(&old(3), "io_uring"));
        assert!(says(&old(4), "a CPU with all") && !says(&old(5), "a CPU with all"));
        assert!(says(&old(9), "as SSD") && !says(&on(7, 3, json!({"storage": disks})), "as SSD"));
    }

    fn says(asked: &Asked, words: &str) -> bool {
        let report = asked.report();
        let mut own = report.findings.iter().filter(|finding| finding.code() == "HOST-FEATURE-VERSION");
        own.any(|finding| finding.message(Wording::Full).contains(words))
    }

    #[test]
    fn the_width_of_addresses_is_written_as_libvirt_knows_it() {
        let narrow = |minor_of: (u32, u32)| {
            let pass = json!({"pci_devices": [{"host_address": "01:00.0"}, {"host_address": "01:00.1"}]});
            on(minor_of.0, minor_of.1, pass).facts(|facts| {
                let cpu =
                    HostCpu { vendor: String::new(), address_bits: Some(46), virtualises: None, is_virtual: false };
                facts.kernel = known(Kernel { iommu_address_bits: known(39), cpu: known(cpu), ..Kernel::default() });
            })
        };
        narrow((8, 6)).said("HOST-FEATURE-VERSION").warning();
        narrow((8, 7)).said("HOST-FEATURE-VERSION").info();
        narrow((9, 3)).quiet("HOST-FEATURE-VERSION");
        assert!(narrow((9, 3)).said("HOST-PHYSBITS").remedy.contains("limited to 39 bits"));
        assert!(narrow((8, 6)).said("HOST-PHYSBITS").remedy.contains("update libvirt"));
    }
}
