//! The machine: sysfs, procfs and libvirt. Facts come out, single acts of a build go in. What facts mean is not decided here.

pub mod backend;
mod crypt;
mod demo;
pub mod error;
pub mod image;
pub mod libvirt;
pub mod messages;
pub mod observe;
pub mod opening;
pub mod osinfo;
mod recorded;
pub mod remote;
pub mod secret;
pub mod seed;
mod session;
pub mod source;
pub mod sysfs;
pub mod sysroot;
mod uevent;
pub mod worker;

pub use backend::Backend;
pub use error::{Cause, HostError};
pub use observe::{Observed, Observer, observe, observe_by};
pub use source::Source;
pub use sysroot::Sysroot;
pub use worker::{Generation, HostReply, Request, Worker};

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01 UTC, the time stamp of facts.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
