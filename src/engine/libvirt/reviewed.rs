//! The files that a domain reads or writes, as the host has them at review.

use crate::engine::{Blueprint, ReviewedFile};
use crate::facts::{Facts, ImageIndex, MediaKind};
use crate::machine::{self, DiskOrigin};
use std::collections::HashSet;

/// The files of the image at `path`: it, what it is based on, and their data files.
pub(super) fn of_image(path: &str, facts: &Facts, images: &ImageIndex<'_>) -> Vec<ReviewedFile> {
    let paths = machine::files::of_image(path, images);
    paths.iter().filter_map(|path| file(path, facts)).collect()
}

/// The file at `path`; `None` where it could not be looked at, or nothing is there.
fn file(path: &str, facts: &Facts) -> Option<ReviewedFile> {
    let file = facts.files.get(path)?.get().filter(|file| file.kind != MediaKind::Missing)?;
    let format = file.image().ok().map(|image| image.format);
    Some(ReviewedFile { path: path.to_owned(), identity: file.identity?, format })
}

/// Every file that was looked at for the machine, with what its images are based on, but for the places of what the build
/// makes.
pub(super) fn files(blueprint: &Blueprint<'_>) -> Vec<ReviewedFile> {
    let Blueprint { spec, machine, facts } = *blueprint;
    let made: HashSet<&str> = machine.disks.iter().filter_map(|disk| made_at(&disk.origin)).collect();
    let used = machine::files::used(spec, machine, facts);
    used.iter().filter(|path| !made.contains(path.as_str())).filter_map(|path| file(path, facts)).collect()
}

/// Where the image will be that the build makes.
fn made_at(origin: &DiskOrigin) -> Option<&str> {
    match origin {
        DiskOrigin::New { at, .. } | DiskOrigin::Clone { at, .. } | DiskOrigin::Seed { at } => at.path(),
        DiskOrigin::Existing(_) | DiskOrigin::Drive { .. } => None,
    }
}
