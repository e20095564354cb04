//! Devices of a microvm, which has no PCI bus: each virtio device is at an address of memory, and libvirt has to be told so.

use super::{Element, Node};

/// The devices with their addresses.
pub(super) fn placed(mut devices: Element) -> Element {
    let channels = devices.elements().any(|device| device.name == "channel");
    for device in devices.elements_mut().filter(|device| is_virtio(device)) {
        device.children.push(Node::Element(address()));
    }
    // libvirt would add the controller of the channels by itself, on a PCI bus.
    let serial = Element::new("controller").attr("type", "virtio-serial").attr("index", "0").child(address());
    devices.child(channels.then(|| serial.field("machine")))
}

fn address() -> Element {
    Element::new("address").attr("type", "virtio-mmio").field("machine")
}

fn is_virtio(device: &Element) -> bool {
    let of = |child: &str, name: &str| device.find(child).and_then(|child| child.attribute(name));
    match device.name.as_ref() {
        "disk" => of("target", "bus") == Some("virtio"),
        "interface" => of("model", "type") == Some("virtio"),
        "controller" => device.attribute("type") == Some("scsi"),
        "rng" | "memballoon" => device.attribute("model") == Some("virtio"),
        "filesystem" => true,
        _ => false,
    }
}
