//! Checks of devices on machines without a PCI bus.

use super::note::without;
use super::text::{Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::machine::{Chipset, Disk, Interface, Machine};
use crate::spec::{DiskBus, NetworkKind, NetworkModel, Place};

pub(super) static CHECKS: &[&Check] = &[&MACHINE_BUS];

static MACHINE_BUS: Check = Check {
    code: "MACHINE-BUS",
    title: "machine type has a bus for each device",
    explain: "Most devices sit on a PCI bus. A microvm has virtio devices at addresses of memory and nothing else, IBM \
              Z has channel devices, and libvirt attaches nothing to an isapc, which can only start a kernel with its \
              initrd. Devices that such a machine cannot have are rejected when the VM is defined: \"No PCI buses \
              available\".",
    run: Some(devices),
    ..Check::VM
};

fn devices(subject: &Subject, notes: &mut Notes) {
    let machine = subject.machine;
    if machine.chipset.has_pci() {
        return;
    }
    notes.looked();
    let name = &machine.machine_type.value;
    for (place, what) in misplaced(machine) {
        let message = text!("machine type {name} has no bus for {what}", name, what);
        let others = if machine.is_x86() { "leave it out, or use machine type q35" } else { "leave it out" };
        notes.blocker(place, message, without(others));
    }
}

/// What of the machine is on a bus that it does not have.
fn misplaced(machine: &Machine) -> Vec<(Place, Text)> {
    let isa = machine.chipset == Chipset::Isa;
    let disks = machine.disks.iter().filter(|disk| !isa && !is_placed(disk)).map(|disk| {
        let bus = disk.bus.value.name();
        (disk.place.clone().key("bus"), text!("a disk on {bus}", bus))
    });
    let disks: Vec<_> = disks.collect();
    let interfaces = machine.interfaces.iter().filter(|interface| isa || !is_channel(interface)).map(|interface| {
        let place = super::network::place(interface, "model");
        (place, text!("a network card {model}", model = interface.model.value.name()))
    });
    let small = &machine.devices;
    let pci = [
        ("sound", small.sound.is_some(), "a sound card"),
        ("watchdog", small.watchdog.is_some(), "this watchdog"),
        ("looking_glass", small.looking_glass.is_some(), "shared memory"),
        ("usb_controller", small.usb_controller.value.is_some(), "a USB controller"),
        ("usb_devices", !small.usb.is_empty() && small.usb_controller.value.is_none(), "USB devices"),
        ("tpm", machine.tpm.value, "a TPM"),
        ("pci_devices", machine.chipset != Chipset::Ccw && !machine.slots.is_empty(), "PCI devices of the host"),
        ("video", machine.video.value.is_some() && !machine.chipset.has_video(), "a video card"),
        ("rng", isa && small.rng.value, "a source of random numbers"),
        ("guest_agent", isa && small.guest_agent.value, "the channel of the guest agent"),
        ("shares", isa && !machine.shares.is_empty(), "shared folders"),
    ];
    let pci = pci.into_iter().filter(|(_, there, _)| *there).map(|(name, _, what)| (field(name), what.into()));
    disks.into_iter().chain(interfaces).chain(pci).collect()
}

fn is_placed(disk: &Disk) -> bool {
    matches!(disk.bus.value, DiskBus::Virtio | DiskBus::Scsi)
}

fn is_channel(interface: &Interface) -> bool {
    interface.kind != NetworkKind::Hostdev && interface.model.value == NetworkModel::Virtio
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::{Value, json};

    fn on(machine: &str, patch: Value) -> Asked {
        let mut spec = json!({"machine": machine, "virt_type": "qemu"});
        if let (Some(spec), Value::Object(patch)) = (spec.as_object_mut(), patch) {
            spec.extend(patch);
        }
        Asked::with(spec)
    }

    #[test]
    fn a_microvm_has_virtio_devices_alone() {
        on("microvm", json!({})).passes("MACHINE-BUS");
        let sata = json!({"storage": {"disks": [{"action": "create", "size": 1, "bus": "sata"}]}});
        let want = "machine type microvm has no bus for a disk on sata";
        on("microvm", sata).blocks("MACHINE-BUS", "storage.disks[0].bus", want);
        let want = "machine type microvm has no bus for a network card e1000";
        on("microvm", json!({"networks": [{"model": "e1000"}]})).blocks("MACHINE-BUS", "networks[0].model", want);
        for patch in [
            json!({"sound": "ich9"}),
            json!({"watchdog": {"model": "i6300esb"}}),
            json!({"looking_glass": {}}),
            json!({"tpm": true}),
            json!({"usb_controller": "qemu-xhci"}),
            json!({"video": "std", "graphics": [{}]}),
            json!({"pci_devices": [{"host_address": "01:00.0"}]}),
        ] {
            on("microvm", patch).said("MACHINE-BUS").blocker();
        }
        Asked::with(json!({"sound": "ich9"})).quiet("MACHINE-BUS");
    }

    #[test]
    fn an_isa_machine_has_no_devices_of_libvirt() {
        on("isapc", json!({"storage": null})).passes("MACHINE-BUS");
        on("isapc", json!({"storage": null, "networks": [{}]})).said("MACHINE-BUS").blocker();
        on("isapc", json!({})).said("BUS-IDE").blocker();
    }
}
