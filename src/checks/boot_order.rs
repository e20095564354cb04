//! Checks of the boot order over disks and interfaces, and that there is something to boot from at all.

use super::note::without;
use super::subject::PciRow;
use super::text::text;
use super::{Check, Notes, Subject};
use crate::facts::PciClass;
use crate::machine::DiskOrigin;
use crate::spec::{BootDevice, DiskDevice, Place, RomBar};
use std::collections::BTreeMap;

pub(super) static CHECKS: &[&Check] = &[&BOOT_ORDER, &BOOT_DEVICE, &BOOT_NOTHING];

static BOOT_ORDER: Check = Check {
    code: "BOOT-ORDER",
    title: "boot order is unambiguous",
    explain: "Each bootable disk and interface can have a place in the boot order, from 1, and each place is used \
              once. libvirt rejects 0 and duplicates. Leave boot_order out, and the boot ISO comes first, then the \
              disks in their order. boot.order names kinds of devices instead: cdrom, disk, network.",
    run: Some(boot_order),
    ..Check::VM
};

static BOOT_DEVICE: Check = Check {
    code: "BOOT-DEVICE",
    title: "passed devices in boot order are bootable",
    explain: "The guest's firmware boots from disk controllers and NVMe drives that are passed, and from a network \
              card by the boot ROM on it. It does not boot from a graphics card, a sound device or a USB controller; \
              boot_order has no effect there. Leave it out.",
    run: Some(device),
    ..Check::VM
};

static BOOT_NOTHING: Check = Check {
    code: "BOOT-NOTHING",
    title: "VM has something to boot from",
    explain: "New disks are empty. Without a boot ISO, an attached or cloned image, an interface in the boot order, a \
              directly started kernel or a passed NVMe drive, the VM stops in its firmware. This is correct only if \
              you plan to install a system later by other means.",
    run: Some(nothing),
    ..Check::VM
};

fn boot_order(subject: &Subject, notes: &mut Notes) {
    let disks = subject.machine.disks.iter().filter_map(|disk| Some((disk.boot_order?, disk.place.clone())));
    let interfaces = subject
        .machine
        .interfaces
        .iter()
        .filter_map(|interface| Some((interface.boot_order?, Place::root().key("networks").index(interface.row?))));
    let functions = subject.machine.slots.iter().flat_map(|slot| &slot.functions);
    let passed = functions.filter_map(|function| Some((function.boot_order?, function.place.clone())));
    let mut first = BTreeMap::<u32, Place>::new();
    for (order, place) in disks.chain(interfaces).chain(passed) {
        notes.looked();
        let field = place.clone().key("boot_order");
        if order == 0 {
            notes.blocker(
                field,
                text!("{place}: boot order is 0; the first place is 1", place),
                without("write 1, or leave it out"),
            );
        } else if let Some(earlier) = first.get(&order) {
            let message = text!("{place}: boot order {order} is already taken by {earlier}", place, order, earlier);
            notes.blocker(field, message, "give each its own number, or leave boot_order out");
        } else {
            first.insert(order, place);
        }
    }
    kinds(subject, notes);
}

/// What `boot.order` names: each kind once, and of each something that is there.
fn kinds(subject: &Subject, notes: &mut Notes) {
    let order = subject.spec.boot.as_ref().and_then(|boot| boot.order.as_deref());
    for (row, kind) in order.unwrap_or_default().iter().enumerate() {
        notes.looked();
        let place = Place::root().key("boot").key("order").index(row);
        let disks = |device| subject.machine.disks.iter().any(|disk| disk.device == device);
        let there = match kind {
            BootDevice::Cdrom => disks(DiskDevice::Cdrom),
            BootDevice::Disk => disks(DiskDevice::Disk),
            BootDevice::Network => !subject.machine.interfaces.is_empty(),
        };
        if order.is_some_and(|order| order.iter().take(row).any(|earlier| earlier == kind)) {
            notes.warning(
                place,
                text!("boot.order names {kind} twice; the first counts", kind = kind.name()),
                "name it once",
            );
        } else if !there {
            let message = text!("boot.order names {kind}, but there is none", kind = kind.name());
            notes.warning(place, message, "add one, or take it out of the order");
        }
    }
}

fn device(subject: &Subject, notes: &mut Notes) {
    for row in subject.passed().filter(|row| row.asked.boot_order.is_some()) {
        let Some(known) = row.device else { continue };
        notes.looked();
        let place = row.row.place("boot_order");
        let name = text!("{device} ({label})", device = row.name(), label = known.label());
        let rom = subject.facts.details.get(&row.address).and_then(|details| details.rom.get());
        match known.kind() {
            PciClass::Nvme | PciClass::Storage => {}
            PciClass::Nic if row.asked.rom_bar == Some(RomBar::Off) => {
                let message = text!("{name}: rom_bar is off, so the guest sees no boot ROM", name);
                notes.warning(place, message, "remove rom_bar, or remove boot_order");
            }
            PciClass::Nic if row.asked.rom_file.is_some() || rom != Some(&None) => {}
            PciClass::Nic => {
                let message = text!("{name} has no boot ROM for booting from the network", name);
                notes.warning(place, message, "give it a rom_file such as that of iPXE, or leave boot_order out");
            }
            _ => notes.warning(place, text!("{name} cannot be booted from", name), without("leave boot_order out")),
        }
    }
}

