//! Checks of where the VM's threads run.

use super::text::{Arg, Text, text};
use super::{Check, Notes, Subject};
use crate::facts::{CoreKind, LogicalCpu, NumaNode};
use crate::machine::{Choice, Pinning, Reason, pinning};
use crate::spec::Place;
use crate::units::CpuSet;

pub(super) static CHECKS: &[&Check] = &[
    &PIN_PROPOSAL,
    &PIN_TEXT,
    &PIN_ABSENT,
    &PIN_SHARED,
    &PIN_SIBLINGS,
    &PIN_KINDS,
    &PIN_NODE,
    &PIN_EMULATOR,
    &PIN_HOST,
];

static PIN_PROPOSAL: Check = Check {
    code: "PIN-PROPOSAL",
    title: "automatic CPU pinning is possible",
    explain: "With cpu.pinning.auto vmbuild gives each vCPU a thread of a core of its own: cores of one cache if there \
              are enough, the largest cache first, on the NUMA node of the passed card; performance cores alone unless \
              there are too few. The core of CPU 0 stays with the host; an efficiency core, a core of another cache or of \
              another node does where the guest needs that. A guest that is larger than a node, or has cards on several, \
              gets NUMA cells. If the host has too few cores for that, or does not report them, nothing is \
              pinned and the threads run anywhere.",
    run: Some(proposal),
    ..Check::VM
};

static PIN_TEXT: Check = Check {
    code: "PIN-TEXT",
    title: "CPU pins are valid CPU lists",
    explain: "A pin is a set of host CPUs such as 2 or 0-3,8, and ^2 excludes one. The lists have one line for each \
              vCPU (max_vcpus of them) and for each I/O thread; libvirt rejects a domain with more lines.",
    run: Some(text),
    ..Check::VM
};

static PIN_ABSENT: Check = Check {
    code: "PIN-ABSENT",
    title: "pinned CPUs exist and are online",
    explain: "A thread cannot run on a CPU that the host does not have or that is offline. libvirt accepts the \
              definition, but the start fails because the kernel rejects such a set (\"Invalid argument\").",
    run: Some(absent),
    ..Check::VM
};

static PIN_SHARED: Check = Check {
    code: "PIN-SHARED",
    title: "each vCPU has a host CPU of its own",
    explain: "Two vCPUs on the same single host CPU take turns: while one holds a lock that the other waits for, the \
              guest is blocked. Give each a CPU of its own, or use fewer.",
    run: Some(shared),
    ..Check::VM
};

static PIN_SIBLINGS: Check = Check {
    code: "PIN-SIBLINGS",
    title: "guest threads are pinned to sibling threads",
    explain: "If the guest sees two threads per core, its scheduler places work accordingly. If vCPUs 2n and 2n+1 are \
              on different host cores whose sibling threads run something else, this makes the guest slower. Pin pairs \
              to the sibling threads of one core, or give the guest one thread per core.",
    run: Some(siblings),
    ..Check::VM
};

static PIN_KINDS: Check = Check {
    code: "PIN-KINDS",
    title: "vCPUs run on cores of one kind",
    explain: "Some vCPUs run on performance cores and some on efficiency cores. The guest sees no difference, so its \
              scheduler puts urgent work on slow cores, and games and audio stutter. Use as many vCPUs as there are \
              threads of performance cores, or fewer.",
    run: Some(kinds),
    ..Check::VM
};

static PIN_NODE: Check = Check {
    code: "PIN-NODE",
    title: "vCPUs, memory and cards share a node",
    explain: "Memory and devices of another NUMA node are reached over the link between sockets, which is slower and \
              has less bandwidth. Pin the vCPUs of one NUMA cell to CPUs of one host node, preferably that of the \
              passed card; a guest that needs several nodes should see them (numa.cells).",
    run: Some(node),
    ..Check::VM
};

static PIN_EMULATOR: Check = Check {
    code: "PIN-EMULATOR",
    title: "emulator threads avoid the vCPUs' CPUs",
    explain: "QEMU's emulator and I/O threads handle disks, network and display. On the CPU of a vCPU they interrupt \
              the guest at unpredictable moments, and it stutters. Pin them to CPUs that no vCPU is pinned to.",
    run: Some(emulator),
    ..Check::VM
};

static PIN_HOST: Check = Check {
    code: "PIN-HOST",
    title: "host keeps CPUs for itself",
    explain: "If vCPUs are pinned to every CPU of the host, the host's own work, QEMU's emulator threads and the SSH \
              session have no CPU without interruptions. Leave the host a core, preferably that of CPU 0, which \
              handles most interrupts.",
    run: Some(host),
    ..Check::VM
};

