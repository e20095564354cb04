//! Memory beside its amount: room to grow, huge pages, nodes of the host, nodes of the guest.

use super::{Choice, Pinning, Reason, Share};
use crate::facts::Facts;
use crate::spec::{HotplugKind, NumaMode, Place, ShareDriver, Spec, filled};
use crate::units::{Bytes, CpuSet, GIB, MIB};

/// What backs the memory, and where it lies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backing {
    /// Size of the huge pages; `None` for usual pages.
    pub page: Option<Choice<Bytes>>,
    /// Never swapped out.
    pub locked: bool,
    /// Shared with other processes; `None` where it is not.
    pub shared: Option<Reason>,
    /// Most memory the running guest can have, with the way it grows; `None` where it does not.
    pub growth: Option<Growth>,
    /// Nodes of the host, and how binding they are; `None` leaves them to the kernel.
    pub policy: Option<Choice<(NumaMode, CpuSet)>>,
    /// Nodes of the guest; empty where it sees none.
    pub cells: Vec<Cell>,
}

/// Room to grow.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// Most memory.
    pub most: Bytes,
    /// By what.
    pub by: Choice<HotplugKind>,
    /// Slots for DIMMs; `None` with virtio-mem, which needs none.
    pub slots: Option<Choice<u32>>,
}

/// A node of the guest.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Its virtual CPUs.
    pub vcpus: CpuSet,
    /// Its memory.
    pub memory: Bytes,
    /// Node of the host that it stands for.
    pub node: Option<u32>,
    /// Size of its huge pages, where it differs.
    pub page: Option<Bytes>,
    /// The field that made it.
    pub place: Place,
}

/// A page size as the spec writes it; `None` for what is none, `auto` among it.
pub fn page_size(text: &str) -> Option<Bytes> {
    text.parse().ok().filter(|size: &Bytes| size.0 > 0)
}

pub(super) fn backing(
    spec: &Spec,
    facts: &Facts,
    memory: Option<Bytes>,
    pinning: &Pinning,
    shares: &[Share],
) -> Backing {
    let asked = spec.memory_backing.clone().unwrap_or_default();
    let growth = growth(spec, memory);
    Backing {
        page: filled(asked.hugepages.as_deref()).and_then(|text| page(text, facts, memory)),
        locked: asked.locked.unwrap_or(false),
        shared: shared(asked.shared, shares),
        policy: policy(spec, facts, memory, pinning),
        cells: cells(spec, memory, growth.is_some(), pinning),
        growth,
    }
}

/// virtiofsd reads and writes the guest's memory, so it has to be shared.
fn shared(asked: Option<bool>, shares: &[Share]) -> Option<Reason> {
    let virtiofs = shares.iter().any(|share| share.driver.value == ShareDriver::Virtiofs);
    match (asked, virtiofs) {
        (Some(true), _) => Some(Reason::Asked(Place::root().key("memory_backing").key("shared"))),
        (None, true) => Some(Reason::Default("virtiofs needs it".into())),
        _ => None,
    }
}

fn page(text: &str, facts: &Facts, memory: Option<Bytes>) -> Option<Choice<Bytes>> {
    let place = Place::root().key("memory_backing").key("hugepages");
    if text != "auto" {
        return page_size(text).map(|size| Choice::asked(size, place));
    }
    let memory = memory?;
    let free = |size: Bytes| -> u64 {
        facts
            .nodes
            .items()
            .iter()
            .filter_map(|node| node.pages(size))
            .map(|pages| pages.free.unwrap_or(pages.total))
            .sum()
    };
    let fits = |size: u64| memory.0.is_multiple_of(size) && free(Bytes(size)) >= memory.0 / size;
    Some(if fits(GIB) {
        Choice::default(Bytes(GIB), "the host has enough free pages of 1 GiB")
    } else {
        Choice::default(Bytes(2 * MIB), "pages of 1 GiB do not fit or are not free")
    })
}

fn growth(spec: &Spec, memory: Option<Bytes>) -> Option<Growth> {
    let most = spec.max_memory.as_ref()?.bytes().ok()?;
    let asked = spec.memory_hotplug.clone().unwrap_or_default();
    let place = |field: &str| Place::root().key("memory_hotplug").key(field);
    let by = match asked.by {
        Some(by) => Choice::asked(by, place("by")),
        None => Choice::default(HotplugKind::Dimm, "every guest supports DIMMs"),
    };
    let slots = (by.value == HotplugKind::Dimm).then(|| match asked.slots {
        Some(slots) => Choice::asked(slots, place("slots")),
        None => Choice::default(16, "room for 16 additions"),
    });
    (memory.is_some_and(|memory| most > memory)).then_some(Growth { most, by, slots })
}

