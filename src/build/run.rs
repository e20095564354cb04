//! The loop over the steps of a plan, and the stream of events that tells of it.

use super::{Order, recheck, undo};
use crate::checks::{Finding, diagnose};
use crate::engine::{Call, Common, Step};
use crate::host::backend::{Doubt, Halt, Teller, Work};
use crate::host::{Backend, Cause, HostError, opening};
use crate::plan::{BuildEvent, BuildResult, Refused};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A running build.
struct Run<'a> {
    order: &'a Order,
    cancel: &'a Arc<AtomicBool>,
    teller: Teller<'a>,
    began: Instant,
    /// The step that is being done.
    step: usize,
    /// What the checks found just before the first change.
    findings: Vec<Finding>,
}

/// Builds on a connection of its own and blocks until the build is over; belongs on a thread of its own. `events` is told
/// everything, [`BuildEvent::Ended`] last. Setting `cancel` ends the build at the next opportunity and undoes it.
pub fn run(order: &Order, events: &mut dyn FnMut(BuildEvent), cancel: &Arc<AtomicBool>) -> BuildResult {
    let teller = Teller::new(events);
    let mut run = Run { order, cancel, teller, began: Instant::now(), step: 0, findings: Vec::new() };
    run.teller.tell(BuildEvent::began(&order.plan));
    let outcome = match opening::open(order.plan.engine, &order.source, order.ssh.as_deref()) {
        Ok(mut backend) => run.all_steps(backend.as_mut()),
        Err(error) => {
            run.tell_failure(&error);
            BuildResult::Undone { message: error.to_string() }
        }
    };
    run.teller.tell(BuildEvent::Ended { at_ms: run.elapsed(), outcome: outcome.clone() });
    outcome
}

impl Run<'_> {
    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn all_steps(&mut self, backend: &mut dyn Backend) -> BuildResult {
        for (number, step) in self.order.plan.steps.iter().enumerate() {
            self.step = number;
            let acted = if self.cancel.load(Ordering::SeqCst) { Err(Halt::Cancelled) } else { self.act(step, backend) };
            match acted {
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

    fn act(&mut self, step: &Step, backend: &mut dyn Backend) -> Result<String, Halt> {
        self.teller.tell(BuildEvent::step_began(self.step, step, self.elapsed()));
        if let Call::Any(Common::Recheck { functions, files }) = &step.call {
            let looked = recheck::again(backend, self.order, (functions, files), self.cancel)?;
            self.findings = looked.findings;
            self.tell_blocked(looked.refused);
            return looked.verdict.map_err(Halt::Failed);
        }
        backend.perform(&mut Work {
            number: self.step,
            step,
            name: &self.order.plan.name,
            spec: &self.order.spec,
            findings: &self.findings,
            teller: &mut self.teller,
            cancel: self.cancel,
        })
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
        self.teller.tell(BuildEvent::StepFailed { step, at_ms, message: message.clone(), original, diagnosis });
        let (uuid, state) = self.state(backend);
        undo::nothing(backend, "for a look at what went wrong", &mut self.teller);
        BuildResult::Unverified { uuid, state, message }
    }

    /// Undoes everything, then says how it ended. Without a failure the user cancelled.
    fn give_up(&mut self, backend: &mut dyn Backend, failure: Option<&HostError>) -> BuildResult {
        if let Some(error) = failure {
            self.tell_failure(error);
        }
        backend.reconnect();
        let lost = failure.is_some_and(|error| error.cause == Cause::Lost);
        let answered = !lost || undo::unanswered(backend, &mut self.teller);
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
        let (step, at_ms) = (self.step, self.elapsed());
        self.teller.tell(BuildEvent::StepFailed { step, at_ms, message, original, diagnosis });
    }
}
