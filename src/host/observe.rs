//! Facts of one host, part by part: each from the files of this machine where they are the host's, else from libvirt.

use super::demo::DemoRecord;
use super::libvirt::{Connection, capabilities_kvm, each, node_device_iommu};
use super::osinfo::Osinfo;
use super::remote::{self, Probe};
use super::session::{HostSession, Listeners};
use super::sysfs::{PciNames, bridge, cpu_map, kvm, local, media, memory, topology};
use super::{HostError, Source, Sysroot, now, secret};
use crate::facts::media::local_path;
use crate::facts::{
    Bridge, DomainState, Fact, Facts, FactsPart, GuestKind, ImageHeader, LibvirtNetwork, MediaFile, MediaKind, Part,
    Pool, Provenance, Query, Volume,
};
use crate::units::PciAddress;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Files of a remote host that are looked at together.
const MOST_FILES: usize = 8;
/// Why the kernel's files of another machine tell nothing.
const NOT_HERE: &str = "The files of this host's kernel cannot be read from here.";
/// The same where they could be.
const NOT_PROBED: &str =
    "libvirt does not report this for a remote host; --probe, or P in step PCI, reads it over SSH.";

/// What was found, and why the host did not answer if it did not.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The facts; what could not be read says why.
    pub facts: Facts,
    /// Set where no connection could be made.
    pub unreachable: Option<HostError>,
}

/// Asks a host `queries`, one after another on the calling thread, for a user who came by no session of SSH.
pub fn observe(source: &Source, queries: impl IntoIterator<Item = impl Into<Query>>) -> Observed {
    observe_by(source, None, queries)
}

/// The same for a user who came by the session `ssh`, in the form of SSH_CONNECTION.
pub fn observe_by(source: &Source, ssh: Option<&str>, queries: impl IntoIterator<Item = impl Into<Query>>) -> Observed {
    let observer = Observer::new(source.clone(), ssh.map(str::to_owned), None);
    let asked = Instant::now();
    let mut facts = Facts::default();
    for query in queries {
        facts.absorb(observer.answer_since(&query.into(), asked));
    }
    Observed { facts, unreachable: observer.unreachable(asked) }
}

/// Answers for one host. Shared by threads; each call blocks its own.
pub struct Observer {
    source: Source,
    sysroot: Sysroot,
    /// The session of SSH by which the user came.
    ssh: Option<String>,
    session: HostSession,
    names: Mutex<PciNames>,
    probe: Probe,
    osinfo: Osinfo,
    /// True for who hears of changes: that libvirt's answers are completed later is one.
    hears: bool,
    recorded: Option<Result<Facts, HostError>>,
}

impl Observer {
    /// Nothing is opened yet, except a file of recorded facts. `ssh` is the session by which the user came, in the form of
    /// SSH_CONNECTION.
    pub(super) fn new(source: Source, ssh: Option<String>, listeners: Option<Listeners>) -> Self {
        Self::given_up_by(Arc::default(), source, ssh, listeners)
    }

    /// Asks over a connection that is open already. Setting `given_up` ends what lasts long: the probe by ssh.
    pub fn over(connection: &Connection, source: &Source, ssh: Option<&str>, given_up: &Arc<AtomicBool>) -> Self {
        let session = HostSession::over(connection.clone());
        Self { session, ..Self::given_up_by(given_up.clone(), source.clone(), ssh.map(str::to_owned), None) }
    }

    fn given_up_by(
        given_up: Arc<AtomicBool>,
        source: Source,
        ssh: Option<String>,
        listeners: Option<Listeners>,
    ) -> Self {
        let recorded = match &source {
            Source::Record(file) => Some(super::recorded::load(file)),
            _ => None,
        };
        let hears = listeners.as_ref().is_some_and(|listeners| listeners.on_event.is_some());
        let probe = Probe::new(source.login(), source.is_probed(), given_up);
        let sysroot = source.sysroot();
        // The demo is the same everywhere.
        let osinfo = if source == Source::Demo { Osinfo::none() } else { Osinfo::of(&sysroot) };
        let (session, names) = (HostSession::new(listeners), Mutex::default());
        Self { source, sysroot, ssh, session, names, probe, osinfo, hears, recorded }
    }

