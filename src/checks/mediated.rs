//! Checks of mediated devices.

use super::note::{Remedy, Topic};
use super::row::RowName;
use super::text::text;
use super::wording::blank;
use super::{Check, Notes, Subject};
use crate::spec::Place;

pub(super) static CHECKS: &[&Check] = &[&MDEV_UUID, &MDEV_DISPLAY];

static MDEV_UUID: Check = Check {
    code: "MDEV-UUID",
    title: "mediated devices are named by UUID",
    explain: "A mediated device is created on the host first, of a type that the driver of its parent offers, and has \
              a UUID: `virsh nodedev-list --cap mdev` or `mdevctl list` shows it. The VM names it by its UUID, once. \
              libvirt does not check it before the VM starts, and does not create one.",
    run: Some(uuid),
    ..Check::VM
};

static MDEV_DISPLAY: Check = Check {
    code: "MDEV-DISPLAY",
    title: "mdev display has a console",
    explain: "With display, the picture of a mediated device is on a graphical console of the VM, so the VM needs one; \
              otherwise QEMU rejects it. ramfb draws into that picture before the guest's driver runs, and has no \
              effect without display.",
    run: Some(display),
    ..Check::VM
};

fn at(row: usize, field: &str) -> Place {
    Place::row("mediated_devices", row, field)
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(digits)
}

fn uuid(subject: &Subject, notes: &mut Notes) {
    let mut seen: Vec<String> = Vec::new();
    for (row, asked) in subject.spec.mediated_devices.iter().flatten().enumerate() {
        notes.looked();
        let text = asked.uuid.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
        if blank(asked.uuid.as_ref()) {
            let message = text!("uuid is required");
            notes.blocker(
                Topic::from(at(row, "uuid")).of(RowName::numbered("mediated device", row)),
                message,
                "write the UUID of one on the host: mdevctl list",
            );
        } else if !is_uuid(&text) {
            let message = text!("'{text}' is not a UUID", text);
            notes.blocker(
                Topic::from(at(row, "uuid")).of(RowName::numbered("mediated device", row)),
                message,
                "write one such as 4b20d080-1b54-4048-85b3-a6a62d165c01",
            );
        } else if let Some(earlier) = seen.iter().position(|known| *known == text) {
            let message = text!("{text} is already requested as mediated device {earlier}", text, earlier);
            notes.blocker(
                Topic::from(at(row, "uuid")).of(RowName::numbered("mediated device", row)),
                message,
                "remove one of them",
            );
        } else {
            let what = text!("whether mediated device {text} is on the host", text);
            notes.unknown(at(row, "uuid"), &what, "vmbuild does not list mediated devices: see mdevctl list");
        }
        seen.push(text);
    }
}

fn display(subject: &Subject, notes: &mut Notes) {
    for (row, asked) in subject.spec.mediated_devices.iter().flatten().enumerate() {
        let (display, ramfb) = (asked.display == Some(true), asked.ramfb == Some(true));
        if display || ramfb {
            notes.looked();
        }
        if ramfb && !display {
            let message = text!("ramfb has no effect without display");
            notes.blocker(
                Topic::from(at(row, "ramfb")).of(RowName::numbered("mediated device", row)),
                message,
                Remedy::from("also set display, or remove ramfb").setting(at(row, "display"), true),
            );
        }
        if display && subject.machine.consoles.is_empty() {
            let message = text!("display needs a graphical console, but the VM has none");
            notes.blocker(
                Topic::from(at(row, "display")).of(RowName::numbered("mediated device", row)),
                message,
                "add a console to graphics, or remove display",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::{Value, json};

    const UUID: &str = "4b20d080-1b54-4048-85b3-a6a62d165c01";

    fn rows(rows: &Value) -> Asked {
        Asked::with(json!({"mediated_devices": rows}))
    }

    #[test]
    fn a_mediated_device_has_a_uuid() {
        rows(&json!([{"uuid": UUID}])).unknown("MDEV-UUID").quiet("MDEV-DISPLAY");
        for wrong in ["", " ", "4b20d080", "4b20d080-1b54-4048-85b3-a6a62d165cxx"] {
            rows(&json!([{"uuid": wrong}])).said("MDEV-UUID").blocker();
        }
        rows(&json!([{"uuid": UUID}, {"uuid": UUID.to_uppercase()}])).said("MDEV-UUID").blocker();
        Asked::good().quiet("MDEV-UUID");
    }

    #[test]
    fn a_picture_has_a_console() {
        rows(&json!([{"uuid": UUID, "display": true, "ramfb": true}])).passes("MDEV-DISPLAY");
        rows(&json!([{"uuid": UUID, "ramfb": true}])).said("MDEV-DISPLAY").blocker();
        let blind = json!({"graphics": [], "mediated_devices": [{"uuid": UUID, "display": true}]});
        Asked::with(blind).said("MDEV-DISPLAY").blocker();
    }
}
