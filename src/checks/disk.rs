//! Checks of the fields of each disk: what its action needs, and its size.

use super::note::{Topic, without};
use super::subject::DiskRow;
use super::text::{Arg, text};
use super::wording::{blank, field};
use super::{Check, Notes, Subject};
use crate::facts::ImageFormat;
use crate::spec::{DiskAction, DiskDevice};
use crate::units::Bytes;

pub(super) static CHECKS: &[&Check] =
    &[&DISK_NONE, &DISK_ACTION, &DISK_SIZE, &DISK_PATH, &DISK_CLONE_FROM, &DISK_FIELD_UNUSED, &DISK_READONLY];

static DISK_NONE: Check = Check {
    code: "DISK-NONE",
    title: "VM has at least one disk",
    explain: "A VM needs at least one disk in storage.disks: created, attached or cloned. A boot ISO is not a disk. \
              Only a VM that starts a kernel directly (boot.kernel) may have none.",
    contract: Some(10),
    run: Some(none),
    ..Check::VM
};

static DISK_ACTION: Check = Check {
    code: "DISK-ACTION",
    title: "each disk has an action",
    explain: "`action` is one of: create (a new, empty volume; needs size), attach (an image that exists; needs path), \
              clone (a copy of an image; needs clone_from).",
    contract: Some(11),
    run: Some(action),
    ..Check::VM
};

static DISK_SIZE: Check = Check {
    code: "DISK-SIZE",
    title: "each created disk has a size",
    explain: "A created disk needs `size`: a number of GiB (20) or a text with a unit (\"500 GB\"). Zero is rejected, \
              and no partition table fits below 1 MiB.",
    contract: Some(12),
    run: Some(size),
    ..Check::VM
};

static DISK_PATH: Check = Check {
    code: "DISK-PATH",
    title: "each attached disk names its image",
    explain: "An attached disk needs `path`: an absolute path, or the name of a volume in the disk's pool. An NVMe \
              drive of the host can be named by its PCI address in `host_address` instead.",
    contract: Some(13),
    run: Some(path),
    ..Check::VM
};

static DISK_CLONE_FROM: Check = Check {
    code: "DISK-CLONE-FROM",
    title: "each cloned disk names its source",
    explain: "A cloned disk needs `clone_from`: the image to copy, as an absolute path or the name of a volume in the \
              disk's pool.",
    contract: Some(14),
    run: Some(clone_from),
    ..Check::VM
};

static DISK_FIELD_UNUSED: Check = Check {
    code: "DISK-FIELD-UNUSED",
    title: "disk fields match the disk action",
    explain: "A field that the action does not use has no effect: path on a created disk, size on an attached one. \
              Often the action is the mistake, not the field.",
    run: Some(unused),
    ..Check::VM
};

static DISK_READONLY: Check = Check {
    code: "DISK-READONLY",
    title: "new disks are writable",
    explain: "A disk that is created empty and read-only stays empty, and so does a created CD-ROM. Attach an image \
              with content, or leave readonly out.",
    run: Some(readonly),
    ..Check::VM
};

fn none(subject: &Subject, notes: &mut Notes) {
    let Some(storage) = &subject.spec.storage else { return };
    notes.looked();
    if storage.disks.as_ref().is_none_or(Vec::is_empty) && subject.machine.direct_boot.is_none() {
        let place = field("storage").key("disks");
        notes.blocker(
            place,
            "at least one disk is required",
            "add a disk, such as {\"action\": \"create\", \"size\": 20}",
        );
    }
}

fn action(subject: &Subject, notes: &mut Notes) {
    for row in subject.disks() {
        notes.looked();
        if row.asked.action.is_none() {
            let message = text!("action is required");
            notes.blocker(row.bare_topic("action"), message, "write create, attach or clone");
        }
    }
}

fn rows<'a>(subject: &Subject<'a>, action: DiskAction) -> impl Iterator<Item = DiskRow<'a>> {
    subject.disks().filter(move |row| row.asked.action == Some(action))
}

