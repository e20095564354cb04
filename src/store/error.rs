//! What can go wrong with our own files.

use crate::spec::{Problems, suggest};
use std::{fmt, io, path::PathBuf};

/// What is stored under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredKind {
    /// A preset.
    Preset,
    /// A template.
    Template,
}

impl fmt::Display for StoredKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Preset => "preset",
            Self::Template => "template",
        })
    }
}

/// An error of the store. `Display` says what is wrong, [`StoreError::remedy`] the way out.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Neither HOME nor a home folder in the user database.
    #[error("this user has no home folder, so there is no place for vmbuild's files")]
    NoHome,
    /// A folder that others can change.
    #[error("{path}: other users can change this folder, so what is in it cannot be trusted")]
    Unsafe {
        /// The folder.
        path: PathBuf,
    },
    /// There is none of this name.
    #[error("{kind} '{name}' not found")]
    NotFound {
        /// Preset or template.
        kind: StoredKind,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// There is one of this name.
    #[error("{kind} '{name}' exists already")]
    Exists {
        /// Preset or template.
        kind: StoredKind,
        /// Its name.
        name: String,
    },
    /// Not to be deleted.
    #[error("{kind} '{name}' is shipped with vmbuild and cannot be deleted")]
    Shipped {
        /// Preset or template.
        kind: StoredKind,
        /// Its name.
        name: String,
    },
    /// Not a name for a file.
    #[error("'{name}' is not a name for a {kind}: {why}")]
    BadName {
        /// Preset or template.
        kind: StoredKind,
        /// The name, on one line.
        name: String,
        /// Which rule it breaks.
        why: &'static str,
    },
    /// A file that does not parse.
    #[error("{}", .problems.in_file(.file))]
    Broken {
        /// Path, or the name of a shipped one.
        file: String,
        /// All that is wrong with it.
        problems: Problems,
    },
    /// The config file does not parse or contradicts itself.
    #[error("{}:{line}:{column}: {message}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong and the way out.
        message: String,
    },
    /// The draft was written by another version.
    #[error("{}: {why}", .path.display())]
    Draft {
        /// The file.
        path: PathBuf,
        /// Why it cannot be taken up.
        why: String,
    },
    /// A file system on which files cannot be locked.
    #[error("{}: this file system has no locks, so two builds could not be kept apart", .path.display())]
    NoLocks {
        /// The file.
        path: PathBuf,
    },
    /// The file system said no.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// Verb: read, write, delete, list.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StoreError {
    /// The way out; empty where the message says it already.
    pub fn remedy(&self) -> String {
        match self {
            Self::NoHome => "set HOME, or XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_STATE_HOME".to_owned(),
            Self::Unsafe { path } => {
                format!("run chmod go-w {} as its owner, or set another XDG folder", path.display())
            }
            Self::NotFound { kind, name, known } => suggest::known(&kind.to_string(), name, known),
            Self::Exists { kind, .. } => format!("choose another name, or replace the {kind}"),
            Self::Shipped { .. } => "save one of the same name to hide it".to_owned(),
            Self::Draft { .. } => "move the file away to start fresh".to_owned(),
            Self::NoLocks { .. } => "set XDG_STATE_HOME to a folder on a local file system".to_owned(),
            Self::BadName { .. } | Self::Broken { .. } | Self::Config { .. } | Self::Io { .. } => String::new(),
        }
    }

    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
