//! Mediated devices (vGPU) a VM asks for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of a device that its driver makes for guests: a virtual GPU.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MediatedDevice {
    /// UUID of a mediated device that exists on the host (`virsh nodedev-list --cap mdev`, `mdevctl list`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Show its picture on the VM's console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<bool>,
    /// Show a picture before the guest's driver starts; needs `display`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ramfb: Option<bool>,
}
