//! PCI functions of a host whose sysfs cannot be read: from libvirt's node devices.

use super::Connection;
use super::error::calling;
use super::xml;
use crate::facts::pci_details::HeaderType;
use crate::facts::{Iommu, PciClass, PciDevice};
use crate::host::HostError;
use crate::host::sysfs::pci::empty;
use crate::units::PciAddress;
use std::collections::BTreeSet;
use virt::sys;

impl Connection {
    /// All PCI functions in address order. Subsystem ids and the boot display are not told this way.
    pub fn pci_devices(&self) -> Result<Vec<PciDevice>, HostError> {
        let flags = sys::VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV;
        let listed = self.inner().list_all_node_devices(flags).map_err(|e| calling("list the host's devices", &e))?;
        let told = self.each(&listed, |device| device.xml_desc(0).ok().and_then(|text| read(&text)));
        let mut devices: Vec<_> = told.into_iter().flatten().collect();
        devices.sort_unstable_by_key(|device| device.address);
        Ok(devices)
    }

    /// The driver that holds a function now.
    pub fn pci_driver(&self, address: PciAddress) -> Result<Option<String>, HostError> {
        let PciAddress { domain, bus, slot, function } = address;
        let name = format!("pci_{domain:04x}_{bus:02x}_{slot:02x}_{function:x}");
        let failed = |error| calling(&format!("look at device {address}"), &error);
        let device = self.inner().lookup_node_device_by_name(&name).map_err(failed)?;
        Ok(read(&device.xml_desc(0).map_err(failed)?).and_then(|device| device.driver))
    }
}

/// The state of the IOMMU as its groups tell.
pub(crate) fn iommu(devices: &[PciDevice]) -> Iommu {
    let groups: BTreeSet<_> = devices.iter().filter_map(|device| device.iommu_group).collect();
    match u32::try_from(groups.len()).unwrap_or(u32::MAX) {
        0 => Iommu::Off {
            cause: "libvirt reports no IOMMU group on this host; the cause cannot be read from here.".into(),
            remedy:
                "Let vmbuild read the host's files over ssh (--probe), or run 'vmbuild pci' on the host itself: there \
                     the cause is found."
                    .into(),
        },
        groups => Iommu::On { groups },
    }
}

fn read(text: &str) -> Option<PciDevice> {
    let document = xml::parse("node device", text).ok()?;
    let root = document.root_element();
    let pci = xml::children(root, "capability").find(|node| node.attribute("type") == Some("pci"))?;
    let number = |name| xml::text(pci, &[name]).and_then(|text| xml::number(&text));
    let byte = |name| number(name).and_then(|n| u8::try_from(n).ok());
    let address =
        PciAddress { domain: number("domain")?, bus: byte("bus")?, slot: byte("slot")?, function: byte("function")? };
    let id = |name| xml::attribute(pci, &[name], "id").and_then(|text| u16::try_from(xml::number(&text)?).ok());
    let device = PciDevice {
        vendor_name: xml::text(pci, &["vendor"]),
        device_name: xml::text(pci, &["product"]),
        driver: xml::text(root, &["driver", "name"]),
        iommu_group: xml::attribute(pci, &["iommuGroup"], "number").and_then(|text| text.parse().ok()),
        numa_node: xml::attribute(pci, &["numa"], "node").and_then(|text| text.parse().ok()),
        ..empty(address, number("class").unwrap_or(0), id("vendor")?, id("product")?)
    };
    // As where sysfs is read: what the class says needs no header.
    let header = header(pci).filter(|_| device.kind() != PciClass::Bridge);
    Some(PciDevice { header, ..device })
}

/// libvirt marks what has a bridge's header, and has nothing to say of others.
fn header(pci: roxmltree::Node) -> Option<HeaderType> {
    let parts: Vec<&str> = xml::children(pci, "capability").filter_map(|part| part.attribute("type")).collect();
    match parts.as_slice() {
        parts if parts.contains(&"pci-bridge") => Some(HeaderType::Bridge),
        parts if parts.contains(&"cardbus-bridge") => Some(HeaderType::CardBus),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_node_device_gives_the_same_facts_as_sysfs() {
        let text = "<device><name>pci_0000_41_00_0</name><driver><name>nvidia</name></driver><capability type='pci'>
            <class>0x030000</class><domain>0</domain><bus>65</bus><slot>0</slot><function>0</function>
            <product id='0x2704'>AD103</product><vendor id='0x10de'>NVIDIA</vendor>
            <iommuGroup number='16'><address domain='0x0000' bus='0x41' slot='0x00' function='0x0'/></iommuGroup>
            <numa node='1'/></capability></device>";
        let device = read(text).unwrap();
        assert_eq!(device.address.short(), "41:00.0");
        assert_eq!((device.class, device.ids().as_str()), (0x03_0000, "10de:2704"));
        assert_eq!(
            (device.driver.as_deref(), device.iommu_group, device.numa_node),
            (Some("nvidia"), Some(16), Some(1))
        );
        assert_eq!(iommu(&[device]), Iommu::On { groups: 1 });
    }

    #[test]
    fn a_header_is_told_where_the_class_does_not_show_it() {
        let header = |class: &str, capability: &str| {
            let text = format!(
                "<device><capability type='pci'><class>{class}</class><domain>0</domain><bus>0</bus><slot>2</slot>
                <function>0</function><product id='0x1'/><vendor id='0x2'/><capability type='{capability}'/>
                </capability></device>"
            );
            read(&text).unwrap().header
        };
        assert_eq!(header("0x060400", "pci-bridge"), None, "a root port");
        assert_eq!(header("0x060700", "cardbus-bridge"), None);
        assert_eq!(header("0x068000", "pci-bridge"), Some(HeaderType::Bridge));
        assert_eq!(header("0x068000", "pci-express"), None, "an NVSwitch");
    }
}