    fn is_demo(&self) -> bool {
        self.source == Source::Demo
    }

    /// The answer to one question; blocks until it is there.
    pub fn answer(&self, query: &Query) -> FactsPart {
        self.answer_since(query, Instant::now())
    }

    /// The same for a question that arose at `asked`: of several, only the first waits for a host that is silent.
    pub(super) fn answer_since(&self, query: &Query, asked: Instant) -> FactsPart {
        match query {
            Query::Part(part) => self.part(*part, asked),
            Query::Files(paths) => self.files(paths, asked),
            Query::Profiles(ids) => self.profiles(ids),
            Query::Details(addresses) => self.details(addresses, asked),
            Query::Definition(name) => self.definition(name, asked),
            Query::GuestKinds(kinds) => self.guest_kinds(kinds, asked),
        }
    }

    /// True where `part` is answered without libvirt, so that a silent daemon does not hold it up.
    pub(super) fn is_local(&self, part: Part) -> bool {
        self.recorded.is_some()
            || match part {
                Part::Cpus | Part::Pci | Part::Boot | Part::Uses | Part::Roms | Part::Details => {
                    self.source.reads_sysfs()
                }
                Part::Files => self.source.shares_files(),
                Part::Systems | Part::Profiles => true,
                _ => false,
            }
    }

    /// True where the kernel of this machine knows first what happens to the host's PCI functions.
    pub(super) fn hears_kernel(&self) -> bool {
        self.source.shares_files()
    }

    /// One part. `asked` is when the question arose.
    fn part(&self, part: Part, asked: Instant) -> FactsPart {
        match &self.recorded {
            Some(Ok(facts)) => return super::recorded::part(facts, part),
            Some(Err(error)) => return FactsPart::unknown(part, &error.to_string()),
            None => {}
        }
        let answer = self.read(part, asked);
        if self.is_demo() {
            return self.complete(answer, asked);
        }
        if !remote::COMPLETED.contains(&part) {
            return answer;
        }
        let files = if self.hears { self.probe.known() } else { self.probe.facts() };
        match files {
            Some(Ok(files)) => remote::complete(answer, &files),
            _ => answer,
        }
    }

    /// What the probe alone tells of a remote host.
    fn of_files(&self, part: Part) -> FactsPart {
        match self.probe.facts() {
            Some(Ok(files)) => super::recorded::part(&files, part),
            Some(Err(error)) => FactsPart::unknown(part, &error.to_string()),
            None if self.probe.is_possible() => FactsPart::unknown(part, NOT_PROBED),
            None => FactsPart::unknown(part, NOT_HERE),
        }
    }

    /// The probe of the remote host.
    pub(super) fn probe(&self) -> &Probe {
        &self.probe
    }

    /// True where the probe alone can answer.
    pub(super) fn is_probed(&self, part: Part) -> bool {
        let files = matches!(part, Part::Boot | Part::Uses | Part::Roms | Part::Details);
        files && !self.is_local(part) && self.probe.is_possible()
    }

    fn read(&self, part: Part, asked: Instant) -> FactsPart {
        match part {
            Part::Host => self.host(asked),
            Part::Cpus => self.cpus(asked),
            Part::Pools => FactsPart::Pools(self.pools(asked)),
            Part::Networks => self.networks(asked),
            Part::Domains => FactsPart::Domains(self.ask("virConnectListAllDomains", asked, Connection::domains)),
            Part::Pci => self.pci(asked),
            Part::Boot | Part::Uses | Part::Roms | Part::Details if !self.source.reads_sysfs() => self.of_files(part),
            Part::Boot => local::boot(&self.sysroot),
            Part::Uses => local::uses(&self.sysroot, self.ssh.as_deref()),
            Part::Roms => local::roms(&self.sysroot),
            Part::Details => local::details(&self.sysroot, &[]),
            Part::Capabilities => self.capabilities(asked),
            Part::Systems => FactsPart::Systems(self.osinfo.systems()),
            Part::Files | Part::Profiles | Part::Definitions | Part::GuestKinds => FactsPart::unknown(part, ""),
        }
    }

