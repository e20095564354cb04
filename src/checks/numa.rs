//! Checks of NUMA: nodes of the host that memory is bound to, nodes of the guest.

use super::text::{Arg, text};
use super::{Check, Notes, Subject};
use crate::facts::NumaNode;
use crate::spec::{NumaMode, Place};
use crate::units::{Bytes, CpuSet};

pub(super) static CHECKS: &[&Check] = &[&NUMA_NODE, &NUMA_ROOM, &NUMA_CELLS];

static NUMA_NODE: Check = Check {
    code: "NUMA-NODE",
    title: "named NUMA nodes exist on the host",
    explain: "With a missing node the start fails with \"NUMA node N is unavailable\". Memory can be bound only to \
              NUMA nodes that the host has.",
    run: Some(node),
    ..Check::VM
};

static NUMA_ROOM: Check = Check {
    code: "NUMA-ROOM",
    title: "bound NUMA nodes have enough memory",
    explain: "With the mode strict memory comes only from the named nodes. If they have less free than the guest uses, \
              QEMU is killed although the host has memory elsewhere. Use more nodes, less memory, or the mode \
              preferred.",
    run: Some(room),
    ..Check::VM
};

static NUMA_CELLS: Check = Check {
    code: "NUMA-CELLS",
    title: "guest NUMA cells add up",
    explain: "Every vCPU, including those that can be hot-plugged, belongs to exactly one NUMA cell of the guest, and \
              the memory of the cells adds up to memory. libvirt accepts other sums and changes the memory of the VM \
              without a message.",
    run: Some(cells),
    ..Check::VM
};

fn memory(subject: &Subject) -> Option<Bytes> {
    subject.machine.memory.filter(|memory| memory.0 > 0)
}

fn node(subject: &Subject, notes: &mut Notes) {
    let spec = subject.spec.numa.clone().unwrap_or_default();
    let list = spec.nodes.as_deref().filter(|text| !text.trim().is_empty());
    let own = Place::root().key("numa").key("nodes");
    let mut asked: Vec<(Place, CpuSet)> = Vec::new();
    match list.map(str::parse::<CpuSet>) {
        Some(Err(error)) => return notes.blocker(own, text!("{error}", error), "write NUMA node numbers of the host"),
        Some(Ok(set)) => asked.push((own, set)),
        None => {}
    }
    let cells = spec.cells.iter().flatten().enumerate();
    asked.extend(cells.filter_map(|(row, cell)| {
        Some((Place::root().key("numa").key("cells").index(row).key("node"), CpuSet::one(cell.node?)))
    }));
    let Some((first, _)) = asked.first() else { return };
    let Some(known) = notes.known(&subject.facts.nodes, || first.clone(), "which NUMA nodes the host has") else {
        return;
    };
    let there: CpuSet = known.iter().map(|node| node.number).collect();
    for (place, set) in &asked {
        let missing = set.without(&there);
        if !missing.is_empty() {
            let message = text!("the host has no NUMA node {missing}", missing);
            notes.blocker(place.clone(), message, text!("its NUMA nodes are {there}", there));
        }
    }
}

fn room(subject: &Subject, notes: &mut Notes) {
    let backing = &subject.machine.backing;
    if backing.page.is_some() || backing.cells.iter().any(|cell| cell.page.is_some()) {
        return;
    }
    let policy = backing.policy.as_ref().map(|policy| &policy.value);
    let binding = policy.is_none_or(|(mode, _)| matches!(mode, NumaMode::Strict | NumaMode::Restrictive));
    let mut asked: Vec<(Place, CpuSet, Bytes)> = Vec::new();
    for cell in backing.cells.iter().filter(|_| binding) {
        asked.extend(cell.node.map(|node| (cell.place.clone(), CpuSet::one(node), cell.memory)));
    }
    if let (Some((_, bound)), Some(memory), true) = (policy, memory(subject), binding && asked.is_empty()) {
        asked.push((Place::root().key("numa").key("nodes"), bound.clone(), memory));
    }
    let Some((first, ..)) = asked.first() else { return };
    let what = "whether the NUMA nodes have enough memory";
    let Some(known) = notes.known(&subject.facts.nodes, || first.clone(), what) else { return };
    for (place, set, memory) in asked {
        let own: Vec<&NumaNode> = known.iter().filter(|node| set.contains(node.number)).collect();
        let sum = |amount: fn(&NumaNode) -> Option<Bytes>| -> Option<Bytes> {
            own.iter().map(|node| amount(node).map(|bytes| bytes.0)).sum::<Option<u64>>().map(Bytes)
        };
        let name = text!("node {set}", set);
        match (sum(|node| node.memory), sum(|node| node.free)) {
            (Some(all), _) if !own.is_empty() && memory > all => {
                let message = text!(
                    "{memory} bound to {name}, which has {all}",
                    memory = Arg::Gib(memory),
                    name,
                    all = Arg::Gib(all)
                );
                notes.blocker(place, message, "use more nodes, less memory, or the mode preferred");
            }
            (_, Some(free)) if memory > free => {
                let message = text!(
                    "{memory} bound to {name}, which has {free} free",
                    memory = Arg::Gib(memory),
                    name,
                    free = Arg::Gib(free)
                );
                notes.warning(place, message, "use more nodes, less memory, or the mode preferred");
            }
            (_, None) => {
                notes.unknown(place, text!("how much memory of {name} is free", name), "libvirt was not asked");
            }
            _ => {}
        }
    }
}

