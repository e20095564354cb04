//! What hangs on the host's USB controllers, and its keyboards.

use super::Fact;
use crate::units::PciAddress;
use serde::{Deserialize, Serialize};

/// The host's own use of its USB controllers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usb {
    /// Devices by path, root hubs left out.
    pub devices: Fact<Vec<HostUsbDevice>>,
    /// Keyboards of any kind.
    pub keyboards: Fact<Vec<Keyboard>>,
}

/// One USB device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostUsbDevice {
    /// Bus and ports, such as `1-2.1`.
    pub path: String,
    /// Its number on the bus, which changes when it is plugged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    /// The controller; `None` where it is no PCI function.
    pub controller: Option<PciAddress>,
    /// Vendor id.
    pub vendor: u16,
    /// Product id.
    pub product: u16,
    /// Its name, from its maker and its own words; the ids where it has none.
    pub name: String,
    /// What it is good for.
    pub roles: Vec<UsbRole>,
}

impl HostUsbDevice {
    /// Number of its bus, which its path begins with.
    pub fn bus(&self) -> Option<u16> {
        self.path.split('-').next()?.parse().ok()
    }
}

/// What a USB device is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsbRole {
    /// A keyboard.
    Keyboard,
    /// A mouse.
    Mouse,
    /// Another human interface: tablet, game pad, UPS.
    Input,
    /// A disk or a stick.
    Storage,
    /// A network interface.
    Network,
    /// Bluetooth.
    Bluetooth,
    /// Sound.
    Audio,
    /// A camera.
    Video,
    /// A security key or a card reader.
    SmartCard,
    /// A printer.
    Printer,
    /// A hub.
    Hub,
}

/// A keyboard that types into the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyboard {
    /// Name.
    pub name: String,
    /// The PCI function that it hangs on, mostly a USB controller; `None` for others, such as PS/2.
    pub function: Option<PciAddress>,
}
