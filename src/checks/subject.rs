//! What the checks look at: spec, facts and machine, with the look-ups that several checks need.

use super::accepted::Accepted;
use super::left::LeftBuild;
use super::note::Topic;
use super::reached::Reached;
use super::row::{RowName, TakenRow};
use crate::domain::{self, CustomChange, Element};
use crate::engine::{self, Coverage};
use crate::facts::{
    Domain, DomainCapabilities, DomainState, Facts, ImageIndex, KnownImage, MediaFile, MediaKind, NOT_ASKED, PciClass,
    PciDevice, Pool, Use, Volume, uses,
};
use crate::machine::{Disk, DiskOrigin, Location, Machine, Member, Role, card, location};
use crate::spec::cloud_init::CloudDocuments;
use crate::spec::{self, Place, Spec, StackError, filled};
use crate::units::PciAddress;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Spec, facts and machine of one run of the checks.
#[derive(Debug)]
pub struct Subject<'a> {
    /// What was asked for.
    pub spec: &'a Spec,
    /// What the host has.
    pub facts: &'a Facts,
    /// What would be built.
    pub machine: &'a Machine,
    /// The rows whose host address can be read: of `pci_devices`, then virtual functions of `networks`, then drives of
    /// `storage.disks`, then what `custom_xml` takes beside them.
    pub pci: Vec<PciRow<'a>>,
    /// What those rows draw with them: the rest of their IOMMU groups, and what is reset with them.
    pub companions: Vec<Member>,
    /// What the host does with its functions; empty where no row asks for one.
    pub uses: BTreeMap<PciAddress, BTreeSet<Use>>,
    /// The domain with `custom_xml` in it, and what that changed; `None` where there is none that can be read.
    pub merged: Option<(Element, Vec<CustomChange>)>,
    /// What the engine carries.
    pub coverage: &'static Coverage,
    /// What may be lost.
    pub accepted: &'a Accepted,
    /// Why the spec lacks a template that it names.
    pub stack_error: Option<&'a StackError>,
    /// True where the VM is started at the end of its build.
    pub starting: bool,
    /// What interrupted builds may have left.
    pub left: &'a [LeftBuild],
    /// True where the host is judged by itself, as if a device were asked for.
    pub host_alone: bool,
    /// Images by all their names, once they were looked for.
    pub(super) images: OnceCell<ImageIndex<'a>>,
    /// The documents of cloud-init, once they were read.
    pub(super) documents: OnceCell<CloudDocuments>,
    /// What of the host the guest comes to, once it was followed.
    pub(super) reached: OnceCell<Vec<Reached>>,
}

/// One function that leaves the host when the VM starts.
#[derive(Clone, Debug)]
pub struct Leaving<'a> {
    /// The function.
    pub device: &'a PciDevice,
    /// The row that is the reason.
    pub row: &'a PciRow<'a>,
    /// True where the guest does not see it: it goes along, or its row says so.
    pub held: bool,
}

/// What a row says of a function that is no row of `pci_devices`.
static PLAIN: spec::PciDevice = spec::PciDevice {
    host_address: None,
    selector: None,
    role: None,
    guest_address: None,
    rom_file: None,
    rom_bar: None,
    multifunction: None,
    primary_gpu: None,
    boot_order: None,
};

/// The same of one that the guest does not see.
static HELD: spec::PciDevice = spec::PciDevice {
    host_address: None,
    selector: None,
    role: Some(spec::PciRole::Hold),
    guest_address: None,
    rom_file: None,
    rom_bar: None,
    multifunction: None,
    primary_gpu: None,
    boot_order: None,
};

/// One row with a readable host address.
#[derive(Clone, Copy, Debug)]
pub struct PciRow<'a> {
    /// Row in the spec.
    pub row: TakenRow,
    /// Its host address.
    pub address: PciAddress,
    /// The row.
    pub asked: &'a spec::PciDevice,
    /// The device on the host; `None` where it is not there or the devices are not known.
    pub device: Option<&'a PciDevice>,
}

/// One row of `storage.disks` and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub struct DiskRow<'a> {
    /// Row in the spec.
    pub row: usize,
    /// The row.
    pub asked: &'a spec::Disk,
    /// The disk of the machine.
    pub made: Option<&'a Disk>,
}

/// A pool that the spec names, at the first place that does.
#[derive(Clone, Debug)]
pub struct NamedPool<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it is named.
    pub place: Place,
    /// The disk that names it; `None` for the default pool.
    pub row: Option<usize>,
    /// True where a volume of it is made or used.
    pub needed: bool,
}

