//! The boot order of disks: one number per bootable disk, none twice unless the user wrote it twice.

use super::{Disk, DiskOrigin};
use crate::spec::DiskDevice;
use std::collections::HashSet;

/// Fills in what was not asked for: the boot ISO first, then the disks in their order, then other CD-ROMs (an empty new
/// disk lets the firmware go on to them). The cloud-init seed never boots. `taken` holds the numbers of other devices.
pub(super) fn assign(disks: &mut [Disk], boot_iso: Option<usize>, taken: impl Iterator<Item = u32>) {
    let mut taken: HashSet<u32> = disks.iter().filter_map(|disk| disk.boot_order).chain(taken).collect();
    let mut next = 1;
    let mut give = |disk: &mut Disk| {
        while taken.contains(&next) {
            next += 1;
        }
        taken.insert(next);
        disk.boot_order = Some(next);
    };
    if let Some(disk) = boot_iso.and_then(|row| disks.get_mut(row)) {
        give(disk);
    }
    for device in [DiskDevice::Disk, DiskDevice::Cdrom] {
        let seedless = disks.iter_mut().filter(|disk| !matches!(disk.origin, DiskOrigin::Seed { .. }));
        seedless.filter(|disk| disk.device == device && disk.boot_order.is_none()).for_each(&mut give);
    }
}
