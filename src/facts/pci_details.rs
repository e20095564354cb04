//! What is read of single PCI functions on demand, beyond what the scan of all of them tells, and of their IOMMU groups.

use super::Fact;
use crate::units::{Bytes, PciAddress};
use serde::{Deserialize, Serialize};

/// Details of one PCI function. What only the awake device can tell stays unknown while it sleeps: reading never wakes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PciDetails {
    /// What its configuration space declares it to be.
    pub header: Fact<HeaderType>,
    /// Revision.
    pub revision: Fact<u8>,
    /// Power state at the time of reading.
    pub power_state: Fact<PowerState>,
    /// True where the kernel may cut its power when it is idle.
    pub d3cold_allowed: Fact<bool>,
    /// True where the kernel can reset it.
    pub resettable: Fact<bool>,
    /// The ways in which the kernel would reset it, in the order in which it tries them; unknown before Linux 5.15.
    pub reset_methods: Fact<Vec<ResetMethod>>,
    /// Address ranges with a size, the ROM's not among them.
    pub bars: Fact<Vec<Bar>>,
    /// Size of its ROM's window; `None` where it has no ROM. The ROM itself is never read.
    pub rom: Fact<Option<Bytes>>,
    /// Its PCI Express link; `None` for a conventional device.
    pub link: Fact<Option<Link>>,
    /// Its virtual functions; `None` where it cannot have any.
    pub sriov: Fact<Option<SrIov>>,
    /// The function that it is a virtual function of.
    pub physical_function: Fact<Option<PciAddress>>,
    /// True where its driver offers it to user space through VFIO: vfio-pci or a variant of it.
    pub vfio: Fact<bool>,
    /// True where it can be unplugged: behind Thunderbolt or in a drawer.
    pub removable: Fact<bool>,
    /// Bridges between it and the root of the PCI tree, the root port first; a VMD controller counts as one.
    pub upstream: Fact<Vec<PciAddress>>,
    /// True where it can signal by message; false where it shares an interrupt line.
    pub msi: Fact<bool>,
    /// Number of its interrupt line; `None` where it has none.
    pub interrupt_line: Fact<Option<u32>>,
    /// The only driver that may bind to it, where one is set.
    pub driver_override: Fact<Option<String>>,
    /// Kinds of mediated devices that its driver makes.
    pub mdev_types: Fact<Vec<MdevType>>,
    /// Type of the vGPU that the function is, by its driver nvidia: 0 where none was chosen yet; `None` where its driver makes
    /// no vGPUs of functions.
    pub vgpu_type: Fact<Option<u32>>,
    /// Its name by the firmware, such as `Onboard - RTL8125`.
    pub label: Fact<Option<String>>,
    /// Name of the slot that the card sits in, where the firmware numbers slots.
    pub slot: Fact<Option<String>>,
}

/// The layout of a configuration space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderType {
    /// A device that a guest could be given.
    Endpoint,
    /// A PCI-to-PCI bridge or a port of a switch.
    Bridge,
    /// A CardBus bridge.
    CardBus,
    /// The configuration space reads as ones only: the device no longer answers.
    Dead,
}

/// Power states as the kernel names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PowerState {
    /// Awake.
    D0,
    /// Light sleep.
    D1,
    /// Deeper sleep.
    D2,
    /// Asleep, powered.
    #[serde(rename = "D3hot")]
    D3Hot,
    /// Without power.
    #[serde(rename = "D3cold")]
    D3Cold,
    /// The kernel does not know it.
    #[serde(rename = "unknown")]
    Unknown,
}

/// A way to reset a function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetMethod {
    /// A quirk for this very device.
    DeviceSpecific,
    /// The firmware's method.
    Acpi,
    /// Function level reset.
    Flr,
    /// Function level reset of conventional devices.
    AfFlr,
    /// To D3hot and back.
    Pm,
    /// Reset of the whole bus behind the bridge above.
    Bus,
    /// Reset of the whole CXL bus.
    CxlBus,
    /// One that came later.
    #[serde(untagged)]
    Other(String),
}

