//! Why a host did not answer or did not do what it was asked: the cause, our words, the way out, libvirt's own words.

use crate::facts::Fact;

/// A failure at the host. `Display` is what went wrong and the way out; libvirt's words are in `original`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}{remedy}", if remedy.is_empty() { "" } else { " " })]
pub struct HostError {
    /// What kind of failure, for decisions.
    pub cause: Cause,
    /// What went wrong, a sentence.
    pub message: String,
    /// The way out, a sentence; empty where none is known.
    pub remedy: String,
    /// libvirt's error number; 0 where the failure is not libvirt's.
    pub code: u32,
    /// libvirt's own words; empty where the failure is not libvirt's.
    pub original: String,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The libvirt client library is not installed.
    LibraryMissing,
    /// Nothing listens at the daemon's socket.
    DaemonDown,
    /// The system refuses this user.
    Denied,
    /// The named machine is not known or cannot be reached.
    HostUnreachable,
    /// The URI names no driver that this libvirt has.
    UnknownDriver,
    /// The connection was cut.
    Lost,
    /// The thing to be made exists already.
    Exists,
    /// The thing that is asked for does not exist.
    NotFound,
    /// The driver cannot do it.
    Unsupported,
    /// Something else.
    Other,
}

impl HostError {
    /// A failure that libvirt has no part in.
    pub fn new(cause: Cause, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { cause, message: message.into(), remedy: remedy.into(), code: 0, original: String::new() }
    }

    /// libvirt's own words, where the message does not hold them already.
    pub fn words(&self) -> Option<&str> {
        Some(self.original.as_str()).filter(|words| !words.is_empty() && !self.message.contains(words))
    }

    /// The fact that could not be read because of this.
    pub fn fact<T>(&self) -> Fact<T> {
        let why = self.to_string();
        if self.cause == Cause::Denied { Fact::Denied { why } } else { Fact::Unknown { why } }
    }
}
