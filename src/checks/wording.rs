//! Words that several checks share: lists, names of rows.

use super::subject::Row;
use crate::spec::Place;
use crate::units::PciAddress;

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// A top-level field.
pub(super) fn field(key: &str) -> Place {
    Place::root().key(key)
}

/// `device 0 (0000:01:00.0)`.
pub(super) fn device(row: Row, address: PciAddress) -> String {
    format!("{row} ({address})")
}

/// True where a field is absent or holds only blanks.
pub(super) fn blank(text: Option<&String>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_sentences() {
        let items = ["a", "b", "c"].map(String::from);
        assert_eq!(
            (list(&items[..1]), list(&items[..2]), list(&items)),
            ("a".into(), "a and b".into(), "a, b and c".into())
        );
    }
}
