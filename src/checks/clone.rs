//! Checks of the sources of cloned disks.

use super::image::{where_to_look, written};
use super::note::{Topic, clause};
use super::subject::{DiskRow, Image};
use super::text::{Arg, text};
use super::{Check, Notes, Subject};
use crate::facts::{DomainState, MediaKind};
use crate::machine::{DiskOrigin, Location};
use crate::units::{Bytes, shell_quote};

pub(super) static CHECKS: &[&Check] = &[&CLONE_MISSING, &CLONE_SIZE, &CLONE_IN_USE];

static CLONE_MISSING: Check = Check {
    code: "CLONE-MISSING",
    title: "clone sources exist",
    explain: "A clone copies an image that must exist before the VM is built. If the file was copied into a pool by \
              hand, refresh the pool: `virsh pool-refresh`.",
    run: Some(missing),
    ..Check::VM
};

static CLONE_SIZE: Check = Check {
    code: "CLONE-SIZE",
    title: "clones are at least as large as the source",
    explain: "A copy can be larger than its source, but not smaller, because the end of its file systems would be cut \
              off. Leave the size out to keep that of the source.",
    run: Some(size),
    ..Check::VM
};

static CLONE_IN_USE: Check = Check {
    code: "CLONE-IN-USE",
    title: "clone sources are idle",
    explain: "An image that is copied while a guest writes to it is inconsistent, like the disk of a machine that lost \
              power, or worse. Shut the domain off for the copy.",
    run: Some(in_use),
    ..Check::VM
};

/// The cloned rows with their sources and wanted sizes.
fn clones<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (DiskRow<'a>, &'a Location, Option<Bytes>)> {
    subject.disks().filter_map(|row| match &row.made?.origin {
        DiskOrigin::Clone { from: Some(from), size, .. } => Some((row, from, *size)),
        _ => None,
    })
}

fn missing(subject: &Subject, notes: &mut Notes) {
    for (row, from, _) in clones(subject) {
        notes.looked();
        let (place, name) = (row.place("clone_from"), written(from));
        match subject.image(from) {
            Image::Missing => {
                let message = text!("clone source {name} not found: no such image", name);
                notes.blocker(Topic::from(place).of(row.name()), message, where_to_look(subject, from));
            }
            Image::Volume(_, volume) if volume.is_folder() => {
                let message = text!("clone source {name} is a folder, not an image", name);
                notes.blocker(Topic::from(place).of(row.name()), message, "name the image itself");
            }
            Image::File(file) if matches!(file.kind, MediaKind::Folder | MediaKind::Other) => {
                let message = text!("clone source {name} is not an image", name);
                notes.blocker(Topic::from(place).of(row.name()), message, "name the image itself");
            }
            Image::Unknown(_) if is_out_of_reach(subject, from) => {
                let message = text!("clone source {name} is not a volume of a started pool of this host", name);
                let fix = text!(
                    "make a pool of its folder (virsh pool-create-as NAME dir --target {folder}), or upload it into a pool",
                    folder = shell_quote(folder(from))
                );
                notes.blocker(Topic::from(place).of(row.name()), message, fix);
            }
            Image::Unknown(why) => notes.unknown(place, text!("whether clone source {name} exists", name), clause(why)),
            Image::Volume(..) | Image::File(_) | Image::NoPool => {}
        }
    }
}

/// A copy on another host is made by its libvirt, which copies volumes alone.
fn is_out_of_reach(subject: &Subject, from: &Location) -> bool {
    let Location::Path { path, .. } = from else { return false };
    let remote = subject.facts.host.get().is_some_and(|host| !host.local);
    let pools = subject.facts.pools.items();
    let listed = pools.iter().filter(|pool| pool.active).all(|pool| pool.volumes.get().is_some());
    let asked = subject.facts.files.get(path).is_some_and(|file| !file.is_pending());
    remote && subject.facts.pools.get().is_some() && listed && asked
}

fn folder(from: &Location) -> &str {
    let folder = from.path().and_then(|path| path.rsplit_once('/')).map_or("", |(folder, _)| folder);
    if folder.is_empty() { "/" } else { folder }
}

