//! Bytes into volumes: copies made by libvirt, with progress; uploads of files and of bytes in memory.

use super::{conversion, same, volume_file};
use crate::engine::Thing;
use crate::engine::libvirt::FileCopy;
use crate::host::backend::{Halt, Work};
use crate::host::image;
use crate::host::libvirt::{Attempts, Connection, MadeVolume, SourceVolume};
use crate::host::{Cause, HostError};
use crate::plan::BuildEvent;
use crate::units::Bytes;
use rustix::fs::SeekFrom;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often a running copy is looked at.
const PACE: Duration = Duration::from_millis(200);

/// One copy, as the plan words it.
pub(super) struct Job<'a> {
    pub(super) pool: &'a str,
    pub(super) volume: &'a str,
    pub(super) xml: &'a str,
    pub(super) from: &'a str,
    pub(super) from_pool: Option<&'a str>,
    pub(super) grow_to: Option<Bytes>,
    /// How the bytes of a file are copied.
    pub(super) file: Option<&'a FileCopy>,
    /// The host's files are those of this machine.
    pub(super) here: bool,
}

impl Job<'_> {
    /// Makes the copy and grows it; what came of it.
    pub(super) fn run(&self, connection: &Connection, work: &mut Work<'_, '_>) -> Result<String, Halt> {
        let source = match self.from_pool {
            Some(pool) => Some(connection.source_in_pool(pool, self.from)?),
            None if self.file.is_some_and(|file| file.volume) => None,
            None => connection.source_at(self.from)?,
        };
        let made = match source {
            Some(source) => self.clone_volume(connection, &source, work)?,
            None if self.here => self.upload_file(connection, work)?,
            None => return Err(self.out_of_reach().into()),
        };
        if work.is_cancelled() {
            return Err(Halt::Cancelled);
        }
        self.grow(connection, &made)
    }

    fn made(&self, key: &str, work: &mut Work<'_, '_>) {
        work.made(key, self.here.then(|| volume_file::look(key)).flatten());
    }

    fn grow(&self, connection: &Connection, made: &MadeVolume) -> Result<String, Halt> {
        let Some(size) = self.grow_to else { return Ok(String::new()) };
        match connection.grow_volume(made, size) {
            Ok(()) => Ok(format!("{size}")),
            Err(error) if error.cause == Cause::Unsupported => Ok(format!("not grown to {size}: this driver cannot")),
            Err(error) => Err(error.into()),
        }
    }

    /// libvirt copies on another thread; this one watches how much is there, and tells of the volume as soon as it is.
    /// The copy cannot be interrupted: after a cancel it is waited for, so that the undo finds it.
    fn clone_volume(
        &self,
        connection: &Connection,
        source: &SourceVolume,
        work: &mut Work<'_, '_>,
    ) -> Result<MadeVolume, Halt> {
        let total = source.allocation.0;
        let mut growing = Growing { job: self, connection, attempts: &Attempts::default(), seen: None, told: false };
        let copied = std::thread::scope(|scope| {
            let (sender, done) = channel();
            let attempts = growing.attempts;
            scope.spawn(move || {
                drop(sender.send(connection.clone_volume(self.pool, self.volume, self.xml, source, attempts)));
            });
            loop {
                match done.recv_timeout(PACE) {
                    Ok(copied) => return copied,
                    Err(RecvTimeoutError::Timeout) => growing.look(total, work),
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(HostError::new(Cause::Other, "The copying thread ended without a result.", ""));
                    }
                }
            }
        });
        match copied {
            Ok(made) => {
                if !growing.told {
                    self.made(&made.key, work);
                }
                work.progress(total, total);
                Ok(made)
            }
            Err(error) => {
                growing.withdraw(&error, work);
                Err(error.into())
            }
        }
    }

    /// The bytes of a file, converted where the copy has another format, become the volume's.
    fn upload_file(&self, connection: &Connection, work: &mut Work<'_, '_>) -> Result<MadeVolume, Halt> {
        let opened = image::open(Path::new(self.from)).map_err(|error| self.unreadable(&error))?;
        let metadata = opened.metadata().map_err(|error| self.unreadable(&error))?;
        let reviewed = self.file.map(|file| file.reviewed.as_slice()).unwrap_or_default();
        let own = reviewed.iter().find(|file| file.path == self.from);
        own.map_or(Ok(()), |own| same::opened(own, &metadata))?;
        reviewed.iter().try_for_each(same::at_path)?;
        // A device does not count its blocks.
        let taken = Some(metadata.blocks().saturating_mul(512)).filter(|taken| *taken > 0);
        let taken = taken.map_or_else(|| length(&opened), Ok).map_err(|error| self.unreadable(&error))?;
        let file = match self.file.and_then(|file| file.conversion) {
            Some(conversion) => conversion::convert(&opened, self.from, conversion, taken, work)?,
            None => opened,
        };
        // What was found by its path is still what was checked.
        reviewed.iter().try_for_each(same::at_path)?;
        let made = connection.create_volume(self.pool, self.xml)?;
        self.made(&made.key, work);
        let parts =
            extents(&file, self.file.is_some_and(|file| file.sparse)).map_err(|error| self.unreadable(&error))?;
        let total = parts.iter().fold(0, |sum, (_, length)| sum + length);
        let mut sent = 0;
        for (offset, length) in parts {
            let mut at = offset;
            let next = |buffer: &mut [u8]| {
                let rest = usize::try_from(offset + length - at).unwrap_or(usize::MAX).min(buffer.len());
                let piece = buffer.get_mut(..rest).unwrap_or_default();
                let count = file.read_at(piece, at).map_err(|error| self.unreadable(&error))?;
                at += count as u64;
                Ok(count)
            };
            fill(connection, &made, (offset, length), (sent, total), work, next)?;
            sent += length;
        }
        Ok(made)
    }

    fn unreadable(&self, error: &io::Error) -> HostError {
        let message = format!("{} cannot be read: {error}.", self.from);
        HostError::new(Cause::NotFound, message, "Name an image that this user may read.")
    }

    fn out_of_reach(&self) -> HostError {
        let message = format!("{} is not a volume of a started pool of this host.", self.from);
        HostError::new(
            Cause::NotFound,
            message,
            "Create a pool for its folder with 'virsh pool-create-as', or start the pool.",
        )
    }
}

