//! Runs a plan on a host: each step in order; after a failure or a cancel, undo of what this build made and of nothing
//! else, newest first. What is done is decided by `plan`; how libvirt is called, by `host`.

mod act;
mod copy;
mod lost;
mod read_back;
mod recheck;
mod run;
pub mod seed;
mod undo;
mod verify;

pub use run::{Order, run};
