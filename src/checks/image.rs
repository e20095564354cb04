//! Checks of the images that a VM uses as they are: attached disks and the boot ISO.

use super::note::{Topic, clause};
use super::row::RowName;
use super::subject::Image;
use super::text::{Arg, Joint, Text, text};
use super::{Check, Notes, Subject};
use crate::facts::{MediaKind, NOT_ASKED};
use crate::machine::location::elsewhere;
use crate::machine::{Disk, DiskOrigin, Location};
use crate::spec::{DiskDevice, filled};
use crate::units::shell_quote;

pub(super) static CHECKS: &[&Check] = &[&IMAGE_MISSING, &ISO_MISSING, &IMAGE_UNREADABLE, &IMAGE_FORMAT];

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
    explain: "storage.boot_iso becomes a CD-ROM that boots first. It is an absolute path, a volume of the default \
              pool, or of the only other pool that has it, and must exist before the VM is built. Where several pools \
              have it, write pool/volume. `vmbuild isos` lists the ISOs in the pools.",
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
pub(super) struct UsedImage<'a> {
    /// The disk that it becomes.
    pub(super) disk: &'a Disk,
    /// Where it is.
    pub(super) at: &'a Location,
    /// The field that names it, with `disk 1 (vdb)` or `boot_iso`.
    pub(super) topic: Topic,
    /// `/srv/data.img`, `fast-nvme/ubuntu.iso`.
    pub(super) name: Text,
    /// True for the boot ISO.
    pub(super) iso: bool,
}

/// What is used as it is, in the order of the machine's disks.
pub(super) fn used<'a>(subject: &Subject<'a>) -> impl Iterator<Item = UsedImage<'a>> + use<'a> {
    subject.machine.disks.iter().filter_map(|disk| {
        let DiskOrigin::Existing(Some(at)) = &disk.origin else { return None };
        let name = written(at);
        if let Some(row) = disk.place.row_index() {
            let row = RowName::numbered("disk", row).named(&disk.target.value);
            let topic = Topic::from(disk.place.clone().key("path")).of(row);
            return Some(UsedImage { disk, at, topic, name, iso: false });
        }
        let topic = Topic::from(disk.place.clone()).of(RowName::only("boot_iso"));
        Some(UsedImage { disk, at, topic, name, iso: true })
    })
}

/// A location as users write it.
pub(super) fn written(at: &Location) -> Text {
    match at {
        Location::Volume { pool, volume, .. } => text!("{pool}/{volume}", pool, volume),
        Location::Path { path, .. } => text!("{path}", path),
    }
}

/// The fix for an image that is not there: the pools that have one of its name, else where to put it.
pub(super) fn where_to_look(subject: &Subject, at: &Location) -> Text {
    let pools = elsewhere(at, subject.facts);
    if let (Location::Volume { volume, .. }, false) = (at, pools.is_empty()) {
        let names = pools.iter().map(|pool| format!("{}/{volume}", pool.name));
        return text!("another pool has one of this name: write {names}", names = Arg::list(Joint::Or, names));
    }
    match at {
        Location::Volume { pool, .. } => {
            text!("put it there, then refresh the pool: virsh pool-refresh {pool}", pool = shell_quote(pool))
        }
        Location::Path { .. } => "check the path, or put the file there".into(),
    }
}

