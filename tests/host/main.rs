//! Tests on a libvirt that runs real guests, with QEMU, and in the IOMMU lab. `tests/run.sh` says where these are; a
//! test that lacks one of them is skipped and says why.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod architectures;
mod boots;
mod build;
mod cli_build;
mod console_password;
mod cuts;
mod domain_xml;
mod e2e;
mod images;
mod lab;
mod libvirt_on_demand;
mod pools;
mod starts;
mod stuck;
#[path = "../support/mod.rs"]
mod support;
mod undo_from_events;
mod wire;
