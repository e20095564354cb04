//! Words as a shell reads them, for commands that are shown to the user. Nothing is ever run through a shell.

/// `text` as one word of a POSIX shell: as it is where no character has a meaning, else in single quotes.
pub fn shell_quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
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
}
