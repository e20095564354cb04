//! The disks of a spec resolved: bus, target, image and format; the boot ISO and the cloud-init seed added.

use super::disk::Tuning;
use super::location;
use super::target::{self, TargetWish};
use super::{Chipset, Choice, Disk, DiskOrigin, Drivers, Guest, Location};
use crate::facts::{Facts, ImageFormat, Pool, VolumeNames, next_partition};
use crate::spec::{self, DiskAction, DiskBus, DiskDevice, DiskFormat, Place, Spec, Storage, filled};
use std::collections::HashSet;

/// The disks in the spec's order, then the CD with drivers, then the boot ISO, then the seed.
pub(super) fn disks(spec: &Spec, facts: &Facts, chipset: Chipset, guest: &Guest) -> Vec<Disk> {
    let nothing = Storage::default();
    let storage = spec.storage.as_ref().unwrap_or(&nothing);
    let rows = storage.disks.as_deref().unwrap_or_default();
    let wanted = wanted(spec, storage, rows, chipset, guest);
    let targets = target::assign(&wanted.iter().map(WantedDisk::wish).collect::<Vec<_>>());
    let mut images = Images {
        name: spec.name.as_deref().unwrap_or("vm"),
        default_pool: storage.default_pool.as_deref().unwrap_or_default(),
        facts,
        made: HashSet::new(),
    };
    wanted.into_iter().zip(targets).map(|(wanted, target)| wanted.resolve(target, &mut images)).collect()
}

/// The file with the password that the seed sets.
pub(super) fn seed_password(spec: &Spec) -> Option<String> {
    filled(spec.cloud_init.as_ref()?.password_file.as_deref()).map(ToOwned::to_owned)
}

/// A disk before its target is known.
struct WantedDisk<'a> {
    place: Place,
    source: DiskSource<'a>,
    device: DiskDevice,
    bus: Choice<DiskBus>,
    asked_target: Option<&'a str>,
    preferred_target: Option<&'static str>,
}

enum DiskSource<'a> {
    Row(&'a spec::Disk),
    Drivers(&'a Location),
    Iso(&'a str),
    Seed,
}

fn wanted<'a>(
    spec: &'a Spec,
    storage: &'a Storage,
    rows: &'a [spec::Disk],
    chipset: Chipset,
    guest: &'a Guest,
) -> Vec<WantedDisk<'a>> {
    let list = Place::root().key("storage").key("disks");
    let rows = rows.iter().enumerate().map(|(row, disk)| {
        let place = list.clone().index(row);
        let device = disk.device.unwrap_or(DiskDevice::Disk);
        let asked_target = filled(disk.target.as_deref());
        let bus = bus(disk, &place, device, asked_target, chipset, guest);
        WantedDisk { place, source: DiskSource::Row(disk), device, bus, asked_target, preferred_target: None }
    });
    // Before the boot ISO: its letter is then the same whatever is installed, and the drivers are there first.
    let drivers = if let Drivers::Found(at) = &guest.drivers { Some(at) } else { None };
    let drivers = drivers.map(|at| WantedDisk {
        place: Place::root().key("virtio_win"),
        source: DiskSource::Drivers(at),
        device: DiskDevice::Cdrom,
        bus: cdrom_bus(chipset),
        asked_target: None,
        preferred_target: None,
    });
    let iso = filled(storage.boot_iso.as_deref()).map(|path| WantedDisk {
        place: Place::root().key("storage").key("boot_iso"),
        source: DiskSource::Iso(path),
        device: DiskDevice::Cdrom,
        bus: cdrom_bus(chipset),
        asked_target: None,
        preferred_target: (chipset == Chipset::Pc).then_some("hdc"),
    });
    let seed = spec.cloud_init.is_some().then(|| WantedDisk {
        place: Place::root().key("cloud_init"),
        source: DiskSource::Seed,
        device: DiskDevice::Disk,
        bus: seed_bus(chipset, guest),
        asked_target: None,
        preferred_target: None,
    });
    rows.chain(drivers).chain(iso).chain(seed).collect()
}

