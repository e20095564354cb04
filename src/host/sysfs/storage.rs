//! The host's own use of its disks: mounts, swap and ZFS, each by the block devices below.

use super::attribute::{failed, known};
use super::block;
use crate::facts::Fact;
use crate::facts::storage::{BlockDevice, BlockKind, HostStorage, Mount, ZfsPool};
use crate::host::Sysroot;
use std::collections::BTreeSet;

const MOUNTS: [&str; 2] = ["/proc/self/mountinfo", "/proc/mounts"];
const SWAPS: &str = "/proc/swaps";
const ZFS: &str = "/proc/spl/kstat/zfs";
const BTRFS: &str = "/sys/fs/btrfs";

/// What the host keeps on which disk.
pub fn read(sysroot: &Sysroot) -> Fact<HostStorage> {
    if !sysroot.exists(block::DEVICES) {
        return Fact::unknown(format!("There is no {}.", block::DEVICES));
    }
    let devices = block::devices(sysroot);
    let mounts = mounts(sysroot, &devices);
    let zfs = zfs(sysroot, &devices, mounts.items());
    known(HostStorage { mounts, swaps: swaps(sysroot), zfs, devices }, block::DEVICES)
}

fn mounts(sysroot: &Sysroot, devices: &[BlockDevice]) -> Fact<Vec<Mount>> {
    let mut why = Fact::unknown("There is no list of mounts.");
    for path in MOUNTS {
        let text = match sysroot.read(path) {
            Ok(text) => text,
            Err(error) => {
                why = failed(path, &error);
                continue;
            }
        };
        let parse = if path.ends_with("info") { MountLine::from_mountinfo } else { MountLine::from_mounts };
        let lines = text.lines().filter_map(parse);
        let mounts = lines.map(|line| line.mount(sysroot, devices)).filter(|mount| counts(mount, devices));
        return known(mounts.collect(), path);
    }
    why
}

/// Pseudo file systems lie on nothing. What lies in a file lies on a mount that counts itself, as a package of snap does.
fn counts(mount: &Mount, devices: &[BlockDevice]) -> bool {
    let in_file = |name: &String| {
        devices.iter().any(|device| device.name == *name && matches!(device.kind, BlockKind::Loop { .. }))
    };
    let remote = ["nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.glusterfs", "zfs", "9p", "virtiofs"];
    let lies_on_something = !mount.devices.is_empty() && !mount.devices.iter().all(in_file);
    lies_on_something || mount.point == "/" || remote.contains(&mount.kind.as_str())
}

/// A line of a list of mounts.
struct MountLine {
    /// Major and minor number, where the list has it.
    number: String,
    point: String,
    kind: String,
    source: String,
    /// The file system's own options.
    options: String,
}

impl MountLine {
    /// `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw`, with any number of words before the dash.
    fn from_mountinfo(line: &str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let (mut mount, mut system) = (mount.split(' '), system.split(' '));
        Some(Self {
            number: mount.nth(2)?.to_owned(),
            point: unescaped(mount.nth(1)?),
            kind: system.next()?.to_owned(),
            source: unescaped(system.next()?),
            options: system.next().unwrap_or_default().to_owned(),
        })
    }

    /// `/dev/sda1 /point ext4 rw 0 0`.
    fn from_mounts(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (source, point, kind) = (words.next()?, words.next()?, words.next()?);
        Some(Self {
            number: String::new(),
            point: unescaped(point),
            kind: kind.to_owned(),
            source: unescaped(source),
            options: words.next().unwrap_or_default().to_owned(),
        })
    }

    fn mount(self, sysroot: &Sysroot, devices: &[BlockDevice]) -> Mount {
        let by_number = devices.iter().find(|device| !self.number.is_empty() && device.number == self.number);
        // btrfs numbers its mounts itself, so that only the source names a device.
        let device = by_number.or_else(|| by_path(devices, &self.source));
        let devices = match device {
            Some(device) if self.kind == "btrfs" => btrfs_members(sysroot, &device.name),
            Some(device) => vec![device.name.clone()],
            None => Vec::new(),
        };
        // NFS and CIFS name the server's address.
        let server = self.options.split(',').find_map(|option| option.strip_prefix("addr=")?.parse().ok());
        Mount { point: self.point, kind: self.kind, source: self.source, devices, server }
    }
}

