//! Checks of the images that a VM uses as they are: attached disks and the boot ISO.

use super::note::{Topic, clause};
use super::row::RowName;
use super::subject::Image;
use super::text::{Text, text};
use super::{Check, Notes, Subject};
use crate::facts::{Domain, DomainState, MediaKind};
use crate::machine::{Disk, DiskOrigin, Location};
use crate::spec::DiskDevice;
use crate::units::shell_quote;

pub(super) static CHECKS: &[&Check] =
    &[&IMAGE_MISSING, &ISO_MISSING, &IMAGE_UNREADABLE, &IMAGE_DEVICE, &DISK_IN_USE, &DISK_SAME, &IMAGE_FORMAT];

pub(super) static IMAGE_MISSING: Check = Check {
    code: "IMAGE-MISSING",
    title: "attached images exist",
    explain: "An attached image is used as it is, so it must exist before the VM is built. libvirt would define the \
              domain without a check and fail at its start. If the file was copied into a pool by hand, refresh the \
              pool: `virsh pool-refresh`.",
    run: Some(missing),
    ..Check::VM
};

static ISO_MISSING: Check = Check {
    code: "ISO-MISSING",
    title: "boot ISO exists",
    explain: "storage.boot_iso becomes a CD-ROM that boots first. It is an absolute path, or a volume of the default \
              pool, and must exist before the VM is built. `vmbuild isos` lists the ISOs in the pools.",
    contract: Some(15),
    run: Some(iso_missing),
    ..Check::VM
};

static IMAGE_UNREADABLE: Check = Check {
    code: "IMAGE-UNREADABLE",
    title: "QEMU can reach the images",
    explain: "QEMU runs as a user of its own. libvirt gives it access to the image itself (owner and label), but not \
              to the folders above: if other users may not enter one of them, as is usual for home folders, the VM \
              does not start. AppArmor and SELinux can also deny access. Move the image to a pool.",
    run: Some(unreadable),
    ..Check::VM
};

static IMAGE_DEVICE: Check = Check {
    code: "IMAGE-DEVICE",
    title: "disk images are files, not host devices",
    explain: "A block device is given to the guest as it is: the guest can overwrite every byte, including the host's \
              file systems and volume groups on it. Make sure that the host does not use it, and prefer a name below \
              /dev/disk/by-id, which does not change with the next boot.",
    consent: true,
    run: Some(device),
    ..Check::VM
};

pub(super) static DISK_IN_USE: Check = Check {
    code: "DISK-IN-USE",
    title: "no other domain uses the attached images",
    explain: "Two systems that write to one image destroy it. QEMU locks images of running VMs, so the start would \
              fail; with a domain that is only defined, whichever starts second fails. Clone the image, or attach it \
              read-only to both.",
    run: Some(in_use),
    ..Check::VM
};

static DISK_SAME: Check = Check {
    code: "DISK-SAME",
    title: "each image is attached once",
    explain: "If one VM has the same image twice, two caches of the same guest write to it, which destroys it. Attach \
              it once, or attach a clone.",
    run: Some(same),
    ..Check::VM
};

static IMAGE_FORMAT: Check = Check {
    code: "IMAGE-FORMAT",
    title: "format of the attached images is known",
    explain: "libvirt needs the format of an image, because guessing it from the content is unsafe: a guest could turn \
              its raw disk into an image that names another file of the host. With a wrong format the guest sees the \
              container instead of its content. Set the disk's format.",
    run: Some(format),
    ..Check::VM
};

/// An image that is used as it is.
struct Used<'a> {
    disk: &'a Disk,
    at: &'a Location,
    /// The field that names it, with `disk 1 (vdb)` or `boot_iso`.
    topic: Topic,
    /// `/srv/data.img`, `fast-nvme/ubuntu.iso`.
    name: Text,
    /// True for the boot ISO.
    iso: bool,
}

/// What is used as it is, in the order of the machine's disks.
fn used<'a>(subject: &Subject<'a>) -> impl Iterator<Item = Used<'a>> + use<'a> {
    subject.machine.disks.iter().filter_map(|disk| {
        let DiskOrigin::Existing(Some(at)) = &disk.origin else { return None };
        let name = written(at);
        if let Some(row) = disk.place.row_index() {
            let row = RowName::numbered("disk", row).named(&disk.target.value);
            let topic = Topic::from(disk.place.clone().key("path")).of(row);
            return Some(Used { disk, at, topic, name, iso: false });
        }
        let topic = Topic::from(disk.place.clone()).of(RowName::only("boot_iso"));
        Some(Used { disk, at, topic, name, iso: true })
    })
}