/// What was asked for; else what the target's name stands for; else what suits the device.
fn bus(
    disk: &spec::Disk,
    place: &Place,
    device: DiskDevice,
    target: Option<&str>,
    chipset: Chipset,
    guest: &Guest,
) -> Choice<DiskBus> {
    if let Some(bus) = disk.bus {
        return Choice::asked(bus, place.clone().key("bus"));
    }
    match target.and_then(|target| target.get(..2)) {
        Some("hd") => return Choice::default(DiskBus::Ide, "the target is an IDE name"),
        Some("sd") if device == DiskDevice::Disk => return Choice::default(DiskBus::Scsi, "the target is a SCSI name"),
        _ => {}
    }
    match device {
        DiskDevice::Disk => disk_bus(chipset, guest),
        DiskDevice::Cdrom => cdrom_bus(chipset),
    }
}

/// virtio where the guest has the driver, else what the machine has built in.
fn disk_bus(chipset: Chipset, guest: &Guest) -> Choice<DiskBus> {
    let value = match chipset {
        Chipset::Q35 if !guest.virtio.value => DiskBus::Sata,
        Chipset::Pc if !guest.virtio.value => DiskBus::Ide,
        Chipset::Isa => return Choice::default(DiskBus::Ide, "this machine has ISA alone"),
        _ => DiskBus::Virtio,
    };
    Choice { value, reason: guest.virtio.reason.clone() }
}

fn cdrom_bus(chipset: Chipset) -> Choice<DiskBus> {
    let (bus, why) = chipset.cdrom_bus();
    Choice::default(bus, why)
}

/// Windows has no virtio driver before the seed has been read; an image whose kernel has none never finds one on virtio.
fn seed_bus(chipset: Chipset, guest: &Guest) -> Choice<DiskBus> {
    match (guest.windows, chipset) {
        (true, Chipset::Pc) => Choice::default(DiskBus::Ide, "Windows reads it without a driver"),
        (true, _) => Choice::default(DiskBus::Sata, "Windows reads it without a driver"),
        (false, _) if !guest.virtio.value => disk_bus(chipset, guest),
        (false, _) => Choice::default(DiskBus::Virtio, "paravirtual, the fastest"),
    }
}

impl<'a> WantedDisk<'a> {
    fn wish(&self) -> TargetWish<'a> {
        TargetWish { prefix: self.bus.value.prefix(), asked: self.asked_target, preferred: self.preferred_target }
    }

    fn resolve(self, target: String, images: &mut Images<'_>) -> Disk {
        let (origin, format) = match self.source {
            DiskSource::Row(disk) => images.of_row(disk, self.device, &target),
            DiskSource::Drivers(at) => (DiskOrigin::Existing(Some(at.clone())), Some(ImageFormat::Raw)),
            DiskSource::Iso(path) => images.boot_iso(path),
            DiskSource::Seed => images.seed(),
        };
        let row = if let DiskSource::Row(disk) = self.source { Some(disk) } else { None };
        let readonly = match row {
            _ if self.device == DiskDevice::Cdrom => true,
            Some(disk) => disk.readonly.unwrap_or(false),
            // The seed is read-only wherever QEMU can do that: its IDE and SATA disks are always writable.
            None => !matches!(self.bus.value, DiskBus::Ide | DiskBus::Sata),
        };
        let target = match self.asked_target {
            Some(_) => Choice::asked(target, self.place.clone().key("target")),
            None => Choice::default(target, "the first free one of its bus"),
        };
        Disk {
            origin,
            device: self.device,
            bus: self.bus,
            target,
            format,
            readonly,
            boot_order: row.and_then(|disk| disk.boot_order),
            tuning: row.map(tuning).unwrap_or_default(),
            place: self.place,
        }
    }
}

fn tuning(disk: &spec::Disk) -> Tuning {
    Tuning {
        cache: disk.cache,
        io: disk.io,
        discard: disk.discard,
        detect_zeroes: disk.detect_zeroes,
        iothread: disk.iothread,
        serial: filled(disk.serial.as_deref()).map(ToOwned::to_owned),
        ssd: disk.ssd.unwrap_or(false),
    }
}

/// Where images are and how new ones are named.
struct Images<'a> {
    name: &'a str,
    default_pool: &'a str,
    facts: &'a Facts,
    /// Pool and name of the volumes that this VM makes.
    made: HashSet<(String, String)>,
}

