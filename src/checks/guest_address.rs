//! Checks of the places of passed devices in the guest.

use super::note::{Topic, without};
use super::row::RowName;
use super::text::text;
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::domain::{self, Element};
use crate::machine::{Chipset, GuestFunction, card, port};
use crate::spec::Place;
use crate::units::PciAddress;
use std::collections::BTreeMap;

pub(super) static CHECKS: &[&Check] =
    &[&GUEST_ADDRESS, &GUEST_ADDRESS_SAME, &GUEST_FUNCTION, &VM_SPLIT_CARD, &VM_ROOT_PORTS];

static GUEST_ADDRESS: Check = Check {
    code: "GUEST-ADDRESS",
    title: "guest addresses are valid",
    explain: "A guest address has the form domain:bus:slot.function. The guest has PCI domain 0 only. On q35 a bus \
              above 0 is a root port, which has slot 0 only; on bus 0 the slots of the chipset are taken. Leave the \
              address out, and the functions of a card are placed together on one free slot.",
    run: Some(address),
    ..Check::VM
};

static GUEST_ADDRESS_SAME: Check = Check {
    code: "GUEST-ADDRESS-SAME",
    title: "guest addresses are unique",
    explain: "Two functions cannot have the same guest address. Give the functions of a card the same slot and \
              different functions, or leave the addresses out.",
    run: Some(same),
    ..Check::VM
};

static GUEST_FUNCTION: Check = Check {
    code: "GUEST-FUNCTION",
    title: "every guest slot has a function 0",
    explain: "A guest probes function 0 of a slot first, and does not detect the others if it is missing. Place the \
              card's first function on function 0.",
    run: Some(function),
    ..Check::VM
};

static VM_SPLIT_CARD: Check = Check {
    code: "VM-SPLIT-CARD",
    title: "functions of a card share one guest slot",
    explain: "A driver in the guest looks for the other functions of its card on its own slot: sound for the monitor's \
              output, USB-C for the display. On different slots the display works, but sound or USB-C do not. Leave \
              guest_address out, and a card stays together.",
    run: Some(split),
    ..Check::VM
};

static VM_ROOT_PORTS: Check = Check {
    code: "VM-ROOT-PORTS",
    title: "PCIe port is free for hot-plug",
    explain: "On q35 a device that is added while the VM runs needs an empty PCI Express port. libvirt keeps one free \
              unless ports are defined explicitly, as for passed GPUs: those are from bus 9 on, and the VM's other \
              devices (disks, interfaces, controllers) fill the ports of buses 1 to 8. vmbuild then defines enough \
              ports to keep two free. Devices that custom_xml adds can take them, and libvirt reports \"No more \
              available PCI slots\". Then also add ports there: <controller type='pci' model='pcie-root-port'/>.",
    run: Some(ports),
    ..Check::VM
};

fn place(row: usize) -> Place {
    Place::row("pci_devices", row, "guest_address")
}

fn address(subject: &Subject, notes: &mut Notes) {
    for (row, asked) in subject.spec.pci_devices.iter().flatten().enumerate() {
        let Some(text) = asked.guest_address.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
            continue;
        };
        notes.looked();
        let remedy = without("leave it out, and a free slot is chosen");
        match text.parse::<PciAddress>() {
            Err(error) => notes.blocker(
                Topic::from(place(row)).of(RowName::numbered("device", row)),
                text!("guest address {error}", error),
                remedy,
            ),
            Ok(address) => {
                if let Some(why) = refused(subject.machine.chipset, address) {
                    notes.blocker(
                        Topic::from(place(row)).of(RowName::numbered("device", row)),
                        text!("guest address {address}: {why}", address, why),
                        remedy,
                    );
                }
            }
        }
    }
}

/// Why the machine has no such place for a device.
pub(super) fn refused(chipset: Chipset, address: PciAddress) -> Option<&'static str> {
    match (chipset, address) {
        (_, PciAddress { domain: 1.., .. }) => Some("the guest has PCI domain 0 only"),
        (_, PciAddress { bus: 0, slot: 0, .. }) => Some("slot 0 of bus 0 is the host bridge"),
        (Chipset::Q35, PciAddress { bus: 0, slot: 0x1f, .. }) => Some("slot 1f of bus 0 is the chipset"),
        (Chipset::Q35, PciAddress { bus: 1.., slot: 1.., .. }) => Some("a PCI Express root port has slot 0 only"),
        (Chipset::Pc, PciAddress { bus: 0, slot: 1, .. }) => Some("slot 1 of bus 0 is the chipset"),
        (Chipset::Pc, PciAddress { bus: 1.., slot: 0, .. }) => Some("slot 0 behind a PCI bridge is the bridge itself"),
        _ => None,
    }
}

