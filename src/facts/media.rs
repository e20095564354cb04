//! Files that a spec names.

use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaFile {
    /// What is there.
    pub kind: MediaKind,
    /// Length; the device's size for a block device.
    pub size: Bytes,
    /// True where users other than the owner may read it and enter every folder above it, as QEMU's own user must.
    pub world_readable: bool,
}

/// What a path leads to, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Nothing.
    Missing,
    /// A regular file.
    File,
    /// A block device.
    BlockDevice,
    /// A folder.
    Folder,
    /// Anything else.
    Other,
}
