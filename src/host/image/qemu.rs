//! Headers of QEMU's own formats: qcow, qcow2 in its versions 2 and 3, qed.
//!
//! Sources: docs/interop/qcow2.txt and docs/interop/qed_spec.rst of QEMU, block/qcow.c for the first version.

use super::pieces::{Pieces, be32, be64, le32, le64, text};
use crate::facts::image::{BackingFile, ImageFormat, ImageHeader, ImageMark};
use crate::units::Bytes;
use std::io;

/// QEMU takes no longer name of a base.
const LONGEST_NAME: u32 = 1023;
/// A header is not longer than the largest cluster that QEMU makes.
const LARGEST_CLUSTER_BITS: u32 = 21;
/// Extensions of a header; there are five kinds, and unknown ones are skipped.
const MOST_EXTENSIONS: usize = 32;
/// Kinds of extensions.
const BACKING_FORMAT: u32 = 0xe279_2aca;
const DATA_FILE: u32 = 0x4441_5441;
/// Incompatible features of qcow2.
const DIRTY: u64 = 1;
const CORRUPT: u64 = 1 << 1;
const EXTERNAL_DATA: u64 = 1 << 2;
/// All that QEMU supports: those above, the kind of compression, extended entries of level 2.
const KNOWN: u64 = 0b1_1111;
/// Features of qed.
const HAS_BASE: u64 = 1;
const NEEDS_CHECK: u64 = 1 << 1;
const BASE_IS_RAW: u64 = 1 << 2;

/// A file that begins with `QFI\xfb`.
pub(super) fn qcow(pieces: &Pieces<'_>) -> io::Result<Option<ImageHeader>> {
    let header = pieces.bytes(0, 112)?;
    if !header.starts_with(b"QFI\xfb") {
        return Ok(None);
    }
    let version = be32(&header, 4).unwrap_or(0);
    let image = match version {
        1 => first_version(pieces, &header)?,
        2 | 3 => second_version(pieces, &header, version)?,
        _ => Some(ImageHeader { marks: [ImageMark::Unsupported].into(), ..ImageHeader::default() }),
    };
    let format = if version == 1 { ImageFormat::Qcow } else { ImageFormat::Qcow2 };
    Ok(Some(ImageHeader { format, ..image.unwrap_or_else(damaged) }))
}

fn damaged() -> ImageHeader {
    ImageHeader { marks: [ImageMark::Damaged].into(), ..ImageHeader::default() }
}

fn first_version(pieces: &Pieces<'_>, header: &[u8]) -> io::Result<Option<ImageHeader>> {
    let fields = (be64(header, 8), be32(header, 16), be64(header, 24), be32(header, 36));
    let (Some(name_at), Some(name_length), Some(size), Some(cipher)) = fields else { return Ok(None) };
    Ok(backing(pieces, name_at, name_length, None)?.map(|backing| ImageHeader {
        virtual_size: Some(Bytes(size)),
        backing,
        encrypted: cipher != 0,
        ..ImageHeader::default()
    }))
}

fn second_version(pieces: &Pieces<'_>, header: &[u8], version: u32) -> io::Result<Option<ImageHeader>> {
    let fields = (be64(header, 8), be32(header, 16), be32(header, 20), be64(header, 24), be32(header, 32));
    let (Some(name_at), Some(name_length), Some(cluster_bits), Some(size), Some(cipher)) = fields else {
        return Ok(None);
    };
    if !(9..=LARGEST_CLUSTER_BITS).contains(&cluster_bits) {
        return Ok(None);
    }
    let (features, extensions_at) = match version {
        2 => (0, 72),
        _ => match (be64(header, 72), be32(header, 100)) {
            (Some(features), Some(length)) if length >= 104 => (features, u64::from(length)),
            _ => return Ok(None),
        },
    };
    let end = if name_at > 0 { name_at } else { 1 << cluster_bits };
    let extensions = Extensions::read(pieces, extensions_at, end.min(1 << cluster_bits))?;
    let Some(backing) = backing(pieces, name_at, name_length, extensions.backing_format)? else { return Ok(None) };
    let marks = [
        (features & DIRTY != 0, ImageMark::Dirty),
        (features & CORRUPT != 0, ImageMark::Corrupt),
        (features & !KNOWN != 0, ImageMark::Unsupported),
        (features & EXTERNAL_DATA != 0 && extensions.data_file.is_none(), ImageMark::Damaged),
    ];
    Ok(Some(ImageHeader {
        virtual_size: Some(Bytes(size)),
        backing,
        data: extensions.data_file.filter(|_| features & EXTERNAL_DATA != 0).into_iter().collect(),
        encrypted: cipher != 0,
        marks: marks.into_iter().filter(|(set, _)| *set).map(|(_, mark)| mark).collect(),
        ..ImageHeader::default()
    }))
}

