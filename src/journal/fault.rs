//! What can be wrong with a journal, and why a build does not begin.

use super::state::BuildState;
use crate::store::StoreError;
use crate::units::rfc_3339;
use std::path::PathBuf;

/// Why a journal cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalFault {
    /// Not even its first line was written: the build had done nothing.
    #[error("the journal has not begun")]
    Empty,
    /// Another version wrote it.
    #[error("the journal has version {0}; this vmbuild supports version 1")]
    Version(u32),
}

/// A journal that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadJournal {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub fault: JournalFault,
}

/// Why a build does not begin.
#[derive(Debug)]
pub enum BuildRefusal {
    /// It cannot be recorded.
    Unrecorded(StoreError),
    /// Another build works on the same thing now.
    Running(OtherBuild),
    /// Another build of the same thing was interrupted, and what it made may still be there.
    Open(OtherBuild),
}

/// The build that is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherBuild {
    /// Its name.
    pub id: String,
    /// The VM.
    pub name: String,
    /// Who builds, by number.
    pub uid: u32,
    /// When it began, in milliseconds since 1970.
    pub since_ms: u64,
    /// What both make: "volume a in pool b".
    pub thing: String,
    /// How it is with it.
    pub state: BuildState,
}

impl BuildRefusal {
    /// What is in the way, and what to do about it.
    pub fn message(&self) -> String {
        match self {
            Self::Unrecorded(error) => format!("the build cannot be recorded, so it does not start: {error}"),
            Self::Running(OtherBuild { id, name, uid, since_ms, thing, .. }) => {
                let since = rfc_3339(since_ms / 1000);
                format!("{thing} is being made by build {id} of {name} (user {uid}, since {since})")
            }
            Self::Open(OtherBuild { id, name, thing, .. }) => {
                format!("{thing} may be left of build {id} of {name}, which was interrupted")
            }
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unrecorded(error) => match error.remedy() {
                text if text.is_empty() => "make the folder writable, free space in it, or set XDG_STATE_HOME".into(),
                text => text,
            },
            Self::Running(OtherBuild { id, .. }) => format!("wait until it has ended: vmbuild builds show {id}"),
            Self::Open(OtherBuild { id, .. }) => {
                format!("finish it with 'vmbuild recover {id} --resume', or take it back with --undo")
            }
        }
    }
}
