//! Words for messages: quoting what the user wrote, and guessing what was meant.

/// `text` in single quotes, control characters escaped and long texts cut, so that a message stays one line.
pub fn quoted(text: &str) -> String {
    format!("'{}'", one_line(text))
}

/// `text` with control characters escaped, cut after 80 characters.
pub fn one_line(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            out.push('…');
            break;
        }
        if c == '\0' {
            out.push_str("\\0");
        } else if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The candidate that `word` most likely stands for, if one is near enough: at most a third of its letters differ, or
/// only case, dashes and underscores do, or it holds every word of `word`, as `ssh_authorized_keys` those of `ssh_keys`.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    spelt_like(word, &candidates).or_else(|| holding_words_of(word, &candidates))
}

/// What to say of a `kind` that is named `name` and is not there: the nearest of the `known` names, or all of them.
pub fn known(kind: &str, name: &str, known: &[String]) -> String {
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean '{near}'?"),
        None if known.is_empty() => format!("there are no {kind}s yet"),
        None => format!("known are {}", known.join(", ")),
    }
}

fn spelt_like<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let plain = plain(word);
    let scored = candidates.iter().map(|candidate| {
        let known = self::plain(candidate);
        (strsim::damerau_levenshtein(&plain, &known), known.chars().count(), *candidate)
    });
    let (distance, length, best) = scored.min_by_key(|(distance, ..)| *distance)?;
    (distance <= (length.max(plain.chars().count()) / 3).max(1) && distance < length.max(1)).then_some(best)
}

/// The candidate with the fewest words among those that hold every word of `word`.
fn holding_words_of<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let asked = words(word);
    if asked.is_empty() || asked.iter().any(|part| part.len() < 2) {
        return None;
    }
    let holding = candidates.iter().copied().filter(|candidate| {
        let known = words(candidate);
        asked.iter().all(|part| known.contains(part))
    });
    holding.min_by_key(|candidate| words(candidate).len())
}

fn words(text: &str) -> Vec<String> {
    text.split(['_', '-', ' ', '.']).map(str::to_lowercase).filter(|word| !word.is_empty()).collect()
}

/// True where both differ at most in case, dashes and underscores.
pub(super) fn same_word(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let fields = ["memory", "vcpus", "os_type", "name"];
        for (word, want) in [
            ("memmory", Some("memory")),
            ("Memory", Some("memory")),
            ("osType", Some("os_type")),
            ("vpcus", Some("vcpus")),
            ("cpus", Some("vcpus")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, fields), want, "{word}");
        }
        assert_eq!(nearest("x", []), None);
        assert_eq!(nearest("ssh_keys", ["users", "ssh_authorized_keys"]), Some("ssh_authorized_keys"));
        assert_eq!(nearest("pool", ["disks", "default_pool"]), Some("default_pool"));
        assert_eq!(nearest("ssh_secret", ["users", "ssh_authorized_keys"]), None);
    }

    #[test]
    fn quoting_keeps_a_message_on_one_line() {
        assert_eq!(quoted("a\nb\u{1b}[2J"), "'a\\nb\\u{1b}[2J'");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), 83);
    }
}
