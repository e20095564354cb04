//! Checks of what is asked of a pool against what its type can do.

use super::image::written;
use super::note::{Topic, clause};
use super::row::RowName;
use super::subject::Image;
use super::text::{Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::{CopySources, Pool, UnnamedPartition, VolumeKind, VolumeNames, VolumeSource, next_partition};
use crate::machine::{Disk, DiskOrigin, Location};
use crate::spec::filled;
use std::collections::BTreeSet;

pub(super) static CHECKS: &[&Check] =
    &[&POOL_FIXED, &POOL_COPY, &POOL_UPLOAD, &POOL_PARTITION, &POOL_SOURCE, &POOL_NVRAM];

static POOL_FIXED: Check = Check {
    code: "POOL-FIXED",
    title: "volumes can be created in the pools",
    explain: "The volumes of iSCSI, SCSI and multipath pools are units of a storage system, which only that system can \
              create, and libvirt creates no files in Gluster pools. A volume that exists there can be attached. \
              Create, clone and write the cloud-init seed in a pool of another type.",
    run: Some(fixed),
    ..Check::VM
};

static POOL_COPY: Check = Check {
    code: "POOL-COPY",
    title: "pools can copy the clone sources",
    explain: "libvirt copies a volume by its path on the host. Volumes of RBD, Gluster and iscsi-direct pools have no \
              such path: they cannot be copied into another pool, and an RBD pool copies its own volumes only. A ZFS \
              pool copies nothing itself; vmbuild sends the content instead where the host is this machine.",
    run: Some(copy),
    ..Check::VM
};

static POOL_UPLOAD: Check = Check {
    code: "POOL-UPLOAD",
    title: "default pool takes the cloud-init seed",
    explain: "The cloud-init seed becomes a volume of the default pool and is sent there by libvirt, which sends no \
              content into RBD and Sheepdog pools. Let the default pool be a directory, and name the other pool in \
              storage_pool of each disk.",
    run: Some(upload),
    ..Check::VM
};

static POOL_PARTITION: Check = Check {
    code: "POOL-PARTITION",
    title: "names of new partitions are known",
    explain: "A volume of a pool of type disk is a partition. libvirt accepts it only under the name that the partition \
              will have, and otherwise leaves the new partition behind. That name is known for GPT and DOS partition \
              tables, on a drive that was seen or has partitions already. On a drive whose name ends in a digit \
              (nvme0n1), libvirt creates partitions and fails to delete them.",
    run: Some(partition),
    ..Check::VM
};

static POOL_SOURCE: Check = Check {
    code: "POOL-SOURCE",
    title: "QEMU can reach the volumes of the pools",
    explain: "libvirt does not look up the volumes of RBD and Gluster pools for a domain: QEMU is given the machines \
              and the account of the pool instead, which are read from the pool. QEMU no longer has a driver for \
              Sheepdog.",
    run: Some(source),
    ..Check::VM
};

static POOL_NVRAM: Check = Check {
    code: "POOL-NVRAM",
    title: "UEFI variables are kept in a file",
    explain: "libvirt writes the UEFI variables into a new file beside the one that is named, and renames it. In a \
              folder of devices, such as that of a volume group, this replaces the device by a file that is gone after \
              the next boot of the host. Name a file, or leave nvram to libvirt.",
    run: Some(nvram),
    ..Check::VM
};

/// A volume that the build makes, with the pool that it is made in.
struct PlannedVolume<'a> {
    disk: &'a Disk,
    pool: &'a Pool,
    volume: &'a str,
}

impl PlannedVolume<'_> {
    /// Its field `key`; the seed has none.
    fn topic(&self, key: &str) -> Topic {
        match self.disk.place.row_index() {
            Some(row) => {
                let name = RowName::numbered("disk", row).named(&self.disk.target.value);
                Topic::from(self.disk.place.clone().key(key)).of(name)
            }
            None => self.disk.place.clone().into(),
        }
    }
}

