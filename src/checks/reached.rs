//! Everything of the host that a guest comes to read or to write: by fields of the spec, by what images are based on, and by
//! custom XML.

use super::Subject;
use super::note::Topic;
use super::row::RowName;
use super::text::{Text, text};
use super::wording::field;
use crate::facts::{BlockDevice, ImageFormat, MediaKind};
use crate::machine::files::writes_existing;
use crate::machine::{Disk, DiskOrigin, location};
use crate::spec::Place;
use crate::spec::host_paths::{Access, Named, host_paths};
use crate::spec::paths::{PathError, resolve};
use std::borrow::Cow;

/// One path, as the spec names it.
pub(super) struct Reached {
    /// The field that names it.
    pub(super) topic: Topic,
    /// What the field is called, or what leads to the path.
    pub(super) name: Text,
    /// Absolute, with links not followed.
    pub(super) path: String,
    /// How the guest comes to it.
    pub(super) access: Access,
    /// True for an image of a disk, which libvirt gives to QEMU's user as it is.
    pub(super) given: bool,
}

impl Reached {
    /// Every path by which the host has what is there, as far as it was looked at; else the path without `//` and `..`.
    pub(super) fn places<'s>(&'s self, subject: &'s Subject) -> Vec<Cow<'s, str>> {
        let known = subject.file(&self.path).ok().map(|file| file.places.as_slice()).unwrap_or_default();
        if known.is_empty() { vec![self.plain()] } else { known.iter().map(|place| place.as_str().into()).collect() }
    }

    /// The path as a text that begins with the folder that it is in: the kernel takes `//etc/x` and `/a/../etc/x` for `/etc/x`.
    fn plain(&self) -> Cow<'_, str> {
        match resolve(&self.path, None) {
            Ok(resolved) if resolved.text() != self.path => resolved.text().to_owned().into(),
            Err(PathError::Folder(_)) => "/".into(),
            _ => self.path.as_str().into(),
        }
    }

    /// The block device that is there; `None` where it is not one, or the host's are not known.
    pub(super) fn device<'a>(&self, subject: &Subject<'a>) -> Option<&'a BlockDevice> {
        let storage = subject.facts.storage.get()?;
        let number = subject.file(&self.path).ok().and_then(|file| file.number.as_deref());
        let numbered = number.and_then(|number| storage.device_numbered(number));
        numbered.or_else(|| self.places(subject).iter().find_map(|place| storage.device_at(place)))
    }

    /// True for a block device, and for what can only be one by its name.
    pub(super) fn is_block(&self, subject: &Subject) -> bool {
        match subject.file(&self.path) {
            // A recorded host has its devices, and not the files below /dev.
            Ok(file) if file.kind == MediaKind::Missing => self.device(subject).is_some(),
            Ok(file) => file.kind == MediaKind::BlockDevice,
            Err(_) => location::is_block_path(&self.plain(), subject.facts),
        }
    }
}

/// Every path, in the order of the spec; what is refused for its form is left to the check of forms.
pub(super) fn all(subject: &Subject) -> Vec<Reached> {
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
