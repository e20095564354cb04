//! The known values of choices: fixed lists, and lists that come from the facts. Built when they are shown, because a
//! host may have tens of thousands of volumes.

mod fixed;
mod known;
mod systems;

pub use fixed::*;
pub use known::{Fixed, Known};

use super::Model;
use crate::facts::{FoundRom, Pool, RomFile, Volume};
use crate::machine::{libvirt_model, location};
use crate::spec::devices::VideoModel;
use crate::spec::paths;
use crate::units::{Bytes, GIB};
use known::known;
use std::collections::{BTreeMap, HashMap};

/// Where the known values of a choice come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownValues {
    /// A fixed list.
    Fixed(&'static [Fixed]),
    /// Storage pools.
    Pools,
    /// Installation images of all pools.
    Isos,
    /// Volumes of all pools, those of this pool first.
    Volumes(Option<String>),
    /// Networks of libvirt.
    Networks,
    /// Bridges of the host.
    Bridges,
    /// Machine types of this architecture.
    Machines(String),
    /// Architectures of guests.
    Architectures,
    /// Short ids of guest systems.
    Systems,
    /// CPU models that the host can offer.
    CpuModels,
    /// Video models that QEMU has here.
    VideoModels,
    /// Sizes of huge pages that the host has set apart.
    HugePages,
    /// ROM files for the function with these ids, those that fit first.
    Roms(u16, u16),
}

impl KnownValues {
    /// What the fixed value `value` means.
    pub fn note(&self, value: &str) -> Option<&'static str> {
        let Self::Fixed(list) = self else { return None };
        list.iter().find(|known| known.value == value).map(|known| known.note).filter(|note| !note.is_empty())
    }

    /// True where the list is short enough to walk through with Left and Right.
    pub fn is_short(&self) -> bool {
        !matches!(self, Self::Isos | Self::Volumes(_) | Self::Systems | Self::Roms(..) | Self::CpuModels)
    }

    /// The known values as they are now.
    pub fn list(&self, model: &Model) -> Vec<Known> {
        match self {
            Self::Fixed(list) => from_fixed(list),
            Self::Systems => systems::systems(model),
            Self::Pools => model.facts.pools.items().iter().map(pool).collect(),
            Self::Isos => volumes(model, None, Volume::is_iso),
            Self::Volumes(pool) => volumes(model, pool.as_deref(), |volume| !volume.is_iso()),
            Self::Networks => model.facts.networks.items().iter().map(network).collect(),
            Self::Bridges => model.facts.bridges.items().iter().map(bridge).collect(),
            Self::Roms(vendor, device) => roms(model, *vendor, *device),
            Self::Machines(arch) => machines(model, arch),
            Self::CpuModels => cpu_models(model),
            Self::VideoModels => video_models(model),
            Self::HugePages => huge_pages(model),
            Self::Architectures => {
                let guests = model.facts.capabilities.get().map_or(&[][..], |found| found.guests.as_slice());
                guests.iter().map(|guest| known(&guest.arch, guest.domain_types.join(", "))).collect()
            }
        }
    }

    /// Where `value` is in a list of known values; an image under any of its names.
    pub fn position(&self, model: &Model, list: &[Known], value: &str) -> Option<usize> {
        let at = |value: &str| list.iter().position(|known| known.value == value);
        at(value).or_else(|| {
            let pool = match self {
                Self::Isos => model.default_pool(),
                Self::Volumes(pool) => pool.as_deref().or(model.default_pool()),
                _ => return None,
            };
            let image = location::named(value, pool.unwrap_or_default(), &model.facts).ok()?;
            let (pool, volume) = location::known(&image, &model.facts).volume?;
            at(&Names::of(model).name(pool, volume))
        })
    }

    /// Why the list is empty, where the host is the reason.
    pub fn why_empty(&self, model: &Model) -> Option<String> {
        let facts = &model.facts;
        let why = match self {
            Self::Pools | Self::Isos | Self::Volumes(_) => facts.pools.why_not(),
            Self::Networks => facts.networks.why_not(),
            Self::Bridges => facts.bridges.why_not(),
            Self::Machines(_) | Self::Architectures => facts.capabilities.why_not(),
            Self::CpuModels => facts.domain_capabilities.why_not(),
            Self::HugePages => facts.nodes.why_not(),
            Self::Roms(..) => {
                let none = "no ROM file in the folders that QEMU may read; type an absolute path";
                Some(facts.roms.why_not().unwrap_or(none))
            }
            Self::Fixed(_) | Self::VideoModels | Self::Systems => None,
        };
        why.map(str::to_owned)
    }
}

fn from_fixed(list: &[Fixed]) -> Vec<Known> {
    list.iter().map(|item| known(item.value, item.note.to_owned())).collect()
}

/// ROM files of the host with what their headers say, those for the function first.
fn roms(model: &Model, vendor: u16, device: u16) -> Vec<Known> {
    let mut found: Vec<&FoundRom> = model.facts.roms.items().iter().collect();
    found.sort_by_key(|found| !found.rom.is_for(vendor, device));
    let note = |rom: &RomFile| {
        let whose = match rom.ids() {
            _ if rom.is_for(vendor, device) => "for this card".to_owned(),
            Some(ids) => format!("for {ids}, not this card"),
            None => "not a ROM of a card".into(),
        };
        let uefi = if rom.has_uefi() { ", with UEFI" } else { ", without UEFI" };
        let header = if rom.header.0 > 0 { ", with a header to cut off" } else { "" };
        let flaw = if rom.flaw.is_some() { ", DAMAGED" } else { "" };
        format!("{whose}{uefi}{header}{flaw}")
    };
    found.into_iter().map(|found| known(&found.path, note(&found.rom))).collect()
}

