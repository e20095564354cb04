//! The features of the virtual platform, Hyper-V's among them.

use super::Element;
use crate::machine::{Feature, Firmware, Machine};
use crate::spec::VirtType;

/// The features element.
pub(super) fn features(machine: &Machine) -> Element {
    let acpi = machine.chipset.has_acpi(machine.firmware.value);
    let features = Element::new("features").child(acpi.then(|| Element::new("acpi")));
    if !machine.is_x86() {
        return features;
    }
    let accelerated = machine.virt_type.value == VirtType::Kvm;
    let smm = machine.firmware.value == (Firmware::Uefi { secure_boot: true });
    features
        .child(Element::new("apic"))
        .child((machine.windows && accelerated).then(|| hyper_v(machine)))
        .child(machine.hide_kvm.value.then(hidden))
        .child(machine.chipset.is_whole_pc().then(|| Element::new("vmport").attr("state", "off")))
        .child(smm.then(|| on("smm").field("secure_boot")))
}

/// What Windows runs best with. KVM alone offers it.
fn hyper_v(machine: &Machine) -> Element {
    let vendor = machine.hypervisor_vendor.value.clone();
    let vendor = vendor.map(|vendor| on("vendor_id").attr("value", vendor).field("pci_devices"));
    let hyper_v = Element::new("hyperv");
    // Without the attribute an older libvirt means the same.
    let told = !machine.dropped.contains(&Feature::HyperVMode);
    let hyper_v = if told { hyper_v.attr("mode", "custom") } else { hyper_v };
    hyper_v
        .child(on("relaxed"))
        .child(on("vapic"))
        .child(on("spinlocks").attr("retries", "8191"))
        .child(on("vpindex"))
        .child(on("runtime"))
        .child(on("synic"))
        .child(on("stimer").child(on("direct")))
        .child(on("reset"))
        .child(vendor)
        .child(on("frequencies"))
        .child(on("tlbflush"))
        .child(on("ipi"))
        .field("os_type")
}

fn hidden() -> Element {
    Element::new("kvm").child(on("hidden")).field("pci_devices")
}

fn on(name: &'static str) -> Element {
    Element::new(name).attr("state", "on")
}
