//! Bytes into volumes: copies made by libvirt, with progress; uploads of files and of bytes in memory.

use super::act::{Halt, Site};
use super::run::{Made, Run};
use crate::host::libvirt::{Connection, MadeVolume, SourceVolume};
use crate::host::{Cause, HostError};
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
    /// Makes the copy and grows it; what came of it.
    pub(super) fn run(&self, site: &Site<'_>, run: &mut Run<'_>) -> Result<String, Halt> {
        let source = match self.from_pool {
            Some(pool) => Some(site.connection.source_in_pool(pool, self.from)?),
            None => site.connection.source_at(self.from)?,
        };
        let made = match source {
            Some(source) => self.clone_volume(site.connection, &source, run)?,
            None if site.order.target.shares_files() => self.upload_file(site.connection, run)?,
            None => return Err(self.out_of_reach().into()),
        };
        if run.is_cancelled() {
            return Err(Halt::Cancelled);
        }
        self.grow(site.connection, &made)
    }

    fn grow(&self, connection: &Connection, made: &MadeVolume) -> Result<String, Halt> {
        let Some(size) = self.grow_to else { return Ok(String::new()) };
        match connection.grow_volume(made, size) {
            Ok(()) => Ok(format!("{size}")),
            Err(error) if error.cause == Cause::Unsupported => Ok(format!("not grown to {size}: this driver cannot")),
            Err(error) => Err(error.into()),
        }
    }

    /// libvirt copies on another thread; this one watches how much is there. The copy cannot be interrupted: after a
    /// cancel it is waited for, so that the undo finds it.
    fn clone_volume(
        &self,
        connection: &Connection,
        source: &SourceVolume,
        run: &mut Run<'_>,
    ) -> Result<MadeVolume, Halt> {
        let total = source.allocation.0;
        let made = std::thread::scope(|scope| {
            let (sender, done) = channel();
            scope.spawn(move || drop(sender.send(connection.clone_volume(self.pool, self.xml, source))));
            loop {
                match done.recv_timeout(PACE) {
                    Ok(made) => return made,
                    Err(RecvTimeoutError::Timeout) => {
                        if let Some(there) = connection.allocation(self.pool, self.volume) {
                            run.progress(there, total);
                        }
                    }
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(HostError::new(Cause::Other, "The copying thread ended without a result.", ""));
                    }
                }
            }
        })?;
        run.remember(Made::Volume(made.clone()));
        run.progress(total, total);
        Ok(made)
    }

    /// A file that is in no pool: its bytes become the volume's, which fits only where both have the same format.
    fn upload_file(&self, connection: &Connection, run: &mut Run<'_>) -> Result<MadeVolume, Halt> {
        let refused = |error: std::io::Error| {
            let message = format!("{} cannot be read: {error}.", self.from);
            HostError::new(Cause::NotFound, message, "Name an image that this user may read.")
        };
        let mut file = File::open(self.from).map_err(refused)?;
        let length = file.metadata().map_err(refused)?.len();
        let made = connection.create_volume(self.pool, self.xml)?;
        run.remember(Made::Volume(made.clone()));
        fill(connection, &made, length, run, |buffer| file.read(buffer).map_err(refused))?;
        Ok(made)
    }

    fn out_of_reach(&self) -> HostError {
        let message = format!("{} is no volume of a started pool of this host.", self.from);
        HostError::new(
            Cause::NotFound,
            message,
            "Make a pool of its folder with 'virsh pool-create-as', or start the pool.",
        )
    }
}

/// Fills a volume with bytes from memory.
pub(super) fn bytes(connection: &Connection, volume: &MadeVolume, bytes: &[u8], run: &mut Run<'_>) -> Result<(), Halt> {
    let mut rest = bytes;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    fill(connection, volume, length, run, |buffer| {
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
    run: &mut Run<'_>,
    mut next: impl FnMut(&mut [u8]) -> Result<usize, HostError>,
) -> Result<(), Halt> {
    let mut sent = 0;
    let mut cancelled = false;
    let outcome = connection.upload(volume, length, |buffer| {
        if run.is_cancelled() {
            cancelled = true;
            return Err(HostError::new(Cause::Other, "The build was cancelled.", ""));
        }
        let count = next(buffer)?;
        sent += u64::try_from(count).unwrap_or(0);
        if count > 0 {
            run.progress(sent, length);
        }
        Ok(count)
    });
    if cancelled { Err(Halt::Cancelled) } else { outcome.map_err(Halt::Failed) }
}