fn size(subject: &Subject, notes: &mut Notes) {
    for (row, from, size) in clones(subject) {
        let Some(size) = size.filter(|size| size.0 > 0) else { continue };
        notes.looked();
        let what = text!("whether {size} holds all of {image}", size = Arg::Gib(size), image = written(from));
        match (subject.known(from).virtual_size(), subject.image(from)) {
            (_, Image::Missing | Image::NoPool) => {}
            (Some(source), _) if size < source => {
                let (asked, source) = (size.in_gib(), source.in_gib());
                let message =
                    text!("{asked} requested; its source {image} has {source}", asked, image = written(from), source);
                notes.blocker(row.topic("size"), message, text!("use {source} or more, or leave the size out", source));
            }
            (Some(_), _) => {}
            (None, Image::Unknown(why)) => notes.unknown(row.place("size"), &what, clause(why)),
            (None, _) => notes.unknown(row.place("size"), &what, "the capacity of the source is not known"),
        }
    }
}

fn in_use(subject: &Subject, notes: &mut Notes) {
    for (row, from, _) in clones(subject) {
        let place = row.place("clone_from");
        let what = text!("whether a running domain writes to {image}", image = written(from));
        if notes.known(&subject.facts.domains, || place.clone(), &what).is_none() {
            continue;
        }
        let users = subject.users_of(from);
        if let Some(domain) = users.first().filter(|domain| domain.state == DomainState::Active) {
            let message = text!(
                "clone source {image} is in use by the running domain {domain}",
                image = written(from),
                domain = domain.name
            );
            notes.warning(Topic::from(place).of(row.name()), message, "shut that domain off while the copy is made");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, domain, host, known};
    use crate::facts::{Domain, DomainState, Fact, Host};
    use serde_json::json;

    fn clone(from: &str, size: Option<u64>) -> Asked {
        Asked::with(json!({"storage": {"disks": [{"action": "clone", "clone_from": from, "size": size}]}}))
    }

    #[test]
    fn the_source_must_be_there() {
        let want = "disk 0 (vda): clone source fast-nvme/none.qcow2 not found: no such image";
        clone("none.qcow2", None).blocks("CLONE-MISSING", "storage.disks[0].clone_from", want);
        clone("old-vda.qcow2", None).passes("CLONE-MISSING");
        clone("/srv/golden.qcow2", None).unknown("CLONE-MISSING");
        Asked::good().quiet("CLONE-MISSING");
    }

    #[test]
    fn another_host_copies_volumes_alone() {
        let on = |local: bool, path: &str| {
            clone(path, None).facts(|facts| {
                facts.host = known(Host { local, ..host() });
                drop(facts.files.insert(path.into(), Fact::unknown("It is not a volume.")));
            })
        };
        on(false, "/srv/golden.img").said("CLONE-MISSING").blocker();
        on(true, "/srv/golden.img").unknown("CLONE-MISSING");
        on(false, "old-vda.qcow2").passes("CLONE-MISSING");
    }

    #[test]
    fn a_clone_only_grows() {
        let want = "disk 0 (vda): 39 GiB requested; its source fast-nvme/old-vda.qcow2 has 40 GiB";
        clone("old-vda.qcow2", Some(39)).blocks("CLONE-SIZE", "storage.disks[0].size", want);
        clone("old-vda.qcow2", Some(40)).passes("CLONE-SIZE");
        clone("old-vda.qcow2", None).quiet("CLONE-SIZE");
        clone("/srv/golden.qcow2", Some(40)).unknown("CLONE-SIZE");
    }

    #[test]
    fn a_running_source_is_pointed_out() {
        let used = |state| {
            let user = Domain { disks: vec!["fast-nvme/old-vda.qcow2".into()], state, ..domain("build-07") };
            clone("old-vda.qcow2", None).beside(user)
        };
        used(DomainState::Active).said("CLONE-IN-USE").warning();
        used(DomainState::Inactive).passes("CLONE-IN-USE");
        clone("old-vda.qcow2", None).facts(|facts| facts.domains = Fact::default()).unknown("CLONE-IN-USE");
    }
}
