//! The effect half of an engine: one connection that does the steps of a build and takes them back.

use super::HostError;
use crate::checks::{Diagnosis, Finding};
use crate::engine::{BuiltVm, Made, MadeFile, MadeId, Step, Thing};
use crate::facts::{FactsPart, Query};
use crate::plan::{BuildEvent, Ledger};
use crate::spec::Spec;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A connection to what builds. Every call blocks until its answer is there, so it belongs on a thread of its own.
pub trait Backend: Send {
    /// The answers to `queries`; what is not known says why. Setting `given_up` ends what lasts long.
    fn facts(&mut self, queries: &[Query], given_up: &Arc<AtomicBool>) -> Vec<FactsPart>;

    /// Does a step, and tells what it makes as soon as that exists. What came of it, where the title of the step does not
    /// say it all.
    fn perform(&mut self, work: &mut Work<'_, '_>) -> Result<String, Halt>;

    /// Removes a thing that a build made, by its identity.
    fn undo(&mut self, made: &Made) -> Result<Removed, HostError>;

    /// Whether there is a thing of these names.
    fn observe(&mut self, thing: &Thing) -> Trace;

    /// Waits until the host is done with what was begun for `thing` and shows it: a copy goes on without who asked for it.
    /// Fails where the user gives the waiting up.
    fn settle(&mut self, thing: &Thing, given_up: &AtomicBool) -> Result<(), HostError>;

    /// Whether what a build made is still there and still the same; fails where something else is in its place.
    fn is_there(&mut self, made: &Made) -> Result<bool, HostError>;

    /// The file at `path` on the host, where that is this machine.
    fn file(&mut self, path: &str) -> Option<MadeFile>;

    /// True while the VM runs or is paused.
    fn is_running(&mut self, domain: &MadeId) -> Result<bool, HostError>;

    /// The VM as it is now, with what the engine chose for it. What a size or a path is cannot always be told.
    fn describe(&mut self, domain: &MadeId) -> Result<BuiltVm, HostError>;

    /// True where this machine has a file in the place of the UEFI variables that the first start of `domain` makes.
    fn has_foreign_files(&mut self, domain: &MadeId) -> bool;

    /// Makes the connection again where it was cut, and waits some seconds for a host that is about to come back.
    fn reconnect(&mut self);
}

/// What became of an undo that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It was there and is no longer.
    Now,
    /// It was gone already.
    Before,
}

/// What is known of a thing whose making was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Something of these names is there; whose it is cannot be said.
    There,
    /// It is not there.
    Absent,
    /// It cannot be asked for: why.
    Unknown(String),
}

/// Why the steps end before the last one.
pub enum Halt {
    /// The user cancelled.
    Cancelled,
    /// A step failed.
    Failed(HostError),
    /// The VM was started and is not as it must be.
    Unverified(Box<Doubt>),
}

/// Why a VM that was started cannot be relied on.
pub struct Doubt {
    /// What is not as it must be.
    pub message: String,
    /// The words of QEMU or the kernel; empty where there are none.
    pub original: String,
    /// What stands behind them, where it is known.
    pub diagnosis: Option<Diagnosis>,
}

impl From<HostError> for Halt {
    fn from(error: HostError) -> Self {
        Self::Failed(error)
    }
}

/// Passes the events of a build on and keeps the ledger of them.
pub struct Teller<'a> {
    /// What exists, as the events told so far say.
    pub ledger: Ledger,
    record: &'a mut dyn FnMut(&BuildEvent) -> Result<(), HostError>,
    events: &'a mut dyn FnMut(BuildEvent),
    /// Why an event was not recorded.
    unrecorded: Option<HostError>,
}

impl<'a> Teller<'a> {
    /// What was told before is in `ledger`. `record` writes an event down before it is passed on.
    pub fn new(
        ledger: Ledger,
        record: &'a mut dyn FnMut(&BuildEvent) -> Result<(), HostError>,
        events: &'a mut dyn FnMut(BuildEvent),
    ) -> Self {
        Self { ledger, record, events, unrecorded: None }
    }

    /// Tells one event.
    pub fn tell(&mut self, event: BuildEvent) {
        self.ledger.read(&event);
        if let Err(error) = (self.record)(&event) {
            self.unrecorded.get_or_insert(error);
        }
        (self.events)(event);
    }

    /// Fails where an event was not recorded: then nothing more may be made.
    pub fn recorded(&self) -> Result<(), HostError> {
        self.unrecorded.clone().map_or(Ok(()), Err)
    }
}

/// One step of a build while it is done: what it is done for, where it tells of itself, and whether it goes on.
pub struct Work<'a, 'b> {
    /// Its number, from 0.
    pub number: usize,
    /// What is done.
    pub step: &'a Step,
    /// Name of the VM.
    pub name: &'a str,
    /// What the VM is made from: its documents for cloud-init are in no call.
    pub spec: &'a Spec,
    /// What the checks found just before the first change.
    pub findings: &'a [Finding],
    /// Where events go.
    pub teller: &'a mut Teller<'b>,
    /// Set once the user wants no more of it.
    pub cancel: &'a AtomicBool,
}

impl Work<'_, '_> {
    /// True once the user wants no more of it.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    /// Tells one event.
    pub fn tell(&mut self, event: BuildEvent) {
        self.teller.tell(event);
    }

    /// Tells that the thing of this step exists, with the identity that the engine gave it and, where that is one of this
    /// machine, the file that it is in.
    pub fn made(&mut self, id: &str, file: Option<MadeFile>) {
        if let (Some(thing), Some(engine)) = (self.step.thing.clone(), self.step.call.engine()) {
            self.tell(BuildEvent::Made(Made { engine, step: self.number, thing, id: MadeId(id.to_owned()), file }));
        }
    }

    /// Tells of bytes done.
    pub fn progress(&mut self, done: u64, total: u64) {
        self.tell(BuildEvent::Progress { step: self.number, done: done.min(total), total });
    }
}
