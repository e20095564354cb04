//! What a running build tells: one stream for the screen, plain text, JSON lines and, later, the journal.

use serde::{Deserialize, Serialize};

/// Something that happened. Steps are numbered from 0 as in the plan; times are milliseconds since the build began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum BuildEvent {
    /// The build began.
    Began {
        /// Name of the VM.
        name: String,
        /// How many steps there are.
        steps: usize,
    },
    /// A step began.
    StepBegan {
        /// Which.
        step: usize,
        /// When.
        at_ms: u64,
    },
    /// A step moved on.
    Progress {
        /// Which.
        step: usize,
        /// Bytes done.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// A step is done.
    StepDone {
        /// Which.
        step: usize,
        /// When.
        at_ms: u64,
        /// What came of it; empty where the title says it all.
        note: String,
    },
    /// A step failed; what was made is undone next.
    StepFailed {
        /// Which.
        step: usize,
        /// When.
        at_ms: u64,
        /// What failed, in our words.
        message: String,
        /// libvirt's own words; empty where it has none.
        original: String,
    },
    /// One thing was undone.
    Undone {
        /// The step it belongs to.
        step: usize,
        /// What: "deleted volume gpu-ws-01-vda.qcow2".
        what: String,
    },
    /// One thing could not be undone.
    NotUndone {
        /// The step it belongs to.
        step: usize,
        /// What is left behind.
        what: String,
        /// Why.
        why: String,
        /// The command that does it by hand.
        by_hand: String,
    },
    /// The build is over.
    Ended {
        /// When.
        at_ms: u64,
        /// How.
        outcome: Outcome,
    },
}

/// How a build ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The VM is there.
    Built {
        /// UUID that libvirt gave it.
        uuid: String,
        /// State: shutoff or running.
        state: String,
    },
    /// A step failed and everything was undone.
    Undone {
        /// The failure.
        message: String,
    },
    /// A step failed and something could not be undone.
    NotFullyUndone {
        /// The failure.
        message: String,
    },
    /// The user cancelled; everything was undone.
    Cancelled,
}
