//! Host functions and files as they were when the user agreed to use them.

use crate::facts::{FileId, ImageFormat};
use crate::units::PciAddress;
use serde::{Deserialize, Serialize};

/// What was known of a host function when the user agreed to take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// Where it is.
    pub address: PciAddress,
    /// Vendor and device id: `10de:2704`.
    pub ids: String,
    /// Subsystem ids, where they were known.
    pub subsystem: Option<(u16, u16)>,
    /// Name for people.
    pub label: String,
    /// IOMMU group.
    pub group: Option<u32>,
    /// The other functions of the group.
    pub companions: Vec<PciAddress>,
}

/// What was known of a file of the host when the user agreed to use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedFile {
    /// Absolute path, as libvirt gets it.
    pub path: String,
    /// Which file was there, links followed.
    pub identity: FileId,
    /// How it packs a disk, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ImageFormat>,
}
