//! A build as its journal tells of it.

use super::state::{BuildState, state_of};
use super::{JournalEntry, JournalText, Opened};
use crate::checks::LeftBuild;
use crate::engine::Thing;
use crate::plan::{BuildEvent, Ledger};
use std::path::PathBuf;

/// A journal, and whether a process works on it.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildRecord {
    /// The file.
    pub path: PathBuf,
    /// What is in it.
    pub text: JournalText,
    /// True while a process holds its lock.
    pub held: bool,
}

impl BuildRecord {
    /// What it begins with.
    pub fn opened(&self) -> &Opened {
        &self.text.opened
    }

    /// What the build told.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &BuildEvent> {
        self.text.entries.iter().filter_map(|(_, entry)| match entry {
            JournalEntry::Event(event) => Some(event),
            _ => None,
        })
    }

    /// How it is with the build: its last end, unless it was taken up again after that.
    pub fn state(&self) -> BuildState {
        let last = self.text.entries.iter().rev().find_map(|(_, entry)| match entry {
            JournalEntry::Event(BuildEvent::Ended { outcome, .. }) => Some(state_of(outcome)),
            JournalEntry::Recovery(_) => Some(BuildState::CutOff),
            _ => None,
        });
        match last {
            None | Some(BuildState::CutOff) if self.held => BuildState::Running,
            last => last.unwrap_or(BuildState::CutOff),
        }
    }

    /// What exists as far as the journal tells.
    pub fn ledger(&self) -> Ledger {
        Ledger::of(self.events())
    }

    /// What may be there of the build, newest first.
    pub fn left(&self) -> Vec<Thing> {
        let ledger = self.ledger();
        let begun = ledger.begun().map(|begun| begun.thing.clone());
        begun.into_iter().chain(ledger.newest_first().map(|made| made.thing.clone())).collect()
    }

    /// The same for the checks.
    pub fn left_build(&self) -> LeftBuild {
        LeftBuild { id: self.opened().id.clone(), things: self.left() }
    }

    /// The step at which it is, from 0, and how much of it is done.
    pub fn at(&self) -> Option<(usize, Option<u64>)> {
        let mut percent = None;
        for event in self.events().rev() {
            match event {
                BuildEvent::Progress { done, total, .. } if percent.is_none() => {
                    percent = done.saturating_mul(100).checked_div(*total);
                }
                BuildEvent::StepBegan { step, .. } => return Some((*step, percent)),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{EngineId, Made, MadeId, StepKey};
    use crate::journal::RecoveryKind;
    use crate::journal::opened::example as opened;
    use crate::plan::BuildResult;

    fn record(events: Vec<JournalEntry>) -> BuildRecord {
        let entries = events.into_iter().map(|entry| (1, entry)).collect();
        let text = JournalText { opened: opened(), opened_ms: 0, entries, whole: 0, torn: false };
        BuildRecord { path: PathBuf::new(), text, held: false }
    }

    fn ended(outcome: BuildResult) -> JournalEntry {
        JournalEntry::Event(BuildEvent::Ended { at_ms: 1, outcome })
    }

    #[test]
    fn a_build_is_over_once_its_end_is_written_and_open_again_when_it_is_taken_up() {
        let message = || "no space".to_owned();
        assert_eq!(record(Vec::new()).state(), BuildState::CutOff);
        assert_eq!(record(vec![ended(BuildResult::Undone { message: message() })]).state(), BuildState::Undone);
        let left = ended(BuildResult::NotFullyUndone { message: message() });
        assert_eq!(record(vec![left.clone()]).state(), BuildState::Left);
        let again = vec![left, JournalEntry::Recovery(RecoveryKind::Undo)];
        assert_eq!(record(again.clone()).state(), BuildState::CutOff);
        let held = BuildRecord { held: true, ..record(again) };
        assert_eq!(held.state(), BuildState::Running);
    }

    #[test]
    fn what_was_begun_and_what_was_made_may_be_there() {
        let [a, b] = ["a", "b"].map(|name| Thing::Volume { pool: "p".into(), name: name.into() });
        let made = Made { engine: EngineId::Libvirt, step: 1, thing: a.clone(), id: MadeId("/p/a".into()), file: None };
        let began = BuildEvent::StepBegan {
            step: 2,
            at_ms: 0,
            key: StepKey(String::new()),
            thing: Some(b.clone()),
            foreseen: None,
        };
        let progress = BuildEvent::Progress { step: 2, done: 1, total: 4 };
        let record = record([BuildEvent::Made(made), began, progress].map(JournalEntry::Event).into());
        assert_eq!(record.left(), [b, a]);
        assert_eq!(record.at(), Some((2, Some(25))));
    }
}
