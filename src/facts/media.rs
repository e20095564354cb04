//! Files that a spec names.

use super::{Fact, rom::RomFile};
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaFile {
    /// What is there.
    pub kind: MediaKind,
    /// Length; the device's size for a block device.
    pub size: Bytes,
    /// True where users other than the owner may read it and enter every folder above it, as QEMU's own user must.
    pub world_readable: bool,
    /// The first thing on the way to it that QEMU's own user may not enter or read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barrier: Option<Barrier>,
    /// Its type by SELinux, such as `usr_t`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selinux_type: Option<String>,
    /// The file as an expansion ROM, where it is no longer than ROMs can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rom: Option<Fact<RomFile>>,
}

/// A folder that may not be entered or a file that may not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barrier {
    /// Its path.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
    /// Number of its owner.
    pub owner: u32,
    /// The user that QEMU runs as.
    pub user: String,
}

/// What a path leads to, links followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Nothing.
    #[default]
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
