//! What hangs on the host's USB controllers, and its keyboards. Everything here is what the kernel remembers of a device.

use super::attribute::{failed, hexadecimal, known};
use super::pci_details::pci_path;
use crate::facts::Fact;
use crate::facts::usb::{HostUsbDevice, Keyboard, Usb, UsbRole};
use crate::host::Sysroot;

const DEVICES: &str = "/sys/bus/usb/devices";
const INPUT: &str = "/proc/bus/input/devices";

/// Bits of `KEY` that only keyboards set together: Enter and A.
const TYPES: u64 = 1 << 28 | 1 << 30;
/// The bit of `EV` for keys that repeat while they are held.
const REPEATS: u64 = 1 << 20;

/// The host's own use of its USB controllers.
pub fn read(sysroot: &Sysroot) -> Fact<Usb> {
    if !sysroot.exists("/sys/bus") {
        return Fact::unknown("There is no /sys/bus.");
    }
    known(Usb { devices: devices(sysroot), keyboards: keyboards(sysroot) }, "/sys/bus/usb")
}

fn devices(sysroot: &Sysroot) -> Fact<Vec<HostUsbDevice>> {
    if !sysroot.exists(DEVICES) {
        return Fact::unknown(format!("There is no {DEVICES}."));
    }
    // Beside devices, `1-2`, there are root hubs, `usb1`, and interfaces of devices, `1-2:1.0`.
    let names = sysroot.names(DEVICES);
    let own = names.iter().filter(|name| !name.contains(':') && !name.starts_with("usb"));
    known(own.filter_map(|name| device(sysroot, name, &names)).collect(), DEVICES)
}

fn device(sysroot: &Sysroot, path: &str, names: &[String]) -> Option<HostUsbDevice> {
    let text = |entry: &str, file: &str| {
        let text = sysroot.read(&format!("{DEVICES}/{entry}/{file}")).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let byte = |entry: &str, file: &str| text(entry, file).and_then(|text| hexadecimal(&text)).unwrap_or(0);
    let id = |file| text(path, file).and_then(|text| u16::try_from(hexadecimal(&text)?).ok());
    let (vendor, product) = (id("idVendor")?, id("idProduct")?);
    let interfaces = names.iter().filter(|name| name.strip_prefix(path).is_some_and(|rest| rest.starts_with(':')));
    let mut roles: Vec<UsbRole> = interfaces
        .filter_map(|name| {
            let class = |file| byte(name, file);
            let carries_network = sysroot.exists(&format!("{DEVICES}/{name}/net"));
            role(class("bInterfaceClass"), class("bInterfaceSubClass"), class("bInterfaceProtocol"), carries_network)
        })
        .collect();
    roles.extend((byte(path, "bDeviceClass") == 0x09).then_some(UsbRole::Hub));
    roles.sort_unstable();
    roles.dedup();
    let words: Vec<_> = ["manufacturer", "product"].into_iter().filter_map(|file| text(path, file)).collect();
    let place = sysroot.link(&format!("{DEVICES}/{path}")).unwrap_or_default();
    Some(HostUsbDevice {
        controller: pci_path(&place).pop(),
        name: if words.is_empty() { format!("{vendor:04x}:{product:04x}") } else { words.join(" ") },
        path: path.to_owned(),
        number: text(path, "devnum").and_then(|number| number.parse().ok()),
        vendor,
        product,
        roles,
    })
}

/// What an interface is good for, by its class, subclass and protocol.
fn role(class: u64, subclass: u64, protocol: u64, carries_network: bool) -> Option<UsbRole> {
    Some(match (class, subclass, protocol) {
        _ if carries_network => UsbRole::Network,
        (0x03, 0x01, 0x01) => UsbRole::Keyboard,
        (0x03, 0x01, 0x02) => UsbRole::Mouse,
        (0x03, ..) => UsbRole::Input,
        (0x08, ..) => UsbRole::Storage,
        (0x02, 0x06 | 0x0d | 0x0e, _) => UsbRole::Network,
        (0xe0, 0x01, 0x01) => UsbRole::Bluetooth,
        (0x01, ..) => UsbRole::Audio,
        (0x0e, ..) => UsbRole::Video,
        (0x0b, ..) => UsbRole::SmartCard,
        (0x07, ..) => UsbRole::Printer,
        (0x09, ..) => UsbRole::Hub,
        _ => return None,
    })
}

fn keyboards(sysroot: &Sysroot) -> Fact<Vec<Keyboard>> {
    match sysroot.read(INPUT) {
        Ok(text) => {
            let mut keyboards: Vec<_> = text.split("\n\n").filter_map(keyboard).collect();
            // A keyboard may show itself several times, for its media keys and so on.
            keyboards.dedup();
            known(keyboards, INPUT)
        }
        Err(error) => failed(INPUT, &error),
    }
}

/// A block of lines such as `N: Name="..."`, `S: Sysfs=...`, `H: Handlers=sysrq kbd`, `B: EV=120013`, `B: KEY=... 1fff`.
fn keyboard(block: &str) -> Option<Keyboard> {
    let value = |mark: &str| block.lines().find_map(|line| line.strip_prefix(mark)).map(str::trim);
    let handled = value("H: Handlers=")?.split_whitespace().any(|handler| handler == "kbd");
    let events = hexadecimal(value("B: EV=")?)?;
    // The lowest keys are in the last word.
    let keys = hexadecimal(value("B: KEY=")?.split_whitespace().last()?)?;
    (handled && events & REPEATS != 0 && keys & TYPES == TYPES).then(|| Keyboard {
        name: value("N: Name=").unwrap_or_default().trim_matches('"').to_owned(),
        function: value("S: Sysfs=").and_then(|place| pci_path(place).pop()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const USB: &str = "I: Bus=0003 Vendor=046d Product=c31c Version=0110\nN: Name=\"Logitech USB Keyboard\"\n\
        P: Phys=usb-0000:00:14.0-2/input0\nS: Sysfs=/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/0003:046D:C31C.0001/input/input5\n\
        H: Handlers=sysrq kbd leds event5 \nB: PROP=0\nB: EV=120013\nB: KEY=1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe\n";

    #[test]
    fn a_keyboard_has_letters_and_repeats_them() {
        let keyboard = keyboard(USB).unwrap();
        assert_eq!(keyboard.name, "Logitech USB Keyboard");
        assert_eq!(keyboard.function, "00:14.0".parse().ok());
    }

    #[test]
    fn a_power_button_is_no_keyboard() {
        let button = "N: Name=\"Power Button\"\nS: Sysfs=/devices/LNXSYSTM:00/LNXPWRBN:00/input/input0\n\
            H: Handlers=kbd event0 \nB: EV=3\nB: KEY=10000000000000 0\n";
        assert_eq!(keyboard(button), None);
    }

    #[test]
    fn interfaces_tell_what_a_device_is_good_for() {
        assert_eq!(role(0x03, 0x01, 0x01, false), Some(UsbRole::Keyboard));
        assert_eq!(role(0x08, 0x06, 0x50, false), Some(UsbRole::Storage));
        assert_eq!(role(0xff, 0x00, 0x00, true), Some(UsbRole::Network));
        assert_eq!(role(0xff, 0x00, 0x00, false), None);
    }
}