fn new_volumes<'a>(subject: &Subject<'a>) -> impl Iterator<Item = PlannedVolume<'a>> {
    let (machine, facts) = (subject.machine, subject.facts);
    machine.disks.iter().filter_map(|disk| {
        let (DiskOrigin::New { at, .. } | DiskOrigin::Clone { at, .. } | DiskOrigin::Seed { at }) = &disk.origin else {
            return None;
        };
        let Location::Volume { pool, volume, .. } = at else { return None };
        let pool = facts.pools.items().iter().find(|known| known.name == *pool)?;
        Some(PlannedVolume { disk, pool, volume })
    })
}

/// `pool 'san' (iscsi)`.
fn named(pool: &Pool) -> Text {
    text!("pool '{name}' ({kind})", name = pool.name, kind = pool.kind)
}

/// Where the seed goes instead.
const ELSEWHERE: &str = "choose a directory pool as default_pool, and name this pool in storage_pool of the disks";

fn fixed(subject: &Subject, notes: &mut Notes) {
    for new in new_volumes(subject) {
        notes.looked();
        let abilities = new.pool.abilities();
        if !abilities.is_known() {
            let what = text!("whether a volume can be created in {pool}", pool = named(new.pool));
            notes.unknown(new.topic("storage_pool"), what, "this type of pool is new to vmbuild");
        } else if !abilities.creates {
            let message = text!("no volume can be created in {pool}", pool = named(new.pool));
            let fix = if new.disk.is_seed() { ELSEWHERE } else { "choose another pool, or attach one of its volumes" };
            notes.blocker(new.topic("storage_pool"), message, fix);
        }
    }
}

fn copy(subject: &Subject, notes: &mut Notes) {
    for new in new_volumes(subject).filter(|new| new.pool.abilities().creates) {
        let DiskOrigin::Clone { from: Some(from), .. } = &new.disk.origin else { continue };
        if matches!(subject.image(from), Image::Missing | Image::NoPool) {
            continue;
        }
        notes.looked();
        match obstacle(subject, new.pool, from) {
            Some(Obstacle::Refused(message, fix)) => notes.blocker(new.topic("clone_from"), message, fix),
            Some(Obstacle::Unknown(why)) => {
                let what = text!("how {image} is copied into {pool}", image = written(from), pool = named(new.pool));
                notes.unknown(new.topic("clone_from"), what, why);
            }
            None => {}
        }
    }
}

/// Why a copy cannot be made, with what to do instead.
enum Obstacle {
    Refused(Text, Text),
    Unknown(Text),
}

fn obstacle(subject: &Subject, into: &Pool, from: &Location) -> Option<Obstacle> {
    let source = pool_of(subject, from);
    let own = source.is_some_and(|source| source.name == into.name);
    let (image, abilities) = (written(from), into.abilities());
    if own && abilities.copies != CopySources::Nothing {
        return None;
    }
    let unreadable = |source: &&Pool| {
        let abilities = source.abilities();
        abilities.is_known() && abilities.volumes == VolumeKind::Network
    };
    if let Some(source) = source.filter(unreadable) {
        let message =
            text!("{image} is in {source}: its volumes cannot be read on the host", image, source = named(source));
        return Some(Obstacle::Refused(message, text_of_own(source)));
    }
    match abilities.copies {
        CopySources::Host => None,
        CopySources::Own => {
            let message =
                text!("{into} copies its own volumes only, and {image} is not one", into = named(into), image);
            let fix = text!("clone a volume of pool '{name}', or choose another pool for the disk", name = into.name);
            Some(Obstacle::Refused(message, fix))
        }
        CopySources::Nothing if !abilities.uploads => {
            let message = text!("{into} makes no copies", into = named(into));
            Some(Obstacle::Refused(message, "choose another pool for the disk".into()))
        }
        CopySources::Nothing => by_content(subject, into, from),
    }
}

/// What can be done with a volume that only its own pool can read.
fn text_of_own(source: &Pool) -> Text {
    if source.abilities().copies == CopySources::Own {
        text!("choose pool '{name}' for the disk, or attach the volume", name = source.name)
    } else {
        "attach the volume, or copy it into a directory pool with qemu-img convert".into()
    }
}

