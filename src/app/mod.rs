//! The wizard's state and its pure update. Knows no widget, no terminal and no runtime.
//!
//! [`update()`] takes a message and gives back effects; everything that follows from spec and facts is recomputed in
//! `case` once per change. One step of the wizard is one file of [`steps`].

pub mod action;
pub mod against;
mod asking;
mod case;
pub(crate) mod drafts;
pub mod edit;
pub mod editor;
mod filling;
pub mod focus;
pub mod form;
pub mod grammar;
pub mod history;
pub mod key;
pub mod keys;
pub mod leave;
pub mod msg;
pub mod options;
pub mod overlay;
pub mod probe;
mod rows;
pub mod state;
pub mod step;
pub mod steps;
pub mod textarea;
pub mod update;
pub mod values;
pub mod write;
pub mod xml;

pub use focus::{Cursor, Zone};
pub use key::{Key, KeyCode};
pub use msg::{Draft, Effect, Exit, ExitReason, LeftDraft, Msg, Reply, Saved, Signal};
pub use probe::{Probe, ProbeState};
pub use state::{App, HostState};
pub use step::StepId;
pub use update::update;
pub use values::Values;
