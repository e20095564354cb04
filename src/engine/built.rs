//! A VM once it is built, as its engine has it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A VM as its engine has it after the build. The rows are objects of the creation API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuiltVm {
    /// When it was complete: UTC, as in RFC 3339.
    pub created_at: String,
    /// Machine type, with its version.
    pub machine: String,
    /// Guest system: type and variant as they were asked for, the id in osinfo-db.
    pub os: Value,
    /// Kind; loader and file of the variables where it has some.
    pub firmware: Value,
    /// Model, backend and version; null where there is none.
    pub tpm: Value,
    /// Target, device, bus, format, path or pool and volume.
    pub disks: Vec<Value>,
    /// Type, source, model, address; the device on the host while the VM runs.
    pub networks: Vec<Value>,
    /// Type, listen address, and port or socket as far as they are known.
    pub graphics: Vec<Value>,
    /// Serial consoles: type, path, host and port as far as they are known.
    pub consoles: Vec<Value>,
    /// The user's own keys and values.
    pub metadata: Value,
}
