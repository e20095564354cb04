//! The loop over the steps of a plan, and the stream of events that tells of it.

use super::{Order, recheck, recording, undo};
use crate::checks::{Finding, diagnose};
use crate::engine::{Call, Common, Foreseen, Made, Step, Thing};
use crate::host::backend::{Doubt, Halt, Teller, Trace, Work};
use crate::host::{Backend, Cause, HostError, opening};
use crate::plan::{BuildEvent, BuildResult, Ledger, Plan, Refused};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A running build.
pub(super) struct Run<'a> {
    order: &'a Order,
    /// The steps, with the identity that was chosen for the VM.
    pub(super) plan: Plan,
    pub(super) cancel: &'a Arc<AtomicBool>,
    pub(super) teller: Teller<'a>,
    began: Instant,
    /// The step that is being done.
    step: usize,
    /// What the checks found just before the first change.
    findings: Vec<Finding>,
}

/// Builds on a connection of its own and blocks until the build is over; belongs on a thread of its own. `events` is told
/// everything, [`BuildEvent::Ended`] last. Setting `cancel` ends the build at the next opportunity and undoes it. A build
/// that cannot be recorded, or that another one stands in the way of, does not begin.
pub fn run(order: &Order, events: &mut dyn FnMut(BuildEvent), cancel: &Arc<AtomicBool>) -> BuildResult {
    let (plan, mut journal) = match recording::begin(order) {
        Ok(begun) => begun,
        Err(refusal) => return recording::refused(order, &refusal, events),
    };
    let mut record = |event: &BuildEvent| journal.record(event).map_err(|error| recording::unrecorded(&error));
    let teller = Teller::new(Ledger::default(), &mut record, events);
    let mut run = Run::new(order, plan, teller, cancel);
    run.teller.tell(BuildEvent::began(&run.plan));
    let outcome = match opening::open(order.plan.engine, &order.source, order.ssh.as_deref()) {
        Ok(mut backend) => run.all_steps(backend.as_mut(), &BTreeSet::new()),
        Err(error) => {
            run.tell_failure(&error);
            BuildResult::Undone { message: error.to_string() }
        }
    };
    run.end(&outcome);
    outcome
}

impl<'a> Run<'a> {
    /// Nothing of it is done yet.
    pub(super) fn new(order: &'a Order, plan: Plan, teller: Teller<'a>, cancel: &'a Arc<AtomicBool>) -> Self {
        Self { order, plan, cancel, teller, began: Instant::now(), step: 0, findings: Vec::new() }
    }

    /// The build is over.
    pub(super) fn end(&mut self, outcome: &BuildResult) {
        self.teller.tell(BuildEvent::Ended { at_ms: self.elapsed(), outcome: outcome.clone() });
    }

    /// Milliseconds since the build began, or was taken up again.
    pub(super) fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Does all steps that are not `done`.
    pub(super) fn all_steps(&mut self, backend: &mut dyn Backend, done: &BTreeSet<usize>) -> BuildResult {
        for (number, step) in self.plan.steps.clone().iter().enumerate() {
            if done.contains(&number) {
                continue;
            }
            self.step = number;
            let acted = if self.cancel.load(Ordering::SeqCst) { Err(Halt::Cancelled) } else { self.act(step, backend) };
            // What was made and is not recorded would be lost with this process.
            let recorded = acted.and_then(|note| self.teller.recorded().map(|()| note).map_err(Halt::Failed));
            match recorded {
                Ok(note) => self.teller.tell(BuildEvent::StepDone { step: number, at_ms: self.elapsed(), note }),
                Err(Halt::Unverified(doubt)) => return self.leave_for_a_look(backend, *doubt),
                Err(Halt::Failed(error)) => return self.give_up(backend, Some(&error)),
                Err(Halt::Cancelled) => return self.give_up(backend, None),
            }
        }
        // A cancel that comes after the last step finds the VM built.
        let (uuid, state) = self.state(backend);
        let domain = self.teller.ledger.domain().map(|domain| domain.id.clone());
        match domain.map(|domain| backend.describe(&domain)) {
            Some(Ok(vm)) => self.teller.tell(BuildEvent::Described { vm: Box::new(vm) }),
            // The VM is built all the same.
            Some(Err(error)) => tracing::warn!(%error, "the VM that was built cannot be described"),
            None => {}
        }
        BuildResult::Built { uuid, state }
    }

    /// Does the steps that look at the host again; what stands in the way.
    pub(super) fn look_again(&mut self, backend: &mut dyn Backend) -> Result<(), String> {
        for (number, step) in self.plan.steps.clone().iter().enumerate() {
            if !matches!(step.call, Call::Any(Common::Recheck { .. })) {
                continue;
            }
            self.step = number;
            match self.act(step, backend) {
                Ok(note) => self.teller.tell(BuildEvent::StepDone { step: number, at_ms: self.elapsed(), note }),
                Err(Halt::Failed(error)) => return Err(error.to_string()),
                Err(Halt::Cancelled) => return Err("cancelled".to_owned()),
                Err(Halt::Unverified(doubt)) => return Err(doubt.message),
            }
        }
        Ok(())
    }

