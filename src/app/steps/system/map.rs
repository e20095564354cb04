//! The host's CPUs core by core: which threads of the VM run there, who else does, and moving a thread to a core.

use crate::app::Model;
use crate::app::intent::Intent;
use crate::app::options::Known;
use crate::app::outcome::{Edit, Outcome};
use crate::app::overlay::{List, Overlay, Purpose};
use crate::facts::DomainState;
use crate::machine::Choice;
use crate::machine::pinning::{HostCore, host_cores};
use crate::spec::Place;
use crate::units::CpuSet;

/// A thread of the VM that can be pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thread {
    /// A virtual CPU, from 0.
    Vcpu(usize),
    /// QEMU's own threads.
    Emulator,
    /// An I/O thread, from 0; users count from 1.
    Io(usize),
}

/// A core of the host with what runs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapCore {
    /// The core.
    pub core: HostCore,
    /// Threads of this VM.
    pub threads: Vec<Thread>,
    /// Who else runs there: the host, other VMs.
    pub others: Vec<String>,
    /// Why the first of the threads runs here; empty where the user said so, or none does.
    pub why: String,
}

impl Thread {
    /// As users call it.
    pub fn name(self) -> String {
        match self {
            Self::Vcpu(row) => format!("CPU {row}"),
            Self::Emulator => "QEMU itself".into(),
            Self::Io(row) => format!("I/O thread {}", row + 1),
        }
    }

    /// Its line in the spec.
    fn place(self) -> Place {
        let pinning = Place::root().key("cpu").key("pinning");
        match self {
            Self::Vcpu(row) => pinning.key("vcpus").index(row),
            Self::Emulator => pinning.key("emulator"),
            Self::Io(row) => pinning.key("iothreads").index(row),
        }
    }

    fn line(self, model: &Model) -> Option<&Choice<CpuSet>> {
        let pinning = &model.case.machine.pinning;
        match self {
            Self::Vcpu(row) => pinning.vcpus.get(row)?.as_ref(),
            Self::Emulator => pinning.emulator.as_ref(),
            Self::Io(row) => pinning.iothreads.get(row)?.as_ref(),
        }
    }

    /// True where the user said where it runs.
    fn is_placed(self, model: &Model) -> bool {
        self.line(model).is_some_and(|line| line.why().is_none())
    }

    /// Where it runs, and who said so.
    fn told(self, model: &Model) -> String {
        match self.line(model) {
            None => "runs on any CPU".into(),
            Some(line) if line.why().is_some() => format!("on {}, proposed", line.value),
            Some(line) => format!("on {}", line.value),
        }
    }
}

/// The threads of the VM.
fn threads(model: &Model) -> Vec<Thread> {
    let pinning = &model.case.machine.pinning;
    let vcpus = (0..pinning.vcpus.len()).map(Thread::Vcpu);
    vcpus.chain([Thread::Emulator]).chain((0..pinning.iothreads.len()).map(Thread::Io)).collect()
}

/// The cores of the host, node by node and cache by cache.
pub fn cores(model: &Model) -> Vec<MapCore> {
    let threads = threads(model);
    let mut cores: Vec<HostCore> = host_cores(model.facts.cpus.items());
    cores.sort_by_key(|core| (core.node, core.cache, core.cpus.first()));
    let on = |core: &HostCore, thread: &Thread| {
        thread.line(model).is_some_and(|line| !line.value.common(&core.cpus).is_empty())
    };
    let with = |core: HostCore| {
        let threads: Vec<Thread> = threads.iter().copied().filter(|thread| on(&core, thread)).collect();
        let why = threads.first().and_then(|thread| thread.line(model)?.why()).unwrap_or_default().to_owned();
        MapCore { others: others(model, &core), core, threads, why }
    };
    cores.into_iter().map(with).collect()
}

fn others(model: &Model, core: &HostCore) -> Vec<String> {
    let kept = !model.case.machine.pinning.reserve.common(&core.cpus).is_empty();
    let running = model.facts.domains.items().iter().filter(|domain| domain.state == DomainState::Active);
    let pinned = running.filter(|domain| !domain.pinned.common(&core.cpus).is_empty());
    let host = kept.then(|| "the host's own".to_owned());
    host.into_iter().chain(pinned.map(|domain| format!("VM {}", domain.name))).collect()
}

