//! Checks of what backs the memory: huge pages, room to grow, the host's own share.

use super::note::Remedy;
use super::text::{Arg, Joint, Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::{DomainState, NumaNode, Version};
use crate::machine::memory::page_size;
use crate::spec::{HotplugKind, Place};
use crate::units::{Bytes, CpuSet, GIB};

pub(super) static CHECKS: &[&Check] =
    &[&MEM_RESERVE, &MEM_BUSY, &MEM_MAX, &MEM_HOTPLUG, &HUGEPAGE_SIZE, &HUGEPAGE_FREE, &HUGEPAGE_LARGE];

static MEM_RESERVE: Check = Check {
    code: "MEM-RESERVE",
    title: "host keeps memory for itself",
    explain: "QEMU needs some hundred MiB in addition to the guest's memory, and the host needs memory of its own. \
              With less than a twentieth of the memory (at least 1 GiB) left, the kernel swaps or kills processes when \
              another program needs memory. Request less memory.",
    run: Some(reserve),
    ..Check::VM
};

static MEM_BUSY: Check = Check {
    code: "MEM-BUSY",
    title: "memory of all running VMs fits the host",
    explain: "Guests take their memory as they use it. The sum for all running VMs may exceed the host's memory for a \
              long time, but once the guests use it, everything swaps or a guest is killed. Huge pages and the memory \
              of VMs with passed devices are taken at the start. Use less memory, or stop another VM.",
    run: Some(busy),
    ..Check::VM
};

static MEM_MAX: Check = Check {
    code: "MEM-MAX",
    title: "max_memory is above memory and usable",
    explain: "max_memory is the most that a running guest can be given. It must be greater than memory, and QEMU needs \
              it at the start. Memory grows in DIMMs, each in a slot (1 to 256), or by virtio-mem.",
    run: Some(most),
    ..Check::VM
};

static MEM_HOTPLUG: Check = Check {
    code: "MEM-HOTPLUG",
    title: "memory hot-plug works with passed devices",
    explain: "virtio-mem plugs memory blocks in and out while the guest runs. VFIO pins the memory that a device can \
              reach, so QEMU and the kernel have to agree block by block. Older versions refuse the start, and the \
              whole of max_memory may have to be pinned. DIMMs do not have this problem. virtio-mem needs libvirt 7.9 \
              or later.",
    run: Some(hotplug),
    ..Check::VM
};

static HUGEPAGE_SIZE: Check = Check {
    code: "HUGEPAGE-SIZE",
    title: "host has huge pages of this size",
    explain: "Huge pages reduce the work that the CPU has with page tables. Their sizes are those of the CPU: 2 MiB \
              and 1 GiB on x86. The host's kernel must offer the size, and the guest's memory, including that of each \
              NUMA cell, must be a multiple of it.",
    run: Some(size),
    ..Check::VM
};

static HUGEPAGE_FREE: Check = Check {
    code: "HUGEPAGE-FREE",
    title: "enough huge pages are free",
    explain: "If pages are missing, the start fails with \"unable to map backing store for guest RAM\". A guest takes \
              all of its huge pages at the start, per NUMA node where its memory is bound to one. Reserve the pages \
              before guests start, best at boot: hugepagesz=1G hugepages=16 on the kernel command line, or \
              vm.nr_hugepages for pages of 2 MiB.",
    run: Some(free),
    ..Check::VM
};

static HUGEPAGE_LARGE: Check = Check {
    code: "HUGEPAGE-LARGE",
    title: "large guests use huge pages",
    explain: "A guest of 32 GiB or more on pages of 4 KiB starts slowly, as each page is mapped and, with a passed device, \
              pinned separately, and it runs slower because the CPU searches larger page tables. Reserve pages of 1 GiB at \
              boot (hugepagesz=1G hugepages=N on the kernel command line) or of 2 MiB, and set memory_backing.hugepages.",
    run: Some(large),
    ..Check::VM
};

/// From here on it pays off.
const LARGE: Bytes = Bytes(32 * GIB);

fn large(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = memory(subject) else { return };
    notes.looked();
    let backing = &subject.machine.backing;
    if asked < LARGE || backing.page.is_some() || backing.cells.iter().any(|cell| cell.page.is_some()) {
        return;
    }
    let message =
        text!("{asked} of memory on pages of the usual size: starts slowly and runs slower", asked = Arg::Gib(asked));
    let count = asked.0.div_ceil(GIB);
    let way_out = text!(
        "reserve huge pages on the host (hugepagesz=1G hugepages={count} on its kernel command line) and set \
         memory_backing.hugepages",
        count
    );
    notes.info(field("memory"), message, way_out);
}

fn memory(subject: &Subject) -> Option<Bytes> {
    subject.machine.memory.filter(|memory| memory.0 > 0)
}

fn reserve(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = memory(subject) else { return };
    let Some(host) = subject.facts.memory.get() else { return };
    notes.looked();
    let least = Bytes((host.total.0 / 20).max(GIB).min(host.total.0 / 4));
    let left = host.total.0.checked_sub(asked.0).map(Bytes);
    if let Some(left) = left.filter(|left| *left < least) {
        let message = text!(
            "{asked} of {total} requested, the host keeps {left}",
            asked = Arg::Gib(asked),
            total = Arg::Gib(host.total),
            left = Arg::Gib(left)
        );
        let most = Bytes(host.total.0 - least.0);
        notes.warning(field("memory"), message, text!("use {most} or less", most = Arg::Gib(most)));
    }
}

fn busy(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = memory(subject) else { return };
    let (Some(host), Some(domains)) = (subject.facts.memory.get(), subject.facts.domains.get()) else { return };
    notes.looked();
    let running = domains.iter().filter(|domain| domain.state == DomainState::Active);
    let theirs = Bytes(running.map(|domain| domain.memory.0).fold(0, u64::saturating_add));
    let all = Bytes(theirs.0.saturating_add(asked.0));
    if theirs.0 > 0 && all > host.total && asked <= host.total {
        let message = text!(
            "running guests may use {theirs}; with this one {all} of the host's {total}",
            theirs = Arg::Gib(theirs),
            all = Arg::Gib(all),
            total = Arg::Gib(host.total)
        );
        notes.warning(field("memory"), message, "use less, or stop another VM");
    }
}

fn most(subject: &Subject, notes: &mut Notes) {
    let spec = subject.spec;
    if let Some(hotplug) = &spec.memory_hotplug {
        notes.looked();
        let slots = Place::root().key("memory_hotplug").key("slots");
        if let Some(count) = hotplug.slots.filter(|count| !(1..=256).contains(count)) {
            notes.blocker(
                slots,
                text!("{count} slots requested; QEMU supports 1 to 256", count),
                "if in doubt, use 16",
            );
        }
        if spec.max_memory.is_none() {
            notes.blocker(
                field("max_memory"),
                "memory_hotplug is set, but max_memory is not",
                "set max_memory to the most that memory may grow to",
            );
        }
    }
    let Some(most) = &spec.max_memory else { return };
    notes.looked();
    match (most.bytes(), memory(subject)) {
        (Err(error), _) => {
            notes.blocker(field("max_memory"), text!("max_memory: {error}", error), "write 8192 (MiB) or \"8 GiB\"");
        }
        (Ok(most), Some(memory)) if most <= memory => {
            let message = text!(
                "max_memory is {most}, but memory is already {memory}",
                most = Arg::Gib(most),
                memory = Arg::Gib(memory)
            );
            notes.blocker(
                field("max_memory"),
                message,
                text!("use more than {memory}, or leave it out", memory = Arg::Gib(memory)),
            );
        }
        _ => {}
    }
}

fn hotplug(subject: &Subject, notes: &mut Notes) {
    let growth = subject.machine.backing.growth.as_ref();
    let Some(_) = growth.filter(|growth| growth.by.value == HotplugKind::VirtioMem) else { return };
    notes.looked();
    let place = || Place::root().key("memory_hotplug").key("by");
    if subject.machine.passes_devices() {
        notes.warning(
            place(),
            "memory grows by virtio-mem, and the VM has passed devices",
            Remedy::from("use dimm").setting(place(), "dimm"),
        );
    }
    let needed = Version { major: 7, minor: 9, release: 0 };
    let host = notes.known(&subject.facts.host, place, "whether libvirt supports virtio-mem");
    if let Some(host) = host.filter(|host| host.driver != "TEST" && host.libvirt < needed) {
        let message =
            text!("virtio-mem needs libvirt {needed}; this host has {libvirt}", needed, libvirt = host.libvirt);
        notes.blocker(place(), message, Remedy::from("use dimm").setting(place(), "dimm"));
    }
}

/// Pieces of memory that come from huge pages: where asked, of what size, how much, bound to which node.
fn paged(subject: &Subject) -> Vec<(Place, Bytes, Bytes, Option<u32>)> {
    let backing = &subject.machine.backing;
    let page = backing.page.as_ref().map(|page| page.value);
    let place = || Place::root().key("memory_backing").key("hugepages");
    if backing.cells.is_empty() {
        let node = backing.policy.as_ref().map(|policy| &policy.value.1).filter(|nodes| nodes.len() == 1);
        let node = node.and_then(CpuSet::first);
        return page.zip(memory(subject)).map(|(page, memory)| (place(), page, memory, node)).into_iter().collect();
    }
    let each = backing.cells.iter().filter_map(|cell| {
        let place = if cell.page.is_some() { cell.place.clone().key("hugepages") } else { place() };
        Some((place, cell.page.or(page)?, cell.memory, cell.node))
    });
    each.collect()
}

fn size(subject: &Subject, notes: &mut Notes) {
    let spec = subject.spec;
    let main = spec.memory_backing.as_ref().and_then(|backing| backing.hugepages.as_deref());
    let cells = spec.numa.iter().flat_map(|numa| numa.cells.iter().flatten()).enumerate();
    let cells = cells.filter_map(|(row, cell)| {
        Some((Place::root().key("numa").key("cells").index(row).key("hugepages"), cell.hugepages.as_deref()?))
    });
    let texts = main.map(|text| (Place::root().key("memory_backing").key("hugepages"), text)).into_iter().chain(cells);
    for (place, text) in texts {
        notes.looked();
        let auto = text.trim() == "auto" && Some(text) == main;
        if page_size(text).is_none() && !auto && !text.trim().is_empty() {
            notes.blocker(
                place,
                text!("'{text}' is not a page size", text = text.trim()),
                "write \"1 GiB\", \"2 MiB\" or \"auto\"",
            );
        }
    }
    let pieces = paged(subject);
    if pieces.is_empty() {
        return;
    }
    let known = notes.known(&subject.facts.nodes, || pieces[0].0.clone(), "which huge pages the host has");
    for (place, page, memory, _) in pieces {
        if !memory.0.is_multiple_of(page.0) {
            let message =
                text!("memory {memory} is not a multiple of the page size {page}", memory = Arg::Gib(memory), page);
            notes.blocker(place.clone(), message, "round the memory, or use smaller pages");
        }
        let offered = |node: &NumaNode| node.pages(page).is_some();
        if known.is_some_and(|all| all.iter().any(|node| !node.huge_pages.is_empty()) && !all.iter().any(offered)) {
            let mut sizes: Vec<Bytes> =
                known.into_iter().flatten().flat_map(|node| &node.huge_pages).map(|pages| pages.size).collect();
            sizes.sort_unstable();
            sizes.dedup();
            let message = text!("the host has no huge pages of {page}", page);
            notes.blocker(place, message, text!("use {sizes}", sizes = Arg::list(Joint::Each, sizes)));
        }
    }
}

fn free(subject: &Subject, notes: &mut Notes) {
    let pieces = paged(subject);
    let Some((place, ..)) = pieces.first() else { return };
    let what = "whether enough huge pages are free";
    let Some(known) = notes.known(&subject.facts.nodes, || place.clone(), what) else { return };
    let mut told = Vec::new();
    for (place, page, _, node) in &pieces {
        let same = |other: &&(Place, Bytes, Bytes, Option<u32>)| other.1 == *page && other.3 == *node;
        if told.contains(&(*page, *node)) || page.0 == 0 {
            continue;
        }
        told.push((*page, *node));
        let needed: u64 = pieces.iter().filter(same).map(|(_, _, memory, _)| memory.0.div_ceil(page.0)).sum();
        let own = known.iter().filter(|own| node.is_none_or(|node| own.number == node));
        let found: Vec<_> = own.filter_map(|node| node.pages(*page)).collect();
        let (total, free): (u64, Option<u64>) =
            (found.iter().map(|pages| pages.total).sum(), found.iter().map(|pages| pages.free).sum());
        if found.is_empty() {
            // HUGEPAGE-SIZE and NUMA-NODE say so.
            continue;
        }
        let on = node.map_or_else(Text::default, |node| text!(" on node {node}", node));
        let Some(free) = free else {
            if total < needed {
                let message =
                    text!("{needed} pages of {page} needed{on}; the host has {total}", needed, page, on, total);
                notes.blocker(place.clone(), message, set_apart(*page, needed));
            } else {
                notes.unknown(
                    place.clone(),
                    text!("how many pages of {page} are free{on}", page, on),
                    "libvirt reports only their number",
                );
            }
            continue;
        };
        if free < needed {
            let message =
                text!("{needed} pages of {page} needed{on}; {free} of {total} are free", needed, page, on, free, total);
            notes.blocker(place.clone(), message, set_apart(*page, needed.saturating_add(total - free.min(total))));
        }
    }
}

fn set_apart(page: Bytes, count: u64) -> Text {
    if page.0 >= GIB {
        text!("reserve {count} at boot: hugepagesz=1G hugepages={count} on the kernel command line", count)
    } else {
        text!("reserve {count}: sysctl vm.nr_hugepages={count}", count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_pass_by_value)]
    use crate::checks::fixture::{Asked, domain, known};
    use crate::facts::{Domain, DomainState, Fact, HugePages, NumaNode, Version};
    use crate::units::{Bytes, GIB, MIB};
    use serde_json::{Value, json};

    /// Two nodes of 32 GiB, 10 GiB of each free; 8 of 8 pages of 1 GiB free on the first, 2 of 4 on the second.
    fn host(asked: Asked) -> Asked {
        let node = |number: u32, total: u64, free: u64| NumaNode {
            number,
            memory: Some(Bytes::gib(32)),
            free: Some(Bytes::gib(10)),
            huge_pages: vec![
                HugePages { size: Bytes(2 * MIB), total: 0, free: Some(0) },
                HugePages { size: Bytes(GIB), total, free: Some(free) },
            ],
            ..NumaNode::default()
        };
        asked.facts(|facts| facts.nodes = known(vec![node(0, 8, 8), node(1, 4, 2)]))
    }

    fn with(patch: Value) -> Asked {
        host(Asked::with(patch))
    }

    #[test]
    fn the_host_keeps_memory_and_guests_fit_together() {
        Asked::with(json!({"memory": "62 GiB"})).warns(
            "MEM-RESERVE",
            "memory",
            "62 GiB of 64 GiB requested, the host keeps 2 GiB",
        );
        Asked::with(json!({"memory": "60 GiB"})).passes("MEM-RESERVE");
        let other = |state| Domain { memory: Bytes::gib(40), state, ..domain("web") };
        let want = "running guests may use 40 GiB; with this one 70 GiB of the host's 64 GiB";
        Asked::with(json!({"memory": "30 GiB"})).beside(other(DomainState::Active)).warns("MEM-BUSY", "memory", want);
        Asked::with(json!({"memory": "30 GiB"})).beside(other(DomainState::Inactive)).passes("MEM-BUSY");
    }

    #[test]
    fn memory_grows_to_more_than_it_is() {
        let grow = |most: Value, hotplug: Value| {
            with(json!({"memory": "4 GiB", "max_memory": most, "memory_hotplug": hotplug}))
        };
        grow(json!("8 GiB"), json!({"slots": 4})).passes("MEM-MAX").quiet("MEM-HOTPLUG");
        grow(json!("4 GiB"), json!({})).blocks(
            "MEM-MAX",
            "max_memory",
            "max_memory is 4 GiB, but memory is already 4 \
                                                                         GiB",
        );
        grow(json!("much"), json!({})).said("MEM-MAX").blocker();
        grow(json!("8 GiB"), json!({"slots": 300})).said("MEM-MAX").blocker();
        with(json!({"memory_hotplug": {}})).said("MEM-MAX").blocker();
        let virtio = grow(json!("8 GiB"), json!({"by": "virtio-mem"}));
        virtio.passes("MEM-HOTPLUG");
        let old = Version { major: 7, minor: 8, release: 0 };
        let want = "virtio-mem needs libvirt 7.9; this host has 7.8";
        virtio.facts(|facts| facts.host.get_mut().into_iter().for_each(|host| host.libvirt = old)).blocks(
            "MEM-HOTPLUG",
            "memory_hotplug.by",
            want,
        );
        let card = json!({"memory": "4 GiB", "max_memory": "8 GiB", "memory_hotplug": {"by": "virtio-mem"}, "pci_devices": [{"host_address": "0000:01:00.0"}]});
        with(card).said("MEM-HOTPLUG").warning();
    }

    #[test]
    fn pages_have_a_size_that_the_host_has_and_memory_is_whole_pages() {
        let pages = |memory: &str, size: &str| with(json!({"memory": memory, "memory_backing": {"hugepages": size}}));
        pages("4 GiB", "1 GiB").passes("HUGEPAGE-SIZE").passes("HUGEPAGE-FREE").quiet("MEM-LOW");
        pages("4 GiB", "auto").passes("HUGEPAGE-SIZE");
        pages("4 GiB", "big").blocks("HUGEPAGE-SIZE", "memory_backing.hugepages", "'big' is not a page size");
        pages("4 GiB", "16 MiB").blocks(
            "HUGEPAGE-SIZE",
            "memory_backing.hugepages",
            "the host has no huge pages of 16 MiB",
        );
        let want = "memory 1.5 GiB is not a multiple of the page size 1 GiB";
        pages("1536 MiB", "1 GiB").blocks("HUGEPAGE-SIZE", "memory_backing.hugepages", want);
        pages("4 GiB", "1 GiB")
            .facts(|facts| facts.nodes = Fact::default())
            .unknown("HUGEPAGE-SIZE")
            .unknown("HUGEPAGE-FREE");
    }

    #[test]
    fn pages_are_free_where_the_memory_is_bound() {
        let pages = |nodes: &str| {
            with(json!({"memory": "10 GiB", "memory_backing": {"hugepages": "1 GiB"}, "numa": {"nodes": nodes}}))
        };
        pages("").passes("HUGEPAGE-FREE");
        pages("0").blocks(
            "HUGEPAGE-FREE",
            "memory_backing.hugepages",
            "10 pages of 1 GiB needed on node 0; 8 of 8 are free",
        );
        let cells =
            json!([{"vcpus": "0-1", "memory": "6 GiB", "node": 0}, {"vcpus": "2-3", "memory": "4 GiB", "node": 1}]);
        let cells = json!({"memory": "10 GiB", "memory_backing": {"hugepages": "1 GiB"}, "numa": {"cells": cells}});
        let want = "4 pages of 1 GiB needed on node 1; 2 of 4 are free";
        with(cells.clone()).blocks("HUGEPAGE-FREE", "memory_backing.hugepages", want).quiet("NUMA-ROOM");
        let untold = |facts: &mut crate::facts::Facts| {
            facts
                .nodes
                .get_mut()
                .into_iter()
                .flatten()
                .flat_map(|node| &mut node.huge_pages)
                .for_each(|pages| pages.free = None);
        };
        with(cells).facts(untold).unknown("HUGEPAGE-FREE");
    }
}
