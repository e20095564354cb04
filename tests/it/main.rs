//! Tests that need no daemon and no guest: what the library and the program do by themselves, on folders that stand for a
//! host's root and on libvirt's test driver.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod build;
mod bytes;
mod cli;
mod demo;
mod domain_xml;
mod doors;
mod fixtures;
mod golden;
mod image_headers;
mod keys;
mod libvirt_on_demand;
mod machines;
mod observe;
mod passthrough;
mod pinning;
mod pool_types;
mod pty;
mod reader;
mod readme;
mod remote;
mod screen;
mod screens;
mod spec;
mod spec_reference;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod systems;
mod takes;
mod terminal;
mod versions;
mod virt_install;
mod volume_xml;
