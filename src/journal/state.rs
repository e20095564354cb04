//! How it is with a build.

use crate::plan::{BuildEvent, BuildResult};
use serde::Serialize;

/// How it is with a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildState {
    /// A process works on it.
    Running,
    /// The VM was built.
    Built,
    /// The VM was built and is not as it must be; it was left for a look.
    Unverified,
    /// It failed, and all was undone.
    Undone,
    /// It was cancelled, and all was undone.
    Cancelled,
    /// It failed, and something could not be undone.
    Left,
    /// Its process ended before it did.
    CutOff,
}

impl BuildState {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Built => "built",
            Self::Unverified => "not verified",
            Self::Undone => "undone",
            Self::Cancelled => "cancelled",
            Self::Left => "not fully undone",
            Self::CutOff => "cut off",
        }
    }

    /// True where something may be left to finish or to take back.
    pub fn is_open(self) -> bool {
        matches!(self, Self::CutOff | Self::Left)
    }
}

/// True for the event that leaves nothing to be done.
pub(super) fn ends(event: &BuildEvent) -> bool {
    matches!(event, BuildEvent::Ended { outcome, .. } if !state_of(outcome).is_open())
}

/// How it is with a build that ended so.
pub(super) fn state_of(outcome: &BuildResult) -> BuildState {
    match outcome {
        BuildResult::Built { .. } => BuildState::Built,
        BuildResult::Unverified { .. } => BuildState::Unverified,
        BuildResult::Undone { .. } => BuildState::Undone,
        BuildResult::NotFullyUndone { .. } => BuildState::Left,
        BuildResult::Cancelled => BuildState::Cancelled,
    }
}
