//! Storage pools and volumes.

use super::Fact;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// One storage pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// Name.
    pub name: String,
    /// UUID.
    pub uuid: String,
    /// Type as in the pool XML: dir, fs, netfs, logical, disk, iscsi, rbd, zfs, ...
    pub kind: String,
    /// True where it can be used now.
    pub active: bool,
    /// True where libvirt starts it by itself.
    pub autostart: bool,
    /// Where its volumes appear: the folder of a dir pool, the device folder of a volume group.
    pub path: Option<String>,
    /// Size of the pool.
    pub capacity: Bytes,
    /// Taken.
    pub allocation: Bytes,
    /// Free.
    pub available: Bytes,
    /// Its volumes by name; unknown for an inactive pool or one with more volumes than libvirt can list.
    pub volumes: Fact<Vec<Volume>>,
}

/// One volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Name within the pool.
    pub name: String,
    /// Absolute path, or the key where the pool has no paths.
    pub path: String,
    /// Size the guest sees; 0 where only the name was read.
    pub capacity: Bytes,
    /// Bytes taken.
    pub allocation: Bytes,
    /// Image format where it is known without opening the file: qcow2, raw, iso, ...
    pub format: Option<String>,
}

impl Volume {
    /// True where it looks like an installation medium: by format where libvirt knows it, else by name.
    pub fn is_iso(&self) -> bool {
        let by_name = || self.name.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("iso"));
        self.format.as_deref() == Some("iso") || by_name()
    }
}

impl Pool {
    /// The volume `name`, if it is listed.
    pub fn volume(&self, name: &str) -> Option<&Volume> {
        self.volumes.items().iter().find(|volume| volume.name == name)
    }

    /// True where volumes are files below `path`.
    pub fn holds_files(&self) -> bool {
        matches!(self.kind.as_str(), "dir" | "fs" | "netfs" | "gluster" | "vstorage")
    }
}
