//! Reading and writing single files: whole or not at all, for the user alone.

use super::StoreError;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// No file of ours comes near this; whatever is longer was put there by mistake.
const LONGEST: u64 = 16 << 20;

/// What to do with a file that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// Put the new content in its place.
    Replace,
    /// Leave it and fail with [`io::ErrorKind::AlreadyExists`].
    Keep,
}

/// The text of `path`; `None` where there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, StoreError> {
    if let Some(folder) = path.parent() {
        trusted(folder)?;
    }
    match content(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

fn content(path: &Path) -> io::Result<String> {
    // Opening a named pipe would wait for a writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST { Err(io::Error::other("longer than 16 MiB")) } else { Ok(text) }
}

/// Writes `text` to `path` as [`place`] does.
pub(super) fn write(path: &Path, text: &str, existing: Existing) -> Result<(), StoreError> {
    place(path, text, existing, |_| ()).map(|_| ())
}

/// Writes `text` to `path`: readers see the old or the new content, never a part, even after a power cut. The file gets
/// mode 0600, folders made on the way 0700. A link in the place of the file is replaced, never followed. `prepare` gets
/// the new file before anybody can find it at `path`.
pub(super) fn place(
    path: &Path,
    text: &str,
    existing: Existing,
    prepare: impl FnOnce(&File),
) -> Result<File, StoreError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(StoreError::io("write", path)(io::Error::other("not the path of a file")));
    };
    make_folder(folder)?;
    let write = || -> io::Result<File> {
        let (mut file, part) = beside(folder, &name.to_string_lossy())?;
        prepare(&file);
        let placed = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| match existing {
            Existing::Replace => fs::rename(&part, path),
            // Unlike a rename, a link fails where something is.
            Existing::Keep => fs::hard_link(&part, path),
        });
        if existing == Existing::Keep || placed.is_err() {
            // A part that stays behind harms nobody; what counts is whether the file was placed.
            let _ = fs::remove_file(&part);
        }
        placed?;
        File::open(folder)?.sync_all()?;
        Ok(file)
    };
    write().map_err(StoreError::io("write", path))
}

/// Makes a folder that is the user's alone, unless there is one that others cannot write to.
pub(crate) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(StoreError::io("make", folder))?;
    trusted(folder)
}

/// A new file next to the one to be written. The name may be guessed, but the folder is the user's own, and a name
/// that is taken is never opened.
fn beside(folder: &Path, name: &str) -> io::Result<(File, PathBuf)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".{name}.{}.{number}.part", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            file => return file.map(|file| (file, path)),
        }
    }
}

/// Deletes `path`; false where there is no such file.
pub(crate) fn delete(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io("delete", path)(error)),
    }
}

/// Refuses a folder in which others could plant files: one that anyone may write to, or that belongs to somebody else.
/// Root may use anybody's. A folder that is not there is fine.
fn trusted(folder: &Path) -> Result<(), StoreError> {
    let Ok(found) = fs::metadata(folder) else { return Ok(()) };
    let user = rustix::process::geteuid().as_raw();
    let foreign = found.uid() != user && found.uid() != 0 && user != 0;
    if foreign || found.mode() & 0o002 != 0 { Err(StoreError::Unsafe { path: folder.to_owned() }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn files_are_for_the_user_alone_and_nothing_is_left_beside_them() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/c.json");
        write(&path, "one", Existing::Keep).unwrap();
        write(&path, "two", Existing::Replace).unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_there_is_kept_where_asked() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("c.json");
        write(&path, "one", Existing::Keep).unwrap();
        let error = write(&path, "two", Existing::Keep).unwrap_err();
        assert!(matches!(error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists));
        assert_eq!(read(&path).unwrap().as_deref(), Some("one"));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_replaced_and_its_target_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let (target, link) = (root.path().join("target"), root.path().join("link"));
        fs::write(&target, "precious").unwrap();
        symlink(&target, &link).unwrap();
        write(&link, "new", Existing::Replace).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
    }

    #[test]
    fn a_folder_that_anyone_can_write_to_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("open");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(write(&folder.join("a"), "x", Existing::Replace), Err(StoreError::Unsafe { .. })));
        assert!(matches!(read(&folder.join("a")), Err(StoreError::Unsafe { .. })));
    }

    #[test]
    fn only_regular_files_of_text_are_read() {
        let root = tempfile::tempdir().unwrap();
        assert!(read(&root.path().join("none")).unwrap().is_none());
        let folder = root.path().join("folder");
        fs::create_dir(&folder).unwrap();
        assert!(read(&folder).unwrap_err().to_string().contains("not a regular file"));
        let binary = root.path().join("binary");
        fs::write(&binary, [0xff, 0xfe]).unwrap();
        assert!(read(&binary).is_err());
        assert!(delete(&binary).unwrap() && !delete(&binary).unwrap());
    }
}
