//! A value together with who chose it and why.

use crate::spec::Place;

/// A chosen value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<T> {
    /// What was chosen.
    pub value: T,
    /// Who chose it.
    pub reason: Reason,
}

/// Who chose a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The user, in this field.
    Asked(Place),
    /// vmbuild, for the reason given: a short clause as it is shown behind the value.
    Default(String),
}

impl<T> Choice<T> {
    /// Asked for in the field `place`.
    pub fn asked(value: T, place: Place) -> Self {
        Self { value, reason: Reason::Asked(place) }
    }

    /// Chosen by vmbuild.
    pub fn default(value: T, why: impl Into<String>) -> Self {
        Self { value, reason: Reason::Default(why.into()) }
    }

    /// Why vmbuild chose it; `None` where the user did.
    pub fn why(&self) -> Option<&str> {
        match &self.reason {
            Reason::Asked(_) => None,
            Reason::Default(why) => Some(why),
        }
    }
}
