//! Words as a shell reads them, for commands that are shown to the user. Nothing is ever run through a shell.

use serde::{Deserialize, Serialize};
use std::fmt;

/// `text` as one word of a POSIX shell: as it is where no character has a meaning, else in single quotes.
pub fn shell_quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A command and its arguments. `Display` is the line for a POSIX shell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandLine(pub Vec<String>);

impl CommandLine {
    /// A command of these words.
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self(words.into_iter().map(str::to_owned).collect())
    }

    /// The same with more words.
    #[must_use]
    pub fn and<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.extend(words.into_iter().map(str::to_owned));
        self
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_with_a_meaning_are_quoted() {
        assert_eq!(shell_quote("gpu-ws-01_vda.qcow2"), "gpu-ws-01_vda.qcow2");
        assert_eq!(shell_quote("Jörg's box; rm *"), r"'Jörg'\''s box; rm *'");
        assert_eq!(shell_quote(""), "''");
        assert_eq!(shell_quote("~joe"), "'~joe'");
    }

    #[test]
    fn a_command_line_is_quoted_word_by_word() {
        let command = CommandLine::of(["virsh", "vol-delete"]).and(["--pool", "fast", "ws 1.qcow2"]);
        assert_eq!(command.to_string(), "virsh vol-delete --pool fast 'ws 1.qcow2'");
    }
}
