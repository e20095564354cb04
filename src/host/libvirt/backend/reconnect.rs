//! A connection that was cut in the middle of a build: made again for the undo.

use crate::host::Source;
use crate::host::libvirt::Connection;
use std::time::{Duration, Instant};

/// How long a daemon that is started again is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// A new connection in place of one that was cut; `None` where that one is whole, or the host stays away.
pub(super) fn again(cut: &Connection, source: &Source) -> Option<Connection> {
    let began = Instant::now();
    while !cut.is_alive() && began.elapsed() < PATIENCE {
        match Connection::open(source) {
            Ok(connection) => return Some(connection),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
    None
}