/// What the map says above its cores.
pub fn summary(model: &Model) -> String {
    let pinning = &model.case.machine.pinning;
    let lines = pinning.vcpus.iter().flatten().count();
    match (&pinning.failed, lines) {
        (Some(why), _) => why.clone(),
        (None, 0) if pinning.vcpus.is_empty() => "The VM has no CPUs yet: set their number in step 2.".into(),
        (None, 0) => "Nothing is pinned: every thread runs on any CPU. Space proposes a CPU for each line.".into(),
        (None, _) if pinning.auto => {
            format!("{lines} CPUs of the guest are pinned; lines not set by hand are proposed.")
        }
        (None, _) => format!("{lines} CPUs of the guest are pinned, by hand."),
    }
}

/// Why the map cannot be opened.
pub(in crate::app) fn why_not(model: &Model) -> Option<String> {
    let unknown = model.facts.cpus.why_not().map(|why| format!("the host's CPUs are not known: {why}"));
    let waiting = || "the host has not answered yet".to_owned();
    if model.facts.cpus.is_pending() { Some(waiting()) } else { unknown }
}

/// An intent within the map, on the core in `row`; `None` if the map has no answer to it.
pub(in crate::app) fn act(model: &Model, row: usize, intent: Intent) -> Option<Outcome> {
    let core = cores(model).into_iter().nth(row);
    Some(match intent {
        Intent::PlaceThread => match core {
            Some(core) => {
                let list = choices(model, &core);
                Outcome::show(Overlay::Pick(Purpose::Thread(core.core.cpus), list))
            }
            None => Outcome::default(),
        },
        Intent::FreeCore => free(model, core.as_ref()),
        Intent::PinOrNot => {
            let auto = !model.case.machine.pinning.auto;
            Outcome::edit(Edit::Set(Place::root().key("cpu").key("pinning").key("auto"), Some(auto.into())))
        }
        _ => return None,
    })
}

/// The threads that could run on a core.
fn choices(model: &Model, core: &MapCore) -> List<Known> {
    let item = |thread: Thread| Known { value: thread.name(), note: thread.told(model) };
    let mut list = List::new(format!("on {}", core.core.cpus), threads(model).into_iter().map(item).collect());
    // The first one that nobody has placed is the likely one.
    list.row = threads(model).iter().position(|thread| !thread.is_placed(model)).unwrap_or(0);
    list
}

/// The thread at position `at` runs on `core` from now on: a virtual CPU on the one CPU of it that has the fewest, other
/// threads on all of it.
pub(in crate::app) fn place(model: &Model, core: &CpuSet, at: Option<usize>) -> Outcome {
    let Some(thread) = at.and_then(|at| threads(model).get(at).copied()) else { return Outcome::default() };
    let text = match thread {
        Thread::Vcpu(_) => emptiest(model, core, thread).map_or_else(|| core.to_string(), |cpu| cpu.to_string()),
        _ => core.to_string(),
    };
    Outcome::edit(Edit::Set(thread.place(), Some(text.into())))
}

fn emptiest(model: &Model, core: &CpuSet, thread: Thread) -> Option<u32> {
    let vcpus: Vec<Thread> =
        threads(model).into_iter().filter(|other| matches!(other, Thread::Vcpu(_)) && *other != thread).collect();
    let load = |cpu: u32| {
        let lines = vcpus.iter().filter_map(|other| other.line(model));
        lines.filter(|line| line.value.contains(cpu)).count()
    };
    core.iter().min_by_key(|cpu| load(*cpu))
}

/// What the user placed on a core goes back to the proposal, or to any CPU.
fn free(model: &Model, core: Option<&MapCore>) -> Outcome {
    let threads = core.into_iter().flat_map(|core| &core.threads).copied();
    let edits: Vec<Edit> =
        threads.filter(|thread| thread.is_placed(model)).map(|thread| Edit::Set(thread.place(), None)).collect();
    if edits.is_empty() {
        return Outcome::say("no thread was pinned to this CPU by hand");
    }
    Outcome::edits(edits)
}