/// Whether anything with a content can boot. What cannot be seen from here counts as such: an unknown device, a
/// document of the user's own.
fn nothing(subject: &Subject, notes: &mut Notes) {
    let machine = subject.machine;
    if machine.disks.is_empty() {
        return;
    }
    notes.looked();
    let image =
        machine.disks.iter().any(|disk| !matches!(disk.origin, DiskOrigin::New { .. } | DiskOrigin::Seed { .. }));
    let network = machine.interfaces.iter().any(|interface| interface.boot_order.is_some());
    let bootable = |kind| matches!(kind, PciClass::Nvme | PciClass::Storage | PciClass::Usb);
    let told = |row: &PciRow| row.asked.boot_order.is_some();
    let passed = subject.passed().any(|row| told(row) || row.device.is_none_or(|known| bootable(known.kind())));
    let own = subject.spec.custom_xml.as_deref().is_some_and(|text| !text.trim().is_empty());
    if !(image || network || passed || own || machine.direct_boot.is_some()) {
        let message = "nothing to boot from: the disks are new and empty, and there is no boot ISO";
        let remedy = "name a boot_iso to install from, attach or clone a disk with a system on it, or give an \
                      interface a boot_order to boot from the network";
        notes.warning(Place::root().key("storage").key("boot_iso"), message, remedy);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::checks::fixture::{Asked, known};
    use crate::facts::PciDetails;
    use crate::units::Bytes;
    use serde_json::json;

    fn order(disk: u32, network: u32) -> Asked {
        Asked::with(json!({
            "storage": {"disks": [{"action": "create", "size": 1, "boot_order": disk}]},
            "networks": [{"boot_order": network}],
        }))
    }

    #[test]
    fn empty_disks_alone_boot_nothing() {
        let said = Asked::good().said("BOOT-NOTHING").warning();
        assert_eq!(said.place, "storage.boot_iso");
        for way_out in [
            json!({"storage": {"boot_iso": "ubuntu.iso"}}),
            json!({"storage": {"disks": [{"action": "clone", "clone_from": "old-vda.qcow2"}]}}),
            json!({"storage": {"disks": [{"action": "attach", "path": "old-vda.qcow2"}]}}),
            json!({"networks": [{"boot_order": 1}]}),
            json!({"boot": {"kernel": "/srv/vmlinuz"}}),
            json!({"pci_devices": [{"host_address": "03:00.0"}]}),
            json!({"custom_xml": "<domain><os><kernel>/k</kernel></os></domain>"}),
        ] {
            Asked::with(way_out).passes("BOOT-NOTHING");
        }
        Asked::with(json!({"pci_devices": [{"host_address": "01:00.0"}]})).said("BOOT-NOTHING").warning();
        Asked::with(json!({"cloud_init": {"user": "joe"}})).said("BOOT-NOTHING").warning();
    }

    #[test]
    fn a_passed_device_boots_by_what_it_is() {
        let at = |address: &str| Asked::with(json!({"pci_devices": [{"host_address": address, "boot_order": 1}]}));
        at("03:00.0").passes("BOOT-DEVICE").passes("BOOT-ORDER").passes("BOOT-NOTHING");
        let want = "device 0 (0000:01:00.0) (NVIDIA AD103 RTX 4080) cannot be booted from";
        at("01:00.0").warns("BOOT-DEVICE", "pci_devices[0].boot_order", want);
        let rom = |size| {
            let details = PciDetails { rom: known(size), ..PciDetails::default() };
            at("04:00.0").facts(|facts| drop(facts.details.insert("04:00.0".parse().unwrap(), details)))
        };
        rom(Some(Bytes::mib(1))).passes("BOOT-DEVICE");
        rom(None).said("BOOT-DEVICE").warning();
        let off = json!({"pci_devices": [{"host_address": "04:00.0", "boot_order": 1, "rom_bar": "off"}]});
        assert!(Asked::with(off).said("BOOT-DEVICE").warning().message.contains("rom_bar is off"));
        Asked::pass(&["03:00.0"]).quiet("BOOT-DEVICE");
        let twice = json!({
            "pci_devices": [{"host_address": "03:00.0", "boot_order": 1}],
            "networks": [{"boot_order": 1}],
        });
        let want = "pci_devices[0]: boot order 1 is already taken by networks[0]";
        Asked::with(twice).blocks("BOOT-ORDER", "pci_devices[0].boot_order", want);
    }

    #[test]
    fn kinds_are_named_once_and_are_there() {
        let order = |kinds: serde_json::Value| Asked::with(json!({"boot": {"order": kinds}}));
        let asked = order(json!(["disk", "cdrom"]));
        asked.warns("BOOT-ORDER", "boot.order[1]", "boot.order names cdrom, but there is none");
        let asked = order(json!(["disk", "network", "disk"]));
        asked.warns("BOOT-ORDER", "boot.order[2]", "boot.order names disk twice; the first counts");
        order(json!(["network", "disk"])).passes("BOOT-ORDER");
    }

    #[test]
    fn every_place_is_taken_once_and_counted_from_one() {
        let want = "networks[0]: boot order 1 is already taken by storage.disks[0]";
        order(1, 1).blocks("BOOT-ORDER", "networks[0].boot_order", want);
        order(0, 1).blocks(
            "BOOT-ORDER",
            "storage.disks[0].boot_order",
            "storage.disks[0]: boot order is 0; the first place is 1",
        );
        order(2, 1).passes("BOOT-ORDER");
        let iso =
            json!({"storage": {"boot_iso": "ubuntu.iso", "disks": [{"action": "create", "size": 1, "boot_order": 1}]}});
        Asked::with(iso).passes("BOOT-ORDER");
    }
}