fn place() -> Place {
    Place::root().key("cpu").key("pinning")
}

fn proposal(subject: &Subject, notes: &mut Notes) {
    let pinning = &subject.machine.pinning;
    if !pinning.auto {
        return;
    }
    let what = "where the threads should run";
    if notes.known(&subject.facts.cpus, place, what).is_none() {
        return;
    }
    if let Some(why) = &pinning.failed {
        notes.warning(place(), text!("nothing is pinned: {why}", why), "use fewer vCPUs, or leave auto out");
    }
}

fn text(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = subject.spec.cpu.as_ref().and_then(|cpu| cpu.pinning.as_ref()) else { return };
    notes.looked();
    let machine = subject.machine;
    let threads = usize::try_from(machine.iothreads).unwrap_or(usize::MAX);
    let rows = |rows: Option<&Vec<String>>| rows.into_iter().flatten().cloned().enumerate().collect::<Vec<_>>();
    let lists = [
        ("vcpus", "vCPUs", machine.pinning.vcpus.len(), rows(asked.vcpus.as_ref())),
        ("iothreads", "I/O threads", threads, rows(asked.iothreads.as_ref())),
    ];
    let single = asked.emulator.iter().map(|text| (place().key("emulator"), text));
    for (at, text) in single {
        malformed(notes, at, text);
    }
    for (key, what, most, rows) in &lists {
        for (row, text) in rows {
            let at = place().key(key).index(*row);
            if row >= most {
                let message =
                    text!("line {row} of {key} has no effect: the VM has {most} {what}", row, key, most, what);
                notes.blocker(at, message, "remove it, or give the VM more of them");
            } else {
                malformed(notes, at, text);
            }
        }
    }
}

fn malformed(notes: &mut Notes, place: Place, text: &str) {
    if text.trim().is_empty() {
        return;
    }
    match text.parse::<CpuSet>() {
        Err(error) => notes.blocker(place, text!("{error}", error), "write CPU numbers of the host"),
        Ok(set) if set.is_empty() => {
            notes.blocker(
                place,
                text!("'{text}' does not name a CPU", text = text.trim()),
                "write CPU numbers of the host",
            );
        }
        Ok(_) => {}
    }
}

/// The pins with the place that made each and what it is called.
fn lines(pinning: &Pinning) -> Vec<(Text, Place, &CpuSet)> {
    let of = |line: &Choice<CpuSet>| match &line.reason {
        Reason::Asked(place) => place.clone(),
        Reason::Default(_) => place(),
    };
    let vcpus =
        pinning.vcpus.iter().enumerate().filter_map(|(at, line)| Some((text!("vCPU {at}", at), line.as_ref()?)));
    let emulator = pinning.emulator.iter().map(|line| (Text::from("emulator threads"), line));
    let threads = pinning.iothreads.iter().enumerate();
    let threads = threads.filter_map(|(at, line)| Some((text!("I/O thread {at}", at = at + 1), line.as_ref()?)));
    vcpus.chain(emulator).chain(threads).map(|(name, line)| (name, of(line), &line.value)).collect()
}

/// The virtual CPUs' pins with their number.
fn pinned(pinning: &Pinning) -> impl Iterator<Item = (usize, &CpuSet)> {
    pinning.vcpus.iter().enumerate().filter_map(|(at, line)| Some((at, &line.as_ref()?.value)))
}

fn cpus<'a>(subject: &Subject<'a>, notes: &mut Notes, what: &'static str) -> Option<&'a [LogicalCpu]> {
    subject.machine.pinning.is_some().then_some(())?;
    notes.known(&subject.facts.cpus, place, what).map(Vec::as_slice)
}

fn absent(subject: &Subject, notes: &mut Notes) {
    let Some(cpus) = cpus(subject, notes, "whether the pinned CPUs exist") else { return };
    let online: CpuSet = cpus.iter().filter(|cpu| cpu.online).map(|cpu| cpu.number).collect();
    let present: CpuSet = cpus.iter().map(|cpu| cpu.number).collect();
    for (name, place, set) in lines(&subject.machine.pinning) {
        let (missing, off) = (set.without(&present), set.common(&present).without(&online));
        let remedy = text!("use CPUs of {online}", online);
        if !missing.is_empty() {
            notes.blocker(place, text!("{name}: the host has no CPU {missing}", name, missing), remedy);
        } else if !off.is_empty() {
            notes.blocker(place, text!("{name}: CPU {off} of the host is offline", name, off), remedy);
        }
    }
}

