//! Rust source to words and marks. Comments, literals and lifetimes fall away; nothing is understood.

/// A piece of source that can matter to the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// A name, a keyword or a number.
    Word(&'a str),
    /// `::`
    Path,
    /// Any other character.
    Mark(char),
}

/// A piece and the line it stands on, from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind<'a>,
    pub(crate) line: usize,
}

impl<'a> Token<'a> {
    pub(crate) fn word(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(crate) fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// Splits `source` into tokens.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (length, kind) = next(rest, first);
        let (taken, after) = rest.split_at(length);
        found.extend(kind.map(|kind| Token { kind, line }));
        line += taken.matches('\n').count();
        rest = after;
    }
    found
}

/// The string literals of `source` as they are written, without their quotes, and the line each begins on.
pub(crate) fn literals(source: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (length, _) = next(rest, first);
        let (taken, after) = rest.split_at(length);
        if string(rest).is_some() {
            found.push((taken.trim_matches(['b', 'c', 'r', '#']).trim_matches('"'), line));
        }
        line += taken.matches('\n').count();
        rest = after;
    }
    found
}

/// The length of the next piece, and what it is unless it falls away.
fn next(rest: &str, first: char) -> (usize, Option<Kind<'_>>) {
    if rest.starts_with("//") {
        (rest.find('\n').unwrap_or(rest.len()), None)
    } else if rest.starts_with("/*") {
        (block_comment(rest), None)
    } else if let Some(length) = string(rest) {
        (length, None)
    } else if first == '\'' {
        (character_or_lifetime(rest), None)
    } else if first.is_alphanumeric() || first == '_' {
        let raw = if rest.starts_with("r#") { 2 } else { 0 };
        let name = rest[raw..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len() - raw);
        (raw + name, Some(Kind::Word(&rest[raw..raw + name])))
    } else if rest.starts_with("::") {
        (2, Some(Kind::Path))
    } else {
        (first.len_utf8(), (!first.is_whitespace()).then_some(Kind::Mark(first)))
    }
}

/// The length of a comment that can hold others.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of a string literal, if one starts here.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|after| {
            after.starts_with('"') || (prefix.ends_with('r') && after.trim_start_matches('#').starts_with('"'))
        })
    })?;
    let body = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let inside = &body[hashes + 1..];
        return Some(prefix.len() + hashes + 1 + inside.find(&end).map_or(inside.len(), |at| at + end.len()));
    }
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(prefix.len() + at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// The length of a character literal or of a lifetime.
fn character_or_lifetime(rest: &str) -> usize {
    let mut inside = rest[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), _) => rest[3..].find('\'').map_or(rest.len(), |at| at + 4),
        (Some(c), Some('\'')) => c.len_utf8() + 2,
        _ => 1 + rest[1..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len() - 1),
    }
}
