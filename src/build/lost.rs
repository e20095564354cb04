//! A connection that was cut in the middle of a build: made again for the undo, and what nobody answered for.

use crate::host::libvirt::Connection;
use crate::host::{Cause, HostError, Target};
use crate::plan::Action;
use std::time::{Duration, Instant};

/// How long a daemon that is started again is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// A new connection in place of one that was cut; `None` where that one is whole, or the host stays away.
pub(super) fn again(cut: &Connection, target: &Target) -> Option<Connection> {
    let began = Instant::now();
    while !cut.is_alive() && began.elapsed() < PATIENCE {
        match Connection::open(target) {
            Ok(connection) => return Some(connection),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
    None
}

/// What `action` of the VM `name` may have made although its answer never came: the thing, and what is known of it.
/// Nobody can say whose it is, so it is told and not undone. `None` where it is not there.
pub(super) fn unanswered(connection: &Connection, action: &Action, name: &str) -> Option<(String, String)> {
    let (what, found) = match action {
        Action::CreateVolume { pool, volume, .. }
        | Action::CloneVolume { pool, volume, .. }
        | Action::WriteSeed { pool, volume } => {
            (format!("volume {volume} in pool {pool}"), connection.source_in_pool(pool, volume).map(drop))
        }
        Action::Define { .. } => (format!("domain {name}"), connection.find_domain(name)),
        _ => return None,
    };
    match found {
        Ok(()) => Some((what, "the connection was cut while it was made, and it is there now".into())),
        Err(HostError { cause: Cause::NotFound, .. }) => None,
        Err(error) => Some((what, format!("the connection was cut while it was made: {error}"))),
    }
}
