//! What libvirt and QEMU can do: the capabilities document, and domain capabilities per machine type.

use super::Connection;
use super::error::calling;
use super::xml;
use crate::facts::{Capabilities, DomainCapabilities, GuestArch, GuestKind, Kvm};
use crate::host::HostError;
use roxmltree::Node;
use std::collections::BTreeMap;

/// The machine types that vmbuild writes, its default first.
const MACHINES: [&str; 2] = ["q35", "pc"];

impl Connection {
    /// Of the host.
    pub fn capabilities(&self) -> Result<Capabilities, HostError> {
        let text = self.inner().capabilities().map_err(|error| calling("read the host's capabilities", &error))?;
        read_capabilities(&text)
    }

    /// Of QEMU for x86_64, per machine type and domain type. Takes seconds where QEMU was never probed since its update.
    pub fn domain_capabilities(&self, host: &Capabilities) -> Result<Vec<DomainCapabilities>, HostError> {
        let x86 = host.guests.iter().find(|guest| guest.arch == "x86_64");
        let offered = |kind: &str| x86.is_some_and(|guest| guest.domain_types.iter().any(|offered| offered == kind));
        let types: Vec<_> = ["kvm", "qemu"].into_iter().filter(|kind| offered(kind)).collect();
        let kind = |machine: &str, domain_type: &str| GuestKind {
            arch: "x86_64".into(),
            machine: machine.into(),
            domain_type: domain_type.into(),
        };
        let all = MACHINES.iter().flat_map(|machine| types.iter().map(move |domain_type| kind(machine, domain_type)));
        self.offered(&all.collect::<Vec<_>>())
    }

    /// Of QEMU for these kinds of guests. Takes seconds for an architecture that was never asked about.
    pub fn offered(&self, kinds: &[GuestKind]) -> Result<Vec<DomainCapabilities>, HostError> {
        let told = self.each(kinds, |GuestKind { arch, machine, domain_type }| {
            match self.inner().domain_capabilities(None, Some(arch), Some(machine), Some(domain_type), 0) {
                Ok(text) => Some(read_domain_capabilities(&text)),
                // A QEMU without this machine type, or a driver without the call: the list is shorter.
                Err(error) => {
                    tracing::debug!(arch, machine, domain_type, %error, "no domain capabilities");
                    None
                }
            }
        });
        told.into_iter().flatten().collect()
    }
}

/// Whether KVM runs guests, as the capabilities tell of a host whose files cannot be read.
pub(crate) fn kvm(capabilities: &Capabilities) -> Kvm {
    let offered = capabilities.guests.iter().any(|guest| guest.domain_types.iter().any(|kind| kind == "kvm"));
    if offered { Kvm::Usable } else { Kvm::Absent { why: "libvirt offers no domain of type kvm on this host.".into() } }
}

fn read_capabilities(text: &str) -> Result<Capabilities, HostError> {
    let document = xml::parse("capabilities", text)?;
    let root = document.root_element();
    let Some(host) = xml::child(root, "host") else { return Ok(Capabilities::default()) };
    let cpus = host.descendants().filter(|node| node.has_tag_name("cpu") && node.has_attribute("id")).count();
    let models = xml::children(host, "secmodel").filter_map(|model| xml::text(model, &["model"]));
    Ok(Capabilities {
        arch: xml::text(host, &["cpu", "arch"]).unwrap_or_default(),
        cpu_model: xml::text(host, &["cpu", "model"]),
        cpu_vendor: xml::text(host, &["cpu", "vendor"]),
        cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
        physical_address_bits: xml::attribute(host, &["cpu", "maxphysaddr"], "bits").and_then(|bits| bits.parse().ok()),
        iommu: xml::attribute(host, &["iommu"], "support").map(|support| support == "yes"),
        security_models: models.filter(|model| model != "none").collect(),
        guests: xml::children(root, "guest").filter_map(guest).collect(),
        cpu_map: BTreeMap::new(),
    })
}

