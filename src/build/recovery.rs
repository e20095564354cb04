//! An interrupted build is brought to its end, or all that it made is removed: the host says what is there, the journal
//! whose it is.

use super::found::{self, Found};
use super::run::Run;
use super::{Order, recording, undo};
use crate::engine::libvirt::LibvirtCall;
use crate::engine::{Call, Common, Made, MadeId, Thing};
use crate::host::backend::{Removed, Teller};
use crate::host::{Backend, HostError, opening};
use crate::journal::{BuildRecord, Builds, JournalEntry, RecoveryKind};
use crate::plan::{BuildEvent, BuildResult};
use crate::spec::Spec;
use crate::store::StoreError;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct RecoveryOrder {
    /// Finish it, or take it back.
    pub kind: RecoveryKind,
    /// What is only likely to be of this build counts as its own.
    pub likely: bool,
    /// The secrets that are not recorded, for what remains to be done.
    pub secrets: Option<Spec>,
    /// The session of SSH by which the user came, in the form of SSH_CONNECTION.
    pub ssh: Option<String>,
}

/// Why nothing was recovered; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Unrecovered {
    /// Another process works on the build.
    #[error("another process works on this build")]
    Busy,
    /// The journal cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The host does not answer.
    #[error(transparent)]
    Host(#[from] HostError),
    /// It cannot be finished: why.
    #[error("{0}")]
    Hopeless(String),
}

/// Finishes the build of `record`, or takes it back. `events` is told everything, [`BuildEvent::Ended`] last.
pub fn recover(
    builds: &Builds,
    record: &BuildRecord,
    wanted: &RecoveryOrder,
    events: &mut dyn FnMut(BuildEvent),
    cancel: &Arc<AtomicBool>,
) -> Result<BuildResult, Unrecovered> {
    let (mut journal, record) = builds.take_up(record)?.ok_or(Unrecovered::Busy)?;
    let order = order(&record, wanted)?;
    let mut backend = opening::open(order.plan.engine, &order.source, order.ssh.as_deref())?;
    journal.take_up(wanted.kind)?;
    let mut record_event = |event: &BuildEvent| journal.record(event).map_err(|error| recording::unrecorded(&error));
    let teller = Teller::new(record.ledger(), &mut record_event, events);
    let mut run = Run::new(&order, order.plan.clone(), teller, cancel);
    let outcome = match wanted.kind {
        RecoveryKind::Undo => take_back(&mut run, backend.as_mut(), &record, wanted.likely),
        RecoveryKind::Resume => finish(&mut run, backend.as_mut(), &record, wanted.likely),
    };
    run.end(&outcome);
    Ok(outcome)
}

/// The build as it was ordered.
fn order(record: &BuildRecord, wanted: &RecoveryOrder) -> Result<Order, Unrecovered> {
    let opened = record.opened();
    let mut spec = opened.spec.clone();
    if wanted.kind == RecoveryKind::Resume {
        let done = done(record);
        let is_seed = |call: &Call| matches!(call, Call::Libvirt(LibvirtCall::WriteSeed { .. }));
        let mut undone = opened.plan.steps.iter().enumerate().filter(|(number, _)| !done.contains(number));
        if !opened.needs.is_empty() && undone.any(|(_, step)| is_seed(&step.call)) {
            let Some(secrets) = &wanted.secrets else {
                let needs = opened.needs.join(", ");
                let why =
                    format!("its cloud-init seed needs {needs}, which is not recorded; name the spec with --spec FILE");
                return Err(Unrecovered::Hopeless(why));
            };
            spec.cloud_init.clone_from(&secrets.cloud_init);
        }
    }
    Ok(Order {
        plan: opened.plan.clone(),
        spec,
        allowed: opened.given_up().collect(),
        source: opened.host.source(),
        builds: None,
        ssh: wanted.ssh.clone(),
    })
}

/// The steps that were done and not undone since.
fn done(record: &BuildRecord) -> BTreeSet<usize> {
    let mut done = BTreeSet::new();
    for event in record.events() {
        match event {
            BuildEvent::StepDone { step, .. } => drop(done.insert(*step)),
            BuildEvent::Undone { step, .. } => drop(done.remove(step)),
            _ => {}
        }
    }
    done
}

/// When the last step began.
fn since(record: &BuildRecord) -> u64 {
    let began = record.text.entries.iter().rev().find_map(|(at, entry)| match entry {
        JournalEntry::Event(BuildEvent::StepBegan { .. }) => Some(*at),
        _ => None,
    });
    began.unwrap_or(record.text.opened_ms)
}