    /// The files at `paths`.
    fn files(&self, paths: &[String], asked: Instant) -> FactsPart {
        if let Some(recorded) = &self.recorded {
            return super::recorded::files(recorded, paths);
        }
        let files = media::HostFiles::of(&self.sysroot);
        let look = |path: &String| {
            if let Some(own) = local_path(path) {
                return (path.clone(), secret::state(own));
            }
            let fact = if self.source.reads_sysfs() {
                self.local_file(&files, path, asked)
            } else {
                self.remote_file(path, asked)
            };
            (path.clone(), fact.map(|file| self.recognised(file)))
        };
        // Each takes some trips over the network.
        let open = if self.source.shares_files() { 1 } else { MOST_FILES };
        FactsPart::Files(each(open, paths, look).into_iter().collect())
    }

    /// The guest systems `ids`.
    fn profiles(&self, ids: &[String]) -> FactsPart {
        match &self.recorded {
            Some(recorded) => super::recorded::profiles(recorded, ids),
            None => self.osinfo.profiles(ids),
        }
    }

    /// What libvirt keeps of the domain `name`.
    fn definition(&self, name: &str, asked: Instant) -> FactsPart {
        let xml = match &self.recorded {
            Some(Ok(_)) => Fact::unknown(super::recorded::NO_DEFINITIONS),
            Some(Err(error)) => error.fact(),
            None => self.ask("virDomainGetXMLDesc", asked, |connection| connection.definition(name)),
        };
        FactsPart::Definitions([(name.to_owned(), xml)].into())
    }

    /// What QEMU offers for `kinds`. A record holds what it holds.
    fn guest_kinds(&self, kinds: &[GuestKind], asked: Instant) -> FactsPart {
        if self.recorded.is_some() {
            return FactsPart::GuestKinds(Vec::new());
        }
        let told = self.ask("virConnectGetDomainCapabilities", asked, |connection| connection.offered(kinds));
        FactsPart::GuestKinds(told.items().to_vec())
    }

    /// The file with the systems that have such media.
    fn recognised(&self, mut file: MediaFile) -> MediaFile {
        if let Some(iso) = &mut file.iso {
            iso.systems = self.osinfo.recognise(iso);
        }
        file
    }

    /// Details of the PCI functions `addresses`, of all where none is named.
    fn details(&self, addresses: &[PciAddress], asked: Instant) -> FactsPart {
        match &self.recorded {
            Some(Ok(facts)) => super::recorded::part(facts, Part::Details),
            None if self.source.reads_sysfs() => local::details(&self.sysroot, addresses),
            None if self.is_demo() => self.complete(FactsPart::unknown(Part::Details, NOT_HERE), asked),
            _ => self.of_files(Part::Details),
        }
    }

    /// Why there is no connection, if one was tried in vain after `asked`.
    fn unreachable(&self, asked: Instant) -> Option<HostError> {
        match &self.recorded {
            Some(recorded) => recorded.as_ref().err().cloned(),
            None => self.session.failure(asked),
        }
    }

    /// One question to libvirt, as a fact.
    fn ask<T>(&self, call: &str, asked: Instant, question: impl Fn(&Connection) -> Result<T, HostError>) -> Fact<T> {
        match self.session.connection(&self.source, asked).and_then(|connection| question(&connection)) {
            Ok(value) => Fact::known(value, Provenance::Libvirt(call.into()), now()),
            Err(error) => error.fact(),
        }
    }

    /// What the demo's test driver cannot tell.
    fn complete(&self, answer: FactsPart, asked: Instant) -> FactsPart {
        let domains = match &answer {
            FactsPart::Pci { .. } | FactsPart::Details { .. } => {
                self.ask("virConnectListAllDomains", asked, Connection::domains)
            }
            _ => Fact::default(),
        };
        let running = domains.items().iter().filter(|domain| domain.state == DomainState::Active);
        let held: Vec<PciAddress> = running.flat_map(|domain| domain.pci.iter().copied()).collect();
        let mut answer = match DemoRecord::load() {
            Ok(record) => record.complete(answer, &held),
            Err(error) => FactsPart::unknown(answer.part(), &error.to_string()),
        };
        if let FactsPart::Networks { networks, bridges } = &mut answer {
            name_owners(bridges, networks);
        }
        answer
    }

