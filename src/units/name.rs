//! Names of virtual machines.

use super::UnitError;
use std::{fmt, str::FromStr};

/// The name of a VM as libvirt takes it: not empty, no slash, no line break, not a `.` or `..`, and short enough for
/// the volume and log files that carry it (200 bytes leave room for a suffix within the 255 of a file name).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VmName(String);

const LONGEST: usize = 200;

impl VmName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VmName {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = |why: &str| Err(UnitError(format!("'{text}' is not a VM name: {why}")));
        match text {
            "" => wrong("it is empty"),
            "." | ".." => wrong("it would be read as a folder"),
            _ if text.trim() != text => wrong("it starts or ends with a space"),
            _ if text.starts_with('-') => wrong("it starts with '-', which virsh takes for an option"),
            _ if text.contains('/') => wrong("it contains '/'"),
            _ if text.chars().any(char::is_control) => wrong("it contains a control character"),
            _ if text.len() > LONGEST => wrong(&format!("it has {} bytes, the longest is {LONGEST}", text.len())),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for VmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_blanks_quotes_and_umlauts_are_fine() {
        for text in ["gpu-ws-01", "Jörg's \"box\" & <co>", "web server"] {
            assert_eq!(text.parse::<VmName>().map(|n| n.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn names_that_break_files_or_tools_are_refused() {
        for text in ["", "..", "a/b", " a", "a\n", "-v", &"x".repeat(201)] {
            assert!(text.parse::<VmName>().is_err(), "{text}");
        }
    }
}
