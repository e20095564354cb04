//! The loop over the steps of a plan, and the stream of events that tells of it.

use super::act::{Halt, Site};
use super::verify::{Doubt, Watch};
use super::{lost, undo};
use crate::checks::{Allowed, Finding, diagnose};
use crate::host::libvirt::{Connection, MadeDomain, MadeVolume};
use crate::host::{Cause, HostError, Target};
use crate::plan::{Action, BuildEvent, Outcome, Plan};
use crate::spec::Spec;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What is built, and where.
#[derive(Clone, Debug)]
pub struct Order {
    /// The steps.
    pub plan: Plan,
    /// What the plan was made from: its cloud-init documents go into the seed, and its checks run again.
    pub spec: Spec,
    /// What is given up of what the host stands on.
    pub allowed: Allowed,
    /// The host.
    pub target: Target,
}

/// Something that this build made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// A volume.
    Volume(MadeVolume),
    /// A domain.
    Domain(MadeDomain),
}

/// A running build.
pub(super) struct Run<'a> {
    pub(super) order: &'a Order,
    pub(super) cancel: &'a Arc<AtomicBool>,
    events: &'a mut dyn FnMut(BuildEvent),
    began: Instant,
    /// The step that is being done.
    pub(super) step: usize,
    /// What was made, with the step that made it, oldest first.
    pub(super) made: Vec<(usize, Made)>,
    pub(super) domain: Option<MadeDomain>,
    /// What the checks found just before the first change.
    pub(super) findings: Vec<Finding>,
    /// What QEMU and the kernel write since the domain was about to be started.
    pub(super) watch: Option<Watch>,
}

/// Builds on a connection of its own and blocks until the build is over; belongs on a thread of its own. `events` is told
/// everything, [`BuildEvent::Ended`] last. Setting `cancel` ends the build at the next opportunity and undoes it.
pub fn run(order: &Order, events: &mut dyn FnMut(BuildEvent), cancel: &Arc<AtomicBool>) -> Outcome {
    let mut run = Run {
        order,
        cancel,
        events,
        began: Instant::now(),
        step: 0,
        made: Vec::new(),
        domain: None,
        findings: Vec::new(),
        watch: None,
    };
    run.tell(BuildEvent::Began { name: order.plan.name.clone(), steps: order.plan.steps.len() });
    let outcome = match Connection::open(&order.target) {
        Ok(connection) => run.all_steps(&connection),
        Err(error) => {
            run.tell_failure(&error);
            Outcome::Undone { message: error.to_string() }
        }
    };
    run.tell(BuildEvent::Ended { at_ms: run.elapsed(), outcome: outcome.clone() });
    outcome
}

