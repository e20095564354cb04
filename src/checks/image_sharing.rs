//! Checks of who else uses the images of a VM: other domains, the VM itself, and images that are based on them.

use super::image::{UsedImage, used, written};
use super::text::text;
use super::{Check, Notes, Subject};
use crate::facts::{Domain, DomainDisk, DomainState};
use crate::machine::Location;
use crate::machine::files::writes_existing;
use crate::spec::DiskDevice;
use std::collections::HashMap;

pub(super) static CHECKS: &[&Check] = &[&DISK_IN_USE, &DISK_SAME];

pub(super) static DISK_IN_USE: Check = Check {
    code: "DISK-IN-USE",
    title: "no other domain uses the attached images",
    explain: "Two systems that write to one image destroy it. QEMU locks images of running VMs, so the start would \
              fail; with a domain that is only defined, whichever starts second fails. An image that others are based \
              on must not change at all: each of them keeps only what differs from it. Clone the image, or attach it \
              read-only to both.",
    run: Some(in_use),
    ..Check::VM
};

static DISK_SAME: Check = Check {
    code: "DISK-SAME",
    title: "each image is attached once",
    explain: "If one VM has the same image twice, two caches of the same guest write to it, which destroys it. So does \
              a disk that another one of the VM is based on. Attach it once, or attach a clone.",
    run: Some(same),
    ..Check::VM
};

fn in_use(subject: &Subject, notes: &mut Notes) {
    for used in used(subject) {
        let UsedImage { disk, at, topic, iso, .. } = &used;
        let harmless = *iso || (disk.readonly && disk.device == DiskDevice::Cdrom);
        let what = text!("whether another domain uses {image}", image = written(at));
        if harmless || notes.known(&subject.facts.domains, || topic.clone(), &what).is_none() {
            continue;
        }
        if let Some(domain) = subject.users_of(at).first() {
            by_domain(notes, &used, domain);
        }
        let Some(path) = at.path() else { continue };
        if writes_existing(disk) {
            as_base(subject, notes, &used, path);
        }
        base_written(subject, notes, &used, path);
    }
}

/// Another domain has the image itself.
fn by_domain(notes: &mut Notes, used: &UsedImage, domain: &Domain) {
    let UsedImage { disk, topic, name, .. } = used;
    let Domain { name: domain, state, .. } = domain;
    match state {
        DomainState::Active if disk.readonly => {
            let message = text!("the running domain {domain} writes to {name} while this VM reads it", name, domain);
            notes.warning(topic.clone(), message, "attach a clone, or shut that domain off");
        }
        DomainState::Active => {
            let message = text!("{name} is in use by the running domain {domain}", name, domain);
            notes.blocker(topic.clone(), message, "attach a clone, or shut that domain off and detach it there");
        }
        DomainState::Inactive => {
            let message = text!("{name} also belongs to domain {domain}; the two cannot run together", name, domain);
            notes.warning(topic.clone(), message, "attach a clone, or detach it there");
        }
    }
}

/// Other images are based on one that the guest can write to.
fn as_base(subject: &Subject, notes: &mut Notes, used: &UsedImage, path: &str) {
    let UsedImage { topic, name, .. } = used;
    let overlays = subject.images().based_on(path);
    let fix = "attach it read-only, or attach a clone";
    if let Some((overlay, domain)) = overlays.iter().find_map(|(path, users)| Some((path, users.first()?.0))) {
        let message = text!(
            "{name} is the base of {overlay}, a disk of domain {domain}: a write to it would destroy that disk",
            name,
            overlay,
            domain = domain.name
        );
        notes.blocker(topic.clone(), message, fix);
    } else if let Some((overlay, _)) = overlays.first() {
        let message = text!("{name} is the base of {overlay}: a write to it would destroy that image", name, overlay);
        notes.warning(topic.clone(), message, fix);
    }
}

/// A domain writes to what the image is based on.
fn base_written(subject: &Subject, notes: &mut Notes, used: &UsedImage, path: &str) {
    let UsedImage { topic, name, .. } = used;
    let writes = |(_, disk): &&(&Domain, &DomainDisk)| !disk.readonly;
    for link in subject.images().chain(path).links.iter().skip(1) {
        let Some((domain, _)) = subject.images().users(&link.path).iter().find(writes) else { continue };
        let message = text!(
            "{name} is based on {base}, to which domain {domain} can write",
            name,
            base = link.path,
            domain = domain.name
        );
        notes.blocker(topic.clone(), message, "attach a clone, or make that disk of the domain read-only");
        return;
    }
}

fn same(subject: &Subject, notes: &mut Notes) {
    let all: Vec<_> = used(subject).collect();
    // The first with each name, and the first that is based on each.
    let (mut first, mut above) = (HashMap::new(), HashMap::new());
    for used in &all {
        for base in bases(subject, used.at) {
            above.entry(base).or_insert(used);
        }
    }
    for (index, later) in all.iter().enumerate() {
        notes.looked();
        let name = one_name(subject, later.at);
        let over = above.get(&name);
        let (twin, earlier) = *first.entry(name).or_insert((index, later));
        let both_read = earlier.disk.readonly && later.disk.readonly;
        if twin < index && !both_read {
            let message = text!("{name} is already attached as {place}", name = later.name, place = earlier.disk.place);
            notes.blocker(later.topic.clone(), message, "attach it once, or attach a clone");
        } else if let Some(over) = over.filter(|_| !later.disk.readonly) {
            let message = text!("{name} is the base of {place}", name = later.name, place = over.disk.place);
            notes.blocker(later.topic.clone(), message, "attach it read-only, or attach a clone");
        }
    }
}