/// A copy that libvirt is making, seen from beside.
struct Growing<'a> {
    job: &'a Job<'a>,
    connection: &'a Connection,
    attempts: &'a Attempts,
    /// The attempt during which the volume was seen, and its key.
    seen: Option<(usize, String)>,
    told: bool,
}

impl Growing<'_> {
    /// Looks how much is there. The volume is ours once it is seen twice during one attempt: libvirt looks for its name
    /// right before the attempt, and an attempt at a name that is taken fails long before the second look.
    fn look(&mut self, total: u64, work: &mut Work<'_, '_>) {
        let Some(attempt) = self.attempts.running() else { return };
        let Some((key, allocation)) = self.connection.key_and_allocation(self.job.pool, self.job.volume) else {
            return;
        };
        let now = Some((attempt, key));
        if self.seen != now || self.attempts.running() != Some(attempt) {
            self.seen = now;
            return;
        }
        if !self.told
            && let Some((_, key)) = &self.seen
        {
            self.job.made(key, work);
            self.told = true;
        }
        work.progress(allocation, total);
    }

    /// Takes back what was told of a copy that failed: libvirt removes what it made of it.
    fn withdraw(&self, error: &HostError, work: &mut Work<'_, '_>) {
        let Job { pool, volume, .. } = self.job;
        let gone =
            || matches!(self.connection.source_in_pool(pool, volume), Err(error) if error.cause == Cause::NotFound);
        if !self.told || !(error.cause == Cause::Exists || gone()) {
            return;
        }
        let ours = |thing: &Thing| matches!(thing, Thing::Volume { name, .. } if name == volume);
        let made =
            work.teller.ledger.newest_first().find(|made| made.step == work.number && ours(&made.thing)).cloned();
        if let Some(made) = made {
            let what = format!("libvirt removed volume {volume} from pool {pool}");
            work.tell(BuildEvent::Undone { step: work.number, what, made });
        }
    }
}