/// The block device behind a path below /dev, by the names that mount and LVM use.
fn by_path<'a>(devices: &'a [BlockDevice], path: &str) -> Option<&'a BlockDevice> {
    let name = path.strip_prefix("/dev/")?;
    let is_called = |device: &&BlockDevice| match (&device.kind, name.strip_prefix("mapper/")) {
        (BlockKind::Lvm { group, volume }, Some(mapped)) => {
            mapped == format!("{}-{}", group.replace('-', "--"), volume.replace('-', "--"))
        }
        (BlockKind::Lvm { group, volume }, None) => name == format!("{group}/{volume}"),
        (BlockKind::Crypt { name: known } | BlockKind::Mapped { name: known }, Some(mapped)) => known == mapped,
        _ => false,
    };
    devices.iter().find(|device| device.name == name).or_else(|| devices.iter().find(is_called))
}

/// All block devices of the btrfs that `name` is part of.
fn btrfs_members(sysroot: &Sysroot, name: &str) -> Vec<String> {
    let systems = sysroot.names(BTRFS).into_iter().map(|id| sysroot.names(&format!("{BTRFS}/{id}/devices")));
    systems.into_iter().find(|members| members.iter().any(|member| member == name)).unwrap_or_else(|| vec![name.into()])
}

/// Characters that separate words are written as `\040`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(code) = part.get(..3).and_then(|code| u8::from_str_radix(code, 8).ok()) {
            plain.push(char::from(code));
            plain.push_str(part.get(3..).unwrap_or_default());
        } else {
            plain.push('\\');
            plain.push_str(part);
        }
    }
    plain
}

fn swaps(sysroot: &Sysroot) -> Fact<Vec<String>> {
    match sysroot.read(SWAPS) {
        // The first line is the heading.
        Ok(text) => {
            let paths = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
            known(paths.map(|path| unescaped(path).trim_end_matches(" (deleted)").to_owned()).collect(), SWAPS)
        }
        Err(error) => failed(SWAPS, &error),
    }
}

/// Imported pools. Which devices one lies on, only udev's database tells without a program of ZFS.
fn zfs(sysroot: &Sysroot, devices: &[BlockDevice], mounts: &[Mount]) -> Fact<Vec<ZfsPool>> {
    if !sysroot.exists("/proc") {
        return Fact::unknown("There is no /proc.");
    }
    // Beside a folder per pool there are files of statistics.
    let listed = sysroot.names(ZFS).into_iter().filter(|name| sysroot.path(&format!("{ZFS}/{name}")).is_dir());
    let mounted = mounts.iter().filter(|mount| mount.kind == "zfs");
    let mounted = mounted.filter_map(|mount| mount.source.split('/').next().map(str::to_owned));
    let names: BTreeSet<String> = listed.chain(mounted).collect();
    let pool = |name: String| {
        let is_member = |device: &&BlockDevice| {
            device.content.as_deref() == Some("zfs_member") && device.label.as_ref() == Some(&name)
        };
        let members: Vec<_> = devices.iter().filter(is_member).map(|device| device.name.clone()).collect();
        let members = if members.is_empty() {
            Fact::unknown(format!(
                "udev does not know the disks of ZFS pool {name}; 'zpool status -P {name}' on the host names them."
            ))
        } else {
            known(members, "/run/udev/data")
        };
        ZfsPool { name, devices: members }
    };
    known(names.into_iter().map(pool).collect(), ZFS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_of_mounts_may_have_more_or_fewer_words() {
        let line =
            MountLine::from_mountinfo(r"36 35 98:0 /a /mnt/my\040disk rw shared:1 master:2 - ext4 /dev/sda1 rw,a")
                .unwrap();
        assert_eq!((line.number.as_str(), line.point.as_str()), ("98:0", "/mnt/my disk"));
        assert_eq!((line.kind.as_str(), line.source.as_str()), ("ext4", "/dev/sda1"));
        let line = MountLine::from_mountinfo("27 1 0:25 / / rw - btrfs /dev/nvme0n1p2 rw").unwrap();
        assert_eq!((line.point.as_str(), line.kind.as_str()), ("/", "btrfs"));
        assert!(MountLine::from_mountinfo("27 1 0:25 /").is_none());
    }

    #[test]
    fn escapes_are_octal_and_a_lone_backslash_stays() {
        assert_eq!(unescaped(r"a\040b\134c"), r"a b\c");
        assert_eq!(unescaped(r"a\xb"), r"a\xb");
    }
}
