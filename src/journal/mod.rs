//! The journal of each build: what it is about to do, on disk before it is done; what it made, on disk before the next act.
//! Whatever ends a build, its journal says what may be there and by what it is found.
//!
//! A journal is one file that only grows, for the user alone, without secrets. Who works on it holds its lock, which the
//! kernel gives back however the work ends. What is to be done with an interrupted build is decided by `build`.

mod builds;
mod fault;
mod line;
mod opened;
mod random;
mod record;
mod state;
mod writer;

pub use builds::{Builds, NotFound};
pub use fault::{BuildRefusal, JournalFault, OtherBuild, UnreadJournal};
pub use line::{JournalEntry, JournalText, RecoveryKind, read};
pub use opened::{JournalHost, Opened};
pub use random::uuid;
pub use record::BuildRecord;
pub use state::BuildState;
pub use writer::Journal;
