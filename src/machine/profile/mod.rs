//! The guest system and what follows from it: who named it, what it needs, whether it has drivers for virtio, and where
//! the CD with those for Windows is.

pub mod release;
pub mod table;

pub use release::Age;

use super::{Choice, Location, location};
use crate::facts::{Facts, Iso, Profile, Volume};
use crate::spec::{Disk, DiskAction, DiskBus, DiskDevice, NetworkModel, OsFamily, Place, Spec, filled};

/// The guest system.
#[derive(Clone, Debug, PartialEq)]
pub struct Guest {
    /// Its id, as asked or as the boot ISO tells; `None` where neither does.
    pub system: Option<Choice<String>>,
    /// What is known of it.
    pub profile: Option<Profile>,
    /// True for any Windows.
    pub windows: bool,
    /// How much of today's virtual hardware its installer can use.
    pub age: Age,
    /// What the boot ISO says of itself.
    pub medium: Option<Iso>,
    /// True where a boot ISO installs onto disks that the build makes.
    pub installs: bool,
    /// The CD with the virtio drivers for Windows.
    pub drivers: Drivers,
    /// Whether virtio devices work without more ado.
    pub virtio: Choice<bool>,
}

/// The CD with the virtio drivers for Windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drivers {
    /// Nothing would be read from it, or it was refused.
    NotWanted,
    /// The spec attaches it.
    Attached,
    /// Found in a pool, and attached.
    Found(Location),
    /// In no pool that is known.
    Missing,
}

/// Who the guest is.
pub(super) fn guest(spec: &Spec, facts: &Facts) -> Guest {
    let medium = medium(spec, facts).cloned();
    let system = system(spec, medium.as_ref());
    let profile = system.as_ref().and_then(|system| profile(facts, &system.value));
    let windows = is_windows(spec, system.as_ref(), profile.as_ref(), medium.as_ref());
    let age = age(spec, system.as_ref(), profile.as_ref(), medium.as_ref(), windows);
    let installs = installs(spec);
    let drivers = drivers(spec, facts, windows, age);
    let virtio = virtio(profile.as_ref(), windows, age, &drivers);
    Guest { system, profile, windows, age, medium, installs, drivers, virtio }
}

/// Ids of the systems whose profiles decide about the machine.
pub fn wanted(spec: &Spec, facts: &Facts) -> Vec<String> {
    system(spec, medium(spec, facts)).map(|system| system.value).into_iter().collect()
}

/// Files of the pools that may be the CD with the virtio drivers, where nothing but their volume id can tell.
pub fn media_to_look_at(spec: &Spec, facts: &Facts) -> Vec<String> {
    let guest = guest(spec, facts);
    if guest.drivers != Drivers::Missing {
        return Vec::new();
    }
    isos(facts).map(|(_, volume)| volume.path.clone()).filter(|path| path.starts_with('/')).collect()
}

/// What the boot ISO says of itself.
fn medium<'a>(spec: &Spec, facts: &'a Facts) -> Option<&'a Iso> {
    let storage = spec.storage.as_ref()?;
    let pool = storage.default_pool.as_deref().unwrap_or_default();
    let at = location::boot_iso(filled(storage.boot_iso.as_deref())?, pool, facts)?;
    facts.files.get(at.path()?)?.get()?.iso.as_ref()
}

/// As asked; else the only system that has media like the boot ISO. Never a guess among several.
fn system(spec: &Spec, medium: Option<&Iso>) -> Option<Choice<String>> {
    if let Some(id) = filled(spec.os_variant.as_deref()) {
        return Some(Choice::asked(id.to_owned(), Place::root().key("os_variant")));
    }
    match medium?.systems.as_slice() {
        [only] => Some(Choice::default(only.id.clone(), format!("the boot ISO is '{}'", medium?.volume))),
        _ => None,
    }
}

