//! Any bytes as a file: told apart without a panic, after few readings, and alike however they are read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::Cell;
use std::io;
use vmbuild::facts::{FileContent, ImageFormat, ImageHeader};
use vmbuild::host::image::{BLOCK, Pieces, labels, read};

/// More than any file has to be read of.
const MOST: usize = 64;

fn of(file: &[u8], block: usize) -> io::Result<ImageHeader> {
    let count = Cell::new(0);
    let piece = |offset: u64, length: usize| {
        count.set(count.get() + 1);
        let rest = usize::try_from(offset).ok().and_then(|from| file.get(from..)).unwrap_or_default();
        Ok(rest[..length.min(rest.len())].to_vec())
    };
    let pieces = Pieces::new(file.len() as u64, block, &piece);
    let image = read(&pieces);
    let labels = labels(&pieces);
    assert!(count.get() <= MOST, "{} readings", count.get());
    if let Ok(image) = &image {
        assert!(labels.is_ok_and(|labels| labels.is_none()
            || image.format != ImageFormat::Raw
            || image.content == FileContent::Disc));
    }
    image
}

fuzz_target!(|file: &[u8]| {
    let Ok(image) = of(file, BLOCK) else { return };
    let longer = of(file, 32 << 10);
    assert!(longer.is_ok_and(|longer| longer == image), "{image:?}");
    assert_eq!(image.content == FileContent::Unknown, image.format != ImageFormat::Raw);
    let written = serde_json::to_string(&image).expect("plain data");
    assert_eq!(serde_json::from_str::<ImageHeader>(&written).expect("what was written"), image);
    for path in
        image.data_paths("/pool/image").into_iter().chain(image.backing.and_then(|base| base.path("/pool/image")))
    {
        assert!(path.starts_with('/'));
    }
});
