//! The plan: ordered steps, each with its undo, and the events of a build. Nothing is executed here.

pub mod event;
pub mod ledger;
pub mod render;
pub mod response;

pub use event::{BuildEvent, BuildResult, Verdict};
pub use ledger::Ledger;
pub use response::{Created, Refused};

use crate::engine::{Blueprint, Builder, EngineId, PlanOptions, Rendered, Step, Thing, Undo, builder};
use serde::{Deserialize, Serialize};

/// All that a build does, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The engine that builds.
    #[serde(default)]
    pub engine: EngineId,
    /// Address of the host's connection, where it is known.
    #[serde(default)]
    pub host: Option<String>,
    /// Name of the VM.
    pub name: String,
    /// What is done, in order; undone newest first.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The plan for a machine that `engine` rendered. Total; whether it may be built is judged by `checks`.
    pub fn of(engine: &dyn Builder, blueprint: &Blueprint<'_>, rendered: &Rendered, options: PlanOptions) -> Self {
        Self {
            engine: engine.id(),
            host: blueprint.facts.host.get().map(|host| host.uri.clone()),
            name: blueprint.machine.name.clone(),
            steps: engine.steps(blueprint, rendered, options),
        }
    }

    /// True where it starts the VM.
    pub fn starts(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.thing, Some(Thing::Running { .. })))
    }

    /// The same with `uuid` as the identity of the VM, unless custom XML gives it another.
    #[must_use]
    pub fn identified(&self, uuid: &str) -> Self {
        let identified = |step: &Step| Step { call: step.call.clone().identified(uuid), ..step.clone() };
        Self { steps: self.steps.iter().map(identified).collect(), ..self.clone() }
    }

    /// What removes the thing that `step` makes, with all that it will have once it has been started; `None` where it
    /// makes none.
    pub fn undo(&self, step: &Step) -> Option<Undo> {
        let thing = step.thing.clone()?.once_started();
        Some(builder(self.engine).undo(&thing, None, self.host.as_deref()))
    }
}
