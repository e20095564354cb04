//! Which files of the host a machine names, so that whoever observes knows where to look.

use super::share::{Share, VIRTIOFSD};
use super::{Disk, DiskOrigin, Location, Machine};
use crate::facts::{ChainEnd, Facts, ImageIndex, media};
use crate::spec::devices::TpmBackend;
use crate::spec::host_paths::{Named, host_paths};
use crate::spec::{DiskDevice, Spec};
use std::collections::HashSet;

/// Of other images that may be based on one of the machine, no more are asked for one by one.
const MOST_OTHERS: usize = 64;

/// Absolute paths, each once, in the order of the machine: what it names itself; then what its images are
/// based on, as far as that is known, and other VMs' images that may be based on one that is written to. Last are files of
/// this machine, by [`media::local`].
pub fn files(spec: &Spec, machine: &Machine, facts: &Facts) -> Vec<String> {
    let mut files = of_machine(spec, machine);
    files.related(machine, facts);
    let passwords = machine.consoles.iter().filter_map(|console| console.password_file.as_deref());
    let passwords = passwords.chain(machine.seed_password.as_deref());
    files.list.into_iter().chain(passwords.filter(|path| path.starts_with('/')).map(media::local)).collect()
}

/// Absolute paths of what the guest comes to read or write, each once: what the machine names, and what
/// its images are based on.
pub fn used(spec: &Spec, machine: &Machine, facts: &Facts) -> Vec<String> {
    let mut files = of_machine(spec, machine);
    files.beneath(&sources(machine), &ImageIndex::of(facts));
    files.list
}

/// The image at `path`, what it is based on, and their data files, each once.
pub fn of_image(path: &str, images: &ImageIndex<'_>) -> Vec<String> {
    let mut files = Paths::default();
    files.beneath(&[path], images);
    files.list
}

/// Absolute paths that a machine names, each once: images that are attached or copied, the places of new ones (a pool that
/// was not refreshed does not list what is there), kernels and their RAM disks, video BIOS files, devices, folders that the
/// guest mounts and the program that serves them, UEFI variables, and what `custom_xml` names.
fn of_machine(spec: &Spec, machine: &Machine) -> Paths {
    let mut files = Paths::default();
    let images = machine.disks.iter().flat_map(images).chain(direct(machine));
    images.filter_map(Location::path).for_each(|path| files.add(path));
    let functions = machine.slots.iter().flat_map(|slot| &slot.functions);
    functions.filter_map(|function| function.rom_file.as_deref()).for_each(|path| files.add(path));
    let tpm = machine.tpm.value && machine.devices.tpm.backend == TpmBackend::Passthrough;
    let devices = machine.devices.evdev.iter().map(String::as_str);
    devices.chain(tpm.then_some(machine.devices.tpm.path.as_str())).for_each(|path| files.add(path));
    machine.shares.iter().for_each(|share| files.add(&share.path));
    if machine.shares.iter().any(Share::is_virtiofs) {
        for path in VIRTIOFSD {
            files.add(path);
        }
    }
    machine.nvram.iter().for_each(|path| files.add(path));
    machine.nvram.iter().for_each(|path| files.add(parent(path)));
    machine.devices.looking_glass.iter().for_each(|memory| files.add(&memory.path()));
    for named in spec.custom_xml.as_deref().map(host_paths).into_iter().flatten() {
        if let Named::Path(path) = named.named {
            files.add(&path);
        }
    }
    files
}

/// The folder that a path is in.
pub fn parent(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}

/// The image of a disk, and the one that it is copied from.
fn images(disk: &Disk) -> impl Iterator<Item = &Location> {
    let (at, from) = match &disk.origin {
        DiskOrigin::New { at, .. } | DiskOrigin::Seed { at } => (Some(at), None),
        DiskOrigin::Clone { at, from, .. } => (Some(at), from.as_ref()),
        DiskOrigin::Existing(at) => (at.as_ref(), None),
        DiskOrigin::Drive { .. } => (None, None),
    };
    at.into_iter().chain(from)
}

fn direct(machine: &Machine) -> impl Iterator<Item = &Location> {
    machine.direct_boot.iter().flat_map(|boot| boot.kernel.iter().chain(&boot.initrd))
}

/// The images that the disks read.
fn sources(machine: &Machine) -> Vec<&str> {
    machine.disks.iter().filter_map(source).collect()
}

/// The image that a disk reads: attached, or copied from.
fn source(disk: &Disk) -> Option<&str> {
    match &disk.origin {
        DiskOrigin::Existing(at) => at.as_ref()?.path(),
        DiskOrigin::Clone { from, .. } => from.as_ref()?.path(),
        DiskOrigin::New { .. } | DiskOrigin::Seed { .. } | DiskOrigin::Drive { .. } => None,
    }
}

/// True where the guest can change an image that was there before.
pub fn writes_existing(disk: &Disk) -> bool {
    matches!(disk.origin, DiskOrigin::Existing(Some(_))) && !disk.readonly && disk.device == DiskDevice::Disk
}

/// Absolute paths, each once.
#[derive(Default)]
struct Paths {
    list: Vec<String>,
    known: HashSet<String>,
}