/// What is known of the system `id`: by the osinfo database, else by the table of ours.
pub fn profile(facts: &Facts, id: &str) -> Option<Profile> {
    let read = facts.profiles.get(id).and_then(|fact| fact.get()).cloned();
    read.or_else(|| table::find(id).map(table::KnownSystem::profile)).or_else(|| release::profile(id))
}

/// The age of the system, else that of the newest that has media like the boot ISO. What the osinfo database says of its
/// drivers counts before our own table.
fn age(
    spec: &Spec,
    system: Option<&Choice<String>>,
    profile: Option<&Profile>,
    medium: Option<&Iso>,
    windows: bool,
) -> Age {
    let id = system.map(|system| system.value.as_str());
    if windows {
        let listed = medium.map_or(&[][..], |medium| &medium.systems).iter().map(|system| system.id.as_str());
        let ids = id.into_iter().chain(listed.filter(|_| id.is_none()));
        return ids.map(release::of_windows).max().unwrap_or(Age::Current);
    }
    let dos = || spec.os_type.as_deref().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(OsFamily::Dos.name()));
    match (profile, id) {
        (Some(known), _) if !known.devices.is_empty() => {
            if known.knows(&["1af4:1001", "1af4:1042"]) {
                Age::Current
            } else {
                Age::Old
            }
        }
        (_, Some(id)) => release::of_other(id),
        (_, None) if dos() => Age::Old,
        (_, None) => Age::Current,
    }
}

fn is_windows(spec: &Spec, system: Option<&Choice<String>>, profile: Option<&Profile>, medium: Option<&Iso>) -> bool {
    if filled(spec.os_type.as_deref()).is_some() || filled(spec.os_variant.as_deref()).is_some() {
        let named = filled(spec.os_type.as_deref()).is_none() && profile.is_some_and(Profile::is_windows);
        return named || says_windows(spec);
    }
    let by_name = |id: &str| id.starts_with("win");
    let systems = medium.map_or(&[][..], |medium| &medium.systems);
    let all = !systems.is_empty() && systems.iter().all(|system| by_name(&system.id));
    all || system.is_some_and(|system| by_name(&system.value))
}

/// True where a medium is booted and everything else is new.
fn installs(spec: &Spec) -> bool {
    let Some(storage) = &spec.storage else { return false };
    let rows = storage.disks.as_deref().unwrap_or_default();
    let mut disks = rows.iter().filter(|disk| disk.device != Some(DiskDevice::Cdrom));
    let direct = spec.boot.as_ref().is_some_and(|boot| boot.kernel.is_some());
    filled(storage.boot_iso.as_deref()).is_some()
        && !direct
        && disks.all(|disk| disk.action == Some(DiskAction::Create))
}

/// Whether virtio devices work. Where the system is not known, the spec is taken for one of today's.
fn virtio(profile: Option<&Profile>, windows: bool, age: Age, drivers: &Drivers) -> Choice<bool> {
    let name = profile.map_or(if windows { "Windows" } else { "the guest" }, |profile| profile.name.as_str());
    match (windows, drivers) {
        (true, _) if age == Age::Old && profile.is_some_and(|known| known.family == "winnt") => {
            Choice::default(false, format!("the setup of {name} takes drivers from a floppy disk only"))
        }
        _ if age == Age::Old => Choice::default(false, format!("{name} has no virtio driver")),
        (false, _) => Choice::default(true, "paravirtual, the fastest"),
        (true, Drivers::Attached | Drivers::Found(_)) => {
            Choice::default(true, "fast; its driver is on the virtio-win CD, to be loaded during the installation")
        }
        (true, Drivers::Missing | Drivers::NotWanted) => {
            Choice::default(false, format!("{name} has no virtio driver before virtio-win"))
        }
    }
}

