//! Network interfaces of a VM.

use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One network interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// What the interface is connected to.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<NetworkKind>,
    /// Name of the libvirt network, the bridge or the host interface. A libvirt network with the forward mode hostdev
    /// gives each VM a free virtual function of a NIC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// PCI address on the host of a NIC's virtual function (SR-IOV), for the type hostdev.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_address: Option<String>,
    /// VLAN of a hostdev interface or of a bridge port, 1 to 4094; its tag is added and removed outside of the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u32>,
    /// Network card that the guest sees. A virtual function is passed as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<NetworkModel>,
    /// MAC address. A virtual function gets it at each start of the VM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// How a direct interface shares its host interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<DirectMode>,
    /// Largest packet in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Queues of a virtio card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queues: Option<u32>,
    /// Position in the boot order, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_order: Option<u32>,
}

words! {
    /// What an interface is connected to.
    #[derive(Default)]
    NetworkKind {
        /// A libvirt network.
        #[default]
        Network = "network",
        /// A bridge of the host.
        Bridge = "bridge",
        /// A host interface without a bridge (macvtap): on the LAN, but host and guest cannot reach each other.
        Direct = "direct",
        /// QEMU's user-mode NAT: no privileges needed, no incoming connections.
        User = "user",
        /// A virtual function of a NIC (SR-IOV); libvirt sets its MAC address and VLAN.
        Hostdev = "hostdev",
    }
}

words! {
    /// How direct interfaces share a host interface.
    DirectMode {
        /// Guests on the same host interface reach each other.
        Bridge = "bridge",
        /// Guests reach each other through a switch that sends packets back.
        Vepa = "vepa",
        /// Guests do not reach each other.
        Private = "private",
        /// One guest uses the interface alone.
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