    fn host(&self, asked: Instant) -> FactsPart {
        let local = self.source.shares_files();
        let host = || self.ask("virConnectGetHostname", asked, |connection| connection.host(local));
        if self.source.reads_sysfs() {
            let (memory, kvm) = (memory::read(&self.sysroot), kvm::read(&self.sysroot));
            return FactsPart::Host { host: host(), memory, kvm };
        }
        let memory = || self.ask("virNodeGetFreeMemory", asked, Connection::memory);
        let kvm = |connection: &Connection| connection.capabilities().map(|read| capabilities_kvm(&read));
        let kvm = || self.ask("virConnectGetCapabilities", asked, kvm);
        let (host, (memory, kvm)) = together(host, || together(memory, kvm));
        FactsPart::Host { host, memory, kvm }
    }

    fn cpus(&self, asked: Instant) -> FactsPart {
        if self.source.reads_sysfs() {
            return topology::read(&self.sysroot);
        }
        match self.ask("virConnectGetCapabilities", asked, Connection::topology) {
            Fact::Known { value: (cpus, nodes), source, seen_at } => FactsPart::Cpus {
                cpus: Fact::known(cpus, source.clone(), seen_at),
                nodes: Fact::known(nodes, source, seen_at),
            },
            unknown => FactsPart::unknown(Part::Cpus, unknown.why_not().unwrap_or_default()),
        }
    }

    fn pools(&self, asked: Instant) -> Fact<Vec<Pool>> {
        let shares_files = self.source.shares_files();
        let mut pools = self.ask("virConnectListAllStoragePools", asked, |c| c.pools(shares_files));
        let files = shares_files.then(|| media::HostFiles::of(&self.sysroot));
        for pool in pools.get_mut().into_iter().flatten().filter(|pool| pool.holds_files()) {
            if let (Some(files), Some(path)) = (&files, &pool.path) {
                pool.places = files.places(path);
            }
        }
        pools
    }

    fn networks(&self, asked: Instant) -> FactsPart {
        let networks = || self.ask("virConnectListAllNetworks", asked, Connection::networks);
        let bridges = || {
            if self.source.reads_sysfs() {
                bridge::read(&self.sysroot)
            } else {
                self.ask("virConnectListAllInterfaces", asked, Connection::bridges)
            }
        };
        let (networks, mut bridges) = together(networks, bridges);
        name_owners(&mut bridges, &networks);
        FactsPart::Networks { networks, bridges }
    }

    fn capabilities(&self, asked: Instant) -> FactsPart {
        let mut capabilities = self.ask("virConnectGetCapabilities", asked, Connection::capabilities);
        if let Some(known) = capabilities.get_mut().filter(|_| self.source.reads_sysfs()) {
            known.cpu_map = cpu_map::read(&self.sysroot);
        }
        let domain_capabilities = match capabilities.get() {
            Some(host) => self.ask("virConnectGetDomainCapabilities", asked, |c| c.domain_capabilities(host)),
            None => Fact::unknown(capabilities.why_not().unwrap_or_default()),
        };
        FactsPart::Capabilities { capabilities, domain_capabilities }
    }

    fn pci(&self, asked: Instant) -> FactsPart {
        if self.source.reads_sysfs() {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            return local::pci(&self.sysroot, &mut names);
        }
        let pci = self.ask("virConnectListAllNodeDevices", asked, Connection::pci_devices);
        let iommu = match &pci {
            Fact::Known { value, source, seen_at } => Fact::known(node_device_iommu(value), source.clone(), *seen_at),
            unknown => Fact::unknown(unknown.why_not().unwrap_or_default()),
        };
        FactsPart::Pci { pci, iommu }
    }