fn exists(subject: &Subject, notes: &mut Notes, iso: bool) {
    for UsedImage { at, topic, name, .. } in used(subject).filter(|used| used.iso == iso) {
        notes.looked();
        match subject.image(at) {
            Image::Missing => {
                notes.blocker(topic, text!("{name} not found: no such image", name), where_to_look(subject, at));
            }
            Image::Unknown(why) => {
                notes.unknown(topic, text!("whether {image} exists", image = written(at)), clause(why));
            }
            Image::Volume(_, volume) if volume.is_folder() => {
                notes.blocker(topic, text!("{name} is a folder, not an image", name), "name the image itself");
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
    let Some(iso) = used(subject).find(|used| used.iso) else { return };
    let named = subject.spec.storage.as_ref().and_then(|storage| filled(storage.boot_iso.as_deref()));
    if let (Location::Volume { pool, volume, .. }, Some(named), Some(own)) = (iso.at, named, subject.default_pool())
        && pool != own
        && named == volume
    {
        let message = text!("{volume} is in pool {pool}, and not in the default pool {own}", volume, pool, own);
        let fix = text!("to name the pool, write {pool}/{volume}", pool, volume);
        notes.info(iso.topic, message, fix);
    }
}

fn unreadable(subject: &Subject, notes: &mut Notes) {
    for UsedImage { at, topic, name, .. } in used(subject) {
        let Image::File(file) = subject.image(at) else { continue };
        notes.looked();
        if file.kind == MediaKind::File && !file.world_readable {
            let message = text!("{name} is not readable by every user; QEMU's user may not reach it", name);
            notes.warning(topic, message, "move it to a storage pool, or make it and its parent folders readable");
        }
    }
}

/// False where there is nothing that has a format, which other checks report.
fn is_image(image: Image) -> bool {
    match image {
        Image::Missing | Image::NoPool => false,
        Image::Volume(_, volume) => !volume.is_folder(),
        Image::File(file) => matches!(file.kind, MediaKind::File | MediaKind::BlockDevice),
        Image::Unknown(_) => true,
    }
}

fn format(subject: &Subject, notes: &mut Notes) {
    for UsedImage { disk, at, topic, name, .. } in used(subject).filter(|used| used.disk.device == DiskDevice::Disk) {
        notes.looked();
        let topic = Topic { place: disk.place.clone().key("format"), ..topic };
        // A block device is plain bytes, whatever its head looks like.
        let seen = subject.known(at).format().filter(|_| !at.is_block());
        match (disk.format, seen) {
            (None, _) if !is_image(subject.image(at)) => {}
            (None, _) => {
                let why = subject.why_not_read(at);
                if why == NOT_ASKED {
                    notes.unknown(topic, text!("the format of {image}", image = written(at)), clause(why));
                    continue;
                }
                let message = text!("{name}: its format is not known ({why})", name, why = clause(why));
                notes.blocker(topic, message, "set the disk's format; qemu-img info shows it");
            }
            (Some(format), Some(seen)) if seen != format => {
                let (format, seen) = (format.name(), seen.name());
                let message = text!("{name} is {seen}, but the spec says {format}", name, seen, format);
                notes.blocker(topic, message, text!("write format {seen}, or leave it out", seen));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said, file, known};
    use crate::facts::{Fact, MediaFile, MediaKind, Volume};
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

    /// The same where another pool than the default one has the volume `name`.
    fn elsewhere(asked: Asked, name: &str) -> Asked {
        let volume = Volume { name: name.into(), path: format!("/pools/bulk/{name}"), ..Volume::default() };
        asked.pools(move |pool| {
            if pool.name == "bulk" {
                pool.volumes = known(vec![volume.clone()]);
            }
        })
    }

    #[test]
    fn an_image_that_another_pool_has_is_found_or_named() {
        let iso = Asked::with(json!({"storage": {"boot_iso": "debian.iso"}}));
        let found = elsewhere(iso, "debian.iso").said("ISO-MISSING").info();
        assert_eq!(found.message, "boot_iso: debian.iso is in pool bulk, and not in the default pool fast-nvme");
        let missed = elsewhere(attach(json!({"path": "a.qcow2"})), "a.qcow2").said("IMAGE-MISSING").blocker();
        assert_eq!(missed.remedy, "another pool has one of this name: write bulk/a.qcow2");
        let clone = Asked::disks(json!([{"action": "clone", "clone_from": "a.qcow2"}]));
        let missed = elsewhere(clone, "a.qcow2").said("CLONE-MISSING").blocker();
        assert_eq!(missed.remedy, "another pool has one of this name: write bulk/a.qcow2");
    }

    #[test]
    fn folders_that_qemu_may_not_enter_are_pointed_out() {
        let asked = || attach(json!({"path": "/root/data.img"}));
        with_file(asked(), "/root/data.img", |file| file.world_readable = false).said("IMAGE-UNREADABLE").warning();
        with_file(asked(), "/root/data.img", |_| {}).passes("IMAGE-UNREADABLE");
    }

    #[test]
    fn the_format_is_known_and_right() {
        attach(json!({"path": "/srv/data.bin"})).unknown("IMAGE-FORMAT");
        let refused = |file: &mut MediaFile| file.image = Some(Fact::unknown("not readable."));
        let want = "disk 0 (vda): /srv/data.qcow2: its format is not known (not readable)";
        let unread = with_file(attach(json!({"path": "/srv/data.qcow2"})), "/srv/data.qcow2", refused);
        unread.blocks("IMAGE-FORMAT", "storage.disks[0].format", want);
        attach(json!({"path": "/srv/data.bin", "format": "raw"})).passes("IMAGE-FORMAT");
        let want = "disk 0 (vda): fast-nvme/old-vda.qcow2 is qcow2, but the spec says raw";
        let wrong = attach(json!({"path": "old-vda.qcow2", "format": "raw"}));
        wrong.blocks("IMAGE-FORMAT", "storage.disks[0].format", want);
        attach(json!({"path": "old-vda.qcow2"})).passes("IMAGE-FORMAT");
    }
}
