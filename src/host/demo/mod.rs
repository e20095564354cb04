//! The demo host: a GPU workstation on libvirt's test driver, and what that driver cannot tell of it. Nothing of this
//! machine is read or changed, and no file is written.

mod kernel;
mod record;

use self::record::unreadable;
use super::{HostError, now};
use crate::facts::{
    Bridge, Capabilities, DomainCapabilities, Fact, FactsPart, Iso, Kvm, MediaFile, Memory, PciDevice, Pool, Provenance,
};
use crate::host::Cause;
use crate::units::{Bytes, PciAddress};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{MemfdFlags, memfd_create};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::sync::OnceLock;

/// The URI that is shown; the real one names a file descriptor.
pub(super) const URI: &str = "test:///demo";
/// The pool that stands for one which nobody has started.
pub(super) const INACTIVE_POOL: &str = "archive";

const NODE: &str = include_str!("node.xml");
const RECORD: &str = include_str!("record.json");

/// What the test driver cannot tell.
#[derive(Deserialize)]
pub(super) struct DemoRecord {
    hostname: String,
    memory: Memory,
    kvm: Kvm,
    bridges: Vec<String>,
    network_autostart: Vec<String>,
    domain_autostart: Vec<String>,
    pools: HashMap<String, PoolRecord>,
    files: BTreeMap<String, MediaFile>,
    /// Volume ids of installation media.
    labels: BTreeMap<String, String>,
    capabilities: Capabilities,
    domain_capabilities: Vec<DomainCapabilities>,
    pci: Vec<PciDevice>,
}

/// A pool as its file system would show it without its volumes; the test driver gives each pool 100 GiB.
#[derive(Deserialize)]
struct PoolRecord {
    capacity: Bytes,
    available: Bytes,
    autostart: bool,
}

/// The node file of the test driver, in memory.
pub(super) struct NodeFile(OwnedFd);

impl NodeFile {
    /// Writes it, devices included.
    pub(super) fn new() -> Result<Self, HostError> {
        let failed = |why: String| HostError::new(Cause::Other, format!("The demo host cannot be made: {why}."), "");
        let memory = memfd_create("vmbuild-demo", MemfdFlags::CLOEXEC).map_err(|error| failed(error.to_string()))?;
        let mut file = File::from(memory);
        let text = NODE.replace("</node>", &format!("{}</node>", devices(&DemoRecord::load()?.pci)));
        file.write_all(text.as_bytes()).map_err(|error| failed(error.to_string()))?;
        Ok(Self(file.into()))
    }

    /// The URI that makes the test driver read it; good only in this process.
    pub(super) fn uri(&self) -> String {
        format!("test:///proc/self/fd/{}", self.0.as_raw_fd())
    }
}

