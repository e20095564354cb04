//! Pieces of volumes, read by streams of libvirt: a few sectors of a medium on another machine tell what it is.

use super::Connection;
use super::error::calling;
use crate::facts::Iso;
use crate::host::HostError;
use crate::host::sysfs::iso;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use virt::error::Error;
use virt::storage_vol::StorageVol;
use virt::stream::Stream;

/// Sectors that are read together: all descriptors of a medium lie side by side, and each stream costs trips over the
/// network.
const BLOCK: u64 = 16;
/// No medium has its descriptors in more places.
const MOST_BLOCKS: usize = 5;

impl Connection {
    /// What the volume at `path` says of itself as an installation medium; `None` where it holds no file system of CDs or
    /// DVDs. Fails where its bytes cannot be read.
    pub fn iso_labels(&self, path: &str) -> Result<Option<Iso>, HostError> {
        let failed = |error: Error| calling(&format!("read the labels of {path}"), &error);
        let volume = self.inner().lookup_storage_vol_by_path(path).map_err(failed)?;
        let (blocks, failure) = (RefCell::new(BTreeMap::new()), RefCell::new(None));
        let labels = iso::labels(|sector| {
            let first = sector - sector % BLOCK;
            let mut blocks = blocks.borrow_mut();
            if !blocks.contains_key(&first) {
                if blocks.len() >= MOST_BLOCKS {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                let block = self.piece(&volume, first * iso::SECTOR, BLOCK * iso::SECTOR).map_err(|error| {
                    failure.replace(Some(failed(error)));
                    io::Error::from(io::ErrorKind::Other)
                })?;
                blocks.insert(first, block);
            }
            let block = blocks.get(&first).map(Vec::as_slice).unwrap_or_default();
            iso::sector(sector - first, |bytes, at| {
                let from = usize::try_from(at).unwrap_or(usize::MAX);
                let found = block.get(from..).and_then(|block| block.get(..bytes.len()));
                bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            })
        });
        failure.into_inner().map_or(Ok(labels), Err)
    }

    /// `length` bytes of a volume from `offset` on; fewer where it ends before.
    fn piece(&self, volume: &StorageVol, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        let stream = Stream::new(self.inner(), 0)?;
        volume.download(&stream, offset, length, 0)?;
        let mut piece = vec![0; usize::try_from(length).unwrap_or_default()];
        let mut filled = 0;
        while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match stream.recv(rest).map(usize::try_from) {
                // Less than nothing is for streams that do not block, which this one is not.
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(read)) => filled += read,
                Err(error) => {
                    // The failure is told already; the daemon drops the transfer whether or not it hears of it.
                    let _ = stream.abort();
                    return Err(error);
                }
            }
        }
        piece.truncate(filled);
        stream.finish()?;
        Ok(piece)
    }
}
