//! The one connection of an observer: opened by the first request that needs it, again after it was cut.

use super::libvirt::{Connection, OnEvent, Registration};
use super::{HostError, Source};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Told of each attempt to connect.
pub(super) type OnAttempt = Box<dyn Fn(Result<&Connection, &HostError>) + Send + Sync>;

/// Who is told of what by itself; a single observation needs neither.
pub(super) struct Listeners {
    pub(super) on_attempt: OnAttempt,
    pub(super) on_event: Option<OnEvent>,
}

/// A connection that is made when needed.
pub(super) struct HostSession {
    state: Mutex<ConnectionState>,
    listeners: Option<Listeners>,
}

#[derive(Default)]
struct ConnectionState {
    open: Option<Connection>,
    /// Ends before the connection does.
    watch: Option<Registration>,
    failed: Option<(Instant, HostError)>,
}

impl HostSession {
    /// Nothing is opened yet.
    pub(super) fn new(listeners: Option<Listeners>) -> Self {
        Self { state: Mutex::default(), listeners }
    }

    /// Uses a connection that is open.
    pub(super) fn over(connection: Connection) -> Self {
        let state = ConnectionState { open: Some(connection), ..ConnectionState::default() };
        Self { state: Mutex::new(state), listeners: None }
    }

    /// The connection, opened if it must be. Requests that were asked before an attempt failed share its failure:
    /// ten questions to a silent host wait once. Blocks while another thread connects.
    pub(super) fn connection(&self, source: &Source, asked: Instant) -> Result<Connection, HostError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = state.open.as_ref().filter(|open| open.is_alive()) {
            return Ok(open.clone());
        }
        if let Some((_, error)) = state.failed.as_ref().filter(|(when, _)| *when >= asked) {
            return Err(error.clone());
        }
        state.watch = None;
        state.open = None;
        let opened = self.open(source);
        match opened {
            Ok((connection, watch)) => {
                state.watch = watch;
                state.open = Some(connection.clone());
                state.failed = None;
                Ok(connection)
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn open(&self, source: &Source) -> Result<(Connection, Option<Registration>), HostError> {
        let Some(listeners) = &self.listeners else { return Connection::open(source).map(|open| (open, None)) };
        let opened = match &listeners.on_event {
            Some(_) => Connection::open_with_events(source),
            None => Connection::open(source),
        };
        (listeners.on_attempt)(opened.as_ref());
        opened.map(|connection| {
            let watch = listeners.on_event.as_ref().map(|tell| connection.watch(tell));
            (connection, watch)
        })
    }

    /// Why the last attempt since `asked` failed.
    pub(super) fn failure(&self, asked: Instant) -> Option<HostError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failed.as_ref().filter(|(when, _)| *when >= asked).map(|(_, error)| error.clone())
    }
}
