//! Single attributes as facts: known with their file, unknown where the file is missing, denied where it may not be read.

use crate::facts::{Fact, Provenance};
use crate::host::sysroot::is_refusal;
use crate::host::{Sysroot, now};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{self, ErrorKind};

/// A value that was read from the file at `path`.
pub(super) fn known<T>(value: T, path: impl Into<String>) -> Fact<T> {
    Fact::known(value, Provenance::File(path.into()), now())
}

/// A value that stands alone in a file: the text without white space around it.
pub(super) fn text(sysroot: &Sysroot, path: &str) -> Fact<String> {
    match sysroot.read(path) {
        Ok(text) => known(text.trim().to_owned(), path),
        Err(error) => failed(path, &error),
    }
}

/// Why the file at `path` tells nothing.
pub(super) fn failed<T>(path: &str, error: &io::Error) -> Fact<T> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Fact::unknown(format!("{path} does not exist.")),
        _ if is_refusal(error) => Fact::Denied { why: format!("This user may not read {path}.") },
        _ => Fact::unknown(format!("{path} cannot be read: {error}.")),
    }
}

/// The fact that a value cannot be understood.
pub(super) fn odd(path: impl Display) -> String {
    format!("{path} has contents that vmbuild does not understand.")
}

/// The last part of a link's target.
pub(super) fn last_part(target: &str) -> &str {
    target.rsplit('/').next().unwrap_or(target)
}

/// A folder of sysfs with the names in it, open for many reads.
pub(super) struct Folder {
    open: OwnedFd,
    path: String,
    names: BTreeSet<String>,
}

impl Folder {
    /// Opens and lists the folder.
    pub(super) fn open(sysroot: &Sysroot, path: impl Into<String>) -> io::Result<Self> {
        let path = path.into();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = rustix::fs::open(sysroot.path(&path), flags, Mode::empty())?;
        let mut names = BTreeSet::new();
        for entry in Dir::read_from(&open)? {
            if let Ok(name) = entry?.file_name().to_str() {
                names.insert(name.to_owned());
            }
        }
        Ok(Self { open, path, names })
    }

    /// Names in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// True where it has an entry of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Path of an entry.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// The first bytes of a file, `LARGEST` at most, in one read as sysfs delivers it.
    pub(super) fn bytes(&self, name: &str) -> Fact<Vec<u8>> {
        const LARGEST: usize = 4096;
        if !self.has(name.split('/').next().unwrap_or(name)) {
            return Fact::unknown(format!("There is no {}.", self.path(name)));
        }
        let read = || -> Result<Vec<u8>, Errno> {
            let file = openat(&self.open, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
            let mut buffer = vec![0; LARGEST];
            let length = rustix::io::read(&file, &mut buffer)?;
            buffer.truncate(length);
            Ok(buffer)
        };
        match read() {
            Ok(bytes) => known(bytes, self.path(name)),
            Err(error) => failed(&self.path(name), &error.into()),
        }
    }

    /// A small text file without white space around it.
    pub(super) fn text(&self, name: &str) -> Fact<String> {
        self.bytes(name).map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// A text file in the form that `parse` gives it.
    pub(super) fn parsed<T>(&self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Fact<T> {
        self.text(name).try_map(|text| parse(&text), || odd(self.path(name)))
    }

    /// A file that says yes by 1 or Y and no by 0 or N.
    pub(super) fn flag(&self, name: &str) -> Fact<bool> {
        self.parsed(name, flag)
    }

    /// The last part of a link's target.
    pub(super) fn link(&self, name: &str) -> Option<String> {
        if !self.has(name) {
            return None;
        }
        let target = readlinkat(&self.open, name, Vec::new()).ok()?;
        Some(last_part(target.to_str().ok()?).to_owned())
    }

    /// Size of a file by its metadata; it is not opened.
    pub(super) fn size(&self, name: &str) -> Fact<u64> {
        match statat(&self.open, name, AtFlags::empty()) {
            Ok(status) => known(u64::try_from(status.st_size).unwrap_or(0), self.path(name)),
            Err(error) => failed(&self.path(name), &error.into()),
        }
    }
}

/// 1 or Y, 0 or N.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.trim() {
        "1" | "Y" | "y" => Some(true),
        "0" | "N" | "n" => Some(false),
        _ => None,
    }
}

/// A hexadecimal number with or without `0x`.
pub(super) fn hexadecimal(text: &str) -> Option<u64> {
    let text = text.trim();
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}