const SMALLEST: Bytes = Bytes::mib(1);

fn size(subject: &Subject, notes: &mut Notes) {
    for row in subject.disks() {
        let topic = row.bare_topic("size");
        match (row.asked.action, &row.asked.size) {
            (Some(DiskAction::Create), None) => {
                let message = text!("size is required for create action");
                notes.blocker(topic, message, "write a number of GiB, or a text such as \"500 GB\"");
            }
            (Some(DiskAction::Create | DiskAction::Clone), Some(size)) => {
                notes.looked();
                match size.bytes() {
                    Err(error) => {
                        notes.blocker(topic, text!("{error}", error), "write 20 (GiB) or \"20 GiB\"");
                    }
                    Ok(Bytes(0)) => notes.blocker(topic, text!("size is 0"), "write 20 for 20 GiB"),
                    Ok(size) if size < SMALLEST => {
                        let message = text!(
                            "size is {size}; no partition table fits below {smallest}",
                            size,
                            smallest = SMALLEST
                        );
                        notes.warning(topic, message, "a number counts GiB: write 20 or \"20 GiB\"");
                    }
                    Ok(size) => too_large(notes, topic, row.made.and_then(|disk| disk.format), size),
                }
            }
            _ => {}
        }
    }
}

/// The largest disk that a format holds, as QEMU makes it: a table of level 1 of 32 MiB for clusters of 64 KiB in qcow2
/// (block/qcow2.h), `VDI_DISK_SIZE_MAX` in VDI (block/vdi.c), and `off_t` in all others.
fn largest(format: ImageFormat) -> Bytes {
    match format {
        ImageFormat::Qcow2 => Bytes(1 << 51),
        ImageFormat::Vdi => Bytes(0x1_ffff_f800_0000),
        _ => Bytes(i64::MAX.unsigned_abs()),
    }
}

fn too_large(notes: &mut Notes, topic: Topic, format: Option<ImageFormat>, size: Bytes) {
    let Some(format) = format.filter(|format| size > largest(*format)) else { return };
    let largest = Arg::Gib(largest(format));
    let message =
        text!("size is {size}; a {format} image holds at most {largest}", size, format = format.name(), largest);
    notes.blocker(topic, message, text!("use {largest} or less", largest));
}

fn path(subject: &Subject, notes: &mut Notes) {
    for row in rows(subject, DiskAction::Attach) {
        notes.looked();
        if blank(row.asked.path.as_ref()) && blank(row.asked.host_address.as_ref()) {
            let message = text!("path is required for attach action");
            notes.blocker(row.bare_topic("path"), message, "write the path of the image, or a volume of the pool");
        }
    }
}

fn clone_from(subject: &Subject, notes: &mut Notes) {
    for row in rows(subject, DiskAction::Clone) {
        notes.looked();
        if blank(row.asked.clone_from.as_ref()) {
            let message = text!("clone_from is required for clone action");
            notes.blocker(
                row.bare_topic("clone_from"),
                message,
                "write the path of the source, or a volume of the pool",
            );
        }
    }
}

fn unused(subject: &Subject, notes: &mut Notes) {
    for row in subject.disks() {
        let Some(action) = row.asked.action else { continue };
        notes.looked();
        let set = match action {
            DiskAction::Create => [("path", &row.asked.path), ("clone_from", &row.asked.clone_from)],
            DiskAction::Attach => [("clone_from", &row.asked.clone_from), ("", &None)],
            DiskAction::Clone => [("path", &row.asked.path), ("", &None)],
        };
        let mut fields: Vec<&str> = set.iter().filter(|(_, value)| value.is_some()).map(|(field, _)| *field).collect();
        if action == DiskAction::Attach && row.asked.size.is_some() {
            fields.push("size");
        }
        if action != DiskAction::Attach && row.asked.host_address.is_some() {
            fields.push("host_address");
        }
        for field in fields {
            let message = text!("{field} has no effect for {action} action", field, action = action.name());
            notes.warning(row.bare_topic(field), message, without("remove it, or choose the action that uses it"));
        }
    }
}

