//! Bytes into volumes: copies made by libvirt, with progress; uploads of files and of bytes in memory.

use crate::engine::Thing;
use crate::host::backend::{Halt, Work};
use crate::host::libvirt::{Attempts, Connection, MadeVolume, SourceVolume};
use crate::host::{Cause, HostError};
use crate::plan::BuildEvent;
use crate::units::Bytes;
use std::fs::File;
use std::io::Read;
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
}

impl Job<'_> {
    /// Makes the copy and grows it; what came of it. `shares_files`: the host's files are those of this machine.
    pub(super) fn run(
        &self,
        connection: &Connection,
        shares_files: bool,
        work: &mut Work<'_, '_>,
    ) -> Result<String, Halt> {
        let source = match self.from_pool {
            Some(pool) => Some(connection.source_in_pool(pool, self.from)?),
            None => connection.source_at(self.from)?,
        };
        let made = match source {
            Some(source) => self.clone_volume(connection, &source, work)?,
            None if shares_files => self.upload_file(connection, work)?,
            None => return Err(self.out_of_reach().into()),
        };
        if work.is_cancelled() {
            return Err(Halt::Cancelled);
        }
        self.grow(connection, &made)
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
                    work.made(&made.key);
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

    /// A file that is in no pool: its bytes become the volume's, which fits only where both have the same format.
    fn upload_file(&self, connection: &Connection, work: &mut Work<'_, '_>) -> Result<MadeVolume, Halt> {
        let refused = |error: std::io::Error| {
            let message = format!("{} cannot be read: {error}.", self.from);
            HostError::new(Cause::NotFound, message, "Name an image that this user may read.")
        };
        let mut file = File::open(self.from).map_err(refused)?;
        let length = file.metadata().map_err(refused)?.len();
        let made = connection.create_volume(self.pool, self.xml)?;
        work.made(&made.key);
        fill(connection, &made, length, work, |buffer| file.read(buffer).map_err(refused))?;
        Ok(made)
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
            work.made(key);
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
    fill(connection, volume, length, work, |buffer| {
        let count = rest.len().min(buffer.len());
        let (now, later) = rest.split_at(count);
        buffer.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
        rest = later;
        Ok(count)
    })
}

/// An upload with progress; a cancel ends it at once.
fn fill(
    connection: &Connection,
    volume: &MadeVolume,
    length: u64,
    work: &mut Work<'_, '_>,
    mut next: impl FnMut(&mut [u8]) -> Result<usize, HostError>,
) -> Result<(), Halt> {
    let mut sent = 0;
    let mut cancelled = false;
    let outcome = connection.upload(volume, length, |buffer| {
        if work.is_cancelled() {
            cancelled = true;
            return Err(HostError::new(Cause::Other, "The build was cancelled.", ""));
        }
        let count = next(buffer)?;
        sent += u64::try_from(count).unwrap_or(0);
        if count > 0 {
            work.progress(sent, length);
        }
        Ok(count)
    });
    if cancelled { Err(Halt::Cancelled) } else { outcome.map_err(Halt::Failed) }
}
