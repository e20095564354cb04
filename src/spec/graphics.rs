//! Graphical consoles of a VM.

use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One graphical console.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Graphics {
    /// vnc, spice or none.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<GraphicsKind>,
    /// Address it listens on; 127.0.0.1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Port; chosen by libvirt if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// File on the machine where vmbuild runs, absolute path; its first line is the password, read when the VM is built
    /// and given to libvirt alone. VNC takes 8 characters at most.
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
