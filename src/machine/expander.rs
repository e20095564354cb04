//! PCI buses of the guest's NUMA nodes: a card below one of them is seen to be near to that node's memory and CPUs.

use super::memory::Cell;
use super::{Chipset, Choice};
use crate::facts::{Facts, PciDevice};
use crate::spec::{Place, Spec, filled};
use crate::units::PciAddress;
use std::collections::{BTreeMap, BTreeSet};

/// A PCI Express expander bus: a root of its own beside that of the machine, on one node of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expander {
    /// Index of its controller, lower than those of the ports below.
    pub index: u8,
    /// Its number as the guest's firmware sees it; the ports below take the numbers after it.
    pub number: u8,
    /// Number of the guest's node.
    pub cell: Choice<u32>,
    /// Node of the host that it stands for.
    pub node: u32,
    /// Ports below it, by index of their controllers, which is the guest bus of the card behind.
    pub ports: Vec<u8>,
}

/// First index for them: libvirt's own ports sit below, the cards' ports above.
const FIRST_INDEX: u8 = 0x09;
/// First of the numbers that they share; those before are for the machine's own buses.
const FIRST_NUMBER: usize = 128;

/// The node of the host that a function is on; `None` where the machine does not say.
pub(super) fn node(facts: &Facts, address: PciAddress) -> Option<u32> {
    let named = |device: &&PciDevice| device.address == address;
    facts.pci.items().iter().find(named)?.numa_node
}

/// The buses, without their ports: one for each node of the guest whose node of the host has passed cards. None where
/// the guest sees one node or none, where all nodes stand for one, without PCI Express, and where the spec says so.
pub(super) fn expanders(spec: &Spec, facts: &Facts, chipset: Chipset, cells: &[Cell]) -> Vec<Expander> {
    let asked = spec.numa.as_ref().and_then(|numa| numa.expander_buses);
    let stand_for: BTreeSet<u32> = cells.iter().filter_map(|cell| cell.node).collect();
    if asked == Some(false) || chipset != Chipset::Q35 || stand_for.len() < 2 {
        return Vec::new();
    }
    let mut cards: BTreeMap<u32, BTreeSet<PciAddress>> = BTreeMap::new();
    let mut buses: BTreeSet<u8> = BTreeSet::new();
    for row in spec.pci_devices.iter().flatten().filter(|row| !row.is_held()) {
        let host = filled(row.host_address.as_deref()).and_then(|text| text.parse::<PciAddress>().ok());
        if let Some((host, node)) = host.and_then(|host| Some((host, node(facts, host)?))) {
            cards.entry(node).or_default().insert(host.with_function(0));
        }
        let guest = filled(row.guest_address.as_deref()).and_then(|text| text.parse::<PciAddress>().ok());
        buses.extend(guest.map(|guest| guest.bus));
    }
    let near = (0u32..).zip(cells).filter_map(|(number, cell)| Some((number, cell.node?)));
    let mut seen = BTreeSet::new();
    let near: Vec<(u32, u32)> = near.filter(|(_, node)| cards.contains_key(node) && seen.insert(*node)).collect();
    let span = FIRST_NUMBER / near.len().next_power_of_two().max(1);
    let free = (FIRST_INDEX..=u8::MAX).filter(|index| !buses.contains(index));
    let build = |((number, (cell, node)), index): ((usize, (u32, u32)), u8)| {
        let cell = match asked {
            Some(_) => Choice::asked(cell, Place::root().key("numa").key("expander_buses")),
            None => Choice::default(cell, why(cards.get(&node), node)),
        };
        let number = u8::try_from(FIRST_NUMBER + number * span).ok()?;
        Some(Expander { index, number, cell, node, ports: Vec::new() })
    };
    near.into_iter().enumerate().zip(free).filter_map(build).collect()
}

fn why(cards: Option<&BTreeSet<PciAddress>>, node: u32) -> String {
    let names: Vec<String> = cards.into_iter().flatten().map(|card| card.short()).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb} on node {node} of the host", names.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{Fact, Provenance};
    use crate::machine::{Machine, machine};
    use serde_json::{Value, json};

    /// A machine with cards on nodes, given as `address@node`, and cells that stand for nodes.
    fn built(cards: &[&str], nodes: &[u32], change: &Value) -> Machine {
        let device = |text: &&str| {
            let (address, node) = text.split_once('@').unwrap();
            PciDevice {
                address: address.parse().unwrap(),
                class: 0x03_02_00,
                vendor: 0x10de,
                device: 0x1db4,
                subsystem: None,
                vendor_name: None,
                device_name: None,
                driver: None,
                iommu_group: Some(1),
                numa_node: node.parse().ok(),
                boot_vga: None,
                header: None,
            }
        };
        let pci: Vec<PciDevice> = cards.iter().map(device).collect();
        let rows: Vec<Value> = pci.iter().map(|known| json!({"host_address": known.address.to_string()})).collect();
        let cell = |node: &u32| json!({"vcpus": node.to_string(), "memory": "1 GiB", "node": node});
        let mut spec = json!({"memory": "2 GiB", "vcpus": 2, "machine": "q35", "pci_devices": rows,
            "numa": {"cells": nodes.iter().map(cell).collect::<Vec<_>>()}});
        for (key, value) in change.as_object().unwrap() {
            spec.pointer_mut(key).map(|known| *known = value.clone()).unwrap();
        }
        let facts = Facts { pci: Fact::known(pci, Provenance::Command("test".into()), 0), ..Facts::default() };
        machine(&serde_json::from_value(spec).unwrap(), &facts)
    }

    fn buses(machine: &Machine) -> Vec<(u8, u8, u32, Vec<u8>)> {
        machine.expanders.iter().map(|bus| (bus.index, bus.number, bus.cell.value, bus.ports.clone())).collect()
    }

    #[test]
    fn each_node_with_cards_has_a_bus_and_the_cards_ports_come_after_it() {
        let machine = built(&["27:00.0@0", "28:00.0@0", "c3:00.0@1"], &[0, 1], &json!({}));
        assert_eq!(buses(&machine), [(9, 128, 0, vec![11, 12]), (10, 192, 1, vec![13])]);
        assert_eq!(machine.expanders[0].cell.why(), Some("27:00.0, 28:00.0 are on node 0 of the host"));
        let one = built(&["c3:00.0@1"], &[0, 1], &json!({}));
        assert_eq!(buses(&one), [(9, 128, 1, vec![10])], "a card of one node is near to that one");
    }

    #[test]
    fn there_is_none_where_the_guest_cannot_tell() {
        let cards = ["27:00.0@0", "c3:00.0@1"];
        for (nodes, change) in [
            (&[0][..], json!({})),
            (&[1, 1], json!({})),
            (&[0, 1], json!({"/machine": "pc"})),
            (&[0, 1], json!({"/numa": {"cells": []}})),
        ] {
            assert_eq!(buses(&built(&cards, nodes, &change)), [], "{nodes:?} {change}");
        }
        assert_eq!(buses(&built(&["27:00.0@none"], &[0, 1], &json!({}))), [], "a node that is not told");
    }
}
