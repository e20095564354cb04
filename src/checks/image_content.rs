//! Checks of what files are by their own bytes: that a disk is a disk, and an installation medium a CD or DVD.

use super::image::{UsedImage, used, written};
use super::note::{Topic, clause};
use super::text::{Text, text};
use super::{Check, Notes, Subject};
use crate::facts::{FileContent, ImageFormat, ImageHeader};
use crate::machine::{DiskOrigin, Location};
use crate::spec::{DiskDevice, DiskFormat};
use crate::units::{Bytes, shell_quote};

pub(super) static CHECKS: &[&Check] = &[&IMAGE_CONTENT, &ISO_CONTENT];

static IMAGE_CONTENT: Check = Check {
    code: "IMAGE-CONTENT",
    title: "images hold a disk",
    explain: "The guest sees the bytes of a raw file as its disk. A text, a packed download or a kernel is not a disk: \
              the VM would start and find nothing to boot. Unpack a download first. If a file with such content is \
              meant as a disk, set its format to raw.",
    run: Some(disks),
    ..Check::VM
};

static ISO_CONTENT: Check = Check {
    code: "ISO-CONTENT",
    title: "boot ISO is an ISO",
    explain: "A CD-ROM is read as ISO 9660 or UDF. A disk image or a packed download in the drive is not bootable. \
              Attach a disk image as a disk, and unpack a download first.",
    run: Some(medium),
    ..Check::VM
};

/// No disk is smaller: the smallest floppy has 160 KiB, and data for a guest fills at least some sectors.
const SMALLEST: Bytes = Bytes(4096);

fn disks(subject: &Subject, notes: &mut Notes) {
    let rows = subject.spec.storage.as_ref().and_then(|storage| storage.disks.as_deref()).unwrap_or_default();
    for UsedImage { disk, at, topic, name, .. } in used(subject) {
        if disk.device == DiskDevice::Disk {
            let row = disk.place.row_index().and_then(|row| rows.get(row));
            let meant = row.is_some_and(|row| row.format == Some(DiskFormat::Raw));
            judge(subject, notes, &topic, &name, at, meant);
        }
    }
    for row in subject.disks() {
        let Some(DiskOrigin::Clone { from: Some(from), .. }) = row.made.map(|disk| &disk.origin) else { continue };
        let name = text!("clone source {name}", name = written(from));
        judge(subject, notes, &row.topic("clone_from"), &name, from, false);
    }
}

/// `meant`: the spec says that it is raw, whatever it looks like.
fn judge(subject: &Subject, notes: &mut Notes, topic: &Topic, name: &Text, at: &Location, meant: bool) {
    let known = subject.known(at);
    // Whatever is at the start of a device, it is a disk.
    let is_device = at.is_block() || known.volume.is_some_and(|(pool, _)| !pool.holds_images());
    let Some(image) = known.image().filter(|image| image.content != FileContent::Unknown && !is_device) else { return };
    notes.looked();
    let Some(what) = not_a_disk(image) else { return };
    let message = text!("{name} is {what}, not a disk", name, what);
    let fix = fix(image, at);
    if meant {
        notes.warning(topic.clone(), message, fix);
    } else {
        notes.blocker(topic.clone(), message, fix);
    }
}

/// What a raw file is instead of a disk.
fn not_a_disk(image: &ImageHeader) -> Option<Text> {
    let size = image.virtual_size.unwrap_or_default();
    match &image.content {
        FileContent::Text => Some("a text".into()),
        FileContent::Packed(program) => Some(text!("packed ({program})", program)),
        FileContent::Bootable(_) => Some("a kernel".into()),
        FileContent::Plain if size < SMALLEST => Some(text!("a file of {size}", size)),
        _ => None,
    }
}

fn fix(image: &ImageHeader, at: &Location) -> Text {
    let FileContent::Packed(program) = &image.content else { return "name the disk image itself".into() };
    let command = match program.as_str() {
        "tar" => "tar -xf",
        "unzip" => "unzip",
        "7z" => "7z x",
        "unrar" => "unrar x",
        "cpio" => "cpio -i <",
        "gzip" => "gzip -dk",
        "xz" => "xz -dk",
        "bzip2" => "bzip2 -dk",
        "lz4" => "lz4 -d",
        "lzop" => "lzop -d",
        "zstd" => "zstd -d",
        _ => return "unpack it first".into(),
    };
    match at.path() {
        Some(path) => text!("unpack it first: {command} {path}", command, path = shell_quote(path)),
        None => "unpack it first".into(),
    }
}

