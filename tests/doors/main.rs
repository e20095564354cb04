//! Both doors of the house: what the command line and the wizard make of the same spec on the same host must be the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "../program/mod.rs"]
mod program;
mod templates;
mod wizard;