/// A location as users write it.
pub(super) fn written(at: &Location) -> Text {
    match at {
        Location::Volume { pool, volume, .. } => text!("{pool}/{volume}", pool, volume),
        Location::Path { path, .. } => text!("{path}", path),
    }
}

/// The way out for an image that is not there.
pub(super) fn where_to_look(at: &Location) -> Text {
    match at {
        Location::Volume { pool, .. } => {
            text!("put it there, then refresh the pool: virsh pool-refresh {pool}", pool = shell_quote(pool))
        }
        Location::Path { .. } => "check the path, or put the file there".into(),
    }
}

fn exists(subject: &Subject, notes: &mut Notes, iso: bool) {
    for Used { at, topic, name, .. } in used(subject).filter(|used| used.iso == iso) {
        notes.looked();
        match subject.image(at) {
            Image::Missing => notes.blocker(topic, text!("{name} not found: no such image", name), where_to_look(at)),
            Image::Unknown(why) => {
                notes.unknown(topic, text!("whether {image} exists", image = written(at)), clause(why));
            }
            Image::File(file) if matches!(file.kind, MediaKind::Folder | MediaKind::Other) => {
                let kind =
                    if file.kind == MediaKind::Folder { "a folder" } else { "neither a file nor a block device" };
                notes.blocker(topic, text!("{name} is {kind}, not an image", name, kind), "name the image itself");
            }
            Image::File(file) if file.kind == MediaKind::File && file.size.0 == 0 => {
                notes.warning(
                    topic,
                    text!("{name} is empty (0 bytes)", name),
                    "check whether its download or copy failed",
                );
            }
            Image::NoPool => {
                notes.unknown(
                    topic,
                    text!("whether {image} exists", image = written(at)),
                    "its storage pool does not exist",
                );
            }
            Image::Volume(..) | Image::File(_) => {}
        }
    }
}

fn missing(subject: &Subject, notes: &mut Notes) {
    exists(subject, notes, false);
}

fn iso_missing(subject: &Subject, notes: &mut Notes) {
    exists(subject, notes, true);
}

fn unreadable(subject: &Subject, notes: &mut Notes) {
    for Used { at, topic, name, .. } in used(subject) {
        let Image::File(file) = subject.image(at) else { continue };
        notes.looked();
        if file.kind == MediaKind::File && !file.world_readable {
            let message = text!("{name} is not readable by every user; QEMU's user may not reach it", name);
            notes.warning(topic, message, "move it to a storage pool, or make it and its parent folders readable");
        }
    }
}

fn device(subject: &Subject, notes: &mut Notes) {
    for Used { at, topic, name, disk, .. } in used(subject) {
        let Location::Path { path, block } = at else { continue };
        notes.looked();
        // A volume of a pool is libvirt's to give away, under whatever name it is written.
        if *block && subject.volume_at(path).is_none() {
            let what = if disk.readonly { "the guest reads" } else { "the guest can overwrite" };
            let message = text!("{name} is a block device of the host; {what} all of it", name, what);
            notes.warning(topic, message, "make sure that the host does not use it: lsblk, findmnt, pvs");
        }
    }
}

fn in_use(subject: &Subject, notes: &mut Notes) {
    for Used { disk, at, topic, name, iso } in used(subject) {
        let harmless = iso || (disk.readonly && disk.device == DiskDevice::Cdrom);
        let what = text!("whether another domain uses {image}", image = written(at));
        if harmless || notes.known(&subject.facts.domains, || topic.clone(), &what).is_none() {
            continue;
        }
        let users = subject.users_of(at);
        let Some(Domain { name: domain, state, .. }) = users.first() else { continue };
        match state {
            DomainState::Active if disk.readonly => {
                let message =
                    text!("the running domain {domain} writes to {name} while this VM reads it", name, domain);
                notes.warning(topic, message, "attach a clone, or shut that domain off");
            }
            DomainState::Active => {
                let message = text!("{name} is in use by the running domain {domain}", name, domain);
                notes.blocker(topic, message, "attach a clone, or shut that domain off and detach it there");
            }
            DomainState::Inactive => {
                let message =
                    text!("{name} also belongs to domain {domain}; the two cannot run together", name, domain);
                notes.warning(topic, message, "attach a clone, or detach it there");
            }
        }
    }
}

