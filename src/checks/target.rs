//! Checks of bus and target of each disk.

use super::note::without;
use super::text::{Arg, text};
use super::{Check, Notes, Subject};
use crate::machine::{Chipset, Disk};
use crate::spec::{DiskBus, DiskDevice, Place};
use std::collections::BTreeMap;

pub(super) static CHECKS: &[&Check] = &[&TARGET_INVALID, &TARGET_SAME, &BUS_IDE, &BUS_READONLY];

static TARGET_INVALID: Check = Check {
    code: "TARGET-INVALID",
    title: "targets are device names of their bus",
    explain: "A target names the disk for libvirt: vda, vdb, ... on virtio, sda on scsi, sata and usb, hda to hdd on \
              ide. A name of another bus would move the disk to that bus or be rejected. Leave the target out, and the \
              first free name is used. The guest may name its disks differently.",
    run: Some(invalid),
    ..Check::VM
};

static TARGET_SAME: Check = Check {
    code: "TARGET-SAME",
    title: "disk targets are unique",
    explain: "Two disks of one VM cannot have the same target; scsi, sata and usb share one series of names. Leave the \
              target out, and the first free name is used.",
    run: Some(same),
    ..Check::VM
};

pub(super) static BUS_IDE: Check = Check {
    code: "BUS-IDE",
    title: "IDE is used where the machine has it",
    explain: "The q35 machine has no IDE controller; the old pc machine has one, with four drives. Use sata on q35: \
              every guest that supports IDE disks of this century also supports SATA.",
    run: Some(ide),
    ..Check::VM
};

static BUS_READONLY: Check = Check {
    code: "BUS-READONLY",
    title: "disk bus supports read-only",
    explain: "QEMU's IDE and SATA disks are always writable, and libvirt rejects a read-only one. CD-ROMs are \
              read-only on every bus.",
    run: Some(readonly),
    ..Check::VM
};

/// Where the target of `disk` is written.
fn place(disk: &Disk) -> Place {
    disk.place.clone().key("target")
}

fn invalid(subject: &Subject, notes: &mut Notes) {
    for row in subject.disks() {
        let Some(target) = row.asked.target.as_deref().map(str::trim).filter(|target| !target.is_empty()) else {
            continue;
        };
        let Some(bus) = row.made.map(|disk| disk.bus.value) else { continue };
        notes.looked();
        let letters = target.strip_prefix(bus.prefix());
        let fine =
            letters.is_some_and(|rest| (1..=3).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase()));
        if !fine {
            let name = bus.name();
            let message = text!("target '{target}' is not a device name of bus {name}", target, name);
            let remedy =
                without(text!("write {prefix}a, {prefix}b, ..., or leave the target out", prefix = bus.prefix()));
            notes.blocker(row.bare_topic("target"), message, remedy);
        }
    }
}

fn same(subject: &Subject, notes: &mut Notes) {
    let mut targets = BTreeMap::<&str, Vec<&Disk>>::new();
    for disk in &subject.machine.disks {
        notes.looked();
        targets.entry(&disk.target.value).or_default().push(disk);
    }
    for (target, disks) in targets {
        if let [first, second, ..] = disks.as_slice() {
            let message = text!(
                "target {target} is used by {first} and {second}",
                target,
                first = first.place,
                second = second.place
            );
            notes.blocker(place(second), message, without("leave the target out, and the first free name is used"));
        }
    }
}

fn readonly(subject: &Subject, notes: &mut Notes) {
    for disk in subject.machine.disks.iter().filter(|disk| disk.readonly && disk.device == DiskDevice::Disk) {
        notes.looked();
        if matches!(disk.bus.value, DiskBus::Ide | DiskBus::Sata) {
            let message = text!(
                "{place}: disks on bus {bus} cannot be read-only",
                place = disk.place,
                bus = disk.bus.value.name()
            );
            notes.blocker(
                disk.place.clone().key("readonly"),
                message,
                without("use bus virtio or scsi, or leave readonly out"),
            );
        }
    }
}

