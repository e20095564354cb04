//! What the bytes of a raw file are: partitions, a file system, a CD, a kernel, an archive, a text.

use super::pieces::{Pieces, le16, le32};
use super::{disc, kernel};
use crate::facts::image::{FileContent, ImageFormat, ImageHeader};
use crate::units::Bytes;
use std::io;

const SECTOR: usize = 512;
/// Magic numbers of file systems and of what takes their place: where, what, the name that udev has for it.
const FILE_SYSTEMS: [(u64, &[u8], &str); 14] = [
    (0, b"XFSB", "xfs"),
    (0, b"hsqs", "squashfs"),
    (0, b"-rom1fs-", "romfs"),
    (3, b"NTFS    ", "ntfs"),
    (3, b"EXFAT   ", "exfat"),
    (54, b"FAT", "vfat"),
    (82, b"FAT32", "vfat"),
    (512, b"LABELONE", "LVM2_member"),
    (1024, b"\x10\x20\xf5\xf2", "f2fs"),
    (1024, b"\xe2\xe1\xf5\xe0", "erofs"),
    (1080, b"\x53\xef", "ext"),
    (4086, b"SWAPSPACE2", "swap"),
    (65_600, b"_BHRfS_M", "btrfs"),
    (65_588, b"ReIsEr", "reiserfs"),
];
/// The beginning of packed files, and the program that unpacks each.
const PACKED: [(u64, &[u8], &str); 11] = [
    (0, b"\x1f\x8b", "gzip"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"BZh", "bzip2"),
    (0, b"\x04\x22\x4d\x18", "lz4"),
    (0, b"\x89LZO\0", "lzop"),
    (0, b"PK\x03\x04", "unzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "unrar"),
    (0, b"070701", "cpio"),
    (257, b"ustar", "tar"),
];
/// A file that begins with this much text is not a disk.
const ENOUGH_TEXT: usize = 512;

/// A file whose head is that of no format.
pub(super) fn raw(pieces: &Pieces<'_>) -> io::Result<ImageHeader> {
    let content = content(pieces)?;
    Ok(ImageHeader {
        format: ImageFormat::Raw,
        virtual_size: Some(in_sectors(pieces.length)),
        content,
        ..ImageHeader::default()
    })
}

/// QEMU shows a guest whole sectors.
fn in_sectors(length: u64) -> Bytes {
    Bytes(length.checked_next_multiple_of(SECTOR as u64).unwrap_or(length))
}

fn content(pieces: &Pieces<'_>) -> io::Result<FileContent> {
    if pieces.length == 0 {
        return Ok(FileContent::Empty);
    }
    // A CD may have a partition table, too, so that it starts from a stick.
    if disc::is_disc(pieces)? {
        return Ok(FileContent::Disc);
    }
    if let Some(kernel) = kernel::kernel(pieces)? {
        return Ok(FileContent::Bootable(kernel));
    }
    let head = pieces.bytes(0, 4096)?;
    for (at, magic, program) in PACKED {
        if has(&head, pieces, at, magic)? {
            return Ok(FileContent::Packed(program.into()));
        }
    }
    if let Some(kind) = partitions(&head) {
        return Ok(FileContent::Partitions(kind.into()));
    }
    for (at, magic, name) in FILE_SYSTEMS {
        if has(&head, pieces, at, magic)? {
            let name = if name == "ext" { ext(&head) } else { name };
            return Ok(FileContent::FileSystem(name.into()));
        }
    }
    Ok(if is_text(&head) { FileContent::Text } else { FileContent::Plain })
}

/// True where the magic is there; what is within the head is not read again.
fn has(head: &[u8], pieces: &Pieces<'_>, at: u64, magic: &[u8]) -> io::Result<bool> {
    let from = usize::try_from(at).unwrap_or(usize::MAX);
    match head.get(from..from.saturating_add(magic.len())) {
        Some(found) => Ok(found == magic),
        None => pieces.has(at, magic),
    }
}

/// `gpt` by its header in the second sector of 512 or 4096 bytes, `mbr` by its signature and four entries that can be.
fn partitions(head: &[u8]) -> Option<&'static str> {
    if head.get(SECTOR..SECTOR + 8) == Some(b"EFI PART") {
        return Some("gpt");
    }
    let boot = head.get(..SECTOR)?;
    let entries = || boot.get(446..510).into_iter().flat_map(|table| table.chunks_exact(16));
    let can_be = |entry: &[u8]| {
        let empty = entry.iter().all(|byte| *byte == 0);
        let flag = entry.first().is_some_and(|flag| matches!(flag, 0 | 0x80));
        empty || (flag && entry.get(4) != Some(&0) && le32(entry, 12) != Some(0))
    };
    let used = |entry: &[u8]| entry.iter().any(|byte| *byte != 0);
    let signed = boot.ends_with(&[0x55, 0xaa]);
    (signed && entries().all(can_be) && entries().any(used)).then_some("mbr")
}

/// Which of the family: by its features, as blkid tells them apart.
fn ext(head: &[u8]) -> &'static str {
    let feature = |at: usize| le32(head, 1024 + at).unwrap_or(0);
    let journal = feature(92) & 4 != 0;
    // Extents, 64 bits, flexible groups; checksums, huge files and the like among those that read-only mounts may have.
    let newer = feature(96) & 0x2c0 != 0 || feature(100) & 0x478 != 0;
    match (newer, journal) {
        (true, _) => "ext4",
        (false, true) => "ext3",
        (false, false) => "ext2",
    }
}

/// True where the file begins with text, and all of it where it is short.
fn is_text(head: &[u8]) -> bool {
    let begins = head.get(..ENOUGH_TEXT).unwrap_or(head);
    let text = match std::str::from_utf8(begins) {
        Ok(text) => text,
        // A letter that is cut off at the end.
        Err(error) if error.error_len().is_none() => {
            begins.get(..error.valid_up_to()).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\x0c'))
}

/// A file that LUKS encrypts, with what of it is the disk; the sizes differ by its header.
pub(super) fn luks(pieces: &Pieces<'_>) -> io::Result<Option<ImageHeader>> {
    let head = pieces.bytes(0, 128)?;
    if !head.starts_with(b"LUKS\xba\xbe") || !matches!(le16(&head, 6), Some(0x0100 | 0x0200)) {
        return Ok(None);
    }
    Ok(Some(ImageHeader {
        format: ImageFormat::Raw,
        virtual_size: Some(in_sectors(pieces.length)),
        content: FileContent::FileSystem("crypto_LUKS".into()),
        encrypted: true,
        ..ImageHeader::default()
    }))
}