fn shared(subject: &Subject, notes: &mut Notes) {
    let single: Vec<(usize, &CpuSet)> = pinned(&subject.machine.pinning).filter(|(_, set)| set.len() == 1).collect();
    if single.len() < 2 {
        return;
    }
    notes.looked();
    for (at, (vcpu, set)) in single.iter().enumerate() {
        if let Some((first, _)) = single.iter().take(at).find(|(_, other)| other == set) {
            let message = text!("vCPUs {first} and {vcpu} are both pinned to CPU {set}", first, vcpu, set);
            notes.warning(place().key("vcpus").index(*vcpu), message, "give each a CPU of its own");
        }
    }
}

fn siblings(subject: &Subject, notes: &mut Notes) {
    let machine = subject.machine;
    let threads = machine.cpu.topology.as_ref().map_or(1, |topology| topology.value.threads);
    let pins: Vec<Option<&CpuSet>> = machine
        .pinning
        .vcpus
        .iter()
        .map(|line| line.as_ref().map(|line| &line.value).filter(|set| set.len() == 1))
        .collect();
    if threads != 2 || pins.iter().flatten().count() < 2 {
        return;
    }
    let Some(cpus) = cpus(subject, notes, "which CPUs share a core") else { return };
    let core = |set: &CpuSet| cpus.iter().find(|cpu| set.contains(cpu.number)).map(|cpu| &cpu.siblings);
    let split: Vec<Text> = pins
        .chunks(2)
        .enumerate()
        .filter(|(_, pair)| matches!(pair, [Some(one), Some(other)] if core(one).is_some() && core(one) != core(other)))
        .map(|(at, _)| text!("{first}-{second}", first = at * 2, second = at * 2 + 1))
        .collect();
    if !split.is_empty() {
        let message = text!(
            "the guest takes vCPUs {split} for the threads of a core, but they are pinned to different cores",
            split = shortened(&split)
        );
        notes.warning(
            place(),
            message,
            "pin each pair to the sibling threads of one core, or set cpu.topology.threads to 1",
        );
    }
}

/// Of a proposal it is what was asked for, with too many vCPUs; pins by hand may be a mistake.
fn kinds(subject: &Subject, notes: &mut Notes) {
    let pins: Vec<(usize, &CpuSet)> = pinned(&subject.machine.pinning).collect();
    let cpus = subject.facts.cpus.items();
    let of =
        |kind: CoreKind| cpus.iter().filter(|cpu| cpu.kind == Some(kind)).map(|cpu| cpu.number).collect::<CpuSet>();
    let (fast, slow) = (of(CoreKind::Performance), of(CoreKind::Efficiency));
    if pins.is_empty() || fast.is_empty() || slow.is_empty() {
        return;
    }
    notes.looked();
    let on_slow: CpuSet =
        pins.iter().filter(|(_, set)| set.within(&slow)).filter_map(|(at, _)| u32::try_from(*at).ok()).collect();
    if on_slow.is_empty() {
        return;
    }
    let most = fast.len();
    let way_out = text!("use at most {most} vCPUs, the threads of the performance cores", most);
    if on_slow.len() == pins.len() {
        notes.info(place(), "all vCPUs run on efficiency cores", way_out);
        return;
    }
    let message = text!("vCPUs {on_slow} run on efficiency cores, the others on performance cores", on_slow);
    if subject.machine.pinning.auto {
        notes.info(place(), message, way_out);
    } else {
        notes.warning(place(), message, "pin all to cores of one kind");
    }
}

/// The first few.
fn shortened(items: &[Text]) -> Arg {
    const FEW: usize = 3;
    let more = items.len().checked_sub(FEW).filter(|more| *more > 0).map(|more| text!("{more} more pairs", more));
    Arg::all(items.iter().take(FEW).chain(&more))
}

