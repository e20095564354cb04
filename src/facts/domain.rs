//! Other domains of the host: what they hold that a new VM could clash with.

use crate::units::{Bytes, CpuSet, PciAddress};
use serde::{Deserialize, Serialize};

/// One domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Name.
    pub name: String,
    /// UUID.
    pub uuid: String,
    /// What it does now.
    pub state: DomainState,
    /// True where libvirt starts it by itself.
    pub autostart: bool,
    /// MAC addresses of its interfaces, lower case.
    pub macs: Vec<String>,
    /// Paths of its disks; `pool/volume` where the XML names a volume.
    pub disks: Vec<String>,
    /// Host PCI functions it takes: hostdev, interface type=hostdev and disk type=nvme alike.
    pub pci: Vec<PciAddress>,
    /// Its virtual CPUs; 0 where that is not told.
    #[serde(default)]
    pub vcpus: u32,
    /// Its memory; 0 where that is not told.
    #[serde(default)]
    pub memory: Bytes,
    /// The host CPUs that its virtual CPUs are pinned to; empty where they are not.
    #[serde(default)]
    pub pinned: CpuSet,
}

/// State of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DomainState {
    /// Running, paused, or on its way.
    Active,
    /// Defined only.
    Inactive,
}
