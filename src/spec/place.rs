//! Places in a spec: which field of which row, printed as users read paths.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

/// A path such as `storage.disks[0].size`. The empty path is the whole spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Place(pub Vec<Segment>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Member of an object.
    Key(String),
    /// Element of an array, from 0.
    Index(usize),
}

impl Place {
    /// The whole spec.
    pub fn root() -> Self {
        Self::default()
    }

    /// This place's member `key`.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.0.push(Segment::Key(key.to_owned()));
        self
    }

    /// This place's element `index`.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Segment::Index(index));
        self
    }

    /// `storage.disks[row].field`, the place most findings about disks have.
    pub fn disk(row: usize, field: &str) -> Self {
        Self::root().key("storage").key("disks").index(row).key(field)
    }

    /// `list[row].field` for the lists at top level.
    pub fn row(list: &str, row: usize, field: &str) -> Self {
        Self::root().key(list).index(row).key(field)
    }

    /// True where `self` is `other` or lies within it.
    pub fn within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The name of the field it ends in, if it ends in one.
    pub fn field(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Index(_) => None,
        })
    }

    /// The first row number on the path.
    pub fn row_index(&self) -> Option<usize> {
        self.0.iter().find_map(|segment| match segment {
            Segment::Index(index) => Some(*index),
            Segment::Key(_) => None,
        })
    }
}

impl fmt::Display for Place {
    /// Keys that are no plain words are quoted, so that what is printed can be read back: `metadata["a.b"]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Key(key) if !is_word(key) => write!(text, "[{}]", serde_json::Value::from(key.as_str()))?,
                Segment::Key(key) if text.is_empty() => text.push_str(key),
                Segment::Key(key) => write!(text, ".{key}")?,
                Segment::Index(index) => write!(text, "[{index}]")?,
            }
        }
        f.pad(&text)
    }
}

fn is_word(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

impl FromStr for Place {
    type Err = crate::units::UnitError;

    /// Reads what `Display` prints.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut place = Self::root();
        let mut rest = text;
        while !rest.is_empty() {
            let (segment, after) = segment(rest, place.0.is_empty()).ok_or_else(|| {
                crate::units::UnitError(format!("'{text}' is not a path, write it as storage.disks[0].size"))
            })?;
            place.0.push(segment);
            rest = after;
        }
        Ok(place)
    }
}

/// The first segment of `text` and what follows it.
fn segment(text: &str, first: bool) -> Option<(Segment, &str)> {
    if let Some(inner) = text.strip_prefix('[') {
        if inner.starts_with('"') {
            let mut keys = serde_json::Deserializer::from_str(inner).into_iter::<String>();
            let key = keys.next()?.ok()?;
            return Some((Segment::Key(key), inner.get(keys.byte_offset()..)?.strip_prefix(']')?));
        }
        let (index, after) = inner.split_once(']')?;
        let digits = index.bytes().all(|b| b.is_ascii_digit());
        return Some((Segment::Index(index.parse().ok().filter(|_| digits)?), after));
    }
    let text = if first { text } else { text.strip_prefix('.')? };
    let (key, after) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
    is_word(key).then(|| (Segment::Key(key.to_owned()), after))
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

impl TryFrom<String> for Place {
    type Error = crate::units::UnitError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_print_as_paths_and_are_read_back() {
        let place = Place::disk(0, "size");
        assert_eq!(place.to_string(), "storage.disks[0].size");
        assert_eq!("storage.disks[0].size".parse(), Ok(place.clone()));
        assert!(place.within(&Place::root().key("storage")));
        assert_eq!((place.field(), place.row_index()), (Some("size"), Some(0)));
        for text in ["a[x]", "a[+1]", "a[1", ".a", "a.", "a..b", "[0]a", "[\"a\"", "a b"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn keys_that_are_no_words_are_quoted() {
        let place = Place::root().key("metadata").key("org.example/x").index(1);
        assert_eq!(place.to_string(), "metadata[\"org.example/x\"][1]");
        assert_eq!(place.to_string().parse(), Ok(place));
    }

    proptest! {
        #[test]
        fn any_place_is_read_back(segments in prop::collection::vec(prop_oneof![
            "\\PC{0,5}|[a-z_\".\\[\\]]{0,5}".prop_map(Segment::Key),
            any::<usize>().prop_map(Segment::Index),
        ], 0..5)) {
            let place = Place(segments);
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC*|[a-z.\\[\\]0-9\"]*") {
            let _ = text.parse::<Place>();
        }
    }
}
