//! What is wrong with a file that a password is read from, whatever the password is for.

use super::note::Topic;
use super::text::{Arg, Text, text};
use super::{Notes, Subject};
use crate::facts::{Fact, MediaFile, MediaKind, Password, media};
use crate::units::shell_quote;

/// Judges the file at `path`, of which at most `most` characters are a password; `limit` says whose limit that is.
pub(super) fn judge(path: &str, topic: &Topic, most: usize, limit: &'static str, subject: &Subject, notes: &mut Notes) {
    if !path.starts_with('/') {
        let message = text!("password_file {path} is not an absolute path", path = Arg::quoted(path));
        return notes.blocker(topic.clone(), message, "write the whole path, beginning with /");
    }
    let what = text!("password_file {path}", path);
    let pending = Fact::default();
    let fact = subject.facts.files.get(&media::local(path)).unwrap_or(&pending);
    let Some(file) = notes.known(fact, || topic.place.clone(), &what) else { return };
    if let Some((why, remedy)) = unusable(file, most, limit) {
        notes.blocker(topic.clone(), text!("{what} {why}", what, why), remedy);
    } else if let Some(mode) = file.secret.map(|secret| secret.mode).filter(|mode| mode & 0o077 != 0) {
        let message = text!("{what} can be read by other users (mode {mode})", what, mode = format!("{mode:04o}"));
        notes.warning(topic.clone(), message, text!("chmod 600 {path}", path = shell_quote(path)));
    }
}

/// Why no password comes out of the file, and what to do about it.
fn unusable(file: &MediaFile, most: usize, limit: &'static str) -> Option<(Text, Text)> {
    let write = "write the password in its first line";
    let (why, remedy) = match (file.kind, file.secret.map(|secret| secret.password)) {
        (MediaKind::Missing, _) => ("does not exist".into(), "create it on the machine where vmbuild runs".into()),
        (MediaKind::File, Some(Password::Short)) => return None,
        (MediaKind::File, Some(Password::Long)) if most > media::VNC_PASSWORD => return None,
        (MediaKind::File, Some(Password::Unreadable) | None) => {
            ("cannot be read by you".into(), "make it readable, or copy it to a place where you can read it".into())
        }
        (MediaKind::File, Some(Password::Empty)) => ("has an empty first line".into(), write.into()),
        (MediaKind::File, Some(Password::NoText)) => ("has no text in its first line".into(), write.into()),
        (MediaKind::File, Some(_)) => {
            let why = text!("has a longer first line than {limit}: {most} characters", limit, most);
            (why, text!("choose a password of at most {most} characters", most))
        }
        _ => ("is not a regular file".into(), "name a file that contains the password".into()),
    };
    Some((why, remedy))
}
