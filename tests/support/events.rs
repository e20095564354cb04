//! Events of a build that runs nowhere, for the screens that show it.

use vmbuild::engine::{EngineId, Made, MadeId};
use vmbuild::plan::{BuildEvent, Plan};

/// What a step of `plan` makes, if anything.
pub(crate) fn made(plan: &Plan, step: usize) -> Option<Made> {
    let thing = plan.steps.get(step)?.thing.clone()?;
    Some(Made { engine: EngineId::Libvirt, step, thing, id: MadeId(format!("id-{step}")), file: None })
}

/// A step of `plan` begins.
pub(crate) fn begins(plan: &Plan, step: usize, at_ms: u64) -> BuildEvent {
    BuildEvent::step_began(step, &plan.steps[step], at_ms, None)
}

/// All that a step of `plan` tells, from its beginning to its end.
pub(crate) fn whole(plan: &Plan, step: usize, from_ms: u64, to_ms: u64) -> Vec<BuildEvent> {
    [begins(plan, step, from_ms)].into_iter().chain(done(plan, step, to_ms)).collect()
}

/// A step of `plan` is done, with all that it made.
pub(crate) fn done(plan: &Plan, step: usize, at_ms: u64) -> Vec<BuildEvent> {
    let done = BuildEvent::StepDone { step, at_ms, note: String::new() };
    made(plan, step).map(BuildEvent::Made).into_iter().chain([done]).collect()
}
