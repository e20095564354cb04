//! Opening a connection, and what is known of it without asking the far side.

use super::error::{calling, opening};
use super::library::prepare;
use crate::host::{Cause, HostError, Source, demo};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use virt::connect::Connect;

/// An open connection. Clones share it; libvirt allows its use from several threads at once.
#[derive(Clone)]
pub struct Connection {
    inner: Connect,
    uri: String,
}

impl Connection {
    /// Opens what the source names. Blocks: up to minutes where ssh waits for a host that is silent.
    pub fn open(source: &Source) -> Result<Self, HostError> {
        let recorded = |what: &str, remedy: &str| {
            let message = format!("{} is a {what}.", source.name());
            Err(HostError::new(Cause::Unsupported, message, remedy))
        };
        match source {
            Source::Libvirt { .. } => {
                prepare()?;
                let uri = source.name();
                if is_test(&uri) { shared(&uri, || connect(&uri)) } else { connect(&uri) }
            }
            Source::Demo => {
                prepare()?;
                shared(demo::URI, open_demo)
            }
            Source::Record(_) => recorded("record, not a host: nothing can be built on it", "Leave --facts out."),
            Source::Tree(_) => recorded(
                "recorded tree, not a host: there is no libvirt to ask",
                "Name one with --connect, or leave --sysroot out.",
            ),
        }
    }

    /// False once the connection is cut; costs no round trip.
    pub fn is_alive(&self) -> bool {
        self.inner.is_alive().unwrap_or(false)
    }

    /// True for libvirt's test driver, whose host does not exist.
    pub fn is_test(&self) -> bool {
        is_test(&self.uri)
    }

    /// The URI that was opened.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    pub(super) fn inner(&self) -> &Connect {
        &self.inner
    }
}

fn connect(uri: &str) -> Result<Connection, HostError> {
    let inner = Connect::open(Some(uri)).map_err(|error| opening(uri, &error))?;
    Ok(Connection { inner, uri: uri.to_owned() })
}

/// The test driver reads its file anew for each connection and makes a host of its own from it. A build must be seen by
/// who observes, so one connection per URI serves the whole process and is never closed.
fn shared(uri: &str, open: impl Fn() -> Result<Connection, HostError>) -> Result<Connection, HostError> {
    static WORLDS: Mutex<Option<HashMap<String, Connection>>> = Mutex::new(None);
    let mut worlds = WORLDS.lock().unwrap_or_else(PoisonError::into_inner);
    let worlds = worlds.get_or_insert_default();
    if let Some(known) = worlds.get(uri) {
        return Ok(known.clone());
    }
    let connection = open()?;
    worlds.insert(uri.to_owned(), connection.clone());
    Ok(connection)
}

/// The test driver starts every pool that it finds; one is stopped again.
fn open_demo() -> Result<Connection, HostError> {
    let node = demo::NodeFile::new()?;
    let connection = Connection { uri: demo::URI.into(), ..connect(&node.uri())? };
    let stopped = connection.inner.lookup_storage_pool_by_name(demo::INACTIVE_POOL).and_then(|pool| pool.destroy());
    stopped.map_err(|error| calling("set up the demo host", &error))?;
    Ok(connection)
}

fn is_test(uri: &str) -> bool {
    uri.starts_with("test:")
}