impl Images<'_> {
    fn of_row(&mut self, disk: &spec::Disk, device: DiskDevice, target: &str) -> (DiskOrigin, Option<ImageFormat>) {
        let pool_name = filled(disk.storage_pool.as_deref());
        let size = disk.size.as_ref().and_then(|size| size.bytes().ok());
        let asked = disk.format.map(packing);
        match disk.action {
            Some(DiskAction::Create) => {
                let format = asked.unwrap_or_else(|| self.new_format(pool_name));
                (DiskOrigin::New { at: self.make(target, format, pool_name), size }, Some(format))
            }
            Some(DiskAction::Clone) => {
                let from = filled(disk.clone_from.as_deref()).and_then(|path| self.existing(path, pool_name));
                let format = asked.unwrap_or_else(|| self.clone_format(pool_name, from.as_ref()));
                (DiskOrigin::Clone { at: self.make(target, format, pool_name), from, size }, Some(format))
            }
            Some(DiskAction::Attach) | None if drive(disk).is_some() => {
                (drive(disk).unwrap_or(DiskOrigin::Existing(None)), Some(ImageFormat::Raw))
            }
            Some(DiskAction::Attach) | None => {
                let at = filled(disk.path.as_deref()).and_then(|path| self.existing(path, pool_name));
                let format = asked.or_else(|| self.found_format(device, at.as_ref()));
                (DiskOrigin::Existing(at), format)
            }
        }
    }

    fn seed(&mut self) -> (DiskOrigin, Option<ImageFormat>) {
        (DiskOrigin::Seed { at: self.make("cidata", ImageFormat::Raw, None) }, Some(ImageFormat::Raw))
    }

    fn boot_iso(&self, path: &str) -> (DiskOrigin, Option<ImageFormat>) {
        let at = location::boot_iso(path, self.default_pool, self.facts);
        let format = self.found_format(DiskDevice::Cdrom, at.as_ref());
        (DiskOrigin::Existing(at), format)
    }

    fn existing(&self, path: &str, pool_name: Option<&str>) -> Option<Location> {
        location::existing(path, pool_name.unwrap_or(self.default_pool), self.facts)
    }

    fn pool(&self, pool_name: Option<&str>) -> Option<&Pool> {
        location::pool(self.facts, pool_name.unwrap_or(self.default_pool))
    }

    /// qcow2 in files; block devices and most pools of the network hold raw data.
    fn new_format(&self, pool_name: Option<&str>) -> ImageFormat {
        match self.pool(pool_name) {
            Some(pool) if !pool.holds_images() => ImageFormat::Raw,
            _ => ImageFormat::Qcow2,
        }
    }

    /// A copy of a plain file stays plain; everything else becomes what a new volume of the pool is.
    fn clone_format(&self, pool_name: Option<&str>, from: Option<&Location>) -> ImageFormat {
        let plain = |from: &Location| !from.is_block() && self.seen_format(from) == Some(ImageFormat::Raw);
        if from.is_some_and(plain) { ImageFormat::Raw } else { self.new_format(pool_name) }
    }

    /// The format of an image that exists: by its own bytes, else by libvirt's word; a CD is plain bytes. `None` where
    /// it is not known.
    fn found_format(&self, device: DiskDevice, at: Option<&Location>) -> Option<ImageFormat> {
        at.and_then(|at| self.seen_format(at)).or((device == DiskDevice::Cdrom).then_some(ImageFormat::Raw))
    }

    /// A block device is plain bytes, whatever its head looks like: the guest that had it may have written that.
    fn seen_format(&self, at: &Location) -> Option<ImageFormat> {
        let known = location::known(at, self.facts);
        let plain = at.is_block() || known.volume.is_some_and(|(pool, _)| !pool.holds_images());
        if plain { Some(ImageFormat::Raw) } else { known.format() }
    }

    /// A new volume's place, unlike that of any other disk of this VM.
    fn make(&mut self, part: &str, format: ImageFormat, pool_name: Option<&str>) -> Location {
        let name = pool_name.unwrap_or(self.default_pool).to_owned();
        let pool = location::pool(self.facts, &name);
        let names = pool.map_or(VolumeNames::Free, |pool| pool.abilities().names);
        if let (VolumeNames::Partition, Some(pool)) = (names, pool) {
            let taken =
                self.made.iter().filter(|(known, _)| *known == name).map(|(_, volume)| volume.clone()).collect();
            // A check says where the name cannot be told.
            if let Ok(volume) = next_partition(pool, self.facts.storage.get(), &taken) {
                self.made.insert((name.clone(), volume.clone()));
                return location::in_pool(&name, volume, Some(pool));
            }
        }
        let (stem, ending) = match names {
            VolumeNames::Free => (self.name.to_owned(), extension(format)),
            VolumeNames::Device | VolumeNames::Partition => (device_name(self.name), ""),
        };
        let mut volume = format!("{stem}-{part}{ending}");
        let mut next = 2;
        while !self.made.insert((name.clone(), volume.clone())) {
            volume = format!("{stem}-{part}-{next}{ending}");
            next += 1;
        }
        location::in_pool(&name, volume, pool)
    }
}

