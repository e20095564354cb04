//! What a step executes.

use super::{EngineId, MadeId, Reviewed, ReviewedFile, Thing, libvirt};
use serde::{Deserialize, Serialize};

/// The act of a step. Only the engine that planned it looks into its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "kebab-case")]
pub enum Call {
    /// The same for every engine.
    Any(Common),
    /// libvirt's.
    Libvirt(libvirt::LibvirtCall),
}

/// What is done in the same way whatever the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Common {
    /// Observe the host again, compare it with what was reviewed and run the checks again.
    Recheck {
        /// The host functions that the VM takes, as they were at review.
        functions: Vec<Reviewed>,
        /// The files that it reads or writes, as they were at review.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<ReviewedFile>,
    },
}

impl Call {
    /// The engine that does it; `None` for what the build does itself.
    pub fn engine(&self) -> Option<EngineId> {
        match self {
            Self::Any(_) => None,
            Self::Libvirt(_) => Some(EngineId::Libvirt),
        }
    }

    /// The same with an identity for the domain that it makes, unless it has one.
    #[must_use]
    pub fn identified(self, uuid: &str) -> Self {
        match self {
            Self::Any(_) => self,
            Self::Libvirt(call) => Self::Libvirt(call.identified(uuid)),
        }
    }

    /// The identity that the call chooses for what it makes.
    pub fn chosen(&self) -> Option<MadeId> {
        match self {
            Self::Any(_) => None,
            Self::Libvirt(call) => call.chosen(),
        }
    }

    /// What it makes, if anything.
    pub fn thing(&self) -> Option<Thing> {
        match self {
            Self::Any(_) => None,
            Self::Libvirt(call) => call.thing(),
        }
    }
}

impl From<libvirt::LibvirtCall> for Call {
    fn from(call: libvirt::LibvirtCall) -> Self {
        Self::Libvirt(call)
    }
}
