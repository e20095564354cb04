//! What is part of an AMD processor: its graphics, sound, USB and security processor are functions of one slot behind a port
//! inside it. They look like a card and are none: it cannot be pulled out, and the host needs most of it.

use crate::facts::pci::{AMD_CHIPSET, AMD_GRAPHICS};
use crate::facts::{Facts, PciClass, PciDevice};
use crate::units::PciAddress;

/// Graphics of AMD's processors: Raven, Picasso, Renoir, Lucienne, Cezanne, Barcelo, Rembrandt, Raphael, Granite Ridge,
/// Phoenix, Hawk Point, Strix, Mendocino, Van Gogh and their elders.
const GRAPHICS: [u16; 22] = [
    0x15dd, 0x15d8, 0x1636, 0x1638, 0x164c, 0x164d, 0x164e, 0x1681, 0x15e7, 0x13c0, 0x15bf, 0x15c8, 0x150e, 0x1586,
    0x1506, 0x163f, 0x1900, 0x1901, 0x1114, 0x98e4, 0x9874, 0x130f,
];

/// The slot of bus 0 that has the ports inside the processor.
const INNER_PORTS: u8 = 0x08;

/// True for a GPU that is part of an AMD processor (APU), by its model or by where it sits.
pub fn is_graphics(facts: &Facts, device: &PciDevice) -> bool {
    let radeon = device.vendor == AMD_GRAPHICS && device.kind() == PciClass::Gpu;
    radeon && (GRAPHICS.contains(&device.device) || is_inside(facts, device.address))
}

/// True for what is behind a port inside the processor.
pub fn is_inside(facts: &Facts, address: PciAddress) -> bool {
    let beside = || address.bus != 0 && mates(facts, address).any(is_security_processor);
    behind_inner_port(facts, address) || beside()
}

/// The sound of the board, which is a function beside the processor's graphics.
pub fn codec(facts: &Facts, graphics: PciAddress) -> Option<&PciDevice> {
    mates(facts, graphics).find(|mate| mate.vendor == AMD_CHIPSET && mate.kind() == PciClass::Audio)
}

/// The sound of the processor's graphics, for screens.
pub fn sound(facts: &Facts, graphics: PciAddress) -> Option<&PciDevice> {
    mates(facts, graphics).find(|mate| mate.vendor == AMD_GRAPHICS && mate.kind() == PciClass::Audio)
}

fn is_security_processor(device: &PciDevice) -> bool {
    device.vendor == AMD_CHIPSET && device.class >> 8 == 0x1080
}

fn mates(facts: &Facts, address: PciAddress) -> impl Iterator<Item = &PciDevice> {
    facts.pci.items().iter().filter(move |other| other.address.same_slot(address))
}

fn behind_inner_port(facts: &Facts, address: PciAddress) -> bool {
    let above = facts.details.get(&address).and_then(|details| details.upstream.get());
    let Some(port) = above.and_then(|bridges| bridges.last()) else { return false };
    let vendor = facts.pci.items().iter().find(|device| device.address == *port).map(|device| device.vendor);
    (port.bus, port.slot) == (0, INNER_PORTS) && vendor == Some(AMD_CHIPSET)
}