const IDE_DRIVES: usize = 4;

fn ide(subject: &Subject, notes: &mut Notes) {
    let drives: Vec<&Disk> = subject.machine.disks.iter().filter(|disk| disk.bus.value == DiskBus::Ide).collect();
    let Some(last) = drives.last() else { return };
    notes.looked();
    let machine = &subject.machine.machine_type.value;
    if subject.machine.chipset != Chipset::Pc {
        for disk in &drives {
            let message = text!("{place}: machine type {machine} does not support IDE", place = disk.place, machine);
            notes.blocker(disk.place.clone().key("bus"), message, "use bus sata, or machine type pc");
        }
    } else if drives.len() > IDE_DRIVES {
        let targets: Vec<String> = drives.iter().map(|disk| disk.target.value.clone()).collect();
        let message = text!(
            "{count} IDE drives ({targets}), but a pc machine has {most}",
            count = drives.len(),
            targets = Arg::all(targets),
            most = IDE_DRIVES
        );
        notes.blocker(last.place.clone().key("bus"), message, "move some of them to bus virtio, scsi or sata");
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said};
    use serde_json::json;

    #[test]
    fn a_target_belongs_to_its_bus() {
        let disk = |bus: Option<&str>, target: &str| {
            Asked::disks(json!([{"action": "create", "size": 1, "bus": bus, "target": target}]))
        };
        let want = "disk 0: target 'sda' is not a device name of bus virtio";
        disk(Some("virtio"), "sda").blocks("TARGET-INVALID", "storage.disks[0].target", want);
        for target in ["vd", "vd1", "vdA", "/dev/vda", "vdaaaa"] {
            disk(None, target).said("TARGET-INVALID").blocker();
        }
        disk(None, "vdb").passes("TARGET-INVALID");
        disk(Some("sata"), "sdaa").passes("TARGET-INVALID");
    }

    #[test]
    fn two_disks_need_two_targets() {
        let two = |first: &str, second: &str| {
            Asked::disks(json!([
                {"action": "create", "size": 1, "target": first, "bus": "scsi"},
                {"action": "create", "size": 1, "target": second, "bus": "sata"},
            ]))
        };
        let want = "target sda is used by storage.disks[0] and storage.disks[1]";
        two("sda", "sda").blocks("TARGET-SAME", "storage.disks[1].target", want);
        two("sda", "sdb").passes("TARGET-SAME");
    }

    #[test]
    fn sata_disks_are_writable() {
        let disk = |bus: &str, device: &str| {
            Asked::disks(json!([{"action": "attach", "path": "a.raw", "bus": bus, "device": device, "readonly": true}]))
        };
        let want = "storage.disks[0]: disks on bus sata cannot be read-only";
        disk("sata", "disk").blocks("BUS-READONLY", "storage.disks[0].readonly", want);
        disk("virtio", "disk").passes("BUS-READONLY");
        disk("sata", "cdrom").quiet("BUS-READONLY");
    }

    #[test]
    fn q35_has_no_ide() {
        let ide = |machine: &str, count: usize| {
            let disks = vec![json!({"action": "create", "size": 1, "bus": "ide"}); count];
            Asked::with(json!({"machine": machine, "storage": {"disks": disks}}))
        };
        let Said { message, remedy, .. } = ide("q35", 1).said("BUS-IDE").blocker();
        assert_eq!(
            (message.as_str(), remedy.as_str()),
            ("storage.disks[0]: machine type q35 does not support IDE", "use bus sata, or machine type pc")
        );
        ide("pc", 4).passes("BUS-IDE");
        let Said { message, .. } = ide("pc", 5).said("BUS-IDE").blocker();
        assert!(message.starts_with("5 IDE drives (hda, hdb, hdc, hdd and hde)"), "{message}");
        Asked::good().quiet("BUS-IDE");
    }
}
