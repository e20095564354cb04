//! CDs and DVDs by the descriptors of their file systems, ISO 9660, else UDF: whether a file is one, and its labels.

use super::pieces::{Pieces, le16, le32};
use crate::facts::Iso;
use crate::units::Bytes;
use std::io;

/// Bytes of a sector.
const SECTOR: u64 = 2048;
/// Descriptors start here, in either file system.
const FIRST: u64 = 16;
/// More descriptors than this are no file system.
const MOST: u64 = 16;
/// Where UDF keeps its anchor.
const ANCHOR: u64 = 256;

/// Which file system a CD has.
enum FileSystem {
    /// ISO 9660, with its primary descriptor.
    Iso9660(Vec<u8>),
    /// UDF alone, as some media of Windows have it.
    Udf,
}

/// True where the file is a CD or DVD.
pub(super) fn is_disc(pieces: &Pieces<'_>) -> io::Result<bool> {
    Ok(file_system(pieces)?.is_some())
}

/// The labels of a file; `None` where it is not a CD, or one without labels.
pub fn labels(pieces: &Pieces<'_>) -> io::Result<Option<Iso>> {
    match file_system(pieces)? {
        Some(FileSystem::Iso9660(descriptor)) => Ok(iso9660(&descriptor)),
        Some(FileSystem::Udf) => of_udf(pieces),
        None => Ok(None),
    }
}

fn file_system(pieces: &Pieces<'_>) -> io::Result<Option<FileSystem>> {
    let mut udf = false;
    for number in FIRST..FIRST + MOST {
        let Some(sector) = sector(pieces, number)? else { break };
        match (sector.first(), sector.get(1..6)) {
            (Some(1), Some(b"CD001")) => return Ok(Some(FileSystem::Iso9660(sector))),
            (_, Some(b"NSR02" | b"NSR03")) => udf = true,
            (Some(255), Some(b"CD001")) | (_, Some(b"TEA01")) => break,
            (_, Some(b"CD001" | b"BEA01" | b"BOOT2")) => {}
            _ => break,
        }
    }
    Ok(udf.then_some(FileSystem::Udf))
}

/// The sector of this number; `None` behind the end.
fn sector(pieces: &Pieces<'_>, number: u64) -> io::Result<Option<Vec<u8>>> {
    number.checked_mul(SECTOR).map_or(Ok(None), |at| pieces.whole(at, 2048))
}

/// The primary volume descriptor.
fn iso9660(sector: &[u8]) -> Option<Iso> {
    let label = |from: usize, to: usize| {
        let text = String::from_utf8_lossy(sector.get(from..to).unwrap_or_default()).into_owned();
        text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned()
    };
    let (blocks, block) = (le32(sector, 80)?, le16(sector, 128)?);
    Some(Iso {
        system: label(8, 40),
        volume: label(40, 72),
        publisher: label(318, 446),
        application: label(574, 702),
        size: Some(Bytes(u64::from(blocks) * u64::from(block))),
        systems: Vec::new(),
    })
}

/// The volume that the anchor leads to. Media that are UDF alone, as some of Windows are, have no other label.
fn of_udf(pieces: &Pieces<'_>) -> io::Result<Option<Iso>> {
    let Some(anchor) = sector(pieces, ANCHOR)? else { return Ok(None) };
    let (Some(2), Some(length), Some(start)) = (le16(&anchor, 0), le32(&anchor, 16), le32(&anchor, 20)) else {
        return Ok(None);
    };
    let mut volume = None;
    for at in 0..(u64::from(length) / SECTOR).min(MOST) {
        let Some(descriptor) = sector(pieces, u64::from(start) + at)? else { break };
        match le16(&descriptor, 0) {
            Some(1) => volume = volume.or(descriptor.get(24..56).and_then(text)),
            // The logical volume's name is the one that systems show.
            Some(6) => volume = descriptor.get(84..212).and_then(text).or(volume),
            Some(8) => break,
            _ => {}
        }
    }
    Ok(volume.map(|volume| Iso { volume, ..Iso::default() }))
}

/// A text of UDF: its width first, its length last.
fn text(field: &[u8]) -> Option<String> {
    let length = usize::from(*field.last()?);
    let characters = field.get(1..length)?;
    let text = match field.first()? {
        8 => characters.iter().map(|byte| char::from(*byte)).collect(),
        16 => {
            let pairs = characters.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
            String::from_utf16_lossy(&pairs.map(u16::from_be_bytes).collect::<Vec<_>>())
        }
        _ => return None,
    };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::host::image::fixture::in_memory;

    fn image(sectors: &[(usize, usize, &[u8])]) -> Vec<u8> {
        let mut image = vec![0; 400 * 2048];
        for (number, at, bytes) in sectors {
            image[number * 2048 + at..][..bytes.len()].copy_from_slice(bytes);
        }
        image
    }

    fn read(image: &[u8]) -> Option<Iso> {
        in_memory(image, |pieces| labels(pieces).unwrap())
    }

    #[test]
    fn the_labels_of_a_cd_are_those_of_its_primary_volume() {
        let mut sector = vec![b' '; 2048];
        sector[..6].copy_from_slice(b"\x01CD001");
        sector[40..58].copy_from_slice(b"Debian 12.5.0 amd6");
        sector[80..84].copy_from_slice(&400_u32.to_le_bytes());
        sector[128..130].copy_from_slice(&2048_u16.to_le_bytes());
        let iso = read(&image(&[(16, 0, &sector)])).unwrap();
        assert_eq!((iso.volume.as_str(), iso.system.as_str()), ("Debian 12.5.0 amd6", ""));
        assert_eq!(iso.size, Some(Bytes(400 * 2048)));
    }

    #[test]
    fn a_medium_that_is_udf_alone_has_a_label_too() {
        let mut named = vec![0; 128];
        named[0] = 8;
        named[1..17].copy_from_slice(b"CCCOMA_X64FRE_EN");
        named[127] = 17;
        let anchor = [[2, 0, 0, 0].as_slice(), &[0; 12], &8192_u32.to_le_bytes(), &300_u32.to_le_bytes()].concat();
        let of = |named: &[u8]| {
            read(&image(&[
                (16, 0, b"\0BEA01"),
                (17, 0, b"\0NSR02"),
                (18, 0, b"\0TEA01"),
                (256, 0, &anchor),
                (300, 0, &[1, 0]),
                (301, 0, &[6, 0]),
                (301, 84, named),
            ]))
        };
        assert_eq!(of(&named).unwrap().volume, "CCCOMA_X64FRE_EN");
        assert_eq!(of(&[0; 128]), None);
    }

    #[test]
    fn what_is_not_a_cd_has_no_labels() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0; 4096]), None);
        assert_eq!(read(&image(&[(16, 0, b"QFI\xfb\0\0\0")])), None);
        assert_eq!(read(&image(&[(16, 0, b"\0BEA01"), (17, 0, b"\0NSR02")])), None, "an anchor is missing");
    }
}
