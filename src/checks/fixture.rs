//! A host and a spec for the tests of checks, and how they say what they expect.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::{Accepted, Allowed, Finding, LeftBuild, Report, Severity, Wording, report_on};
use crate::engine::{self, Thing};
use crate::facts::{
    Bridge, Capabilities, Domain, DomainCapabilities, DomainState, Fact, Facts, GuestArch, Host, Iommu, Kvm,
    LibvirtNetwork, MediaFile, MediaKind, Memory, PciDevice, Pool, Provenance, Version, Volume,
};
use crate::machine::{machine, resolve};
use crate::spec::{StackError, Stacked};
use crate::units::{Bytes, CpuSet, GIB};
use serde_json::{Value, json};

/// A spec on a host.
#[derive(Clone)]
pub(super) struct Asked {
    spec: Value,
    facts: Facts,
    stack_error: Option<StackError>,
    starting: bool,
    left: Vec<LeftBuild>,
}

/// One finding, with its place as text.
#[derive(Debug)]
pub(super) struct Said {
    severity: Severity,
    pub(super) place: String,
    pub(super) message: String,
    pub(super) remedy: String,
}

impl Said {
    fn is(self, severity: Severity) -> Self {
        assert_eq!(self.severity, severity, "{self:?}");
        self
    }

    pub(super) fn blocker(self) -> Self {
        self.is(Severity::Blocker)
    }

    pub(super) fn warning(self) -> Self {
        self.is(Severity::Warning)
    }

    pub(super) fn info(self) -> Self {
        self.is(Severity::Info)
    }
}

impl Asked {
    /// A plain VM that nothing is wrong with.
    pub(super) fn good() -> Self {
        let spec = json!({
            "name": "gpu-ws-01",
            "memory": 4096,
            "vcpus": 4,
            "storage": {"default_pool": "fast-nvme", "disks": [{"action": "create", "size": 20}]},
        });
        Self { spec, facts: facts(), stack_error: None, starting: false, left: Vec::new() }
    }

    /// The same with some fields set; `null` removes a field, `storage` is merged field by field.
    pub(super) fn with(patch: Value) -> Self {
        let mut asked = Self::good();
        merge(&mut asked.spec, patch);
        asked
    }

    /// Sets some more fields.
    pub(super) fn patch(&mut self, patch: Value) {
        merge(&mut self.spec, patch);
    }

    /// The same with one field set.
    pub(super) fn set(field: &str, value: Value) -> Self {
        let mut patch = json!({});
        patch[field] = value;
        Self::with(patch)
    }

    /// The same with these disks.
    pub(super) fn disks(disks: Value) -> Self {
        let mut storage = json!({});
        storage["disks"] = disks;
        Self::set("storage", storage)
    }

    /// The same with these host functions passed.
    pub(super) fn pass(addresses: &[&str]) -> Self {
        let rows: Vec<Value> = addresses.iter().map(|address| json!({"host_address": address})).collect();
        Self::with(json!({"pci_devices": rows}))
    }

