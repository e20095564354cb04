//! Headers of Microsoft's formats: VHD by its footer or the copy of it at the front, VHDX by its regions.
//!
//! Sources: "Virtual Hard Disk Image Format Specification" 1.0, \[MS-VHDX\], block/vpc.c of QEMU for the sizes.

use super::pieces::{Pieces, be16, be32, be64, le16, le32, le64};
use crate::facts::image::{ImageFormat, ImageHeader, ImageMark};
use crate::units::{Bytes, KIB};
use std::io;

/// Bytes of a footer of VHD.
const FOOTER: u64 = 512;
/// Kinds of VHD.
const FIXED: u32 = 2;
const DYNAMIC: u32 = 3;
const DIFFERENCING: u32 = 4;
/// Programs that write the size into the footer and not into the geometry, which is too coarse for it.
const BY_SIZE: [&[u8; 4]; 5] = [b"win ", b"qem2", b"d2v ", b"tap\0", b"CTXS"];
/// The largest geometry; a larger disk has its size in the footer.
const LARGEST_GEOMETRY: u64 = 65_535 * 16 * 255;

/// A file with the mark of VHD at its front or in its last sector.
pub(super) fn vhd(pieces: &Pieces<'_>) -> io::Result<Option<ImageHeader>> {
    let front = pieces.bytes(0, 512)?;
    if front.starts_with(b"conectix") {
        return Ok(Some(of_footer(&front)));
    }
    // A disk of fixed size is a raw file with a footer behind it.
    let Some(at) = pieces.length.checked_sub(FOOTER).filter(|at| *at > 0) else { return Ok(None) };
    let footer = pieces.bytes(at, 512)?;
    let fixed = footer.starts_with(b"conectix") && be32(&footer, 60) == Some(FIXED);
    Ok(fixed.then(|| of_footer(&footer)))
}

fn of_footer(footer: &[u8]) -> ImageHeader {
    let geometry = || {
        let cylinders = u64::from(be16(footer, 56)?);
        Some(cylinders * u64::from(*footer.get(58)?) * u64::from(*footer.get(59)?))
    };
    let by_size = footer.get(28..32).is_some_and(|program| BY_SIZE.iter().any(|known| known.as_slice() == program));
    let sectors = match geometry() {
        Some(sectors) if !by_size && sectors != LARGEST_GEOMETRY => Some(sectors),
        _ => be64(footer, 48).map(|size| size / 512),
    };
    let mark = match be32(footer, 60) {
        Some(FIXED | DYNAMIC) => None,
        Some(DIFFERENCING) => Some(ImageMark::Differencing),
        _ => Some(ImageMark::Damaged),
    };
    ImageHeader {
        format: ImageFormat::Vpc,
        virtual_size: sectors.and_then(|sectors| sectors.checked_mul(512)).map(Bytes),
        marks: mark.into_iter().collect(),
        ..ImageHeader::default()
    }
}

/// Places of the two headers and the two tables of regions of VHDX.
const HEADERS: [u64; 2] = [64 * KIB, 128 * KIB];
const REGIONS: [u64; 2] = [192 * KIB, 256 * KIB];
/// Tables have no more entries that matter; the specification allows 2047.
const MOST_ENTRIES: usize = 64;
/// The region of metadata.
const METADATA: [u8; 16] =
    [0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e];
/// Its item with the size of the disk.
const DISK_SIZE: [u8; 16] =
    [0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8];
/// Its item with the size of blocks, which also says whether there is a parent.
const PARAMETERS: [u8; 16] =
    [0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b];

/// A file that begins with `vhdxfile`.
pub(super) fn vhdx(pieces: &Pieces<'_>) -> io::Result<Option<ImageHeader>> {
    if !pieces.has(0, b"vhdxfile")? {
        return Ok(None);
    }
    let mut image = ImageHeader { format: ImageFormat::Vhdx, ..ImageHeader::default() };
    if is_open(pieces)? {
        image.marks.insert(ImageMark::Dirty);
    }
    let metadata = match region(pieces, REGIONS[0])? {
        Some(at) => Some(at),
        None => region(pieces, REGIONS[1])?,
    };
    if let Some(metadata) = metadata {
        if let Some(at) = item(pieces, metadata, DISK_SIZE)? {
            image.virtual_size = le64(&pieces.bytes(at, 8)?, 0).filter(|size| *size > 0).map(Bytes);
        }
        if let Some(at) = item(pieces, metadata, PARAMETERS)?
            && le32(&pieces.bytes(at, 8)?, 4).is_some_and(|flags| flags & 2 != 0)
        {
            image.marks.insert(ImageMark::Differencing);
        }
    }
    if image.virtual_size.is_none() {
        image.marks.insert(ImageMark::Damaged);
    }
    Ok(Some(image))
}

/// True where the current header names a log, whose content has not been written to its place yet.
fn is_open(pieces: &Pieces<'_>) -> io::Result<bool> {
    let mut newest = None;
    for at in HEADERS {
        let header = pieces.bytes(at, 80)?;
        let log = header.get(48..64).is_some_and(|log| log.iter().any(|byte| *byte != 0));
        if let (true, Some(sequence)) = (header.starts_with(b"head"), le64(&header, 8)) {
            newest = newest.max(Some((sequence, log)));
        }
    }
    Ok(newest.is_some_and(|(_, log)| log))
}

/// Where the region of metadata begins, by the table at `table`.
fn region(pieces: &Pieces<'_>, table: u64) -> io::Result<Option<u64>> {
    let head = pieces.bytes(table, 16)?;
    if !head.starts_with(b"regi") {
        return Ok(None);
    }
    let count = usize::try_from(le32(&head, 8).unwrap_or(0)).unwrap_or(0).min(MOST_ENTRIES);
    let entries = pieces.bytes(table + 16, count * 32)?;
    let entry = entries.chunks_exact(32).find(|entry| entry.starts_with(&METADATA));
    Ok(entry.and_then(|entry| le64(entry, 16)))
}

/// Where an item of the metadata is.
fn item(pieces: &Pieces<'_>, metadata: u64, id: [u8; 16]) -> io::Result<Option<u64>> {
    let head = pieces.bytes(metadata, 16)?;
    if !head.starts_with(b"metadata") {
        return Ok(None);
    }
    let count = usize::from(le16(&head, 10).unwrap_or(0)).min(MOST_ENTRIES);
    let entries = pieces.bytes(metadata.saturating_add(32), count * 32)?;
    let entry = entries.chunks_exact(32).find(|entry| entry.starts_with(&id));
    Ok(entry.and_then(|entry| metadata.checked_add(u64::from(le32(entry, 16)?))))
}
