//! Checks of images by their headers: formats that QEMU can run, marks of damage, and what images are based on.

use super::image::{used, written};
use super::note::{Topic, clause};
use super::text::{Text, text};
use super::{Check, Notes, Subject};
use crate::facts::{Chain, ChainEnd, ChainLink, ImageFormat, ImageHeader, ImageMark, NOT_ASKED};
use crate::machine::files::writes_existing;
use crate::machine::{DiskOrigin, Location};
use crate::units::shell_quote;

pub(super) static CHECKS: &[&Check] = &[&IMAGE_DRIVER, &IMAGE_STATE, &IMAGE_BASE];

static IMAGE_DRIVER: Check = Check {
    code: "IMAGE-DRIVER",
    title: "QEMU runs guests on the image formats",
    explain: "A guest runs on raw, qcow2, vmdk and vdi images, and on the older qcow and qed. Images of Hyper-V (vpc, \
              vhdx), Parallels and others can be read for a conversion, but not run safely. Convert the image, or \
              clone it, which converts it.",
    run: Some(driver),
    ..Check::VM
};

static IMAGE_STATE: Check = Check {
    code: "IMAGE-STATE",
    title: "images are intact",
    explain: "The header of an image shows whether it is marked as corrupt, was cut off, needs a newer QEMU, or holds \
              only the differences to another file. QEMU refuses such an image, or opens it for reading only. An \
              encrypted image needs its passphrase as a libvirt secret, which only custom_xml can name.",
    run: Some(state),
    ..Check::VM
};

static IMAGE_BASE: Check = Check {
    code: "IMAGE-BASE",
    title: "base images exist and have a format",
    explain: "An image can hold only what differs from its base, which can have a base of its own. Each must exist \
              under the name in the header of the image above it, and that header must say its format: libvirt does \
              not guess the format of a base that has a base itself. qemu-img rebase -u corrects the header. A copy of \
              a file outside the pools reads all that it is based on, so that has to be files that could be checked.",
    run: Some(base),
    ..Check::VM
};

/// An image that is read: attached, or copied.
struct ReadImage<'a> {
    topic: Topic,
    name: Text,
    at: &'a Location,
    written_to: bool,
    copied: bool,
}

impl ReadImage<'_> {
    /// True where it is copied and is in no pool: qemu-img then opens all that it needs with the rights of vmbuild.
    fn is_copied_by_path(&self, subject: &Subject) -> bool {
        self.copied && matches!(self.at, Location::Path { .. }) && subject.known(self.at).volume.is_none()
    }
}

fn all<'a>(subject: &Subject<'a>) -> Vec<ReadImage<'a>> {
    let attached = used(subject).map(|used| ReadImage {
        topic: used.topic,
        name: used.name,
        at: used.at,
        written_to: writes_existing(used.disk),
        copied: false,
    });
    let cloned = subject.disks().filter_map(|row| match &row.made?.origin {
        DiskOrigin::Clone { from: Some(at), .. } => {
            let name = text!("clone source {name}", name = written(at));
            Some(ReadImage { topic: row.topic("clone_from"), name, at, written_to: false, copied: true })
        }
        _ => None,
    });
    attached.chain(cloned).collect()
}

/// The header of an image that is not a device.
fn header<'a>(subject: &Subject<'a>, at: &Location) -> Option<&'a ImageHeader> {
    let known = subject.known(at);
    let is_device = at.is_block() || known.volume.is_some_and(|(pool, _)| !pool.holds_images());
    known.image().filter(|_| !is_device)
}

/// `qemu-img convert` into a qcow2 beside the image, never onto the image itself.
fn conversion(at: &Location) -> Text {
    let Some(path) = at.path() else { return "convert it to qcow2".into() };
    let stem = path.rsplit_once('.').filter(|(_, end)| !end.contains('/')).map_or(path, |(stem, _)| stem);
    let beside = Some(format!("{stem}.qcow2")).filter(|beside| beside != path);
    let to = beside.unwrap_or_else(|| format!("{stem}-converted.qcow2"));
    text!("convert it: qemu-img convert -O qcow2 {from} {to}", from = shell_quote(path), to = shell_quote(&to))
}