/// What extensions of a header say.
#[derive(Default)]
struct Extensions {
    backing_format: Option<ImageFormat>,
    data_file: Option<String>,
}

impl Extensions {
    /// Those from `at` to `end`: kind, length, content, padded to eight bytes.
    fn read(pieces: &Pieces<'_>, mut at: u64, end: u64) -> io::Result<Self> {
        let mut found = Self::default();
        for _ in 0..MOST_EXTENSIONS {
            if at.saturating_add(8) > end {
                break;
            }
            let head = pieces.bytes(at, 8)?;
            let (Some(kind), Some(length)) = (be32(&head, 0), be32(&head, 4)) else { break };
            if kind == 0 {
                break;
            }
            if matches!(kind, BACKING_FORMAT | DATA_FILE) && length <= LONGEST_NAME {
                let content = text(&pieces.bytes(at + 8, usize::try_from(length).unwrap_or(0))?);
                if kind == BACKING_FORMAT {
                    found.backing_format = ImageFormat::of(&content);
                } else {
                    found.data_file = Some(content);
                }
            }
            at = at.saturating_add(8).saturating_add(u64::from(length).next_multiple_of(8));
        }
        Ok(found)
    }
}

/// The base at this place of the header; the outer `None` where the header cannot be right.
#[allow(clippy::option_option, reason = "a header that is damaged, one without a base, one with a base")]
fn backing(
    pieces: &Pieces<'_>,
    at: u64,
    length: u32,
    format: Option<ImageFormat>,
) -> io::Result<Option<Option<BackingFile>>> {
    if at == 0 || length == 0 {
        return Ok(Some(None));
    }
    if length > LONGEST_NAME {
        return Ok(None);
    }
    let name = pieces.whole(at, usize::try_from(length).unwrap_or(0))?;
    Ok(name.map(|name| Some(BackingFile { name: text(&name), format })))
}

/// A file that begins with `QED\0`.
pub(super) fn qed(pieces: &Pieces<'_>) -> io::Result<Option<ImageHeader>> {
    let header = pieces.bytes(0, 64)?;
    if !header.starts_with(b"QED\0") {
        return Ok(None);
    }
    let fields = (le64(&header, 16), le64(&header, 48), le32(&header, 56), le32(&header, 60));
    let (Some(features), Some(size), Some(name_at), Some(name_length)) = fields else {
        return Ok(Some(ImageHeader { format: ImageFormat::Qed, ..damaged() }));
    };
    let format = (features & BASE_IS_RAW != 0).then_some(ImageFormat::Raw);
    let named = if features & HAS_BASE == 0 { 0 } else { name_length };
    let image = backing(pieces, u64::from(name_at), named, format)?.map(|backing| ImageHeader {
        virtual_size: Some(Bytes(size)),
        backing,
        marks: (features & NEEDS_CHECK != 0).then_some(ImageMark::Dirty).into_iter().collect(),
        ..ImageHeader::default()
    });
    Ok(Some(ImageHeader { format: ImageFormat::Qed, ..image.unwrap_or_else(damaged) }))
}
