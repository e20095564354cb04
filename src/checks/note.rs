//! What one check notes while it runs: how bad, about what, in which words, and what to do about it; and whether it had
//! anything to look at.

use super::host_device::HostDevice;
use super::row::RowName;
use super::text::{Arg, Text, text};
use crate::{facts::Fact, spec::Place, units::PciAddress};
use serde_json::Value;
use std::collections::HashSet;

/// One thing that a check has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How bad it is.
    pub level: Level,
    /// What it is about.
    pub topic: Topic,
    /// What is wrong: the thing, the value, the limit. Of what is not known: what would have been looked at.
    pub message: Text,
    /// What to do about it.
    pub remedy: Remedy,
}

/// How bad something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing is built while it stands.
    Blocker,
    /// The host itself uses this device: a blocker that yields to its name typed out.
    LockOut(HostDevice),
    /// The same after the name was typed.
    GivenUp(HostDevice),
    /// The VM can be built; it may not do what the user expects.
    Warning,
    /// A fact that the check needs is not known: "not checked", never "passed".
    Unknown {
        /// What is missing.
        why: Text,
        /// How many others that miss the same are not told.
        folded: usize,
    },
    /// Worth knowing.
    Info,
}

/// What something is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topic {
    /// The field; the whole spec where it is about none.
    pub place: Place,
    /// The row that the message begins with, where it is not shown below that row's own field.
    pub row: Option<RowName>,
    /// The host's PCI function, where that is not the one at its place.
    pub function: Option<PciAddress>,
}

/// What there is to do; nothing where it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remedy {
    /// In words.
    pub text: Text,
    /// As a change of the spec, where there is a likeliest one.
    pub change: Option<Change>,
}

/// A change of the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Ask for these functions, too.
    Add(Vec<PciAddress>),
    /// Ask no more for these.
    Remove(Vec<PciAddress>),
    /// Give this field this value.
    Set(Place, Value),
    /// Take out the field that it is about.
    Clear,
}

impl Topic {
    /// The same, about a row that the message begins with.
    #[must_use]
    pub fn of(self, row: RowName) -> Self {
        Self { row: Some(row), ..self }
    }

    /// The same, about this function of the host.
    #[must_use]
    pub fn about(self, function: PciAddress) -> Self {
        Self { function: Some(function), ..self }
    }
}

impl From<Place> for Topic {
    fn from(place: Place) -> Self {
        Self { place, row: None, function: None }
    }
}

impl Remedy {
    /// The same, with the change that does it.
    #[must_use]
    pub fn by(self, change: Change) -> Self {
        Self { change: Some(change), ..self }
    }

    /// The same, done by giving `place` this value.
    #[must_use]
    pub fn setting(self, place: Place, value: impl Into<Value>) -> Self {
        self.by(Change::Set(place, value.into()))
    }
}

impl<T: Into<Text>> From<T> for Remedy {
    fn from(text: T) -> Self {
        Self { text: text.into(), change: None }
    }
}

/// The notepad of one check.
#[derive(Debug, Default)]
pub struct Notes {
    looked: bool,
    /// What was noted so far.
    pub(super) said: Vec<Note>,
    /// What could not be judged, each with the reason.
    gaps: HashSet<(Text, Text)>,
}

impl Notes {
    /// There was something to look at; without a note the check has then passed.
    pub fn looked(&mut self) {
        self.looked = true;
    }

    /// Looked and found nothing.
    pub(super) fn passed(&self) -> bool {
        self.looked && self.said.is_empty()
    }

    /// Nothing may be built while this stands.
    pub fn blocker(&mut self, topic: impl Into<Topic>, message: impl Into<Text>, remedy: impl Into<Remedy>) {
        self.push(Level::Blocker, topic.into(), message.into(), remedy.into());
    }

    /// The host uses the function `address`: nothing is built unless its address is typed out.
    pub(super) fn lock_out(
        &mut self,
        place: Place,
        address: PciAddress,
        message: impl Into<Text>,
        remedy: impl Into<Remedy>,
    ) {
        self.push(Level::LockOut(address.into()), Topic::from(place).about(address), message.into(), remedy.into());
    }

    /// The host uses the drive at `path`, or may use it: nothing is built unless the path is typed out.
    pub(super) fn lock_out_drive(
        &mut self,
        topic: impl Into<Topic>,
        path: &str,
        message: impl Into<Text>,
        remedy: impl Into<Remedy>,
    ) {
        self.push(Level::LockOut(HostDevice::Drive(path.to_owned())), topic.into(), message.into(), remedy.into());
    }

    /// The VM can be built but may surprise.
    pub fn warning(&mut self, topic: impl Into<Topic>, message: impl Into<Text>, remedy: impl Into<Remedy>) {
        self.push(Level::Warning, topic.into(), message.into(), remedy.into());
    }

    /// Worth knowing.
    pub fn info(&mut self, topic: impl Into<Topic>, message: impl Into<Text>, remedy: impl Into<Remedy>) {
        self.push(Level::Info, topic.into(), message.into(), remedy.into());
    }

    /// Could not be judged: `what` would have been looked at, `why` says what is missing. Said once per `what`.
    pub fn unknown(&mut self, topic: impl Into<Topic>, what: impl Into<Text>, why: impl Into<Text>) {
        let (what, why) = (what.into(), why.into());
        if self.gaps.insert((what.clone(), why.clone())) {
            self.push(Level::Unknown { why, folded: 0 }, topic.into(), what, Remedy::default());
        }
    }

    /// The value of `fact`, or a note that `what` could not be judged.
    pub fn known<'a, T, P: Into<Topic>>(
        &mut self,
        fact: &'a Fact<T>,
        topic: impl FnOnce() -> P,
        what: impl Into<Text>,
    ) -> Option<&'a T> {
        self.looked = true;
        if let Some(why) = fact.why_not() {
            self.unknown(topic(), what, clause(why));
        }
        fact.get()
    }

    fn push(&mut self, level: Level, topic: Topic, message: Text, remedy: Remedy) {
        self.looked = true;
        self.said.push(Note { level, topic, message, remedy });
    }
}

/// The sentence of a fact as a part of a message.
pub(super) fn clause(why: &str) -> Text {
    text!("{why}", why = Arg::clause(why))
}

/// Words that say to take out the field that it is about.
pub(super) fn without(text: impl Into<Text>) -> Remedy {
    Remedy::from(text).by(Change::Clear)
}