/// What is known of an image.
#[derive(Clone, Copy, Debug)]
pub enum Image<'a> {
    /// A volume of a pool.
    Volume(&'a Pool, &'a Volume),
    /// A file that no listed volume stands for.
    File(&'a MediaFile),
    /// Not there.
    Missing,
    /// The pool it should be in is not there or not active, which other checks say.
    NoPool,
    /// Not known, for the reason given.
    Unknown(&'a str),
}

/// For an engine that carries everything.
static NO_LOSS: Accepted = Accepted::NOTHING;

impl<'a> Subject<'a> {
    /// Prepares the look-ups.
    pub fn new(spec: &'a Spec, facts: &'a Facts, machine: &'a Machine) -> Self {
        let pci = taken(spec, facts, machine);
        let asked: Vec<PciAddress> = pci.iter().map(|row| row.address).collect();
        let companions = if asked.is_empty() { Vec::new() } else { card::companions(facts, &asked) };
        let uses = if asked.is_empty() { BTreeMap::new() } else { uses(facts) };
        let own = spec.custom_xml.as_deref().is_some_and(|text| !text.trim().is_empty());
        let merged = own.then(|| domain::merged(spec, machine).ok()).flatten();
        Self {
            spec,
            facts,
            machine,
            pci,
            companions,
            uses,
            merged,
            coverage: engine::usual().coverage(),
            accepted: &NO_LOSS,
            stack_error: None,
            starting: false,
            left: &[],
            host_alone: false,
            images: OnceCell::new(),
            documents: OnceCell::new(),
            reached: OnceCell::new(),
        }
    }

    /// True where passthrough is a subject at all.
    pub fn wants_passthrough(&self) -> bool {
        self.host_alone || !self.pci.is_empty()
    }

    /// The rows that the guest sees.
    pub fn passed(&self) -> impl Iterator<Item = &PciRow<'a>> + Clone {
        self.pci.iter().filter(|row| !row.asked.is_held())
    }

    /// The endpoints that leave the host: those asked for, then those that are held with them.
    pub fn leaving(&self) -> Vec<Leaving<'_>> {
        let endpoint = |row: &&PciRow| row.device.is_some_and(|device| device.kind() != PciClass::Bridge);
        let asked = self.pci.iter().filter(endpoint);
        let mut leaving: Vec<Leaving> =
            asked.filter_map(|row| Some(Leaving { device: row.device?, row, held: row.asked.is_held() })).collect();
        for member in self.companions.iter().filter(|member| member.role == Role::Hold) {
            let device = self.facts.pci.items().iter().find(|device| device.address == member.address);
            // What is drawn by a companion is laid at the door of the first row.
            let row = self.pci.iter().find(|row| row.address == member.with).or(self.pci.first());
            if let (Some(device), Some(row)) = (device, row) {
                leaving.push(Leaving { device, row, held: true });
            }
        }
        leaving
    }

    /// The rows of `storage.disks`.
    pub fn disks(&self) -> impl Iterator<Item = DiskRow<'a>> + use<'a> {
        let (spec, machine) = (self.spec, self.machine);
        let rows = spec.storage.iter().flat_map(|storage| storage.disks.iter().flatten());
        rows.enumerate().map(move |(row, asked)| {
            let place = Place::root().key("storage").key("disks").index(row);
            // The rows come first, in their order.
            DiskRow { row, asked, made: machine.disks.get(row).filter(|disk| disk.place == place) }
        })
    }

    /// The name of the default pool.
    pub fn default_pool(&self) -> Option<&'a str> {
        filled(self.spec.storage.as_ref()?.default_pool.as_deref())
    }

    /// The name of the pool that `row` belongs to, whether it needs one or not.
    pub fn pool_name(&self, row: DiskRow<'a>) -> Option<&'a str> {
        filled(row.asked.storage_pool.as_deref()).or(self.default_pool())
    }

    /// The pool that `row` belongs to, where it is known.
    pub fn pool_of(&self, row: DiskRow<'a>) -> Option<&'a Pool> {
        self.pool(self.pool_name(row)?)
    }

    /// The pools that the spec names, each once, the default pool first.
    pub fn named_pools(&self) -> Vec<NamedPool<'a>> {
        let default = self.default_pool().map(|name| (name, Place::root().key("storage").key("default_pool"), None));
        let own = self.disks().filter_map(|row| {
            let name = filled(row.asked.storage_pool.as_deref())?;
            Some((name, row.place("storage_pool"), Some(row.row)))
        });
        let needed: HashSet<&str> = self.machine.disks.iter().flat_map(needed).collect();
        let mut seen = HashSet::new();
        let pools = default.into_iter().chain(own).filter(|(name, ..)| seen.insert(*name));
        pools.map(|(name, place, row)| NamedPool { name, place, row, needed: needed.contains(name) }).collect()
    }

    /// The CD-ROM of the boot ISO.
    pub fn boot_iso(&self) -> Option<&'a Disk> {
        let place = Place::root().key("storage").key("boot_iso");
        self.machine.disks.iter().find(|disk| disk.place == place)
    }

    /// The pool `name`, where the pools are known and it is one of them.
    pub fn pool(&self, name: &str) -> Option<&'a Pool> {
        self.facts.pools.items().iter().find(|pool| pool.name == name)
    }

    /// What is known of the image at `location`.
    pub fn image(&self, location: &Location) -> Image<'a> {
        match location {
            Location::Volume { pool, volume, path, .. } => self.volume_image(pool, volume, path.as_deref()),
            Location::Path { path, .. } => self.file_image(path),
        }
    }

    /// Images by all their names.
    pub fn images(&self) -> &ImageIndex<'a> {
        self.images.get_or_init(|| ImageIndex::of(self.facts))
    }

    /// The documents of cloud-init; none where the spec has none.
    pub fn documents(&self) -> &CloudDocuments {
        let read = || self.spec.cloud_init.as_ref().map(CloudDocuments::of).unwrap_or_default();
        self.documents.get_or_init(read)
    }

    /// What is known of the image at `location`.
    pub fn known(&self, location: &Location) -> KnownImage<'a> {
        match location.path() {
            Some(path) => self.images().at(path),
            None => location::known(location, self.facts),
        }
    }

    /// Why what the image at `location` is was not read.
    pub fn why_not_read(&self, location: &Location) -> &'a str {
        let Some(path) = location.path() else { return "it has no path" };
        match self.file(path) {
            Ok(file) => file.image().err().unwrap_or("its header does not show it"),
            Err(why) => why,
        }
    }

    fn volume_image(&self, pool: &str, name: &str, path: Option<&str>) -> Image<'a> {
        if let Some(why) = self.facts.pools.why_not() {
            return Image::Unknown(why);
        }
        let Some(pool) = self.pool(pool).filter(|pool| pool.active) else {
            return Image::NoPool;
        };
        if let Some(volume) = pool.volume(name) {
            return Image::Volume(pool, volume);
        }
        // A file that the pool has not seen since its last refresh is still there.
        match (path.and_then(|path| self.facts.files.get(path)).and_then(|fact| fact.get()), pool.volumes.why_not()) {
            (Some(file), _) if file.kind != MediaKind::Missing => Image::File(file),
            (None, Some(why)) => Image::Unknown(why),
            _ => Image::Missing,
        }
    }

    fn file_image(&self, path: &str) -> Image<'a> {
        let fact = self.facts.files.get(path);
        if let Some((pool, volume)) = self.volume_at(path) {
            return Image::Volume(pool, volume);
        }
        match fact.and_then(|fact| fact.get()) {
            Some(file) if file.kind == MediaKind::Missing => Image::Missing,
            Some(file) => Image::File(file),
            None => Image::Unknown(fact.and_then(|fact| fact.why_not()).unwrap_or(NOT_ASKED)),
        }
    }

    /// The volume whose path is `path`.
    pub fn volume_at(&self, path: &str) -> Option<(&'a Pool, &'a Volume)> {
        self.images().at(path).volume
    }

    /// The file at `path`: known, or why not.
    pub fn file(&self, path: &str) -> Result<&'a MediaFile, &'a str> {
        let Some(fact) = self.facts.files.get(path) else {
            return Err(NOT_ASKED);
        };
        fact.get().ok_or(fact.why_not().unwrap_or(NOT_ASKED))
    }

    /// The domains that use the image at `location`, running ones first.
    pub fn users_of(&self, location: &Location) -> Vec<&'a Domain> {
        let users: Vec<&'a Domain> = match location {
            Location::Path { path, .. } | Location::Volume { path: Some(path), .. } => {
                self.images().users(path).iter().map(|(domain, _)| *domain).collect()
            }
            Location::Volume { pool, volume, path: None, network, .. } => {
                let named = format!("{pool}/{volume}");
                let there = network.as_ref().map(|network| network.name.as_str());
                let is_it = |source: &str| source == named || Some(source) == there;
                let uses = |domain: &&Domain| domain.disks.iter().any(|disk| is_it(&disk.source));
                self.facts.domains.items().iter().filter(uses).collect()
            }
        };
        running_first(users.into_iter())
    }

    /// The domains that take the PCI function `address`, running ones first.
    pub fn holders_of(&self, address: PciAddress) -> Vec<&'a Domain> {
        running_first(self.facts.domains.items().iter().filter(|domain| domain.pci.contains(&address)))
    }

    /// What QEMU offers for the machine that would be built.
    pub fn capabilities(&self) -> Option<&'a DomainCapabilities> {
        let Machine { arch, machine_type, domain_type, .. } = self.machine;
        self.facts.offered(&arch.value, &machine_type.value, domain_type)
    }
}

