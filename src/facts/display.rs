//! Who shows what on the host's GPUs: cards, monitors, consoles, and programs that hold a card.

use super::Fact;
use crate::units::PciAddress;
use serde::{Deserialize, Serialize};

/// The host's own use of its GPUs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Displays {
    /// Cards of the kernel's graphics drivers.
    pub cards: Vec<DisplayCard>,
    /// Frame buffers.
    pub framebuffers: Vec<Framebuffer>,
    /// Consoles of the kernel.
    pub consoles: Vec<KernelConsole>,
    /// Addresses of the frame buffer that the firmware left and the kernel still uses; `None` where none is used.
    pub firmware_framebuffer: Fact<Option<(u64, u64)>>,
    /// Programs that hold a GPU or a VFIO group.
    pub holders: Fact<Holders>,
}

impl Displays {
    /// True where the kernel draws its console on frame buffers, or nobody knows.
    pub fn draws_console(&self) -> bool {
        let mut drawn = self.consoles.iter().filter(|console| console.on.contains("frame buffer")).peekable();
        drawn.peek().is_none() || drawn.any(|console| console.bound)
    }
}

/// A card as the kernel's graphics drivers see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DisplayCard {
    /// Name, such as `card0`.
    pub name: String,
    /// Its PCI function; `None` for what the firmware set up or exists in software only.
    pub function: Option<PciAddress>,
    /// Its sockets.
    pub connectors: Vec<Connector>,
}

/// A socket for a monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connector {
    /// Name, such as `HDMI-A-1`.
    pub name: String,
    /// True with a monitor on it; `None` where that is not known.
    pub connected: Option<bool>,
}

/// A frame buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Framebuffer {
    /// Name, such as `fb0`.
    pub name: String,
    /// Its driver, such as `amdgpudrmfb` or `EFI VGA`.
    pub driver: Option<String>,
    /// Its PCI function, where it hangs on one.
    pub function: Option<PciAddress>,
}

/// A console of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelConsole {
    /// Name, such as `vtcon1`.
    pub name: String,
    /// What it draws on, such as `(M) frame buffer device`.
    pub on: String,
    /// True where it is in use.
    pub bound: bool,
}

/// Programs that hold devices open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holders {
    /// Those that were seen.
    pub seen: Vec<Holder>,
    /// How many processes this user may not look into.
    pub hidden: u32,
}

/// A program that holds a device open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Number of the process.
    pub pid: u32,
    /// Its name.
    pub program: String,
    /// The device, such as `/dev/dri/card0`.
    pub device: String,
    /// Its PCI function; `None` for a device of all of a driver's cards, such as `/dev/nvidiactl`.
    pub function: Option<PciAddress>,
}
