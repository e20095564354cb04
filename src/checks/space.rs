//! Checks of the space that the new volumes take in their pools.

use super::note::clause;
use super::row::RowName;
use super::subject::Image;
use super::text::{Arg, Text, text};
use super::{Check, Notes, Subject};
use crate::facts::{ImageFormat, Pool};
use crate::machine::{Disk, DiskOrigin, Location};
use crate::spec::Place;
use crate::units::Bytes;

pub(super) static CHECKS: &[&Check] = &[&DISK_SPACE];

pub(super) static DISK_SPACE: Check = Check {
    code: "DISK-SPACE",
    title: "pools have room for the new volumes",
    explain: "Volumes of volume groups and other block pools take all of their size when they are created, and a clone \
              takes as much as its source: that much must be free. A qcow2 or sparse raw file grows as the guest \
              writes, so it may be larger than the free space; but when the pool is full, the guest is paused in the \
              middle of a write. Request less, or choose a pool with more space.",
    run: Some(space),
    ..Check::VM
};

/// What one new volume takes.
struct Taking<'a> {
    /// The disk it is for.
    disk: &'a Disk,
    /// What the guest sees.
    size: Bytes,
    /// What is taken at once.
    at_once: Bytes,
}

fn space(subject: &Subject, notes: &mut Notes) {
    let mut pools: Vec<(&str, Vec<Taking>)> = Vec::new();
    for disk in &subject.machine.disks {
        let (DiskOrigin::New { at, .. } | DiskOrigin::Clone { at, .. }) = &disk.origin else { continue };
        let Location::Volume { pool, .. } = at else { continue };
        let what = text!("free space of storage pool '{pool}'", pool);
        if let Some(why) = subject.facts.pools.why_not() {
            notes.unknown(place(disk), &what, clause(why));
            continue;
        }
        let Some(known) = subject.pool(pool).filter(|pool| pool.active) else { continue };
        if has_unknown_source(subject, disk) {
            notes.unknown(place(disk), &what, "the size of the clone's source is not known");
            continue;
        }
        let Some(taking) = taking(subject, disk, known) else { continue };
        match pools.iter_mut().find(|(name, _)| name == pool) {
            Some((_, takings)) => takings.push(taking),
            None => pools.push((pool, vec![taking])),
        }
    }
    for (name, takings) in pools {
        if let Some(pool) = subject.pool(name) {
            judge(subject, notes, pool, &takings);
        }
    }
}

/// Where the size of `disk` is written.
fn place(disk: &Disk) -> Place {
    disk.place.clone().key("size")
}

/// True for a copy of a volume of which only the name was read.
fn has_unknown_source(subject: &Subject, disk: &Disk) -> bool {
    let DiskOrigin::Clone { from: Some(from), .. } = &disk.origin else { return false };
    let known = subject.known(from);
    matches!(subject.image(from), Image::Volume(..)) && (known.virtual_size().is_none() || known.allocation().is_none())
}

/// `None` where the size is missing or wrong, which other checks say.
fn taking<'a>(subject: &Subject, disk: &'a Disk, pool: &Pool) -> Option<Taking<'a>> {
    let (size, copied) = match &disk.origin {
        DiskOrigin::New { size, .. } => ((*size)?, Bytes(0)),
        DiskOrigin::Clone { from, size, .. } => {
            let from = from.as_ref()?;
            if matches!(subject.image(from), Image::Missing | Image::NoPool | Image::Unknown(_)) {
                return None;
            }
            let known = subject.known(from);
            let capacity = known.virtual_size()?;
            (size.unwrap_or(capacity).max(capacity), known.allocation().unwrap_or(capacity))
        }
        DiskOrigin::Existing(_) | DiskOrigin::Seed { .. } | DiskOrigin::Drive { .. } => return None,
    };
    Some(Taking { disk, size, at_once: if pool.abilities().thin { copied } else { size } })
}

fn sum(takings: &[Taking], of: impl Fn(&Taking) -> Bytes) -> Bytes {
    Bytes(takings.iter().fold(0, |sum, taking| sum.saturating_add(of(taking).0)))
}

fn judge(subject: &Subject, notes: &mut Notes, pool: &Pool, takings: &[Taking]) {
    notes.looked();
    let Some(last) = takings.last() else { return };
    if pool.capacity.0 == 0 {
        let what = text!("free space of storage pool '{pool}'", pool = pool.name);
        return notes.unknown(place(last.disk), &what, "libvirt does not report how large it is");
    }
    let (at_once, size) = (sum(takings, |t| t.at_once), sum(takings, |t| t.size));
    if at_once > pool.available {
        let over = crossing(takings, pool.available, |t| t.at_once).unwrap_or(last);
        notes.blocker(place(over.disk), asks(takings, at_once, pool), remedy(subject, pool, at_once));
    } else if let Some(taking) = takings.iter().find(|taking| taking.size > pool.capacity) {
        let message = text!(
            "{row} requests {size}, but pool {pool} has {capacity} in total: the disk can never be filled",
            row = label(taking.disk),
            size = Arg::Gib(taking.size),
            pool = pool.name,
            capacity = Arg::Gib(pool.capacity)
        );
        let fix = remedy(subject, pool, taking.size);
        // A raw file is as long as the disk; a thin one may be never filled.
        if taking.disk.format == Some(ImageFormat::Raw) {
            notes.blocker(place(taking.disk), message, fix);
        } else {
            notes.warning(place(taking.disk), message, fix);
        }
    } else if size > pool.available {
        let over = crossing(takings, pool.available, |t| t.size).unwrap_or(last);
        notes.warning(place(over.disk), asks(takings, size, pool), remedy(subject, pool, size));
    }
}

