//! The root below which the machine's own files are read: `/`, or a recorded tree.

use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};

/// A root directory. Paths given to it are absolute as on the machine it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysroot(PathBuf);

/// True where the system refuses to tell. In the tree of a remote host, what was refused there is a link to itself.
pub fn is_refusal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied || error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

impl Default for Sysroot {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

impl Sysroot {
    /// The tree below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// True for the machine's own root.
    pub fn is_real(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Where `absolute` is in this tree.
    pub fn path(&self, absolute: &str) -> PathBuf {
        self.0.join(absolute.trim_start_matches('/'))
    }

    /// A small text file; bytes that are not UTF-8 are replaced.
    pub fn read(&self, absolute: &str) -> io::Result<String> {
        std::fs::read(self.path(absolute)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The target of a link as it is written, not followed any further.
    pub fn link(&self, absolute: &str) -> io::Result<String> {
        std::fs::read_link(self.path(absolute)).map(|target| target.to_string_lossy().into_owned())
    }

    /// True where something is there, whether it can be read or not.
    pub fn exists(&self, absolute: &str) -> bool {
        std::fs::symlink_metadata(self.path(absolute)).is_ok()
    }

    /// The names in a folder, sorted; none where it cannot be listed.
    pub fn names(&self, absolute: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(absolute)) else { return Vec::new() };
        let mut names: Vec<_> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }

    /// The names of a folder's files that end in `.conf`, sorted.
    pub fn conf_names(&self, folder: &str) -> Vec<String> {
        let mut names = self.names(folder);
        names.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "conf"));
        names
    }
}
