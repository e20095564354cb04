//! Checks of the small devices: video, USB, input, sound, watchdog, shared memory, TPM.

use super::note::{Remedy, Topic, clause, without};
use super::row::RowName;
use super::text::{Arg, Joint, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::{HostUsbDevice, MediaKind};
use crate::machine::Chipset;
use crate::machine::devices::{UsbName, id, pixels};
use crate::spec::Place;
use crate::spec::devices::{TpmBackend, UsbStartup, WatchdogAction, WatchdogModel};

pub(super) static CHECKS: &[&Check] =
    &[&VIDEO_MODEL, &USB_NAMED, &USB_GONE, &USB_CONTROLLER, &EVDEV_PATH, &LOOKING_GLASS, &WATCHDOG, &TPM_DEVICE];

static VIDEO_MODEL: Check = Check {
    code: "VIDEO-MODEL",
    title: "QEMU supports the video model",
    explain: "Not every QEMU is built with every emulated video card: qxl needs SPICE, vmware is missing in some. A \
              domain with a card that QEMU lacks cannot start. std (vga) and virtio are nearly always available.",
    run: Some(video),
    ..Check::VM
};

static USB_NAMED: Check = Check {
    code: "USB-NAMED",
    title: "each USB device is identified",
    explain: "A USB device is identified by vendor_id and product_id, four hexadecimal digits each as lsusb shows \
              them, or by bus and device number. IDs match it in any port; numbers change whenever it is plugged in.",
    run: Some(usb_named),
    ..Check::VM
};

static USB_GONE: Check = Check {
    code: "USB-GONE",
    title: "USB devices are plugged in",
    explain: "The host has no USB device with these IDs now. With startup optional, the default, the VM starts without \
              it and does not get it later automatically; with mandatory it does not start. libvirt cannot tell two \
              devices with the same IDs apart and rejects both: identify one by bus and device.",
    run: Some(usb_gone),
    ..Check::VM
};

static USB_CONTROLLER: Check = Check {
    code: "USB-CONTROLLER",
    title: "USB devices have a controller",
    explain: "Tablet and USB devices of the host are connected to the guest's USB controller. With usb_controller none \
              there is no controller for them. Leave it out, or remove the devices.",
    run: Some(usb_controller),
    ..Check::VM
};

static EVDEV_PATH: Check = Check {
    code: "EVDEV-PATH",
    title: "evdev input devices exist",
    explain: "evdev gives a keyboard or mouse of the host to the guest; both control keys switch it back. Its path is \
              absolute. Names below /dev/input/by-id are stable, event numbers are not. QEMU does not start if the \
              device is missing.",
    run: Some(evdev),
    ..Check::VM
};

static LOOKING_GLASS: Check = Check {
    code: "LOOKING-GLASS",
    title: "Looking Glass has a resolution",
    explain: "The memory that guest and host share contains three frames of the largest picture, so the resolution, \
              such as 2560x1440, determines its size. The client runs on the desktop of the host itself and reads \
              /dev/shm/looking-glass, which its user or group must own; it does not work through SSH. For a remote \
              host use Sunshine and Moonlight, or RDP.",
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

static TPM_DEVICE: Check = Check {
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

fn usb_named(subject: &Subject, notes: &mut Notes) {
    for (row, asked) in subject.spec.usb_devices.iter().flatten().enumerate() {
        notes.looked();
        let place = |field: &str| Place::row("usb_devices", row, field);
        for (key, text) in [("vendor_id", &asked.vendor_id), ("product_id", &asked.product_id)] {
            if let Some(text) = text.as_deref().filter(|text| id(Some(text)).is_none()) {
                let message = text!("{key} {text} is not four hexadecimal digits", key, text = Arg::quoted(text));
                notes.blocker(
                    Topic::from(place(key)).of(RowName::numbered("USB device", row)),
                    message,
                    "write it as lsusb shows it: 046d",
                );
            }
        }
        let half = |a: bool, b: bool| a != b;
        let ids = half(asked.vendor_id.is_some(), asked.product_id.is_some());
        let at = half(asked.bus.is_some(), asked.device.is_some());
        if ids || at || (asked.vendor_id.is_none() && asked.bus.is_none()) {
            let message = text!("vendor_id and product_id, or bus and device, are required");
            notes.blocker(
                Topic::from(place("vendor_id")).of(RowName::numbered("USB device", row)),
                message,
                "write vendor_id and product_id, or bus and device",
            );
        } else if asked.bus.is_some() {
            let message = text!("bus and device number change when it is plugged in again");
            notes.info(
                Topic::from(place("device")).of(RowName::numbered("USB device", row)),
                message,
                "use vendor_id and product_id if it is the only one of its kind",
            );
        }
    }
}

fn usb_gone(subject: &Subject, notes: &mut Notes) {
    for host in &subject.machine.devices.usb {
        let UsbName::Ids(vendor, product) = host.named else { continue };
        let place = || Place::row("usb_devices", host.row, "vendor_id");
        let what = "whether the USB devices are plugged in";
        let Some(usb) = notes.known(&subject.facts.usb, place, what) else { continue };
        let Some(known) = notes.known(&usb.devices, place, what) else { continue };
        let same = |device: &&HostUsbDevice| device.vendor == vendor && device.product == product;
        let name = text!(
            "USB device {row} ({vendor}:{product})",
            row = host.row,
            vendor = format!("{vendor:04x}"),
            product = format!("{product:04x}")
        );
        match (known.iter().filter(same).count(), host.startup) {
            (0, UsbStartup::Optional) => {
                notes.warning(
                    place(),
                    text!("{name} is not plugged in; the VM starts without it", name),
                    "plug it in first",
                );
            }
            (0, _) => {
                notes.blocker(
                    place(),
                    text!("{name} is not plugged in", name),
                    "plug it in, or set startup to optional",
                );
            }
            (1, _) => {}
            (count, _) => {
                let message = text!("{name}: {count} devices have these IDs, and libvirt does not choose", name, count);
                notes.blocker(place(), message, "identify one of them by bus and device: lsusb");
            }
        }
    }
}

fn usb_controller(subject: &Subject, notes: &mut Notes) {
    let devices = &subject.machine.devices;
    if subject.spec.usb_controller.is_none() {
        return;
    }
    notes.looked();
    if devices.usb_controller.value.is_none() && (!devices.usb.is_empty() || subject.spec.tablet == Some(true)) {
        let message = "usb_controller is none, but there are USB devices";
        notes.blocker(field("usb_controller"), message, "leave it out, or remove tablet and usb_devices");
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
    let size = subject.machine.devices.looking_glass.map(|size| size.to_string()).unwrap_or_default();
    let message = text!("Looking Glass gets {size}; its client runs on the host's own desktop, not through SSH", size);
    notes.info(place, message, "let its user open the file: tmpfiles.d, f /dev/shm/looking-glass 0660 USER kvm -");
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
    use crate::checks::fixture::{Asked, file, known};
    use crate::facts::{Fact, HostUsbDevice, MediaFile, MediaKind, Usb};
    use serde_json::{Value, json};

    fn plugged(count: usize) -> Usb {
        let device = HostUsbDevice {
            path: "1-2".into(),
            controller: None,
            vendor: 0x046d,
            product: 0xc52b,
            name: "Receiver".into(),
            roles: Vec::new(),
        };
        Usb { devices: known(vec![device; count]), keyboards: Fact::default() }
    }

    fn usb(fields: &Value, count: usize) -> Asked {
        Asked::with(json!({"usb_devices": [fields]})).facts(|facts| facts.usb = known(plugged(count)))
    }

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
    fn a_usb_device_is_named_and_there_once() {
        let receiver = json!({"vendor_id": "046d", "product_id": "c52b"});
        usb(&receiver, 1).passes("USB-NAMED").passes("USB-GONE");
        usb(&receiver, 0).said("USB-GONE").warning();
        usb(&receiver, 2).said("USB-GONE").blocker();
        usb(&json!({"vendor_id": "046d", "product_id": "c52b", "startup": "mandatory"}), 0).said("USB-GONE").blocker();
        usb(&json!({"vendor_id": "046d"}), 1).said("USB-NAMED").blocker();
        usb(&json!({"vendor_id": "mouse", "product_id": "c52b"}), 1).said("USB-NAMED").blocker();
        usb(&json!({"bus": 1, "device": 4}), 1).quiet("USB-GONE").said("USB-NAMED").info();
        Asked::with(json!({"usb_devices": [receiver]})).facts(|facts| facts.usb = Fact::default()).unknown("USB-GONE");
        Asked::good().quiet("USB-NAMED").quiet("USB-GONE");
    }

    #[test]
    fn usb_needs_a_controller() {
        Asked::with(json!({"usb_controller": "none", "tablet": true})).said("USB-CONTROLLER").blocker();
        Asked::with(json!({"usb_controller": "none"})).passes("USB-CONTROLLER");
        Asked::good().quiet("USB-CONTROLLER");
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
        let said = Asked::with(json!({"looking_glass": {"resolution": "2560x1440"}})).said("LOOKING-GLASS").info();
        assert!(said.message.contains("64 MiB"), "{said:?}");
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
