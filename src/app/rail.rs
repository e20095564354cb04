//! The state of each step, as the rail shows it.

use super::steps::logic;
use super::{App, StepId};
use crate::checks::Severity;
use crate::plan::BuildResult;

/// What the rail shows of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Not looked at yet.
    Todo,
    /// The one on screen.
    Here,
    /// Looked at, nothing wrong.
    Done,
    /// Has warnings.
    Warning,
    /// Has errors.
    Error,
    /// Optional and empty.
    Skipped,
    /// Changed by something done elsewhere since it was looked at.
    Touched,
}

/// What the rail shows of `step`.
pub fn state(app: &App, step: StepId) -> StepState {
    if step == app.step {
        return StepState::Here;
    }
    if step == StepId::Build {
        // Having looked at it builds nothing.
        return match &app.build.outcome {
            None => StepState::Todo,
            Some(BuildResult::Built { .. }) => StepState::Done,
            Some(_) => StepState::Error,
        };
    }
    let worst = app.worst(step);
    let summary = logic(step).summary(app);
    let Some(seen) = app.seen.get(step.index()).and_then(Option::as_ref) else {
        let has_values = !summary.is_empty() && step != StepId::Review;
        return match worst {
            Some(Severity::Blocker) if has_values => StepState::Error,
            Some(Severity::Warning) if has_values => StepState::Warning,
            _ => StepState::Todo,
        };
    };
    match worst {
        Some(Severity::Blocker) => StepState::Error,
        _ if *seen != look(app, step) => StepState::Touched,
        Some(Severity::Warning) => StepState::Warning,
        _ if step.optional() && summary.is_empty() => StepState::Skipped,
        _ => StepState::Done,
    }
}

/// What a step says now, to tell whether it changed since it was seen.
pub(super) fn look(app: &App, step: StepId) -> String {
    let mut look = logic(step).look(app);
    for finding in &app.case.report.findings {
        if StepId::of(finding.place()) == step && finding.severity() <= Severity::Warning {
            look.push('\n');
            look.push_str(finding.code());
        }
    }
    look
}
