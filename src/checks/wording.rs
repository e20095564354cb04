//! What several checks say alike: top-level fields, absent texts.

use crate::spec::Place;

/// A top-level field.
pub(super) fn field(key: &str) -> Place {
    Place::root().key(key)
}

/// True where a field is absent or holds only blanks.
pub(super) fn blank(text: Option<&String>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}
