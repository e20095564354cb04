//! The labels of a CD or DVD image, from the descriptors of its file system: ISO 9660, else UDF.

use crate::facts::Iso;
use crate::units::Bytes;
use std::io;

/// Bytes of a sector.
pub(in crate::host) const SECTOR: u64 = 2048;
/// Descriptors start here, in either file system.
const FIRST: u64 = 16;
/// More descriptors than this are no file system.
const MOST: u64 = 16;
/// Where UDF keeps its anchor.
const ANCHOR: u64 = 256;

/// The labels of the image that `read` reads sectors of; `None` where it holds neither file system, or cannot be read.
pub(in crate::host) fn labels(read: impl Fn(u64) -> io::Result<Vec<u8>>) -> Option<Iso> {
    let mut udf = false;
    for number in FIRST..FIRST + MOST {
        let sector = read(number).ok()?;
        match (sector.first(), sector.get(1..6)?) {
            (Some(1), b"CD001") => return iso9660(&sector),
            (_, b"NSR02" | b"NSR03") => udf = true,
            (Some(255), b"CD001") | (_, b"TEA01") => break,
            (_, b"CD001" | b"BEA01" | b"BOOT2") => {}
            _ => break,
        }
    }
    if udf { of_udf(&read) } else { None }
}

/// Reads the sector of this number with `read_at`, which fills a buffer from an offset on.
pub(in crate::host) fn sector(number: u64, read_at: impl Fn(&mut [u8], u64) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 2048];
    read_at(&mut bytes, number * SECTOR)?;
    Ok(bytes)
}

/// The primary volume descriptor.
fn iso9660(sector: &[u8]) -> Option<Iso> {
    let label = |from: usize, to: usize| {
        let text = String::from_utf8_lossy(sector.get(from..to).unwrap_or_default()).into_owned();
        text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned()
    };
    let blocks = u32::from_le_bytes(sector.get(80..84)?.try_into().ok()?);
    let block = u16::from_le_bytes(sector.get(128..130)?.try_into().ok()?);
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
fn of_udf(read: &impl Fn(u64) -> io::Result<Vec<u8>>) -> Option<Iso> {
    let anchor = read(ANCHOR).ok()?;
    let number = |bytes: &[u8], at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let tag = |bytes: &[u8]| Some(u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?));
    if tag(&anchor)? != 2 {
        return None;
    }
    let (length, start) = (u64::from(number(&anchor, 16)?), u64::from(number(&anchor, 20)?));
    let mut volume = None;
    for at in 0..(length / SECTOR).min(MOST) {
        let descriptor = read(start + at).ok()?;
        match tag(&descriptor)? {
            1 => volume = volume.or(descriptor.get(24..56).and_then(text)),
            // The logical volume's name is the one that systems show.
            6 => volume = descriptor.get(84..212).and_then(text).or(volume),
            8 => break,
            _ => {}
        }
    }
    volume.map(|volume| Iso { volume, ..Iso::default() })
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
    use std::collections::BTreeMap;

    fn image(sectors: &[(u64, usize, &[u8])]) -> BTreeMap<u64, Vec<u8>> {
        let mut image = BTreeMap::new();
        for (number, at, bytes) in sectors {
            let sector: &mut Vec<u8> = image.entry(*number).or_insert_with(|| vec![0; 2048]);
            sector[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        image
    }

    fn read(image: &BTreeMap<u64, Vec<u8>>) -> Option<Iso> {
        labels(|number| Ok(image.get(&number).cloned().unwrap_or_else(|| vec![0; 2048])))
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
    fn what_is_no_image_has_no_labels() {
        assert_eq!(read(&BTreeMap::new()), None);
        assert_eq!(read(&image(&[(16, 0, b"QFI\xfb\0\0\0")])), None);
        assert_eq!(labels(|_| Err(io::ErrorKind::UnexpectedEof.into())), None);
    }
}
