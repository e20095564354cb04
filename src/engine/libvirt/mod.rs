//! libvirt: domain XML, the calls that make it so, and what undoes each of them.

pub mod built;
pub mod call;
mod copy;
mod coverage;
mod identified;
mod removal;
mod reviewed;
mod steps;
mod taken;
mod undo;
pub mod volume;

pub use call::{Conversion, FileCopy, LibvirtCall, PasswordFile};
pub use removal::LibvirtRemoval;

use super::rendered::{RenderFault, RenderedDocument, RenderedLine};
use super::{Blueprint, Builder, Coverage, Engine, EngineId, MadeId, PlanOptions, Rendered, Step, Thing, Undo};
use crate::domain::{self, Element, XmlError};

/// The engine.
pub struct Libvirt;

impl Engine for Libvirt {
    fn name(&self) -> &'static str {
        "libvirt"
    }

    fn coverage(&self) -> &'static Coverage {
        &coverage::COVERAGE
    }

    fn render(&self, blueprint: &Blueprint<'_>) -> Rendered {
        let Blueprint { spec, machine, .. } = blueprint;
        let (tree, fault) = match domain::domain(spec, machine) {
            Ok(tree) => (tree, None),
            Err(error) => (domain::generated(spec, machine), Some(RenderFault::from(error))),
        };
        Rendered { lines: lines(&tree), fault, document: RenderedDocument::Xml(tree) }
    }

    fn builder(&self) -> Option<&dyn Builder> {
        Some(self)
    }
}

impl Builder for Libvirt {
    fn id(&self) -> EngineId {
        EngineId::Libvirt
    }

    fn steps(&self, blueprint: &Blueprint<'_>, rendered: &Rendered, options: PlanOptions) -> Vec<Step> {
        steps::steps(blueprint, rendered, options)
    }

    fn undo(&self, thing: &Thing, id: Option<&MadeId>, host: Option<&str>) -> Undo {
        undo::undo(thing, id, host)
    }
}

impl From<XmlError> for RenderFault {
    fn from(error: XmlError) -> Self {
        Self { place: error.place(), message: error.to_string() }
    }
}

/// The lines of domain XML with the fields that made them.
pub fn lines(tree: &Element) -> Vec<RenderedLine> {
    let written = tree.write();
    written.lines().map(|(text, origin)| RenderedLine { text: text.to_owned(), origin: origin.cloned() }).collect()
}