/// The content of a file or volume of this machine can be sent into any volume.
fn by_content(subject: &Subject, into: &Pool, from: &Location) -> Option<Obstacle> {
    let known = subject.known(from);
    match subject.facts.host.get() {
        Some(host) if !host.local => {
            let message = text!(
                "{into} copies no volumes itself, and the content of {image} cannot be sent: the host is another machine",
                into = named(into),
                image = written(from)
            );
            Some(Obstacle::Refused(message, "run vmbuild on that host, or choose another pool for the disk".into()))
        }
        Some(_) if known.format().is_some() || from.is_block() => None,
        Some(_) => Some(Obstacle::Unknown("its format is not known".into())),
        None => Some(Obstacle::Unknown("the host is not known".into())),
    }
}

/// The pool that has the image at `from`.
fn pool_of<'a>(subject: &Subject<'a>, from: &Location) -> Option<&'a Pool> {
    match from {
        Location::Volume { pool, .. } => subject.pool(pool),
        Location::Path { .. } => subject.known(from).volume.map(|(pool, _)| pool),
    }
}

fn upload(subject: &Subject, notes: &mut Notes) {
    for new in new_volumes(subject).filter(|new| new.disk.is_seed()) {
        notes.looked();
        let abilities = new.pool.abilities();
        if abilities.creates && !abilities.uploads && abilities.is_known() {
            let message = text!("the cloud-init seed cannot be written into {pool}", pool = named(new.pool));
            notes.blocker(field("cloud_init"), message, ELSEWHERE);
        }
    }
}

fn partition(subject: &Subject, notes: &mut Notes) {
    let mut taken: Vec<(&str, BTreeSet<String>)> = Vec::new();
    for new in new_volumes(subject).filter(|new| new.pool.abilities().names == VolumeNames::Partition) {
        notes.looked();
        let at = taken.iter().position(|(name, _)| *name == new.pool.name).unwrap_or_else(|| {
            taken.push((&new.pool.name, BTreeSet::new()));
            taken.len() - 1
        });
        let Some((_, names)) = taken.get_mut(at) else { continue };
        let outcome = next_partition(new.pool, subject.facts.storage.get(), names);
        if names.is_empty() && outcome.as_deref().is_ok_and(is_behind_a_digit) {
            let message = text!(
                "libvirt deletes no partition of {pool}: one of a build that fails stays",
                pool = named(new.pool)
            );
            let drive = new.pool.source.device.as_deref().unwrap_or("DRIVE");
            let fix = text!("delete it with parted {drive} rm NUMBER, then refresh the pool", drive);
            notes.warning(new.topic("storage_pool"), message, fix);
        }
        names.insert(new.volume.to_owned());
        let Err(why) = outcome else { continue };
        let topic = new.topic("storage_pool");
        let name = text!("the name of the next partition of {pool}", pool = named(new.pool));
        match why {
            UnnamedPartition::Unread(why) => notes.unknown(topic, name, clause(&why)),
            UnnamedPartition::Full => {
                let message = text!("{pool} has no number left for a partition", pool = named(new.pool));
                notes.blocker(topic, message, "choose another pool, or delete a partition");
            }
            UnnamedPartition::Table(table) => {
                let message = text!("{name} is not known: its partition table is {table}", name, table);
                notes.blocker(topic, message, "choose another pool, or attach a partition that exists");
            }
            UnnamedPartition::Drive(drive) => {
                let drive = drive.unwrap_or_else(|| "its drive".into());
                let message = text!("{name} is not known: it depends on what {drive} is", name, drive);
                notes.blocker(
                    topic,
                    message,
                    "create a first partition with virsh vol-create-as, or choose another pool",
                );
            }
        }
    }
}

/// True where the number of a partition is behind a `p`, as on a drive whose name ends in a digit. libvirt 11.3 asks parted to
/// remove `p1` there, which is no number (`virStorageBackendDiskDeleteVol`).
fn is_behind_a_digit(partition: &str) -> bool {
    let drive = partition.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix('p');
    drive.is_some_and(|drive| drive.ends_with(|c: char| c.is_ascii_digit()))
}

fn source(subject: &Subject, notes: &mut Notes) {
    for disk in &subject.machine.disks {
        let Some(Location::Volume { pool, network, .. }) = disk.location() else { continue };
        let Some(pool) = subject.pool(pool) else { continue };
        notes.looked();
        match pool.abilities().source {
            VolumeSource::Nothing => {
                let message = text!("QEMU has no driver for the volumes of {pool}", pool = named(pool));
                notes.blocker(disk.place.clone(), message, "choose another pool");
            }
            VolumeSource::Network { .. } if network.is_none() => {
                let what = text!("how QEMU reaches the volumes of {pool}", pool = named(pool));
                notes.unknown(disk.place.clone(), what, "the machines that serve it are not known");
            }
            _ => {}
        }
    }
}

