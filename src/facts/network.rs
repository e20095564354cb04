//! Networks of libvirt and bridges of the host.

use serde::{Deserialize, Serialize};

/// One network of libvirt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibvirtNetwork {
    /// Name.
    pub name: String,
    /// True where it can be used now.
    pub active: bool,
    /// True where libvirt starts it by itself.
    pub autostart: bool,
    /// Bridge behind it, if it has one.
    pub bridge: Option<String>,
    /// How it reaches the world: nat, route, bridge, hostdev, ...; `None` for an isolated one.
    pub forward: Option<String>,
    /// Host interfaces that it gives to its VMs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
    /// Kind of its ports where these are not the kernel's own: openvswitch, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_port: Option<String>,
}

impl LibvirtNetwork {
    /// True where its VMs join what the host has already, and libvirt makes nothing.
    pub fn joins_host(&self) -> bool {
        matches!(self.forward.as_deref(), Some("bridge" | "private" | "vepa" | "passthrough"))
    }
}

/// One bridge of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridge {
    /// Interface name.
    pub name: String,
    /// Name of the libvirt network that owns it, if one does.
    pub network: Option<String>,
}
