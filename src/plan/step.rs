//! Steps of a build.

use crate::units::{Bytes, PciAddress};
use serde::{Deserialize, Serialize};

/// All that a build does, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the VM.
    pub name: String,
    /// What is done, in order; undone newest first.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it is for: "Create volume".
    pub title: String,
    /// The thing it makes or changes, with its size where it has one: "gpu-ws-01-vda.qcow2, 200 GiB".
    pub detail: String,
    /// In libvirt's terms: "virStorageVolCreateXML fast-nvme/gpu-ws-01-vda.qcow2 200 GiB".
    pub call: String,
    /// What undoes it: "delete volume gpu-ws-01-vda.qcow2"; `None` where there is nothing to undo.
    pub undo: Option<String>,
    /// The same as a command for the case that the undo itself fails: "virsh vol-delete ...".
    pub by_hand: Option<String>,
    /// What is executed.
    pub action: Action,
}

/// What a step executes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Observe the host anew and run the checks again.
    Recheck,
    /// Create an empty volume.
    CreateVolume {
        /// Pool.
        pool: String,
        /// Volume name.
        volume: String,
        /// Volume XML.
        xml: String,
    },
    /// Copy an image into a new volume.
    CloneVolume {
        /// Target pool.
        pool: String,
        /// Volume name.
        volume: String,
        /// Volume XML.
        xml: String,
        /// Source: absolute path of a volume of some pool, or a file.
        from: String,
        /// Source pool, where it is known; then `from` is the volume's name.
        from_pool: Option<String>,
        /// Grow to this size afterwards.
        grow_to: Option<Bytes>,
    },
    /// Write the cloud-init seed into a new volume. The documents stay in memory: they may hold secrets.
    WriteSeed {
        /// Pool.
        pool: String,
        /// Volume name.
        volume: String,
    },
    /// Define the domain.
    Define {
        /// Domain XML.
        xml: String,
    },
    /// Start it with the host.
    SetAutostart,
    /// Read back what libvirt stored and compare it with what was sent.
    ReadBack {
        /// Domain XML as sent.
        xml: String,
    },
    /// Start the domain.
    Start,
    /// See that the passed functions sit on vfio-pci.
    VerifyPassthrough {
        /// Host functions.
        devices: Vec<PciAddress>,
    },
}
