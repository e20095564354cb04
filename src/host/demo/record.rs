//! The records that the demo host is made of.

use crate::host::{Cause, HostError};

/// What a record that cannot be read is told as.
pub(super) fn unreadable(error: &serde_json::Error) -> HostError {
    HostError::new(Cause::Other, format!("The demo's record cannot be read: {error}."), "")
}
