//! Whether the guest sees the option ROM of a passed function.

use super::choice::Choice;
use super::{card, radeon_family};
use crate::facts::{self, Facts, PciClass};
use crate::spec::{PciDevice, Place, RomBar, filled};

/// Class of RAID controllers.
const RAID: u32 = 0x0104;
/// Class of SAS controllers.
const SAS: u32 = 0x0107;

/// True where the guest sees the ROM of `device`, which the row at `place` asks for; `None` for a device that is not
/// known.
pub(super) fn rom_bar(
    asked: &PciDevice,
    place: Place,
    device: Option<&facts::PciDevice>,
    facts: &Facts,
) -> Choice<bool> {
    match asked.rom_bar {
        Some(RomBar::On) => Choice::asked(true, place),
        Some(RomBar::Off) => Choice::asked(false, place),
        Some(RomBar::Auto) | None => {
            let (on, why) = by_device(asked, device, facts);
            Choice::default(on, why)
        }
    }
}

/// Off where a ROM does harm or only delays the boot. A GPU needs its own to show anything before its driver is loaded, a
/// disk controller or a network card to boot from it; what is not known keeps what it has.
fn by_device(asked: &PciDevice, device: Option<&facts::PciDevice>, facts: &Facts) -> (bool, &'static str) {
    if filled(asked.rom_file.as_deref()).is_some() {
        return (true, "it shows rom_file to the guest");
    }
    let Some(device) = device else { return (true, "the kind of device is not known") };
    if card::is_virtual(facts, device.address) {
        return (false, "a virtual function has no ROM");
    }
    let boots = asked.boot_order.is_some();
    match device.kind() {
        PciClass::Storage if !boots && matches!(device.class >> 8, RAID | SAS) => {
            (false, "its ROM can hang the guest's firmware, and the VM does not boot from it")
        }
        PciClass::Nic if !boots => (false, "the VM does not boot from it"),
        PciClass::Storage | PciClass::Nic if boots => (true, "the VM boots from it"),
        PciClass::Nvme => (false, "the guest's firmware has its own NVMe driver"),
        PciClass::Audio | PciClass::Usb => (false, "its ROM only delays the boot"),
        PciClass::Gpu if radeon_family::is_harmed_by_rom(device) => {
            (false, "the ROM of this family can crash the host at the start")
        }
        PciClass::Gpu => (true, "the boot screen needs it"),
        _ => (true, "as the device has it"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{Fact, PciDetails, Provenance};
    use crate::units::PciAddress;
    use serde_json::{Value, json};

    /// What comes out for a device of this class; details say of which function it is a virtual one.
    fn of(class: u32, row: Value, physical: Option<&str>) -> bool {
        let address: PciAddress = "41:02.0".parse().unwrap();
        let device = json!({"address": address, "class": class << 8, "vendor": 1, "device": 1});
        let device = serde_json::from_value(device).unwrap();
        let physical = physical.map(|address| address.parse().unwrap());
        let physical_function = Fact::known(physical, Provenance::Command("test".into()), 0);
        let details = PciDetails { physical_function, ..PciDetails::default() };
        let facts = Facts { details: [(address, details)].into(), ..Facts::default() };
        let asked = serde_json::from_value(row).unwrap();
        rom_bar(&asked, Place::root(), Some(&device), &facts).value
    }

    #[test]
    fn a_rom_that_does_harm_or_nothing_is_off() {
        for (class, off) in [(0x0300, false), (0x0302, false), (0x0403, true), (0x0200, true), (0x0108, true)]
            .into_iter()
            .chain([(0x0c03, true), (0x0104, true), (0x0107, true), (0x0106, false), (0x1200, false)])
        {
            assert_eq!(of(class, json!({}), None), !off, "{class:04x}");
            assert!(!of(class, json!({}), Some("41:00.0")), "virtual {class:04x}");
            assert!(of(class, json!({"rom_file": "/a.rom"}), None), "{class:04x} with a file");
        }
        for class in [0x0104, 0x0107, 0x0200] {
            assert!(of(class, json!({"boot_order": 1}), None), "{class:04x} that is booted from");
        }
        assert!(rom_bar(&PciDevice::default(), Place::root(), None, &Facts::default()).value);
    }

    #[test]
    fn what_is_asked_for_holds() {
        assert!(of(0x0403, json!({"rom_bar": "on"}), None) && of(0x0200, json!({"rom_bar": "on"}), Some("41:00.0")));
        assert!(!of(0x0300, json!({"rom_bar": "off"}), None));
        assert!(!of(0x0300, json!({"rom_bar": "off", "rom_file": "/a.rom"}), None));
        assert!(!of(0x0403, json!({"rom_bar": "auto"}), None) && of(0x0300, json!({"rom_bar": "auto"}), None));
    }
}
