//! Checks of the host's USB devices that a VM gets.

use super::note::Topic;
use super::row::RowName;
use super::text::{Arg, Joint, Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::HostUsbDevice;
use crate::machine::devices::{UsbHost, UsbName, id};
use crate::spec::Place;
use crate::spec::devices::UsbStartup;

pub(super) static CHECKS: &[&Check] = &[&USB_NAMED, &USB_SAME, &USB_GONE, &USB_CONTROLLER];

static USB_NAMED: Check = Check {
    code: "USB-NAMED",
    title: "each USB device is identified",
    explain: "A USB device is identified by vendor_id and product_id, four hexadecimal digits each as lsusb shows \
              them, or by bus and device number. IDs match it in any port; numbers change whenever it is plugged in.",
    run: Some(named),
    ..Check::VM
};

pub(super) static USB_SAME: Check = Check {
    code: "USB-SAME",
    title: "each USB device is passed once",
    explain: "A USB device of the host is passed once, by usb_devices or by custom_xml; libvirt rejects a domain that \
              names it twice. Two devices of the same make have the same IDs: identify each by bus and device number, \
              as lsusb shows them.",
    run: Some(same),
    ..Check::VM
};

pub(super) static USB_GONE: Check = Check {
    code: "USB-GONE",
    title: "USB devices are plugged in",
    explain: "The host has no USB device with these IDs now. With startup optional, the default, the VM starts without \
              it and does not get it later automatically; with mandatory it does not start. libvirt cannot tell two \
              devices with the same IDs apart and rejects both: identify one by bus and device.",
    run: Some(gone),
    ..Check::VM
};

static USB_CONTROLLER: Check = Check {
    code: "USB-CONTROLLER",
    title: "USB devices have a controller",
    explain: "Tablet and USB devices of the host are connected to the guest's USB controller. With usb_controller none \
              there is no controller for them. Leave it out, or remove the devices.",
    run: Some(controller),
    ..Check::VM
};

fn named(subject: &Subject, notes: &mut Notes) {
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

fn gone(subject: &Subject, notes: &mut Notes) {
    for host in &subject.machine.devices.usb {
        let (vendor, product) = match host.named {
            UsbName::Ids(vendor, product) => (vendor, product),
            UsbName::At(bus, device) => {
                unplugged(subject, notes, host.row, (bus, device));
                continue;
            }
        };
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
                notes.blocker(place(), message, by_place(subject, host.named));
            }
        }
    }
}

/// A device that is named by its place has to be there: it is never optional.
fn unplugged(subject: &Subject, notes: &mut Notes, row: usize, (bus, device): (u16, u16)) {
    let place = || Place::row("usb_devices", row, "device");
    let what = "whether the USB devices are plugged in";
    let Some(usb) = notes.known(&subject.facts.usb, place, what) else { return };
    let Some(known) = notes.known(&usb.devices, place, what) else { return };
    let at = |known: &HostUsbDevice| known.bus() == Some(bus) && known.number.is_none_or(|number| number == device);
    if !known.iter().any(at) {
        let message = text!("USB device {row} is not plugged in: bus {bus} has no device {device}", row, bus, device);
        notes.blocker(place(), message, "list the devices: lsusb");
    }
}

/// As a message names it.
fn shown(name: UsbName) -> String {
    match name {
        UsbName::Ids(vendor, product) => format!("{vendor:04x}:{product:04x}"),
        UsbName::At(bus, device) => format!("bus {bus} device {device}"),
    }
}

/// How to tell the host's devices of these IDs apart.
fn by_place(subject: &Subject, name: UsbName) -> Text {
    let UsbName::Ids(vendor, product) = name else { return Text::default() };
    let devices = subject.facts.usb.get().map_or(&[][..], |usb| usb.devices.items());
    let alike = devices.iter().filter(|device| device.vendor == vendor && device.product == product);
    let places: Vec<String> =
        alike.filter_map(|device| Some(shown(UsbName::At(device.bus()?, device.number?)))).collect();
    if places.len() < 2 {
        return "identify each by bus and device: lsusb shows them".into();
    }
    text!("identify each by bus and device: {places}", places = Arg::list(Joint::Or, places))
}

/// What `custom_xml` says of a device of a row is merged into it, so that the rows alone can name one twice.
fn same(subject: &Subject, notes: &mut Notes) {
    let all = &subject.machine.devices.usb;
    for (at, UsbHost { row, named, .. }) in all.iter().enumerate() {
        notes.looked();
        let Some(earlier) = all.iter().take(at).find(|earlier| earlier.named == *named) else { continue };
        let topic = Topic::from(Place::root().key("usb_devices").index(*row)).of(RowName::numbered("USB device", *row));
        let message = text!("{device} is already USB device {row}", device = shown(*named), row = earlier.row);
        let remedy = match named {
            UsbName::Ids(..) => text!("remove it, or {way}", way = by_place(subject, *named)),
            UsbName::At(..) => "remove it".into(),
        };
        notes.blocker(topic, message, remedy);
    }
}

fn controller(subject: &Subject, notes: &mut Notes) {
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

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, known};
    use crate::facts::{Fact, HostUsbDevice, Usb};
    use serde_json::{Value, json};

    fn plugged(count: usize) -> Usb {
        let device = HostUsbDevice {
            path: "1-2".into(),
            number: Some(4),
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
    fn a_usb_device_is_named_and_there_once() {
        let receiver = json!({"vendor_id": "046d", "product_id": "c52b"});
        usb(&receiver, 1).passes("USB-NAMED").passes("USB-GONE");
        usb(&receiver, 0).said("USB-GONE").warning();
        usb(&receiver, 2).said("USB-GONE").blocker();
        usb(&json!({"vendor_id": "046d", "product_id": "c52b", "startup": "mandatory"}), 0).said("USB-GONE").blocker();
        usb(&json!({"vendor_id": "046d"}), 1).said("USB-NAMED").blocker();
        usb(&json!({"vendor_id": "mouse", "product_id": "c52b"}), 1).said("USB-NAMED").blocker();
        usb(&json!({"bus": 1, "device": 4}), 1).passes("USB-GONE").said("USB-NAMED").info();
        let want = "USB device 0 is not plugged in: bus 1 has no device 5";
        usb(&json!({"bus": 1, "device": 5}), 1).blocks("USB-GONE", "usb_devices[0].device", want);
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
    fn a_usb_device_is_passed_once() {
        let receiver = json!({"vendor_id": "046d", "product_id": "c52b"});
        let twice = |count| {
            let asked = Asked::with(json!({"usb_devices": [receiver, receiver]}));
            asked.facts(|facts| facts.usb = known(plugged(count)))
        };
        let want = "USB device 1: 046d:c52b is already USB device 0";
        twice(1).blocks("USB-SAME", "usb_devices[1]", want);
        let said = twice(2).said("USB-SAME").blocker();
        let want = "remove it, or identify each by bus and device: bus 1 device 4 or bus 1 device 4";
        assert_eq!(said.remedy, want);
        usb(&receiver, 1).passes("USB-SAME");
        Asked::good().quiet("USB-SAME");
    }
}