/// The NVMe drive that a disk names by its address, unless it names an image, too.
fn drive(disk: &spec::Disk) -> Option<DiskOrigin> {
    let host = filled(disk.host_address.as_deref()).filter(|_| disk.path.is_none())?.parse().ok()?;
    Some(DiskOrigin::Drive { host, namespace: disk.namespace.unwrap_or(1) })
}

/// A format of the spec as the facts have it.
fn packing(asked: DiskFormat) -> ImageFormat {
    match asked {
        DiskFormat::Qcow2 => ImageFormat::Qcow2,
        DiskFormat::Raw => ImageFormat::Raw,
        DiskFormat::Vmdk => ImageFormat::Vmdk,
        DiskFormat::Vdi => ImageFormat::Vdi,
    }
}

fn extension(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Qcow2 => ".qcow2",
        ImageFormat::Vmdk => ".vmdk",
        ImageFormat::Vdi => ".vdi",
        _ => ".img",
    }
}

/// LVM and ZFS take letters, digits and `_.+-` only, and no leading dash.
fn device_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_.+-".contains(c) { c } else { '_' };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn of(chipset: Chipset, spec: Value) -> Vec<Disk> {
        let spec = serde_json::from_value(spec).unwrap();
        disks(&spec, &Facts::default(), chipset, &crate::machine::profile::guest(&spec, &Facts::default()))
    }

    fn volumes(disks: &[Disk]) -> Vec<&str> {
        let volume = |disk| match Disk::location(disk) {
            Some(Location::Volume { volume, .. }) => Some(volume.as_str()),
            _ => None,
        };
        disks.iter().filter_map(volume).collect()
    }

    #[test]
    fn the_boot_iso_is_the_contracts_cdrom() {
        let spec = json!({"storage": {"boot_iso": "/a.iso", "disks": [{"action": "create", "size": 1}]}});
        let pc = of(Chipset::Pc, spec.clone());
        let iso = (pc[1].bus.value, pc[1].target.value.as_str(), pc[1].readonly);
        assert_eq!(iso, (DiskBus::Ide, "hdc", true));
        let q35 = of(Chipset::Q35, spec);
        assert_eq!((q35[1].bus.value, q35[1].target.value.as_str()), (DiskBus::Sata, "sda"));
        assert_eq!(q35[1].format, Some(ImageFormat::Raw));
    }

    #[test]
    fn new_volumes_never_share_a_name() {
        let twice = json!({"action": "create", "size": 1, "target": "vda"});
        let spec = json!({"name": "a", "storage": {"disks": [twice, twice, {"action": "create", "format": "raw"}]}});
        assert_eq!(volumes(&of(Chipset::Q35, spec)), ["a-vda.qcow2", "a-vda-2.qcow2", "a-vdb.img"]);
    }

    #[test]
    fn the_seed_is_last_and_never_boots() {
        let spec = json!({"name": "a", "storage": {"disks": [{"action": "create"}]}, "cloud_init": {"user": "u"}});
        let disks = of(Chipset::Q35, spec);
        assert_eq!(volumes(&disks), ["a-vda.qcow2", "a-cidata.img"]);
        assert_eq!((disks[1].boot_order, disks[1].readonly), (None, true));
        assert_eq!(volumes(&of(Chipset::Q35, json!({"name": "a", "cloud_init": {}}))), ["a-cidata.img"]);
    }

    #[test]
    fn a_path_that_is_refused_has_no_location() {
        let disks = of(Chipset::Q35, json!({"storage": {"disks": [{"action": "attach", "path": "../x"}, {}]}}));
        assert!(disks.iter().all(|disk| disk.location().is_none()));
    }

    #[test]
    fn block_devices_get_names_that_lvm_takes() {
        assert_eq!(device_name("Jörg's box"), "J_rg_s_box");
    }
}