    fn act(&mut self, step: &Step, backend: &mut dyn Backend) -> Result<String, Halt> {
        let foreseen = self.foresee(step, backend);
        self.teller.tell(BuildEvent::step_began(self.step, step, self.elapsed(), foreseen));
        // No line on disk, no act.
        self.teller.recorded()?;
        if let Call::Any(Common::Recheck { functions, files }) = &step.call {
            let own: Vec<Made> = self.teller.ledger.newest_first().cloned().collect();
            let looked = recheck::again(backend, (self.order, &own), (functions, files), self.cancel)?;
            self.findings = looked.findings;
            self.tell_blocked(looked.refused);
            return looked.verdict.map_err(Halt::Failed);
        }
        backend.perform(&mut Work {
            number: self.step,
            step,
            name: &self.plan.name,
            spec: &self.order.spec,
            findings: &self.findings,
            teller: &mut self.teller,
            cancel: self.cancel,
        })
    }

    /// What is known of the thing of `step` before it is made.
    fn foresee(&self, step: &Step, backend: &mut dyn Backend) -> Option<Foreseen> {
        let thing = step.thing.as_ref()?;
        let absent = backend.observe(thing) == Trace::Absent;
        let Thing::Running { .. } = thing else {
            return Some(Foreseen { id: step.call.chosen(), absent, foreign_files: false });
        };
        let id = self.teller.ledger.domain().map(|domain| domain.id.clone());
        let foreign_files = id.as_ref().is_some_and(|domain| backend.has_foreign_files(domain));
        Some(Foreseen { id, absent, foreign_files })
    }

    /// UUID and state of the domain.
    fn state(&self, backend: &mut dyn Backend) -> (String, String) {
        let Some(domain) = self.teller.ledger.domain() else { return (String::new(), "shutoff".into()) };
        let running = backend.is_running(&domain.id).unwrap_or(false);
        (domain.id.to_string(), if running { "running" } else { "shutoff" }.into())
    }

    /// Undoes nothing: what is there tells more than what is gone. Says what there is and how it is removed.
    fn leave_for_a_look(&mut self, backend: &mut dyn Backend, doubt: Doubt) -> BuildResult {
        let Doubt { message, original, diagnosis } = doubt;
        let (step, at_ms) = (self.step, self.elapsed());
        let unanswered = false;
        self.teller.tell(BuildEvent::StepFailed {
            step,
            at_ms,
            message: message.clone(),
            original,
            diagnosis,
            unanswered,
        });
        let (uuid, state) = self.state(backend);
        undo::nothing(backend, "for a look at what went wrong", &mut self.teller);
        BuildResult::Unverified { uuid, state, message }
    }

    /// Undoes everything, then says how it ended. Without a failure the user cancelled.
    fn give_up(&mut self, backend: &mut dyn Backend, failure: Option<&HostError>) -> BuildResult {
        let begun = self.teller.ledger.begun().cloned();
        // What another has made is its own.
        let unsure = failure.filter(|error| error.cause != Cause::Exists);
        if let Some(error) = failure {
            self.tell_failure(error);
        }
        backend.reconnect();
        let answered = match (unsure, begun) {
            (Some(error), Some(begun)) => undo::left(backend, error, &begun, &mut self.teller),
            _ => true,
        };
        let clean = undo::all(backend, &mut self.teller) && answered;
        // Somebody else was faster: what was made meanwhile is a finding like any other.
        if clean && failure.is_some_and(|error| error.cause == Cause::Exists) {
            self.tell_blocked(recheck::refused(backend, self.order, self.cancel));
        }
        match failure.map(ToString::to_string) {
            message if !clean => BuildResult::NotFullyUndone { message: message.unwrap_or_else(|| "cancelled".into()) },
            Some(message) => BuildResult::Undone { message },
            None => BuildResult::Cancelled,
        }
    }

    fn tell_blocked(&mut self, refused: Option<Refused>) {
        let Some(Refused { error, code, details }) = refused else { return };
        let findings = details.get("findings").and_then(Value::as_array).cloned().unwrap_or_default();
        self.teller.tell(BuildEvent::Blocked { step: self.step, message: error, code, findings });
    }

    fn tell_failure(&mut self, error: &HostError) {
        let (message, original) = (error.to_string(), error.original.clone());
        let diagnosis = diagnose(&original, &self.findings);
        let (step, at_ms, unanswered) = (self.step, self.elapsed(), error.cause == Cause::Lost);
        self.teller.tell(BuildEvent::StepFailed { step, at_ms, message, original, diagnosis, unanswered });
    }
}
