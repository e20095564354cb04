//! What is wrong with a text that should be a spec: every problem with its place, line and column.

use super::Place;
use serde::Serialize;
use std::fmt;

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The field, or the object in which an unknown field stands. The root for broken JSON.
    pub place: Place,
    /// Line in the text, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong: thing, value, limit.
    pub message: String,
    /// The way out; empty where the message says it already.
    pub remedy: String,
}

/// All problems of one text in the order of the text; never empty in an `Err`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Problem {
    /// A problem at `offset` (bytes) of `text`.
    pub(super) fn at(text: &str, offset: usize, place: Place, message: String, remedy: String) -> Self {
        let (line, column) = position(text, offset);
        Self { place, line, column, message, remedy }
    }

    /// Prints with the name of the file in front, as compilers do: `spec.json:12:5: storage.disks[0].size: ...`.
    pub fn in_file<'a>(&'a self, file: &'a str) -> impl fmt::Display + 'a {
        InFile { file, problems: std::slice::from_ref(self) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if self.place != Place::root() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.message)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, ": {}", self.remedy) }
    }
}

impl Problems {
    /// Prints one problem per line, each with the name of the file in front.
    pub fn in_file<'a>(&'a self, file: &'a str) -> impl fmt::Display + 'a {
        InFile { file, problems: &self.0 }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, problem) in self.0.iter().enumerate() {
            f.write_str(if count > 0 { "\n" } else { "" })?;
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// Problems with the name of their file.
struct InFile<'a> {
    file: &'a str,
    problems: &'a [Problem],
}

impl fmt::Display for InFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{}:{problem}", if count > 0 { "\n" } else { "" }, self.file)?;
        }
        Ok(())
    }
}

/// Line and column, both from 1, the column in characters, of the byte `offset`.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or(before);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// The byte offset of serde_json's position: line from 1, column in bytes, 0 for the line break before the line.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut offset = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let text = "{\n  \"ä\": \"ö\", x";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, text.len() - 1), (2, 13));
        assert_eq!(position(text, 999), (2, 14));
    }

    #[test]
    fn positions_of_serde_are_found_again_even_inside_a_character() {
        let text = "{\n  \"ä\": 1";
        assert_eq!(offset(text, 2, 1), 2);
        assert_eq!(offset(text, 2, 5), 5);
        assert_eq!(offset(text, 9, 9), text.len());
        for line in 0..4 {
            for column in 0..12 {
                assert!(text.is_char_boundary(offset(text, line, column)));
            }
        }
    }

    #[test]
    fn a_problem_prints_like_a_compilers() {
        let place = Place::disk(0, "size");
        let problem = Problem { place, line: 12, column: 5, message: "too small".into(), remedy: "grow it".into() };
        let want = "spec.json:12:5: storage.disks[0].size: too small: grow it";
        assert_eq!(problem.in_file("spec.json").to_string(), want);
        let root = Problem { place: Place::root(), remedy: String::new(), ..problem.clone() };
        assert_eq!(root.to_string(), "12:5: too small");
        assert_eq!(Problems(vec![problem, root]).in_file("a").to_string().lines().count(), 2);
    }
}
