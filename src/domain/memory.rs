//! Memory: amount, room to grow, pages, nodes of the host and of the guest.

use super::Element;
use crate::machine::{Feature, Machine, Reason};
use crate::spec::{HotplugKind, Place};
use crate::units::{Bytes, CpuSet, GIB, KIB, MIB};

/// An amount in the largest unit that needs no fraction.
fn amount(bytes: Bytes) -> (String, &'static str) {
    let units = [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
    let (size, unit) = units.into_iter().find(|(size, _)| bytes.0.is_multiple_of(*size)).unwrap_or((1, "bytes"));
    ((bytes.0 / size).to_string(), unit)
}

fn sized(name: &'static str, bytes: Bytes) -> Element {
    let (number, unit) = amount(bytes);
    Element::new(name).attr("unit", unit).text(number)
}

/// Memory, and what of it is there at the start. libvirt counts all of a virtio-mem device as memory.
pub(super) fn memory(machine: &Machine) -> Vec<Element> {
    let Some(memory) = machine.memory else { return Vec::new() };
    let growth = machine.backing.growth.as_ref().filter(|growth| growth.by.value == HotplugKind::VirtioMem);
    match growth {
        Some(growth) => {
            let now = Element { name: "currentMemory".into(), ..sized("memory", memory) };
            vec![sized("memory", growth.most).field("max_memory"), now.field("memory")]
        }
        None => vec![sized("memory", memory).field("memory")],
    }
}

/// Most memory.
pub(super) fn most(machine: &Machine) -> Option<Element> {
    let growth = machine.backing.growth.as_ref()?;
    let (number, unit) = amount(growth.most);
    let element = Element::new("maxMemory");
    // An old libvirt counts a slot for each virtio-mem device, too.
    let counted = machine.dropped.contains(&Feature::NoSlots).then(|| machine.backing.cells.len().max(1).to_string());
    let slots = growth.slots.as_ref().map(|slots| slots.value.to_string());
    let element = match slots.or(counted) {
        Some(slots) => element.attr("slots", slots),
        None => element,
    };
    let element = element.attr("unit", unit).text(number);
    Some(match growth.slots.as_ref().map(|slots| &slots.reason) {
        Some(Reason::Asked(place)) => element.origin(place.clone()),
        _ => element.field("max_memory"),
    })
}

/// Pages and what may be done with them. VFIO pins all guest memory; looking for pages to share in it is work for nothing.
pub(super) fn backing(machine: &Machine) -> Option<Element> {
    let backing = &machine.backing;
    let pages = pages(machine);
    let alone = machine.passes_devices().then(|| Element::new("nosharepages").field("pci_devices"));
    let locked = backing.locked.then(|| Element::new("locked").field("memory_backing"));
    let by = |element: Element| match &backing.shared {
        Some(Reason::Asked(place)) => element.origin(place.clone()),
        _ => element.field("shares"),
    };
    let shared = backing.shared.is_some();
    let source = shared.then(|| by(Element::new("source").attr("type", "memfd")));
    let access = shared.then(|| by(Element::new("access").attr("mode", "shared")));
    let origin = if machine.passes_devices() { "pci_devices" } else { "memory_backing" };
    let all: Vec<Element> = [pages, alone, locked, source, access].into_iter().flatten().collect();
    (!all.is_empty()).then(|| Element::new("memoryBacking").children(all).field(origin))
}

/// Of the whole guest, and of those of its nodes that have others.
fn pages(machine: &Machine) -> Option<Element> {
    let backing = &machine.backing;
    let page = |size: Bytes| {
        let (number, unit) = amount(size);
        Element::new("page").attr("size", number).attr("unit", unit)
    };
    let sizes: Vec<Option<Bytes>> =
        backing.cells.iter().map(|cell| cell.page.or(backing.page.as_ref().map(|page| page.value))).collect();
    let all: Vec<Element> = if sizes.windows(2).all(|pair| pair.first() == pair.last()) {
        let one = sizes.first().copied().unwrap_or(backing.page.as_ref().map(|page| page.value));
        one.map(page).into_iter().collect()
    } else {
        let mut distinct: Vec<Bytes> = sizes.iter().flatten().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let cells = |size: Bytes| -> CpuSet {
            let numbered = (0u32..).zip(&sizes);
            numbered.filter(|(_, own)| **own == Some(size)).map(|(number, _)| number).collect()
        };
        distinct.into_iter().map(|size| page(size).attr("nodeset", cells(size).to_string())).collect()
    };
    (!all.is_empty()).then(|| Element::new("hugepages").children(all).field("memory_backing"))
}

/// Nodes of the host.
pub(super) fn policy(machine: &Machine) -> Option<Element> {
    let backing = &machine.backing;
    let memory = backing.policy.as_ref().map(|choice| {
        let (mode, nodes) = &choice.value;
        let element = Element::new("memory").attr("mode", mode.name()).attr("nodeset", nodes.to_string());
        match &choice.reason {
            Reason::Asked(place) => element.origin(place.clone()),
            Reason::Default(_) => element.origin(Place::root().key("cpu").key("pinning")),
        }
    });
    let mode = backing.policy.as_ref().map_or("strict", |choice| choice.value.0.name());
    let cells = (0u32..).zip(&backing.cells).filter_map(|(number, cell)| {
        let element = Element::new("memnode").attr("cellid", number.to_string()).attr("mode", mode);
        Some(element.attr("nodeset", cell.node?.to_string()).origin(cell.place.clone()))
    });
    let all: Vec<Element> = memory.into_iter().chain(cells).collect();
    (!all.is_empty()).then(|| Element::new("numatune").children(all).field("numa"))
}

/// Nodes of the guest.
pub(super) fn cells(machine: &Machine) -> Option<Element> {
    let shared = machine.backing.shared.is_some();
    let cell = |(number, cell): (u32, &crate::machine::memory::Cell)| {
        let (size, unit) = amount(cell.memory);
        let element = Element::new("cell").attr("id", number.to_string()).attr("cpus", cell.vcpus.to_string());
        let element = element.attr("memory", size).attr("unit", unit);
        let element = if shared { element.attr("memAccess", "shared") } else { element };
        element.origin(cell.place.clone())
    };
    let cells: Vec<Element> = (0u32..).zip(&machine.backing.cells).map(cell).collect();
    (!cells.is_empty()).then(|| Element::new("numa").children(cells).field("numa"))
}

/// The device that gives and takes memory back, all of what can be added.
pub(super) fn device(machine: &Machine) -> Option<Element> {
    let growth = machine.backing.growth.as_ref().filter(|growth| growth.by.value == HotplugKind::VirtioMem)?;
    let size = Bytes(growth.most.0.saturating_sub(machine.memory?.0));
    let target = Element::new("target")
        .child(sized("size", size))
        .child(Element::new("node").text("0"))
        .child(sized("block", block(machine)))
        .child(Element::new("requested").attr("unit", "KiB").text("0"));
    Some(Element::new("memory").attr("model", "virtio-mem").child(target).field("memory_hotplug"))
}

/// A block is a page at least.
fn block(machine: &Machine) -> Bytes {
    let page = machine.backing.page.as_ref().map_or(0, |page| page.value.0);
    Bytes(page.max(2 * MIB))
}
