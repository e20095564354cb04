//! Files that a spec names.

use super::{Fact, ImageHeader, profile::SystemName, rom::RomFile};
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
    /// Bytes that it takes; `None` where that is not known, and for devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocation: Option<Bytes>,
    /// What it is by its own bytes, or by libvirt's word where they could not be read; of files and block devices alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Fact<ImageHeader>>,
    /// Every path by which the host knows it, where that is not only the one that was asked for: links followed, and what
    /// is mounted at several places named at each. The first is the same for all names of one file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// What stays the same when it is renamed, and differs when another file comes to its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<FileId>,
    /// Major and minor number of a block device, such as `8:1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
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
    /// What it says of itself as an installation medium, where it holds a file system of CDs or DVDs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso: Option<Iso>,
    /// Why that is not known of an image, where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso_why_not: Option<String>,
    /// What can be said of a file that holds a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretFile>,
}

/// A file of one machine: its file system and its number there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// Number of the file system.
    pub device: u64,
    /// Number of the file.
    pub inode: u64,
}

impl MediaFile {
    /// What the file is, or why that is not known.
    pub fn image(&self) -> Result<&ImageHeader, &str> {
        let is_image = matches!(self.kind, MediaKind::File | MediaKind::BlockDevice);
        let Some(image) = &self.image else {
            return Err(if is_image { "its head was not read" } else { "it is neither a file nor a block device" });
        };
        image.get().ok_or(image.why_not().unwrap_or_default())
    }

    /// Size of the disk that a guest sees; `None` where that is not known.
    pub fn virtual_size(&self) -> Option<Bytes> {
        self.image().ok()?.virtual_size
    }
}

/// Stands before the path of a file that lies on the machine where vmbuild runs, wherever the host is.
const LOCAL: &str = "local:";

/// How a file of the machine where vmbuild runs is asked for, beside those of the host.
pub fn local(path: &str) -> String {
    format!("{LOCAL}{path}")
}

/// The path on the machine where vmbuild runs, where that is meant.
pub fn local_path(asked: &str) -> Option<&str> {
    asked.strip_prefix(LOCAL)
}

/// A file that holds a password, described without giving it away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretFile {
    /// Its first line.
    pub password: Password,
    /// Its permission bits.
    pub mode: u32,
}

/// What a first line is as a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Password {
    /// This user may not read the file.
    #[default]
    Unreadable,
    /// There is none.
    Empty,
    /// No longer than VNC takes.
    Short,
    /// Longer, and no longer than SPICE takes.
    Long,
    /// Longer than any console takes.
    TooLong,
    /// Not a text, or one with control characters.
    NoText,
}

/// Most characters that VNC compares.
pub const VNC_PASSWORD: usize = 8;
/// Most characters that SPICE takes.
pub const SPICE_PASSWORD: usize = 60;
/// Most characters of a password for the guest: none is read that is longer than what some console takes.
pub const LONGEST_PASSWORD: usize = SPICE_PASSWORD;
/// A longer file is no password file.
pub const LARGEST_SECRET: u64 = 4096;

/// The labels of a CD or DVD, and the systems that have such media.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Iso {
    /// Volume id, trimmed.
    pub volume: String,
    /// System id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub system: String,
    /// Publisher id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub publisher: String,
    /// Application id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub application: String,
    /// Size of the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Bytes>,
    /// Guest systems with media of these labels, newest first. Several where the labels do not tell them apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<SystemName>,
}

impl Iso {
    /// True for the CD with the virtio drivers for Windows, by its volume id.
    pub fn is_virtio_win(&self) -> bool {
        self.volume.to_ascii_lowercase().starts_with("virtio-win")
    }
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
