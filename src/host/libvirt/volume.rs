//! Single acts on volumes: create, copy, grow, fill, delete. Each blocks until libvirt is done.

use super::Connection;
use super::error::calling;
use crate::host::{Cause, HostError};
use crate::units::Bytes;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use virt::error::Error;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;
use virt::stream::Stream;

/// How long a pool is waited for that somebody else refreshes: libvirt refuses to change it meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// Bytes per message of an upload.
const CHUNK: usize = 256 << 10;

/// A volume that was made, with what identifies it: a name can be taken by another volume, the key is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeVolume {
    /// Pool.
    pub pool: String,
    /// Name.
    pub name: String,
    /// Key as libvirt gave it.
    pub key: String,
}

/// Counts the attempts at a copy: a pool that is being refreshed takes none.
#[derive(Debug, Default)]
pub struct Attempts(AtomicUsize);

impl Attempts {
    /// The number of the attempt that libvirt is at; `None` between two.
    pub fn running(&self) -> Option<usize> {
        Some(self.0.load(Ordering::SeqCst)).filter(|count| !count.is_multiple_of(2))
    }

    fn during<T>(&self, act: impl FnOnce() -> T) -> T {
        self.0.fetch_add(1, Ordering::SeqCst);
        let outcome = act();
        self.0.fetch_add(1, Ordering::SeqCst);
        outcome
    }
}

/// A volume that is copied from.
#[derive(Clone)]
pub struct SourceVolume {
    handle: StorageVol,
    /// Size the guest sees.
    pub capacity: Bytes,
    /// Bytes taken.
    pub allocation: Bytes,
}

impl Connection {
    /// Creates an empty volume. Fails if one of its name or a file at its path exists.
    pub fn create_volume(&self, pool: &str, xml: &str) -> Result<MadeVolume, HostError> {
        let handle = self.pool(pool)?;
        let made = patiently(|| StorageVol::create_xml(&handle, xml, 0));
        identity(pool, &made.map_err(|error| calling(&format!("create a volume in pool {pool}"), &error))?)
    }

    /// Copies a volume into a new one. Fails if one of its name or a file at its path exists. Cannot be interrupted;
    /// `attempts` shows from beside when libvirt is at it.
    pub fn clone_volume(
        &self,
        pool: &str,
        name: &str,
        xml: &str,
        source: &SourceVolume,
        attempts: &Attempts,
    ) -> Result<MadeVolume, HostError> {
        let handle = self.pool(pool)?;
        let made = patiently(|| match handle.lookup_storage_vol_by_name(name) {
            Ok(_) => Ok(None),
            Err(error) if calling("", &error).cause == Cause::NotFound => {
                attempts.during(|| StorageVol::create_xml_from(&handle, xml, &source.handle, 0)).map(Some)
            }
            Err(error) => Err(error),
        });
        match made.map_err(|error| calling(&format!("copy a volume into pool {pool}"), &error)) {
            // The test driver looks for the source in the target's pool only. Its volumes hold no bytes, so that an empty
            // one of the same size is a copy.
            Err(error) if self.is_test() && error.cause == Cause::NotFound => self.create_volume(pool, xml),
            made => made?.map_or_else(|| Err(taken(pool, name)), |volume| identity(pool, &volume)),
        }
    }

    /// A volume by pool and name.
    pub fn source_in_pool(&self, pool: &str, name: &str) -> Result<SourceVolume, HostError> {
        let found = self.pool(pool)?.lookup_storage_vol_by_name(name);
        source(found.map_err(|error| calling(&format!("find volume {name} in pool {pool}"), &error))?)
    }

