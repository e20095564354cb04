//! The host's CPUs and NUMA nodes: who shares a core, a cache, a node, and what memory lies where.

use crate::units::{Bytes, CpuSet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One logical CPU. What the host does not tell stays empty or `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogicalCpu {
    /// Its number.
    pub number: u32,
    /// False where it was switched off; nothing else is then known of it.
    pub online: bool,
    /// The CPUs of its core, itself among them.
    pub siblings: CpuSet,
    /// The CPUs that share its last level of cache, itself among them: on AMD the CCX.
    #[serde(skip_serializing_if = "CpuSet::is_empty")]
    pub cache: CpuSet,
    /// Size of that cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_size: Option<Bytes>,
    /// Number of its socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<u32>,
    /// Number of its die within the socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub die: Option<u32>,
    /// Number of its core within the socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core: Option<u32>,
    /// Its NUMA node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// Which kind of core it is of, where the host has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<CoreKind>,
    /// Highest clock in MHz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_mhz: Option<u32>,
}

/// Kinds of cores of a hybrid CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CoreKind {
    /// Fast: P-cores, big cores.
    Performance,
    /// Frugal: E-cores, little and dense cores.
    Efficiency,
}

/// One NUMA node; a machine without NUMA has one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NumaNode {
    /// Its number.
    pub number: u32,
    /// Its CPUs, those that are online.
    pub cpus: CpuSet,
    /// Memory installed on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Memory on it that is free now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free: Option<Bytes>,
    /// Huge pages set apart on it, by their size.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub huge_pages: Vec<HugePages>,
    /// Distance to every node by its number; 10 is the node itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub distances: BTreeMap<u32, u32>,
}

/// Huge pages of one size on one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HugePages {
    /// Size of a page.
    pub size: Bytes,
    /// How many are set apart.
    pub total: u64,
    /// How many of them nobody uses; `None` where that is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free: Option<u64>,
}

impl NumaNode {
    /// Its huge pages of this size.
    pub fn pages(&self, size: Bytes) -> Option<&HugePages> {
        self.huge_pages.iter().find(|pages| pages.size == size)
    }
}
