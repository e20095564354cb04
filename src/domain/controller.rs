//! Controllers: USB, virtio-scsi, and the PCI Express buses and ports of passed cards. The rest libvirt adds as it needs them.

use super::Element;
use super::device::address;
use crate::machine::{Expander, Feature, GuestSlot, Machine, port};
use crate::spec::Place;
use crate::spec::devices::{ScsiModel, UsbController};
use crate::units::{Bytes, GIB, PciAddress};

/// The controllers, by type and index.
pub(super) fn controllers(machine: &Machine) -> Vec<Element> {
    let model = machine.devices.scsi.value;
    let mut all: Vec<Element> = machine.address_space.window.map(root).into_iter().collect();
    all.push(usb(machine));
    all.extend((0..port::scsi_controllers(&machine.disks)).map(|index| scsi(index, model)));
    all.extend(machine.expanders.iter().map(expander));
    if machine.chipset.is_pci_express() {
        all.extend(machine.slots.iter().filter_map(|slot| port(machine, slot)));
        all.extend(port::spares(machine).into_iter().map(spare));
    }
    all
}

/// A root of its own for the cards of one node.
fn expander(bus: &Expander) -> Element {
    let place = Place::root().key("numa").key("cells").index(usize::try_from(bus.cell.value).unwrap_or_default());
    let node = Element::new("node").text(bus.cell.value.to_string()).origin(place.clone());
    Element::new("controller")
        .attr("type", "pci")
        .attr("index", bus.index.to_string())
        .attr("model", "pcie-expander-bus")
        .child(Element::new("target").attr("busNr", bus.number.to_string()).child(node))
        .origin(place)
}

/// The root of PCI Express with room for large windows, in the unit that the firmware's documents use.
fn root(window: Bytes) -> Element {
    Element::new("controller")
        .attr("type", "pci")
        .attr("index", "0")
        .attr("model", "pcie-root")
        .child(Element::new("pcihole64").attr("unit", "GiB").text((window.0 / GIB).to_string()))
        .field("pci_devices")
}

/// The USB controller. Without one that must be said: libvirt adds one to any domain that is silent.
fn usb(machine: &Machine) -> Element {
    let usb = Element::new("controller").attr("type", "usb").attr("index", "0").field("usb_controller");
    match machine.devices.usb_controller.value {
        None => usb.attr("model", "none"),
        Some(model @ UsbController::QemuXhci) => usb.attr("model", model.name()).attr("ports", "15"),
        Some(model) => usb.attr("model", model.name()),
    }
}

fn scsi(index: u32, model: ScsiModel) -> Element {
    let scsi = Element::new("controller").attr("type", "scsi").attr("index", index.to_string());
    let model = match model {
        ScsiModel::Lsi => "lsilogic",
        same => same.name(),
    };
    scsi.attr("model", model).origin(Place::root().key("storage").key("disks"))
}

/// A port that stays empty. libvirt adds none of its own accord once ports are written out.
fn spare(index: u8) -> Element {
    root_port(index).field("pci_devices")
}

fn root_port(index: u8) -> Element {
    let port = Element::new("controller").attr("type", "pci").attr("index", index.to_string());
    port.attr("model", "pcie-root-port")
}

/// The port of a card where it is not libvirt's own work: below the bus of a node, and that of a GPU, from which Windows
/// must not offer to eject it.
fn port(machine: &Machine, slot: &GuestSlot) -> Option<Element> {
    let first = slot.functions.first()?;
    let guest = first.guest.value;
    let on_port = guest.domain == 0 && guest.bus > 0 && guest.slot == 0;
    let stays = slot.is_gpu() && !machine.dropped.contains(&Feature::PortWithoutHotplug);
    let below = machine.expanders.iter().find_map(|bus| {
        let nth = bus.ports.iter().position(|port| *port == guest.bus)?;
        Some(PciAddress { domain: 0, bus: bus.index, slot: u8::try_from(nth).ok()?, function: 0 })
    });
    (on_port && (stays || below.is_some())).then(|| {
        root_port(guest.bus)
            .child(stays.then(|| Element::new("target").attr("hotplug", "off")))
            .child(below.map(|below| address(below, true)))
            .origin(first.place.clone())
    })
}