    /// A volume by path; `None` where no started pool has one there.
    pub fn source_at(&self, path: &str) -> Result<Option<SourceVolume>, HostError> {
        match self
            .inner()
            .lookup_storage_vol_by_path(path)
            .map_err(|e| calling(&format!("find a volume at {path}"), &e))
        {
            Ok(handle) => source(handle).map(Some),
            Err(error) if error.cause == Cause::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A volume that the pool has not heard of before it looks again; `None` where it is not there.
    pub fn volume_after_refresh(&self, pool: &str, name: &str) -> Option<MadeVolume> {
        let handle = self.pool(pool).ok()?;
        // Where it cannot be refreshed, the look tells what there is to tell.
        let _ = patiently(|| handle.refresh(0));
        identity(pool, &handle.lookup_storage_vol_by_name(name).ok()?).ok()
    }

    /// Key of the volume `name` and the bytes it takes; `None` while it is not there. Shows how far a copy is.
    pub fn key_and_allocation(&self, pool: &str, name: &str) -> Option<(String, u64)> {
        let handle = self.inner().lookup_storage_pool_by_name(pool).ok()?.lookup_storage_vol_by_name(name).ok()?;
        Some((handle.key().ok()?, handle.info().ok()?.allocation))
    }

    /// Grows a volume to `size`; one that is as large already is left alone.
    pub fn grow_volume(&self, volume: &MadeVolume, size: Bytes) -> Result<(), HostError> {
        let failed = |error| calling(&format!("grow volume {} to {size}", volume.name), &error);
        let handle = self.volume(volume)?;
        if handle.info().map_err(failed)?.capacity >= size.0 {
            return Ok(());
        }
        patiently(|| handle.resize(size.0, 0)).map_err(failed)
    }

    /// Fills `length` bytes of a volume from `offset` on with what `next` puts into the buffer, until that is nothing. An
    /// error of `next` ends the transfer and is returned.
    pub fn upload(
        &self,
        volume: &MadeVolume,
        offset: u64,
        length: u64,
        mut next: impl FnMut(&mut [u8]) -> Result<usize, HostError>,
    ) -> Result<(), HostError> {
        let failed = |error| calling(&format!("write into volume {}", volume.name), &error);
        let handle = self.volume(volume)?;
        let stream = Stream::new(self.inner(), 0).map_err(failed)?;
        patiently(|| handle.upload(&stream, offset, length, 0)).map_err(failed)?;
        let mut buffer = vec![0; CHUNK];
        loop {
            match next(&mut buffer).and_then(|read| send(&stream, buffer.get(..read).unwrap_or_default(), &failed)) {
                Ok(0) => return stream.finish().map_err(failed),
                Ok(_) => {}
                Err(error) => {
                    // The failure is told already; the daemon drops the transfer whether or not it hears of it.
                    let _ = stream.abort();
                    return Err(error);
                }
            }
        }
    }

    /// Deletes the volume if it is still the one that was made; `false` where it is gone.
    pub fn delete_volume(&self, volume: &MadeVolume) -> Result<bool, HostError> {
        let failed = |error| calling(&format!("delete volume {}", volume.name), &error);
        let handle = match self.volume(volume) {
            Ok(handle) => handle,
            Err(error) if error.cause == Cause::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match patiently(|| handle.delete(0)).map_err(failed) {
            Err(error) if error.cause == Cause::NotFound => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Waits until nothing is copied into the pool any more and shows what is in it. libvirt does not refresh a pool while
    /// it works on one of its volumes, for whoever that is.
    pub fn settle_pool(&self, name: &str, given_up: &AtomicBool) -> Result<(), HostError> {
        let handle = self.pool(name)?;
        loop {
            match handle.refresh(0) {
                Err(error) if is_busy(&error) && !given_up.load(Ordering::SeqCst) => std::thread::sleep(PAUSE),
                Err(error) if calling("", &error).cause == Cause::Unsupported => return Ok(()),
                outcome => return outcome.map(drop).map_err(|error| calling(&format!("refresh pool {name}"), &error)),
            }
        }
    }

    fn pool(&self, name: &str) -> Result<StoragePool, HostError> {
        self.inner().lookup_storage_pool_by_name(name).map_err(|error| calling(&format!("find pool {name}"), &error))
    }

    fn volume(&self, volume: &MadeVolume) -> Result<StorageVol, HostError> {
        let found = self.inner().lookup_storage_vol_by_key(&volume.key);
        found.map_err(|error| calling(&format!("find volume {} in pool {}", volume.name, volume.pool), &error))
    }
}

fn taken(pool: &str, name: &str) -> HostError {
    let message = format!("Volume {name} exists already in pool {pool}.");
    HostError::new(Cause::Exists, message, "Choose another name, or delete that volume first.")
}

fn identity(pool: &str, volume: &StorageVol) -> Result<MadeVolume, HostError> {
    let failed = |error| calling("identify the new volume", &error);
    Ok(MadeVolume { pool: pool.to_owned(), name: volume.name().map_err(failed)?, key: volume.key().map_err(failed)? })
}

fn source(handle: StorageVol) -> Result<SourceVolume, HostError> {
    let info = handle.info().map_err(|error| calling("look at the volume to copy", &error))?;
    Ok(SourceVolume { handle, capacity: Bytes(info.capacity), allocation: Bytes(info.allocation) })
}

/// Sends all of `bytes`; the count sent.
fn send(stream: &Stream, bytes: &[u8], failed: &impl Fn(Error) -> HostError) -> Result<usize, HostError> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let sent = usize::try_from(stream.send(rest).map_err(failed)?).unwrap_or(0);
        rest = rest.get(sent..).unwrap_or_default();
    }
    Ok(bytes.len())
}

/// Tries again while the pool is busy with somebody else's refresh.
fn patiently<T>(act: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    let began = Instant::now();
    loop {
        match act() {
            Err(error) if is_busy(&error) && began.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
}

/// True while somebody else refreshes the pool, or a volume of it is being made.
fn is_busy(error: &Error) -> bool {
    ["asynchronous jobs running", "still being allocated"].iter().any(|words| error.message().contains(words))
}
