//! Host PCI devices a VM asks for.

use super::PciMatch;
use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One function of a host PCI card.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PciDevice {
    /// Address on the host: 0000:01:00.0. Required, unless `match` finds the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_address: Option<String>,
    /// What the device is known by, to find it again on another day or another host. Presets keep it.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub selector: Option<PciMatch>,
    /// pass (the default) gives it to the guest. hold keeps it from both: it is bound to vfio-pci while the VM runs, because
    /// it shares an IOMMU group with a passed one, and the guest does not see it (libvirt 6.0 and later).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<PciRole>,
    /// Address in the guest; chosen so that a card's functions stay on one slot if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_address: Option<String>,
    /// Video BIOS image to show the guest instead of the card's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rom_file: Option<String>,
    /// Mark the guest slot as multifunction; set by itself where a slot gets several functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multifunction: Option<bool>,
    /// This GPU is the guest's first display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_gpu: Option<bool>,
    /// Place in the boot order, from 1: for an NVMe drive or another disk controller, or a network card with a boot ROM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_order: Option<u32>,
}

words! {
    /// What becomes of a host function that a VM takes.
    #[derive(Default)]
    PciRole {
        /// The guest gets it.
        #[default]
        Pass = "pass",
        /// Nobody has it while the VM runs: bound to vfio-pci, not seen by the guest.
        Hold = "hold",
    }
}

impl PciDevice {
    /// True where the guest does not see it.
    pub fn is_held(&self) -> bool {
        self.role == Some(PciRole::Hold)
    }
}
