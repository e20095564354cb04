//! What the host keeps on which disk: block devices with what lies below and above them, mounts, swap, ZFS.

use super::{Fact, Pool, PoolGround};
use crate::units::{Bytes, PciAddress};
use core::net::IpAddr;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The host's own use of its disks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostStorage {
    /// Block devices by name.
    pub devices: Vec<BlockDevice>,
    /// Mounted file systems that lie on something: block devices, files, ZFS, the network. Pseudo file systems are left out.
    pub mounts: Fact<Vec<Mount>>,
    /// Names of the block devices and paths of the files that are swapped to.
    pub swaps: Fact<Vec<String>>,
    /// Imported ZFS pools with the block devices of each.
    pub zfs: Fact<Vec<ZfsPool>>,
}

/// One block device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockDevice {
    /// Name below /dev, such as `nvme0n1p2` or `dm-0`.
    pub name: String,
    /// Major and minor number, such as `259:2`.
    pub number: String,
    /// What it is.
    pub kind: BlockKind,
    /// Size.
    pub size: Bytes,
    /// Names of the block devices that it lies on: the disk of a partition, the members of an array.
    pub below: Vec<String>,
    /// PCI functions that it hangs on directly, one per path to it; empty for what lies on other block devices.
    pub functions: Vec<PciAddress>,
    /// True where it is reached over USB.
    pub usb: bool,
    /// The USB device that it is, by bus and ports such as `1-2.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usb_path: Option<String>,
    /// Host, channel, target and unit of a SCSI disk, such as `6:0:0:0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scsi: Option<String>,
    /// Its other names below /dev, such as `disk/by-id/ata-WD_1234`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// The machine that a disk of iSCSI or NVMe over a network is on.
    pub server: Option<IpAddr>,
    /// Model, of a disk.
    pub model: Option<String>,
    /// Serial number, of a disk, where it can be read.
    pub serial: Option<String>,
    /// What udev found on it, such as `ext4`, `LVM2_member`, `zfs_member`.
    pub content: Option<String>,
    /// Label of that; of a ZFS member the pool's name.
    pub label: Option<String>,
}

impl BlockDevice {
    /// True for a name below /dev that is not the kernel's own.
    fn is_called(&self, name: &str) -> bool {
        let own = match (&self.kind, name.strip_prefix("mapper/")) {
            (BlockKind::Lvm { group, volume }, Some(mapped)) => {
                mapped == format!("{}-{}", group.replace('-', "--"), volume.replace('-', "--"))
            }
            (BlockKind::Lvm { group, volume }, None) => name == format!("{group}/{volume}"),
            (BlockKind::Crypt { name: known } | BlockKind::Mapped { name: known }, Some(mapped)) => known == mapped,
            _ => false,
        };
        own || name.strip_prefix("block/") == Some(&self.number) || self.links.iter().any(|link| link == name)
    }

    /// The path that does not change with the order of devices, where udev made one; the kernel's own otherwise.
    pub fn lasting_path(&self) -> String {
        let by_id = |link: &&String| link.starts_with("disk/by-id/") || link.starts_with("mapper/");
        // Ids that are numbers alone tell people nothing.
        let plain = |link: &&String| {
            !["wwn-", "nvme-eui.", "nvme-nvme.", "scsi-3", "dm-uuid-"].iter().any(|id| link.contains(id))
        };
        let mut links = self.links.iter().filter(by_id);
        let best = links.clone().find(plain).or_else(|| links.next());
        format!("/dev/{}", best.unwrap_or(&self.name))
    }
}

/// Kinds of block devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A whole disk.
    #[default]
    Disk,
    /// A part of a disk.
    Partition,
    /// A logical volume of LVM.
    Lvm {
        /// Volume group.
        group: String,
        /// Logical volume.
        volume: String,
    },
    /// An opened encrypted device.
    Crypt {
        /// Its name.
        name: String,
    },
    /// Another mapping: multipath, integrity, ...
    Mapped {
        /// Its name.
        name: String,
    },
    /// An array of md.
    Raid {
        /// Level, such as `raid1`.
        level: String,
    },
    /// A file as a block device.
    Loop {
        /// The file, where it is told.
        file: Option<String>,
    },
    /// A volume of ZFS.
    Zvol,
    /// Memory: zram, ramdisks.
    Memory,
    /// A disk on another machine: iSCSI, NBD, RBD.
    Remote,
}

/// One mounted file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it is mounted.
    pub point: String,
    /// Type, such as `ext4`.
    pub kind: String,
    /// What is mounted, as the kernel names it.
    pub source: String,
    /// Block devices that it lies on directly; several for btrfs. Empty where that could not be told.
    pub devices: Vec<String>,
    /// The machine that exports it, of a file system of the network.
    #[serde(default)]
    pub server: Option<IpAddr>,
}

/// An imported ZFS pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZfsPool {
    /// Name.
    pub name: String,
    /// Block devices of the pool; unknown where nothing but ZFS's own programs could tell.
    pub devices: Fact<Vec<String>>,
}

impl HostStorage {
    /// The block device `name`; a path below /dev is understood, too.
    pub fn device(&self, name: &str) -> Option<&BlockDevice> {
        let name = name.strip_prefix("/dev/").unwrap_or(name);
        self.devices.iter().find(|device| device.name == name)
    }

    /// The block device behind a path below /dev, by any name that the kernel, udev, mount or LVM has for it.
    pub fn device_at(&self, path: &str) -> Option<&BlockDevice> {
        let name = path.strip_prefix("/dev/")?;
        self.device(name).or_else(|| self.devices.iter().find(|device| device.is_called(name)))
    }

