//! Headers of VMware's formats: the sparse extent with its descriptor, the descriptor as a file of its own, and the older
//! extents of ESX. Sources: "Virtual Disk Format 5.0" of VMware, block/vmdk.c of QEMU.

use super::pieces::{Pieces, be32, le32, le64, text};
use crate::facts::image::{BackingFile, ImageFormat, ImageHeader, ImageMark};
use crate::units::Bytes;
use std::io;

const SECTOR: u64 = 512;
/// QEMU reads no longer descriptor.
const LONGEST_DESCRIPTOR: usize = 128 << 10;
/// A disk in files of 2 GiB has up to as many as this; more would only make the facts long.
const MOST_EXTENTS: usize = 4096;
/// The identity of a base that is not there.
const NO_PARENT: &str = "ffffffff";

/// A sparse extent, which begins with `KDMV`, or with `COWD` where ESX made it.
pub(super) fn sparse(pieces: &Pieces<'_>) -> io::Result<Option<ImageHeader>> {
    let header = pieces.bytes(0, 80)?;
    if header.starts_with(b"COWD") {
        let size = le32(&header, 12).map(|sectors| Bytes(u64::from(sectors) * SECTOR));
        return Ok(Some(image(size, None)));
    }
    if be32(&header, 0) != Some(u32::from_be_bytes(*b"KDMV")) {
        return Ok(None);
    }
    let size = le64(&header, 12).and_then(|sectors| sectors.checked_mul(SECTOR)).map(Bytes);
    let place = |at: usize| le64(&header, at).and_then(|sectors| sectors.checked_mul(SECTOR));
    let mut found = image(size, None);
    if let (Some(at), Some(length)) = (place(28), place(36))
        && at > 0
    {
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(LONGEST_DESCRIPTOR);
        let descriptor = Descriptor::read(&text(&pieces.bytes(at, length)?));
        found.backing = descriptor.parent;
    }
    if header.get(72).is_some_and(|unclean| *unclean == 1) {
        found.marks.insert(ImageMark::Dirty);
    }
    Ok(Some(found))
}

fn image(size: Option<Bytes>, backing: Option<BackingFile>) -> ImageHeader {
    let damaged = size.is_none_or(|size| size.0 == 0).then_some(ImageMark::Damaged);
    ImageHeader {
        format: ImageFormat::Vmdk,
        virtual_size: size,
        backing,
        marks: damaged.into_iter().collect(),
        ..ImageHeader::default()
    }
}

/// A descriptor as a file of its own: comments, then `version=` with a number that is known.
pub(super) fn descriptor(pieces: &Pieces<'_>) -> io::Result<Option<ImageHeader>> {
    let head = pieces.bytes(0, 4096)?;
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.lines().map(str::trim_end);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let is_one = first.is_some_and(|line| matches!(line, "version=1" | "version=2" | "version=3"));
    let named = head.starts_with("# Disk DescriptorFile") || head.starts_with("# Disk Descriptor File");
    if !is_one && !named {
        return Ok(None);
    }
    let length = usize::try_from(pieces.length).unwrap_or(usize::MAX).min(LONGEST_DESCRIPTOR);
    let descriptor = Descriptor::read(&String::from_utf8_lossy(&pieces.bytes(0, length)?));
    let size = descriptor.sectors.checked_mul(SECTOR).map(Bytes);
    Ok(Some(ImageHeader { data: descriptor.extents, ..image(size, descriptor.parent) }))
}

/// What a descriptor says.
#[derive(Default)]
struct Descriptor {
    sectors: u64,
    extents: Vec<String>,
    parent: Option<BackingFile>,
}

impl Descriptor {
    fn read(text: &str) -> Self {
        let mut found = Self::default();
        let (mut parent_id, mut parent_name) = (None, None);
        for line in text.lines().map(str::trim) {
            if let Some((sectors, file)) = extent(line) {
                found.sectors = found.sectors.saturating_add(sectors);
                found.extents.extend(file.filter(|_| found.extents.len() < MOST_EXTENTS));
            } else if let Some((key, value)) = line.split_once('=') {
                let value = value.trim().trim_matches('"');
                match key.trim() {
                    "parentCID" => parent_id = Some(value.to_owned()),
                    "parentFileNameHint" => parent_name = Some(value.to_owned()),
                    _ => {}
                }
            }
        }
        let has_parent = parent_id.is_some_and(|id| !id.eq_ignore_ascii_case(NO_PARENT));
        // A base of VMDK is VMDK.
        let backing = |name| BackingFile { name, format: Some(ImageFormat::Vmdk) };
        found.parent = parent_name.filter(|_| has_parent).map(backing);
        found
    }
}

/// `RW 4192256 SPARSE "disk-s001.vmdk"`, with an offset behind the name of a flat one; zeros have no file.
fn extent(line: &str) -> Option<(u64, Option<String>)> {
    let (access, rest) = line.split_once(' ')?;
    if !matches!(access, "RW" | "RDONLY" | "NOACCESS") {
        return None;
    }
    let (sectors, rest) = rest.trim_start().split_once(' ')?;
    let file = rest.split_once('"').and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name.to_owned());
    Some((sectors.parse().ok()?, file.filter(|name| !name.is_empty())))
}
