//! Checks of the block devices of the host that a guest gets, however the spec names them.

use super::note::{Topic, clause};
use super::reached::Reached;
use super::text::{Arg, Text, text};
use super::{Check, Notes, Subject, reach};
use crate::facts::{NOT_ASKED, Use, uses_of_device};
use crate::spec::host_paths::Access;
use crate::units::shell_quote;

pub(super) static CHECKS: &[&Check] = &[&IMAGE_DEVICE];

static IMAGE_DEVICE: Check = Check {
    code: "IMAGE-DEVICE",
    title: "host does not use the guest's drives",
    explain: "A block device is given to the guest as it is: the guest can read or overwrite every byte, including the \
              host's own file systems, swap and volume groups. A drive that the host uses, or that could not be \
              looked at, is refused until its path is typed out (--give-up PATH, or in the wizard). It counts by whichever \
              name the spec has for it: a link, a name below /dev/disk, a partition, custom_xml. Prefer a name below \
              /dev/disk/by-id, which does not change with the next boot.",
    consent: true,
    run: Some(devices),
    ..Check::VM
};

fn devices(subject: &Subject, notes: &mut Notes) {
    for reached in reach::all(subject).iter().filter(|reached| reached.access != Access::Mounts) {
        notes.looked();
        if reached.is_block(subject.facts) {
            judge(subject, notes, reached);
        }
    }
}

fn judge(subject: &Subject, notes: &mut Notes, reached: &Reached) {
    let Reached { topic, name, path, access, .. } = reached;
    let named = text!("{name}: {path}", name, path);
    let fix =
        || text!("choose another drive; to give it up, type its path (--give-up {path})", path = shell_quote(path));
    // A volume of a pool is libvirt's to give away, unless the host uses the volume itself.
    let is_volume = subject.volume_at(path).is_some();
    let uses =
        reached.device(subject.facts).map(|device| uses_of_device(subject.facts, &device.name)).unwrap_or_default();
    let carried: Vec<Text> = uses.iter().filter_map(of_drive).collect();
    if !carried.is_empty() {
        let message = text!("{named} is a drive that the host uses: {carried}", named, carried = Arg::all(carried));
        return notes.lock_out_drive(topic.clone(), path, message, fix());
    }
    if is_volume {
        return;
    }
    if let Some(why) = unseen(subject, reached) {
        if why == NOT_ASKED || subject.facts.host.get().is_none() {
            return notes.unknown(topic.clone(), text!("whether the host uses {path}", path), clause(&why));
        }
        let message = text!("{named} is a drive that the host may use: {why}", named, why = clause(&why));
        return notes.lock_out_drive(topic.clone(), path, message, fix());
    }
    warn(notes, topic, &named, *access);
}

fn warn(notes: &mut Notes, topic: &Topic, named: &Text, access: Access) {
    let what = if access == Access::Writes { "the guest can overwrite" } else { "the guest reads" };
    let message = text!("{named} is a block device of the host; {what} all of it", named, what);
    notes.warning(topic.clone(), message, "make sure that nothing on it is still needed: lsblk, findmnt, pvs");
}

/// Why it is not known what the host does with a drive.
fn unseen(subject: &Subject, reached: &Reached) -> Option<String> {
    let Some(storage) = subject.facts.storage.get() else {
        return subject.facts.storage.why_not().map(str::to_owned);
    };
    if reached.device(subject.facts).is_none() {
        return Some("it is not among the block devices that were seen".into());
    }
    storage.traced().why_not().map(str::to_owned)
}

