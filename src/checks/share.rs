//! Checks of the folders of the host that the guest mounts.

use super::note::{Remedy, Topic, clause, without};
use super::path::{folder_of_mount, place_in};
use super::row::RowName;
use super::text::{Arg, Text, text};
use super::{Check, Notes, Subject};
use crate::facts::MediaKind;
use crate::machine::Share;
use crate::machine::share::{LONGEST_TAG, VIRTIOFSD};
use crate::spec::paths::{PathError, resolve};
use crate::spec::{Place, ShareDriver};
use std::collections::BTreeSet;

pub(super) static CHECKS: &[&Check] = &[&SHARE_PATH, &SHARE_TAG, &SHARE_MEMORY, &SHARE_VIRTIOFSD, &SHARE_GUEST];

static SHARE_PATH: Check = Check {
    code: "SHARE-PATH",
    title: "shared folders exist",
    explain: "A share is a folder of the host that the guest mounts, named by its absolute path. It must exist when \
              the VM starts. The guest writes as root of virtiofsd or as QEMU's user, so a guest that could write to \
              the whole file system or to a folder of the running system (/, /etc, /boot, /dev, /proc, /sys, ...) \
              would control the host. Such folders are rejected.",
    run: Some(paths),
    ..Check::VM
};

static SHARE_TAG: Check = Check {
    code: "SHARE-TAG",
    title: "each share has a tag of its own",
    explain: "The guest mounts a share by its tag. A tag has at most 31 bytes, the limit of 9p, and no two shares have \
              the same.",
    run: Some(tags),
    ..Check::VM
};

static SHARE_MEMORY: Check = Check {
    code: "SHARE-MEMORY",
    title: "memory is shared for virtiofs",
    explain: "virtiofsd reads requests in the guest's memory, so the memory must be shared with it \
              (memory_backing.shared). vmbuild shares it automatically unless the spec forbids it.",
    run: Some(memory),
    ..Check::VM
};

static SHARE_VIRTIOFSD: Check = Check {
    code: "SHARE-VIRTIOFSD",
    title: "virtiofsd is installed",
    explain: "libvirt starts one virtiofsd for each share. Debian and Ubuntu have it in the package virtiofsd (in \
              qemu-system-common before), Fedora, Arch and openSUSE in virtiofsd. Without it the VM does not start. 9p \
              needs nothing in addition to QEMU.",
    run: Some(virtiofsd),
    ..Check::VM
};

static SHARE_GUEST: Check = Check {
    code: "SHARE-GUEST",
    title: "guest can mount the shares",
    explain: "Linux supports virtiofs from 5.4 on, and 9p for longer, unless a distribution left it out, as Red Hat \
              did. Windows mounts virtiofs with the virtio-win driver and WinFsp, and does not support 9p.",
    run: Some(guest),
    ..Check::VM
};

fn topic(row: usize, field: &str) -> Topic {
    Topic::from(Place::row("shares", row, field)).of(RowName::numbered("share", row))
}

fn paths(subject: &Subject, notes: &mut Notes) {
    for (row, asked) in subject.spec.shares.iter().flatten().enumerate() {
        notes.looked();
        let text = asked.path.as_deref().unwrap_or_default().trim();
        let name = text!("{path}", path = Arg::quoted(text));
        if !text.starts_with('/') {
            notes.blocker(
                topic(row, "path"),
                text!("{name} is not an absolute path", name),
                "write one such as /srv/data",
            );
            continue;
        }
        if text.split('/').any(|part| part == "..") {
            notes.blocker(topic(row, "path"), text!("{name} contains '..'", name), "write the path without '..'");
            continue;
        }
        // Normalised: to the kernel //etc and /./etc are /etc.
        let system = match resolve(text, None) {
            Ok(resolved) => folder_of_mount(resolved.text()),
            Err(PathError::Folder(_)) => Some("/"),
            Err(error) => {
                notes.blocker(topic(row, "path"), text!("{error}", error), "write one such as /srv/data");
                continue;
            }
        };
        if let Some(system) = system {
            let message = text!("{name} belongs to the host's own system ({system})", name, system);
            notes.blocker(topic(row, "path"), message, "share another folder, such as /srv/data");
        } else {
            exists(subject, notes, row, &name, text);
        }
    }
}