impl Run<'_> {
    /// Passes an event on.
    pub(super) fn tell(&mut self, event: BuildEvent) {
        (self.events)(event);
    }

    /// Bytes done of the present step.
    pub(super) fn progress(&mut self, done: u64, total: u64) {
        self.tell(BuildEvent::Progress { step: self.step, done: done.min(total), total });
    }

    /// True once the user wants no more of it.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    /// Remembers what the present step made, so that it can be undone.
    pub(super) fn remember(&mut self, made: Made) {
        self.made.push((self.step, made));
    }

    /// True where a later step looks whether the VM came up as it must.
    fn is_verified(&self) -> bool {
        self.order.plan.steps.iter().any(|step| matches!(step.action, Action::VerifyPassthrough { .. }))
    }

    /// Notes that the domain is about to be started.
    pub(super) fn starts(&mut self) {
        if self.is_verified() {
            self.watch = Some(Watch::begin(&self.order.target, &self.order.plan.name));
        }
        let made = self.made.iter_mut().filter_map(|(_, made)| match made {
            Made::Domain(domain) => Some(domain),
            Made::Volume(_) => None,
        });
        made.chain(&mut self.domain).for_each(|domain| domain.started = true);
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn all_steps(&mut self, connection: &Connection) -> Outcome {
        let site = Site::new(connection, self.order);
        for (number, step) in self.order.plan.steps.iter().enumerate() {
            self.step = number;
            let acted = if self.is_cancelled() {
                Err(Halt::Cancelled)
            } else {
                self.tell(BuildEvent::StepBegan { step: number, at_ms: self.elapsed() });
                site.act(&step.action, self)
            };
            match acted {
                Ok(note) => self.tell(BuildEvent::StepDone { step: number, at_ms: self.elapsed(), note }),
                Err(Halt::Unverified(doubt)) => return self.leave_for_a_look(&site, *doubt),
                Err(Halt::Failed(error)) => return self.give_up(&site, Some(&error)),
                Err(Halt::Cancelled) => return self.give_up(&site, None),
            }
        }
        // A cancel that comes after the last step finds the VM built.
        self.built(&site)
    }

    fn built(&self, site: &Site) -> Outcome {
        let (uuid, state) = self.state(site);
        Outcome::Built { uuid, state }
    }

    /// UUID and state of the domain.
    fn state(&self, site: &Site) -> (String, String) {
        let running = self.domain.as_ref().is_some_and(|domain| site.connection.is_running(domain).unwrap_or(false));
        let uuid = self.domain.as_ref().map(|domain| domain.uuid.clone()).unwrap_or_default();
        (uuid, if running { "running" } else { "shutoff" }.into())
    }

    /// Undoes nothing: what stands there tells more than what is gone. Says what there is and how it is removed.
    fn leave_for_a_look(&mut self, site: &Site, doubt: Doubt) -> Outcome {
        let Doubt { message, original, diagnosis } = doubt;
        let (step, at_ms) = (self.step, self.elapsed());
        self.tell(BuildEvent::StepFailed { step, at_ms, message: message.clone(), original, diagnosis });
        let (uuid, state) = self.state(site);
        let why = "for a look at what went wrong";
        let steps = &self.order.plan.steps;
        let by_hand = |step: usize| steps.get(step).and_then(|step| step.by_hand.clone());
        let started = steps.iter().rposition(|step| step.action == Action::Start).filter(|_| state == "running");
        let running = started.map(|step| (step, format!("running domain {}", self.order.plan.name), by_hand(step)));
        let made = self.made.iter().rev().map(|(step, made)| (*step, made.name(), by_hand(*step)));
        for (step, what, by_hand) in running.into_iter().chain(made).collect::<Vec<_>>() {
            self.tell(BuildEvent::NotUndone { step, what, why: why.into(), by_hand: by_hand.unwrap_or_default() });
        }
        Outcome::Unverified { uuid, state, message }
    }

    /// Undoes everything, then says how it ended. Without a failure the user cancelled.
    fn give_up(&mut self, site: &Site, failure: Option<&HostError>) -> Outcome {
        if let Some(error) = failure {
            self.tell_failure(error);
        }
        let again = lost::again(site.connection, &self.order.target);
        let connection = again.as_ref().unwrap_or(site.connection);
        let answered = !failure.is_some_and(|error| error.cause == Cause::Lost && self.is_left(connection));
        let clean = undo::all(self, connection) && answered;
        match failure.map(ToString::to_string) {
            message if !clean => Outcome::NotFullyUndone { message: message.unwrap_or_else(|| "cancelled".into()) },
            Some(message) => Outcome::Undone { message },
            None => Outcome::Cancelled,
        }
    }

    /// Tells what the present step may have left behind, where the connection was cut before it was answered.
    fn is_left(&mut self, connection: &Connection) -> bool {
        let Some(step) = self.order.plan.steps.get(self.step) else { return false };
        let remembered = self.made.iter().any(|(made_by, _)| *made_by == self.step);
        let left = lost::unanswered(connection, &step.action, &self.order.plan.name).filter(|_| !remembered);
        let Some((what, why)) = left else { return false };
        let by_hand = step.by_hand.clone().unwrap_or_default();
        self.tell(BuildEvent::NotUndone { step: self.step, what, why, by_hand });
        true
    }

    fn tell_failure(&mut self, error: &HostError) {
        let (message, original) = (error.to_string(), error.original.clone());
        let diagnosis = diagnose(&original, &self.findings);
        self.tell(BuildEvent::StepFailed { step: self.step, at_ms: self.elapsed(), message, original, diagnosis });
    }
}
