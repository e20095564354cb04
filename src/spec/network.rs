//! Network interfaces of a VM.

use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One network interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// What it is connected to; a libvirt network if absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<NetworkKind>,
    /// Name of the network or bridge; "default" for a network that names none. A network with the forward mode hostdev gives
    /// each VM a free virtual function of a card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Address on the host of the virtual function (SR-IOV) that a hostdev interface is. Required for that type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_address: Option<String>,
    /// VLAN of a hostdev interface, 1 to 4094; the card adds and takes its tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u32>,
    /// Card the guest sees; virtio if absent. A virtual function is what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<NetworkModel>,
    /// Address; libvirt makes one if absent, and keeps it. A virtual function gets it at each start of the VM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// How a direct interface shares its host interface: bridge, vepa, private or passthrough; bridge if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<DirectMode>,
    /// Largest packet in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Queues of a virtio card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queues: Option<u32>,
    /// Place in the boot order, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_order: Option<u32>,
}

words! {
    /// What an interface is connected to.
    #[derive(Default)]
    NetworkKind {
        /// A network of libvirt.
        #[default]
        Network = "network",
        /// A bridge of the host.
        Bridge = "bridge",
        /// A host interface without a bridge (macvtap): on the LAN, but host and guest do not reach each other.
        Direct = "direct",
        /// QEMU's own user-mode NAT: no privileges, no incoming connections.
        User = "user",
        /// A virtual function of a network card (SR-IOV), passed with address and VLAN set by libvirt.
        Hostdev = "hostdev",
    }
}

words! {
    /// How direct interfaces share a host interface.
    DirectMode {
        /// Guests on the same host interface reach each other.
        Bridge = "bridge",
        /// They reach each other through a switch that sends packets back.
        Vepa = "vepa",
        /// They do not reach each other.
        Private = "private",
        /// The interface is the guest's alone.
        Passthrough = "passthrough",
    }
}

words! {
    /// Emulated network cards.
    #[derive(Default)]
    NetworkModel {
        /// Paravirtual, fast; Windows needs a driver.
        #[default]
        Virtio = "virtio",
        /// Intel gigabit, PCI Express.
        E1000e = "e1000e",
        /// Intel gigabit, PCI.
        E1000 = "e1000",
        /// Realtek 100 Mbit, for old guests.
        Rtl8139 = "rtl8139",
    }
}
