//! What a file is by its own bytes: how it packs a disk, how large that disk is, what it is based on, and what else it
//! may be: a CD, a kernel, an archive.

use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A file as its first bytes describe it; its name plays no part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageHeader {
    /// How the disk is packed.
    pub format: ImageFormat,
    /// Size of the disk that a guest sees; `None` where the header does not say it, or is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_size: Option<Bytes>,
    /// The image that this one is based on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backing: Option<BackingFile>,
    /// Files that hold its data, as it names them: the external data file of qcow2, the extents of VMDK.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
    /// True where it cannot be read without a secret.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
    /// What is wrong with it by its own account.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub marks: BTreeSet<ImageMark>,
    /// What the bytes of a raw file are.
    #[serde(skip_serializing_if = "FileContent::is_unknown")]
    pub content: FileContent,
}

/// The image that another one is based on, as that one names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackingFile {
    /// A path, relative to the folder of the image or absolute; a URL; or a description in JSON.
    pub name: String,
    /// Its format, where the image says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<ImageFormat>,
}

/// How a file packs a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// Plain bytes, or nothing that is known.
    #[default]
    Raw,
    /// QEMU, the first version.
    Qcow,
    /// QEMU.
    Qcow2,
    /// QEMU, given up.
    Qed,
    /// VMware.
    Vmdk,
    /// VirtualBox.
    Vdi,
    /// Virtual PC and Hyper-V: VHD.
    Vpc,
    /// Hyper-V from 2012 on.
    Vhdx,
    /// Parallels.
    Parallels,
    /// Bochs.
    Bochs,
    /// Linux cloop.
    Cloop,
    /// Apple.
    Dmg,
}

/// What an image says is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageMark {
    /// It was not closed, which QEMU repairs when it opens it for writing.
    Dirty,
    /// Its metadata are damaged; QEMU opens it for reading only.
    Corrupt,
    /// It needs something that no known version has.
    Unsupported,
    /// It holds what differs from another file, in a way that QEMU does not read.
    Differencing,
    /// The header contradicts itself or the length of the file.
    Damaged,
}

/// What the bytes of a raw file are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// Not read, or packed by the format.
    #[default]
    Unknown,
    /// Nothing that is told apart: a disk may hold anything.
    Plain,
    /// No bytes.
    Empty,
    /// A disk with a partition table, by its kind: `mbr` or `gpt`.
    Partitions(String),
    /// A file system or the like without partitions, as udev calls it: `ext4`, `xfs`, `crypto_LUKS`, ...
    FileSystem(String),
    /// A CD or DVD: ISO 9660 or UDF.
    Disc,
    /// A kernel.
    Bootable(Bootable),
    /// A packed file or an archive, by the program that unpacks it: `gzip`, `xz`, `tar`, ...
    Packed(String),
    /// A text.
    Text,
}

/// A program that is booted, in one of the forms that firmware or QEMU starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bootable {
    /// The architecture as libvirt names it; `None` where the form does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// Its form.
    pub form: BootForm,
    /// True where UEFI can start it, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub efi: bool,
}

/// Forms of kernels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootForm {
    /// Linux for x86 with its boot header: vmlinuz.
    #[default]
    BzImage,
    /// An ELF program: vmlinux.
    Elf,
    /// The same with the note by which QEMU starts it on x86.
    ElfPvh,
    /// A program with a header of the Multiboot specification.
    Multiboot,
    /// Linux for aarch64, riscv64 or loongarch64, unpacked.
    Image,
    /// Linux for 32-bit Arm: zImage.
    ZImage,
    /// Linux packed within a program of UEFI.
    ZBoot,
    /// A program of UEFI that is none of the above.
    Efi,
    /// An image of U-Boot.
    UImage,
    /// Linux for s390x without ELF.
    S390,
}

impl ImageFormat {
    /// As QEMU and libvirt write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow => "qcow",
            Self::Qcow2 => "qcow2",
            Self::Qed => "qed",
            Self::Vmdk => "vmdk",
            Self::Vdi => "vdi",
            Self::Vpc => "vpc",
            Self::Vhdx => "vhdx",
            Self::Parallels => "parallels",
            Self::Bochs => "bochs",
            Self::Cloop => "cloop",
            Self::Dmg => "dmg",
        }
    }

    /// True where QEMU runs guests on it; of the others it only makes copies.
    pub fn runs_guests(self) -> bool {
        match self {
            Self::Raw | Self::Qcow | Self::Qcow2 | Self::Qed | Self::Vmdk | Self::Vdi => true,
            Self::Vpc | Self::Vhdx | Self::Parallels | Self::Bochs | Self::Cloop | Self::Dmg => false,
        }
    }

    /// The format of this name; `None` for one that is not a format of images.
    pub fn of(name: &str) -> Option<Self> {
        const ALL: [ImageFormat; 12] = [
            ImageFormat::Raw,
            ImageFormat::Qcow,
            ImageFormat::Qcow2,
            ImageFormat::Qed,
            ImageFormat::Vmdk,
            ImageFormat::Vdi,
            ImageFormat::Vpc,
            ImageFormat::Vhdx,
            ImageFormat::Parallels,
            ImageFormat::Bochs,
            ImageFormat::Cloop,
            ImageFormat::Dmg,
        ];
        match name {
            // libvirt's word for a raw file with a CD's file system, and for Parallels.
            "iso" => Some(Self::Raw),
            "ploop" => Some(Self::Parallels),
            name => ALL.into_iter().find(|format| format.name() == name),
        }
    }
}

