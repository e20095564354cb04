//! Fields of the spec whose values may be lost on an engine that cannot express them. Given beside the spec and stored nowhere.

use crate::spec::Place;
use std::collections::BTreeSet;

/// Fields of the spec that an engine may lose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    fields: BTreeSet<Place>,
    all: bool,
}

impl Accepted {
    /// No loss is accepted.
    pub const NOTHING: Self = Self { fields: BTreeSet::new(), all: false };
    /// Every loss is accepted.
    pub const EVERYTHING: Self = Self { fields: BTreeSet::new(), all: true };

    /// True where the field at `place` may be lost.
    pub fn contains(&self, place: &Place) -> bool {
        self.all || self.fields.iter().any(|field| place.within(field))
    }
}

impl FromIterator<Place> for Accepted {
    fn from_iter<T: IntoIterator<Item = Place>>(fields: T) -> Self {
        Self { fields: fields.into_iter().collect(), all: false }
    }
}
