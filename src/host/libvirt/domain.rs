//! The other domains: what each holds that a new VM could clash with.

use super::Connection;
use super::error::{calling, unreadable};
use super::xml;
use crate::domain::holdings;
use crate::facts::{Domain, DomainDisk, DomainState, ImageFormat};
use crate::host::HostError;
use crate::units::{CpuSet, PciAddress};
use roxmltree::Node;
use std::collections::HashSet;
use virt::domain::Domain as Handle;
use virt::sys;

impl Connection {
    /// All domains, by name.
    pub fn domains(&self) -> Result<Vec<Domain>, HostError> {
        let list = |flags| self.inner().list_all_domains(flags).map_err(|error| calling("list domains", &error));
        let ids = |domains: &[Handle]| domains.iter().filter_map(|it| it.uuid_string().ok()).collect::<HashSet<_>>();
        let [active, autostart, all] =
            self.lists([sys::VIR_CONNECT_LIST_DOMAINS_ACTIVE, sys::VIR_CONNECT_LIST_DOMAINS_AUTOSTART, 0], list)?;
        let (active, autostart) = (ids(&active), ids(&autostart));
        // One that vanished since the list was made is no domain.
        let told = self.each(&all, |domain| domain.xml_desc(0).ok().map(|text| read(&text)));
        let mut domains = told.into_iter().flatten().collect::<Result<Vec<_>, _>>()?;
        for domain in &mut domains {
            domain.autostart = autostart.contains(&domain.uuid);
            if active.contains(&domain.uuid) {
                domain.state = DomainState::Active;
            }
        }
        domains.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(domains)
    }

    /// The XML of a domain as the next start takes it: not what it runs with, and without its passwords.
    pub fn definition(&self, name: &str) -> Result<String, HostError> {
        let domain = self.inner().lookup_domain_by_name(name);
        let xml = domain.and_then(|domain| domain.xml_desc(sys::VIR_DOMAIN_XML_INACTIVE));
        xml.map_err(|error| calling(&format!("read the XML of domain {name}"), &error))
    }
}

/// A domain as its XML tells; inactive and without autostart, which the XML does not tell.
fn read(text: &str) -> Result<Domain, HostError> {
    let document = xml::parse("domain", text)?;
    let root = document.root_element();
    let devices: Vec<_> = xml::child(root, "devices").into_iter().flat_map(|devices| devices.children()).collect();
    let of_kind = |name: &'static str| devices.iter().copied().filter(move |node| node.has_tag_name(name));
    let tree = crate::domain::parse(text).map_err(|error| unreadable("domain", &error.to_string()))?;
    let mac = |interface| xml::attribute(interface, &["mac"], "address").map(|mac| mac.to_lowercase());
    Ok(Domain {
        name: xml::text(root, &["name"]).unwrap_or_default(),
        uuid: xml::text(root, &["uuid"]).unwrap_or_default(),
        state: DomainState::Inactive,
        autostart: false,
        macs: of_kind("interface").filter_map(mac).collect(),
        disks: of_kind("disk").filter_map(disk).collect(),
        pci: devices.iter().copied().filter_map(host_function).collect(),
        vcpus: xml::text(root, &["vcpu"]).and_then(|count| count.parse().ok()).unwrap_or(0),
        memory: xml::amount(root, &["memory"]).unwrap_or_default(),
        pinned: pinned(root),
        holdings: holdings(&tree).into_iter().map(|(holding, _)| holding).collect(),
    })
}

/// The host CPUs of all `<vcpupin>`; one that cannot be read pins nothing.
fn pinned(root: Node<'_, '_>) -> CpuSet {
    let pins = xml::child(root, "cputune").into_iter().flat_map(|tune| xml::children(tune, "vcpupin"));
    let sets = pins.filter_map(|pin| pin.attribute("cpuset")?.parse().ok());
    sets.fold(CpuSet::default(), |all, set| all.with(&set))
}

