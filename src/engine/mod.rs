//! What builds a machine, as data: which fields of the spec an engine can express, what it would write, the steps of a
//! build and what undoes each of them. Nothing is executed here, and no engine is connected to.
//!
//! Plan, events, undo and every screen are the same for all engines. An engine supplies the rest: [`Engine`] what it can
//! express and how it reads, [`Builder`] the steps. A folder is an engine.

pub mod call;
pub mod libvirt;
pub mod made;
pub mod rendered;
pub mod step;
pub mod undo;

pub use call::{Call, Common};
pub use made::{Made, MadeId, Thing};
pub use rendered::Rendered;
pub use step::{Reviewed, Step, StepKey};
pub use undo::Undo;

use crate::facts::Facts;
use crate::machine::Machine;
use crate::spec::Spec;
use serde::{Deserialize, Serialize};

/// Names an engine that builds, in plans, events and records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineId {
    /// libvirt, on this machine or another.
    #[default]
    Libvirt,
}

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

    /// What it would write for a machine. Total, so that a draft with findings has a preview.
    fn render(&self, blueprint: &Blueprint<'_>) -> Rendered;
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

/// The engine that builds as `id`.
pub fn builder(id: EngineId) -> &'static dyn Builder {
    match id {
        EngineId::Libvirt => &libvirt::Libvirt,
    }
}

/// What the user decides about a build beyond the spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Start the VM once it is defined.
    pub start: bool,
}
