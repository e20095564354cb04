//! Memory beside its amount: room to grow, huge pages, and on which nodes of the host it lies.

use super::MemorySize;
use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How memory grows from `memory` to `max_memory` while the guest runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryHotplug {
    /// dimm (added in pieces) or virtio-mem (grows and shrinks); dimm if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<HotplugKind>,
    /// Slots for DIMMs; 16 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
}

words! {
    /// What added memory comes as.
    HotplugKind {
        /// Whole DIMMs, which are hard to take out again.
        Dimm = "dimm",
        /// A device that gives and takes back blocks of 2 MiB.
        VirtioMem = "virtio-mem",
    }
}

/// What backs the guest's memory on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryBacking {
    /// Size of the huge pages it is taken from: "1 GiB", "2 MiB", or "auto" for the largest that the host has enough of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hugepages: Option<String>,
    /// Never swapped out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// Shared with other processes of the host, as virtiofs and vhost-user need it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
}

/// Nodes of the host that memory comes from, and nodes that the guest sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Numa {
    /// How binding `nodes` are; strict if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<NumaMode>,
    /// Nodes of the host that the memory comes from: "0" or "0-1".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<String>,
    /// Nodes that the guest sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cells: Option<Vec<NumaCell>>,
    /// Passed cards sit below a PCI bus of their guest node (pcie-expander-bus), so that the guest knows what they are near
    /// to; true if absent where the guest sees nodes that stand for several of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expander_buses: Option<bool>,
}

words! {
    /// How binding the choice of nodes is.
    NumaMode {
        /// Only these nodes; the start fails where they lack memory.
        Strict = "strict",
        /// These nodes first.
        Preferred = "preferred",
        /// In turn from all of them.
        Interleave = "interleave",
        /// Only these nodes, left to the control group, so that it can be changed while the guest runs.
        Restrictive = "restrictive",
    }
}

/// One node that the guest sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NumaCell {
    /// Its virtual CPUs: "0-3". Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<String>,
    /// Its memory. Required; all cells together are `memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemorySize>,
    /// Node of the host that it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// Size of its huge pages instead of that of `memory_backing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hugepages: Option<String>,
}