fn driver(subject: &Subject, notes: &mut Notes) {
    for ReadImage { topic, name, at, copied, .. } in all(subject) {
        let Some(image) = header(subject, at) else { continue };
        notes.looked();
        // libvirt copies what it can name; it takes a VHDX for raw.
        let copies = copied && image.format == ImageFormat::Vpc;
        if !image.format.runs_guests() && !copies {
            let message = text!("{name} is {format}, on which no guest can run", name, format = image.format.name());
            notes.blocker(topic, message, conversion(at));
        }
    }
}

fn state(subject: &Subject, notes: &mut Notes) {
    for ReadImage { topic, name, at, written_to, .. } in all(subject) {
        let Some(image) = header(subject, at) else { continue };
        notes.looked();
        for mark in &image.marks {
            let (what, fix): (&str, &'static str) = match mark {
                // QEMU repairs it when it opens it for writing, and a copy reads past it.
                ImageMark::Dirty => continue,
                ImageMark::Corrupt if !written_to => {
                    let message = text!("{name} is marked as corrupt", name);
                    notes.warning(topic.clone(), message, "check it with qemu-img check");
                    continue;
                }
                ImageMark::Corrupt => ("is marked as corrupt", "check and repair it with qemu-img check -r all"),
                ImageMark::Unsupported => ("needs a feature that QEMU does not have", "convert it where it was made"),
                ImageMark::Differencing => (
                    "holds only the differences to another image",
                    "merge it where it was made, or name the whole image",
                ),
                ImageMark::Damaged => ("has a damaged header", "copy it again, or restore it from a backup"),
            };
            notes.blocker(topic.clone(), text!("{name} {what}", name, what), fix);
        }
        if image.encrypted && image.format != ImageFormat::Raw {
            let message = text!("{name} is encrypted, and the domain has no passphrase for it", name);
            let fix = "convert it to a plain image, or add <encryption> in custom_xml";
            if subject.spec.custom_xml.is_some() {
                notes.warning(topic, message, fix);
            } else {
                notes.blocker(topic, message, fix);
            }
        }
    }
}

fn base(subject: &Subject, notes: &mut Notes) {
    for image in all(subject) {
        let (Some(path), Some(_)) = (image.at.path(), header(subject, image.at)) else { continue };
        notes.looked();
        let chain = subject.images().chain(path);
        ending(subject, notes, &image, &chain);
        for (upper, lower) in chain.links.iter().zip(chain.links.iter().skip(1)) {
            let is_last = chain.links.last() == Some(lower);
            format(notes, &image.topic, &image.name, (upper, lower), is_last);
        }
    }
}

/// What is wrong with the image that a chain ends with.
fn ending(subject: &Subject, notes: &mut Notes, image: &ReadImage, Chain { links, end }: &Chain) {
    let (topic, name) = (|| image.topic.clone(), &image.name);
    let above = links.iter().rev().nth(1).map_or("", |link| &link.path);
    match end {
        ChainEnd::Missing { path: base } if links.len() > 1 => {
            let message = text!("{name}: its base {base} does not exist", name, base);
            let fix = text!(
                "put it there, or correct the header: qemu-img rebase -u -b BASE -F FORMAT {above}",
                above = shell_quote(above)
            );
            notes.blocker(topic(), message, fix);
        }
        ChainEnd::Loop { path: base } => {
            let message = text!("{name}: its base images lead in a circle, back to {base}", name, base);
            notes.blocker(topic(), message, "restore the header from a backup");
        }
        ChainEnd::Elsewhere { name: other } if image.is_copied_by_path(subject) => {
            let message = text!("{name} needs {other}, which cannot be checked before the copy", name, other);
            notes.blocker(topic(), message, "use an image without a base, or make it a volume of a storage pool");
        }
        ChainEnd::Elsewhere { name: other } => {
            let message = text!("whether {name} can be read: it needs {other}", name, other);
            notes.unknown(topic(), message, "it is not a file of this host");
        }
        ChainEnd::Unknown { path: base, why } if links.len() > 1 => {
            if why != NOT_ASKED && image.is_copied_by_path(subject) {
                let message =
                    text!("{name}: its base {base} could not be checked: {why}", name, base, why = clause(why));
                return notes.blocker(topic(), message, "make it readable, or use an image without a base");
            }
            let what = text!("what {base} is, the base of {name}", base, name);
            notes.unknown(topic(), what, clause(why));
        }
        ChainEnd::Whole | ChainEnd::Missing { .. } | ChainEnd::Unknown { .. } => {}
    }
}

