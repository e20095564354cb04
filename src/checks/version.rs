//! Checks of what the connected libvirt is too old for.

use super::wording::field;
use super::{Check, Notes, Subject};
use crate::machine::{Feature, Firmware};

pub(super) const CHECKS: &[Check] = &[Check {
    code: "HOST-FEATURE-VERSION",
    title: "libvirt knows all that the domain would have",
    explain: "Parts of the domain's description came with some version of libvirt, and an older one refuses a domain that \
              has them. What the VM can do without is left out, and said here. What it cannot do without stops the build: \
              a held device needs libvirt 6.0, for an older one would show it to the guest; a VLAN on a bridge of the kernel's \
              needs 11.0, for without its tag the guest would be in another network.",
    run: features,
}];

fn features(subject: &Subject, notes: &mut Notes) {
    // Only a held device depends on a version that is still met: what else is old enough is nothing to speak of.
    if subject.machine.held.is_empty() && subject.machine.dropped.is_empty() {
        return;
    }
    let what = "whether libvirt knows all that the domain would have";
    let Some(host) = notes.known(&subject.facts.host, || field("pci_devices"), what) else { return };
    for feature in &subject.machine.dropped {
        let needs = format!("needs libvirt {}, and this is {}", feature.since(), host.libvirt);
        dropped(subject, notes, *feature, &needs);
    }
}

/// What is lost with the feature, and what there is to do about it.
fn dropped(subject: &Subject, notes: &mut Notes, feature: Feature, needs: &str) {
    let dropped = |feature| subject.machine.dropped.contains(&feature);
    match feature {
        Feature::UnassignedAddress => {
            let message = format!("a device that is held from the guest {needs}");
            notes.blocker(field("pci_devices"), message, "pass the held devices, too, or update libvirt");
        }
        Feature::NvmeDisk => {
            let message = format!("a disk that is an NVMe drive of the host {needs}");
            notes.blocker(
                field("storage").key("disks"),
                message,
                "pass the drive as a PCI device, or name it below /dev/disk/by-id",
            );
        }
        Feature::BridgeVlan => {
            // Without the tag the guest would be in another network than the one asked for.
            let message = format!("a VLAN on a bridge of the kernel's {needs}");
            let way_out = "use a bridge above a VLAN of the host's port, or update libvirt";
            notes.blocker(field("networks"), message, way_out);
        }
        Feature::PortWithoutHotplug => {
            let message = format!("a port from which Windows does not offer to eject the GPU {needs}: left out");
            notes.info(field("pci_devices"), message, "nothing need be done: do not eject the card in the guest");
        }
        Feature::FirmwareFeatures if subject.machine.firmware.value == (Firmware::Uefi { secure_boot: true }) => {
            let message = format!("to choose a UEFI with enrolled keys {needs}: the one that it prefers is taken");
            notes.warning(field("secure_boot"), message, "see in the guest that Secure Boot is on, or update libvirt");
        }
        Feature::FirmwareFeatures => {
            let message = format!("to choose a UEFI without Secure Boot {needs}: the one that it prefers is taken");
            notes.warning(field("uefi"), message, "name a loader by custom_xml if the guest's boot is refused");
        }
        // Without the word read-only the guest could write.
        Feature::Virtiofs | Feature::ReadOnlyVirtiofs => {
            let what = if feature == Feature::Virtiofs { "a folder" } else { "a read-only folder" };
            notes.blocker(field("shares"), format!("{what} by virtiofs {needs}"), "share it by 9p, or update libvirt");
        }
        // Without the attribute it means the same.
        Feature::HyperVMode => {}
        Feature::AddressWidth => {
            let message = format!("the width of the guest's addresses {needs}: left to QEMU");
            notes.warning(
                field("pci_devices"),
                message,
                "update libvirt if the guest does not start or find its device",
            );
        }
        Feature::AddressLimit if dropped(Feature::AddressWidth) => {}
        Feature::AddressLimit => {
            let message = format!("a limit of the guest's addresses {needs}: their exact width is written instead");
            notes.info(field("pci_devices"), message, "nothing need be done");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, host, known};
    use crate::facts::{Cpu, Fact, Host, Kernel, Version};
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
        let want = "a device that is held from the guest needs libvirt 6.0, and this is 5.10";
        on(5, 10, held()).blocks("HOST-FEATURE-VERSION", "pci_devices", want);
        on(6, 2, held()).said("HOST-FEATURE-VERSION").info();
        on(6, 3, held()).passes("HOST-FEATURE-VERSION");
        on(5, 10, held()).facts(|facts| facts.host = Fact::default()).unknown("HOST-FEATURE-VERSION");
        Asked::good().quiet("HOST-FEATURE-VERSION");
    }

    #[test]
    fn a_vlan_is_not_left_out() {
        let tagged = |kind: &str, source: &str| json!({"networks": [{"type": kind, "source": source, "vlan": 42}]});
        let want = "a VLAN on a bridge of the kernel's needs libvirt 11.0, and this is 10.10";
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
    fn the_width_of_addresses_is_written_as_libvirt_knows_it() {
        let narrow = |minor_of: (u32, u32)| {
            let pass = json!({"pci_devices": [{"host_address": "01:00.0"}, {"host_address": "01:00.1"}]});
            on(minor_of.0, minor_of.1, pass).facts(|facts| {
                let cpu = Cpu { vendor: String::new(), address_bits: Some(46), virtualises: None, is_virtual: false };
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
