//! Storage pools and volumes.

use super::pool_type::{PoolType, VolumeKind, VolumeNames};
use super::{BackingFile, Fact, FileContent, ImageFormat, ImageHeader};
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// One storage pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
    /// Every path by which the host knows that folder, where that is not only `path`: see
    /// [`MediaFile::places`](super::MediaFile::places).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// What it is made of, as far as a volume is named or reached by it.
    #[serde(skip_serializing_if = "PoolSource::is_empty")]
    pub source: PoolSource,
    /// Size of the pool.
    pub capacity: Bytes,
    /// Taken.
    pub allocation: Bytes,
    /// Free.
    pub available: Bytes,
    /// Its volumes by name; unknown for an inactive pool or one with more volumes than libvirt can list.
    pub volumes: Fact<Vec<Volume>>,
}

/// What a pool is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolSource {
    /// Name of the RADOS pool or the Gluster volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Folder within it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The drive of a pool of partitions, as libvirt names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Its partition table: gpt, dos, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The machines that serve it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<PoolHost>,
    /// How one logs in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<PoolLogin>,
}

/// A machine that serves a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolHost {
    /// Name or address.
    pub name: String,
    /// Port, where it is not the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// The account of a pool. Its password is a secret of libvirt, which is only named here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolLogin {
    /// Name of the account.
    pub user: String,
    /// What the secret is used for, in libvirt's words: ceph, iscsi.
    pub kind: String,
    /// UUID of the secret; else it is found by its usage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Usage of the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
}

impl PoolSource {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// Name within the pool.
    pub name: String,
    /// Absolute path, or the key where the pool has no paths.
    pub path: String,
    /// Size the guest sees; 0 where only the name was read.
    pub capacity: Bytes,
    /// Bytes taken.
    pub allocation: Bytes,
    /// Its format in libvirt's words: qcow2, raw, iso, dir, ...
    pub format: Option<String>,
    /// What it is by its own bytes, or by libvirt's word where they were not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Box<ImageHeader>>,
    /// Where it leads, where it is a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl Volume {
    /// How it packs a disk; `None` where that is not known.
    pub fn packing(&self) -> Option<ImageFormat> {
        let image = self.image.as_ref().map(|image| image.format);
        image.or_else(|| ImageFormat::of(self.format.as_deref()?))
    }

    /// The image that it is based on.
    pub fn backing(&self) -> Option<&BackingFile> {
        self.image.as_ref()?.backing.as_ref()
    }

    /// True for a folder in a pool.
    pub fn is_folder(&self) -> bool {
        self.format.as_deref() == Some("dir")
    }

    /// True for an installation medium: by its bytes where they were read, else by libvirt's word, else by name.
    pub fn is_iso(&self) -> bool {
        let read = self
            .image
            .as_ref()
            .filter(|image| image.content != FileContent::Unknown || image.format != ImageFormat::Raw);
        if let Some(image) = read {
            return image.content == FileContent::Disc;
        }
        let by_name = || self.name.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("iso"));
        self.format.as_deref() == Some("iso") || by_name()
    }
}

impl Pool {
    /// The volume `name`, if it is listed.
    pub fn volume(&self, name: &str) -> Option<&Volume> {
        self.volumes.items().iter().find(|volume| volume.name == name)
    }

    /// What its type can do.
    pub fn abilities(&self) -> &'static PoolType {
        PoolType::named(&self.kind)
    }

    /// Where a volume of this name is to be expected; `None` where the pool's volumes have no path, or one that only
    /// libvirt can tell.
    pub fn path_of(&self, volume: &str) -> Option<String> {
        let folder = self.path.as_deref()?.trim_end_matches('/');
        let abilities = self.abilities();
        // Below any other folder the device manager makes links to the partitions, of names of its own.
        let linked = abilities.names == VolumeNames::Partition && folder != "/dev";
        (!linked && abilities.volumes != VolumeKind::Network).then(|| format!("{folder}/{volume}"))
    }

    /// True where volumes are files below `path`.
    pub fn holds_files(&self) -> bool {
        self.abilities().volumes == VolumeKind::File
    }

    /// True where volumes are block devices.
    pub fn holds_block_devices(&self) -> bool {
        self.abilities().volumes == VolumeKind::Block
    }

    /// True where a volume can be an image with a header of its own; all others are plain bytes.
    pub fn holds_images(&self) -> bool {
        self.abilities().holds_images()
    }
}