fn readonly(subject: &Subject, notes: &mut Notes) {
    for row in rows(subject, DiskAction::Create) {
        notes.looked();
        if row.asked.device == Some(DiskDevice::Cdrom) {
            let message = text!("an empty CD-ROM would be created");
            notes.warning(row.topic("device"), message, "attach an ISO, or make it a disk");
        } else if row.asked.readonly == Some(true) {
            let message = text!("created empty and read-only, so it stays empty");
            notes.warning(row.topic("readonly"), message, without("leave readonly out, or attach an image"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::json;

    #[test]
    fn at_least_one_disk_is_required() {
        Asked::disks(json!([])).blocks("DISK-NONE", "storage.disks", "at least one disk is required");
        Asked::disks(json!(null))
            .blocks("DISK-NONE", "storage.disks", "at least one disk is required")
            .quiet("DISK-ACTION");
        Asked::good().passes("DISK-NONE");
    }

    #[test]
    fn each_action_needs_its_field_in_the_words_of_the_api() {
        let all = Asked::disks(
            json!([{"action": "create"}, {"action": "attach"}, {"action": "clone", "clone_from": " "}, {}]),
        );
        all.blocks("DISK-SIZE", "storage.disks[0].size", "disk 0: size is required for create action")
            .blocks("DISK-PATH", "storage.disks[1].path", "disk 1: path is required for attach action")
            .blocks("DISK-CLONE-FROM", "storage.disks[2].clone_from", "disk 2: clone_from is required for clone action")
            .blocks("DISK-ACTION", "storage.disks[3].action", "disk 3: action is required");
        let fine = Asked::disks(json!([
            {"action": "create", "size": 1}, {"action": "attach", "path": "a"}, {"action": "clone", "clone_from": "b"}
        ]));
        fine.passes("DISK-SIZE").passes("DISK-PATH").passes("DISK-CLONE-FROM").passes("DISK-ACTION");
    }

    #[test]
    fn a_size_that_is_none_is_refused() {
        Asked::disks(json!([{"action": "create", "size": "big"}])).said("DISK-SIZE").blocker();
        Asked::disks(json!([{"action": "create", "size": 0}])).blocks(
            "DISK-SIZE",
            "storage.disks[0].size",
            "disk 0: size is 0",
        );
        Asked::disks(json!([{"action": "create", "size": "512 KiB"}])).said("DISK-SIZE").warning();
        let vast =
            |format: &str| Asked::disks(json!([{"action": "create", "size": "3000000000 MiB", "format": format}]));
        vast("qcow2").said("DISK-SIZE").blocker();
        vast("vdi").said("DISK-SIZE").blocker();
        vast("vmdk").passes("DISK-SIZE");
        Asked::disks(json!([{"action": "create", "size": "1 MiB"}])).passes("DISK-SIZE");
    }

    #[test]
    fn fields_of_another_action_are_pointed_out() {
        let want = "disk 0: path has no effect for create action";
        Asked::disks(json!([{"action": "create", "size": 1, "path": "/x"}])).warns(
            "DISK-FIELD-UNUSED",
            "storage.disks[0].path",
            want,
        );
        Asked::disks(json!([{"action": "attach", "size": 1, "path": "/x"}])).said("DISK-FIELD-UNUSED").warning();
        Asked::disks(json!([{"action": "clone", "size": 1, "clone_from": "/x"}])).passes("DISK-FIELD-UNUSED");
    }

    #[test]
    fn an_empty_disk_that_nobody_can_write_is_pointed_out() {
        Asked::disks(json!([{"action": "create", "size": 1, "readonly": true}])).said("DISK-READONLY").warning();
        Asked::disks(json!([{"action": "create", "size": 1, "device": "cdrom"}])).said("DISK-READONLY").warning();
        Asked::disks(json!([{"action": "create", "size": 1, "readonly": false}])).passes("DISK-READONLY");
    }
}