/// The rows that take functions of the host.
fn taken<'a>(spec: &'a Spec, facts: &'a Facts, machine: &Machine) -> Vec<PciRow<'a>> {
    let rows = spec.pci_devices.iter().flatten().enumerate();
    let devices = rows
        .filter_map(|(row, asked)| Some((TakenRow::Device(row), asked.host_address.as_deref()?.parse().ok()?, asked)));
    let interfaces = machine.interfaces.iter();
    let networks =
        interfaces.filter_map(|interface| Some((TakenRow::Network(interface.row?), interface.host?, &PLAIN)));
    let drives = machine.disks.iter().filter_map(|disk| match disk.origin {
        DiskOrigin::Drive { host, .. } => Some((TakenRow::Disk(disk.place.row_index()?), host, &PLAIN)),
        _ => None,
    });
    let mut all: Vec<(TakenRow, PciAddress, &spec::PciDevice)> = devices.chain(networks).chain(drives).collect();
    // What it says of a device of the spec is merged into that one.
    for function in spec.custom_xml.as_deref().map(spec::custom_xml::host_functions).into_iter().flatten() {
        if all.iter().all(|(_, address, _)| *address != function.address) {
            all.push((TakenRow::Custom, function.address, if function.held { &HELD } else { &PLAIN }));
        }
    }
    all.into_iter()
        .map(|(row, address, asked)| {
            let device = facts.pci.items().iter().find(|device| device.address == address);
            PciRow { row, address, asked, device }
        })
        .collect()
}

