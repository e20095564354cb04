//! Steps of a build.

use crate::spec::GraphicsKind;
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
    /// Observe the host anew, compare it with what was reviewed and run the checks again.
    Recheck {
        /// The host functions that the VM takes, as they were at review.
        functions: Vec<Reviewed>,
    },
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
        /// Domain XML, without passwords.
        xml: String,
        /// Passwords that are put into it on its way to libvirt.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        passwords: Vec<PasswordFile>,
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
    /// See that the VM really has the passed functions, and lives.
    VerifyPassthrough {
        /// Host functions that the guest sees.
        passed: Vec<PciAddress>,
        /// Host functions that are only kept from the host.
        held: Vec<PciAddress>,
    },
}

/// A file with the password of a console, on the machine where vmbuild runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordFile {
    /// Which console.
    pub console: GraphicsKind,
    /// Absolute path; its first line is the password.
    pub path: String,
}

/// What was known of a host function when the user agreed to take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// Where it sits.
    pub address: PciAddress,
    /// Vendor and device id: `10de:2704`.
    pub ids: String,
    /// Subsystem ids, where they were known.
    pub subsystem: Option<(u16, u16)>,
    /// Name for people.
    pub label: String,
    /// IOMMU group.
    pub group: Option<u32>,
    /// The other functions of the group.
    pub companions: Vec<PciAddress>,
}
