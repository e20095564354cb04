//! Checks of the storage pools that a spec names.

use super::note::{Topic, without};
use super::row::RowName;
use super::subject::{DiskRow, NamedPool};
use super::text::{Arg, Text, text};
use super::wording::{blank, field};
use super::{Check, Notes, Subject};
use crate::facts::Pool;
use crate::machine::Location;
use crate::spec::{DiskAction, DiskFormat};

pub(super) static CHECKS: &[&Check] = &[&STORAGE_MISSING, &POOL_REQUIRED, &POOL_MISSING, &POOL_INACTIVE, &POOL_FORMAT];

static STORAGE_MISSING: Check = Check {
    code: "STORAGE-MISSING",
    title: "storage is described",
    explain: "A VM needs the `storage` object: the default pool, and at least one disk. A VM that runs from an ISO \
              alone also lists its disks, so that nothing is left out by accident. Only a VM that starts a kernel \
              directly (boot.kernel) may have none.",
    contract: Some(7),
    run: Some(storage),
    ..Check::VM
};

static POOL_REQUIRED: Check = Check {
    code: "POOL-REQUIRED",
    title: "default pool is named",
    explain: "Every disk that names no pool of its own, the boot ISO and the cloud-init seed are in \
              storage.default_pool. It is required even if every disk names its own pool, unless a kernel is started \
              directly (boot.kernel) and every path is absolute.",
    contract: Some(8),
    run: Some(required),
    ..Check::VM
};

static POOL_MISSING: Check = Check {
    code: "POOL-MISSING",
    title: "named pools exist",
    explain: "A storage pool is libvirt's name for a folder, volume group or other place for volumes. The host has no \
              pool of this name. Choose an existing one, or define one with `virsh pool-define-as`.",
    contract: Some(9),
    run: Some(missing),
    ..Check::VM
};

static POOL_INACTIVE: Check = Check {
    code: "POOL-INACTIVE",
    title: "named pools are active",
    explain: "libvirt sees no volumes in a pool that is not started: nothing can be created in it or read from it. \
              Start it with `virsh pool-start`, and enable its autostart with `virsh pool-autostart`.",
    run: Some(inactive),
    ..Check::VM
};

static POOL_FORMAT: Check = Check {
    code: "POOL-FORMAT",
    title: "pools support the disk formats",
    explain: "Directory pools hold image files of any format. Volumes of volume groups, partitioned disks, ZFS, RBD \
              and the like are block devices: they hold raw data, and libvirt does not create qcow2 in them. Leave the \
              format out, or choose a directory pool.",
    run: Some(format),
    ..Check::VM
};

fn storage(subject: &Subject, notes: &mut Notes) {
    notes.looked();
    if subject.spec.storage.is_none() && subject.machine.direct_boot.is_none() {
        notes.blocker(field("storage"), "storage is required", "name a default pool and at least one disk");
    }
}

fn required(subject: &Subject, notes: &mut Notes) {
    let Some(storage) = &subject.spec.storage else { return };
    notes.looked();
    if subject.machine.direct_boot.is_some() && !uses_default_pool(subject) {
        return;
    }
    if blank(storage.default_pool.as_ref()) {
        let remedy = match some_pools(subject) {
            Some(pools) => text!("choose one of this host: {pools}", pools),
            None => "name a storage pool, such as default".into(),
        };
        notes.blocker(field("storage").key("default_pool"), "default_pool is required", remedy);
    }
}

/// True where anything of the machine lies in the default pool, or would if there were one.
fn uses_default_pool(subject: &Subject) -> bool {
    let unnamed = subject.default_pool().unwrap_or_default();
    let within = |at: &Location| matches!(at, Location::Volume { pool, .. } if pool == unnamed);
    let direct = subject.machine.direct_boot.iter().flat_map(|boot| [&boot.kernel, &boot.initrd]);
    let disks = subject.machine.disks.iter().any(|disk| disk.location().is_none_or(within));
    disks || direct.flatten().any(within)
}

/// The first pools of the host, active ones only; `None` where there are none.
fn some_pools(subject: &Subject) -> Option<Arg> {
    let active = subject.facts.pools.items().iter().filter(|pool| pool.active);
    let names: Vec<Text> = active
        .map(|pool| text!("{pool} ({available} free)", pool = pool.name, available = Arg::Gib(pool.available)))
        .take(4)
        .collect();
    (!names.is_empty()).then(|| Arg::all(&names))
}

fn missing(subject: &Subject, notes: &mut Notes) {
    for NamedPool { name, place, row, .. } in subject.named_pools() {
        let what = text!("whether storage pool '{name}' exists", name);
        if notes.known(&subject.facts.pools, || place.clone(), &what).is_none() || subject.pool(name).is_some() {
            continue;
        }
        let message = if row.is_none() {
            text!("default storage pool '{name}' not found: storage pool not found", name)
        } else {
            text!("storage pool '{name}' not found: storage pool not found", name)
        };
        let remedy = match some_pools(subject) {
            Some(pools) => text!("choose one of this host: {pools}", pools),
            None => "define and start one: virsh pool-define-as, virsh pool-start".into(),
        };
        let topic = Topic { row: row.map(|row| RowName::numbered("disk", row)), ..place.into() };
        notes.blocker(topic, message, remedy);
    }
}