fn node(subject: &Subject, notes: &mut Notes) {
    let pins: Vec<(usize, &CpuSet)> = pinned(&subject.machine.pinning).collect();
    if pins.is_empty() {
        return;
    }
    let Some(known) = notes.known(&subject.facts.nodes, place, "on which NUMA nodes the vCPUs run") else { return };
    if known.len() < 2 {
        return;
    }
    let all = pins.iter().fold(CpuSet::default(), |all, (_, set)| all.with(set));
    let used = of(known, &all);
    let cells = &subject.machine.backing.cells;
    for (number, cell) in cells.iter().enumerate() {
        let own = pins.iter().filter(|(vcpu, _)| u32::try_from(*vcpu).is_ok_and(|vcpu| cell.vcpus.contains(vcpu)));
        let own = of(known, &own.fold(CpuSet::default(), |all, (_, set)| all.with(set)));
        if let Some(node) = cell.node.filter(|node| !own.is_empty() && own != CpuSet::one(*node)) {
            let message = text!(
                "the memory of NUMA cell {number} is on node {node}, its vCPUs run on node {own}",
                number,
                node,
                own
            );
            notes.warning(cell.place.clone(), message, text!("pin them to CPUs of node {node}", node));
        }
    }
    if cells.len() < 2 && used.len() > 1 {
        let message = text!("vCPUs are pinned to CPUs of nodes {used}, but the guest sees one node", used);
        notes.warning(place(), message, "pin them to CPUs of one node, or describe the nodes in numa.cells");
    }
    if let Some(card) = pinning::card_node(subject.spec, subject.facts).filter(|card| !used.contains(*card)) {
        let message = text!("the passed card is on node {card}, the vCPUs run on node {used}", card, used);
        notes.warning(place(), message, text!("pin them to CPUs of node {card}", card));
    }
}

/// The nodes that these CPUs belong to.
fn of(nodes: &[NumaNode], cpus: &CpuSet) -> CpuSet {
    nodes.iter().filter(|node| !node.cpus.common(cpus).is_empty()).map(|node| node.number).collect()
}

fn emulator(subject: &Subject, notes: &mut Notes) {
    let pinning = &subject.machine.pinning;
    let vcpus = pinned(pinning).fold(CpuSet::default(), |all, (_, set)| all.with(set));
    if vcpus.is_empty() {
        return;
    }
    notes.looked();
    let others = lines(pinning).into_iter().skip(pinned(pinning).count());
    let mut any = false;
    for (name, place, set) in others {
        any = true;
        let both = set.common(&vcpus);
        if !both.is_empty() {
            let message = text!("{name} may run on CPU {both}, to which vCPUs are pinned", name, both);
            notes.warning(place, message, "pin to CPUs that no vCPU uses");
        }
    }
    if !any {
        let message = "the vCPUs are pinned, but the emulator threads may run on the same CPUs";
        notes.warning(place().key("emulator"), message, "pin them to CPUs that no vCPU uses");
    }
}

