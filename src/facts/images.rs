//! Images by all their names: what is known of each, what it is based on, and who is based on it.
//!
//! One file has many names: its path, links to it, a second mount of its folder, pool and volume. They are brought together
//! by the first of its places, see [`MediaFile::places`], or by the folder of its pool where the file was not looked at.

use super::{
    BackingFile, Domain, DomainDisk, Facts, ImageFormat, ImageHeader, MediaFile, MediaKind, NOT_ASKED, Pool, Volume,
};
use crate::units::Bytes;
use std::collections::{BTreeSet, HashMap};

/// libvirt and QEMU take no deeper chains.
const DEEPEST: usize = 200;

/// All images that the facts name.
#[derive(Debug)]
pub struct ImageIndex<'a> {
    facts: &'a Facts,
    /// Volumes by path.
    volumes: HashMap<&'a str, (&'a Pool, &'a Volume)>,
    /// The one name of each folder of a pool, by its other names.
    folders: Vec<(&'a str, &'a str)>,
    /// Images that are based on the one of this name, by their own one names.
    overlays: HashMap<String, BTreeSet<String>>,
    /// Disks of domains with this image.
    users: HashMap<String, Vec<(&'a Domain, &'a DomainDisk)>>,
}

/// What is known of one image.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownImage<'a> {
    /// What was seen at its path.
    pub file: Option<&'a MediaFile>,
    /// The volume that it is, with its pool.
    pub volume: Option<(&'a Pool, &'a Volume)>,
}

/// One image below another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Its path as the image above names it, resolved; for the first the path that was asked for.
    pub path: String,
    /// Its format by its own bytes, or by libvirt's word.
    pub format: Option<ImageFormat>,
    /// Its format as the image above says it; `None` for the first, and where that says none.
    pub said: Option<ImageFormat>,
}

/// An image with all that is below it, topmost first, and how that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The images; at least the one that was asked for.
    pub links: Vec<ChainLink>,
    /// How it ends.
    pub end: ChainEnd,
}

/// How a chain of images ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainEnd {
    /// With an image that is based on nothing.
    Whole,
    /// An image is not there.
    Missing {
        /// Its path.
        path: String,
    },
    /// An image is based on one above it, or the chain is deeper than any.
    Loop {
        /// Path of the one that comes again.
        path: String,
    },
    /// An image, or what holds its data, is not a file or device of this host, or is described in a way that cannot be read.
    Elsewhere {
        /// As the image that needs it names it.
        name: String,
    },
    /// What an image is cannot be told.
    Unknown {
        /// Its path.
        path: String,
        /// Why.
        why: String,
    },
}

impl<'a> KnownImage<'a> {
    /// What the image is by its bytes, or by libvirt's word.
    pub fn image(&self) -> Option<&'a ImageHeader> {
        let file = self.file.and_then(|file| file.image().ok());
        file.or_else(|| self.volume.and_then(|(_, volume)| volume.image.as_deref()))
    }

    /// How it packs a disk. Volumes of pools that are not folders are plain bytes.
    pub fn format(&self) -> Option<ImageFormat> {
        let listed = || self.volume.and_then(|(_, volume)| volume.packing());
        self.image().map(|image| image.format).or_else(listed)
    }

    /// Size of the disk that a guest sees.
    pub fn virtual_size(&self) -> Option<Bytes> {
        let listed = || self.volume.map(|(_, volume)| volume.capacity).filter(|capacity| capacity.0 > 0);
        self.image().and_then(|image| image.virtual_size).or_else(listed)
    }

    /// Bytes that a copy of it takes at least; `None` where that is not known.
    pub fn allocation(&self) -> Option<Bytes> {
        let volume = self.volume.filter(|(_, volume)| volume.capacity.0 > 0).map(|(_, volume)| volume.allocation);
        volume.or_else(|| self.file.map(|file| file.allocation.unwrap_or(file.size)))
    }

    /// The image that it is based on.
    pub fn backing(&self) -> Option<&'a BackingFile> {
        self.image().and_then(|image| image.backing.as_ref())
    }
}

