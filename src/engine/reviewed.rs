//! Host functions as they were when the user agreed to take them.

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
