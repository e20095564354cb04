//! Files as expansion ROMs of PCI: the headers of their images. A device's own ROM is never read.

use super::attribute::{failed, known};
use crate::facts::rom::{FoundRom, RomFile, RomFlaw, RomImage};
use crate::facts::{Fact, Provenance};
use crate::host::image::{ReadAt, open, part};
use crate::host::{Sysroot, now};
use crate::units::{Bytes, MIB};
use std::io;
use std::path::Path;

/// The largest window of a ROM (PCI Local Bus Specification 3.0, 6.2.5.2).
pub const LARGEST: u64 = 16 * MIB;
/// Folders that every profile of QEMU may read, where ROM files are put.
const FOLDERS: [&str; 4] = ["/usr/share/kvm", "/usr/share/qemu", "/usr/share/vgabios", "/usr/share/seabios"];
/// No ROM has more images, and no folder is worth more files.
const MOST_IMAGES: usize = 16;
const MOST_FILES: usize = 256;
/// A vendor's header in front of the ROM is shorter.
const LONGEST_HEADER: usize = 256 << 10;
const NVIDIA: u16 = 0x10de;

/// Headers of the file at `path`, which is `size` long.
pub fn read(sysroot: &Sysroot, path: &str, size: u64) -> Fact<RomFile> {
    match open(&sysroot.path(path)).and_then(|file| parse(&|offset, length| part(&file, offset, length), size)) {
        Ok(rom) => known(rom, path),
        Err(error) => failed(path, &error),
    }
}

/// The ROM files in the folders where they are put.
pub fn list(sysroot: &Sysroot) -> Fact<Vec<FoundRom>> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let names = sysroot.names(folder).into_iter().filter(|name| {
            Path::new(name).extension().is_some_and(|kind| kind.eq_ignore_ascii_case("rom") || kind == "bin")
        });
        for path in names.map(|name| format!("{folder}/{name}")).take(MOST_FILES) {
            let real = sysroot.path(&path);
            let Some(size) = std::fs::metadata(&real).ok().map(|file| file.len()).filter(|size| *size <= LARGEST)
            else {
                continue;
            };
            let rom = open(&real).and_then(|file| parse(&|offset, length| part(&file, offset, length), size));
            if let Some(rom) = rom.ok().filter(|rom| !rom.images.is_empty()) {
                found.push(FoundRom { path, rom });
            }
        }
    }
    Fact::known(found, Provenance::File(FOLDERS.join(", ")), now())
}

/// Follows the chain of images of a file of `size` bytes.
fn parse(read: &ReadAt<'_>, size: u64) -> io::Result<RomFile> {
    let begins = read(0, 4)?;
    let header = if begins.starts_with(&[0x55, 0xaa]) { Some(0) } else { behind_header(read, size)? };
    let Some(header) = header else {
        return Ok(RomFile { flaw: Some(RomFlaw::NoSignature { begins }), ..RomFile::default() });
    };
    let mut rom = RomFile { header: Bytes(header), ..RomFile::default() };
    let mut offset = header;
    while rom.images.len() < MOST_IMAGES {
        let Some((image, last)) = image(read, offset)? else {
            // What follows the last image that is whole may be anything; a first one that is not is no ROM.
            rom.flaw = Some(if rom.images.is_empty() { RomFlaw::NoStructure } else { RomFlaw::NoLast });
            break;
        };
        let (end, empty) = (offset + image.length.0, image.length.0 == 0);
        rom.images.push(image);
        if end > size {
            rom.flaw = Some(RomFlaw::Truncated { needs: Bytes(end) });
        } else if !last && (empty || end == size) {
            rom.flaw = Some(RomFlaw::NoLast);
        }
        if last || rom.flaw.is_some() {
            break;
        }
        offset = end;
    }
    Ok(rom)
}

/// Where the first image begins that something else stands in front of.
fn behind_header(read: &ReadAt<'_>, size: u64) -> io::Result<Option<u64>> {
    let length = usize::try_from(size).unwrap_or(usize::MAX).min(LONGEST_HEADER);
    let bytes = read(0, length)?;
    for at in memchr::memmem::find_iter(&bytes, &[0x55, 0xaa]) {
        let at = at as u64;
        // Two bytes come about by chance; the structure that they point to does not.
        if image(read, at)?.is_some_and(|(image, _)| image.length.0 > 0) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes([byte(bytes, at)?, byte(bytes, at + 1)?]))
}

/// The image at `offset`, and whether it is the last; `None` where there is none.
fn image(read: &ReadAt<'_>, offset: u64) -> io::Result<Option<(RomImage, bool)>> {
    let start = read(offset, 0x1a)?;
    if !start.starts_with(&[0x55, 0xaa]) {
        return Ok(None);
    }
    let Some(pointer) = word(&start, 0x18).map(u64::from).filter(|pointer| *pointer >= 0x1a) else { return Ok(None) };
    let data = read(offset + pointer, 0x100)?;
    Ok(structure(&data, pointer).map(|(image, last)| (RomImage { offset: Bytes(offset), ..image }, last)))
}

