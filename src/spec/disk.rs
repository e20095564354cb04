//! Storage of a VM: its default pool, its boot ISO and its disks.

use super::DiskSize;
use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the disks live and which there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Pool of every disk that names none. Required to build; it must exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_pool: Option<String>,
    /// Installation medium: becomes a read-only CD-ROM that boots first. Absolute, or relative to the default pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_iso: Option<String>,
    /// The disks, created in this order. Required to build: at least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disks: Option<Vec<Disk>>,
}

/// One disk. Which fields are needed depends on `action`; flat, because a tagged enum would lose the place of an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Disk {
    /// create, attach or clone. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<DiskAction>,
    /// Size, required for `create`: a number counts GiB, a text carries its unit. For `clone`: grow the copy to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<DiskSize>,
    /// Image format; qcow2 for created disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<DiskFormat>,
    /// Bus the guest sees the disk on; virtio if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<DiskBus>,
    /// Pool of this disk instead of `default_pool`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_pool: Option<String>,
    /// Device name such as vda; the first free one of the bus if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Image, required for `attach` unless `host_address` is given: absolute, or relative to the pool. A drive of the host
    /// goes by its name below /dev/disk/by-id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For `attach`: an NVMe drive of the host by its PCI address, driven by QEMU itself. The whole controller leaves the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_address: Option<String>,
    /// Namespace of that drive; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<u32>,
    /// Source, required for `clone`: absolute, or relative to the pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clone_from: Option<String>,
    /// disk or cdrom; disk if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DiskDevice>,
    /// The guest may not write; always so for a CD-ROM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly: Option<bool>,
    /// Host cache: none, writeback, writethrough, directsync or unsafe; none for created disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<DiskCache>,
    /// How QEMU does its input and output: native, threads or io_uring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io: Option<DiskIo>,
    /// Hand blocks that the guest frees back to the host; on if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discard: Option<bool>,
    /// What becomes of zeros that the guest writes: off, on or unmap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detect_zeroes: Option<DetectZeroes>,
    /// Number of the I/O thread that serves the disk, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iothread: Option<u32>,
    /// Serial number that the guest reads, at most 36 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The guest sees a solid-state disk; on scsi, sata and ide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssd: Option<bool>,
    /// The kernel of `boot.kernel` finds its root file system here; the first disk if none is marked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<bool>,
    /// Place in the boot order, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_order: Option<u32>,
}

words! {
    /// Host cache of a disk.
    DiskCache {
        /// Past the host's cache; the guest's own is enough.
        None = "none",
        /// The host's cache; a power cut may lose what the guest did not flush.
        Writeback = "writeback",
        /// Written to the image at once, read through the cache.
        Writethrough = "writethrough",
        /// Past the cache, and each write flushed.
        Directsync = "directsync",
        /// Flushes are ignored: for disks that may be lost.
        Unsafe = "unsafe",
    }
}

words! {
    /// How QEMU does a disk's input and output.
    DiskIo {
        /// Linux AIO; past the cache only.
        Native = "native",
        /// A pool of threads.
        Threads = "threads",
        /// io_uring.
        IoUring = "io_uring",
    }
}

words! {
    /// What becomes of zeros that the guest writes.
    DetectZeroes {
        /// They are written.
        Off = "off",
        /// They are written as a hole where the image can.
        On = "on",
        /// The blocks are given back where discard is on.
        Unmap = "unmap",
    }
}

impl DiskCache {
    /// True where the host's cache is passed by.
    pub fn is_direct(self) -> bool {
        matches!(self, Self::None | Self::Directsync)
    }
}

words! {
    /// What becomes of a disk.
    DiskAction {
        /// A new, empty volume.
        Create = "create",
        /// An image that exists.
        Attach = "attach",
        /// A copy of an image.
        Clone = "clone",
    }
}

words! {
    /// Image formats that libvirt takes. QEMU alone could do more (vhdx), but a domain with those is refused.
    DiskFormat {
        /// Grows on demand, allows snapshots.
        Qcow2 = "qcow2",
        /// Plain bytes.
        Raw = "raw",
        /// VMware; for attached images.
        Vmdk = "vmdk",
        /// VirtualBox; for attached images.
        Vdi = "vdi",
    }
}

words! {
    /// Bus between guest and disk.
    #[derive(PartialOrd, Ord, Hash)]
    DiskBus {
        /// virtio-blk: vda, vdb, ...
        Virtio = "virtio",
        /// virtio-scsi: sda, sdb, ...
        Scsi = "scsi",
        /// AHCI: sda, sdb, ...
        Sata = "sata",
        /// PIIX IDE, on the pc machine only: hda to hdd.
        Ide = "ide",
        /// USB storage: sda, sdb, ...
        Usb = "usb",
    }
}

words! {
    /// What kind of drive the guest sees.
    DiskDevice {
        /// A hard disk.
        Disk = "disk",
        /// A CD-ROM drive.
        Cdrom = "cdrom",
    }
}

impl DiskBus {
    /// How its target names start.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Virtio => "vd",
            Self::Scsi | Self::Sata | Self::Usb => "sd",
            Self::Ide => "hd",
        }
    }
}
