//! Checks of the places of passed devices in the guest.

use super::{Check, Notes, Subject};
use crate::machine::{Chipset, GuestFunction};
use crate::spec::Place;
use crate::units::PciAddress;
use std::collections::BTreeMap;

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "GUEST-ADDRESS",
        title: "the guest addresses can be used",
        explain: "A guest address has the form domain:bus:slot.function. The guest has PCI domain 0 only. On q35 a bus \
                  above 0 is a root port, which has slot 0 only; on bus 0 the slots of the chipset are taken. Leave the \
                  address out, and the functions of a card are put onto one free slot.",
        run: address,
    },
    Check {
        code: "GUEST-ADDRESS-SAME",
        title: "no two devices have the same guest address",
        explain: "Two functions cannot be in one place of the guest. Give the functions of a card the same slot and \
                  different functions, or leave the addresses out.",
        run: same,
    },
    Check {
        code: "GUEST-FUNCTION",
        title: "every guest slot has a function 0",
        explain: "A guest looks at function 0 of a slot first, and sees nothing of the others where it is missing. Put \
                  the card's first function on function 0.",
        run: function,
    },
];

fn place(row: usize) -> Place {
    Place::row("pci_devices", row, "guest_address")
}

fn address(subject: &Subject, notes: &mut Notes) {
    for (row, asked) in subject.spec.pci_devices.iter().flatten().enumerate() {
        let Some(text) = asked.guest_address.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
            continue;
        };
        notes.looked();
        let remedy = "leave it out, and a free slot is chosen";
        match text.parse::<PciAddress>() {
            Err(error) => notes.blocker(place(row), format!("device {row}: guest address {error}"), remedy),
            Ok(address) => {
                if let Some(why) = refused(subject.machine.chipset, address) {
                    notes.blocker(place(row), format!("device {row}: guest address {address}: {why}"), remedy);
                }
            }
        }
    }
}

/// Why the machine has no such place for a device.
fn refused(chipset: Chipset, address: PciAddress) -> Option<&'static str> {
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

fn functions<'a>(subject: &Subject<'a>) -> impl Iterator<Item = &'a GuestFunction> + use<'a> {
    subject.machine.slots.iter().flat_map(|slot| &slot.functions)
}

fn same(subject: &Subject, notes: &mut Notes) {
    let mut first = BTreeMap::<PciAddress, &GuestFunction>::new();
    for function in functions(subject) {
        notes.looked();
        let guest = function.guest.value;
        if let Some(earlier) = first.get(&guest) {
            let message = format!("{}: guest address {guest} is already that of {}", function.place, earlier.place);
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
            let message = format!("{}: guest address {guest}, and its slot has no function 0", first.place);
            let remedy = format!("use {}, or leave it out", guest.with_function(0));
            notes.blocker(first.place.clone().key("guest_address"), message, remedy);
        }
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
        let want = "pci_devices[1]: guest address 0000:05:00.0 is already that of pci_devices[0]";
        let same = guest("q35", Some("05:00.0"), Some("05:00.0"));
        same.blocks("GUEST-ADDRESS-SAME", "pci_devices[1].guest_address", want);
        guest("q35", Some("05:00.0"), Some("05:00.1")).passes("GUEST-ADDRESS-SAME");
        guest("q35", None, None).passes("GUEST-ADDRESS-SAME");
    }

    #[test]
    fn a_slot_has_a_function_zero() {
        guest("q35", Some("05:00.1"), Some("05:00.2")).said("GUEST-FUNCTION").blocker();
        guest("q35", Some("05:00.0"), Some("05:00.2")).passes("GUEST-FUNCTION");
        guest("q35", None, None).passes("GUEST-FUNCTION");
        Asked::good().quiet("GUEST-FUNCTION");
    }
}
