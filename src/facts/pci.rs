//! PCI functions, IOMMU groups and the state of the IOMMU.

use super::pci_details::HeaderType;
use crate::units::PciAddress;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One PCI function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PciDevice {
    /// Where it sits.
    pub address: PciAddress,
    /// 24-bit class code: class, subclass, programming interface.
    pub class: u32,
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Subsystem vendor and device, where readable.
    pub subsystem: Option<(u16, u16)>,
    /// Vendor's name, where a database has it.
    pub vendor_name: Option<String>,
    /// Device's name, where a database has it.
    pub device_name: Option<String>,
    /// Driver that holds it now.
    pub driver: Option<String>,
    /// Number of its IOMMU group; `None` where there is no IOMMU.
    pub iommu_group: Option<u32>,
    /// NUMA node; `None` where the machine does not say.
    pub numa_node: Option<u32>,
    /// True where the firmware used it as the first display; `None` where unknown.
    pub boot_vga: Option<bool>,
    /// What its configuration space declares it to be, where that was found out; else the class alone speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderType>,
}

/// What a class code means to somebody who picks devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PciClass {
    /// VGA, 3D and other display controllers.
    Gpu,
    /// Sound.
    Audio,
    /// Network controllers.
    Nic,
    /// NVMe drives.
    Nvme,
    /// USB host controllers.
    Usb,
    /// SATA, SAS, RAID and other storage.
    Storage,
    /// Bridges, which are never given to a guest.
    Bridge,
    /// Anything else.
    Other,
}

/// Vendor of the functions that are part of an AMD processor or chipset; its graphics have another.
pub const AMD_CHIPSET: u16 = 0x1022;
/// Vendor of AMD's graphics, on cards and in processors.
pub const AMD_GRAPHICS: u16 = 0x1002;
/// Vendor of NVIDIA's functions.
pub const NVIDIA: u16 = 0x10de;

impl PciDevice {
    /// What kind of device it is: a bridge by its header, everything else by its class code.
    pub fn kind(&self) -> PciClass {
        if self.is_bridge() {
            return PciClass::Bridge;
        }
        match (self.class >> 16, self.class >> 8 & 0xff) {
            (0x03, _) => PciClass::Gpu,
            (0x04, _) => PciClass::Audio,
            (0x02, _) => PciClass::Nic,
            (0x01, 0x08) => PciClass::Nvme,
            (0x01, _) => PciClass::Storage,
            (0x0c, 0x03) => PciClass::Usb,
            _ => PciClass::Other,
        }
    }

    /// True for what is part of the host's PCI tree. Host and ISA bridges have the header of an endpoint and belong to the
    /// host nevertheless; of the other classes called bridges only some are: NVSwitches and the ends of a non-transparent
    /// bridge are endpoints.
    fn is_bridge(&self) -> bool {
        match (self.class >> 8, self.header) {
            (0x0600 | 0x0601, _) | (_, Some(HeaderType::Bridge | HeaderType::CardBus)) => true,
            (_, Some(HeaderType::Endpoint)) => false,
            (class, Some(HeaderType::Dead) | None) => matches!(class, 0x0604 | 0x0607 | 0x0609),
        }
    }

    /// True for what computes and needs the care of a GPU, with or without outputs: processing accelerators and co-processors
    /// as well.
    pub fn computes(&self) -> bool {
        self.kind() == PciClass::Gpu || matches!(self.class >> 8, 0x1200 | 0x0b40)
    }

    /// True for a switch between the GPUs of a server board.
    pub fn is_nvswitch(&self) -> bool {
        self.vendor == NVIDIA && self.class >> 8 == 0x0680 && !self.is_bridge()
    }

    /// What the host's own firmware and chipset drivers need of the device, in words; `None` for what a host can do
    /// without. Controllers of the same classes on cards, such as the USB-C controller of a GPU, are not meant.
    pub fn of_chipset(&self) -> Option<&'static str> {
        let on_board = self.address.bus == 0;
        match self.class >> 8 {
            0x0601 => Some("the LPC bridge"),
            0x0c05 if on_board => Some("the SMBus"),
            0x0c80 if on_board => Some("the SPI or I2C bus"),
            0x1080 if self.vendor == AMD_CHIPSET => Some("the security processor"),
            _ => None,
        }
    }

    /// True for the display of a server's management controller: ASPEED, Matrox as built into them, ES1000.
    pub fn is_management_display(&self) -> bool {
        let ids =
            matches!((self.vendor, self.device), (0x1a03, _) | (0x102b, 0x0520..=0x053f) | (AMD_GRAPHICS, 0x515e));
        ids && self.kind() == PciClass::Gpu
    }

    /// True for the controller of Thunderbolt or USB4 itself, through which everything plugged in there is reached.
    pub fn is_thunderbolt(&self) -> bool {
        self.class == 0x000c_0340 || self.driver.as_deref() == Some("thunderbolt")
    }

    /// `10de:2704`.
    pub fn ids(&self) -> String {
        format!("{:04x}:{:04x}", self.vendor, self.device)
    }

    /// The best name there is: vendor and device, or the ids.
    pub fn label(&self) -> String {
        match (&self.vendor_name, &self.device_name) {
            (Some(vendor), Some(device)) => format!("{vendor} {device}"),
            (Some(vendor), None) => format!("{vendor} {}", self.ids()),
            (None, Some(device)) => device.clone(),
            (None, None) => self.ids(),
        }
    }
}

/// Devices that the IOMMU cannot tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IommuGroup<'a> {
    /// Number; `None` gathers the devices without a group.
    pub number: Option<u32>,
    /// Members in address order.
    pub devices: Vec<&'a PciDevice>,
}

impl IommuGroup<'_> {
    /// The groups of `devices`, by number; those without a group last.
    pub fn of(devices: &[PciDevice]) -> Vec<IommuGroup<'_>> {
        let mut groups = BTreeMap::<(bool, Option<u32>), Vec<&PciDevice>>::new();
        for device in devices {
            groups.entry((device.iommu_group.is_none(), device.iommu_group)).or_default().push(device);
        }
        groups.into_iter().map(|((_, number), devices)| IommuGroup { number, devices }).collect()
    }
}

/// Whether the IOMMU is on, and what stands in the way if not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Iommu {
    /// The kernel has built groups.
    On {
        /// How many.
        groups: u32,
    },
    /// No groups.
    Off {
        /// The cause as far as it can be told: firmware, kernel command line, or unknown; a sentence.
        cause: String,
        /// What to do, a sentence.
        remedy: String,
    },
}