/// One `<guest>`; other kinds than fully virtual ones are of no use here.
fn guest(guest: Node<'_, '_>) -> Option<GuestArch> {
    let arch = xml::child(guest, "arch")?;
    (xml::text(guest, &["os_type"])? == "hvm").then_some(())?;
    let mut machines: Vec<String> = Vec::new();
    for node in arch.descendants().filter(|node| node.has_tag_name("machine")) {
        machines.extend(node.text().map(|name| name.trim().to_owned()).filter(|name| !machines.contains(name)));
    }
    let kinds = xml::children(arch, "domain").filter_map(|kind| kind.attribute("type").map(str::to_owned));
    Some(GuestArch { arch: arch.attribute("name")?.to_owned(), domain_types: kinds.collect(), machines })
}

fn read_domain_capabilities(text: &str) -> Result<DomainCapabilities, HostError> {
    let document = xml::parse("domain capabilities", text)?;
    let root = document.root_element();
    let word = |name| xml::text(root, &[name]).unwrap_or_default();
    let listed = |path: &[&str], name| enumeration(xml::at(root, path), name);
    let max_vcpus = xml::attribute(root, &["vcpu"], "max").and_then(|max| max.parse().ok());
    let tpm = xml::at(root, &["devices", "tpm"]).filter(|tpm| is_supported(*tpm));
    Ok(DomainCapabilities {
        domain_type: word("domain"),
        arch: word("arch"),
        machine: word("machine"),
        max_vcpus,
        firmware: told_enumeration(xml::child(root, "os"), "firmware"),
        secure_boot: secure_boot(root),
        tpm_backends: enumeration(tpm, "backendModel"),
        tpm_models: enumeration(tpm, "model"),
        graphics: listed(&["devices", "graphics"], "type"),
        video_models: listed(&["devices", "video"], "modelType"),
        disk_buses: listed(&["devices", "disk"], "bus"),
        pci_backends: listed(&["devices", "hostdev"], "pciBackend"),
        cpu_models: cpu_models(root),
        cpu_modes: cpu_modes(root),
        max_memory: None,
    })
}

/// libvirt says that a firmware with Secure Boot is installed by allowing `secure='yes'` in the loader element.
fn secure_boot(root: Node<'_, '_>) -> Option<bool> {
    let loader = xml::at(root, &["os", "loader"])?;
    Some(enumeration(Some(loader), "secure").iter().any(|value| value == "yes"))
}

fn cpu_modes(root: Node<'_, '_>) -> Vec<String> {
    let modes = xml::child(root, "cpu").into_iter().flat_map(|cpu| xml::children(cpu, "mode"));
    modes.filter(|mode| is_supported(*mode)).filter_map(|mode| mode.attribute("name").map(str::to_owned)).collect()
}

/// The models of the mode custom. libvirt says `unknown` where it cannot tell, which forbids nothing.
fn cpu_models(root: Node<'_, '_>) -> BTreeMap<String, bool> {
    let modes = xml::child(root, "cpu").into_iter().flat_map(|cpu| xml::children(cpu, "mode"));
    let listed =
        modes.filter(|mode| mode.attribute("name") == Some("custom")).flat_map(|mode| xml::children(mode, "model"));
    listed
        .filter_map(|model| Some((model.text()?.trim().to_owned(), model.attribute("usable") != Some("no"))))
        .collect()
}

fn is_supported(node: Node<'_, '_>) -> bool {
    node.attribute("supported") != Some("no")
}

/// The values of `<enum name='...'>`; none where there is no such element.
fn enumeration(node: Option<Node<'_, '_>>, name: &str) -> Vec<String> {
    told_enumeration(node, name).unwrap_or_default()
}

/// The same, `None` where there is no such element: an empty one says that there is nothing.
fn told_enumeration(node: Option<Node<'_, '_>>, name: &str) -> Option<Vec<String>> {
    let found = xml::children(node?, "enum").find(|node| node.attribute("name") == Some(name))?;
    let values = xml::children(found, "value").filter_map(|value| value.text());
    Some(values.map(|text| text.trim().to_owned()).collect())
}