/// The same for all names of one image. Volumes of a remote pool of blocks have no path.
fn one_name(subject: &Subject, at: &Location) -> String {
    match at {
        Location::Path { path, .. } | Location::Volume { path: Some(path), .. } => subject.images().name(path),
        Location::Volume { pool, volume, path: None, .. } => format!("{pool}/{volume}"),
    }
}

/// The one names of all images that an image is based on.
fn bases(subject: &Subject, at: &Location) -> Vec<String> {
    let images = subject.images();
    let chain = at.path().map(|path| images.chain(path));
    chain.iter().flat_map(|chain| chain.links.iter().skip(1)).map(|link| images.name(&link.path)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::checks::fixture::{Asked, domain, file, known};
    use crate::facts::{BackingFile, Domain, DomainState, Fact, ImageFormat, ImageHeader, MediaFile};
    use serde_json::{Value, json};

    fn attach(mut disk: Value) -> Asked {
        disk["action"] = "attach".into();
        Asked::disks(vec![disk].into())
    }

    fn used_by(asked: Asked, disk: &str, state: DomainState) -> Asked {
        let user = Domain { disks: vec![disk.into()], state, ..domain("build-07") };
        asked.beside(user)
    }

    /// The same where `path` is an image that is based on `base`.
    fn based(asked: Asked, path: &str, base: Option<&str>) -> Asked {
        let backing = base.map(|name| BackingFile { name: name.into(), format: Some(ImageFormat::Qcow2) });
        let image = ImageHeader { format: ImageFormat::Qcow2, backing, ..ImageHeader::default() };
        asked.known_file(path, MediaFile { image: Some(known(image)), ..file() })
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
    fn an_image_that_others_are_based_on_is_not_written_to() {
        let over = |asked| based(asked, "/srv/over.qcow2", Some("/pools/fast-nvme/old-vda.qcow2"));
        let written = || over(attach(json!({"path": "old-vda.qcow2"})));
        let want = "disk 0 (vda): fast-nvme/old-vda.qcow2 is the base of /srv/over.qcow2, a disk of domain build-07: a \
                    write to it would destroy that disk";
        for state in [DomainState::Active, DomainState::Inactive] {
            used_by(written(), "/srv/over.qcow2", state).blocks("DISK-IN-USE", "storage.disks[0].path", want);
        }
        written().said("DISK-IN-USE").warning();
        let read = over(attach(json!({"path": "old-vda.qcow2", "readonly": true})));
        used_by(read, "/srv/over.qcow2", DomainState::Active).passes("DISK-IN-USE");
    }

    #[test]
    fn an_image_is_not_based_on_what_another_domain_writes_to() {
        let asked = based(attach(json!({"path": "/srv/over.qcow2"})), "/srv/over.qcow2", Some("/srv/base.qcow2"));
        let asked = based(asked, "/srv/base.qcow2", None);
        let want = "disk 0 (vda): /srv/over.qcow2 is based on /srv/base.qcow2, to which domain build-07 can write";
        used_by(asked, "/srv/base.qcow2", DomainState::Inactive).blocks("DISK-IN-USE", "storage.disks[0].path", want);
    }

    #[test]
    fn an_image_is_attached_once() {
        let two = |first: Value, second: &str| {
            let mut disks = json!([first, {"path": second}]);
            disks.as_array_mut().unwrap().iter_mut().for_each(|disk| disk["action"] = "attach".into());
            Asked::with(json!({"storage": {"disks": disks}}))
        };
        let old = || json!({"path": "old-vda.qcow2"});
        let want = "disk 1 (vdb): /pools/fast-nvme/old-vda.qcow2 is already attached as storage.disks[0]";
        two(old(), "/pools/fast-nvme/old-vda.qcow2").blocks("DISK-SAME", "storage.disks[1].path", want);
        two(old(), "ubuntu.iso").passes("DISK-SAME");
        let places = vec!["/pools/fast-nvme/old-vda.qcow2".to_owned()];
        let linked = two(old(), "/srv/link.img").known_file("/srv/link.img", MediaFile { places, ..file() });
        linked.said("DISK-SAME").blocker();
        let over = |asked| based(asked, "/srv/over.qcow2", Some("/pools/fast-nvme/old-vda.qcow2"));
        let want = "disk 0 (vda): fast-nvme/old-vda.qcow2 is the base of storage.disks[1]";
        over(two(old(), "/srv/over.qcow2")).blocks("DISK-SAME", "storage.disks[0].path", want);
        over(two(json!({"path": "old-vda.qcow2", "readonly": true}), "/srv/over.qcow2")).passes("DISK-SAME");
    }
}
