//! The wizard's state and its pure update. Knows no widget, no terminal and no runtime.
//!
//! [`update()`] takes a message and gives back effects. What a key means is in [`keys`], what it comes to is answered as an
//! [`outcome::Outcome`] by the step on screen (one file of [`steps`] each), by `app::acting` or by `app::answering`, and
//! `app::dispatch` alone changes the state by it.

mod acting;
mod age;
mod answering;
mod asking;
mod case;
pub mod comparison;
mod dispatch;
pub(crate) mod drafts;
pub mod edit;
pub mod editor;
mod filling;
pub mod focus;
pub mod form;
pub mod grammar;
pub mod history;
pub mod intent;
pub mod key;
pub mod keys;
mod leaving;
pub mod model;
pub mod msg;
mod news;
pub mod offers;
pub mod options;
pub mod outcome;
pub mod overlay;
mod palette;
pub mod probe;
mod probing;
mod questions;
pub mod rail;
mod replies;
mod rows;
mod saving;
pub mod state;
pub mod step;
pub mod steps;
pub mod textarea;
pub mod values;
pub mod xml;

pub use dispatch::update;
pub use focus::{Cursor, Focus, Zone};
pub use key::{Key, KeyCode};
pub use model::{HostState, Model};
pub use msg::{Draft, Effect, EndSignal, ExitReason, LeftDraft, Msg, Saved, StoreReply, WizardExit};
pub use probe::{Probe, ProbeState};
pub use state::App;
pub use step::StepId;
pub use values::Values;