/// More images below one another libvirt does not take.
const DEEPEST: usize = 200;

/// A disk with the images below it, which libvirt tells of a domain that runs.
fn disk(disk: Node<'_, '_>) -> Option<DomainDisk> {
    let mut below = Vec::new();
    let mut node = disk;
    while let Some(store) = xml::child(node, "backingStore").filter(|_| below.len() < DEEPEST) {
        below.extend(source(store));
        node = store;
    }
    Some(DomainDisk {
        source: source(disk)?,
        format: xml::attribute(disk, &["driver"], "type").and_then(|format| ImageFormat::of(&format)),
        readonly: xml::child(disk, "readonly").is_some() || disk.attribute("device") == Some("cdrom"),
        below,
    })
}

/// The path of an image, or `pool/volume`.
fn source(image: Node<'_, '_>) -> Option<String> {
    let source = xml::child(image, "source")?;
    if let (Some(pool), Some(volume)) = (source.attribute("pool"), source.attribute("volume")) {
        return Some(format!("{pool}/{volume}"));
    }
    let path = ["file", "dev", "dir", "name"].into_iter().find_map(|name| source.attribute(name))?;
    Some(path.to_owned())
}

/// The host function that a device takes: hostdev, interface and NVMe disk name it in the same way.
fn host_function(device: Node<'_, '_>) -> Option<PciAddress> {
    let takes = match device.tag_name().name() {
        "hostdev" => device.attribute("type") == Some("pci"),
        "interface" => device.attribute("type") == Some("hostdev"),
        "disk" => device.attribute("type") == Some("nvme"),
        _ => false,
    };
    let address = takes.then(|| xml::at(device, &["source", "address"])).flatten()?;
    xml::pci_address(address)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::Holding;
    use crate::units::Bytes;

    #[test]
    fn every_way_to_take_a_host_function_is_seen() {
        let text = "<domain><name>a</name><uuid>u</uuid><memory unit='KiB'>2097152</memory><vcpu>2</vcpu>
            <cputune><vcpupin vcpu='0' cpuset='2'/><vcpupin vcpu='1' cpuset='4-5'/></cputune><devices>
            <disk type='file'><driver name='qemu' type='qcow2'/><source file='/p/a.qcow2'/><readonly/>
              <backingStore type='file'><format type='qcow2'/><source file='/p/b'/>
                <backingStore type='file'><source file='/p/c'/><backingStore/></backingStore></backingStore></disk>
            <disk type='volume'><source pool='fast' volume='b.raw'/></disk>
            <disk type='nvme'><source type='pci' namespace='1'><address domain='0x0000' bus='0x03' slot='0x00' function='0x0'/></source></disk>
            <interface type='network'><mac address='52:54:00:AA:00:01'/></interface>
            <interface type='hostdev'><source><address type='pci' domain='0x0000' bus='0x06' slot='0x02' function='0x1'/></source></interface>
            <hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>
              <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/></hostdev>
            <hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>
            <shmem name='looking-glass-a'/>
        </devices></domain>";
        let domain = read(text).unwrap();
        let taken: Vec<_> = domain.pci.iter().map(|address| address.short()).collect();
        assert_eq!(taken, ["03:00.0", "06:02.1", "01:00.0"]);
        let over = DomainDisk {
            format: Some(ImageFormat::Qcow2),
            readonly: true,
            below: vec!["/p/b".into(), "/p/c".into()],
            ..DomainDisk::from("/p/a.qcow2")
        };
        assert_eq!(domain.disks, [over, DomainDisk::from("fast/b.raw")]);
        assert_eq!(domain.holdings, [Holding::Usb(1, 2), Holding::SharedMemory("looking-glass-a".into())]);
        assert_eq!(domain.macs, ["52:54:00:aa:00:01"]);
        assert_eq!((domain.vcpus, domain.memory, domain.pinned.to_string()), (2, Bytes::gib(2), "2,4-5".into()));
    }
}