    /// The same on a changed host.
    pub(super) fn facts(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.facts);
        self
    }

    /// The same on a host with one more domain.
    pub(super) fn beside(self, domain: Domain) -> Self {
        self.facts(|facts| facts.domains.get_mut().unwrap().push(domain))
    }

    /// The same with every pool changed.
    pub(super) fn pools(self, change: impl FnMut(&mut Pool)) -> Self {
        self.facts(|facts| facts.pools.get_mut().unwrap().iter_mut().for_each(change))
    }

    /// The same with a QEMU that offers something else.
    pub(super) fn offering(self, change: impl FnMut(&mut DomainCapabilities)) -> Self {
        self.facts(|facts| facts.domain_capabilities.get_mut().unwrap().iter_mut().for_each(change))
    }

    /// The same with every PCI device changed.
    pub(super) fn devices(self, change: impl FnMut(&mut PciDevice)) -> Self {
        self.facts(|facts| facts.pci.get_mut().unwrap().iter_mut().for_each(change))
    }

    /// The same on a host where somebody looked at `path`.
    pub(super) fn known_file(self, path: &str, file: MediaFile) -> Self {
        self.facts(|facts| drop(facts.files.insert(path.into(), known(file))))
    }

    /// The same where a template is not part of the spec, for this reason.
    pub(super) fn lacking_template(mut self, error: StackError) -> Self {
        self.stack_error = Some(error);
        self
    }

    /// The same where the VM is started at the end.
    pub(super) fn starting(self) -> Self {
        Self { starting: true, ..self }
    }

    pub(super) fn report(&self) -> Report {
        self.report_allowing(&Allowed::default())
    }

    /// The same beside an interrupted build that may have left this.
    pub(super) fn left_by(mut self, id: &str, thing: Thing) -> Self {
        self.left.push(LeftBuild { id: id.into(), things: vec![thing] });
        self
    }

    /// The report where these devices are given up.
    pub(super) fn report_allowing(&self, allowed: &Allowed) -> Report {
        let spec = resolve(&serde_json::from_value(self.spec.clone()).unwrap(), &self.facts);
        let machine = machine(&spec, &self.facts);
        let stacked = Stacked { error: self.stack_error.clone(), ..spec.into() };
        let permitted = (allowed, self.left.as_slice());
        report_on(engine::usual(), &Accepted::NOTHING, &stacked, &self.facts, &machine, permitted, self.starting)
    }

    fn findings(&self, code: &str) -> (Vec<Finding>, bool) {
        assert!(super::explain(code).is_some(), "there is no check {code}");
        let report = self.report();
        let passed = report.passed.contains(&code);
        (report.findings.into_iter().filter(|finding| finding.code() == code).collect(), passed)
    }

    /// The first thing that the check says, unknowns apart.
    pub(super) fn said(&self, code: &str) -> Said {
        let (findings, _) = self.findings(code);
        let found = findings.into_iter().find(|finding| finding.severity() != Severity::Unknown);
        let found = found.unwrap_or_else(|| panic!("{code} says nothing"));
        Said {
            severity: found.severity(),
            place: found.place().to_string(),
            message: found.message(Wording::Full),
            remedy: found.remedy(Wording::Full),
        }
    }

    fn says(&self, severity: Severity, code: &str, place: &str, message: &str) -> &Self {
        let (findings, _) = self.findings(code);
        let fits = |finding: &Finding| {
            finding.severity() == severity
                && finding.place().to_string() == place
                && finding.message(Wording::Full) == message
        };
        assert!(findings.iter().any(fits), "{code}: {findings:#?}");
        self
    }

    /// The check blocks here, in these words.
    pub(super) fn blocks(&self, code: &str, place: &str, message: &str) -> &Self {
        self.says(Severity::Blocker, code, place, message)
    }

    /// The check warns here, in these words.
    pub(super) fn warns(&self, code: &str, place: &str, message: &str) -> &Self {
        self.says(Severity::Warning, code, place, message)
    }

    /// The check could not judge, and is not counted as passed.
    pub(super) fn unknown(&self, code: &str) -> &Self {
        let (findings, passed) = self.findings(code);
        let said = findings.iter().any(|finding| finding.severity() == Severity::Unknown);
        assert!(said && !passed, "{code}: {findings:#?}");
        self
    }

    /// The check looked and found nothing.
    pub(super) fn passes(&self, code: &str) -> &Self {
        let (findings, passed) = self.findings(code);
        assert!(findings.is_empty() && passed, "{code}: passed: {passed}, {findings:#?}");
        self
    }

    /// The check has nothing to look at.
    pub(super) fn quiet(&self, code: &str) -> &Self {
        let (findings, passed) = self.findings(code);
        assert!(findings.is_empty() && !passed, "{code}: passed: {passed}, {findings:#?}");
        self
    }
}

fn merge(spec: &mut Value, patch: Value) {
    let (Some(spec), Value::Object(patch)) = (spec.as_object_mut(), patch) else { panic!("a spec is an object") };
    for (key, value) in patch {
        match (key.as_str(), value) {
            (_, Value::Null) => drop(spec.remove(&key)),
            ("storage", value @ Value::Object(_)) => merge(spec.get_mut("storage").unwrap(), value),
            (_, value) => drop(spec.insert(key, value)),
        }
    }
}

pub(super) fn known<T>(value: T) -> Fact<T> {
    Fact::known(value, Provenance::Command("test".into()), 0)
}

/// A file that everybody may read.
pub(super) fn file() -> MediaFile {
    MediaFile { kind: MediaKind::File, size: Bytes::mib(64), world_readable: true, ..MediaFile::default() }
}

/// A domain that is defined and holds nothing.
pub(super) fn domain(name: &str) -> Domain {
    Domain {
        name: name.into(),
        uuid: "0d7d3f7e-0000-4000-8000-000000000001".into(),
        state: DomainState::Inactive,
        autostart: false,
        macs: Vec::new(),
        disks: Vec::new(),
        pci: Vec::new(),
        vcpus: 0,
        memory: Bytes(0),
        pinned: CpuSet::default(),
        holdings: Vec::new(),
    }
}

/// A GPU workstation: two graphics cards, one of them the host's own; an NVMe drive and a NIC that share a group.
pub(super) fn facts() -> Facts {
    Facts {
        host: known(host()),
        memory: known(Memory { total: Bytes::gib(64), free: Bytes::gib(48) }),
        kvm: known(Kvm::Usable),
        capabilities: known(capabilities()),
        domain_capabilities: known(vec![offered("pc-q35-10.0", 288), offered("pc-i440fx-10.0", 255)]),
        pools: known(pools()),
        networks: known(vec![network("default", true), network("lab", false)]),
        bridges: known(vec![Bridge { name: "br0".into(), network: None }]),
        domains: known(vec![domain("web")]),
        pci: known(devices()),
        iommu: known(Iommu::On { groups: 34 }),
        ..Facts::default()
    }
}

