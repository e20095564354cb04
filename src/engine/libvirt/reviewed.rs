//! The files that a domain reads or writes, as the host has them at review.

use crate::engine::{Blueprint, ReviewedFile};
use crate::facts::{Facts, MediaKind};
use crate::machine::{self, DiskOrigin};

/// The file at `path`; `None` where nobody could look, or nothing is there.
pub(super) fn file(path: &str, facts: &Facts) -> Option<ReviewedFile> {
    let file = facts.files.get(path)?.get().filter(|file| file.kind != MediaKind::Missing)?;
    let format = file.image().ok().map(|image| image.format);
    Some(ReviewedFile { path: path.to_owned(), identity: file.identity?, format })
}

/// Every file that was looked at for the machine, but for the places of what the build makes.
pub(super) fn files(blueprint: &Blueprint<'_>) -> Vec<ReviewedFile> {
    let Blueprint { spec, machine, facts } = *blueprint;
    let made = |path: &str| {
        machine.disks.iter().any(|disk| match &disk.origin {
            DiskOrigin::New { at, .. } | DiskOrigin::Clone { at, .. } | DiskOrigin::Seed { at } => {
                at.path() == Some(path)
            }
            DiskOrigin::Existing(_) | DiskOrigin::Drive { .. } => false,
        })
    };
    let named = machine::files::named(spec, machine);
    named.iter().filter(|path| !made(path)).filter_map(|path| file(path, facts)).collect()
}
