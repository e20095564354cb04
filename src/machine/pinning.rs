//! Which host CPUs run the VM's threads: lines that were asked for, and proposals for the others.

use super::Choice;
use super::proposal::{self, Placement, Proposal, Wish};
pub use super::proposal::{HostCore, cores as host_cores};
use super::split;
use crate::facts::{DomainState, Facts};
use crate::spec::{Place, Spec, filled};
use crate::units::{CpuSet, PciAddress};

/// The lines of a pinning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pinning {
    /// True where lines are proposed.
    pub auto: bool,
    /// True where pairs of virtual CPUs run on the two threads of a core.
    pub pairs: bool,
    /// Of each virtual CPU, `max_vcpus` of them; `None` where it may run anywhere.
    pub vcpus: Vec<Option<Choice<CpuSet>>>,
    /// Of QEMU's own threads.
    pub emulator: Option<Choice<CpuSet>>,
    /// Of each I/O thread.
    pub iothreads: Vec<Option<Choice<CpuSet>>>,
    /// CPUs that the proposal leaves to the host.
    pub reserve: CpuSet,
    /// Nodes that the guest should see, as its threads or its cards are on several of the host's: virtual CPUs and the node of
    /// the host. Empty where one is enough, or the spec says what it sees.
    pub cells: Vec<(CpuSet, u32)>,
    /// Why nothing could be proposed.
    pub failed: Option<String>,
}

impl Pinning {
    /// True where any line is there.
    pub fn is_some(&self) -> bool {
        self.emulator.is_some() || self.vcpus.iter().chain(&self.iothreads).any(Option::is_some)
    }
}

/// More lines than any machine type takes virtual CPUs.
const MOST: u32 = 4096;

pub(super) fn pinning(spec: &Spec, facts: &Facts) -> Pinning {
    let asked = spec.cpu.as_ref().and_then(|cpu| cpu.pinning.clone()).unwrap_or_default();
    let count = spec.max_vcpus.unwrap_or(0).max(spec.vcpus.unwrap_or(0)).min(MOST);
    let threads = spec.iothreads.unwrap_or(0).min(MOST);
    let auto = asked.auto.unwrap_or(false);
    let place = Place::root().key("cpu").key("pinning");
    let mut pinning = Pinning { auto, ..Pinning::default() };
    let own = |list: Option<&Vec<String>>, name: &str, count: u32| -> Vec<Option<Choice<CpuSet>>> {
        let mut rows = list.into_iter().flatten().enumerate();
        let mut next = || rows.next().and_then(|(row, text)| line(Some(text), place.clone().key(name).index(row)));
        (0..count).map(|_| next()).collect()
    };
    pinning.vcpus = own(asked.vcpus.as_ref(), "vcpus", count);
    pinning.iothreads = own(asked.iothreads.as_ref(), "iothreads", threads);
    pinning.emulator = line(asked.emulator.as_deref(), place.clone().key("emulator"));
    if auto && count > 0 {
        match facts.cpus.why_not() {
            Some(why) => {
                let why = why.trim_end_matches('.');
                pinning.failed = Some(format!("the host's CPUs are not known: {why}"));
            }
            None => match split::propose(spec, facts, &wish(spec, facts, &pinning)) {
                Ok((proposed, cells)) => {
                    fill(&mut pinning, proposed);
                    pinning.cells = cells;
                }
                Err(why) => pinning.failed = Some(why),
            },
        }
    }
    let pins: Vec<Option<&CpuSet>> = pinning.vcpus.iter().map(|line| line.as_ref().map(|line| &line.value)).collect();
    pinning.pairs = auto && proposal::in_pairs(&pins, facts.cpus.items());
    pinning
}

/// Puts proposals where no line was asked for.
fn fill(pinning: &mut Pinning, proposed: Proposal) {
    let chosen = |line: Placement| Choice::default(line.cpus, line.why);
    let (mut vcpus, mut iothreads) = (proposed.vcpus.into_iter(), proposed.iothreads.into_iter());
    for line in pinning.vcpus.iter_mut().filter(|line| line.is_none()) {
        *line = vcpus.next().map(chosen);
    }
    for line in pinning.iothreads.iter_mut().filter(|line| line.is_none()) {
        *line = iothreads.next().map(chosen);
    }
    if pinning.emulator.is_none() {
        pinning.emulator = proposed.emulator.map(chosen);
    }
    pinning.reserve = proposed.reserve;
}

fn line(text: Option<&str>, place: Place) -> Option<Choice<CpuSet>> {
    let set: CpuSet = filled(text)?.parse().ok()?;
    (!set.is_empty()).then(|| Choice::asked(set, place))
}

fn wish(spec: &Spec, facts: &Facts, pinning: &Pinning) -> Wish {
    let near = card_node(spec, facts);
    let cells = spec.numa.as_ref().and_then(|numa| numa.cells.as_deref()).unwrap_or_default();
    let cells: Vec<(CpuSet, u32)> =
        cells.iter().filter_map(|cell| Some((cell.vcpus.as_deref()?.parse().ok()?, cell.node?))).collect();
    let node_of = |vcpu: u32| cells.iter().find(|(set, _)| set.contains(vcpu)).map(|(_, node)| *node);
    let asked = spec.numa.as_ref().and_then(|numa| numa.nodes.as_deref()?.parse::<CpuSet>().ok());
    let asked = asked.filter(|nodes| nodes.len() == 1).and_then(|nodes| nodes.first());
    let running = facts.domains.items().iter().filter(|domain| domain.state == DomainState::Active);
    let open = (0u32..).zip(&pinning.vcpus).filter(|(_, line)| line.is_none());
    let own = pinning.vcpus.iter().chain(&pinning.iothreads).chain([&pinning.emulator]).flatten();
    Wish {
        nodes: open.map(|(vcpu, _)| node_of(vcpu).or(asked)).collect(),
        given: own.fold(CpuSet::default(), |all, line| all.with(&line.value)),
        near: asked.is_none().then_some(near).flatten(),
        iothreads: u32::try_from(pinning.iothreads.iter().filter(|line| line.is_none()).count()).unwrap_or(0),
        reserve: spec.cpu.as_ref().and_then(|cpu| cpu.pinning.as_ref()?.reserve).unwrap_or(1),
        taken: running.fold(CpuSet::default(), |all, domain| all.with(&domain.pinned)),
    }
}

/// The node of the first passed card that has one, on a host with several.
pub fn card_node(spec: &Spec, facts: &Facts) -> Option<u32> {
    if facts.nodes.items().len() < 2 {
        return None;
    }
    let passed = spec.pci_devices.iter().flatten().filter(|device| !device.is_held());
    let mut addresses = passed.filter_map(|device| device.host_address.as_deref()?.parse().ok());
    let node = |address: PciAddress| facts.pci.items().iter().find(|device| device.address == address)?.numa_node;
    addresses.find_map(node)
}