fn nvram(subject: &Subject, notes: &mut Notes) {
    let Some(path) = filled(subject.spec.nvram.as_deref()).map(str::trim) else { return };
    notes.looked();
    let below = |pool: &&Pool| {
        let folder = pool.path.as_deref().filter(|_| pool.holds_block_devices());
        let rest = folder.and_then(|folder| path.strip_prefix(folder.trim_end_matches('/')));
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    // That of partitions is /dev itself.
    let pools = subject.facts.pools.items().iter().filter(below);
    if let Some(pool) = pools.max_by_key(|pool| pool.path.as_ref().map(String::len)) {
        let message = text!("nvram is in {pool}, whose volumes are block devices", pool = named(pool));
        notes.blocker(field("nvram"), message, "name a file, or leave nvram out");
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::Severity;
    use crate::checks::fixture::{Asked, host, known};
    use crate::facts::{Host, POOL_TYPES, Pool, PoolHost, PoolSource};
    use serde_json::{Value, json};

    /// A pool of the type `kind` in the place of the volume group, with one volume.
    fn of(kind: &'static str, spec: Value) -> Asked {
        let turn = |pool: &mut Pool| {
            if pool.name == "vg0" {
                pool.kind = kind.into();
                let hosts = vec![PoolHost { name: "mon".into(), port: None }];
                let (name, device) = (Some("there".into()), Some("/dev/sdz".into()));
                pool.source = PoolSource { name, device, format: Some("gpt".into()), hosts, ..PoolSource::default() };
                if pool.abilities().volumes == crate::facts::VolumeKind::Network {
                    pool.path = None;
                    pool.volumes.get_mut().into_iter().flatten().for_each(|volume| volume.path = "there/data".into());
                }
            }
        };
        Asked::with(spec).facts(|facts| facts.host = known(host())).pools(turn)
    }

    fn disk(kind: &'static str, row: &Value) -> Asked {
        of(kind, json!({"storage": {"disks": [row]}}))
    }

    /// The codes among those of this file that refuse `asked`.
    fn refusals(asked: &Asked) -> Vec<String> {
        let report = asked.report();
        let ours = super::CHECKS.iter().map(|check| check.code).collect::<Vec<_>>();
        let refused = report.findings.iter().filter(|finding| finding.severity() == Severity::Blocker);
        refused.map(|finding| finding.code().to_owned()).filter(|code| ours.contains(&code.as_str())).collect()
    }

    #[test]
    fn each_type_has_an_answer_to_each_action() {
        let answers: Vec<String> = POOL_TYPES.iter().map(|row| answers(row.name)).collect();
        let want = [
            "dir: create, own, from, into, attach, seed",
            "fs: create, own, from, into, attach, seed",
            "netfs: create, own, from, into, attach, seed",
            "vstorage: create, own, from, into, attach, seed",
            "logical: create, own, from, into, attach, seed",
            "disk: create, own, from, into, attach, seed",
            "zfs: create, own, from, into, attach, seed",
            "scsi: from, attach",
            "iscsi: from, attach",
            "mpath: from, attach",
            "iscsi-direct: attach",
            "rbd: create, own, attach",
            "gluster: attach",
            "sheepdog: ",
        ];
        assert_eq!(answers, want);
    }

    /// What can be done with a pool of this type.
    fn answers(kind: &'static str) -> String {
        let disk = |row: Value| json!({"storage": {"disks": [row]}});
        let elsewhere = json!([{"action": "create", "size": 1, "storage_pool": "bulk"}]);
        let seed = json!({"cloud_init": {"user": "joe"}, "storage": {"default_pool": "vg0", "disks": elsewhere}});
        let other = "fast-nvme/old-vda.qcow2";
        let specs = [
            ("create", disk(json!({"action": "create", "size": 1, "storage_pool": "vg0"}))),
            ("own", disk(json!({"action": "clone", "clone_from": "vg0/data", "storage_pool": "vg0"}))),
            ("from", disk(json!({"action": "clone", "clone_from": "vg0/data"}))),
            ("into", disk(json!({"action": "clone", "clone_from": other, "storage_pool": "vg0"}))),
            ("attach", disk(json!({"action": "attach", "path": "vg0/data"}))),
            ("seed", seed),
        ];
        let works = specs.into_iter().filter(|(_, spec)| refusals(&of(kind, spec.clone())).is_empty());
        format!("{kind}: {}", works.map(|(word, _)| word).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn nothing_is_created_where_libvirt_cannot() {
        let want = "disk 0 (vda): no volume can be created in pool 'vg0' (iscsi)";
        let create = json!({"action": "create", "size": 1, "storage_pool": "vg0"});
        disk("iscsi", &create).blocks("POOL-FIXED", "storage.disks[0].storage_pool", want);
        disk("tape", &create).unknown("POOL-FIXED");
    }

    #[test]
    fn a_copy_needs_a_source_that_the_pool_can_read() {
        let place = "storage.disks[0].clone_from";
        let from = disk("rbd", &json!({"action": "clone", "clone_from": "vg0/data"}));
        let want = "disk 0 (vda): vg0/data is in pool 'vg0' (rbd): its volumes cannot be read on the host";
        from.blocks("POOL-COPY", place, want);
        let into = json!({"action": "clone", "clone_from": "fast-nvme/old-vda.qcow2", "storage_pool": "vg0"});
        let want = "disk 0 (vda): pool 'vg0' (rbd) copies its own volumes only, and fast-nvme/old-vda.qcow2 is not one";
        disk("rbd", &into).blocks("POOL-COPY", place, want);
        let far = disk("zfs", &into).facts(|facts| facts.host = known(Host { local: false, ..host() }));
        far.said("POOL-COPY").blocker();
    }

    #[test]
    fn the_seed_goes_where_content_can_be_sent() {
        let spec = json!({"cloud_init": {"user": "joe"}, "storage": {"default_pool": "vg0"}});
        let want = "the cloud-init seed cannot be written into pool 'vg0' (rbd)";
        of("rbd", spec.clone()).blocks("POOL-UPLOAD", "cloud_init", want);
        of("logical", spec).passes("POOL-UPLOAD");
    }

    #[test]
    fn a_partition_has_the_name_that_libvirt_demands() {
        let row = json!({"action": "create", "size": 1, "storage_pool": "vg0"});
        let table = |table: &'static str| {
            disk("disk", &row).pools(move |pool| {
                pool.source.format = Some(table.into());
                pool.volumes.get_mut().into_iter().for_each(Vec::clear);
            })
        };
        table("gpt").passes("POOL-PARTITION");
        let want = "disk 0 (vda): libvirt deletes no partition of pool 'vg0' (disk): one of a build that fails stays";
        let numbered = table("gpt").pools(|pool| pool.source.device = Some("/dev/nvme0n1".into()));
        numbered.warns("POOL-PARTITION", "storage.disks[0].storage_pool", want);
        let want = "disk 0 (vda): the name of the next partition of pool 'vg0' (disk) is not known: its partition table is sun";
        table("sun").blocks("POOL-PARTITION", "storage.disks[0].storage_pool", want);
        let five = json!([row, row, row, row, row]);
        let full = of("disk", json!({"storage": {"disks": five}})).pools(|pool| {
            pool.source.format = Some("dos".into());
            pool.volumes.get_mut().into_iter().for_each(Vec::clear);
        });
        full.blocks(
            "POOL-PARTITION",
            "storage.disks[4].storage_pool",
            "disk 4 (vde): pool 'vg0' (disk) has no number left for a partition",
        );
    }

    #[test]
    fn uefi_variables_are_not_kept_in_a_device() {
        let at = |path: &str| of("logical", json!({"firmware": "uefi", "nvram": path}));
        let want = "nvram is in pool 'vg0' (logical), whose volumes are block devices";
        at("/dev/vg0/vars").blocks("POOL-NVRAM", "nvram", want);
        at("/dev/vg01/vars").passes("POOL-NVRAM");
        at("/srv/vars.fd").passes("POOL-NVRAM");
    }
}