fn same(subject: &Subject, notes: &mut Notes) {
    let all: Vec<_> = used(subject).collect();
    for (index, later) in all.iter().enumerate() {
        notes.looked();
        let readonly = |used: &Used| used.disk.readonly;
        let twin = all.iter().take(index).find(|earlier| is_same(subject, earlier.at, later.at));
        if let Some(earlier) = twin.filter(|earlier| !(readonly(earlier) && readonly(later))) {
            let message = text!("{name} is already attached as {place}", name = later.name, place = earlier.disk.place);
            notes.blocker(later.topic.clone(), message, "attach it once, or attach a clone");
        }
    }
}

/// True where both are one image, one of them perhaps written as a path.
fn is_same(subject: &Subject, one: &Location, other: &Location) -> bool {
    let volume = |at: &Location| match at {
        Location::Volume { pool, volume, .. } => Some((pool.clone(), volume.clone())),
        Location::Path { path, .. } => {
            subject.volume_at(path).map(|(pool, volume)| (pool.name.clone(), volume.name.clone()))
        }
    };
    let same_path = one.path().is_some() && one.path() == other.path();
    same_path || volume(one).is_some_and(|one| Some(one) == volume(other))
}

fn format(subject: &Subject, notes: &mut Notes) {
    for Used { disk, at, topic, name, .. } in used(subject).filter(|used| used.disk.device == DiskDevice::Disk) {
        notes.looked();
        let topic = Topic { place: disk.place.clone().key("format"), ..topic };
        let listed = match subject.image(at) {
            Image::Volume(_, volume) => volume.format.as_deref(),
            _ => None,
        };
        match (&disk.format, listed.filter(|format| matches!(*format, "qcow2" | "raw" | "vmdk" | "vdi"))) {
            (None, _) => {
                let message =
                    text!("{name}: format not known, {format} is assumed", name, format = disk.driver_format());
                notes.warning(topic, message, "set the disk's format: see qemu-img info");
            }
            // A raw image whose first bytes look like nothing is listed as raw, so a listed raw proves little.
            (Some(format), Some(listed)) if listed != format && listed != "raw" => {
                let message = text!("{name} is {listed}, but the spec says {format}", name, listed, format);
                notes.blocker(topic, message, text!("write format {listed}, or leave it out", listed));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said, domain, file};
    use crate::facts::{Domain, DomainState, Fact, MediaFile, MediaKind};
    use crate::units::Bytes;
    use serde_json::{Value, json};

    fn attach(mut disk: Value) -> Asked {
        disk["action"] = "attach".into();
        Asked::disks(vec![disk].into())
    }

    fn with_file(asked: Asked, path: &str, change: impl FnOnce(&mut MediaFile)) -> Asked {
        let mut found = file();
        change(&mut found);
        asked.known_file(path, found)
    }

    #[test]
    fn an_attached_image_must_be_there() {
        let path = "storage.disks[0].path";
        let want = "disk 0 (vda): /srv/data.img not found: no such image";
        let gone = |file: &mut MediaFile| file.kind = MediaKind::Missing;
        let asked = || attach(json!({"path": "/srv/data.img"}));
        with_file(asked(), "/srv/data.img", gone).blocks("IMAGE-MISSING", path, want);
        asked().unknown("IMAGE-MISSING");
        with_file(asked(), "/srv/data.img", |_| {}).passes("IMAGE-MISSING");
        with_file(asked(), "/srv/data.img", |file| file.kind = MediaKind::Folder).said("IMAGE-MISSING").blocker();
        with_file(asked(), "/srv/data.img", |file| file.size = Bytes(0)).said("IMAGE-MISSING").warning();
        Asked::good().quiet("IMAGE-MISSING");
    }

    #[test]
    fn an_attached_volume_must_be_in_its_pool() {
        let Said { message, remedy, .. } = attach(json!({"path": "none.qcow2"})).said("IMAGE-MISSING").blocker();
        assert_eq!(message, "disk 0 (vda): fast-nvme/none.qcow2 not found: no such image");
        assert!(remedy.ends_with("virsh pool-refresh fast-nvme"), "{remedy}");
        attach(json!({"path": "old-vda.qcow2"})).passes("IMAGE-MISSING");
        let unlisted = |pool: &mut crate::facts::Pool| pool.volumes = Fact::unknown("too many");
        attach(json!({"path": "old-vda.qcow2"})).pools(unlisted).unknown("IMAGE-MISSING");
    }

    #[test]
    fn the_boot_iso_must_be_there() {
        let iso = |path: &str| Asked::with(json!({"storage": {"boot_iso": path}}));
        let want = "boot_iso: fast-nvme/none.iso not found: no such image";
        iso("none.iso").blocks("ISO-MISSING", "storage.boot_iso", want).quiet("IMAGE-MISSING");
        iso("ubuntu.iso").passes("ISO-MISSING");
        iso("/srv/none.iso").unknown("ISO-MISSING");
        Asked::good().quiet("ISO-MISSING");
    }

    #[test]
    fn folders_that_qemu_may_not_enter_are_pointed_out() {
        let asked = || attach(json!({"path": "/root/data.img"}));
        with_file(asked(), "/root/data.img", |file| file.world_readable = false).said("IMAGE-UNREADABLE").warning();
        with_file(asked(), "/root/data.img", |_| {}).passes("IMAGE-UNREADABLE");
    }

    #[test]
    fn a_raw_device_of_the_host_asks_for_care() {
        let block = |file: &mut MediaFile| file.kind = MediaKind::BlockDevice;
        let disk = |path: &str| with_file(attach(json!({"path": path})), path, block);
        disk("/dev/sdb").said("IMAGE-DEVICE").warning();
        disk("/dev/vg0/data").passes("IMAGE-DEVICE");
        with_file(attach(json!({"path": "/srv/a.img"})), "/srv/a.img", |_| {}).passes("IMAGE-DEVICE");
    }

    fn used_by(asked: Asked, disk: &str, state: DomainState) -> Asked {
        let user = Domain { disks: vec![disk.into()], state, ..domain("build-07") };
        asked.beside(user)
    }

    #[test]
    fn an_image_of_a_running_domain_is_refused() {
        let asked = || attach(json!({"path": "old-vda.qcow2"}));
        let want = "disk 0 (vda): fast-nvme/old-vda.qcow2 is in use by the running domain build-07";
        for named in ["/pools/fast-nvme/old-vda.qcow2", "fast-nvme/old-vda.qcow2"] {
            used_by(asked(), named, DomainState::Active).blocks("DISK-IN-USE", "storage.disks[0].path", want);
        }
        used_by(asked(), "/pools/fast-nvme/other.qcow2", DomainState::Active).passes("DISK-IN-USE");
        used_by(asked(), "fast-nvme/old-vda.qcow2", DomainState::Inactive).said("DISK-IN-USE").warning();
        let readonly = attach(json!({"path": "old-vda.qcow2", "readonly": true}));
        used_by(readonly, "fast-nvme/old-vda.qcow2", DomainState::Active).said("DISK-IN-USE").warning();
        let iso = attach(json!({"path": "ubuntu.iso", "device": "cdrom"}));
        used_by(iso, "fast-nvme/ubuntu.iso", DomainState::Active).quiet("DISK-IN-USE");
        asked().facts(|facts| facts.domains = Fact::default()).unknown("DISK-IN-USE");
    }

    #[test]
    fn an_image_is_attached_once() {
        let two = |first: &str, second: &str| {
            Asked::with(json!({"storage": {"disks": [
                {"action": "attach", "path": first}, {"action": "attach", "path": second}
            ]}}))
        };
        let want = "disk 1 (vdb): /pools/fast-nvme/old-vda.qcow2 is already attached as storage.disks[0]";
        two("old-vda.qcow2", "/pools/fast-nvme/old-vda.qcow2").blocks("DISK-SAME", "storage.disks[1].path", want);
        two("old-vda.qcow2", "ubuntu.iso").passes("DISK-SAME");
    }

    #[test]
    fn the_format_is_known_and_right() {
        attach(json!({"path": "/srv/data.bin"})).said("IMAGE-FORMAT").warning();
        attach(json!({"path": "/srv/data.bin", "format": "raw"})).passes("IMAGE-FORMAT");
        let want = "disk 0 (vda): fast-nvme/old-vda.qcow2 is qcow2, but the spec says raw";
        let wrong = attach(json!({"path": "old-vda.qcow2", "format": "raw"}));
        wrong.blocks("IMAGE-FORMAT", "storage.disks[0].format", want);
        attach(json!({"path": "old-vda.qcow2"})).passes("IMAGE-FORMAT");
    }
}
