//! Runs a plan on a host: each step in order; after a failure or a cancel, undo of what this build made and of nothing
//! else, newest first. What is done is decided by `plan`; how an engine is called, by `host`.

mod found;
mod order;
mod recheck;
mod recording;
mod recovery;
mod run;
mod undo;

pub use order::Order;
pub use recovery::{RecoveryOrder, Unrecovered, recover};
pub use run::run;
