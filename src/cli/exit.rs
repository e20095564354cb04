//! How a command ends: exit codes, and the failure that carries one.

use crate::plan::Refused;
use serde_json::{Value, json};
use std::{io, process::ExitCode};

/// Exit codes; the numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// Done.
    Done = 0,
    /// An error that the program does not foresee.
    Unexpected = 1,
    /// The command line is wrong, or names something that does not exist.
    Usage = 2,
    /// Findings forbid a build; a spec that does not parse counts as one.
    Blocked = 3,
    /// The host does not answer or refuses access.
    Unreachable = 4,
    /// The build failed; everything it made was undone.
    Undone = 5,
    /// The build failed; something it made is left.
    NotUndone = 6,
    /// The two sides of a comparison differ.
    Differs = 7,
    /// Cancelled by the user.
    Cancelled = 130,
}

/// Every exit code with its meaning for users: help and README repeat this table, and a test compares them with it.
pub const EXIT_CODES: [(ExitStatus, &str); 9] = [
    (ExitStatus::Done, "done"),
    (ExitStatus::Unexpected, "unexpected error"),
    (ExitStatus::Usage, "wrong usage, or something named on the command line does not exist"),
    (ExitStatus::Blocked, "blocked by findings; a spec that does not parse counts as one"),
    (ExitStatus::Unreachable, "the host does not answer or refuses access"),
    (ExitStatus::Undone, "the build failed; everything it made was undone"),
    (ExitStatus::NotUndone, "the build failed; something it made is left, listed with the command that removes it"),
    (ExitStatus::Differs, "the two sides of a comparison differ"),
    (ExitStatus::Cancelled, "cancelled; everything was undone"),
];

impl From<ExitStatus> for ExitCode {
    fn from(exit: ExitStatus) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that did not do what it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandFailure {
    /// How the process ends.
    pub exit: ExitStatus,
    /// What JSON readers get; `error` is also the message for humans.
    pub body: Box<Refused>,
    /// What humans read instead of `error`; empty where it is the same.
    pub spoken: String,
    /// How to fix it, for humans; empty where there is no fix.
    pub remedy: String,
    /// True where everything has been printed already and only the exit code is left.
    pub silent: bool,
}

impl CommandFailure {
    /// A failure with a message.
    pub fn new(exit: ExitStatus, code: &str, message: impl Into<String>) -> Self {
        let body = Refused { error: message.into(), code: code.into(), details: json!({}) };
        Self { exit, body: Box::new(body), spoken: String::new(), remedy: String::new(), silent: false }
    }

    /// A command line that asks for something impossible.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, "USAGE", message)
    }

    /// Ends the process with `exit` and says nothing more.
    pub fn silent(exit: ExitStatus) -> Self {
        Self { silent: true, ..Self::new(exit, "", "") }
    }

    /// The same with a fix.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// The same with words of its own for humans.
    #[must_use]
    pub fn spoken(mut self, text: impl Into<String>) -> Self {
        self.spoken = text.into();
        self
    }

    /// The same with one more detail.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Value::Object(details) = &mut self.body.details {
            details.insert(name.into(), value.into());
        }
        self
    }
}

/// An answer of the creation API that blocks.
impl From<Refused> for CommandFailure {
    fn from(body: Refused) -> Self {
        Self { body: Box::new(body), ..Self::new(ExitStatus::Blocked, "", "") }
    }
}

impl From<anyhow::Error> for CommandFailure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(ExitStatus::Unexpected, "UNEXPECTED", format!("{error:#}"))
    }
}

/// Errors of our own output: a reader that closed the pipe has read enough, so that is not an error.
impl From<io::Error> for CommandFailure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::silent(ExitStatus::Done)
        } else {
            Self::new(ExitStatus::Unexpected, "UNEXPECTED", format!("cannot write the output: {error}"))
        }
    }
}

/// What commands return.
pub type CommandEnd = Result<ExitStatus, CommandFailure>;
