//! What a build makes: the thing before it exists, and with its identity once it does.

use super::EngineId;
use crate::facts::FileId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that a step makes, by the names that are known before it exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Thing {
    /// A volume.
    Volume {
        /// Pool.
        pool: String,
        /// Name within the pool.
        name: String,
    },
    /// The definition of a VM.
    Domain {
        /// Name.
        name: String,
        /// It has UEFI variables of its own, made with its first start.
        variables: bool,
        /// It has an emulated TPM, whose state is made with its first start.
        tpm: bool,
        /// Its start was asked for. Before, files in the places of its variables and its state belong to someone else.
        started: bool,
    },
    /// The VM while it runs.
    Running {
        /// Name of the domain.
        domain: String,
    },
}

impl Thing {
    /// The same once it has been started; only a definition changes by that.
    #[must_use]
    pub fn once_started(self) -> Self {
        match self {
            Self::Domain { name, variables, tpm, .. } => Self::Domain { name, variables, tpm, started: true },
            other => other,
        }
    }
}

/// Something that exists because a build made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The engine that made it.
    pub engine: EngineId,
    /// The step that made it, from 0.
    pub step: usize,
    /// What.
    pub thing: Thing,
    /// What tells it from another of the same name.
    pub id: MadeId,
    /// The file that it is in, where that is one of this machine: a path can lead to another file later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<MadeFile>,
}

/// A file that a build made: another in its place has another number, or the same number and another birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeFile {
    /// Which file.
    pub identity: FileId,
    /// When it was made, in milliseconds since 1970; `None` where the file system does not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born_ms: Option<u64>,
}

/// What is known of a thing right before it is made, so that it is found should its making not be answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreseen {
    /// The identity that was chosen for it; `None` where the engine chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MadeId>,
    /// True where nothing of its names was there. What is there later, was made later.
    pub absent: bool,
    /// True where files of another are in the places of the UEFI variables that a first start makes: they are kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign_files: bool,
}

/// The identity of a thing, as the engine gave it: the key of a volume, the UUID of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MadeId(pub String);

impl fmt::Display for MadeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
