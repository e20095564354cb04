//! What a file is, by its own bytes. The readers are pure: bytes come from the caller, who has them from a file, a stream of
//! libvirt or an answer of the probe. Few of them are read, and no bytes make a reader fail.

mod at_hand;
mod disc;
mod hyperv;
mod kernel;
mod pieces;
mod qemu;
mod raw;
mod virtualbox;
mod vmware;

pub use at_hand::{open, part};
pub use disc::labels;
pub use pieces::{BLOCK, Pieces, ReadAt};

use crate::facts::image::{ImageFormat, ImageHeader};
use crate::units::Bytes;
use std::io;

/// What the file is. Fails only where its bytes cannot be read.
pub fn read(pieces: &Pieces<'_>) -> io::Result<ImageHeader> {
    type Reader = fn(&Pieces<'_>) -> io::Result<Option<ImageHeader>>;
    const READERS: [Reader; 9] = [
        qemu::qcow,
        qemu::qed,
        vmware::sparse,
        hyperv::vhdx,
        virtualbox::vdi,
        raw::luks,
        foreign,
        vmware::descriptor,
        hyperv::vhd,
    ];
    for reader in READERS {
        if let Some(image) = reader(pieces)? {
            return Ok(image);
        }
    }
    raw::raw(pieces)
}

/// Rare formats, by their magic numbers.
fn foreign(pieces: &Pieces<'_>) -> io::Result<Option<ImageHeader>> {
    const MAGIC: [(&[u8], ImageFormat); 4] = [
        (b"WithoutFreeSpace", ImageFormat::Parallels),
        (b"WithouFreSpacExt", ImageFormat::Parallels),
        (b"Bochs Virtual HD Image", ImageFormat::Bochs),
        (b"#!/bin/sh\n#V2.0 ImageFormat\nmodprobe cloop", ImageFormat::Cloop),
    ];
    let head = pieces.bytes(0, 64)?;
    let known = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, format)| *format);
    let apple = || match pieces.length.checked_sub(512) {
        Some(at) => pieces.has(at, b"koly"),
        None => Ok(false),
    };
    let format = match known {
        None if apple()? => Some(ImageFormat::Dmg),
        known => known,
    };
    let size = match format {
        // The older of the two counts sectors in half of the field.
        Some(ImageFormat::Parallels) if head.starts_with(b"WithoutFree") => pieces::le32(&head, 36).map(u64::from),
        Some(ImageFormat::Parallels) => pieces::le64(&head, 36),
        _ => None,
    };
    let virtual_size = size.and_then(|sectors| sectors.checked_mul(512)).map(Bytes);
    Ok(format.map(|format| ImageHeader { format, virtual_size, ..ImageHeader::default() }))
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