/// The volume with which the sum first exceeds what is free.
fn crossing<'a, 'b>(takings: &'b [Taking<'a>], free: Bytes, of: impl Fn(&Taking) -> Bytes) -> Option<&'b Taking<'a>> {
    let mut sum = 0_u64;
    takings.iter().find(|taking| {
        sum = sum.saturating_add(of(taking).0);
        sum > free.0
    })
}

fn label(disk: &Disk) -> RowName {
    let row = disk.place.row_index().map_or(RowName::only("disk"), |row| RowName::numbered("disk", row));
    row.named(&disk.target.value)
}

fn asks(takings: &[Taking], sum: Bytes, pool: &Pool) -> Text {
    let has = text!("pool {pool} has {available} free", pool = pool.name, available = Arg::Gib(pool.available));
    match takings {
        [one] => text!("{row} requests {sum}; {has}", row = label(one.disk), sum = Arg::Gib(sum), has),
        many => {
            let rows = Arg::all(many.iter().map(|taking| label(taking.disk)));
            text!("{rows} together request {sum}; {has}", rows, sum = Arg::Gib(sum), has)
        }
    }
}

fn remedy(subject: &Subject, pool: &Pool, wanted: Bytes) -> Text {
    let less = text!("use {available} or less", available = Arg::Gib(pool.available));
    let roomy = |other: &&Pool| other.active && other.name != pool.name && other.available >= wanted;
    if let Some(other) = subject.facts.pools.items().iter().filter(roomy).max_by_key(|other| other.available) {
        text!(
            "{less}, or pool {other}, which has {available} free",
            less,
            other = other.name,
            available = Arg::Gib(other.available)
        )
    } else {
        text!("{less}, or free space: no other pool has that much free", less)
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said};
    use crate::facts::Fact;
    use crate::units::Bytes;
    use serde_json::json;

    #[test]
    fn a_thin_disk_may_outgrow_what_is_free() {
        let one = |size: u64| Asked::disks(json!([{"action": "create", "size": size}]));
        let Said { place, message, remedy, .. } = one(1500).said("DISK-SPACE").warning();
        assert_eq!(place, "storage.disks[0].size");
        assert_eq!(message, "disk 0 (vda) requests 1500 GiB; pool fast-nvme has 1239 GiB free");
        assert_eq!(remedy, "use 1239 GiB or less, or pool bulk, which has 8000 GiB free");
        one(1239).passes("DISK-SPACE");
        let Said { message, .. } = one(2001).said("DISK-SPACE").warning();
        assert_eq!(
            message,
            "disk 0 (vda) requests 2001 GiB, but pool fast-nvme has 2000 GiB in total: the disk can \
                             never be filled"
        );
        let raw = |size: u64| Asked::disks(json!([{"action": "create", "size": size, "format": "raw"}]));
        raw(2001).said("DISK-SPACE").blocker();
        raw(2000).said("DISK-SPACE").warning();
    }

    #[test]
    fn the_disks_of_a_pool_add_up() {
        let two = |second: u64| {
            Asked::disks(json!([
                {"action": "create", "size": 1000},
                {"action": "create", "size": second},
                {"action": "create", "size": 4000, "storage_pool": "bulk"},
            ]))
        };
        let want = "disk 0 (vda) and disk 1 (vdb) together request 1240 GiB; pool fast-nvme has 1239 GiB free";
        two(240).warns("DISK-SPACE", "storage.disks[1].size", want);
        two(239).passes("DISK-SPACE");
    }

    #[test]
    fn a_block_pool_needs_all_of_it_at_once() {
        let lvm = |size: u64| Asked::disks(json!([{"action": "create", "size": size, "storage_pool": "vg0"}]));
        lvm(101).blocks(
            "DISK-SPACE",
            "storage.disks[0].size",
            "disk 0 (vda) requests 101 GiB; pool vg0 has 100 GiB \
                                                                free",
        );
        lvm(100).passes("DISK-SPACE");
    }

    #[test]
    fn a_clone_takes_at_once_what_its_source_takes() {
        let clone = || Asked::disks(json!([{"action": "clone", "clone_from": "old-vda.qcow2"}]));
        let free = |asked: Asked, free: Bytes| asked.pools(|pool| pool.available = free);
        free(clone(), Bytes::gib(11)).said("DISK-SPACE").blocker();
        free(clone(), Bytes::gib(12)).said("DISK-SPACE").warning();
        free(clone(), Bytes::gib(40)).passes("DISK-SPACE");
    }

    #[test]
    fn unknown_pools_are_not_called_roomy() {
        Asked::good().facts(|facts| facts.pools = Fact::default()).unknown("DISK-SPACE");
        Asked::good().pools(|pool| pool.capacity = Bytes(0)).unknown("DISK-SPACE");
    }

    #[test]
    fn a_source_of_which_only_the_name_is_known_is_not_called_small() {
        let nameless = |pool: &mut crate::facts::Pool| {
            for volume in pool.volumes.get_mut().into_iter().flatten() {
                (volume.capacity, volume.allocation) = (Bytes(0), Bytes(0));
            }
        };
        let clone = json!([{"action": "clone", "clone_from": "old-vda.qcow2", "size": 10}]);
        Asked::disks(clone).pools(nameless).unknown("DISK-SPACE");
    }
}