fn inactive(subject: &Subject, notes: &mut Notes) {
    for NamedPool { name, place, row, needed } in subject.named_pools() {
        let Some(pool) = subject.pool(name) else { continue };
        notes.looked();
        if pool.active {
            continue;
        }
        let message = if row.is_none() {
            text!("default storage pool '{name}' is not active", name)
        } else {
            text!("storage pool '{name}' is not active", name)
        };
        let topic = Topic { row: row.map(|row| RowName::numbered("disk", row)), ..place.into() };
        let remedy = text!("start it: virsh pool-start {name}", name = crate::units::shell_quote(name));
        if needed {
            notes.blocker(topic, message, remedy);
        } else {
            notes.warning(topic, message, remedy);
        }
    }
}

/// The rows that make a volume, with the pool it goes to.
fn makers<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (DiskRow<'a>, &'a Pool)> {
    subject.disks().filter(DiskRow::makes_volume).filter_map(|row| Some((row, subject.pool_of(row)?)))
}

fn format(subject: &Subject, notes: &mut Notes) {
    for (row, pool) in makers(subject) {
        notes.looked();
        let format = row.asked.format;
        let made = match row.asked.action {
            Some(DiskAction::Clone) => DiskAction::Clone,
            _ => DiskAction::Create,
        }
        .name();
        match format {
            Some(DiskFormat::Qcow2) if !pool.holds_images() => {
                let message = text!(
                    "pool '{pool}' ({kind}) holds raw volumes; qcow2 was requested",
                    pool = pool.name,
                    kind = pool.kind
                );
                notes.blocker(
                    row.topic("format"),
                    message,
                    without("leave the format out, or choose a directory pool"),
                );
            }
            Some(DiskFormat::Vmdk | DiskFormat::Vdi) => {
                let message = text!(
                    "{made} writes qcow2 or raw; {diskformat} was requested",
                    made,
                    diskformat = format.map_or("", DiskFormat::name)
                );
                notes.blocker(row.topic("format"), message, without("leave the format out for qcow2"));
            }
            Some(DiskFormat::Qcow2 | DiskFormat::Raw) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said};
    use crate::facts::Fact;
    use serde_json::json;

    fn disk(fields: serde_json::Value) -> Asked {
        Asked::disks(vec![fields].into())
    }

    #[test]
    fn storage_and_its_default_pool_are_required() {
        Asked::with(json!({"storage": null})).blocks("STORAGE-MISSING", "storage", "storage is required");
        let none = Asked::with(json!({"storage": {"default_pool": null}}));
        none.blocks("POOL-REQUIRED", "storage.default_pool", "default_pool is required").passes("STORAGE-MISSING");
        Asked::good().passes("POOL-REQUIRED");
    }

    #[test]
    fn a_missing_pool_is_named_in_the_words_of_the_api() {
        let place = "storage.default_pool";
        let want = "default storage pool 'custom-pool' not found: storage pool not found";
        let asked = Asked::with(json!({"storage": {"default_pool": "custom-pool"}}));
        asked.blocks("POOL-MISSING", place, want).quiet("DISK-SPACE");
        let want = "disk 0: storage pool 'x' not found: storage pool not found";
        let own = disk(json!({"action": "create", "size": 1, "storage_pool": "x"}));
        own.blocks("POOL-MISSING", "storage.disks[0].storage_pool", want);
        Asked::good().passes("POOL-MISSING");
        Asked::good().facts(|facts| facts.pools = Fact::default()).unknown("POOL-MISSING");
    }

    #[test]
    fn an_inactive_pool_comes_with_the_command_that_starts_it() {
        let stopped = |asked: Asked| asked.pools(|pool| pool.active = false);
        let Said { message, remedy, .. } = stopped(Asked::good()).said("POOL-INACTIVE").blocker();
        assert_eq!(message, "default storage pool 'fast-nvme' is not active");
        assert_eq!(remedy, "start it: virsh pool-start fast-nvme");
        Asked::good().passes("POOL-INACTIVE");
    }

    #[test]
    fn a_default_pool_that_nothing_uses_may_sleep() {
        let asked = disk(json!({"action": "create", "size": 1, "storage_pool": "bulk"}));
        asked.pools(|pool| pool.active = pool.name != "fast-nvme").said("POOL-INACTIVE").warning();
    }

    #[test]
    fn block_pools_hold_raw_volumes_only() {
        let lvm = |format: Option<&str>| {
            disk(json!({"action": "create", "size": 1, "storage_pool": "vg0", "format": format}))
        };
        let want = "disk 0 (vda): pool 'vg0' (logical) holds raw volumes; qcow2 was requested";
        lvm(Some("qcow2")).blocks("POOL-FORMAT", "storage.disks[0].format", want);
        lvm(Some("raw")).passes("POOL-FORMAT");
        lvm(None).passes("POOL-FORMAT");
        disk(json!({"action": "create", "size": 1, "format": "vdi"})).said("POOL-FORMAT").blocker();
    }
}
