//! The file of a volume on this machine. A path proves nothing: another file can be in its place, and a file system that is
//! no longer mounted hides it.

use crate::engine::MadeFile;
use crate::facts::FileId;
use crate::host::{Cause, HostError};
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// The regular file at `path`; `None` where there is none, or it is not this user's to see.
pub(super) fn look(path: &str) -> Option<MadeFile> {
    let metadata = std::fs::symlink_metadata(path).ok().filter(Metadata::is_file)?;
    let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    Some(MadeFile {
        identity: FileId { device: metadata.dev(), inode: metadata.ino() },
        born_ms: born.and_then(|born| u64::try_from(born.as_millis()).ok()),
    })
}

/// Fails where something else than `made` is at `path`, or where its file system is not mounted.
pub(super) fn is_ours(path: &str, made: &MadeFile) -> Result<(), HostError> {
    match look(path) {
        Some(now) if now == *made => Ok(()),
        Some(_) => Err(left(format!("{path} is no longer the file that this build made."))),
        None => is_mounted(path, made),
    }
}

/// Fails where `made` is still at `path`, or where that cannot be seen.
pub(super) fn is_gone(path: &str, made: &MadeFile) -> Result<(), HostError> {
    match look(path) {
        Some(now) if now == *made => {
            Err(left(format!("libvirt deleted the volume, and its file {path} is still there.")))
        }
        Some(_) => Ok(()),
        None => is_mounted(path, made),
    }
}

/// The folder of what is gone must still be on the file system that it was made on.
fn is_mounted(path: &str, made: &MadeFile) -> Result<(), HostError> {
    let folder = Path::new(path).parent().unwrap_or(Path::new("/"));
    match std::fs::metadata(folder) {
        Ok(metadata) if metadata.dev() == made.identity.device => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        Ok(_) => {
            Err(left(format!("{} is on another file system than the file that this build made.", folder.display())))
        }
        Err(error) => Err(left(format!("{} cannot be looked at: {error}.", folder.display()))),
    }
}

fn left(message: String) -> HostError {
    HostError::new(Cause::Other, message, "Look at it before you delete it.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn another_file_in_the_place_of_a_volume_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.qcow2");
        let text = path.to_str().unwrap();
        std::fs::write(&path, "ours").unwrap();
        let made = look(text).unwrap();
        assert_eq!(is_ours(text, &made), Ok(()));
        assert!(is_gone(text, &made).unwrap_err().message.contains("is still there"));
        let other = folder.path().join("b");
        std::fs::write(&other, "theirs").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(is_ours(text, &made).unwrap_err().message.ends_with("is no longer the file that this build made."));
        std::fs::remove_file(&path).unwrap();
        assert_eq!((is_ours(text, &made), is_gone(text, &made)), (Ok(()), Ok(())));
    }

    #[test]
    fn a_folder_that_is_no_longer_mounted_is_told_from_a_deleted_file() {
        let made = MadeFile { identity: FileId { device: u64::MAX, inode: 1 }, born_ms: None };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.qcow2");
        let error = is_ours(path.to_str().unwrap(), &made).unwrap_err();
        assert!(error.message.contains("is on another file system"), "{error}");
        let gone = folder.path().join("pool/a.qcow2");
        assert!(is_gone(gone.to_str().unwrap(), &made).unwrap_err().message.contains("cannot be looked at"));
    }
}
