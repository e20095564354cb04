//! The connection, the machine behind it, its memory and its virtualisation.

use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The host that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// URI of the connection as libvirt canonicalises it.
    pub uri: String,
    /// Name of the machine.
    pub hostname: String,
    /// Version of libvirt on the far side.
    pub libvirt: Version,
    /// Name of the hypervisor driver: QEMU, TEST, ...
    pub driver: String,
    /// Version of the hypervisor.
    pub hypervisor: Version,
    /// True where the connection's files and devices are those of this machine, so that sysfs speaks of the same host.
    pub local: bool,
}

/// A version as libvirt counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub release: u32,
}

impl Version {
    /// From libvirt's `major * 1000000 + minor * 1000 + release`.
    pub fn from_number(number: u32) -> Self {
        Self { major: number / 1_000_000, minor: number / 1000 % 1000, release: number % 1000 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.release > 0 { write!(f, ".{}", self.release) } else { Ok(()) }
    }
}

/// Memory of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Installed.
    pub total: Bytes,
    /// Free or reclaimable at once.
    pub free: Bytes,
}

/// Whether KVM runs guests here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kvm {
    /// Hardware virtualisation works.
    Usable,
    /// /dev/kvm answers but cannot run common guests, for the reason given.
    Crippled {
        /// A sentence.
        why: String,
    },
    /// No KVM, for the reason given.
    Absent {
        /// A sentence.
        why: String,
    },
}
