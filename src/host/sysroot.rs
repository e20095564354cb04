//! The root below which the machine's own files are read: `/`, or a recorded tree.

use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A root directory. Paths given to it are absolute as on the machine it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysroot(PathBuf);

/// None of the files that are read is longer: the longest are lists of ids and of modules.
pub const LONGEST: u64 = 16 << 20;

/// The kernel follows no more links on one way.
const MOST_LINKS: usize = 40;

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

    /// Its path.
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// True for the machine's own root.
    pub fn is_real(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Where `absolute` is in this tree.
    pub fn path(&self, absolute: &str) -> PathBuf {
        self.0.join(absolute.trim_start_matches('/'))
    }

    /// A text file; bytes that are not UTF-8 are replaced. Fails as [`Self::bytes`] does.
    pub fn read(&self, absolute: &str) -> io::Result<String> {
        self.bytes(absolute).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file of [`LONGEST`] bytes at most; one that is longer is an error.
    pub fn bytes(&self, absolute: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(self.path(absolute))?.take(LONGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LONGEST {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it is longer than the {} MiB that vmbuild reads of a file", LONGEST >> 20),
            ));
        }
        Ok(bytes)
    }

    /// The target of a link as it is written, not followed any further.
    pub fn link(&self, absolute: &str) -> io::Result<String> {
        std::fs::read_link(self.path(absolute)).map(|target| target.to_string_lossy().into_owned())
    }

    /// Where `absolute` really is: every link on the way followed, within this tree. Fails where nothing is there, or where
    /// links go in circles.
    pub fn real(&self, absolute: &str) -> io::Result<String> {
        let mut open: Vec<String> = names(absolute).rev().collect();
        let (mut real, mut links) = (String::new(), 0);
        while let Some(name) = open.pop() {
            if name == ".." {
                real.truncate(real.rfind('/').unwrap_or(0));
                continue;
            }
            let next = format!("{real}/{name}");
            let metadata = std::fs::symlink_metadata(self.path(&next))?;
            if !metadata.is_symlink() {
                real = next;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP.into());
            }
            let target = self.link(&next)?;
            if target.starts_with('/') {
                real.clear();
            }
            open.extend(names(&target).rev());
        }
        Ok(if real.is_empty() { "/".into() } else { real })
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

/// The names on a way.
fn names(path: &str) -> impl DoubleEndedIterator<Item = String> + '_ {
    path.split('/').filter(|name| !name.is_empty() && *name != ".").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_within_the_tree() {
        let folder = tempfile::tempdir().unwrap();
        let root = Sysroot::new(folder.path());
        std::fs::create_dir_all(folder.path().join("data/pool")).unwrap();
        std::fs::write(folder.path().join("data/pool/a.img"), "").unwrap();
        for (target, link) in [
            ("/data/pool", "images"),
            ("a.img", "data/pool/b.img"),
            ("../pool/./b.img", "data/pool/c.img"),
            ("d", "d"),
            ("x", "e"),
        ] {
            symlink(target, folder.path().join(link)).unwrap();
        }
        for path in ["/data/pool/a.img", "/images/c.img", "//images/../pool/b.img", "/images/../../../data/pool/a.img"]
        {
            assert_eq!(root.real(path).unwrap(), "/data/pool/a.img", "{path}");
        }
        assert_eq!(root.real("/images/..").unwrap(), "/data");
        assert_eq!(root.real("/").unwrap(), "/");
        assert!(is_refusal(&root.real("/d").unwrap_err()));
        assert_eq!(root.real("/e").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(root.real("/data/pool/a.img/x").is_err());
    }

    #[test]
    fn a_file_without_end_is_left() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("endless")).unwrap();
        std::fs::write(folder.path().join("text"), b"a\n").unwrap();
        let root = Sysroot::new(folder.path());
        let error = root.read("/endless").unwrap_err();
        assert!(error.to_string().contains("16 MiB"), "{error}");
        assert_eq!(root.read("/text").unwrap(), "a\n");
    }
}