fn pool(pool: &Pool) -> Known {
    let gib = |bytes: Bytes| bytes.0 / GIB;
    let room = || format!("{} of {} GiB free", gib(pool.available), gib(pool.capacity));
    let state = if pool.active { room() } else { "inactive".into() };
    known(&pool.name, format!("{}  {state}", pool.kind))
}

fn network(network: &crate::facts::LibvirtNetwork) -> Known {
    let way = network.forward.as_deref().unwrap_or("isolated");
    known(&network.name, if network.active { way.to_owned() } else { format!("{way}, inactive") })
}

fn bridge(bridge: &crate::facts::Bridge) -> Known {
    let owner = bridge.network.as_ref().map_or("of the host".into(), |name| format!("of libvirt network {name}"));
    known(&bridge.name, owner)
}

fn machines(model: &Model, arch: &str) -> Vec<Known> {
    let guests = model.facts.capabilities.get().map_or(&[][..], |found| found.guests.as_slice());
    let names = guests.iter().find(|guest| guest.arch == arch).map_or(&[][..], |guest| guest.machines.as_slice());
    let mut list = vec![known("q35", "PCI Express, for passthrough".into()), known("pc", "i440FX, old guests".into())];
    list.retain(|_| arch == "x86_64" || arch == "i686");
    let others = names.iter().filter(|name| *name != "q35" && *name != "pc");
    list.extend(others.map(|name| known(name, String::new())));
    list
}

/// Models by name; those that this host can offer first.
fn cpu_models(model: &Model) -> Vec<Known> {
    let mut models: BTreeMap<&str, bool> = BTreeMap::new();
    for (name, usable) in model.facts.domain_capabilities.items().iter().flat_map(|found| &found.cpu_models) {
        *models.entry(name).or_default() |= usable;
    }
    let (can, cannot): (Vec<_>, Vec<_>) = models.into_iter().partition(|(_, usable)| *usable);
    let can = can.into_iter().map(|(name, _)| known(name, String::new()));
    can.chain(cannot.into_iter().map(|(name, _)| known(name, "not available on this host".into()))).collect()
}

/// The models of the spec, with a word where this host's QEMU has them not.
fn video_models(model: &Model) -> Vec<Known> {
    let found: Vec<&String> =
        model.facts.domain_capabilities.items().iter().flat_map(|found| &found.video_models).collect();
    let lacks = |value: &str| {
        let name = VideoModel::named(value).and_then(libvirt_model);
        name.is_some_and(|name| !found.is_empty() && found.iter().all(|model| *model != name))
    };
    let note = |item: &Fixed| if lacks(item.value) { "not in this host's QEMU".into() } else { item.note.to_owned() };
    VIDEO_MODELS.iter().map(|item| known(item.value, note(item))).collect()
}

/// `auto`, and the sizes that pages are set apart of, with how many are free.
fn huge_pages(model: &Model) -> Vec<Known> {
    let mut sizes: BTreeMap<Bytes, (u64, u64)> = BTreeMap::new();
    for pages in model.facts.nodes.items().iter().flat_map(|node| &node.huge_pages) {
        let (total, free) = sizes.entry(pages.size).or_default();
        *total += pages.total;
        *free += pages.free.unwrap_or(0);
    }
    let sizes = sizes.into_iter().rev().map(|(size, (total, free))| {
        known(&size.to_string(), format!("{free} of {total} free, {}", Bytes(size.0.saturating_mul(free))))
    });
    [known("auto", "the largest size with enough free pages".into())].into_iter().chain(sizes).collect()
}

/// How the lists name volumes: media by their own name where the pool of the spec or no other pool than theirs has it, all
/// else behind the name of their pool, which means the same from every pool and on every host with such pools; by path only
/// where no other name can be written.
struct Names<'a> {
    own: Option<&'a str>,
    /// How many pools have a medium of this name.
    media: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    fn of(model: &'a Model) -> Self {
        let mut media: HashMap<&str, usize> = HashMap::new();
        let volumes = model.facts.pools.items().iter().flat_map(|pool| pool.volumes.items());
        volumes.filter(|volume| volume.is_iso()).for_each(|volume| *media.entry(&volume.name).or_default() += 1);
        Self { own: model.default_pool(), media }
    }

    fn name(&self, pool: &Pool, volume: &Volume) -> String {
        let once = pool.active && self.media.get(volume.name.as_str()) == Some(&1);
        let found = volume.is_iso() && (once || self.own == Some(pool.name.as_str()));
        let name = if found { volume.name.clone() } else { format!("{}/{}", pool.name, volume.name) };
        let plain = !volume.name.contains('/') && paths::resolve(&name, Some("/pool")).is_ok();
        if plain { name } else { volume.path.clone() }
    }
}

fn volumes(model: &Model, first: Option<&str>, wanted: impl Fn(&Volume) -> bool) -> Vec<Known> {
    let pools = model.facts.pools.items();
    let (mine, others): (Vec<&Pool>, Vec<&Pool>) = pools.iter().partition(|pool| Some(pool.name.as_str()) == first);
    let names = Names::of(model);
    let all = mine.into_iter().chain(others);
    all.flat_map(|pool| pool.volumes.items().iter().map(move |volume| (pool, volume)))
        .filter(|(_, volume)| wanted(volume))
        .map(|(pool, volume)| known(&names.name(pool, volume), format!("{}  {}", pool.name, volume.capacity)))
        .collect()
}