/// The PCI data structure, and NVIDIA's own behind it, which speaks for the image where it is there.
fn structure(data: &[u8], pointer: u64) -> Option<(RomImage, bool)> {
    data.starts_with(b"PCIR").then_some(())?;
    let (vendor, device, own_length) = (word(data, 4)?, word(data, 6)?, word(data, 0x0a)?);
    let class = u32::from(byte(data, 0x0d)?) | u32::from(word(data, 0x0e)?) << 8;
    let (blocks, code, indicator) = (word(data, 0x10)?, byte(data, 0x14)?, byte(data, 0x15)?);
    let mut devices = vec![device];
    if let Some(list) = word(data, 8).filter(|list| *list > 0 && byte(data, 0x0c).is_some_and(|revision| revision >= 3))
    {
        let ids = (usize::from(list)..).step_by(2).map_while(|at| word(data, at));
        devices.extend(ids.take_while(|id| *id != 0));
    }
    let (mut blocks, mut last) = (blocks, indicator & 0x80 != 0);
    let extension = (pointer + u64::from(own_length)).next_multiple_of(16) - pointer;
    let extension =
        usize::try_from(extension).ok().and_then(|at| data.get(at..)).filter(|data| data.starts_with(b"NPDE"));
    if let Some(extension) = extension.filter(|_| vendor == NVIDIA) {
        (blocks, last) = (word(extension, 8)?, byte(extension, 0x0a)? & 0x80 != 0);
    }
    let length = Bytes(u64::from(blocks) * 512);
    Some((RomImage { offset: Bytes(0), length, code, vendor, devices, class }, last))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    /// An image of `blocks` times 512 bytes.
    fn piece(vendor: u16, device: u16, code: u8, blocks: u8, last: bool) -> Vec<u8> {
        let mut bytes = vec![0; usize::from(blocks) * 512];
        bytes[..2].copy_from_slice(&[0x55, 0xaa]);
        bytes[0x18] = 0x40;
        let data = &mut bytes[0x40..];
        data[..4].copy_from_slice(b"PCIR");
        data[4..6].copy_from_slice(&vendor.to_le_bytes());
        data[6..8].copy_from_slice(&device.to_le_bytes());
        (data[0x0a], data[0x0f], data[0x10], data[0x14]) = (0x18, 3, blocks, code);
        data[0x15] = if last { 0x80 } else { 0 };
        bytes
    }

    fn parsed(bytes: &[u8]) -> RomFile {
        let read = |offset: u64, length: usize| {
            let from = bytes.len().min(usize::try_from(offset).unwrap());
            Ok(bytes[from..bytes.len().min(from + length)].to_vec())
        };
        parse(&read, bytes.len() as u64).unwrap()
    }

    fn whole() -> Vec<u8> {
        [piece(0x10de, 0x2704, 0, 4, false), piece(0x10de, 0x2704, 3, 2, true)].concat()
    }

    #[test]
    fn both_images_of_a_graphics_card_are_found() {
        let rom = parsed(&whole());
        assert_eq!((rom.flaw.as_ref(), rom.images.len(), rom.header), (None, 2, Bytes(0)));
        assert!(rom.has_uefi() && rom.is_for(0x10de, 0x2704) && !rom.is_for(0x10de, 0x2705));
        assert_eq!(rom.images[1].offset, Bytes(2048));
        assert_eq!((rom.images[0].class, rom.ids().as_deref()), (0x03_0000, Some("10de:2704")));
        assert!(!parsed(&piece(0x10de, 0x2704, 0, 4, true)).has_uefi());
    }

    #[test]
    fn a_header_in_front_is_measured() {
        let mut file = vec![0; 0x633];
        file[..4].copy_from_slice(b"NVGI");
        // 55 AA by chance is no image.
        file[0x100..0x102].copy_from_slice(&[0x55, 0xaa]);
        file.extend(whole());
        let rom = parsed(&file);
        assert_eq!((rom.header, rom.images.len(), rom.flaw), (Bytes(0x633), 2, None));
    }

    #[test]
    fn what_is_broken_is_told() {
        let flaw = |bytes: &[u8]| parsed(bytes).flaw;
        assert_eq!(flaw(b"<html>"), Some(RomFlaw::NoSignature { begins: b"<htm".to_vec() }));
        assert_eq!(flaw(&[]), Some(RomFlaw::NoSignature { begins: Vec::new() }));
        assert_eq!(flaw(&[0x55, 0xaa]), Some(RomFlaw::NoStructure));
        let whole = whole();
        assert_eq!(flaw(&whole[..whole.len() - 1]), Some(RomFlaw::Truncated { needs: Bytes(3072) }));
        assert_eq!(flaw(&whole[..2048]), Some(RomFlaw::NoLast));
    }

    #[test]
    fn what_follows_the_last_image_does_not_matter() {
        let padded = [whole(), vec![0xff; 4096]].concat();
        assert_eq!(parsed(&padded).flaw, None);
    }

    #[test]
    fn the_structure_of_nvidia_speaks_for_its_images() {
        let mut file = piece(0x10de, 0x2704, 0, 8, true);
        let at = 0x40 + 0x20;
        file[at..at + 4].copy_from_slice(b"NPDE");
        file[at + 8] = 4;
        let second = piece(0x10de, 0x2704, 3, 4, true);
        file[2048..].copy_from_slice(&second);
        let rom = parsed(&file);
        assert_eq!((rom.images.len(), rom.has_uefi(), rom.flaw), (2, true, None));
    }

    #[test]
    fn a_list_of_devices_counts() {
        let mut file = piece(0x1002, 0x67df, 3, 2, true);
        let data = &mut file[0x40..];
        (data[0x08], data[0x0c]) = (0x30, 3);
        data[0x30..0x34].copy_from_slice(&[0xef, 0x67, 0xff, 0x67]);
        let rom = parsed(&file);
        assert!(rom.is_for(0x1002, 0x67ef) && rom.is_for(0x1002, 0x67ff) && rom.is_for(0x1002, 0x67df));
    }
}