/// The format of a base, as the image above says it and as its own bytes do.
fn format(notes: &mut Notes, topic: &Topic, name: &Text, (upper, lower): (&ChainLink, &ChainLink), is_last: bool) {
    let Some(seen) = lower.format else { return };
    let rebase = text!(
        "write it into the header: qemu-img rebase -u -b {base} -F {format} {above}",
        base = shell_quote(&lower.path),
        format = seen.name(),
        above = shell_quote(&upper.path)
    );
    let (base, seen) = (&lower.path, seen.name());
    match lower.said.map(ImageFormat::name) {
        // libvirt looks itself where nothing is below, and reports an error otherwise.
        None if is_last => {
            let message = text!("{name} does not say the format of its base {base}, which is {seen}", name, base, seen);
            notes.warning(topic.clone(), message, rebase);
        }
        None => {
            let message = text!("{name} does not say the format of its base {base}, which is {seen}", name, base, seen);
            notes.blocker(topic.clone(), message, rebase);
        }
        Some(said) if said != seen => {
            let message =
                text!("{name}: its base {base} is {seen}, but the header says {said}", name, base, seen, said);
            notes.warning(topic.clone(), message, rebase);
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, file, known};
    use crate::facts::{BackingFile, Fact, ImageFormat, ImageHeader, ImageMark, MediaFile, MediaKind};
    use serde_json::json;

    fn of(image: ImageHeader) -> MediaFile {
        MediaFile { image: Some(known(image)), ..file() }
    }

    fn attach(image: ImageHeader) -> Asked {
        Asked::disks(json!([{"action": "attach", "path": "/srv/a.vhd"}])).known_file("/srv/a.vhd", of(image))
    }

    fn clone(image: ImageHeader) -> Asked {
        Asked::disks(json!([{"action": "clone", "clone_from": "/srv/a.vhd"}])).known_file("/srv/a.vhd", of(image))
    }

    fn format(format: ImageFormat) -> ImageHeader {
        ImageHeader { format, ..ImageHeader::default() }
    }

    #[test]
    fn a_format_that_no_guest_runs_on_is_refused_with_the_conversion() {
        let said = attach(format(ImageFormat::Vpc)).said("IMAGE-DRIVER").blocker();
        assert_eq!(said.message, "disk 0 (vda): /srv/a.vhd is vpc, on which no guest can run");
        assert_eq!(said.remedy, "convert it: qemu-img convert -O qcow2 /srv/a.vhd /srv/a.qcow2");
        let named = Asked::disks(json!([{"action": "attach", "path": "/srv/a.qcow2"}]));
        let said = named.known_file("/srv/a.qcow2", of(format(ImageFormat::Vhdx))).said("IMAGE-DRIVER").blocker();
        assert_eq!(said.remedy, "convert it: qemu-img convert -O qcow2 /srv/a.qcow2 /srv/a-converted.qcow2");
        attach(format(ImageFormat::Vmdk)).passes("IMAGE-DRIVER");
        clone(format(ImageFormat::Vpc)).passes("IMAGE-DRIVER");
        clone(format(ImageFormat::Vhdx)).said("IMAGE-DRIVER").blocker();
    }

    #[test]
    fn an_image_is_intact() {
        let marked = |mark| ImageHeader { marks: [mark].into(), ..format(ImageFormat::Qcow2) };
        attach(marked(ImageMark::Corrupt)).said("IMAGE-STATE").blocker();
        clone(marked(ImageMark::Corrupt)).said("IMAGE-STATE").warning();
        attach(marked(ImageMark::Dirty)).passes("IMAGE-STATE");
        attach(marked(ImageMark::Damaged)).said("IMAGE-STATE").blocker();
        let encrypted = || ImageHeader { encrypted: true, ..format(ImageFormat::Qcow2) };
        attach(encrypted()).said("IMAGE-STATE").blocker();
        attach(ImageHeader { encrypted: true, ..ImageHeader::default() }).passes("IMAGE-STATE");
    }

    fn over(name: &str, said: Option<ImageFormat>) -> ImageHeader {
        let backing = Some(BackingFile { name: name.into(), format: said });
        ImageHeader { backing, ..format(ImageFormat::Qcow2) }
    }

    #[test]
    fn what_an_image_is_based_on_is_there_and_has_a_format() {
        let qcow2 = Some(ImageFormat::Qcow2);
        let gone = MediaFile { kind: MediaKind::Missing, ..MediaFile::default() };
        let want = "disk 0 (vda): /srv/a.vhd: its base /srv/gone.qcow2 does not exist";
        let missing = |asked: Asked| asked.known_file("/srv/gone.qcow2", gone.clone());
        missing(attach(over("gone.qcow2", qcow2))).blocks("IMAGE-BASE", "storage.disks[0].path", want);
        let second = attach(over("b", qcow2)).known_file("/srv/b", of(over("gone.qcow2", qcow2)));
        missing(second).said("IMAGE-BASE").blocker();
        missing(clone(over("gone.qcow2", qcow2))).said("IMAGE-BASE").blocker();
        attach(over("a.vhd", qcow2)).said("IMAGE-BASE").blocker();
        attach(over("nbd://host/x", qcow2)).unknown("IMAGE-BASE");
        attach(over("b", qcow2)).unknown("IMAGE-BASE");
        clone(over("b", qcow2)).unknown("IMAGE-BASE");
        attach(over("b", qcow2)).known_file("/srv/b", of(format(ImageFormat::Qcow2))).passes("IMAGE-BASE");
    }

    #[test]
    fn a_copy_by_path_needs_only_what_was_read() {
        let qcow2 = Some(ImageFormat::Qcow2);
        let two =
            r#"json:{"driver":"qcow2","file":{"filename":"/srv/b"},"backing":{"file":{"filename":"/etc/shadow"}}}"#;
        for name in ["nbd://host/x", two] {
            let want =
                format!("disk 0 (vda): clone source /srv/a.vhd needs {name}, which cannot be checked before the copy");
            clone(over(name, qcow2)).blocks("IMAGE-BASE", "storage.disks[0].clone_from", &want);
        }
        let denied = || Fact::Denied { why: "Permission denied.".into() };
        let unread = |asked: Asked| asked.facts(|facts| drop(facts.files.insert("/srv/b".into(), denied())));
        unread(clone(over("b", qcow2))).said("IMAGE-BASE").blocker();
        unread(attach(over("b", qcow2))).unknown("IMAGE-BASE");
        let pooled = Asked::disks(json!([{"action": "clone", "clone_from": "old-vda.qcow2"}]));
        let pooled = pooled.known_file("/pools/fast-nvme/old-vda.qcow2", of(over("nbd://host/x", qcow2)));
        pooled.unknown("IMAGE-BASE");
    }

    #[test]
    fn a_base_without_a_format_is_pointed_out() {
        let unsaid = |base: ImageHeader| attach(over("b", None)).known_file("/srv/b", of(base));
        let said = unsaid(ImageHeader::default()).said("IMAGE-BASE").warning();
        assert_eq!(said.remedy, "write it into the header: qemu-img rebase -u -b /srv/b -F raw /srv/a.vhd");
        let deep = over("c", Some(ImageFormat::Qcow2));
        let deep = unsaid(deep).known_file("/srv/c", of(format(ImageFormat::Qcow2)));
        deep.said("IMAGE-BASE").blocker();
        let wrong = attach(over("b", Some(ImageFormat::Raw))).known_file("/srv/b", of(format(ImageFormat::Qcow2)));
        wrong.said("IMAGE-BASE").warning();
    }
}
