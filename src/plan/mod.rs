//! The plan: ordered steps, each with its undo, and the events of a build. Nothing is executed here.

pub mod event;
pub mod make;
pub mod render;
pub mod response;
pub mod step;
pub mod volume;

mod copy;

pub use event::{BuildEvent, Outcome};
pub use make::{PlanOptions, plan};
pub use response::{Created, Refused};
pub use step::{Action, Plan, Step};
