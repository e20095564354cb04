//! Disks with their pool, path, format, bus and target settled.

use super::Choice;
use crate::facts::{ImageFormat, PoolHost, PoolLogin};
use crate::spec::{DetectZeroes, DiskBus, DiskCache, DiskDevice, DiskIo, Place};
use crate::units::{Bytes, PciAddress};

/// One disk or CD-ROM of the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    /// Where in the spec it comes from: `storage.disks[0]`, `storage.boot_iso` or `cloud_init`.
    pub place: Place,
    /// What it is made of.
    pub origin: DiskOrigin,
    /// Disk or CD-ROM.
    pub device: DiskDevice,
    /// Bus.
    pub bus: Choice<DiskBus>,
    /// Target: vda, sdb, ...
    pub target: Choice<String>,
    /// How its image is packed; `None` where only the image itself shows it and could not be read.
    pub format: Option<ImageFormat>,
    /// The guest may not write.
    pub readonly: bool,
    /// Place in the boot order.
    pub boot_order: Option<u32>,
    /// What was asked of its input and output.
    pub tuning: Tuning,
}

/// How a disk is served, as far as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// Host cache.
    pub cache: Option<DiskCache>,
    /// Way of input and output.
    pub io: Option<DiskIo>,
    /// Whether freed blocks are handed back.
    pub discard: Option<bool>,
    /// What becomes of zeros.
    pub detect_zeroes: Option<DetectZeroes>,
    /// I/O thread, from 1.
    pub iothread: Option<u32>,
    /// Serial number.
    pub serial: Option<String>,
    /// The guest sees a solid-state disk.
    pub ssd: bool,
}

impl Disk {
    /// True for the buses on which a disk tells how fast it turns.
    pub fn has_rotation(&self) -> bool {
        matches!(self.bus.value, DiskBus::Scsi | DiskBus::Sata | DiskBus::Ide)
    }

    /// Its image's place; `None` where the spec does not say which image, or says it in a way that is refused.
    pub fn location(&self) -> Option<&Location> {
        match &self.origin {
            DiskOrigin::New { at, .. } | DiskOrigin::Clone { at, .. } | DiskOrigin::Seed { at } => Some(at),
            DiskOrigin::Existing(at) => at.as_ref(),
            DiskOrigin::Drive { .. } => None,
        }
    }

    /// True for the cloud-init seed.
    pub fn is_seed(&self) -> bool {
        matches!(self.origin, DiskOrigin::Seed { .. })
    }

    /// The format written to the XML. libvirt must be told one, and QEMU must never guess it: a guest that writes a
    /// qcow2 header into its raw disk could make it read any file of the host. `None` where it is not known, which a check
    /// refuses.
    pub fn driver_format(&self) -> Option<&'static str> {
        self.format.map(ImageFormat::name)
    }
}

/// What a disk is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskOrigin {
    /// A volume that the build creates.
    New {
        /// Where it will be.
        at: Location,
        /// Size; `None` where missing or not a size.
        size: Option<Bytes>,
    },
    /// A copy that the build makes.
    Clone {
        /// Where it will be.
        at: Location,
        /// Source; `None` where missing or refused.
        from: Option<Location>,
        /// Wanted size, if larger than the source's.
        size: Option<Bytes>,
    },
    /// An image that exists; `None` where the spec does not say which, or says it in a way that is refused.
    Existing(Option<Location>),
    /// An NVMe drive of the host that QEMU drives itself.
    Drive {
        /// Its controller.
        host: PciAddress,
        /// Namespace, from 1.
        namespace: u32,
    },
    /// The cloud-init seed, which the build writes.
    Seed {
        /// Where it will be.
        at: Location,
    },
}

/// Where an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A volume of a pool.
    Volume {
        /// Pool.
        pool: String,
        /// Name within the pool.
        volume: String,
        /// Its path, where the pool is known and has paths.
        path: Option<String>,
        /// True where the pool's volumes are block devices.
        block: bool,
        /// How QEMU reaches it by itself, where libvirt does not look it up.
        network: Option<Box<NetworkVolume>>,
    },
    /// A path that no pool was named for.
    Path {
        /// Absolute and normalised.
        path: String,
        /// True for a block device.
        block: bool,
    },
}

/// A volume of a pool on other machines, as a domain names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkVolume {
    /// The protocol: rbd or gluster.
    pub protocol: &'static str,
    /// Pool or volume on those machines, with the image in it: `rbd-pool/image`.
    pub name: String,
    /// The machines.
    pub hosts: Vec<PoolHost>,
    /// The account there.
    pub login: Option<PoolLogin>,
}

impl Location {
    /// The absolute path, where there is one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Volume { path, .. } => path.as_deref(),
            Self::Path { path, .. } => Some(path),
        }
    }

    /// How QEMU reaches it over the network by itself.
    pub fn network(&self) -> Option<&NetworkVolume> {
        match self {
            Self::Volume { network, .. } => network.as_deref(),
            Self::Path { .. } => None,
        }
    }

    /// True for a block device.
    pub fn is_block(&self) -> bool {
        let (Self::Volume { block, .. } | Self::Path { block, .. }) = self;
        *block
    }
}
