//! The edge between the wizard and the terminal: the event loop, drawing, input, signals. Decides nothing of the wizard.

mod building;
pub mod capability;
mod decoder;
mod encoder;
mod event_loop;
mod files;
pub mod input;
pub mod input_event;
mod look;
mod motion;
mod news;
mod observation;
mod pen;
#[cfg(test)]
mod pty;
pub mod screen;
mod sequence;
pub mod signals;
pub mod terminal;
pub mod wizard;

pub use wizard::{WizardError, WizardOptions, wizard};
