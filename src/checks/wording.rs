//! Words that several checks share: lists, names of rows.

use super::subject::Row;
use crate::spec::Place;
use crate::units::PciAddress;

pub(super) use crate::units::listed as list;

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
