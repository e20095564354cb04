//! Memory beside its amount: room to grow, huge pages, and on which nodes of the host it lies.

use super::MemorySize;
use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How memory grows from `memory` to `max_memory` while the guest runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryHotplug {
    /// What the added memory is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<HotplugKind>,
    /// Slots for DIMMs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
}

words! {
    /// What added memory comes as.
    HotplugKind {
        /// Whole DIMMs, which are hard to remove again.
        Dimm = "dimm",
        /// A device that adds and removes blocks of 2 MiB.
        VirtioMem = "virtio-mem",
    }
}

/// What backs the guest's memory on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryBacking {
    /// Size of the huge pages that the memory is taken from; auto takes the largest size of which the host has enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hugepages: Option<String>,
    /// Never swap the memory out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// Share the memory with other processes of the host, as virtiofs and vhost-user need it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
}

/// Nodes of the host that memory comes from, and nodes that the guest sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Numa {
    /// How strictly memory is bound to `nodes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<NumaMode>,
    /// NUMA nodes of the host that the memory comes from: "0" or "0-1".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<String>,
    /// NUMA cells that the guest sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cells: Option<Vec<NumaCell>>,
    /// Put passed devices on a PCI bus of their NUMA cell (pcie-expander-bus), so that the guest sees which cell they
    /// are near.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expander_buses: Option<bool>,
}

words! {
    /// How binding the choice of nodes is.
    NumaMode {
        /// Only these nodes; the start fails if they lack memory.
        Strict = "strict",
        /// These nodes first.
        Preferred = "preferred",
        /// From all of them in turn.
        Interleave = "interleave",
        /// Only these nodes, by the control group, so that the choice can be changed while the guest runs.
        Restrictive = "restrictive",
    }
}

/// One node that the guest sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NumaCell {
    /// vCPUs of the cell: "0-3".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<String>,
    /// Memory of the cell. All cells together have as much as `memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemorySize>,
    /// NUMA node of the host that the cell's memory comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// Size of the cell's huge pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hugepages: Option<String>,
}
