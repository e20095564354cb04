//! Whether a file is still the one that was checked: a link or a name can lead elsewhere meanwhile.

use crate::engine::ReviewedFile;
use crate::facts::FileId;
use crate::host::{Cause, HostError};
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

/// Fails where `metadata` is not that of the reviewed file.
pub(super) fn opened(reviewed: &ReviewedFile, metadata: &Metadata) -> Result<(), HostError> {
    let now = FileId { device: metadata.dev(), inode: metadata.ino() };
    if now == reviewed.identity {
        Ok(())
    } else {
        Err(changed(&reviewed.path, "is no longer the file that was checked"))
    }
}

/// Fails where its path leads to another file, or to none.
pub(super) fn at_path(reviewed: &ReviewedFile) -> Result<(), HostError> {
    match std::fs::metadata(&reviewed.path) {
        Ok(metadata) => opened(reviewed, &metadata),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(changed(&reviewed.path, "no longer exists")),
        Err(error) => Err(changed(&reviewed.path, &format!("can no longer be looked at ({error})"))),
    }
}

fn changed(path: &str, how: &str) -> HostError {
    let message = format!("The host has changed since the review: {path} {how}.");
    HostError::new(Cause::Other, message, "Run the checks again and correct what they find.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_link_that_leads_elsewhere_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a"), "a").unwrap();
        std::fs::write(at("b"), "b").unwrap();
        std::os::unix::fs::symlink(at("a"), at("link")).unwrap();
        let metadata = std::fs::metadata(at("link")).unwrap();
        let identity = FileId { device: metadata.dev(), inode: metadata.ino() };
        let reviewed = ReviewedFile { path: at("link").display().to_string(), identity, format: None };
        assert_eq!(at_path(&reviewed), Ok(()));
        std::fs::remove_file(at("link")).unwrap();
        assert!(at_path(&reviewed).unwrap_err().message.ends_with("/link no longer exists."));
        std::os::unix::fs::symlink(at("link"), at("link")).unwrap();
        assert!(at_path(&reviewed).unwrap_err().message.contains("/link can no longer be looked at ("));
        std::fs::remove_file(at("link")).unwrap();
        std::os::unix::fs::symlink(at("b"), at("link")).unwrap();
        assert!(at_path(&reviewed).unwrap_err().message.ends_with("/link is no longer the file that was checked."));
    }
}