/// Wanted where Windows is installed onto something that may be virtio and its installer reads them, unless the spec says
/// otherwise.
fn drivers(spec: &Spec, facts: &Facts, windows: bool, age: Age) -> Drivers {
    let Some(storage) = &spec.storage else { return Drivers::NotWanted };
    let rows = storage.disks.as_deref().unwrap_or_default();
    let pool = storage.default_pool.as_deref().unwrap_or_default();
    if windows && rows.iter().any(|disk| is_drivers_row(disk, pool, facts)) {
        return Drivers::Attached;
    }
    let virtio = |bus: Option<DiskBus>| bus.is_none_or(|bus| matches!(bus, DiskBus::Virtio | DiskBus::Scsi));
    let disk = |disk: &Disk| disk.device != Some(DiskDevice::Cdrom) && virtio(disk.bus);
    let card = |model: Option<NetworkModel>| model.is_none_or(|model| model == NetworkModel::Virtio);
    let cards = spec.networks.as_ref().is_none_or(|all| all.iter().any(|network| card(network.model)));
    let useful = rows.iter().any(disk) || cards;
    let installs = filled(storage.boot_iso.as_deref()).is_some();
    if !windows || !spec.virtio_win.unwrap_or(installs && useful && age > Age::Old) {
        return Drivers::NotWanted;
    }
    found(facts).map_or(Drivers::Missing, Drivers::Found)
}

/// True for a CD-ROM row that holds the drivers.
fn is_drivers_row(disk: &Disk, pool: &str, facts: &Facts) -> bool {
    let Some(path) = filled(disk.path.as_deref()).filter(|_| disk.device == Some(DiskDevice::Cdrom)) else {
        return false;
    };
    let pool = filled(disk.storage_pool.as_deref()).unwrap_or(pool);
    let at = location::existing(path, pool, facts);
    is_named_so(path) || at.is_some_and(|at| at.path().is_some_and(|path| is_labelled_so(facts, path)))
}

/// The newest of the pools, by the version in its name.
fn found(facts: &Facts) -> Option<Location> {
    let all = isos(facts).filter(|(_, volume)| is_named_so(&volume.name) || is_labelled_so(facts, &volume.path));
    let (pool, volume) = all.max_by_key(|(_, volume)| version(&volume.name))?;
    let known = facts.pools.items().iter().find(|known| known.name == pool);
    Some(location::in_pool(pool, volume.name.clone(), known))
}

/// The CD images of all pools that are started.
fn isos(facts: &Facts) -> impl Iterator<Item = (&str, &Volume)> {
    let volumes = facts.pools.items().iter().filter(|pool| pool.active).flat_map(|pool| {
        let name = pool.name.as_str();
        pool.volumes.items().iter().map(move |volume| (name, volume))
    });
    volumes.filter(|(_, volume)| volume.is_iso())
}

/// `virtio-win.iso`, `virtio-win-0.1.262.iso`, wherever it lies.
fn is_named_so(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    name.starts_with("virtio-win") && name.rsplit_once('.').is_some_and(|(_, end)| end == "iso")
}

fn is_labelled_so(facts: &Facts, path: &str) -> bool {
    let iso = facts.files.get(path).and_then(|file| file.get()).and_then(|file| file.iso.as_ref());
    iso.is_some_and(Iso::is_virtio_win)
}

/// The numbers in a name, to compare versions by.
fn version(name: &str) -> Vec<u32> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

impl Guest {
    /// Its name for people.
    pub fn name(&self) -> &str {
        let id = self.system.as_ref().map(|system| system.value.as_str());
        self.profile.as_ref().map(|profile| profile.name.as_str()).or(id).unwrap_or("the guest")
    }

    /// True for Windows 11, which wants UEFI, Secure Boot and a TPM.
    pub fn is_windows_11(&self) -> bool {
        self.system.as_ref().is_some_and(|system| system.value.to_ascii_lowercase().starts_with("win11"))
    }

