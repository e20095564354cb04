//! Why the host cannot do without a block device: what it keeps on the device itself, on its parts, and on what is made of
//! it.

use super::storage::Mount;
use super::{BlockDevice, BlockKind, Facts, HostStorage, Pool, PoolGround, Use};
use std::collections::{BTreeSet, HashSet};

/// What the host does with the block device `name`; nothing where the disks of the host are not known, for which see
/// [`HostStorage::traced`]. A volume of a pool is the pool's to give away.
pub fn uses_of_device(facts: &Facts, name: &str) -> BTreeSet<Use> {
    let Some(storage) = facts.storage.get() else { return BTreeSet::new() };
    let found = OnDevice { storage, name, above: storage.above(name) };
    let mut uses = BTreeSet::new();
    uses.extend(storage.mounts.items().iter().filter(|mount| found.carries_mount(mount)).map(Use::of_mount));
    uses.extend(found.swaps());
    let zfs = storage.zfs.items().iter().filter(|pool| pool.devices.items().iter().any(|part| found.carries(part)));
    uses.extend(zfs.map(|pool| Use::Zfs { name: pool.name.clone() }));
    uses.extend(storage.devices.iter().filter_map(|device| found.made_of(device)));
    let pools = facts.pools.items().iter().filter(|pool| found.carries_pool(pool));
    uses.extend(pools.map(|pool| Use::Pool { name: pool.name.clone() }));
    // Members of what is not assembled: only their heads tell.
    let assembled = |used: &Use| matches!(used, Use::Zfs { .. } | Use::VolumeGroup { .. } | Use::Raid { .. });
    if !uses.iter().any(assembled) {
        uses.extend(storage.devices.iter().filter_map(|device| found.member(device)));
    }
    uses
}

/// Marks of udev on members of what is made of several devices.
const MEMBERS: [&str; 6] =
    ["LVM2_member", "LVM1_member", "zfs_member", "linux_raid_member", "mpath_member", "ddf_raid_member"];

struct OnDevice<'a> {
    storage: &'a HostStorage,
    name: &'a str,
    /// The device, its parts, and what is made of them.
    above: HashSet<&'a str>,
}

impl OnDevice<'_> {
    /// True where `other` is the device, a part of it, or made of it.
    fn carries(&self, other: &str) -> bool {
        self.above.contains(other)
    }

    fn carries_mount(&self, mount: &Mount) -> bool {
        let pool = mount.source.split('/').next().filter(|_| mount.kind == "zfs");
        let members = self.storage.zfs.items().iter().filter(|known| Some(known.name.as_str()) == pool);
        let mut devices = mount.devices.iter().chain(members.flat_map(|pool| pool.devices.items()));
        devices.any(|device| self.carries(device))
    }

    /// Swap on the device. A file that is swapped to is on a mount that counts itself.
    fn swaps(&self) -> impl Iterator<Item = Use> {
        let on_it = |swap: &&String| self.storage.device_at(swap).is_some_and(|device| self.carries(&device.name));
        self.storage.swaps.items().iter().filter(on_it).map(|swap| Use::Swap { device: swap.clone() })
    }

    /// What is made of the device and of which `device` is, or is a part of.
    fn made_of(&self, device: &BlockDevice) -> Option<Use> {
        if device.name == self.name || !self.carries(&device.name) {
            return None;
        }
        match &device.kind {
            BlockKind::Lvm { group, .. } => Some(Use::VolumeGroup { name: group.clone() }),
            BlockKind::Raid { .. } => Some(Use::Raid { name: device.name.clone() }),
            BlockKind::Crypt { name } | BlockKind::Mapped { name } => Some(Use::Mapping { name: name.clone() }),
            _ => None,
        }
    }

    fn member(&self, device: &BlockDevice) -> Option<Use> {
        let kind = device.content.as_ref().filter(|content| MEMBERS.contains(&content.as_str()))?;
        self.carries(&device.name).then(|| Use::Member { kind: kind.clone() })
    }

    /// Pools of folders are on mounts, which count themselves.
    fn carries_pool(&self, pool: &Pool) -> bool {
        let own = |path: &str| self.storage.device_at(path).is_some_and(|device| device.name == self.name);
        match pool.abilities().ground {
            PoolGround::Drive => {
                let volumes = || pool.volumes.items().iter();
                let on_it = |path: &str| self.storage.device_at(path).is_some_and(|part| self.carries(&part.name));
                volumes().any(|volume| on_it(&volume.path)) && !volumes().any(|volume| own(&volume.path))
            }
            _ => false,
        }
    }
}