/// Asks for what was begun and not heard of, and tells of it where it is ours; `false` where something of the same names
/// is left alone.
fn clear_up(run: &mut Run<'_>, backend: &mut dyn Backend, record: &BuildRecord, likely: bool) -> bool {
    let Some(begun) = run.teller.ledger.begun().cloned() else { return true };
    let found = found::look(backend, (run.plan.engine, &begun, since(record)), run.cancel);
    let why = match found {
        Ok(Found::Nothing) => return true,
        Ok(Found::Ours(made)) => return told(run, made),
        Ok(Found::Likely(made, _)) if likely => return told(run, made),
        Ok(Found::Likely(_, why)) => format!("it may be of this build ({why}); --yes removes it, too"),
        Ok(Found::Foreign(why)) => format!("it is not of this build: {why}"),
        Err(error) => error.to_string(),
    };
    let undo = run.teller.ledger.undo_by_name(&begun.thing);
    let by_hand = undo.command.to_string();
    run.teller.tell(BuildEvent::NotUndone { step: begun.step, what: undo.thing, why, by_hand, made: None });
    false
}

fn told(run: &mut Run<'_>, made: Made) -> bool {
    run.teller.tell(BuildEvent::Made(made));
    true
}

/// Removes all that is of this build.
fn take_back(run: &mut Run<'_>, backend: &mut dyn Backend, record: &BuildRecord, likely: bool) -> BuildResult {
    let cleared = clear_up(run, backend, record, likely);
    let made: Vec<Made> = run.teller.ledger.newest_first().cloned().collect();
    // A copy that is still being made cannot be deleted, and a pool that cannot be looked at shows nothing to delete.
    let mut spared: Vec<(MadeId, String)> = Vec::new();
    for made in &made {
        if let Err(error) = backend.settle(&made.thing, run.cancel) {
            spared.push((made.id.clone(), error.to_string()));
        }
    }
    let users = found::facts(backend, run.cancel);
    let own = run.teller.ledger.domain().map(|domain| domain.id.clone());
    let spare = |made: &Made| {
        let unsettled = spared.iter().find(|(id, _)| *id == made.id).map(|(_, why)| why.clone());
        unsettled.or_else(|| match (&made.thing, &users) {
            (Thing::Volume { .. }, Err(error)) => Some(error.to_string()),
            (Thing::Volume { .. }, Ok(facts)) => {
                found::user(facts, made, own.as_ref()).map(|user| format!("domain {user} uses it"))
            }
            _ => None,
        })
    };
    if undo::all_but(backend, &spare, &mut run.teller) && cleared {
        BuildResult::Undone { message: "taken back by vmbuild recover".to_owned() }
    } else {
        BuildResult::NotFullyUndone { message: "not everything could be taken back".to_owned() }
    }
}

/// Does what remains to be done.
fn finish(run: &mut Run<'_>, backend: &mut dyn Backend, record: &BuildRecord, likely: bool) -> BuildResult {
    let stopped = |message: String| BuildResult::NotFullyUndone { message };
    if !clear_up(run, backend, record, likely) {
        return stopped("what the next step makes is there already, and is not of this build".into());
    }
    let mut done = done(record);
    // What is set on a domain went with it where its definition was undone.
    let steps = &run.plan.steps;
    let first = (0..steps.len()).find(|number| !done.contains(number)).unwrap_or(steps.len());
    done.retain(|number| *number < first || steps.get(*number).is_some_and(|step| step.thing.is_some()));
    let made: Vec<Made> = run.teller.ledger.newest_first().cloned().collect();
    for made in made {
        match piece(run, backend, &made, &mut done) {
            Ok(true) => {}
            Ok(false) => {
                let thing = run.teller.ledger.undo(&made).thing;
                return stopped(format!("{thing} was made by this build and is not there any more"));
            }
            Err(error) => return stopped(error.to_string()),
        }
    }
    // The host is looked at again before anything is made. What is there already stays if it has changed.
    if let Err(why) = run.look_again(backend) {
        return stopped(why);
    }
    done.extend(run.plan.steps.iter().enumerate().filter(|(_, step)| is_recheck(&step.call)).map(|(number, _)| number));
    run.all_steps(backend, &done)
}

fn is_recheck(call: &Call) -> bool {
    matches!(call, Call::Any(Common::Recheck { .. }))
}

/// Whether what a step made can be kept; what is only a part of it is removed, to be made again.
fn piece(
    run: &mut Run<'_>,
    backend: &mut dyn Backend,
    made: &Made,
    done: &mut BTreeSet<usize>,
) -> Result<bool, HostError> {
    if done.contains(&made.step) {
        return backend.is_there(made);
    }
    if !matches!(made.thing, Thing::Volume { .. }) {
        // A definition and a start are whole as soon as they are there.
        let there = backend.is_there(made)?;
        if there {
            done.insert(made.step);
            let (step, at_ms) = (made.step, run.elapsed());
            run.teller.tell(BuildEvent::StepDone { step, at_ms, note: "done before the build was interrupted".into() });
        }
        return Ok(there);
    }
    backend.settle(&made.thing, run.cancel)?;
    let undo = run.teller.ledger.undo(made);
    let what = match backend.undo(made)? {
        Removed::Now => undo.done,
        Removed::Before => format!("{} no longer existed", undo.thing),
    };
    run.teller.tell(BuildEvent::Undone { step: made.step, what, made: made.clone() });
    Ok(true)
}
