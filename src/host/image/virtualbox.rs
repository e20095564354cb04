//! The header of VirtualBox's VDI. Source: VDICore.h of VirtualBox, block/vdi.c of QEMU.

use super::pieces::{Pieces, le32, le64};
use crate::facts::image::{ImageFormat, ImageHeader, ImageMark};
use crate::units::Bytes;
use std::io;

/// Behind 64 bytes of text.
const SIGNATURE: u32 = 0xbeda_107f;
/// Kinds that hold a whole disk: growing and preallocated.
const WHOLE: [u32; 2] = [1, 2];

/// A file with the signature of VDI.
pub(super) fn vdi(pieces: &Pieces<'_>) -> io::Result<Option<ImageHeader>> {
    let header = pieces.bytes(0, 512)?;
    if le32(&header, 64) != Some(SIGNATURE) {
        return Ok(None);
    }
    let size = le64(&header, 368).filter(|size| *size > 0);
    let differs = le32(&header, 76).is_some_and(|kind| !WHOLE.contains(&kind));
    let marks = [(size.is_none(), ImageMark::Damaged), (differs, ImageMark::Differencing)];
    Ok(Some(ImageHeader {
        format: ImageFormat::Vdi,
        virtual_size: size.map(Bytes),
        marks: marks.into_iter().filter(|(set, _)| *set).map(|(_, mark)| mark).collect(),
        ..ImageHeader::default()
    }))
}