fn functions<'a>(subject: &Subject<'a>) -> impl Iterator<Item = &'a GuestFunction> + Clone + use<'a> {
    subject.machine.slots.iter().flat_map(|slot| &slot.functions)
}

fn same(subject: &Subject, notes: &mut Notes) {
    let mut first = BTreeMap::<PciAddress, &GuestFunction>::new();
    for function in functions(subject) {
        notes.looked();
        let guest = function.guest.value;
        if let Some(earlier) = first.get(&guest) {
            let message = text!(
                "{place}: guest address {guest} is already used by {earlier}",
                place = function.place,
                guest,
                earlier = earlier.place
            );
            notes.blocker(function.place.clone().key("guest_address"), message, "give each its own function number");
        } else {
            first.insert(guest, function);
        }
    }
}

fn function(subject: &Subject, notes: &mut Notes) {
    for slot in &subject.machine.slots {
        notes.looked();
        let Some(first) = slot.functions.first() else { continue };
        if slot.functions.iter().all(|function| function.guest.value.function != 0) {
            let guest = first.guest.value;
            let message =
                text!("{place}: guest address {guest} has no function 0 on its slot", place = first.place, guest);
            let remedy = text!("use {with_function}, or leave it out", with_function = guest.with_function(0));
            notes.blocker(first.place.clone().key("guest_address"), message, remedy);
        }
    }
}

fn split(subject: &Subject, notes: &mut Notes) {
    let mut seen: Vec<PciAddress> = Vec::new();
    for function in functions(subject) {
        let device = subject.facts.pci.items().iter().find(|device| device.address == function.host);
        let Some(device) = device.filter(|device| seen.iter().all(|slot| !slot.same_slot(device.address))) else {
            continue;
        };
        seen.push(device.address);
        let card = card::card(subject.facts, device);
        let of_card = functions(subject).filter(|other| card.iter().any(|known| known.address == other.host));
        if of_card.clone().count() < 2 {
            continue;
        }
        notes.looked();
        if let Some(other) = of_card.clone().find(|other| !other.guest.value.same_slot(function.guest.value)) {
            let message = text!(
                "{host} and {other} of one card are on different guest slots: {guest} and {elsewhere}",
                host = function.host,
                other = other.host,
                guest = function.guest.value,
                elsewhere = other.guest.value
            );
            notes.warning(
                other.place.clone().key("guest_address"),
                message,
                without("leave guest_address out for both"),
            );
        }
    }
}

fn ports(subject: &Subject, notes: &mut Notes) {
    let Some(empty) = port::empty(subject.machine) else { return };
    notes.looked();
    let Some((merged, _)) = &subject.merged else { return };
    let (before, after) = (balance(&domain::generated(subject.spec, subject.machine)), balance(merged));
    if after + i64::try_from(empty).unwrap_or(i64::MAX) <= before {
        let message = "custom_xml takes the last PCI Express port: no device can be added while the VM runs";
        let remedy = "for hot-plug, add <controller type='pci' model='pcie-root-port'/> there";
        notes.info(field("custom_xml"), message, remedy);
    }
}

/// Ports that are written less the devices that need one.
fn balance(tree: &Element) -> i64 {
    let weight = |device: &Element| match device.name.as_ref() {
        "controller" if device.attribute("model") == Some("pcie-root-port") => 1,
        name => -i64::from(takes_port(name, device)),
    };
    tree.find("devices").into_iter().flat_map(Element::elements).map(weight).sum()
}