    /// The block device with these numbers, such as `8:1`.
    pub fn device_numbered(&self, number: &str) -> Option<&BlockDevice> {
        self.devices.iter().find(|device| device.number == number)
    }

    /// `name` and every block device below it.
    pub fn beneath(&self, name: &str) -> Vec<&BlockDevice> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            let Some(device) = self.device(name) else { continue };
            if seen.insert(&device.name) {
                found.push(device);
                open.extend(device.below.iter().map(String::as_str));
            }
        }
        found
    }

    /// `name` and every block device that lies on it.
    pub fn above(&self, name: &str) -> HashSet<&str> {
        let mut directly: HashMap<&str, Vec<&str>> = HashMap::new();
        for device in &self.devices {
            device.below.iter().for_each(|below| directly.entry(below).or_default().push(&device.name));
        }
        let mut found = HashSet::new();
        let mut open: Vec<&str> = self.device(name).map(|device| device.name.as_str()).into_iter().collect();
        while let Some(name) = open.pop() {
            if found.insert(name) {
                open.extend(directly.get(name).into_iter().flatten());
            }
        }
        found
    }

    /// PCI functions that `name` lies on.
    pub fn functions(&self, name: &str) -> BTreeSet<PciAddress> {
        self.beneath(name).into_iter().flat_map(|device| device.functions.iter().copied()).collect()
    }

    /// PCI functions that a mounted file system lies on.
    pub fn functions_of(&self, mount: &Mount) -> BTreeSet<PciAddress> {
        let zfs = mount.kind == "zfs";
        let pool = mount.source.split('/').next().filter(|_| zfs);
        let members = pool.and_then(|name| self.zfs.items().iter().find(|pool| pool.name == name));
        let devices = mount.devices.iter().chain(members.into_iter().flat_map(|pool| pool.devices.items()));
        devices.flat_map(|device| self.functions(device)).collect()
    }

    /// Machines that a mounted file system lies on.
    pub fn servers_of(&self, mount: &Mount) -> BTreeSet<IpAddr> {
        let disks = mount.devices.iter().flat_map(|device| self.beneath(device));
        disks.filter_map(|device| device.server).chain(mount.server).collect()
    }

    /// Known where everything that the host has mounted could be traced; unknown for the first that could not, which may
    /// lie on any disk.
    pub fn traced(&self) -> Fact<()> {
        if let Some(why) = self.mounts.why_not().or(self.swaps.why_not()) {
            return Fact::unknown(why);
        }
        for pool in self.zfs.items() {
            if let Some(why) = pool.devices.why_not() {
                return Fact::unknown(why);
            }
        }
        let is_lost = |mount: &&Mount| {
            mount.point == "/" && mount.devices.is_empty() && mount.server.is_none() && mount.kind != "zfs"
        };
        match self.mounts.items().iter().find(is_lost) {
            Some(mount) => Fact::unknown(format!("The disk of / is not known: it is mounted as {}.", mount.kind)),
            None => self.mounts.clone().map(|_| ()),
        }
    }

    /// PCI functions that lie below a path: of the block device, or of the file system that holds the file.
    pub fn functions_at(&self, path: &str) -> BTreeSet<PciAddress> {
        match (self.device(path), self.mount_of(path)) {
            (Some(device), _) => self.functions(&device.name),
            (None, Some(mount)) => self.functions_of(mount),
            (None, None) => BTreeSet::new(),
        }
    }

    /// PCI functions that a pool of libvirt lies on. A pool that is not started holds data all the same.
    pub fn functions_of_pool(&self, pool: &Pool) -> BTreeSet<PciAddress> {
        let Some(path) = pool.path.as_deref() else { return BTreeSet::new() };
        match pool.abilities().ground {
            PoolGround::VolumeGroup => self.functions_of_group(path.rsplit('/').next().unwrap_or(path)),
            // Its path is the folder of names below which all disks appear, so its volumes tell which disk it is.
            PoolGround::Drive => {
                pool.volumes.items().iter().flat_map(|volume| self.functions_at(&volume.path)).collect()
            }
            PoolGround::Zpool => {
                let name = path.trim_start_matches("/dev/zvol/").split('/').next().unwrap_or(path);
                let pool = self.zfs.items().iter().find(|pool| pool.name == name);
                let devices = pool.into_iter().flat_map(|pool| pool.devices.items());
                devices.flat_map(|device| self.functions(device)).collect()
            }
            PoolGround::Folder => self.mount_of(path).map(|mount| self.functions_of(mount)).unwrap_or_default(),
            PoolGround::Elsewhere => BTreeSet::new(),
        }
    }

    /// PCI functions that a volume group lies on.
    fn functions_of_group(&self, name: &str) -> BTreeSet<PciAddress> {
        let volumes =
            self.devices.iter().filter(|device| matches!(&device.kind, BlockKind::Lvm { group, .. } if group == name));
        volumes.flat_map(|device| self.functions(&device.name)).collect()
    }

    /// The mount that holds `path`, the longest one. What is in a file, as a package of snap is, is held by the mount of that
    /// file.
    fn mount_of(&self, path: &str) -> Option<&Mount> {
        let in_file =
            |name: &String| self.device(name).is_some_and(|device| matches!(device.kind, BlockKind::Loop { .. }));
        let holds = |mount: &&Mount| {
            let rest = path.strip_prefix(mount.point.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let holding = self.mounts.items().iter().filter(holds);
        // Of two mounts on one point the later covers the earlier.
        let on_disk = |mount: &&Mount| mount.devices.is_empty() || !mount.devices.iter().all(in_file);
        holding.filter(on_disk).max_by_key(|mount| mount.point.len())
    }
}