/// What the host has on a drive.
fn of_drive(used: &Use) -> Option<Text> {
    Some(match used {
        Use::Root { device } => text!("mounted / ({device})", device),
        Use::Boot { point } | Use::Mount { point } => text!("mounted {point}", point),
        Use::Swap { device } => text!("swap {device}", device),
        Use::Pool { name } => text!("storage pool '{name}'", name),
        Use::Zfs { name } => text!("ZFS pool '{name}'", name),
        Use::VolumeGroup { name } => text!("volume group '{name}'", name),
        Use::Raid { name } => text!("array {name}", name),
        Use::Mapping { name } => text!("mapping {name}", name),
        Use::Member { kind } => text!("a part of an array, a group or a pool ({kind})", kind),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, file, known};
    use crate::checks::{Allowed, HostDevice};
    use crate::facts::storage::Mount;
    use crate::facts::{BlockDevice, BlockKind, Fact, HostStorage, MediaFile, MediaKind};
    use serde_json::json;

    fn drive(name: &str, number: &str, kind: BlockKind, below: &[&str]) -> BlockDevice {
        let below = below.iter().map(|name| (*name).to_owned()).collect();
        BlockDevice { name: name.into(), number: number.into(), kind, below, ..BlockDevice::default() }
    }

    /// A host with / on a partition of sda and nothing on sdb.
    fn with_drives(asked: Asked) -> Asked {
        let mut sdb = drive("sdb", "8:16", BlockKind::Disk, &[]);
        sdb.links = vec!["disk/by-id/ata-WD_1".into()];
        let mount = Mount {
            point: "/".into(),
            kind: "ext4".into(),
            source: "/dev/sda2".into(),
            devices: vec!["sda2".into()],
            server: None,
        };
        let storage = HostStorage {
            devices: vec![
                drive("sda", "8:0", BlockKind::Disk, &[]),
                drive("sda2", "8:2", BlockKind::Partition, &["sda"]),
                sdb,
            ],
            mounts: known(vec![mount]),
            swaps: known(Vec::new()),
            zfs: known(Vec::new()),
        };
        asked.facts(|facts| facts.storage = known(storage))
    }

    fn attach(path: &str) -> Asked {
        with_drives(Asked::disks(json!([{"action": "attach", "path": path, "format": "raw"}])))
    }

    #[test]
    fn a_drive_of_the_host_is_refused_until_its_path_is_typed() {
        let want = "disk 0: path: /dev/sda is a drive that the host uses: mounted / (/dev/sda2)";
        attach("/dev/sda").blocks("IMAGE-DEVICE", "storage.disks[0].path", want);
        attach("/dev/sda2").said("IMAGE-DEVICE").blocker();
        attach("/dev/sdb").said("IMAGE-DEVICE").warning();
        attach("/dev/disk/by-id/ata-WD_1").said("IMAGE-DEVICE").warning();
        let allowed: Allowed = HostDevice::typed("/dev/sda").into_iter().collect();
        let report = attach("/dev/sda").report_allowing(&allowed);
        assert!(report.blockers().all(|finding| finding.code() != "IMAGE-DEVICE"), "{report:?}");
    }

    #[test]
    fn a_drive_counts_by_any_name() {
        let leads = |number: Option<&str>, place: &str| MediaFile {
            kind: MediaKind::BlockDevice,
            number: number.map(str::to_owned),
            places: vec![place.into()],
            ..file()
        };
        let linked = attach("/srv/disk.img").known_file("/srv/disk.img", leads(Some("8:0"), "/dev/sda"));
        linked.said("IMAGE-DEVICE").blocker();
        let by_name = attach("/dev/disk/by-path/x").known_file("/dev/disk/by-path/x", leads(None, "/dev/sda"));
        by_name.said("IMAGE-DEVICE").blocker();
        let xml = |disk: &str| {
            let text = format!("<domain><devices>{disk}</devices></domain>");
            with_drives(Asked::with(json!({"custom_xml": text})))
        };
        let want = "<disk> in custom_xml: /dev/sda is a drive that the host uses: mounted / (/dev/sda2)";
        let disk = "<disk type='block'><source dev='/dev/sda'/><target dev='vdz'/></disk>";
        xml(disk).blocks("IMAGE-DEVICE", "custom_xml", want);
        xml("<disk><source dev='//dev/sda'/></disk>").said("IMAGE-DEVICE").blocker();
        let missing = || MediaFile { kind: MediaKind::Missing, ..MediaFile::default() };
        xml(disk).known_file("/dev/sda", missing()).said("IMAGE-DEVICE").blocker();
        attach("/dev/sdz").known_file("/dev/sdz", missing()).passes("IMAGE-DEVICE");
        let clone = with_drives(Asked::disks(json!([{"action": "clone", "clone_from": "/dev/sda2"}])));
        clone.said("IMAGE-DEVICE").blocker();
    }

    #[test]
    fn a_drive_that_was_not_seen_may_be_the_hosts() {
        let unseen = |why: Fact<HostStorage>| attach("/dev/vda").facts(|facts| facts.storage = why);
        let want = "disk 0: path: /dev/vda is a drive that the host may use: It was not read";
        unseen(Fact::unknown("It was not read.")).blocks("IMAGE-DEVICE", "storage.disks[0].path", want);
        unseen(Fact::Pending).unknown("IMAGE-DEVICE");
    }
}
