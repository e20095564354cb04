//! Texts of the spec as they are read: blanks around them say nothing.

/// A text that says something.
pub fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}
