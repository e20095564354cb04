//! The user's own files on the command line: where they are, and the failure where one cannot be used.

use super::exit::{CommandFailure, ExitStatus};
use crate::checks::{self, LeftBuild, error};
use crate::host::Source;
use crate::journal::Builds;
use crate::store::{Config, Folders, StoreError, StoredKind};
use crate::units::capitalised;

/// Where the user's files are.
pub fn folders() -> Result<Folders, CommandFailure> {
    Folders::of_user().map_err(|error| refused(&error))
}

/// An error of our own files. What was asked for and is not there is a wrong command line; a file of specs that does
/// not parse blocks as a spec does.
pub fn refused(error: &StoreError) -> CommandFailure {
    let (exit, code) = match error {
        StoreError::NotFound { kind: StoredKind::Preset, .. } => (ExitStatus::Usage, "PRESET-MISSING"),
        StoreError::NotFound { kind: StoredKind::Template, .. } => (ExitStatus::Usage, checks::TEMPLATE_MISSING.code),
        StoreError::Exists { .. } => (ExitStatus::Usage, "EXISTS"),
        StoreError::Shipped { .. } => (ExitStatus::Usage, "SHIPPED"),
        StoreError::BadName { .. } => (ExitStatus::Usage, checks::NAME_INVALID.code),
        StoreError::Broken { .. } => (ExitStatus::Blocked, error::SPEC_INVALID.code),
        StoreError::Config { .. } => (ExitStatus::Usage, "CONFIG-INVALID"),
        StoreError::NoHome
        | StoreError::Unsafe { .. }
        | StoreError::Draft { .. }
        | StoreError::NoLocks { .. }
        | StoreError::Io { .. } => (ExitStatus::Unexpected, "STORE"),
    };
    CommandFailure::new(exit, code, error.to_string()).remedy(sentence(&error.remedy()))
}

/// What interrupted builds may have left on the host; nothing for a user without a home.
pub fn left(source: &Source) -> Vec<LeftBuild> {
    Folders::of_user().map(|folders| Builds::new(&folders).left(source)).unwrap_or_default()
}

/// A part of a sentence as a whole one.
pub fn sentence(text: &str) -> String {
    let end = if text.is_empty() || text.ends_with(['.', '?']) { "" } else { "." };
    format!("{}{end}", capitalised(text))
}

/// The config file.
pub fn config() -> Result<Config, CommandFailure> {
    Config::load(&folders()?).map_err(|error| refused(&error))
}
