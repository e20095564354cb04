//! The host functions that a domain takes: those that were asked for, and those that its XML names all the same.

use crate::domain::Element;
use crate::domain::identity::pci_address;
use crate::engine::Reviewed;
use crate::facts::Facts;
use crate::machine::Machine;
use crate::units::PciAddress;

/// Host functions of a domain, in the order of the XML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TakenFunctions {
    /// Those that the guest sees.
    pub(super) passed: Vec<PciAddress>,
    /// Those that are only kept from the host.
    pub(super) held: Vec<PciAddress>,
}

impl TakenFunctions {
    /// Those of `machine`, and those that custom XML adds in the `domain` made from it.
    pub(super) fn of(machine: &Machine, domain: Option<&Element>) -> Self {
        let mut taken = Self::default();
        machine.passed().for_each(|address| taken.put(address, false));
        machine.held.iter().for_each(|function| taken.put(function.host, true));
        if let Some(domain) = domain {
            taken.read(domain);
        }
        taken
    }

    fn put(&mut self, address: PciAddress, held: bool) {
        if !self.passed.contains(&address) && !self.held.contains(&address) {
            if held { self.held.push(address) } else { self.passed.push(address) }
        }
    }

    fn read(&mut self, domain: &Element) {
        let devices = domain.find("devices").into_iter().flat_map(Element::elements);
        for device in devices.filter(|device| takes_host_function(device)) {
            let Some(address) = device.find("source").and_then(|source| source.find("address")).and_then(pci_address)
            else {
                continue;
            };
            let held = device.find("address").is_some_and(|guest| guest.attribute("type") == Some("unassigned"));
            self.put(address, held);
        }
    }

    /// True where there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.passed.is_empty() && self.held.is_empty()
    }

    /// What is known of them; of those that nobody has seen, nothing.
    pub(super) fn reviewed(&self, facts: &Facts) -> Vec<Reviewed> {
        let all = facts.pci.items();
        let known = self.passed.iter().chain(&self.held).filter_map(|address| {
            let device = all.iter().find(|device| device.address == *address)?;
            let mates =
                all.iter().filter(|other| other.iommu_group.is_some() && other.iommu_group == device.iommu_group);
            let companions = mates.map(|mate| mate.address).filter(|mate| mate != address).collect();
            Some(Reviewed {
                address: *address,
                ids: device.ids(),
                subsystem: device.subsystem,
                label: device.label(),
                group: device.iommu_group,
                companions,
            })
        });
        known.collect()
    }
}

/// hostdev, interface and NVMe disk name a host function in the same way.
fn takes_host_function(device: &Element) -> bool {
    match device.name.as_ref() {
        "hostdev" => device.attribute("type") == Some("pci"),
        "interface" => device.attribute("type") == Some("hostdev"),
        "disk" => device.attribute("type") == Some("nvme"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::parse;

    #[test]
    fn passed_and_held_functions_are_told_apart_wherever_they_are_named() {
        let address =
            |bus, function| format!("<address domain='0x0000' bus='{bus}' slot='0x00' function='{function}'/>");
        let xml = format!(
            "<domain><devices><hostdev type='pci'><source>{}</source><address type='pci' bus='0x09'/></hostdev>\
             <hostdev type='pci'><source>{}</source><address type='unassigned'/></hostdev>\
             <hostdev type='usb'><source><address bus='1' device='2'/></source></hostdev>\
             <interface type='hostdev'><source>{}</source></interface></devices></domain>",
            address("0x01", "0x0"),
            address("2", "1"),
            address("0x41", "0x3"),
        );
        let mut taken = TakenFunctions::default();
        taken.read(&parse(&xml).unwrap());
        let short = |list: &[PciAddress]| list.iter().map(|address| address.short()).collect::<Vec<_>>();
        assert_eq!(
            (short(&taken.passed), short(&taken.held)),
            (vec!["01:00.0".into(), "41:00.3".into()], vec!["02:00.1".into()])
        );
        assert!(TakenFunctions::default().is_empty());
    }
}
