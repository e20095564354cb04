//! Host PCI devices a VM asks for.

use super::PciMatch;
use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One function of a host PCI card.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PciDevice {
    /// PCI address on the host: 0000:01:00.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_address: Option<String>,
    /// How the device is found again on another day or another host. Presets keep it.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub selector: Option<PciMatch>,
    /// What happens to the function while the VM runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<PciRole>,
    /// PCI address in the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_address: Option<String>,
    /// Video BIOS or other option ROM that the guest sees instead of the device's own, absolute path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rom_file: Option<String>,
    /// Whether the guest sees the device's option ROM (ROM BAR).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rom_bar: Option<RomBar>,
    /// Mark the slot in the guest as multifunction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multifunction: Option<bool>,
    /// This GPU is the guest's first display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_gpu: Option<bool>,
    /// Position in the boot order, from 1: for an NVMe drive or another disk controller, or for a network card with a
    /// boot ROM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_order: Option<u32>,
}

words! {
    /// What becomes of a host function that a VM takes.
    #[derive(Default)]
    PciRole {
        /// It is passed to the guest.
        #[default]
        Pass = "pass",
        /// Neither host nor guest uses it: it is bound to vfio-pci, because it shares an IOMMU group with a passed
        /// function.
        Hold = "hold",
    }
}

words! {
    /// Whether the guest sees the option ROM of a device.
    RomBar {
        /// The guest sees it.
        On = "on",
        /// The guest does not see it, for devices whose ROM hangs the guest's firmware or the host.
        Off = "off",
        /// Decided by kind of device: off for virtual functions, for RAID and SAS controllers that the VM does not boot
        /// from, and where a ROM only delays the boot.
        Auto = "auto",
    }
}

impl PciDevice {
    /// True where the guest does not see it.
    pub fn is_held(&self) -> bool {
        self.role == Some(PciRole::Hold)
    }
}