fn takes_port(name: &str, device: &Element) -> bool {
    let of = |child: &str, name: &str| device.find(child).and_then(|child| child.attribute(name));
    let model = device.attribute("model").unwrap_or_default();
    match name {
        "disk" => of("target", "bus") == Some("virtio"),
        "interface" => {
            device.attribute("type") == Some("hostdev")
                || of("model", "type").is_none_or(|model| model.starts_with("virtio") || model == "e1000e")
        }
        "hostdev" => {
            matches!(device.attribute("type"), Some("pci" | "mdev")) && of("address", "type") != Some("unassigned")
        }
        "controller" => matches!(model, "virtio-scsi" | "qemu-xhci" | "nec-xhci"),
        "memballoon" | "rng" | "vsock" | "iommu" | "memory" | "crypto" => model.starts_with("virtio"),
        "filesystem" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::json;

    fn guest(machine: &str, first: Option<&str>, second: Option<&str>) -> Asked {
        Asked::with(json!({"machine": machine, "pci_devices": [
            {"host_address": "01:00.0", "guest_address": first},
            {"host_address": "01:00.1", "guest_address": second},
        ]}))
    }

    #[test]
    fn a_guest_address_has_a_place_on_the_machine() {
        for (machine, address) in [
            ("q35", "5"),
            ("q35", "0001:05:00.0"),
            ("q35", "00:00.0"),
            ("q35", "00:1f.0"),
            ("q35", "05:01.0"),
            ("pc", "00:01.0"),
            ("pc", "01:00.0"),
        ] {
            guest(machine, Some(address), None).said("GUEST-ADDRESS").blocker();
        }
        guest("q35", Some("0000:05:00.0"), Some("05:00.1")).passes("GUEST-ADDRESS");
        guest("pc", Some("00:1f.0"), None).passes("GUEST-ADDRESS");
        guest("q35", None, None).quiet("GUEST-ADDRESS");
    }

    #[test]
    fn a_place_holds_one_function() {
        let want = "pci_devices[1]: guest address 0000:05:00.0 is already used by pci_devices[0]";
        let same = guest("q35", Some("05:00.0"), Some("05:00.0"));
        same.blocks("GUEST-ADDRESS-SAME", "pci_devices[1].guest_address", want);
        guest("q35", Some("05:00.0"), Some("05:00.1")).passes("GUEST-ADDRESS-SAME");
        guest("q35", None, None).passes("GUEST-ADDRESS-SAME");
    }

    #[test]
    fn a_card_stays_together() {
        let want =
            "0000:01:00.0 and 0000:01:00.1 of one card are on different guest slots: 0000:05:00.0 and 0000:06:00.0";
        let split = guest("q35", Some("05:00.0"), Some("06:00.0"));
        split.warns("VM-SPLIT-CARD", "pci_devices[1].guest_address", want);
        guest("q35", Some("05:00.0"), None).passes("VM-SPLIT-CARD");
        Asked::pass(&["01:00.0"]).quiet("VM-SPLIT-CARD");
    }

    #[test]
    fn a_port_is_left_or_none_is() {
        let disks = |count: usize| {
            let disks: Vec<_> = (0..count).map(|_| json!({"action": "create", "size": 1})).collect();
            let storage = json!({ "disks": disks });
            Asked::with(json!({"storage": storage, "pci_devices": [{"host_address": "01:00.0"}]}))
        };
        for count in [1, 3, 9] {
            disks(count).passes("VM-ROOT-PORTS");
        }
        // Beside four disks: USB, the guest agent's channel, randomness, the interface.
        let added = |inner: &str| {
            let disks: Vec<_> = (0..4).map(|_| json!({"action": "create", "size": 1})).collect();
            let (storage, devices) = (json!({ "disks": disks }), json!([{"host_address": "01:00.0"}]));
            let xml = format!("<devices>{inner}</devices>");
            Asked::with(json!({"storage": storage, "pci_devices": devices, "custom_xml": xml}))
        };
        let (disk, port) = (
            |dev: &str| format!("<disk type='file'><target dev='{dev}' bus='virtio'/></disk>"),
            "<controller type='pci' model='pcie-root-port'/>",
        );
        let two = disk("vdx") + &disk("vdy");
        added(&disk("vdx")).passes("VM-ROOT-PORTS");
        added(&two).said("VM-ROOT-PORTS").info();
        added(&(two + port)).passes("VM-ROOT-PORTS");
        added("<disk><target dev='vda'/><serial>a</serial></disk>").passes("VM-ROOT-PORTS");
        Asked::pass(&["03:00.0"]).quiet("VM-ROOT-PORTS");
        Asked::good().quiet("VM-ROOT-PORTS");
    }

    #[test]
    fn a_slot_has_a_function_zero() {
        guest("q35", Some("05:00.1"), Some("05:00.2")).said("GUEST-FUNCTION").blocker();
        guest("q35", Some("05:00.0"), Some("05:00.2")).passes("GUEST-FUNCTION");
        guest("q35", None, None).passes("GUEST-FUNCTION");
        Asked::good().quiet("GUEST-FUNCTION");
    }
}
