//! The spec as a tree of values, for the rows and fields of forms.

use crate::spec::{Place, Segment, Spec};
use serde_json::Value;

/// The values of a spec by their places.
#[derive(Clone, Debug, Default)]
pub struct Values(Value);

impl Values {
    /// The values of `spec`.
    pub(super) fn of(spec: &Spec) -> Self {
        Self(serde_json::to_value(spec).unwrap_or_default())
    }

    /// What the spec says at `place`.
    pub fn get(&self, place: &Place) -> Option<&Value> {
        let found = place.0.iter().try_fold(&self.0, |value, segment| match segment {
            Segment::Key(key) => value.get(key),
            Segment::Index(index) => value.get(index),
        });
        found.filter(|value| !value.is_null())
    }

    /// The rows of the list at `place`; none where there is no list.
    pub fn rows(&self, place: &Place) -> &[Value] {
        self.get(place).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}
