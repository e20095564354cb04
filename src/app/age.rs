//! How long ago something was.

/// A span of time in words.
pub(super) fn age(seconds: u64) -> String {
    match seconds {
        0..=59 => "less than a minute ago".into(),
        60..=119 => "one minute ago".into(),
        120..=7199 => format!("{} minutes ago", seconds / 60),
        7200..=172_799 => format!("{} hours ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86400),
    }
}
