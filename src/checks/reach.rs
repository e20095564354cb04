//! Everything of the host that a guest comes to read or to write: by fields of the spec, by what images are based on, and by
//! custom XML.

use super::Subject;
use super::note::Topic;
use super::reached::Reached;
use super::row::RowName;
use super::text::{Text, text};
use super::wording::field;
use crate::facts::{BlockDevice, ImageFormat};
use crate::machine::files::writes_existing;
use crate::machine::{Disk, DiskOrigin};
use crate::spec::Place;
use crate::spec::host_paths::{Access, Named, host_paths};

/// Every path, in the order of the spec; what is refused for its form is left to the check of forms.
pub(super) fn all<'s>(subject: &'s Subject) -> &'s [Reached] {
    subject.reached.get_or_init(|| collect(subject))
}

fn collect(subject: &Subject) -> Vec<Reached> {
    let mut found = Vec::new();
    subject.machine.disks.iter().for_each(|disk| of_disk(subject, disk, &mut found));
    let direct = subject.machine.direct_boot.as_ref();
    let kernel = direct.and_then(|boot| boot.kernel.as_ref()).map(|at| ("kernel", "boot.kernel", at));
    let initrd = direct.and_then(|boot| boot.initrd.as_ref()).map(|at| ("initrd", "boot.initrd", at));
    for (key, name, at) in kernel.into_iter().chain(initrd) {
        let topic = Topic::from(field("boot").key(key));
        found.extend(at.path().map(|path| reached(topic, name, path, Access::Reads)));
    }
    for (row, device) in subject.spec.pci_devices.iter().flatten().enumerate() {
        let topic = || Topic::from(Place::row("pci_devices", row, "rom_file")).of(RowName::numbered("device", row));
        let path = device.rom_file.as_deref().map(str::trim);
        found.extend(path.map(|path| reached(topic(), "rom_file", path, Access::Reads)));
    }
    let nvram = subject.machine.nvram.as_deref();
    found.extend(nvram.map(|path| reached(field("nvram").into(), "nvram", path, Access::Writes)));
    for (row, asked) in subject.spec.usb_devices.iter().flatten().enumerate() {
        let id = |text: Option<&String>| u16::from_str_radix(text?.trim().trim_start_matches("0x"), 16).ok();
        let ids = id(asked.vendor_id.as_ref()).zip(id(asked.product_id.as_ref()));
        let path = ids.and_then(|(vendor, product)| usb_drive(subject, vendor, product));
        let topic =
            || Topic::from(Place::row("usb_devices", row, "vendor_id")).of(RowName::numbered("USB device", row));
        found.extend(path.map(|path| reached(topic(), "its drive", &path, Access::Writes)));
    }
    of_custom_xml(subject, &mut found);
    found.retain(|reached| reached.path.starts_with('/'));
    found
}

fn reached(topic: Topic, name: impl Into<Text>, path: &str, access: Access) -> Reached {
    Reached { topic, name: name.into(), path: path.to_owned(), access, given: false }
}

/// The image of a disk, or the one that it is copied from, with all that it is based on.
fn of_disk(subject: &Subject, disk: &Disk, found: &mut Vec<Reached>) {
    let (key, at, access) = match &disk.origin {
        DiskOrigin::Existing(Some(at)) if writes_existing(disk) => ("path", at, Access::Writes),
        DiskOrigin::Existing(Some(at)) => ("path", at, Access::Reads),
        DiskOrigin::Clone { from: Some(from), .. } => ("clone_from", from, Access::Reads),
        _ => return,
    };
    let (topic, name) = match disk.place.row_index() {
        Some(row) => (Topic::from(disk.place.clone().key(key)).of(RowName::numbered("disk", row)), key),
        None => (Topic::from(disk.place.clone()), "boot_iso"),
    };
    let Some(path) = at.path() else { return };
    let given = matches!(disk.origin, DiskOrigin::Existing(_));
    for (depth, link) in subject.images().chain(path).links.iter().enumerate() {
        let is_base = depth > 0;
        let access = if is_base { Access::Reads } else { access };
        let name = if is_base { text!("{name}: its base", name) } else { name.into() };
        found.push(Reached { given: given && !is_base, ..reached(topic.clone(), name.clone(), &link.path, access) });
        // What looks like a head in a base that is driven as plain bytes is data of a guest.
        let image = subject.images().at(&link.path).image().filter(|_| link.said != Some(ImageFormat::Raw));
        for data in image.map(|image| image.data_paths(&link.path)).unwrap_or_default() {
            found.push(reached(topic.clone(), text!("{name}: its data file", name), &data, access));
        }
    }
}

fn of_custom_xml(subject: &Subject, found: &mut Vec<Reached>) {
    for host_path in subject.spec.custom_xml.as_deref().map(host_paths).unwrap_or_default() {
        let path = match host_path.named {
            Named::Path(path) => Some(path),
            Named::Volume { pool, volume } => {
                let known = subject.pool(&pool).and_then(|pool| pool.volume(&volume));
                known.map(|volume| volume.path.clone())
            }
            Named::Scsi(unit) => device(subject, |device| device.scsi.as_deref() == Some(unit.as_str())),
            Named::Usb { vendor, product } => usb_drive(subject, vendor, product),
        };
        let name = text!("{tag} in custom_xml", tag = host_path.by);
        found.extend(path.map(|path| reached(field("custom_xml").into(), name, &path, host_path.access)));
    }
}

/// The path of the drive that is `wanted`.
fn device(subject: &Subject, wanted: impl Fn(&BlockDevice) -> bool) -> Option<String> {
    let storage = subject.facts.storage.get()?;
    storage.devices.iter().find(|device| wanted(device)).map(|device| format!("/dev/{}", device.name))
}

/// The path of the drive that a USB device is.
fn usb_drive(subject: &Subject, vendor: u16, product: u16) -> Option<String> {
    let usb = subject.facts.usb.get()?;
    let known = usb.devices.items().iter().find(|known| (known.vendor, known.product) == (vendor, product))?;
    device(subject, |device| device.usb_path.as_deref() == Some(known.path.as_str()))
}