impl DemoRecord {
    /// What was compiled in, parsed once.
    pub(super) fn load() -> Result<&'static Self, HostError> {
        static LOADED: OnceLock<Result<DemoRecord, HostError>> = OnceLock::new();
        let parse =
            || serde_json::from_str(RECORD).and_then(serde_json::from_value).map_err(|error| unreadable(&error));
        LOADED.get_or_init(parse).as_ref().map_err(Clone::clone)
    }

    /// Puts the record's facts beside those of the test driver. `running` are the functions that started domains hold.
    pub(super) fn complete(&self, mut part: FactsPart, running: &[PciAddress]) -> FactsPart {
        match &mut part {
            FactsPart::Cpus { .. }
            | FactsPart::Boot { .. }
            | FactsPart::Uses { .. }
            | FactsPart::Roms { .. }
            | FactsPart::Details { .. } => {
                return kernel::part(part.part(), running);
            }
            FactsPart::Host { host, memory, kvm } => {
                if let Some(host) = host.get_mut() {
                    (host.uri, host.hostname) = (URI.into(), self.hostname.clone());
                }
                (*memory, *kvm) = (recorded(self.memory), recorded(self.kvm.clone()));
            }
            FactsPart::Pools(pools) => pools.get_mut().into_iter().flatten().for_each(|pool| self.fill_pool(pool)),
            FactsPart::Networks { networks, bridges } => {
                let names = self.bridges.iter().cloned();
                *bridges = recorded(names.map(|name| Bridge { name, network: None }).collect());
                for network in networks.get_mut().into_iter().flatten() {
                    network.autostart = self.network_autostart.contains(&network.name);
                }
            }
            FactsPart::Domains(domains) => {
                for domain in domains.get_mut().into_iter().flatten() {
                    domain.autostart |= self.domain_autostart.contains(&domain.name);
                }
            }
            FactsPart::Pci { pci, .. } => {
                pci.get_mut().into_iter().flatten().for_each(|device| self.fill_device(device, running));
            }
            FactsPart::Capabilities { capabilities, domain_capabilities } => {
                *capabilities = recorded(self.capabilities.clone());
                *domain_capabilities = recorded(self.domain_capabilities.clone());
            }
            FactsPart::Files(_)
            | FactsPart::Systems(_)
            | FactsPart::Profiles(_)
            | FactsPart::Definitions(_)
            | FactsPart::GuestKinds(_) => {}
        }
        part
    }

    /// A file that is no volume: recorded, a folder of a pool, or missing. The demo's file system is complete.
    pub(super) fn file(&self, path: &str) -> Fact<MediaFile> {
        let mut file = self.files.get(path).cloned().unwrap_or_default();
        file.rom = kernel::rom(path).map(recorded);
        recorded(file)
    }

    /// What a volume says of itself as an installation medium.
    pub(super) fn iso(&self, path: &str) -> Option<Iso> {
        self.labels.get(path).map(|volume| Iso { volume: volume.clone(), ..Iso::default() })
    }

    fn fill_pool(&self, pool: &mut Pool) {
        let Some(known) = self.pools.get(&pool.name) else { return };
        pool.autostart = known.autostart;
        pool.available = Bytes(known.available.0.saturating_sub(pool.allocation.0));
        pool.capacity = known.capacity;
        pool.allocation = Bytes(pool.capacity.0.saturating_sub(pool.available.0));
        if !pool.active {
            (pool.capacity, pool.allocation, pool.available) = (Bytes(0), Bytes(0), Bytes(0));
        }
    }

    /// A started domain's functions sit on vfio-pci, as libvirt would have moved them.
    fn fill_device(&self, device: &mut PciDevice, running: &[PciAddress]) {
        let Some(known) = self.pci.iter().find(|known| known.address == device.address) else { return };
        device.subsystem = known.subsystem;
        device.boot_vga = known.boot_vga;
        device.driver = known.driver.clone();
        if running.contains(&device.address) {
            device.driver = Some("vfio-pci".into());
        }
    }
}

fn recorded<T>(value: T) -> Fact<T> {
    Fact::known(value, Provenance::File("demo".into()), now())
}

/// Node devices for the test driver.
fn devices(pci: &[PciDevice]) -> String {
    let mut text = String::new();
    for device in pci {
        let PciAddress { domain, bus, slot, function } = device.address;
        let name = |name: &Option<String>| escaped(name.as_deref().unwrap_or_default());
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "<device><name>pci_{domain:04x}_{bus:02x}_{slot:02x}_{function:x}</name><parent>computer</parent>\
             <capability type='pci'><class>{:#08x}</class><domain>{domain}</domain><bus>{bus}</bus><slot>{slot}</slot>\
             <function>{function}</function><product id='{:#06x}'>{}</product><vendor id='{:#06x}'>{}</vendor>",
            device.class,
            device.device,
            name(&device.device_name),
            device.vendor,
            name(&device.vendor_name),
        );
        if let Some(group) = device.iommu_group {
            let members = pci.iter().filter(|other| other.iommu_group == Some(group));
            let _ = write!(text, "<iommuGroup number='{group}'>");
            for member in members {
                let PciAddress { domain, bus, slot, function } = member.address;
                let _ = write!(
                    text,
                    "<address domain='{domain:#06x}' bus='{bus:#04x}' slot='{slot:#04x}' function='{function:#x}'/>"
                );
            }
            text.push_str("</iommuGroup>");
        }
        let node = device.numa_node.map(|node| format!("<numa node='{node}'/>")).unwrap_or_default();
        let _ = writeln!(text, "{node}</capability></device>");
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
