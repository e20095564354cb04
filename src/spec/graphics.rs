//! Graphical consoles of a VM.

use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One graphical console.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Graphics {
    /// Protocol of the console.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<GraphicsKind>,
    /// Address that the console listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Port that the console listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// File on the machine where vmbuild runs, absolute path; its first line is the password. It is read when the VM is
    /// built, and only libvirt gets the password. A VNC password has at most 8 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<String>,
}

words! {
    /// Protocol of a console.
    GraphicsKind {
        /// VNC.
        Vnc = "vnc",
        /// SPICE.
        Spice = "spice",
        /// No console and no emulated video card.
        None = "none",
    }
}