impl Paths {
    fn add(&mut self, path: &str) {
        if path.starts_with('/') && self.known.insert(path.to_owned()) {
            self.list.push(path.to_owned());
        }
    }

    /// The images at `paths`, what they are based on, and their data files.
    fn beneath(&mut self, paths: &[&str], images: &ImageIndex<'_>) {
        for path in paths {
            let chain = images.chain(path);
            for link in &chain.links {
                self.add(&link.path);
                let data = images.at(&link.path).image().map(|image| image.data_paths(&link.path));
                data.into_iter().flatten().for_each(|path| self.add(&path));
            }
            if let ChainEnd::Missing { path } | ChainEnd::Unknown { path, .. } = &chain.end {
                self.add(path);
            }
        }
    }

    /// What the machine's images are based on, and what may be based on them.
    fn related(&mut self, machine: &Machine, facts: &Facts) {
        let sources = sources(machine);
        if sources.is_empty() {
            return;
        }
        let images = ImageIndex::of(facts);
        self.beneath(&sources, &images);
        if machine.disks.iter().any(writes_existing) {
            self.others(facts, &images);
        }
    }

    /// Other images that may be based on one of the machine: of domains, then of pools. Which ones is decided by what the
    /// pools list, so that no answer makes room for more questions.
    fn others(&mut self, facts: &Facts, images: &ImageIndex) {
        let disks = facts.domains.items().iter().flat_map(|domain| &domain.disks).filter(|disk| !disk.readonly);
        let pools = facts.pools.items().iter().filter(|pool| pool.holds_files());
        let volumes = pools.flat_map(|pool| pool.volumes.items()).filter(|volume| !volume.is_folder());
        let all = disks.map(|disk| disk.source.as_str()).chain(volumes.map(|volume| volume.path.as_str()));
        let listed = |path: &str| images.at(path).volume.and_then(|(_, volume)| volume.packing()).is_some();
        let mut seen = HashSet::new();
        let unlisted = all.filter(|path| path.starts_with('/') && !listed(path) && seen.insert(*path));
        let most = unlisted.take(MOST_OTHERS);
        most.filter(|path| images.at(path).format().is_none()).for_each(|path| self.add(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{
        Domain, DomainDisk, DomainState, Fact, ImageFormat, ImageHeader, MediaFile, Pool, Provenance, Volume,
    };
    use crate::units::{Bytes, CpuSet};
    use serde_json::{Value, json};

    fn known<T>(value: T) -> Fact<T> {
        Fact::known(value, Provenance::Command("test".into()), 0)
    }

    fn asked(spec: Value, facts: &Facts) -> Vec<String> {
        let spec: Spec = serde_json::from_value(spec).unwrap_or_default();
        files(&spec, &super::super::machine(&spec, facts), facts)
    }

    #[test]
    fn every_named_file_is_listed_once() {
        let spec = json!({
            "name": "a",
            "boot": { "kernel": "/boot/vmlinuz", "initrd": "/boot/initrd" },
            "storage": { "boot_iso": "/iso/a.iso", "disks": [
                { "action": "attach", "path": "/img/a.qcow2" },
                { "action": "clone", "clone_from": "/img/a.qcow2" }
            ]},
            "pci_devices": [{ "host_address": "01:00.0", "rom_file": "/rom/a.rom" }, { "rom_file": "relative.rom" }]
        });
        let files = asked(spec, &Facts::default());
        assert_eq!(files, ["/img/a.qcow2", "/iso/a.iso", "/boot/vmlinuz", "/boot/initrd", "/rom/a.rom"]);
    }

    fn attached() -> Value {
        json!({ "storage": { "disks": [{ "action": "attach", "path": "/img/own" }] } })
    }

    #[test]
    fn answers_make_no_room_for_more_questions() {
        let volume = |at| Volume { name: format!("v{at}"), path: format!("/pool/v{at}"), ..Volume::default() };
        let volumes = known((0..500).map(volume).collect());
        let pools = known(vec![Pool { name: "p".into(), kind: "dir".into(), volumes, ..Pool::default() }]);
        let mut facts = Facts { pools, ..Facts::default() };
        let first = asked(attached(), &facts);
        assert_eq!(first.len(), 1 + MOST_OTHERS);
        for path in first {
            let image = ImageHeader { format: ImageFormat::Qcow2, ..ImageHeader::default() };
            facts.files.insert(path, known(MediaFile { image: Some(known(image)), ..MediaFile::default() }));
        }
        assert_eq!(asked(attached(), &facts), ["/img/own"]);
    }

    #[test]
    fn images_of_many_domains_are_within_the_limit() {
        let domain = |at: usize| Domain {
            name: format!("vm{at}"),
            uuid: String::new(),
            state: DomainState::Inactive,
            autostart: false,
            macs: Vec::new(),
            disks: vec![DomainDisk { source: format!("/img/{at}"), ..DomainDisk::default() }],
            pci: Vec::new(),
            vcpus: 0,
            memory: Bytes(0),
            pinned: CpuSet::default(),
            holdings: Vec::new(),
        };
        let facts = Facts { domains: known((0..500).map(domain).collect()), ..Facts::default() };
        assert_eq!(asked(attached(), &facts).len(), 1 + MOST_OTHERS);
    }
}