    /// Of another machine's files libvirt shows only volumes.
    fn remote_file(&self, path: &str, asked: Instant) -> Fact<MediaFile> {
        let found = self.ask("virStorageVolLookupByPath", asked, |connection| connection.volume_at(path));
        match found {
            Fact::Known { value: Some((volume, kind)), source, seen_at } => {
                let size = volume.capacity;
                let allocation = Some(volume.allocation);
                let mut file = MediaFile { kind, size, allocation, world_readable: true, ..MediaFile::default() };
                if self.is_demo() {
                    file.iso = DemoRecord::load().ok().and_then(|record| record.iso(path));
                    file.image = told(&volume);
                } else if kind != MediaKind::Folder {
                    self.look_into(&mut file, &volume, asked);
                }
                Fact::known(file, source, seen_at)
            }
            Fact::Known { value: None, .. } if self.is_demo() => match DemoRecord::load() {
                Ok(record) => record.file(path),
                Err(error) => error.fact(),
            },
            Fact::Known { value: None, .. } => Fact::unknown(format!(
                "{path} is not a volume of a started pool, and other files of this host cannot be read from here."
            )),
            Fact::Pending => Fact::Pending,
            Fact::Unknown { why } => Fact::Unknown { why },
            Fact::Denied { why } => Fact::Denied { why },
        }
    }

    /// What a volume is: by its bytes, which libvirt hands out; else what libvirt found itself.
    fn look_into(&self, file: &mut MediaFile, volume: &Volume, asked: Instant) {
        match self.ask("virStorageVolDownload", asked, |connection| connection.contents(&volume.path)) {
            Fact::Known { value: (image, iso), source, seen_at } => {
                file.image = Some(Fact::known(image, source, seen_at));
                file.iso = iso;
            }
            Fact::Pending => {}
            Fact::Unknown { why } | Fact::Denied { why } => {
                file.image = Some(told(volume).unwrap_or_else(|| Fact::unknown(why.clone())));
                file.iso_why_not = volume.is_iso().then_some(why);
            }
        }
    }

    /// A file of this machine; of one that this user may not read, libvirt tells what it is where it is a volume.
    fn local_file(&self, files: &media::HostFiles<'_>, path: &str, asked: Instant) -> Fact<MediaFile> {
        let mut found = files.read(path);
        let Some(file) = found.get_mut() else { return found };
        let is_refused = file.image.as_ref().is_some_and(|image| matches!(image, Fact::Denied { .. }));
        if is_refused && self.source.shares_files() {
            let volume = self.ask("virStorageVolLookupByPath", asked, |connection| connection.volume_at(path));
            if let Fact::Known { value: Some((volume, _)), .. } = volume {
                self.look_into(file, &volume, asked);
            }
        }
        found
    }
}

/// What libvirt itself found a volume to be.
fn told(volume: &Volume) -> Option<Fact<ImageHeader>> {
    let image = volume.image.as_deref().cloned()?;
    Some(Fact::known(image, Provenance::Libvirt("virStorageVolGetXMLDesc".into()), now()))
}

/// Two questions at a time: over a network each takes as long as the other.
fn together<T: Send, O>(one: impl FnOnce() -> Fact<T> + Send, other: impl FnOnce() -> O) -> (Fact<T>, O) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap_or_else(|_| Fact::unknown("the thread that asked has ended")), other)
    })
}

/// A bridge belongs to the network that made it; one that a network merely joins stands by itself.
fn name_owners(bridges: &mut Fact<Vec<Bridge>>, networks: &Fact<Vec<LibvirtNetwork>>) {
    let makes = |network: &&LibvirtNetwork| network.forward.as_deref() != Some("bridge");
    for bridge in bridges.get_mut().into_iter().flatten() {
        let mut owners = networks.items().iter().filter(makes);
        let owner = owners.find(|network| network.bridge.as_deref() == Some(&bridge.name));
        bridge.network = owner.map(|network| network.name.clone());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_probe_runs_for_the_parts_that_it_adds_to() {
        let connection = Connection::open(&Source::at("test:///default")).unwrap();
        // Nobody listens there.
        let mut source = Source::at("qemu+ssh://127.0.0.1:1/system?no_verify=1");
        source.agree_to_probe();
        let observer = Observer::over(&connection, &source, None, &Arc::default());
        for part in [Part::Pools, Part::Domains, Part::Capabilities, Part::Systems] {
            observer.part(part, Instant::now());
            assert!(observer.probe.known().is_none(), "{part:?}");
        }
        observer.part(Part::Networks, Instant::now());
        assert!(observer.probe.known().is_some_and(|found| found.is_err()));
    }
}