/// Fills a volume with bytes from memory.
pub(super) fn bytes(
    connection: &Connection,
    volume: &MadeVolume,
    bytes: &[u8],
    work: &mut Work<'_, '_>,
) -> Result<(), Halt> {
    let mut rest = bytes;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    fill(connection, volume, (0, length), (0, length), work, |buffer| {
        let count = rest.len().min(buffer.len());
        let (now, later) = rest.split_at(count);
        buffer.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
        rest = later;
        Ok(count)
    })
}

/// Holes that are shorter are sent as zeros: each part costs a stream of its own.
const SHORTEST_HOLE: u64 = 1 << 20;
/// A file in more parts is sent as one.
const MOST_PARTS: usize = 4096;

/// Where `file` has data, as offset and length; the whole file where holes have to be written, too.
fn extents(file: &File, sparse: bool) -> io::Result<Vec<(u64, u64)>> {
    let length = length(file)?;
    Ok(if sparse { data_parts(file, length) } else { vec![(0, length)] })
}

fn data_parts(file: &File, length: u64) -> Vec<(u64, u64)> {
    let whole = vec![(0, length)];
    let mut parts: Vec<(u64, u64)> = Vec::new();
    let mut at = 0;
    while at < length {
        let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) if start < length => start,
            Ok(_) | Err(Errno::NXIO) => break,
            // A device does not say where it has data.
            Err(_) => return whole,
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(start)).unwrap_or(length).min(length);
        match parts.last_mut() {
            Some((offset, size)) if start - (*offset + *size) < SHORTEST_HOLE => *size = end - *offset,
            _ => parts.push((start, end - start)),
        }
        at = end.max(start + 1);
    }
    if parts.len() <= MOST_PARTS { parts } else { whole }
}

/// Bytes of a file or of a block device.
fn length(file: &File) -> io::Result<u64> {
    Ok(rustix::fs::seek(file, SeekFrom::End(0))?)
}

/// An upload of a part, by offset and length, with progress; a cancel ends it at once. `before`: what of the total was sent
/// already.
fn fill(
    connection: &Connection,
    volume: &MadeVolume,
    (offset, length): (u64, u64),
    (before, total): (u64, u64),
    work: &mut Work<'_, '_>,
    mut next: impl FnMut(&mut [u8]) -> Result<usize, HostError>,
) -> Result<(), Halt> {
    let mut sent = before;
    let mut cancelled = false;
    let outcome = connection.upload(volume, offset, length, |buffer| {
        if work.is_cancelled() {
            cancelled = true;
            return Err(HostError::new(Cause::Other, "The build was cancelled.", ""));
        }
        let count = next(buffer)?;
        sent += u64::try_from(count).unwrap_or(0);
        if count > 0 {
            work.progress(sent, total);
        }
        Ok(count)
    });
    if cancelled { Err(Halt::Cancelled) } else { outcome.map_err(Halt::Failed) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_data_of_a_sparse_file_is_sent() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(&[1; 4096], 8 << 20).unwrap();
        file.write_all_at(&[1; 4096], (8 << 20) + 65_536).unwrap();
        file.write_all_at(&[1; 4096], 40 << 20).unwrap();
        let parts = extents(&file, true).unwrap();
        // A file system without holes has one part.
        if parts != [(0, 64 << 20)] {
            assert_eq!(parts.len(), 2, "{parts:?}");
            assert!(parts[0].0 <= 8 << 20 && parts[0].1 < 1 << 20, "{parts:?}");
        }
        assert_eq!(extents(&file, false).unwrap(), [(0, 64 << 20)]);
        assert_eq!(extents(&tempfile::tempfile().unwrap(), true).unwrap(), []);
    }

    #[test]
    fn what_does_not_say_where_it_has_data_is_sent_whole() {
        // A pipe refuses to be asked, as a block device does.
        let (reader, _writer) = std::io::pipe().unwrap();
        let device = File::from(std::os::fd::OwnedFd::from(reader));
        assert!(rustix::fs::seek(&device, SeekFrom::Data(0)).is_err());
        assert_eq!(data_parts(&device, 4096), [(0, 4096)]);
    }
}
