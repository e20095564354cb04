//! Files with a password, on the machine where vmbuild runs: what can be said of one without giving it away, and its first
//! line, which goes to libvirt and nowhere else.

use super::{Cause, HostError, now};
use crate::facts::media::{LARGEST_SECRET, SPICE_PASSWORD, VNC_PASSWORD};
use crate::facts::{Fact, MediaFile, MediaKind, Password, Provenance, SecretFile};
use crate::units::Bytes;
use rustix::fs::{Mode, OFlags};
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

/// A text that must not be shown: it has no `Debug`, and cannot be copied by mistake.
pub struct Secret(String);

impl Secret {
    /// A secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for whom it is meant.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A text of somebody else's without it.
    pub fn hidden_in(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

/// What is at `path`, links followed.
pub(super) fn state(path: &str) -> Fact<MediaFile> {
    let known = |file| Fact::known(file, Provenance::File(path.into()), now());
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return known(MediaFile::default());
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Fact::Denied { why: format!("{path}: this user may not enter a folder above it.") };
        }
        Err(error) => return Fact::unknown(format!("{path} cannot be looked at: {error}.")),
    };
    let (kind, size) = (kind(&metadata), Bytes(metadata.len()));
    let secret = (kind == MediaKind::File).then(|| {
        let password =
            if size.0 > LARGEST_SECRET { Ok(Password::TooLong) } else { read(path).map(|line| judge(&line)) };
        SecretFile { password: password.unwrap_or_default(), mode: metadata.mode() & 0o7777 }
    });
    known(MediaFile { kind, size, secret, ..MediaFile::default() })
}

fn kind(metadata: &Metadata) -> MediaKind {
    match metadata.file_type() {
        kind if kind.is_file() => MediaKind::File,
        kind if kind.is_dir() => MediaKind::Folder,
        kind if kind.is_block_device() => MediaKind::BlockDevice,
        _ => MediaKind::Other,
    }
}

/// The password in the file at `path`. The error names the file and never what is in it.
pub fn password(path: &str) -> Result<Secret, HostError> {
    let refused = |why: &str| {
        let message = format!("The password file {path} cannot be used: {why}.");
        HostError::new(Cause::Other, message, "Correct the file, or remove password_file.")
    };
    let line = read(path).map_err(|error| refused(&error.to_string()))?;
    match judge(&line) {
        Password::Short | Password::Long => {}
        Password::Empty => return Err(refused("its first line is empty")),
        _ => return Err(refused("its first line is not a password")),
    }
    String::from_utf8(line).map(Secret).map_err(|_| refused("its first line is not text"))
}

/// The first line, or as much of it as is too long already. A pipe or a device does not hold this up.
fn read(path: &str) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_SECRET).read_to_end(&mut bytes)?;
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    bytes.truncate(end);
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(bytes)
}

fn judge(line: &[u8]) -> Password {
    let Ok(text) = std::str::from_utf8(line) else { return Password::NoText };
    match line.len() {
        _ if text.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) => Password::NoText,
        0 => Password::Empty,
        1..=VNC_PASSWORD => Password::Short,
        _ if line.len() <= SPICE_PASSWORD => Password::Long,
        _ => Password::TooLong,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_password_file_is_described_without_giving_it_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vnc");
        let path = path.to_str().unwrap();
        for (content, want, taken) in [
            ("hunter2\nmore", Password::Short, Some("hunter2")),
            ("hunter2\r\n", Password::Short, Some("hunter2")),
            ("grün-ist-es", Password::Long, Some("grün-ist-es")),
            ("", Password::Empty, None),
            ("\nhunter2", Password::Empty, None),
            ("a\tb", Password::NoText, None),
            (&"x".repeat(61), Password::TooLong, None),
            (&"x\n".repeat(3000), Password::TooLong, Some("x")),
        ] {
            fs::write(path, content).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
            let fact = state(path);
            let found = fact.get().unwrap();
            assert_eq!(found.secret, Some(SecretFile { password: want, mode: 0o640 }), "{content:?}");
            assert!(!format!("{fact:?}").contains("hunter2"));
            let secret = password(path).map_err(|error| error.to_string());
            assert_eq!(secret.as_ref().ok().map(Secret::expose), taken, "{content:?}");
            assert!(secret.err().is_none_or(|error| error.contains(path)));
        }
        fs::write(path, b"\xff\xfe").unwrap();
        assert_eq!(state(path).get().unwrap().secret.unwrap().password, Password::NoText);
    }

    #[test]
    fn what_is_no_file_is_said_and_does_not_hold_anybody_up() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        assert_eq!(state(&at("none")).get().unwrap().kind, MediaKind::Missing);
        assert_eq!(state(&at("")).get().unwrap().kind, MediaKind::Folder);
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(state(&at("pipe")).get().unwrap().kind, MediaKind::Other);
        assert!(password(&at("pipe")).err().unwrap().to_string().contains("not a regular file"));
        assert!(password(&at("none")).is_err());
    }

    #[test]
    fn a_secret_is_hidden_in_what_others_say() {
        assert_eq!(Secret::new("s3cret".into()).hidden_in("line 4: passwd='s3cret'"), "line 4: passwd='***'");
        assert_eq!(Secret::new(String::new()).hidden_in("as it is"), "as it is");
    }
}
