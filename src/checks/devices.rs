//! Checks of the small devices: video, input, sound, watchdog, shared memory, TPM.

use super::note::{Remedy, clause, without};
use super::text::{Arg, Joint, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::MediaKind;
use crate::machine::Chipset;
use crate::machine::devices::{SharedMemory, pixels};
use crate::spec::Place;
use crate::spec::devices::{TpmBackend, WatchdogAction, WatchdogModel};
use crate::units::shell_quote;

pub(super) static CHECKS: &[&Check] = &[&VIDEO_MODEL, &EVDEV_PATH, &LOOKING_GLASS, &WATCHDOG, &TPM_DEVICE];

static VIDEO_MODEL: Check = Check {
    code: "VIDEO-MODEL",
    title: "QEMU supports the video model",
    explain: "Not every QEMU is built with every emulated video card: qxl needs SPICE, vmware is missing in some. A \
              domain with a card that QEMU lacks cannot start. std (vga) and virtio are nearly always available.",
    run: Some(video),
    ..Check::VM
};

pub(super) static EVDEV_PATH: Check = Check {
    code: "EVDEV-PATH",
    title: "evdev input devices exist",
    explain: "evdev gives a keyboard or mouse of the host to the guest; both control keys switch it back. Its path is \
              absolute. Names below /dev/input/by-id are stable, event numbers are not. QEMU does not start if the \
              device is missing.",
    run: Some(evdev),
    ..Check::VM
};

pub(super) static LOOKING_GLASS: Check = Check {
    code: "LOOKING-GLASS",
    title: "Looking Glass has a resolution",
    explain: "The memory that guest and host share contains three frames of the largest picture, so the resolution, \
              such as 2560x1440, determines its size. The client runs on the desktop of the host itself and reads \
              /dev/shm/looking-glass-NAME, which its user or group must own; it does not work through SSH. QEMU does \
              not start if the file is there and too small, as one is that was left by a VM with a lower resolution. \
              For a remote host use Sunshine and Moonlight, or RDP.",
    run: Some(looking_glass),
    ..Check::VM
};

static WATCHDOG: Check = Check {
    code: "WATCHDOG",
    title: "watchdog fits the machine type",
    explain: "The iTCO watchdog is part of the q35 chipset; other machine types use i6300esb, a PCI card. The action \
              is one of reset, shutdown, poweroff, pause, dump, inject-nmi and none.",
    run: Some(watchdog),
    ..Check::VM
};

pub(super) static TPM_DEVICE: Check = Check {
    code: "TPM-DEVICE",
    title: "TPM device and settings are valid",
    explain: "tpm_device selects the kind of TPM and has an effect only if tpm is true. Passthrough gives the host's \
              own TPM to one VM: the host cannot use it meanwhile, and the guest's secrets are bound to this machine.",
    run: Some(tpm_device),
    ..Check::VM
};

fn video(subject: &Subject, notes: &mut Notes) {
    let (Some(model), None) = (&subject.machine.video.value, subject.machine.video.why()) else { return };
    let what = "whether QEMU supports the video card";
    if notes.known(&subject.facts.domain_capabilities, || field("video"), what).is_none() {
        return;
    }
    match subject.capabilities().filter(|known| !known.video_models.is_empty()) {
        None => notes.unknown(field("video"), what, "libvirt does not report it for this machine type"),
        Some(known) if !known.video_models.contains(model) => {
            let message = text!(
                "this host's QEMU has no video card {model}; it supports {others}",
                model,
                others = Arg::list(Joint::Comma, &known.video_models)
            );
            notes.blocker(field("video"), message, without("leave video out, or use std"));
        }
        Some(_) => {}
    }
}

fn evdev(subject: &Subject, notes: &mut Notes) {
    for (row, path) in subject.spec.evdev.iter().flatten().enumerate() {
        notes.looked();
        let place = Place::root().key("evdev").index(row);
        let name = text!("input device {row} {path}", row, path = Arg::quoted(path));
        if !path.trim().starts_with("/dev/") {
            notes.blocker(place, text!("{name} is not a path below /dev", name), "write /dev/input/by-id/...");
            continue;
        }
        match subject.file(path.trim()) {
            Err(why) => notes.unknown(place, text!("whether {name} exists", name), clause(why)),
            Ok(file) if file.kind == MediaKind::Missing => {
                notes.blocker(
                    place,
                    text!("{name} not found: no such device", name),
                    "list the devices: ls /dev/input/by-id",
                );
            }
            Ok(_) => {}
        }
    }
}

fn looking_glass(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = &subject.spec.looking_glass else { return };
    let place = field("looking_glass");
    if let Some(text) = asked.resolution.as_deref().filter(|text| pixels(text).is_none()) {
        let message = text!("looking_glass: {text} is not a picture size", text = Arg::quoted(text));
        notes.blocker(place.key("resolution"), message, "write width x height, such as 2560x1440");
        return;
    }
    let Some(memory) = &subject.machine.devices.looking_glass else { return };
    let (size, path, client) = (memory.size, shell_quote(&memory.path()), memory.client());
    left_over(subject, notes, memory);
    let message = text!("Looking Glass gets {size}; its client runs on the host's own desktop, not through SSH", size);
    let remedy =
        text!("let its user open the file: tmpfiles.d, f {path} 0660 USER kvm -; the client: {client}", path, client);
    notes.info(place, message, remedy);
}

/// A file of that name from before. An empty one is there for its owner, and QEMU makes it as large as it has to be.
fn left_over(subject: &Subject, notes: &mut Notes, memory: &SharedMemory) {
    let (path, place) = (memory.path(), field("looking_glass"));
    let file = match subject.file(&path) {
        Err(why) => return notes.unknown(place, text!("whether {path} is there from before", path), clause(why)),
        Ok(file) => file,
    };
    let remedy = text!("remove it while no VM uses it: rm {path}", path = shell_quote(&path));
    if matches!(file.kind, MediaKind::Folder | MediaKind::BlockDevice | MediaKind::Other) {
        notes.blocker(place, text!("{path} is not a regular file", path), remedy);
    } else if file.size.0 > 0 && file.size < memory.size {
        let message =
            text!("{path} is there with {has}, and {needs} are needed", path, has = file.size, needs = memory.size);
        notes.blocker(place, message, remedy);
    } else if let Some(barrier) = &file.barrier {
        let message = text!("QEMU, which runs as {user}, cannot open {path}", user = barrier.user, path);
        notes.blocker(place, message, remedy);
    }
}

fn watchdog(subject: &Subject, notes: &mut Notes) {
    let Some((model, action)) = &subject.machine.devices.watchdog else { return };
    notes.looked();
    if *model == WatchdogModel::Itco && subject.machine.chipset != Chipset::Q35 {
        let message = text!(
            "machine type {machine_type} has no iTCO watchdog",
            machine_type = subject.machine.machine_type.value
        );
        notes.blocker(field("watchdog").key("model"), message, "use i6300esb, or machine type q35");
    }
    if WatchdogAction::named(action).is_none() {
        let message = text!("watchdog action {action} is not known", action = Arg::quoted(action));
        let known = Arg::list(Joint::Comma, WatchdogAction::ALL.iter().map(|known| known.name()));
        notes.blocker(field("watchdog").key("action"), message, text!("write one of {known}", known));
    }
}

fn tpm_device(subject: &Subject, notes: &mut Notes) {
    let Some(_) = &subject.spec.tpm_device else { return };
    notes.looked();
    let place = field("tpm_device");
    if !subject.machine.tpm.value {
        return notes.warning(
            place,
            "tpm_device has no effect: tpm is not true",
            Remedy::from("set tpm to true, or leave it out").setting(field("tpm"), true),
        );
    }
    let tpm = &subject.machine.devices.tpm;
    if tpm.backend != TpmBackend::Passthrough {
        return;
    }
    let place = place.key("path");
    match subject.file(&tpm.path) {
        Err(why) => notes.unknown(place, text!("whether {path} exists", path = tpm.path), clause(why)),
        Ok(file) if file.kind == MediaKind::Missing => {
            let message = text!("the host has no TPM at {path}", path = tpm.path);
            notes.blocker(place, message, "use the emulator, or enable the TPM in the host's firmware");
        }
        Ok(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, file};
    use crate::facts::media::Barrier;
    use crate::facts::{Fact, MediaFile, MediaKind};
    use crate::units::Bytes;
    use serde_json::json;

    #[test]
    fn the_video_card_is_one_that_qemu_has() {
        let asked = |model: &str| Asked::with(json!({"video": model}));
        let without = |known: &mut crate::facts::DomainCapabilities| known.video_models = vec!["vga".into()];
        asked("qxl").offering(without).said("VIDEO-MODEL").blocker();
        asked("std").offering(without).passes("VIDEO-MODEL");
        asked("none").quiet("VIDEO-MODEL");
        asked("qxl").facts(|facts| facts.domain_capabilities = Fact::default()).unknown("VIDEO-MODEL");
        Asked::good().quiet("VIDEO-MODEL");
    }

    #[test]
    fn input_devices_are_there() {
        let path = "/dev/input/by-id/a-event-kbd";
        let asked = || Asked::with(json!({"evdev": [path]}));
        let gone = MediaFile { kind: MediaKind::Missing, ..file() };
        asked().known_file(path, gone).said("EVDEV-PATH").blocker();
        asked().known_file(path, file()).passes("EVDEV-PATH");
        asked().unknown("EVDEV-PATH");
        Asked::with(json!({"evdev": ["kbd"]})).said("EVDEV-PATH").blocker();
        Asked::good().quiet("EVDEV-PATH");
    }

    #[test]
    fn shared_memory_and_watchdog_fit() {
        let asked = |found: MediaFile| {
            let asked = Asked::with(json!({"looking_glass": {"resolution": "2560x1440"}}));
            asked.known_file("/dev/shm/looking-glass-gpu-ws-01", found)
        };
        let said = asked(MediaFile::default()).said("LOOKING-GLASS").info();
        assert!(said.message.contains("64 MiB"), "{said:?}");
        assert!(said.remedy.ends_with("looking-glass-client -f /dev/shm/looking-glass-gpu-ws-01"), "{said:?}");
        let there = |size: u64| asked(MediaFile { size: Bytes::mib(size), ..file() });
        there(0).said("LOOKING-GLASS").info();
        there(64).said("LOOKING-GLASS").info();
        let want = "/dev/shm/looking-glass-gpu-ws-01 is there with 32 MiB, and 64 MiB are needed";
        there(32).blocks("LOOKING-GLASS", "looking_glass", want);
        asked(MediaFile { kind: MediaKind::Folder, ..file() }).said("LOOKING-GLASS").blocker();
        let path = "/dev/shm/looking-glass-gpu-ws-01".into();
        let barrier = Some(Barrier { path, mode: 0o600, owner: 0, user: "libvirt-qemu".into() });
        asked(MediaFile { barrier, ..file() }).said("LOOKING-GLASS").blocker();
        Asked::with(json!({"looking_glass": {}})).unknown("LOOKING-GLASS");
        Asked::with(json!({"looking_glass": {"resolution": "big"}})).said("LOOKING-GLASS").blocker();
        Asked::good().quiet("LOOKING-GLASS").quiet("WATCHDOG");
        Asked::with(json!({"machine": "pc", "watchdog": {"model": "itco"}})).said("WATCHDOG").blocker();
        Asked::with(json!({"watchdog": {"model": "i6300esb", "action": "cry"}})).said("WATCHDOG").blocker();
        Asked::with(json!({"watchdog": {"model": "itco"}})).passes("WATCHDOG");
    }

    #[test]
    fn a_passed_tpm_is_there() {
        let asked = || Asked::with(json!({"tpm": true, "tpm_device": {"backend": "passthrough"}}));
        let gone = MediaFile { kind: MediaKind::Missing, ..file() };
        asked().known_file("/dev/tpm0", gone).said("TPM-DEVICE").blocker();
        asked().known_file("/dev/tpm0", file()).passes("TPM-DEVICE");
        asked().unknown("TPM-DEVICE");
        Asked::with(json!({"tpm_device": {"version": "1.2"}})).said("TPM-DEVICE").warning();
        Asked::good().quiet("TPM-DEVICE");
    }
}
