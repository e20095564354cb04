//! Host PCI functions in the guest.

use super::Element;
use super::device::{address, boot};
use crate::facts::PciClass;
use crate::machine::{Choice, GuestFunction, GuestSlot, HeldFunction, Machine, Mediated, Reason};
use crate::spec::Place;
use crate::units::PciAddress;
use std::collections::HashMap;

/// Every passed function, slot by slot, then those that are held.
pub(super) fn hostdevs(machine: &Machine) -> Vec<Element> {
    let mut counts = HashMap::new();
    let mut all = Vec::new();
    for slot in &machine.slots {
        let card = card(slot);
        let count = counts.entry(card).or_insert(0u32);
        let card = format!("{card}{count}");
        *count += 1;
        all.extend(slot.functions.iter().map(|function| hostdev(function, &alias(&card, function, slot))));
    }
    all.extend(machine.mediated.iter().enumerate().map(|(number, device)| mediated(device, number)));
    all.extend(machine.held.iter().enumerate().map(|(number, function)| held(function, number)));
    all
}

/// A part of a device that its driver has made; its attributes for pictures are off unless written.
fn mediated(device: &Mediated, number: usize) -> Element {
    let address = Element::new("address").attr("uuid", device.uuid.clone());
    let element = Element::new("hostdev").attr("mode", "subsystem").attr("type", "mdev").attr("managed", "no");
    let element = element.attr("model", "vfio-pci");
    let element = if device.display { element.attr("display", "on") } else { element };
    let element = if device.ramfb { element.attr("ramfb", "on") } else { element };
    element
        .child(Element::new("source").child(address.origin(device.place.clone().key("uuid"))))
        .child(Element::new("alias").attr("name", format!("ua-mdev{number}")))
        .origin(device.place.clone())
}

/// libvirt binds the function to vfio-pci at start and gives it back at stop, and QEMU never hears of it.
fn held(function: &HeldFunction, number: usize) -> Element {
    let place = &function.place;
    passed(function.host, true, place, format!("ua-hold{number}"))
        .child(Element::new("address").attr("type", "unassigned").origin(place.clone().key("role")))
        .origin(place.clone())
}

/// A host device, which libvirt takes from its driver at start and gives back at stop where it is managed.
fn passed(host: PciAddress, managed: bool, place: &Place, alias: String) -> Element {
    let host = address(host, false).origin(place.clone().key("host_address"));
    Element::new("hostdev")
        .attr("mode", "subsystem")
        .attr("type", "pci")
        .attr("managed", if managed { "yes" } else { "no" })
        .child(Element::new("source").child(host))
        .child(Element::new("alias").attr("name", alias))
}

fn hostdev(function: &GuestFunction, alias: &str) -> Element {
    let place = &function.place;
    let guest = address(function.guest.value, true).origin(place.clone().key("guest_address"));
    let guest = if function.multifunction { guest.attr("multifunction", "on") } else { guest };
    passed(function.host, function.managed.value, place, alias.to_owned())
        .child(function.boot_order.map(|order| boot(order).origin(place.clone().key("boot_order"))))
        .child(rom(function))
        .child(guest)
        .origin(place.clone())
}

/// The file and the switch that were asked for, and off where vmbuild chose that; on is what QEMU does by itself.
fn rom(function: &GuestFunction) -> Option<Element> {
    let field = if function.rom_file.is_some() { "rom_file" } else { "rom_bar" };
    let rom = Element::new("rom").origin(function.place.clone().key(field));
    let bar = match function.rom_bar {
        Choice { value: false, .. } => Some("off"),
        Choice { value: true, reason: Reason::Asked(_) } => Some("on"),
        Choice { value: true, reason: Reason::Default(_) } => None,
    };
    let rom = match bar {
        Some(bar) => rom.attr("bar", bar),
        None if function.rom_file.is_none() => return None,
        None => rom,
    };
    Some(match &function.rom_file {
        Some(file) => rom.attr("file", file.clone()),
        None => rom,
    })
}

/// What the card is: by its GPU if it has one, else by its first function.
fn card(slot: &GuestSlot) -> &'static str {
    if slot.is_gpu() {
        return "gpu";
    }
    match slot.functions.first().and_then(|function| function.kind) {
        Some(PciClass::Gpu) => "gpu",
        Some(PciClass::Audio) => "audio",
        Some(PciClass::Nic) => "nic",
        Some(PciClass::Nvme) => "nvme",
        Some(PciClass::Usb) => "usb",
        Some(PciClass::Storage) => "storage",
        Some(PciClass::Bridge | PciClass::Other) | None => "pci",
    }
}

/// A name that lasts, for logs and hot-unplug: `ua-gpu0-vga`, `ua-gpu0-audio`, `ua-nvme0`. libvirt keeps names that
/// start with `ua-`.
fn alias(card: &str, function: &GuestFunction, slot: &GuestSlot) -> String {
    if slot.functions.len() == 1 {
        return format!("ua-{card}");
    }
    let number = function.guest.value.function;
    let same = slot.functions.iter().filter(|other| other.is_gpu() == function.is_gpu() && other.kind == function.kind);
    let alone = same.count() == 1;
    let part = match function.kind {
        _ if function.is_gpu() => Some("vga"),
        Some(PciClass::Audio) => Some("audio"),
        Some(PciClass::Usb) => Some("usb"),
        _ => None,
    };
    match part.filter(|_| alone) {
        Some(part) => format!("ua-{card}-{part}"),
        None => format!("ua-{card}-fn{number}"),
    }
}