impl ResetMethod {
    /// As the kernel writes it.
    pub fn name(&self) -> &str {
        match self {
            Self::DeviceSpecific => "device_specific",
            Self::Acpi => "acpi",
            Self::Flr => "flr",
            Self::AfFlr => "af_flr",
            Self::Pm => "pm",
            Self::Bus => "bus",
            Self::CxlBus => "cxl_bus",
            Self::Other(name) => name,
        }
    }
}

/// One range of addresses that a function answers at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// Number of the register, 0 to 5; a 64-bit range takes two.
    pub index: u8,
    /// First address; 0 where none is assigned.
    pub start: u64,
    /// Size.
    pub size: Bytes,
    /// What it lies in.
    pub space: BarSpace,
    /// True where reads have no side effects, as in a frame buffer.
    pub prefetchable: bool,
    /// True where the firmware or the kernel found a place for it.
    pub assigned: bool,
    /// Sizes that it can be given, smallest first; empty where it cannot be resized; unknown while the device sleeps.
    pub sizes: Fact<Vec<Bytes>>,
}

/// What a range of addresses lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarSpace {
    /// I/O ports.
    Io,
    /// Memory below 4 GiB.
    Memory,
    /// Memory anywhere.
    WideMemory,
}

/// A PCI Express link as it is and as the device could have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Transfers per second and lane now, in millions: 16000 for 16 GT/s. Idle cards run slower.
    pub speed: u32,
    /// Lanes in use now.
    pub width: u32,
    /// Fastest that the device can do, in the unit of `speed`.
    pub max_speed: u32,
    /// Most lanes that the device has.
    pub max_width: u32,
    /// What the port above can do; `None` where it does not say.
    #[serde(default)]
    pub port: Option<LinkPort>,
}

/// The upper end of a link, most often that of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPort {
    /// Fastest that it can do, in the unit of [`Link::speed`].
    pub max_speed: u32,
    /// Most lanes that it has.
    pub max_width: u32,
}

/// Single-root I/O virtualisation of a physical function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SrIov {
    /// Most virtual functions that it can have.
    pub total: u32,
    /// Virtual functions that exist, in the order of their numbers.
    pub functions: Vec<PciAddress>,
}

/// A kind of mediated device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MdevType {
    /// Id, such as `nvidia-63`.
    pub id: String,
    /// Name for people, where the driver has one.
    pub name: Option<String>,
    /// How many more can be made now; `None` where the driver does not say.
    pub available: Option<u32>,
}

/// What the kernel says of one IOMMU group, its members apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupDetails {
    /// How the host's own transfers are translated: DMA, DMA-FQ, identity, ...
    pub kind: Fact<String>,
    /// Addresses that have a meaning of their own.
    pub reserved: Fact<Vec<ReservedRegion>>,
}

/// Addresses that a guest cannot have for its memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedRegion {
    /// First address.
    pub start: u64,
    /// Last address.
    pub end: u64,
    /// Why: msi, reserved, direct (the firmware talks to the device there), direct-relaxable.
    pub kind: String,
}

impl GroupDetails {
    /// True where the firmware needs the group's devices for itself (RMRR), so that the kernel refuses to give them away.
    pub fn is_held_by_firmware(&self) -> bool {
        self.reserved.items().iter().any(|region| region.kind == "direct")
    }
}

impl PciDetails {
    /// Sum of the memory ranges that may lie above 4 GiB, for which a guest needs a window.
    pub fn wide_memory(&self) -> Bytes {
        let wide = self.bars.items().iter().filter(|bar| bar.space == BarSpace::WideMemory);
        Bytes(wide.fold(0, |sum: u64, bar| sum.saturating_add(bar.size.0)))
    }
}