fn cells(subject: &Subject, notes: &mut Notes) {
    let list = Place::root().key("numa").key("cells");
    let Some(rows) = subject.spec.numa.as_ref().and_then(|numa| numa.cells.as_ref()).filter(|rows| !rows.is_empty())
    else {
        return;
    };
    notes.looked();
    let (mut seen, mut sum, mut whole) = (CpuSet::default(), 0u64, true);
    for (row, cell) in rows.iter().enumerate() {
        let at = |name: &str| list.clone().index(row).key(name);
        match cell.vcpus.as_deref().map(str::parse::<CpuSet>) {
            Some(Ok(set)) if !set.is_empty() => {
                let twice = seen.common(&set);
                if !twice.is_empty() {
                    notes.blocker(at("vcpus"), text!("vCPU {twice} is in two NUMA cells", twice), "keep it in one");
                }
                seen = seen.with(&set);
            }
            Some(Err(error)) => notes.blocker(at("vcpus"), text!("{error}", error), "write vCPU numbers"),
            _ => {
                let message = text!("NUMA cell {row} has no vCPUs", row);
                notes.blocker(at("vcpus"), message, "write a range such as 0-3");
            }
        }
        match cell.memory.as_ref().map(crate::spec::MemorySize::bytes) {
            Some(Ok(bytes)) if bytes.0 > 0 => sum = sum.saturating_add(bytes.0),
            _ => {
                whole = false;
                notes.blocker(
                    at("memory"),
                    text!("NUMA cell {row} has no memory", row),
                    "write a size such as \"4 GiB\"",
                );
            }
        }
    }
    if let Some(memory) = memory(subject).filter(|memory| whole && memory.0 != sum) {
        let message = text!(
            "the NUMA cells have {sum} together, but memory is {memory}",
            sum = Arg::Gib(Bytes(sum)),
            memory = Arg::Gib(memory)
        );
        notes.blocker(list.clone(), message, "make the two equal");
    }
    cover(subject, notes, &list, &seen);
}

/// Every virtual CPU is in a node, and no other is.
fn cover(subject: &Subject, notes: &mut Notes, list: &Place, seen: &CpuSet) {
    let count = subject.machine.max_vcpus.or(subject.machine.vcpus).unwrap_or(0).min(4096);
    let all: CpuSet = (0..count).collect();
    let (missing, beyond) = (all.without(seen), seen.without(&all));
    if !missing.is_empty() && !seen.is_empty() {
        notes.blocker(list.clone(), text!("vCPU {missing} is in no NUMA cell", missing), "add it to one");
    }
    if !beyond.is_empty() {
        let message = text!("NUMA cells name vCPU {beyond}; the VM has {count}", beyond, count);
        notes.blocker(list.clone(), message, "remove it, or give the VM more vCPUs");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_pass_by_value)]
    use crate::checks::fixture::{Asked, known};
    use crate::facts::{Fact, NumaNode};
    use crate::units::Bytes;
    use serde_json::{Value, json};

    /// Two nodes of 32 GiB, 10 GiB of each free.
    fn with(patch: Value) -> Asked {
        let node = |number: u32| NumaNode {
            number,
            memory: Some(Bytes::gib(32)),
            free: Some(Bytes::gib(10)),
            ..NumaNode::default()
        };
        Asked::with(patch).facts(|facts| facts.nodes = known(vec![node(0), node(1)]))
    }

    #[test]
    fn nodes_are_there_and_have_room() {
        let bound = |memory: &str, mode: &str, nodes: &str| {
            with(json!({"memory": memory, "numa": {"mode": mode, "nodes": nodes}}))
        };
        bound("8 GiB", "strict", "0").passes("NUMA-NODE").passes("NUMA-ROOM");
        bound("8 GiB", "strict", "2").blocks("NUMA-NODE", "numa.nodes", "the host has no NUMA node 2");
        bound("8 GiB", "strict", "x").said("NUMA-NODE").blocker();
        bound("12 GiB", "strict", "0").warns(
            "NUMA-ROOM",
            "numa.nodes",
            "12 GiB bound to node 0, which has 10 GiB free",
        );
        bound("12 GiB", "preferred", "0").quiet("NUMA-ROOM");
        bound("40 GiB", "strict", "0").blocks("NUMA-ROOM", "numa.nodes", "40 GiB bound to node 0, which has 32 GiB");
        bound("12 GiB", "strict", "0-1").passes("NUMA-ROOM");
        bound("8 GiB", "strict", "0")
            .facts(|facts| facts.nodes = Fact::default())
            .unknown("NUMA-NODE")
            .unknown("NUMA-ROOM");
    }

    #[test]
    fn cells_share_out_all_cpus_and_all_memory() {
        let cells = |first: Value, second: Value| with(json!({"memory": "4 GiB", "numa": {"cells": [first, second]}}));
        let cell = |vcpus: &str, memory: &str| json!({"vcpus": vcpus, "memory": memory});
        cells(cell("0-1", "2 GiB"), cell("2-3", "2 GiB")).passes("NUMA-CELLS");
        let said = |first, second, message| {
            cells(first, second).blocks("NUMA-CELLS", "numa.cells", message);
        };
        said(cell("0-1", "2 GiB"), cell("2-3", "1 GiB"), "the NUMA cells have 3 GiB together, but memory is 4 GiB");
        said(cell("0-1", "2 GiB"), cell("2", "2 GiB"), "vCPU 3 is in no NUMA cell");
        said(cell("0-1", "2 GiB"), cell("2-5", "2 GiB"), "NUMA cells name vCPU 4-5; the VM has 4");
        cells(cell("0-2", "2 GiB"), cell("2-3", "2 GiB")).blocks(
            "NUMA-CELLS",
            "numa.cells[1].vcpus",
            "vCPU 2 is in two NUMA cells",
        );
        cells(json!({}), cell("0-3", "4 GiB")).blocks(
            "NUMA-CELLS",
            "numa.cells[0].memory",
            "NUMA cell 0 has no memory",
        );
    }
}