impl FileContent {
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

impl BackingFile {
    /// The absolute path of the file that is meant, for an image that is opened at `opened`; `None` for what is not a file
    /// of this host, or is described in a way that cannot be read.
    pub fn path(&self, opened: &str) -> Option<String> {
        referred(&self.name, opened)
    }
}

impl ImageHeader {
    /// Absolute paths of the files that hold the data of an image that is opened at `opened`.
    pub fn data_paths(&self, opened: &str) -> Vec<String> {
        self.data.iter().filter_map(|name| referred(name, opened)).collect()
    }

    /// What holds data of it and is not a file of this host, or is described in a way that cannot be read.
    pub fn data_elsewhere(&self) -> Option<&str> {
        self.data.iter().map(String::as_str).find(|name| referred(name, "/").is_none())
    }
}

/// The file that an image opened at `opened` calls `name`, as QEMU resolves it: relative to the folder of the name by which
/// the image was opened, links not followed.
fn referred(name: &str, opened: &str) -> Option<String> {
    if let Some(json) = name.strip_prefix("json:") {
        return described(&serde_json::from_str(json).ok()?, opened);
    }
    let name = name.strip_prefix("file:").unwrap_or(name);
    if name.starts_with('/') {
        return Some(name.to_owned());
    }
    // QEMU takes a colon before the first slash for a protocol.
    let before_slash = name.split('/').next().unwrap_or_default();
    if name.is_empty() || before_slash.contains(':') {
        return None;
    }
    let folder = opened.rsplit_once('/').map_or("", |(folder, _)| folder);
    opened.starts_with('/').then(|| format!("{folder}/{name}"))
}

/// The keys that a level of QEMU's own description of a block device may have. Any other could name a second file, and what
/// some of them mean depends on the driver.
const DESCRIPTIONS: [&[&str]; 3] =
    [&["driver", "file"], &["driver", "file.driver", "file.filename"], &["driver", "filename"]];

/// The file in QEMU's own description of a block device: `{"driver": "qcow2", "file": {"filename": "/a"}}`, with or without
/// levels, or with dots in place of levels; `None` where it describes more than one file.
fn described(value: &serde_json::Value, opened: &str) -> Option<String> {
    let mut value = value;
    // QEMU needs fewer levels; a hostile header could have any number.
    for _ in 0..8 {
        let keys = value.as_object()?;
        let fits = |allowed: &&[&str]| keys.keys().all(|key| allowed.contains(&key.as_str()));
        let is_local = |key: &str| keys.get(key).is_none_or(|driver| driver.as_str().is_some_and(is_local_driver));
        if !DESCRIPTIONS.iter().any(fits) || !is_local("driver") || !is_local("file.driver") {
            return None;
        }
        match keys.get("file") {
            Some(inner) => value = inner,
            None => return referred_plainly(keys.get("file.filename").or(keys.get("filename"))?.as_str()?, opened),
        }
    }
    None
}

/// True for a driver that reads a file or a device of the host, or unpacks what is in one.
fn is_local_driver(driver: &str) -> bool {
    matches!(driver, "file" | "host_device") || ImageFormat::of(driver).is_some()
}

/// A name in a description is never a description or a URL itself.
fn referred_plainly(name: &str, opened: &str) -> Option<String> {
    if name.starts_with("json:") { None } else { referred(name, opened) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(name: &str) -> Option<String> {
        BackingFile { name: name.into(), format: None }.path("/pool/sub/over.qcow2")
    }

    #[test]
    fn the_name_of_a_base_is_read_as_qemu_reads_it() {
        for (name, want) in [
            ("/a/b.qcow2", Some("/a/b.qcow2")),
            ("b.qcow2", Some("/pool/sub/b.qcow2")),
            ("../b.qcow2", Some("/pool/sub/../b.qcow2")),
            ("file:b.qcow2", Some("/pool/sub/b.qcow2")),
            ("a/b:c.qcow2", Some("/pool/sub/a/b:c.qcow2")),
            (r#"json:{"driver":"qcow2","file":{"driver":"file","filename":"/a"}}"#, Some("/a")),
            (r#"json:{"file.filename":"b","driver":"raw"}"#, Some("/pool/sub/b")),
            (r#"json:{"driver":"qcow2","file":{"driver":"nbd","host":"x"}}"#, None),
            (r#"json:{"driver":"https","filename":"https://x/a"}"#, None),
            (r#"json:{"driver":"qcow2","file":{"filename":"/a"},"backing":{"file":{"filename":"/b"}}}"#, None),
            (r#"json:{"driver":"qcow2","file":{"filename":"/a"},"data-file.filename":"/b"}"#, None),
            (r#"json:{"file":{"filename":"/a"},"file.filename":"/b"}"#, None),
            (r#"json:{"file":"node","filename":"/a"}"#, None),
            (r#"json:{"driver":"nbd","file":{"filename":"/a"}}"#, None),
            ("json:{", None),
            ("nbd://host/export", None),
            ("rbd:pool/image", None),
            ("", None),
        ] {
            assert_eq!(path(name).as_deref(), want, "{name}");
        }
        assert_eq!(BackingFile { name: "b".into(), format: None }.path("relative"), None);
    }

    #[test]
    fn formats_have_the_names_of_libvirt_and_qemu() {
        assert_eq!(ImageFormat::of("qcow2"), Some(ImageFormat::Qcow2));
        assert_eq!(
            (ImageFormat::of("iso"), ImageFormat::of("ploop")),
            (Some(ImageFormat::Raw), Some(ImageFormat::Parallels))
        );
        assert_eq!((ImageFormat::of("unknown"), ImageFormat::of("dir"), ImageFormat::of("")), (None, None, None));
    }

    proptest! {
        #[test]
        fn any_name_has_a_path_or_none(name in "\\PC*|json:\\PC*", opened in "/\\PC*") {
            let found = BackingFile { name, format: None }.path(&opened);
            prop_assert!(found.is_none_or(|path| path.starts_with('/')));
        }
    }
}