/// This machine's own system connection.
pub(super) fn host() -> Host {
    let version = Version { major: 11, minor: 3, release: 0 };
    Host {
        uri: "qemu:///system".into(),
        hostname: "hv03".into(),
        libvirt: version,
        driver: "QEMU".into(),
        hypervisor: version,
        local: true,
    }
}

fn capabilities() -> Capabilities {
    let machines = ["q35", "pc", "pc-q35-10.0", "pc-i440fx-10.0"].map(String::from).into();
    let guest = GuestArch { arch: "x86_64".into(), domain_types: vec!["kvm".into(), "qemu".into()], machines };
    Capabilities { arch: "x86_64".into(), cpus: 24, guests: vec![guest], ..Capabilities::default() }
}

fn offered(machine: &str, max_vcpus: u32) -> DomainCapabilities {
    DomainCapabilities {
        domain_type: "kvm".into(),
        arch: "x86_64".into(),
        machine: machine.into(),
        max_vcpus: Some(max_vcpus),
        firmware: Some(vec!["bios".into(), "efi".into()]),
        secure_boot: Some(true),
        tpm_backends: vec!["emulator".into()],
        graphics: vec!["vnc".into()],
        pci_backends: vec!["vfio".into()],
        ..DomainCapabilities::default()
    }
}

fn network(name: &str, active: bool) -> LibvirtNetwork {
    let (interfaces, virtual_port) = (Vec::new(), None);
    let (bridge, forward) = (None, Some("nat".into()));
    LibvirtNetwork { name: name.into(), active, autostart: active, bridge, forward, interfaces, virtual_port }
}

fn pools() -> Vec<Pool> {
    let images = vec![
        volume("/pools/fast-nvme", "old-vda.qcow2", 40, 12, "qcow2"),
        volume("/pools/fast-nvme", "ubuntu.iso", 5, 5, "iso"),
    ];
    vec![
        pool("fast-nvme", "dir", "/pools/fast-nvme", (2000, 1239), images),
        pool("bulk", "dir", "/pools/bulk", (10_000, 8000), Vec::new()),
        pool("vg0", "logical", "/dev/vg0", (200, 100), vec![volume("/dev/vg0", "data", 100, 100, "raw")]),
    ]
}

fn pool(name: &str, kind: &str, path: &str, (capacity, available): (u64, u64), volumes: Vec<Volume>) -> Pool {
    Pool {
        name: name.into(),
        uuid: String::new(),
        kind: kind.into(),
        active: true,
        autostart: true,
        path: Some(path.into()),
        capacity: Bytes::gib(capacity),
        allocation: Bytes::gib(capacity - available),
        available: Bytes::gib(available),
        volumes: known(volumes),
        ..Pool::default()
    }
}

fn volume(folder: &str, name: &str, capacity: u64, allocation: u64, format: &str) -> Volume {
    Volume {
        name: name.into(),
        path: format!("{folder}/{name}"),
        capacity: Bytes(capacity * GIB),
        allocation: Bytes(allocation * GIB),
        format: Some(format.into()),
        ..Volume::default()
    }
}

fn devices() -> Vec<PciDevice> {
    vec![
        device("00:01.0", 0x06_04_00, "Intel", "PCIe Root Port", "pcieport", 14),
        device("00:1f.3", 0x04_03_00, "Intel", "HD Audio", "snd_hda_intel", 9),
        device("00:1f.4", 0x0c_05_00, "Intel", "SMBus", "i801_smbus", 8),
        device("01:00.0", 0x03_00_00, "NVIDIA", "AD103 RTX 4080", "nvidia", 14),
        device("01:00.1", 0x04_03_00, "NVIDIA", "AD103 HD Audio", "snd_hda_intel", 14),
        PciDevice { boot_vga: Some(true), ..device("02:00.0", 0x03_00_00, "AMD", "Navi 23", "amdgpu", 15) },
        device("03:00.0", 0x01_08_02, "Samsung", "990 PRO", "nvme", 17),
        device("04:00.0", 0x02_00_00, "Intel", "I225-V", "igc", 17),
    ]
}

fn device(address: &str, class: u32, vendor: &str, name: &str, driver: &str, group: u32) -> PciDevice {
    PciDevice {
        address: address.parse().unwrap(),
        class,
        vendor: 0x10de,
        device: 0x2704,
        subsystem: None,
        vendor_name: Some(vendor.into()),
        device_name: Some(name.into()),
        driver: Some(driver.into()),
        iommu_group: Some(group),
        numa_node: None,
        boot_vga: (class >> 16 == 3).then_some(false),
        header: None,
    }
}
