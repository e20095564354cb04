//! What a running build tells: one stream for the screen, plain text, JSON lines and, later, the journal.

use super::Plan;
use crate::checks::Diagnosis;
use crate::domain::Difference;
use crate::engine::{BuiltVm, EngineId, Foreseen, Made, Step, StepKey, Thing};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
        /// The engine that builds.
        engine: EngineId,
        /// Address of the host's connection, where it is known.
        host: Option<String>,
    },
    /// A step began; nothing of it has been done yet.
    StepBegan {
        /// Which.
        step: usize,
        /// When.
        at_ms: u64,
        /// Its name within the plan.
        key: StepKey,
        /// What it will make, if anything.
        thing: Option<Thing>,
        /// What is known of that thing before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        foreseen: Option<Foreseen>,
    },
    /// A thing exists from now on, whether or not its step is done.
    Made(Made),
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
        /// What stands behind them, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diagnosis: Option<Diagnosis>,
        /// The connection was cut, so that what the step was making may be there.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unanswered: bool,
    },
    /// A look at the host found what stands in the way now, before anything was made or after all of it was undone.
    Blocked {
        /// The step at which that was.
        step: usize,
        /// The first thing that stands in the way, in one sentence.
        message: String,
        /// Its code.
        code: String,
        /// All findings.
        findings: Vec<Value>,
    },
    /// What libvirt stored was compared with what was sent.
    Stored {
        /// Which step compared.
        step: usize,
        /// Everything that is not the same letter by letter; passwords are left out.
        changes: Vec<Difference>,
    },
    /// One thing was looked at after the start of the VM.
    Verified {
        /// Which step looked.
        step: usize,
        /// What must hold: "0000:01:00.0 is on vfio-pci".
        what: String,
        /// Whether it does.
        verdict: Verdict,
        /// What was seen, or why nothing could be seen; empty where there is no more to say.
        note: String,
        /// The words of QEMU or the kernel that decided; empty where there are none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        original: String,
        /// What stands behind them, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diagnosis: Option<Diagnosis>,
    },
    /// The VM as it is once it is built.
    Described {
        /// What libvirt tells of it.
        vm: Box<BuiltVm>,
    },
    /// One thing was undone.
    Undone {
        /// The step it belongs to.
        step: usize,
        /// What: "deleted volume gpu-ws-01-vda.qcow2".
        what: String,
        /// The thing that exists no longer.
        made: Made,
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
        /// Its identity; `None` where it is not known whose it is.
        made: Option<Made>,
    },
    /// The build is over.
    Ended {
        /// When.
        at_ms: u64,
        /// How.
        outcome: BuildResult,
    },
}

impl BuildEvent {
    /// The build of `plan` begins.
    pub fn began(plan: &Plan) -> Self {
        let Plan { engine, host, name, steps } = plan;
        Self::Began { name: name.clone(), steps: steps.len(), engine: *engine, host: host.clone() }
    }

    /// Step `number` begins.
    pub fn step_began(number: usize, step: &Step, at_ms: u64, foreseen: Option<Foreseen>) -> Self {
        Self::StepBegan { step: number, at_ms, key: step.key.clone(), thing: step.thing.clone(), foreseen }
    }
}

/// What a look after the start found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it must be.
    Passed,
    /// Something was said that need not stop the VM from working.
    Warned,
    /// Not as it must be.
    Failed,
    /// It could not be seen.
    NotChecked,
}

impl Verdict {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "warning",
            Self::Failed => "failed",
            Self::NotChecked => "not checked",
        }
    }
}

/// How a build ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum BuildResult {
    /// The VM is there.
    Built {
        /// UUID that libvirt gave it.
        uuid: String,
        /// State: shutoff or running.
        state: String,
    },
    /// The VM was made and started, and is not as it must be. It is left as it is, so that it can be looked into.
    Unverified {
        /// UUID that libvirt gave it.
        uuid: String,
        /// State: shutoff or running.
        state: String,
        /// What is not as it must be.
        message: String,
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
