//! A journal that is being written: locked, growing, on disk before the next act.

use super::line::{self, JournalEntry};
use super::{Opened, RecoveryKind};
use crate::plan::BuildEvent;
use crate::store::StoreError;
use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Room that is set aside at the beginning, so that the undo of a build that fills the disk can be written.
const RESERVED: u64 = 256 << 10;
/// Pause between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(1);

/// The journal of a build in the hands of who works on it. Its lock goes with the value.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    /// Number of the next line.
    seq: u64,
    /// Bytes of the lines that count.
    length: u64,
    progress: Option<Instant>,
}

impl Journal {
    /// A new journal at `path` that begins with `opened`. It is found there once its first line is on disk.
    pub(super) fn create(path: &Path, opened: Opened) -> Result<Self, StoreError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let part = &folder.join(format!(".{name}.part"));
        let failed = |error| StoreError::io("write", path)(error);
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(part).map_err(failed)?;
        let begin = move || -> Result<Self, StoreError> {
            if !lock(&file, path)? {
                return Err(failed(io::Error::other("another process has locked it")));
            }
            reserve(&file).map_err(failed)?;
            let mut journal = Self { file, path: path.to_owned(), seq: 0, length: 0, progress: None };
            journal.entry(&JournalEntry::Opened(Box::new(opened)))?;
            std::fs::rename(part, path).map_err(failed)?;
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
            Ok(journal)
        };
        let journal = begin();
        if journal.is_err() {
            // What is told is why the journal could not be begun.
            let _ = std::fs::remove_file(part);
        }
        journal
    }

    /// The journal at `path`, of which `whole` bytes in `lines` lines count; `None` where another process works on it. What
    /// does not count is cut off: it would end the reading of what follows.
    pub(super) fn reopen(path: &Path, read: impl Fn() -> Option<(u64, u64)>) -> Result<Option<Self>, StoreError> {
        let failed = |error| StoreError::io("write", path)(error);
        let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
        if !lock(&file, path)? {
            return Ok(None);
        }
        // Read again behind the lock: who held it before may have written more.
        let Some((seq, length)) = read() else { return Ok(None) };
        file.set_len(length).map_err(failed)?;
        reserve(&file).map_err(failed)?;
        Ok(Some(Self { file, path: path.to_owned(), seq, length, progress: None }))
    }

    /// Writes an event; it is on disk when this returns, unless it is about progress only.
    pub fn record(&mut self, event: &BuildEvent) -> Result<(), StoreError> {
        if matches!(event, BuildEvent::Progress { .. }) {
            if self.progress.is_some_and(|last| last.elapsed() < PROGRESS) {
                return Ok(());
            }
            self.progress = Some(Instant::now());
        }
        let text = line::event_line(self.seq, now_ms(), event).map_err(|error| self.failed(error.into()))?;
        self.append(&text, acts_follow(event))
    }

    /// Writes that the build is taken up again.
    pub fn take_up(&mut self, kind: RecoveryKind) -> Result<(), StoreError> {
        self.entry(&JournalEntry::Recovery(kind))
    }

    fn entry(&mut self, entry: &JournalEntry) -> Result<(), StoreError> {
        let text = line::write(self.seq, now_ms(), entry).map_err(|error| self.failed(error.into()))?;
        self.append(&text, true)
    }

    fn append(&mut self, text: &str, sync: bool) -> Result<(), StoreError> {
        let written = self.file.write_all(text.as_bytes());
        let written = written.and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            // A part of a line would end the reading of those that follow.
            let _ = self.file.set_len(self.length);
            return Err(self.failed(error));
        }
        self.seq += 1;
        self.length += text.len() as u64;
        Ok(())
    }

    fn failed(&self, error: io::Error) -> StoreError {
        StoreError::io("write", &self.path)(error)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Gives back what of the reserved room was not needed; that it stays reserved does no harm.
        let _ = self.file.set_len(self.length);
    }
}

/// True for an event that must be on disk before anything else is done.
fn acts_follow(event: &BuildEvent) -> bool {
    matches!(
        event,
        BuildEvent::StepBegan { .. }
            | BuildEvent::Made(_)
            | BuildEvent::StepFailed { .. }
            | BuildEvent::Undone { .. }
            | BuildEvent::Ended { .. }
    )
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Locks the file; false where another process has it.
pub(super) fn lock(file: &File, path: &Path) -> Result<bool, StoreError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(_) => Err(StoreError::NoLocks { path: path.to_owned() }),
    }
}

/// File systems that cannot set room aside take the journal without it.
fn reserve(file: &File) -> io::Result<()> {
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, RESERVED) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        reserved => Ok(reserved?),
    }
}
