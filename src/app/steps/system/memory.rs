//! Memory beside its amount: room to grow, huge pages, nodes of the host and of the guest.

use super::super::page::top;
use crate::app::Model;
use crate::app::form::{Field, why, yes};
use crate::app::options::{HOTPLUG_KINDS, KnownValues, NUMA_MODES};
use crate::spec::{HotplugKind, NumaMode};

/// The fields, under their heading.
pub(super) fn fields(model: &Model) -> impl Iterator<Item = Field> {
    growth(model).into_iter().chain(backing(model)).chain(nodes(model)).map(Field::more)
}

fn growth(model: &Model) -> Vec<Field> {
    let growth = model.case.machine.backing.growth.as_ref();
    let by =
        growth.map_or((HotplugKind::Dimm.name(), String::new()), |growth| (growth.by.value.name(), why(&growth.by)));
    let slots = growth.and_then(|growth| growth.slots.as_ref());
    let slots = slots.map_or_else(|| ("16".into(), String::new()), |slots| (slots.value.to_string(), why(slots)));
    vec![
        Field::text(top("max_memory"))
            .default("as at the start", "")
            .help("How much the guest can be given while it runs."),
        Field::choice(top("memory_hotplug").key("by"), KnownValues::Fixed(HOTPLUG_KINDS)).default(by.0, by.1),
        Field::text(top("memory_hotplug").key("slots")).default(slots.0, slots.1),
    ]
}

fn backing(model: &Model) -> Vec<Field> {
    let at = |field: &str| top("memory_backing").key(field);
    let page = model.case.machine.backing.page.as_ref().map(|page| page.value.to_string());
    vec![
        Field::free(at("hugepages"), KnownValues::HugePages)
            .default("none", "")
            .note(page.map(|page| format!("taken: {page}")).unwrap_or_default())
            .help("Pages of one size that the host has reserved; auto uses the largest size with enough free pages."),
        Field::toggle(at("locked")).default("no", "").help("Never swapped out."),
        Field::toggle(at("shared")).default("no", "").help("With other processes of the host: virtiofs."),
    ]
}

fn nodes(model: &Model) -> Vec<Field> {
    let at = |field: &str| top("numa").key(field);
    let policy = model.case.machine.backing.policy.as_ref();
    let nodes =
        policy.map_or_else(|| ("any".into(), String::new()), |policy| (policy.value.1.to_string(), why(policy)));
    vec![
        Field::text(at("nodes"))
            .default(nodes.0, nodes.1)
            .note(host_nodes(model))
            .help("NUMA nodes of the host that the memory comes from: 0 or 0-1."),
        Field::choice(at("mode"), KnownValues::Fixed(NUMA_MODES)).default(NumaMode::Strict.name(), ""),
        Field::lines(at("cells"))
            .default("one", "")
            .help("One per line, virtual CPUs: memory, host node, pages: 0-7: 16 GiB, node 0, pages 1 GiB"),
        Field::toggle(at("expander_buses"))
            .default(yes(!model.case.machine.expanders.is_empty()), "")
            .help("Passed cards are on a PCI bus of their node, if the guest has several nodes."),
    ]
}

/// The nodes of a host that has several, with what is free on them.
fn host_nodes(model: &Model) -> String {
    let nodes = model.facts.nodes.items();
    if nodes.len() < 2 {
        return String::new();
    }
    let free = |node: &crate::facts::NumaNode| node.free.map(|free| format!(", {free} free")).unwrap_or_default();
    nodes.iter().map(|node| format!("{}: CPU {}{}", node.number, node.cpus, free(node))).collect::<Vec<_>>().join("; ")
}
