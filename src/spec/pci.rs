//! Host PCI devices a VM asks for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One function of a host PCI card.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PciDevice {
    /// Address on the host: 0000:01:00.0. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_address: Option<String>,
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
}
