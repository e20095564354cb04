//! Domain XML: the machine in, an element tree in stable order out; merge of custom XML; nothing is sent anywhere.
//!
//! The order of elements is the one in which libvirt writes them back, so that a diff shows only what differs.

pub mod always;
mod by_libvirt;
pub mod change;
pub mod clock;
pub mod compare;
pub mod controller;
pub mod cpu;
pub mod custom;
mod device;
pub mod devices;
pub mod difference;
pub mod disk;
pub mod element;
pub mod error;
pub mod features;
pub mod graphics;
pub mod holding;
pub mod hostdev;
pub mod identity;
pub mod interface;
pub mod memory;
pub mod metadata;
mod microvm;
pub mod os;
mod pair;
pub mod parse;
mod same;
pub mod serial;
mod share;
pub mod write;

pub use change::{CustomChange, Deed};
pub use compare::{Comparison, Detail, compare};
pub use difference::{Difference, Weight, What};
pub use element::{Element, Node};
pub use error::XmlError;
pub use holding::holdings;
pub use parse::parse;
pub use write::Written;

use crate::machine::{Chipset, Machine};
use crate::spec::{Place, Spec};

/// The domain XML of a machine, `custom_xml` merged over it.
pub fn domain(spec: &Spec, machine: &Machine) -> Result<Element, XmlError> {
    let (tree, _) = merged(spec, machine)?;
    refuse_characters(&tree, &Place::root())?;
    Ok(tree)
}

/// The same with what `custom_xml` changed; characters that XML cannot hold are not looked for.
pub fn merged(spec: &Spec, machine: &Machine) -> Result<(Element, Vec<CustomChange>), XmlError> {
    let mut tree = generated(spec, machine);
    let changes = spec.custom_xml.as_ref().map(|custom| custom::merge(&mut tree, custom)).transpose()?;
    Ok((tree, changes.unwrap_or_default()))
}

/// The domain XML without `custom_xml`. Total: what the spec lacks is left out, and `checks` says so.
pub fn generated(spec: &Spec, machine: &Machine) -> Element {
    Element::new("domain")
        .attr("type", machine.domain_type.clone())
        .child(Element::new("name").text(machine.name.clone()).field("name"))
        .child(metadata::metadata(spec, machine))
        .child(memory::most(machine))
        .children(memory::memory(machine))
        .child(memory::backing(machine))
        .child(cpu::count(machine))
        .child(cpu::pluggable(machine))
        .child(cpu::iothreads(machine))
        .child(cpu::tuning(machine))
        .child(memory::policy(machine))
        .child(devices::sysinfo(spec))
        .child(os::os(spec, machine))
        .child(Some(features::features(machine)).filter(|features| !features.children.is_empty()))
        .child(cpu::cpu(machine))
        .child(clock::clock(machine))
        .child(Element::new("on_poweroff").text("destroy"))
        .child(Element::new("on_reboot").text("restart"))
        .child(Element::new("on_crash").text("destroy"))
        .child(machine.chipset.sleeps().then(power_management))
        .child(all_devices(machine))
}

fn all_devices(machine: &Machine) -> Element {
    let devices = Element::new("devices")
        .children(machine.disks.iter().map(disk::disk))
        .children(controller::controllers(machine))
        .children(share::filesystems(machine))
        .children(machine.interfaces.iter().map(interface::interface))
        .children(serial::lines(machine))
        .children(devices::inputs(machine))
        .child(devices::tpm(machine))
        .children(machine.consoles.iter().map(graphics::console))
        .child(devices::sound(machine))
        .child(graphics::video(machine))
        .children(hostdev::hostdevs(machine))
        .children(devices::usb(machine))
        .child(devices::watchdog(machine))
        .child(memory_balloon(machine))
        .child(memory::device(machine))
        .child(devices::random_numbers(machine))
        .child(devices::shared_memory(machine));
    if machine.chipset == Chipset::Microvm { microvm::placed(devices) } else { devices }
}

/// A guest that goes to sleep by itself is woken by nobody, and does not give its passed devices their state back.
fn power_management() -> Element {
    Element::new("pm")
        .child(Element::new("suspend-to-mem").attr("enabled", "no"))
        .child(Element::new("suspend-to-disk").attr("enabled", "no"))
}

/// Pinned memory cannot be given back, so a balloon has nothing to do beside passed devices; an old guest has no driver.
fn memory_balloon(machine: &Machine) -> Element {
    let balloon = Element::new("memballoon");
    if machine.passes_devices() {
        return balloon.attr("model", "none").field("pci_devices");
    }
    if machine.guest.is_old() || !machine.chipset.takes_devices() {
        return balloon.attr("model", "none").field("os_variant");
    }
    balloon.attr("model", "virtio")
}

/// Says by field which character cannot be written.
fn refuse_characters(element: &Element, around: &Place) -> Result<(), XmlError> {
    let place = element.origin.as_ref().unwrap_or(around);
    let values = element.attributes.iter().map(|(_, value)| value.as_ref());
    let texts =
        element.children.iter().filter_map(|node| if let Node::Text(text) = node { Some(text.as_ref()) } else { None });
    if let Some(character) = values.chain(texts).flat_map(str::chars).find(|c| write::is_forbidden(*c)) {
        return Err(XmlError::Character { place: place.clone(), character });
    }
    element.elements().try_for_each(|child| refuse_characters(child, place))
}
