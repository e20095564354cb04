//! What an engine supplies: [`Engine`] what it can express and how it reads, [`Builder`] the steps of a build.

use super::{Coverage, EngineId, MadeId, Rendered, Step, Thing, Undo};
use crate::facts::Facts;
use crate::machine::Machine;
use crate::spec::Spec;
use std::fmt;

/// What an engine works from: what was asked for, what was decided, what is known of the host.
#[derive(Clone, Copy)]
pub struct Blueprint<'a> {
    /// The spec with its layers beneath it.
    pub spec: &'a Spec,
    /// The machine that follows from it.
    pub machine: &'a Machine,
    /// The host.
    pub facts: &'a Facts,
}

/// What a kind of engine can express. Pure: nothing is connected to.
pub trait Engine: Sync {
    /// Its name for people.
    fn name(&self) -> &'static str;

    /// What becomes of each field of the spec.
    fn coverage(&self) -> &'static Coverage;

    /// What it would write for a machine. Total, so that a draft with findings has a preview.
    fn render(&self, blueprint: &Blueprint<'_>) -> Rendered;

    /// The same engine where it builds; `None` for one that only writes.
    fn builder(&self) -> Option<&dyn Builder> {
        None
    }
}

impl fmt::Debug for dyn Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An engine that builds, and does not only write.
pub trait Builder: Engine {
    /// Its name in plans, events and records.
    fn id(&self) -> EngineId;

    /// The steps that build the machine that was `rendered`, in order. Total; whether they may be done is judged by `checks`.
    fn steps(&self, blueprint: &Blueprint<'_>, rendered: &Rendered, options: PlanOptions) -> Vec<Step>;

    /// What removes a thing; by its identity where it has one already. `host` is the address of the connection.
    fn undo(&self, thing: &Thing, id: Option<&MadeId>, host: Option<&str>) -> Undo;
}

/// What the user decides about a build beyond the spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Start the VM once it is defined.
    pub start: bool,
}
