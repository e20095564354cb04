//! The calls of libvirt that a build is made of.

use crate::engine::{ReviewedFile, Thing};
use crate::facts::ImageFormat;
use crate::spec::GraphicsKind;
use crate::units::{Bytes, PciAddress};
use serde::{Deserialize, Serialize};

/// What a step asks of libvirt. It holds no secret: it is printed, sent and written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum LibvirtCall {
    /// Create an empty volume.
    CreateVolume {
        /// Pool.
        pool: String,
        /// Volume name.
        volume: String,
        /// Volume XML.
        xml: String,
    },
    /// Copy an image into a new volume.
    CloneVolume {
        /// Target pool.
        pool: String,
        /// Volume name.
        volume: String,
        /// Volume XML.
        xml: String,
        /// Source: absolute path of a volume of some pool, or a file.
        from: String,
        /// Source pool, where it is known; then `from` is the volume's name.
        from_pool: Option<String>,
        /// Grow to this size afterwards.
        grow_to: Option<Bytes>,
        /// How the bytes of a file are copied; absent where libvirt copies a volume itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<FileCopy>,
    },
    /// Write the cloud-init seed into a new volume. The documents stay in memory: they may hold secrets.
    WriteSeed {
        /// Pool.
        pool: String,
        /// Volume name.
        volume: String,
    },
    /// Define the domain.
    Define {
        /// Name of the domain.
        name: String,
        /// Domain XML, without passwords.
        xml: String,
        /// Passwords that are put into it on its way to libvirt.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        passwords: Vec<PasswordFile>,
        /// The domain has UEFI variables of its own.
        variables: bool,
        /// The domain has an emulated TPM.
        tpm: bool,
        /// Files that it names, as they were at review.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<ReviewedFile>,
    },
    /// Start it with the host.
    SetAutostart,
    /// Read back what libvirt stored and compare it with what was sent.
    ReadBack {
        /// Domain XML as sent.
        xml: String,
    },
    /// Start the domain.
    Start {
        /// Name of the domain.
        name: String,
        /// What QEMU and the kernel write from now on is kept for a step that looks at it.
        watched: bool,
        /// Files that it opens, as they were at review.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<ReviewedFile>,
    },
    /// See that the VM really has the passed functions, and lives.
    VerifyPassthrough {
        /// Host functions that the guest sees.
        passed: Vec<PciAddress>,
        /// Host functions that are only kept from the host.
        held: Vec<PciAddress>,
    },
}

impl LibvirtCall {
    /// What it makes, if anything.
    pub fn thing(&self) -> Option<Thing> {
        match self {
            Self::CreateVolume { pool, volume, .. }
            | Self::CloneVolume { pool, volume, .. }
            | Self::WriteSeed { pool, volume } => Some(Thing::Volume { pool: pool.clone(), name: volume.clone() }),
            Self::Define { name, variables, tpm, .. } => {
                Some(Thing::Domain { name: name.clone(), variables: *variables, tpm: *tpm, started: false })
            }
            Self::Start { name, .. } => Some(Thing::Running { domain: name.clone() }),
            Self::SetAutostart | Self::ReadBack { .. } | Self::VerifyPassthrough { .. } => None,
        }
    }
}

/// The copy of a file by its bytes: it is in no pool, or the new volume's pool copies none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCopy {
    /// Format of the new volume.
    pub format: ImageFormat,
    /// The source may be a volume; it is read as a file nevertheless.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub volume: bool,
    /// How its bytes change on the way; not at all where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion: Option<Conversion>,
    /// Holes of the source are left out: what is not written to the new volume reads as zeros. Not so in a qcow2 that
    /// libvirt has just made, nor on a device, where the content of a deleted volume would show.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sparse: bool,
    /// The file, what it is based on and their data files, as they were at review.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviewed: Vec<ReviewedFile>,
}

/// A change of format on the way of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    /// Format of the source.
    pub from: ImageFormat,
    /// Format of the copy.
    pub to: ImageFormat,
    /// The source has a base, whose content becomes part of the copy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flattens: bool,
}

/// A file with the password of a console, on the machine where vmbuild runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordFile {
    /// Which console.
    pub console: GraphicsKind,
    /// Absolute path; its first line is the password.
    pub path: String,
}