fn host(subject: &Subject, notes: &mut Notes) {
    let used = pinned(&subject.machine.pinning).fold(CpuSet::default(), |all, (_, set)| all.with(set));
    if used.is_empty() {
        return;
    }
    let Some(cpus) = cpus(subject, notes, "whether the host keeps a CPU") else { return };
    let online: CpuSet = cpus.iter().filter(|cpu| cpu.online).map(|cpu| cpu.number).collect();
    let single = pinned(&subject.machine.pinning).all(|(_, set)| set.len() == 1);
    if single && online.within(&used) {
        let message = text!("vCPUs are pinned to all {count} CPUs of the host", count = online.len());
        notes.warning(place(), message, "leave the host a core, preferably that of CPU 0");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_pass_by_value)]
    use crate::checks::fixture::{Asked, known};
    use crate::facts::{Fact, LogicalCpu, NumaNode};
    use crate::units::CpuSet;
    use serde_json::{Value, json};

    /// Two nodes of two cores of two threads: 0,4 1,5 on node 0, 2,6 3,7 on node 1. CPU 8 is switched off.
    fn host(asked: Asked) -> Asked {
        let node = |number: u32| number % 4 / 2;
        let cpu = |number: u32| LogicalCpu {
            number,
            online: true,
            siblings: [number % 4, number % 4 + 4].into_iter().collect(),
            node: Some(node(number)),
            ..LogicalCpu::default()
        };
        let off = LogicalCpu { number: 8, ..LogicalCpu::default() };
        let nodes = [0, 1].map(|number| {
            let cpus: CpuSet = (0..8).filter(|cpu| node(*cpu) == number).collect();
            NumaNode { number, cpus, ..NumaNode::default() }
        });
        asked.facts(|facts| {
            facts.cpus = known((0..8).map(cpu).chain([off]).collect());
            facts.nodes = known(nodes.to_vec());
        })
    }

    fn pinned(vcpus: Value, emulator: &str) -> Asked {
        let threads = json!({"threads": 2});
        host(Asked::with(json!({"cpu": {"topology": threads, "pinning": {"vcpus": vcpus, "emulator": emulator}}})))
    }

    #[test]
    fn a_good_pinning_passes_everything() {
        let good = pinned(json!(["2", "6", "3", "7"]), "0,4");
        for code in ["PIN-TEXT", "PIN-ABSENT", "PIN-SHARED", "PIN-SIBLINGS", "PIN-NODE", "PIN-EMULATOR", "PIN-HOST"] {
            good.passes(code);
        }
        good.quiet("PIN-PROPOSAL");
        Asked::good().quiet("PIN-ABSENT").quiet("PIN-TEXT").quiet("PIN-EMULATOR").quiet("PIN-NODE").quiet("PIN-HOST");
    }

    #[test]
    fn what_is_no_set_and_what_belongs_to_nothing_is_refused() {
        pinned(json!(["x"]), "").said("PIN-TEXT").blocker();
        pinned(json!(["2-2,^2"]), "").blocks("PIN-TEXT", "cpu.pinning.vcpus[0]", "'2-2,^2' does not name a CPU");
        let want = "line 4 of vcpus has no effect: the VM has 4 vCPUs";
        pinned(json!(["2", "6", "3", "7", "0"]), "").blocks("PIN-TEXT", "cpu.pinning.vcpus[4]", want);
    }

    #[test]
    fn cpus_that_are_not_there_are_refused() {
        let want = "vCPU 1: the host has no CPU 9";
        pinned(json!(["2", "9"]), "").blocks("PIN-ABSENT", "cpu.pinning.vcpus[1]", want);
        let want = "emulator threads: CPU 8 of the host is offline";
        pinned(json!(["2"]), "8").blocks("PIN-ABSENT", "cpu.pinning.emulator", want);
        pinned(json!(["2"]), "0").facts(|facts| facts.cpus = Fact::default()).unknown("PIN-ABSENT");
    }

    #[test]
    fn shared_cpus_and_split_siblings_are_told() {
        let want = "vCPUs 0 and 1 are both pinned to CPU 2";
        pinned(json!(["2", "2"]), "0").warns("PIN-SHARED", "cpu.pinning.vcpus[1]", want);
        pinned(json!(["2-3", "2-3"]), "0").quiet("PIN-SHARED");
        let want =
            "the guest takes vCPUs 0-1 and 2-3 for the threads of a core, but they are pinned to different cores";
        pinned(json!(["2", "3", "6", "7"]), "0").warns("PIN-SIBLINGS", "cpu.pinning", want);
        let one = json!({"cpu": {"topology": {"threads": 1}, "pinning": {"vcpus": ["2", "3"]}}});
        host(Asked::with(one)).quiet("PIN-SIBLINGS");
    }

    #[test]
    fn nodes_matter_where_there_are_several() {
        let want = "vCPUs are pinned to CPUs of nodes 0-1, but the guest sees one node";
        pinned(json!(["1", "5", "2", "6"]), "0").warns("PIN-NODE", "cpu.pinning", want);
        let cells = json!({"cells": [{"vcpus": "0-1", "memory": "1 GiB", "node": 0}, {"vcpus": "2-3", "memory": "1 GiB", "node": 1}]});
        let with = |vcpus: Value| {
            host(Asked::with(json!({"cpu": {"pinning": {"vcpus": vcpus, "emulator": "0"}}, "numa": cells})))
        };
        with(json!(["1", "5", "2", "6"])).passes("PIN-NODE");
        let want = "the memory of NUMA cell 1 is on node 1, its vCPUs run on node 0";
        with(json!(["1", "5", "0", "4"])).warns("PIN-NODE", "numa.cells[1]", want);
    }

    #[test]
    fn qemu_and_the_host_need_cpus_of_their_own() {
        let want = "emulator threads may run on CPU 2, to which vCPUs are pinned";
        pinned(json!(["2", "6"]), "0,2").warns("PIN-EMULATOR", "cpu.pinning.emulator", want);
        pinned(json!(["2", "6"]), "").said("PIN-EMULATOR").warning();
        let all = json!(["0", "4", "1", "5", "2", "6", "3", "7"]);
        let full = json!({"vcpus": 8, "cpu": {"pinning": {"vcpus": all}}});
        host(Asked::with(full)).warns("PIN-HOST", "cpu.pinning", "vCPUs are pinned to all 8 CPUs of the host");
    }

    #[test]
    fn a_proposal_that_cannot_be_made_says_why() {
        let auto = |vcpus: u32| host(Asked::with(json!({"vcpus": vcpus, "cpu": {"pinning": {"auto": true}}})));
        auto(4).passes("PIN-PROPOSAL").passes("PIN-EMULATOR").passes("PIN-ABSENT").passes("PIN-SIBLINGS");
        auto(8).said("PIN-PROPOSAL").warning();
        auto(4).facts(|facts| facts.cpus = Fact::default()).unknown("PIN-PROPOSAL");
    }
}