impl<'a> ImageIndex<'a> {
    /// Brings together what the facts tell; linear in what they hold.
    pub fn of(facts: &'a Facts) -> Self {
        let pools = facts.pools.items();
        let listed = pools.iter().flat_map(|pool| pool.volumes.items().iter().map(move |volume| (pool, volume)));
        let mut volumes = HashMap::new();
        for (pool, volume) in listed {
            // Of two pools on one folder the first counts, as wherever a pool is looked for.
            volumes.entry(volume.path.as_str()).or_insert((pool, volume));
        }
        let folders = pools.iter().flat_map(|pool| {
            let first = pool.places.first();
            let others = pool.places.iter().chain(&pool.path).filter(move |place| Some(*place) != first);
            first.into_iter().flat_map(move |first| others.clone().map(|other| (other.as_str(), first.as_str())))
        });
        let folders = folders.collect();
        let mut images = Self { facts, volumes, folders, overlays: HashMap::new(), users: HashMap::new() };
        images.find_overlays();
        images.find_users();
        images
    }

    /// What is known of the image at `path`.
    pub fn at(&self, path: &str) -> KnownImage<'a> {
        let file = self.facts.files.get(path).and_then(|file| file.get());
        KnownImage { file, volume: self.volumes.get(path).copied() }
    }

    /// The one name of the image at `path`.
    pub fn name(&self, path: &str) -> String {
        let KnownImage { file, volume } = self.at(path);
        if let Some(place) = file.and_then(|file| file.places.first()) {
            return place.clone();
        }
        if file.is_some_and(|file| file.kind != MediaKind::Missing) {
            return path.to_owned();
        }
        let target = volume.and_then(|(_, volume)| volume.target.as_deref());
        self.by_folder(target.unwrap_or(path))
    }

    /// `path` with its folder by the one name that this has.
    fn by_folder(&self, path: &str) -> String {
        let below = |other: &str| path.strip_prefix(other.trim_end_matches('/')).filter(|rest| rest.starts_with('/'));
        let known = self.folders.iter().filter_map(|(other, first)| Some((other.len(), first, below(other)?)));
        match known.max_by_key(|(length, ..)| *length) {
            Some((_, first, rest)) => format!("{}{rest}", first.trim_end_matches('/')),
            None => path.to_owned(),
        }
    }

    /// The path of a domain's image: as it is, or that of the volume.
    fn path_of(&self, source: &str) -> Option<String> {
        if source.starts_with('/') {
            return Some(source.to_owned());
        }
        let (pool, name) = source.split_once('/')?;
        let pool = self.facts.pools.items().iter().find(|known| known.name == pool)?;
        match pool.volume(name) {
            Some(volume) => Some(volume.path.clone()),
            None => pool.path.as_ref().map(|folder| format!("{}/{name}", folder.trim_end_matches('/'))),
        }
    }

    fn find_overlays(&mut self) {
        let of_volumes = self.volumes.iter().map(|(path, (_, volume))| (*path, volume.backing()));
        let seen = self
            .facts
            .files
            .iter()
            .filter_map(|(path, file)| Some((path.as_str(), file.get()?.image().ok()?.backing.as_ref())));
        let based = of_volumes.chain(seen).filter_map(|(path, backing)| Some((path.to_owned(), backing?.path(path)?)));
        let mut based: Vec<(String, String)> = based.collect();
        for disk in self.facts.domains.items().iter().flat_map(|domain| &domain.disks) {
            let mut above = self.path_of(&disk.source);
            for below in &disk.below {
                let below = self.path_of(below);
                based.extend(above.zip(below.clone()));
                above = below;
            }
        }
        for (above, below) in based {
            let (above, below) = (self.name(&above), self.name(&below));
            self.overlays.entry(below).or_default().insert(above);
        }
    }

    fn find_users(&mut self) {
        for domain in self.facts.domains.items() {
            for disk in &domain.disks {
                let name = self.path_of(&disk.source).map_or_else(|| disk.source.clone(), |path| self.name(&path));
                self.users.entry(name).or_default().push((domain, disk));
            }
        }
    }

    /// The disks of domains whose image is the one at `path`.
    pub fn users(&self, path: &str) -> &[(&'a Domain, &'a DomainDisk)] {
        self.users.get(&self.name(path)).map_or(&[], Vec::as_slice)
    }

    /// The images that are based on the one at `path`, directly or by way of others, each with the disks of domains that
    /// have it. In the order of their names.
    pub fn based_on(&self, path: &str) -> Vec<(String, &[(&'a Domain, &'a DomainDisk)])> {
        let (mut found, mut open) = (BTreeSet::new(), vec![self.name(path)]);
        while let Some(name) = open.pop() {
            for above in self.overlays.get(&name).into_iter().flatten() {
                if found.insert(above.clone()) {
                    open.push(above.clone());
                }
            }
        }
        let own = self.name(path);
        let with_users = |name: String| {
            let users = self.users.get(&name).map_or(&[][..], Vec::as_slice);
            (name, users)
        };
        found.into_iter().filter(|name| *name != own).map(with_users).collect()
    }

    /// The image at `path` with all that is below it, as far as the facts tell.
    pub fn chain(&self, path: &str) -> Chain {
        let mut links: Vec<ChainLink> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = (path.to_owned(), None);
        let end = loop {
            let (path, said) = next;
            if !seen.insert(self.name(&path)) || links.len() >= DEEPEST {
                break ChainEnd::Loop { path };
            }
            let known = self.at(&path);
            links.push(ChainLink { path: path.clone(), format: known.format(), said });
            match self.below(&path, known, said) {
                Ok(Some(below)) => next = below,
                Ok(None) => break ChainEnd::Whole,
                Err(end) => break end,
            }
        };
        Chain { links, end }
    }

    /// The image below `path`, with its format as `path` says it.
    fn below(
        &self,
        path: &str,
        known: KnownImage<'a>,
        said: Option<ImageFormat>,
    ) -> Result<Option<(String, Option<ImageFormat>)>, ChainEnd> {
        let fact = self.facts.files.get(path);
        let missing = known.file.is_some_and(|file| file.kind == MediaKind::Missing);
        if missing {
            return Err(ChainEnd::Missing { path: path.into() });
        }
        let Some(image) = known.image() else {
            // What is driven as plain bytes is based on nothing.
            let is_raw = said == Some(ImageFormat::Raw) || known.format() == Some(ImageFormat::Raw);
            let why = || {
                fact.map_or(NOT_ASKED, |fact| {
                    fact.why_not().unwrap_or_else(|| fact.get().and_then(|file| file.image().err()).unwrap_or_default())
                })
            };
            return if is_raw { Ok(None) } else { Err(ChainEnd::Unknown { path: path.into(), why: why().into() }) };
        };
        // Driven as plain bytes, whatever its head says.
        if said == Some(ImageFormat::Raw) {
            return Ok(None);
        }
        if let Some(name) = image.data_elsewhere() {
            return Err(ChainEnd::Elsewhere { name: name.to_owned() });
        }
        let Some(backing) = &image.backing else { return Ok(None) };
        match backing.path(path) {
            Some(below) => Ok(Some((below, backing.format))),
            None => Err(ChainEnd::Elsewhere { name: backing.name.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{DomainState, Fact, Provenance};

    fn known<T>(value: T) -> Fact<T> {
        Fact::known(value, Provenance::Command("test".into()), 0)
    }

    fn based(on: Option<&str>) -> ImageHeader {
        let backing = on.map(|name| BackingFile { name: name.into(), format: Some(ImageFormat::Qcow2) });
        ImageHeader { format: ImageFormat::Qcow2, virtual_size: Some(Bytes::gib(1)), backing, ..ImageHeader::default() }
    }

    fn volume(name: &str, on: Option<&str>) -> Volume {
        let image = Some(Box::new(based(on)));
        Volume { name: name.into(), path: format!("/pool/{name}"), image, ..Volume::default() }
    }

    fn file(on: Option<&str>, places: &[&str]) -> Fact<MediaFile> {
        let places = places.iter().map(|place| (*place).to_owned()).collect();
        known(MediaFile { kind: MediaKind::File, image: Some(known(based(on))), places, ..MediaFile::default() })
    }

    fn user(name: &str, disks: Vec<DomainDisk>) -> Domain {
        Domain {
            name: name.into(),
            uuid: String::new(),
            state: DomainState::Inactive,
            autostart: false,
            macs: Vec::new(),
            disks,
            pci: Vec::new(),
            vcpus: 0,
            memory: Bytes(0),
            pinned: crate::units::CpuSet::default(),
            holdings: Vec::new(),
        }
    }

    fn facts(volumes: Vec<Volume>, domains: Vec<Domain>) -> Facts {
        let pool = Pool {
            name: "p".into(),
            kind: "dir".into(),
            active: true,
            path: Some("/pool".into()),
            places: vec!["/data/pool".into(), "/pool".into()],
            volumes: known(volumes),
            ..Pool::default()
        };
        Facts { pools: known(vec![pool]), domains: known(domains), ..Facts::default() }
    }

    fn names<T>(found: &[(String, T)]) -> Vec<&str> {
        found.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn who_is_based_on_whom_is_found_by_any_name() {
        let volumes = vec![volume("b", None), volume("o", Some("b")), volume("p", Some("/data/pool/o"))];
        let facts = facts(volumes, vec![user("vm", vec!["p/p".into()]), user("w", vec!["/data/pool/o".into()])]);
        let images = ImageIndex::of(&facts);
        for path in ["/pool/b", "/data/pool/b"] {
            let found = images.based_on(path);
            assert_eq!(names(&found), ["/data/pool/o", "/data/pool/p"], "{path}");
            let users: Vec<&str> =
                found.iter().flat_map(|(_, users)| users.iter()).map(|(vm, _)| vm.name.as_str()).collect();
            assert_eq!(users, ["w", "vm"]);
        }
        assert!(images.based_on("/pool/p").is_empty());
        assert_eq!(images.users("/pool/o").len(), 1);
    }

    #[test]
    fn of_two_pools_on_one_folder_the_first_counts() {
        let mut facts = facts(vec![volume("b", None)], Vec::new());
        let pools = facts.pools.get_mut().unwrap();
        let second = Pool { name: "second".into(), ..pools[0].clone() };
        pools.push(second);
        let images = ImageIndex::of(&facts);
        assert_eq!(images.at("/pool/b").volume.map(|(pool, _)| pool.name.as_str()), Some("p"));
    }

    #[test]
    fn what_a_running_domain_says_of_its_chain_counts() {
        let disk = DomainDisk { below: vec!["/srv/base".into()], ..DomainDisk::from("/srv/over") };
        let facts = facts(Vec::new(), vec![user("vm", vec![disk])]);
        assert_eq!(names(&ImageIndex::of(&facts).based_on("/srv/base")), ["/srv/over"]);
    }

    fn end(facts: &Facts, path: &str) -> (usize, ChainEnd) {
        let chain = ImageIndex::of(facts).chain(path);
        (chain.links.len(), chain.end)
    }

    #[test]
    fn a_chain_is_followed_to_its_end() {
        let mut facts =
            facts(vec![volume("o", Some("../srv/b")), volume("x", Some("y")), volume("y", Some("x"))], Vec::new());
        let unknown = end(&facts, "/pool/o");
        assert!(matches!(unknown, (2, ChainEnd::Unknown { ref path, .. }) if path == "/pool/../srv/b"), "{unknown:?}");
        facts.files.insert("/pool/../srv/b".into(), file(Some("c"), &["/srv/b"]));
        facts.files.insert("/pool/../srv/c".into(), known(MediaFile::default()));
        assert_eq!(end(&facts, "/pool/o"), (3, ChainEnd::Missing { path: "/pool/../srv/c".into() }));
        facts.files.insert("/pool/../srv/c".into(), file(None, &["/srv/c"]));
        assert_eq!(end(&facts, "/pool/o"), (3, ChainEnd::Whole));
        assert!(matches!(end(&facts, "/pool/x"), (2, ChainEnd::Loop { .. })));
        facts.files.insert("/srv/n".into(), file(Some("nbd://x/y"), &[]));
        assert_eq!(end(&facts, "/srv/n"), (1, ChainEnd::Elsewhere { name: "nbd://x/y".into() }));
        let data = vec!["data.raw".into(), "nbd://x/data".into()];
        let image = Some(Box::new(ImageHeader { data, ..based(None) }));
        facts.pools =
            known(vec![Pool { volumes: known(vec![Volume { image, ..volume("d", None) }]), ..Pool::default() }]);
        assert_eq!(end(&facts, "/pool/d"), (1, ChainEnd::Elsewhere { name: "nbd://x/data".into() }));
    }

    #[test]
    fn a_base_that_is_driven_as_raw_ends_the_chain() {
        let image = ImageHeader {
            backing: Some(BackingFile { name: "/srv/b".into(), format: Some(ImageFormat::Raw) }),
            ..based(None)
        };
        let over = Volume { image: Some(Box::new(image)), ..volume("o", None) };
        let mut facts = facts(vec![over], Vec::new());
        // A guest may have written this head into its raw disk.
        facts.files.insert("/srv/b".into(), file(Some("/etc/shadow"), &[]));
        assert_eq!(end(&facts, "/pool/o"), (2, ChainEnd::Whole));
    }
}
