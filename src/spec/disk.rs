//! Storage of a VM: its default pool, its boot ISO and its disks.

use super::DiskSize;
use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the disks live and which there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Storage pool of every disk that names none. It must exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_pool: Option<String>,
    /// Installation medium: a read-only CD-ROM that boots first. A volume of the default pool, or of the only other pool
    /// that has it; `pool/volume`; or an absolute path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_iso: Option<String>,
    /// The disks, created in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disks: Option<Vec<Disk>>,
}

/// One disk. Which fields are needed depends on `action`.
// Flat, because a tagged enum would lose the place of an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Disk {
    /// What happens to the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<DiskAction>,
    /// Size of a new disk; for `clone`, the size that the copy grows to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<DiskSize>,
    /// Image format. If it is absent, created disks are qcow2, an attached image is what its header says, a clone of a raw
    /// file is raw, and every other clone is qcow2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<DiskFormat>,
    /// Bus that the guest sees the disk on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<DiskBus>,
    /// Storage pool of this disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_pool: Option<String>,
    /// Device name in the domain XML, such as vda.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Image to attach: a volume of the pool, `pool/volume`, or an absolute path. A drive of the host is named by its link
    /// in /dev/disk/by-id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For `attach`, instead of `path`: PCI address of an NVMe drive of the host, which QEMU drives itself. The host
    /// loses the whole controller while the VM runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_address: Option<String>,
    /// Namespace of that drive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<u32>,
    /// Source of the copy: a volume of the pool, `pool/volume`, or an absolute path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clone_from: Option<String>,
    /// Kind of drive that the guest sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DiskDevice>,
    /// The guest cannot write to the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly: Option<bool>,
    /// Cache mode on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<DiskCache>,
    /// How QEMU does input and output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io: Option<DiskIo>,
    /// Return blocks that the guest frees to the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discard: Option<bool>,
    /// What happens to zeros that the guest writes.
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
    /// The kernel of `boot.kernel` finds its root file system on this disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<bool>,
    /// Position in the boot order, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_order: Option<u32>,
}

words! {
    /// Host cache of a disk.
    DiskCache {
        /// No host cache; the guest has its own.
        None = "none",
        /// Host cache; a power failure may lose what the guest did not flush.
        Writeback = "writeback",
        /// Host cache for reads; writes go to the image at once.
        Writethrough = "writethrough",
        /// No host cache, and each write is flushed.
        Directsync = "directsync",
        /// Host cache, and flushes are ignored: for disks whose content may be lost.
        Unsafe = "unsafe",
    }
}

words! {
    /// How QEMU does a disk's input and output.
    DiskIo {
        /// Linux AIO; only without the host cache.
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
        /// They are written as a hole if the image format allows it.
        On = "on",
        /// Their blocks are returned to the host if discard is on.
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
        /// VMware format, for attached images.
        Vmdk = "vmdk",
        /// VirtualBox format, for attached images.
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