    /// True for a Windows that installs by UEFI on a PC, also where it is not said which one it is.
    pub(super) fn installs_by_uefi(&self, arch: &str) -> bool {
        let refused = self.profile.as_ref().is_some_and(|known| known.boots(arch).uefi == Some(false));
        self.windows && self.age == Age::Current && arch == "x86_64" && !refused
    }

    /// True where no driver for virtio can be given to the system.
    pub fn is_old(&self) -> bool {
        self.age == Age::Old
    }

    /// True where the system is known to lack the chipset of PCI Express.
    pub fn lacks_q35(&self) -> bool {
        let has = |known: &Profile| known.knows(&["chipset/x86/q35"]);
        let old = |known: &Profile| !known.devices.is_empty() || known.is_windows() || known.family == "msdos";
        match &self.profile {
            Some(known) if old(known) => !has(known),
            // Macs had no chipset but Intel's of their time.
            Some(known) if known.family == "darwin" => false,
            _ => self.is_old(),
        }
    }

    /// The card for a guest that has no driver for virtio.
    pub(super) fn network_model(&self, pci_express: bool) -> Choice<NetworkModel> {
        if self.virtio.value {
            return Choice { value: NetworkModel::Virtio, reason: self.virtio.reason.clone() };
        }
        let knows = |device: &str| self.profile.as_ref().is_none_or(|known| known.knows(&[device]));
        let silent = self.profile.as_ref().is_none_or(|known| known.devices.is_empty());
        let model = match pci_express {
            _ if self.is_old() && silent => NetworkModel::Rtl8139,
            true if knows("8086:10d3") => NetworkModel::E1000e,
            _ if self.profile.is_none() || knows("8086:100e") || knows("8086:10d3") => NetworkModel::E1000,
            _ => NetworkModel::Rtl8139,
        };
        Choice { value: model, reason: self.virtio.reason.clone() }
    }
}

/// Windows by `os_type`, or by an osinfo id such as win11 or win2k22.
fn says_windows(spec: &Spec) -> bool {
    let os_type = filled(spec.os_type.as_deref()).map(str::to_ascii_lowercase);
    match os_type.as_deref() {
        Some(kind) => kind == OsFamily::Windows.name(),
        None => spec.os_variant.as_deref().is_some_and(|id| id.trim_start().to_ascii_lowercase().starts_with("win")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_drivers_are_those_of_the_highest_version() {
        let mut names =
            ["virtio-win-0.1.262.iso", "virtio-win.iso", "virtio-win-0.1.1185.iso", "virtio-win-0.1.96.iso"];
        names.sort_by_key(|name| version(name));
        assert_eq!(names.last(), Some(&"virtio-win-0.1.1185.iso"));
        assert!(names.iter().all(|name| is_named_so(name)));
        assert!(!is_named_so("/isos/virtio-win-guest-tools.exe") && !is_named_so("/virtio-win.iso/other.iso"));
    }

    #[test]
    fn every_system_of_the_table_is_one_thing_and_has_its_devices() {
        for known in table::TABLE {
            assert_eq!(table::TABLE.iter().filter(|other| other.id == known.id).count(), 1, "{}", known.id);
            let profile = known.profile();
            assert_eq!(profile.is_windows(), known.id.starts_with("win"), "{}", known.id);
            assert_ne!(profile.knows(&["1af4:1042"]), profile.is_windows(), "{}", known.id);
        }
    }

    #[test]
    fn windows_is_told_by_type_or_by_id() {
        let spec = |os_type: Option<&str>, id: Option<&str>| Spec {
            os_type: os_type.map(Into::into),
            os_variant: id.map(Into::into),
            ..Spec::default()
        };
        assert!(says_windows(&spec(Some("Windows"), None)));
        assert!(says_windows(&spec(None, Some("win11"))));
        assert!(!says_windows(&spec(Some("linux"), Some("win11"))));
        assert!(!says_windows(&spec(None, Some("ubuntu22.04"))));
    }
}
