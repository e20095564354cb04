//! Guests larger than a node of the host, or with cards on several: which of their virtual CPUs run on which node, so that the
//! guest can be shown these nodes as its own.

use super::proposal::{self, Proposal, Wish};
use crate::facts::{Facts, LogicalCpu, PciClass};
use crate::spec::Spec;
use crate::units::{CpuSet, PciAddress};
use std::collections::{BTreeMap, BTreeSet};

/// The proposal, with the nodes that the guest should see: its virtual CPUs by node of the host.
pub(super) fn propose(spec: &Spec, facts: &Facts, wish: &Wish) -> Result<(Proposal, Vec<(CpuSet, u32)>), String> {
    let cpus = facts.cpus.items();
    let whole = proposal::propose(wish, cpus);
    if !is_open(spec, facts, wish) {
        return whole.map(|proposal| (proposal, Vec::new()));
    }
    let used = whole.as_ref().map(|proposal| per_node(proposal, cpus)).unwrap_or_default();
    let of_cards = card_nodes(spec, facts);
    let even = if of_cards.len() > 1 { &of_cards } else { &used.keys().copied().collect() };
    if even.len() < 2 {
        return whole.map(|proposal| (proposal, Vec::new()));
    }
    let count = wish.nodes.len();
    // In equal parts; else as many on each node as there was room for.
    for parts in [shares(count, even), used.into_iter().collect()] {
        if parts.len() < 2 {
            continue;
        }
        let nodes: Vec<Option<u32>> =
            parts.iter().flat_map(|(node, part)| std::iter::repeat_n(Some(*node), *part)).collect();
        if let Ok(proposal) = proposal::propose(&Wish { nodes, near: None, ..wish.clone() }, cpus) {
            return Ok((proposal, cells(&parts)));
        }
    }
    whole.map(|proposal| (proposal, Vec::new()))
}

/// True where the spec leaves it to us what the guest sees, and there is something to choose.
fn is_open(spec: &Spec, facts: &Facts, wish: &Wish) -> bool {
    let numa = spec.numa.as_ref();
    let asked = numa.is_some_and(|numa| numa.cells.is_some() || numa.nodes.is_some());
    let all = spec.max_vcpus.unwrap_or(0).max(spec.vcpus.unwrap_or(0));
    let by_hand = usize::try_from(all).ok() != Some(wish.nodes.len());
    facts.nodes.items().len() > 1 && !asked && !by_hand && spec.memory.is_some() && spec.max_memory.is_none()
}

/// How many virtual CPUs a proposal has on each node.
fn per_node(proposal: &Proposal, cpus: &[LogicalCpu]) -> BTreeMap<u32, usize> {
    let mut nodes = BTreeMap::new();
    for line in &proposal.vcpus {
        let node = cpus.iter().find(|cpu| line.cpus.contains(cpu.number)).and_then(|cpu| cpu.node);
        *nodes.entry(node.unwrap_or(0)).or_default() += 1;
    }
    nodes
}

/// The nodes of passed cards whose traffic counts.
fn card_nodes(spec: &Spec, facts: &Facts) -> BTreeSet<u32> {
    let passed = spec.pci_devices.iter().flatten().filter(|device| !device.is_held());
    let addresses = passed.filter_map(|device| device.host_address.as_deref()?.parse::<PciAddress>().ok());
    let device = |address: PciAddress| facts.pci.items().iter().find(|device| device.address == address);
    let heavy = addresses
        .filter_map(device)
        .filter(|device| device.computes() || matches!(device.kind(), PciClass::Nvme | PciClass::Nic));
    heavy.filter_map(|device| device.numa_node).collect()
}

/// As equal as they come out in pairs, the larger ones first; none where a node would have no virtual CPU.
fn shares(count: usize, nodes: &BTreeSet<u32>) -> Vec<(u32, usize)> {
    let unit = if count >= 2 * nodes.len() { 2 } else { 1 };
    let units = count.div_ceil(unit);
    if units < nodes.len() {
        return Vec::new();
    }
    let (each, more) = (units / nodes.len(), units % nodes.len());
    let mut left = count;
    let part = |(at, node): (usize, &u32)| {
        let part = ((each + usize::from(at < more)) * unit).min(left);
        left -= part;
        (*node, part)
    };
    nodes.iter().enumerate().map(part).collect()
}

fn cells(parts: &[(u32, usize)]) -> Vec<(CpuSet, u32)> {
    let mut next = 0;
    let mut cell = |(node, part): &(u32, usize)| {
        let end = next + u32::try_from(*part).unwrap_or(0);
        let own = (next..end).collect();
        next = end;
        (own, *node)
    };
    parts.iter().map(&mut cell).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parts_are_as_equal_as_pairs_allow() {
        let nodes: BTreeSet<u32> = [0, 1].into();
        assert_eq!(shares(8, &nodes), [(0, 4), (1, 4)]);
        assert_eq!((shares(10, &nodes), shares(7, &nodes)), (vec![(0, 6), (1, 4)], vec![(0, 4), (1, 3)]));
        assert_eq!((shares(2, &nodes), shares(3, &nodes)), (vec![(0, 1), (1, 1)], vec![(0, 2), (1, 1)]));
        assert_eq!((shares(5, &nodes), shares(1, &nodes)), (vec![(0, 4), (1, 1)], vec![]));
        let cells = cells(&shares(10, &nodes));
        let told: Vec<_> = cells.iter().map(|(own, node)| (own.to_string(), *node)).collect();
        assert_eq!(told, [("0-5".into(), 0), ("6-9".into(), 1)]);
    }
}
