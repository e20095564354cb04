//! A known value of a choice.

/// A value with what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// As the spec writes it.
    pub value: &'static str,
    /// What it means, in a few words.
    pub note: &'static str,
}

/// A known value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// As the spec writes it.
    pub value: String,
    /// Beside it: size, state, meaning.
    pub note: String,
}

/// A known value with what stands beside it.
pub(super) fn known(value: &str, note: String) -> Known {
    Known { value: value.to_owned(), note }
}
