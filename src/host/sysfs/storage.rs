//! The host's own use of its disks: mounts, swap and ZFS, each by the block devices below.

use super::attribute::{failed, known};
use super::block;
use super::mounts::{MountLine, unescaped};
use crate::facts::Fact;
use crate::facts::storage::{BlockDevice, HostStorage, Mount, ZfsPool};
use crate::host::Sysroot;
use std::collections::BTreeSet;

const SWAPS: &str = "/proc/swaps";
const ZFS: &str = "/proc/spl/kstat/zfs";
const BTRFS: &str = "/sys/fs/btrfs";

/// What the host keeps on which disk.
pub fn read(sysroot: &Sysroot) -> Fact<HostStorage> {
    if !sysroot.exists(block::DEVICES) {
        return Fact::unknown(format!("There is no {}.", block::DEVICES));
    }
    let mut storage = HostStorage { devices: block::devices(sysroot), ..HostStorage::default() };
    storage.mounts = mounts(sysroot, &storage);
    storage.zfs = zfs(sysroot, &storage.devices, storage.mounts.items());
    storage.swaps = swaps(sysroot);
    known(storage, block::DEVICES)
}

fn mounts(sysroot: &Sysroot, storage: &HostStorage) -> Fact<Vec<Mount>> {
    let mounts = |lines: Vec<MountLine>| lines.into_iter().map(|line| mount(line, sysroot, storage));
    MountLine::all(sysroot).map(|lines| mounts(lines).filter(counts).collect())
}

/// Pseudo file systems lie on nothing.
fn counts(mount: &Mount) -> bool {
    let remote = ["nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.glusterfs", "zfs", "9p", "virtiofs"];
    !mount.devices.is_empty() || mount.point == "/" || remote.contains(&mount.kind.as_str())
}

fn mount(line: MountLine, sysroot: &Sysroot, storage: &HostStorage) -> Mount {
    let by_number = storage.device_numbered(&line.number);
    // btrfs numbers its mounts itself, so that only the source names a device.
    let device = by_number.or_else(|| storage.device_at(&line.source));
    let devices = match device {
        Some(device) if line.kind == "btrfs" => btrfs_members(sysroot, &device.name),
        Some(device) => vec![device.name.clone()],
        None => Vec::new(),
    };
    // NFS and CIFS name the server's address.
    let server = line.options.split(',').find_map(|option| option.strip_prefix("addr=")?.parse().ok());
    Mount { point: line.point, kind: line.kind, source: line.source, devices, server }
}

/// All block devices of the btrfs that `name` is part of.
fn btrfs_members(sysroot: &Sysroot, name: &str) -> Vec<String> {
    let systems = sysroot.names(BTRFS).into_iter().map(|id| sysroot.names(&format!("{BTRFS}/{id}/devices")));
    systems.into_iter().find(|members| members.iter().any(|member| member == name)).unwrap_or_else(|| vec![name.into()])
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