/// What an image is, in a few words.
fn kind(image: &ImageHeader) -> Text {
    match (image.format, &image.content) {
        (ImageFormat::Raw, FileContent::Partitions(_)) => "a disk with partitions".into(),
        (ImageFormat::Raw, FileContent::FileSystem(name)) => text!("{name}", name),
        (ImageFormat::Raw, FileContent::Packed(program)) => text!("packed ({program})", program),
        (ImageFormat::Raw, FileContent::Bootable(_)) => "a kernel".into(),
        (ImageFormat::Raw, FileContent::Text) => "a text".into(),
        (ImageFormat::Raw, _) => "of an unknown kind".into(),
        (format, _) => text!("{format}", format = format.name()),
    }
}

fn medium(subject: &Subject, notes: &mut Notes) {
    for UsedImage { at, topic, name, .. } in used(subject).filter(|used| used.iso) {
        let known = subject.known(at);
        let Some(image) = known.image() else {
            let why = subject.why_not_read(at);
            // What is missing, and what has not been asked for, other checks report.
            if known.file.is_some_and(|file| file.image.as_ref().is_some_and(|image| image.why_not().is_some())) {
                notes.unknown(topic, text!("whether {image} is an ISO", image = written(at)), clause(why));
            }
            continue;
        };
        notes.looked();
        let seen = image.content != FileContent::Unknown || image.format != ImageFormat::Raw;
        if !seen || matches!(image.content, FileContent::Disc | FileContent::Empty) {
            continue;
        }
        let message = text!("{name} is {kind}, and has neither ISO 9660 nor UDF", name, kind = kind(image));
        let fix = match image.content {
            FileContent::Packed(_) => fix(image, at),
            _ => "name an ISO image; a disk image is attached in storage.disks".into(),
        };
        notes.blocker(topic, message, fix);
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, file, known};
    use crate::facts::{FileContent, ImageFormat, ImageHeader, MediaFile};
    use crate::units::Bytes;
    use serde_json::json;

    fn holding(asked: Asked, path: &str, content: FileContent) -> Asked {
        let image = ImageHeader { content, virtual_size: Some(Bytes::mib(64)), ..ImageHeader::default() };
        asked.known_file(path, MediaFile { image: Some(known(image)), ..file() })
    }

    fn attach(content: FileContent) -> Asked {
        holding(Asked::disks(json!([{"action": "attach", "path": "/srv/a.img"}])), "/srv/a.img", content)
    }

    #[test]
    fn a_disk_holds_a_disk() {
        let packed = || FileContent::Packed("xz".into());
        let said = attach(packed()).said("IMAGE-CONTENT").blocker();
        assert_eq!(said.message, "disk 0 (vda): /srv/a.img is packed (xz), not a disk");
        assert_eq!(said.remedy, "unpack it first: xz -dk /srv/a.img");
        let unheard = attach(FileContent::Packed("lzip".into())).said("IMAGE-CONTENT").blocker();
        assert_eq!(unheard.remedy, "unpack it first");
        attach(FileContent::Text).said("IMAGE-CONTENT").blocker();
        for disk in [FileContent::Plain, FileContent::Partitions("gpt".into()), FileContent::FileSystem("ext4".into())]
        {
            attach(disk).passes("IMAGE-CONTENT");
        }
        let meant = Asked::disks(json!([{"action": "attach", "path": "/srv/a.img", "format": "raw"}]));
        holding(meant, "/srv/a.img", packed()).said("IMAGE-CONTENT").warning();
        let clone = Asked::disks(json!([{"action": "clone", "clone_from": "/srv/a.img", "format": "raw"}]));
        holding(clone, "/srv/a.img", packed()).said("IMAGE-CONTENT").blocker();
    }

    #[test]
    fn a_boot_iso_is_an_iso() {
        let iso = |image: ImageHeader| {
            let asked = Asked::with(json!({"storage": {"boot_iso": "/srv/a.iso"}}));
            asked.known_file("/srv/a.iso", MediaFile { image: Some(known(image)), ..file() })
        };
        let raw = |content| ImageHeader { content, ..ImageHeader::default() };
        iso(raw(FileContent::Disc)).passes("ISO-CONTENT");
        let want = "boot_iso: /srv/a.iso is qcow2, and has neither ISO 9660 nor UDF";
        let qcow2 = ImageHeader { format: ImageFormat::Qcow2, ..ImageHeader::default() };
        iso(qcow2).blocks("ISO-CONTENT", "storage.boot_iso", want);
        iso(raw(FileContent::Partitions("mbr".into()))).said("ISO-CONTENT").blocker();
    }
}
