//! The plan: ordered steps, each with its undo, and the events of a build. Nothing is executed here.

pub mod event;
pub mod make;
pub mod render;
pub mod response;
pub mod step;
pub mod volume;

mod copy;
mod passed;

pub use event::{BuildEvent, Outcome, Verdict};
pub use make::{PlanOptions, plan};
pub use response::{Created, Refused};
pub use step::{Action, PasswordFile, Plan, Reviewed, Step};
