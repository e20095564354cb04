//! Names of engines.

use serde::{Deserialize, Serialize};

/// Names an engine that builds, in plans, events and records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineId {
    /// libvirt, on this machine or another.
    #[default]
    Libvirt,
}
