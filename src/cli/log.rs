//! The log of a session in a file that the user names. Never on the terminal; and only names, times and errors, never
//! what a spec holds.

use super::exit::CommandFailure;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;
use tracing::Level;

/// Appends what happens from now on to `file`, which only the user can read where it is new.
pub fn start(file: &Path) -> Result<(), CommandFailure> {
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(file);
    let opened = opened.map_err(|error| {
        CommandFailure::usage(format!("the log {} cannot be written: {error}", file.display()))
            .remedy("--log and VMBUILD_LOG take the path of a file in a folder that exists.")
    })?;
    let log = tracing_subscriber::fmt().with_max_level(Level::DEBUG).with_ansi(false).with_writer(Mutex::new(opened));
    log.try_init().map_err(|error| CommandFailure::usage(format!("the log cannot be started: {error}")))
}
