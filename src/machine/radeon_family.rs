//! AMD's graphics cards by family, as far as a family needs care.

use crate::facts::PciDevice;
use crate::facts::pci::AMD_GRAPHICS;

/// Device ids of one family.
type RadeonFamily = (&'static str, &'static [(u16, u16)]);

/// Device ids of AMD's GPUs that the kernel cannot reset, by family.
const OLD: [RadeonFamily; 9] = [
    ("Polaris 10", &[(0x67c0, 0x67df), (0x6fdf, 0x6fdf)]),
    ("Polaris 11", &[(0x67e0, 0x67ff)]),
    ("Polaris 12", &[(0x6980, 0x699f)]),
    ("Vega 10", &[(0x6860, 0x686f), (0x687f, 0x687f)]),
    ("Vega 20", &[(0x66a0, 0x66af)]),
    ("Navi 10", &[(0x7310, 0x731f)]),
    ("Navi 12", &[(0x7360, 0x7360), (0x7362, 0x7362)]),
    ("Navi 14", &[(0x7340, 0x7341), (0x7347, 0x7347), (0x734f, 0x734f)]),
    ("MI100", &[(0x738c, 0x738c)]),
];

/// Those of which some hang the host, as the models in PCI's list of ids.
const NEW: [RadeonFamily; 5] = [
    ("Navi 31", &[(0x7440, 0x745f)]),
    ("Navi 32", &[(0x7460, 0x747f)]),
    ("Navi 33", &[(0x7480, 0x749f)]),
    ("Navi 48", &[(0x7550, 0x755f)]),
    ("Navi 44", &[(0x7590, 0x759f)]),
];

/// The family of a GPU that the kernel cannot reset.
pub fn family(device: &PciDevice) -> Option<&'static str> {
    among(&OLD, device)
}

/// The family of a card of RDNA 3 or 4.
pub fn newest(device: &PciDevice) -> Option<&'static str> {
    among(&NEW, device)
}

/// True for a card whose ROM can crash the host when a guest's firmware runs it.
pub(super) fn is_harmed_by_rom(device: &PciDevice) -> bool {
    newest(device) == Some("Navi 32")
}

fn among(families: &[RadeonFamily], device: &PciDevice) -> Option<&'static str> {
    let within = |ranges: &[(u16, u16)]| ranges.iter().any(|(from, to)| (*from..=*to).contains(&device.device));
    let radeon = device.vendor == AMD_GRAPHICS;
    families.iter().find(|(_, ranges)| radeon && within(ranges)).map(|(family, _)| *family)
}
