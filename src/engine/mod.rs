//! What builds a machine, as data: which fields of the spec an engine can express, what it would write, the steps of a
//! build and what undoes each of them. Nothing is executed here, and no engine is connected to.
//!
//! Plan, events, undo and every screen are the same for all engines. An engine supplies the rest: [`Engine`] what it can
//! express and how it reads, [`Builder`] the steps. A folder is an engine.

pub mod built;
pub mod call;
pub mod coverage;
pub mod id;
pub mod interface;
pub mod libvirt;
pub mod made;
pub mod rendered;
pub mod reviewed;
pub mod step;
pub mod undo;
pub mod virt_install;

pub use built::BuiltVm;
pub use call::{Call, Common};
pub use coverage::{Coverage, Support};
pub use id::EngineId;
pub use interface::{Blueprint, Builder, Engine, PlanOptions};
pub use made::{Foreseen, Made, MadeFile, MadeId, Thing};
pub use rendered::Rendered;
pub use reviewed::{Reviewed, ReviewedFile};
pub use step::{Step, StepKey};
pub use undo::Undo;

/// The engine that builds as `id`.
pub fn builder(id: EngineId) -> &'static dyn Builder {
    match id {
        EngineId::Libvirt => &libvirt::Libvirt,
    }
}

/// Every engine.
pub static ALL: [&dyn Engine; 2] = [&libvirt::Libvirt, &virt_install::VirtInstall];

/// The engine where none is named.
pub fn usual() -> &'static dyn Engine {
    builder(EngineId::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::field::FIELDS;

    /// The fields that hold values; the others are groups of them.
    fn values() -> impl Iterator<Item = &'static str> {
        let within =
            |path: &str, group: &str| path.strip_prefix(group).is_some_and(|rest| rest.starts_with(['.', '[']));
        let paths = || FIELDS.iter().map(|field| field.path);
        paths().filter(move |group| !paths().any(|path| within(path, group)))
    }

    #[test]
    fn every_engine_says_of_every_field_what_becomes_of_it() {
        for engine in ALL {
            let empty: Vec<&str> = values().filter(|path| engine.coverage().support(path).is_none()).collect();
            assert!(empty.is_empty(), "{} has no row for {empty:?}", engine.name());
        }
    }

    #[test]
    fn no_engine_has_a_row_for_what_is_not_a_field() {
        for engine in ALL {
            let strays: Vec<&str> = engine
                .coverage()
                .rows()
                .map(|(path, _)| path)
                .filter(|row| FIELDS.iter().all(|field| field.path != *row))
                .collect();
            assert!(strays.is_empty(), "{}: {strays:?}", engine.name());
        }
    }

    #[test]
    fn a_reason_is_a_sentence_that_findings_can_end() {
        for engine in ALL {
            for (path, support) in engine.coverage().rows() {
                let (Support::Raw(why) | Support::Lost(why) | Support::Refused(why)) = support else { continue };
                assert!(why.len() > 20 && !why.ends_with('.') && !why.contains(": "), "{path}: {why}");
            }
        }
    }
}