/// Hot-plugged memory belongs to a node of the guest, so a guest that can grow sees one.
fn cells(spec: &Spec, memory: Option<Bytes>, grows: bool, pinning: &Pinning) -> Vec<Cell> {
    let list = Place::root().key("numa").key("cells");
    let rows = spec.numa.as_ref().and_then(|numa| numa.cells.as_deref()).unwrap_or_default();
    let asked: Vec<Cell> = rows
        .iter()
        .enumerate()
        .filter_map(|(row, cell)| {
            Some(Cell {
                vcpus: cell.vcpus.as_deref()?.parse().ok()?,
                memory: cell.memory.as_ref()?.bytes().ok()?,
                node: cell.node,
                page: cell.hugepages.as_deref().and_then(page_size),
                place: list.clone().index(row),
            })
        })
        .collect();
    let vcpus = spec.max_vcpus.unwrap_or(0).max(spec.vcpus.unwrap_or(0)).min(4096);
    match memory {
        Some(memory) if rows.is_empty() && !pinning.cells.is_empty() => proposed_cells(memory, pinning),
        Some(memory) if rows.is_empty() && grows && vcpus > 0 => {
            let vcpus = (0..vcpus).collect();
            vec![Cell { vcpus, memory, node: None, page: None, place: Place::root().key("max_memory") }]
        }
        _ => asked,
    }
}

/// The memory in the same parts as the virtual CPUs, each a multiple of the largest page that divides the whole.
fn proposed_cells(memory: Bytes, pinning: &Pinning) -> Vec<Cell> {
    let page = [GIB, 2 * MIB, MIB].into_iter().find(|page| memory.0.is_multiple_of(*page)).unwrap_or(1);
    let count = |cpus: &CpuSet| u64::try_from(cpus.len()).unwrap_or(0);
    let (all, pages) = (pinning.cells.iter().map(|(cpus, _)| count(cpus)).sum::<u64>().max(1), memory.0 / page);
    let mut left = pages;
    let mut cells: Vec<Cell> = Vec::new();
    for (at, (vcpus, node)) in pinning.cells.iter().enumerate() {
        let last = at + 1 == pinning.cells.len();
        // In 128 bits, as the product of pages and CPUs may not fit.
        let part = u128::from(pages) * u128::from(count(vcpus)) / u128::from(all);
        let own = if last { left } else { u64::try_from(part).unwrap_or(left).min(left) };
        left -= own;
        let place = Place::root().key("cpu").key("pinning");
        cells.push(Cell { vcpus: vcpus.clone(), memory: Bytes(own * page), node: Some(*node), page: None, place });
    }
    cells
}

/// Strict, which is what cells have without a policy, unless a node may lack room for its part.
fn cell_policy(facts: &Facts, spec: &Spec, memory: Bytes, pinning: &Pinning) -> Option<Choice<(NumaMode, CpuSet)>> {
    let numa = spec.numa.as_ref();
    let nodes: CpuSet = pinning.cells.iter().map(|(_, node)| *node).collect();
    if let Some(mode) = numa.and_then(|numa| numa.mode) {
        return Some(Choice::asked((mode, nodes), Place::root().key("numa").key("mode")));
    }
    let room = |cell: &Cell| {
        let node = facts.nodes.items().iter().find(|node| Some(node.number) == cell.node);
        node.and_then(|node| node.free).is_some_and(|free| free >= cell.memory)
    };
    let huge = spec.memory_backing.as_ref().is_some_and(|backing| backing.hugepages.is_some());
    let fits = huge || proposed_cells(memory, pinning).iter().all(room);
    (!fits).then(|| Choice::default((NumaMode::Preferred, nodes), "a node may lack room for its part of the memory"))
}

/// As asked; else, where virtual CPUs are pinned to one node of several, their memory beside them.
fn policy(spec: &Spec, facts: &Facts, memory: Option<Bytes>, pinning: &Pinning) -> Option<Choice<(NumaMode, CpuSet)>> {
    let asked = spec.numa.clone().unwrap_or_default();
    let mode = asked.mode.unwrap_or(NumaMode::Strict);
    if let Some(nodes) = filled(asked.nodes.as_deref()) {
        let nodes: CpuSet = nodes.parse().ok()?;
        return (!nodes.is_empty()).then(|| Choice::asked((mode, nodes), Place::root().key("numa").key("nodes")));
    }
    let nodes = facts.nodes.items();
    if nodes.len() < 2 || !pinning.auto || asked.cells.is_some() {
        return None;
    }
    if let Some(memory) = memory.filter(|_| !pinning.cells.is_empty()) {
        return cell_policy(facts, spec, memory, pinning);
    }
    let pinned = pinning.vcpus.iter().flatten().fold(CpuSet::default(), |all, line| all.with(&line.value));
    let node = nodes.iter().find(|node| !pinned.is_empty() && pinned.within(&node.cpus))?;
    let room = match spec.memory_backing.as_ref().and_then(|backing| backing.hugepages.as_ref()) {
        Some(_) => None,
        None => node.free.zip(memory).map(|(free, memory)| free >= memory),
    };
    let set = CpuSet::one(node.number);
    Some(match (asked.mode, room) {
        (Some(mode), _) => Choice::asked((mode, set), Place::root().key("numa").key("mode")),
        (None, Some(true)) => {
            Choice::default((NumaMode::Strict, set), format!("all virtual CPUs run on node {}", node.number))
        }
        (None, _) => Choice::default(
            (NumaMode::Preferred, set),
            format!("all virtual CPUs run on node {}, which may lack room for all of the memory", node.number),
        ),
    })
}