fn exists(subject: &Subject, notes: &mut Notes, row: usize, name: &Text, path: &str) {
    let way_out = "create it, or correct the path";
    match subject.file(path) {
        Err(why) => notes.unknown(
            topic(row, "path"),
            text!("whether {row}: {name} exists", row = RowName::numbered("share", row), name),
            clause(why),
        ),
        Ok(file) if file.kind == MediaKind::Missing => {
            notes.blocker(topic(row, "path"), text!("{name} not found: no such folder", name), way_out);
        }
        Ok(file) if file.kind != MediaKind::Folder => {
            notes.blocker(
                topic(row, "path"),
                text!("{name} is not a folder", name),
                "name the folder that contains it",
            );
        }
        Ok(file) => {
            let Some((system, place)) = place_in(file.places.iter().collect(), folder_of_mount) else { return };
            let message = text!(
                "{name} leads to {place}, which belongs to the host's own system ({system})",
                name,
                place,
                system
            );
            notes.blocker(topic(row, "path"), message, "share another folder, such as /srv/data");
        }
    }
}

fn tags(subject: &Subject, notes: &mut Notes) {
    let mut seen = BTreeSet::new();
    for share in &subject.machine.shares {
        notes.looked();
        let (row, tag) = (share.row, &share.tag.value);
        if tag.len() > LONGEST_TAG {
            let message = text!(
                "the tag {tag} has {count} bytes, at most {most} are allowed",
                tag = Arg::quoted(tag),
                count = tag.len(),
                most = LONGEST_TAG
            );
            notes.blocker(topic(row, "tag"), message, "shorten it");
        }
        if !seen.insert(tag) {
            let message = text!("the tag {tag} is already used by another share", tag = Arg::quoted(tag));
            notes.blocker(topic(row, "tag"), message, "give each share a tag of its own");
        }
    }
}

fn virtiofs<'a>(subject: &'a Subject) -> impl Iterator<Item = &'a Share> {
    subject.machine.shares.iter().filter(|share| share.is_virtiofs())
}

fn memory(subject: &Subject, notes: &mut Notes) {
    let Some(share) = virtiofs(subject).next() else { return };
    notes.looked();
    if subject.machine.backing.shared.is_none() {
        let message = text!("virtiofs needs shared memory, but memory_backing.shared is false");
        let at = Place::root().key("memory_backing").key("shared");
        notes.blocker(
            Topic::from(at).of(RowName::numbered("share", share.row)),
            message,
            without("leave memory_backing.shared out, or share by 9p"),
        );
    }
}

fn virtiofsd(subject: &Subject, notes: &mut Notes) {
    let Some(share) = virtiofs(subject).next() else { return };
    let at = || topic(share.row, "driver");
    let found: Result<Vec<_>, _> = VIRTIOFSD.iter().map(|path| subject.file(path)).collect();
    match found {
        Err(why) => notes.unknown(at(), "whether virtiofsd is installed", clause(why)),
        Ok(files) => {
            notes.looked();
            if files.iter().all(|file| file.kind == MediaKind::Missing) {
                let message = text!("virtiofsd is not installed on the host");
                notes.blocker(
                    at(),
                    message,
                    Remedy::from("install the package virtiofsd, or share by 9p").setting(at().place, "9p"),
                );
            }
        }
    }
}

