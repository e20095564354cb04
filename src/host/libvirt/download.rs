//! Pieces of volumes, read by streams of libvirt: a few blocks tell what an image on another machine is, or one that this
//! user may not read.

use super::Connection;
use super::error::calling;
use super::xml;
use crate::facts::{ImageHeader, Iso};
use crate::host::image::{self, Pieces};
use crate::host::{Cause, HostError};
use std::cell::RefCell;
use std::io;
use virt::error::Error;
use virt::storage_vol::StorageVol;
use virt::stream::Stream;

/// Bytes that are read together: headers are side by side, and each stream costs trips over the network.
const BLOCK: usize = 32 << 10;

impl Connection {
    /// What the volume at `path` is by its own bytes, and its labels where it is a CD. Fails where they cannot be read.
    pub fn contents(&self, path: &str) -> Result<(ImageHeader, Option<Iso>), HostError> {
        let failed = |error: Error| calling(&format!("read the head of {path}"), &error);
        let volume = self.inner().lookup_storage_vol_by_path(path).map_err(failed)?;
        let length = length(&volume).map_err(failed)?;
        let failure = RefCell::new(None);
        let read = |offset: u64, length: usize| {
            self.piece(&volume, offset, length as u64).map_err(|error| {
                failure.replace(Some(failed(error)));
                io::Error::from(io::ErrorKind::Other)
            })
        };
        let pieces = Pieces::new(length, BLOCK, &read);
        let contents = image::read(&pieces).map(|image| (image, image::labels(&pieces).unwrap_or_default()));
        contents.map_err(|error| {
            let odd = || HostError::new(Cause::Other, format!("The head of {path} cannot be read: {error}."), "");
            failure.take().unwrap_or_else(odd)
        })
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

/// Length of the file, which for most formats is not the size of the disk in it.
fn length(volume: &StorageVol) -> Result<u64, Error> {
    let text = volume.xml_desc(0)?;
    let physical = xml::parse("volume", &text).ok().and_then(|document| {
        let amount = |name| xml::amount(document.root_element(), &[name]);
        amount("physical").or_else(|| amount("capacity"))
    });
    physical.map_or_else(|| Ok(volume.info()?.capacity), |length| Ok(length.0))
}