/// The pools that `disk` is made in, copied from, or a volume of.
fn needed(disk: &Disk) -> impl Iterator<Item = &str> {
    let from = if let DiskOrigin::Clone { from, .. } = &disk.origin { from.as_ref() } else { None };
    from.into_iter().chain(disk.location()).filter_map(|at| match at {
        Location::Volume { pool, .. } => Some(pool.as_str()),
        Location::Path { .. } => None,
    })
}

fn running_first<'a>(domains: impl Iterator<Item = &'a Domain>) -> Vec<&'a Domain> {
    let mut domains: Vec<_> = domains.collect();
    domains.sort_by_key(|domain| domain.state != DomainState::Active);
    domains
}

impl Leaving<'_> {
    /// The row that is the reason, about this function.
    pub fn topic(&self) -> Topic {
        Topic::from(self.row.place()).about(self.device.address)
    }
}

impl PciRow<'_> {
    /// `device 0 (0000:01:00.0)`.
    pub fn name(&self) -> RowName {
        self.row.taking(self.address)
    }

    /// The place of its address.
    pub fn place(&self) -> Place {
        self.row.place("host_address")
    }
}

impl DiskRow<'_> {
    /// Its field `field`, with the name of the row.
    pub fn topic(&self, field: &str) -> Topic {
        Topic::from(self.place(field)).of(self.name())
    }

    /// The same by the row's number alone, for what goes wrong before it has a target.
    pub fn bare_topic(&self, field: &str) -> Topic {
        Topic::from(self.place(field)).of(RowName::numbered("disk", self.row))
    }

    /// `disk 0`, with its target where it is settled: `disk 0 (vda)`.
    pub fn name(&self) -> RowName {
        let row = RowName::numbered("disk", self.row);
        match self.made {
            Some(made) if !made.target.value.is_empty() => row.named(&made.target.value),
            _ => row,
        }
    }

    /// The place of its field `field`.
    pub fn place(&self, field: &str) -> Place {
        Place::disk(self.row, field)
    }

    /// True where the build makes a volume for it.
    pub fn makes_volume(&self) -> bool {
        matches!(self.asked.action, Some(spec::DiskAction::Create | spec::DiskAction::Clone))
    }
}