fn guest(subject: &Subject, notes: &mut Notes) {
    for share in &subject.machine.shares {
        notes.looked();
        let at = topic(share.row, "driver");
        match (subject.machine.windows, share.driver.value) {
            (true, ShareDriver::NineP) => {
                let message = text!("Windows cannot mount 9p");
                notes.warning(at, message, "share by virtiofs, or over the network");
            }
            (true, ShareDriver::Virtiofs) => {
                let message = text!("Windows mounts it with the virtio-win driver and WinFsp");
                notes.info(at, message, "install both in the guest, then start the service VirtioFsSvc");
            }
            (false, driver) => {
                let options =
                    if driver == ShareDriver::NineP { "9p -o trans=virtio,version=9p2000.L" } else { "virtiofs" };
                let message = text!("the guest mounts {path} by its tag", path = share.path);
                notes.info(
                    at,
                    message,
                    text!("in the guest: mount -t {options} {tag} /mnt", options, tag = share.tag.value),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, file};
    use crate::facts::{MediaFile, MediaKind};
    use serde_json::{Value, json};

    fn share(row: &Value) -> Asked {
        let folder = MediaFile { kind: MediaKind::Folder, ..file() };
        Asked::with(json!({"shares": [row]})).known_file("/srv/data", folder)
    }

    fn gone() -> MediaFile {
        MediaFile { kind: MediaKind::Missing, ..file() }
    }

    /// With virtiofsd in one of its places, or in none.
    fn with_server(asked: Asked, there: bool) -> Asked {
        let first = if there { file() } else { gone() };
        asked
            .known_file("/usr/libexec/virtiofsd", first)
            .known_file("/usr/lib/qemu/virtiofsd", gone())
            .known_file("/usr/lib/virtiofsd", gone())
    }

    #[test]
    fn a_share_is_a_folder_that_is_there() {
        share(&json!({"path": "/srv/data"})).passes("SHARE-PATH");
        share(&json!({"path": "/srv/other"})).unknown("SHARE-PATH");
        share(&json!({"path": "/srv/other"})).known_file("/srv/other", gone()).said("SHARE-PATH").blocker();
        share(&json!({"path": "/srv/a.img"})).known_file("/srv/a.img", file()).said("SHARE-PATH").blocker();
        for path in [
            "",
            "data",
            "/srv/../etc",
            "/",
            "//",
            "/etc",
            "//etc",
            "/./etc",
            "/usr/share/",
            "/dev/./shm",
            "/srv/a\u{7}b",
        ] {
            share(&json!({"path": path})).said("SHARE-PATH").blocker();
        }
        let link = MediaFile { kind: MediaKind::Folder, places: vec!["/etc".into()], ..MediaFile::default() };
        share(&json!({"path": "/srv/link"})).known_file("/srv/link", link).said("SHARE-PATH").blocker();
        share(&json!({"path": "/etcetera"})).unknown("SHARE-PATH");
        share(&json!({"path": "/run/media/joe/stick"})).unknown("SHARE-PATH");
        Asked::good()
            .quiet("SHARE-PATH")
            .quiet("SHARE-TAG")
            .quiet("SHARE-MEMORY")
            .quiet("SHARE-VIRTIOFSD")
            .quiet("SHARE-GUEST");
    }

    #[test]
    fn tags_are_short_and_differ() {
        share(&json!({"path": "/srv/data"})).passes("SHARE-TAG");
        share(&json!({"path": "/srv/data", "tag": "t".repeat(32)})).said("SHARE-TAG").blocker();
        let twice = json!({"shares": [{"path": "/srv/data"}, {"path": "/mnt/data"}]});
        Asked::with(twice).blocks(
            "SHARE-TAG",
            "shares[1].tag",
            "share 1: the tag 'data' is already used by another \
                                                                 share",
        );
    }

    #[test]
    fn virtiofs_needs_shared_memory_and_its_server() {
        let asked = || share(&json!({"path": "/srv/data"}));
        asked().passes("SHARE-MEMORY");
        let forbidden = json!({"shares": [{"path": "/srv/data"}], "memory_backing": {"shared": false}});
        Asked::with(forbidden).said("SHARE-MEMORY").blocker();
        with_server(asked(), true).passes("SHARE-VIRTIOFSD");
        with_server(asked(), false).said("SHARE-VIRTIOFSD").blocker();
        asked().unknown("SHARE-VIRTIOFSD");
        share(&json!({"path": "/srv/data", "driver": "9p"})).quiet("SHARE-MEMORY").quiet("SHARE-VIRTIOFSD");
    }

    #[test]
    fn the_guest_is_told_how_to_mount() {
        let said = share(&json!({"path": "/srv/data"})).said("SHARE-GUEST").info();
        assert!(said.remedy.contains("mount -t virtiofs data /mnt"), "{said:?}");
        let windows = |driver: &str| {
            Asked::with(json!({"os_type": "windows", "shares": [{"path": "/srv/data", "driver": driver}]}))
        };
        windows("9p").said("SHARE-GUEST").warning();
        windows("virtiofs").said("SHARE-GUEST").info();
    }
}
