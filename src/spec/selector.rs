//! What a host PCI device is known by where its address is not enough: in presets, and in specs for several hosts.

use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to look for. Everything that is given must fit; `address` and `group` tell what was there at the time of saving.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PciMatch {
    /// Address when the preset was saved: 0000:01:00.0. It is tried first, and it is the only condition if no other is
    /// given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Vendor and device as in lspci -n: 10de:2704.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<String>,
    /// Vendor and device of the board: 1043:88e2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subsystem: Option<String>,
    /// Kind of device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<PciKind>,
    /// Take the first device that matches and that no other VM uses. Otherwise several matches are an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any: Option<bool>,
    /// Endpoints of the IOMMU group when the preset was saved, the device included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Vec<GroupMember>>,
}

/// One endpoint of an IOMMU group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GroupMember {
    /// PCI address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Vendor and device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<String>,
}

words! {
    /// Kind of a PCI function, by its class code.
    PciKind {
        /// VGA, 3D and other display controllers.
        Gpu = "gpu",
        /// Sound.
        Audio = "audio",
        /// Network controllers.
        Nic = "nic",
        /// NVMe drives.
        Nvme = "nvme",
        /// USB host controllers.
        Usb = "usb",
        /// SATA, SAS, RAID and other storage.
        Storage = "storage",
        /// Everything else but bridges, which are never passed.
        Other = "other",
    }
}

impl PciMatch {
    /// True where any of those that fit will do.
    pub fn is_any(&self) -> bool {
        self.any == Some(true)
    }
}

impl PciKind {
    /// As people say it: GPU, USB controller.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Gpu => "GPU",
            Self::Audio => "sound device",
            Self::Nic => "network card",
            Self::Nvme => "NVMe drive",
            Self::Usb => "USB controller",
            Self::Storage => "storage controller",
            Self::Other => "function",
        }
    }
}
