//! Facts: pending, known with their provenance, unknown with the reason, or denied.

use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;

/// Where a known fact was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// A call of libvirt, by its C name.
    Libvirt(String),
    /// A file, by path.
    File(String),
    /// A program's output, by its name.
    Command(String),
    /// A file of another machine that was reached by ssh.
    Ssh {
        /// Name of the machine.
        host: String,
        /// Path there.
        file: String,
    },
}

/// A value with its provenance, or the reason why there is none. A check on an unknown fact reads "not checked". Two are
/// equal that say the same, whenever it was read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "Recorded", bound(deserialize = "T: DeserializeOwned"))]
pub enum Fact<T> {
    /// It was not asked for yet. Written, and read again, as unknown for the reason [`NOT_ASKED`].
    #[default]
    #[serde(rename = "unknown", serialize_with = "not_asked")]
    Pending,
    /// It was read.
    Known {
        /// What was read.
        value: T,
        /// Where.
        source: Provenance,
        /// When, in seconds since 1970-01-01 UTC.
        seen_at: u64,
    },
    /// It was not or could not be read.
    Unknown {
        /// A sentence: what would have to be there.
        why: String,
    },
    /// The system refused to tell.
    Denied {
        /// A sentence: who refused and what permission is missing.
        why: String,
    },
}

/// Why a pending fact is not known.
pub const NOT_ASKED: &str = "not asked yet";

fn not_asked<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    std::collections::BTreeMap::from([("why", NOT_ASKED)]).serialize(serializer)
}

/// A fact whose value is still to be read. Sixty kinds of facts share the reader of this one; a reader of each kind was a
/// tenth of the program.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Recorded {
    Known { value: Value, source: Provenance, seen_at: u64 },
    Unknown { why: String },
    Denied { why: String },
}

impl<T: DeserializeOwned> TryFrom<Recorded> for Fact<T> {
    type Error = serde_json::Error;

    fn try_from(recorded: Recorded) -> Result<Self, Self::Error> {
        Ok(match recorded {
            Recorded::Known { value, source, seen_at } => Self::known(serde_json::from_value(value)?, source, seen_at),
            Recorded::Unknown { why } if why == NOT_ASKED => Self::Pending,
            Recorded::Unknown { why } => Self::Unknown { why },
            Recorded::Denied { why } => Self::Denied { why },
        })
    }
}

impl<T: PartialEq> PartialEq for Fact<T> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known { value: a, source: from_a, .. }, Self::Known { value: b, source: from_b, .. }) => {
                a == b && from_a == from_b
            }
            (Self::Unknown { why: a }, Self::Unknown { why: b })
            | (Self::Denied { why: a }, Self::Denied { why: b }) => a == b,
            (Self::Pending, Self::Pending) => true,
            _ => false,
        }
    }
}

impl<T> Fact<T> {
    /// A known fact.
    pub fn known(value: T, source: Provenance, seen_at: u64) -> Self {
        Self::Known { value, source, seen_at }
    }

    /// An unknown fact.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }

    /// The value, if known.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Pending | Self::Unknown { .. } | Self::Denied { .. } => None,
        }
    }

    /// The value to change in place, if known.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Pending | Self::Unknown { .. } | Self::Denied { .. } => None,
        }
    }

    /// The same fact in another form.
    #[must_use]
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Pending => Fact::Pending,
            Self::Known { value, source, seen_at } => Fact::Known { value: form(value), source, seen_at },
            Self::Unknown { why } => Fact::Unknown { why },
            Self::Denied { why } => Fact::Denied { why },
        }
    }

    /// The same fact in another form, unknown for the reason `why` where it cannot have that form.
    #[must_use]
    pub fn try_map<U>(self, form: impl FnOnce(T) -> Option<U>, why: impl FnOnce() -> String) -> Fact<U> {
        match self.map(form) {
            Fact::Pending => Fact::Pending,
            Fact::Known { value: Some(value), source, seen_at } => Fact::Known { value, source, seen_at },
            Fact::Known { value: None, .. } => Fact::Unknown { why: why() },
            Fact::Unknown { why } => Fact::Unknown { why },
            Fact::Denied { why } => Fact::Denied { why },
        }
    }

    /// This fact where it is known, else the other one.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.get().is_some() { self } else { other }
    }

    /// The reason why it is not known.
    pub fn why_not(&self) -> Option<&str> {
        match self {
            Self::Known { .. } => None,
            Self::Pending => Some(NOT_ASKED),
            Self::Unknown { why } | Self::Denied { why } => Some(why),
        }
    }

    /// True before anybody asked: a screen shows "asking the host" and not an error.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Pending)
    }
}

/// Marks every known fact in `value`, however deep, as read from the files of `host` at `seen_at`.
pub(super) fn mark_as_read_over_ssh(value: &mut Value, host: &str, seen_at: u64) {
    match value {
        Value::Object(fields) => {
            let file = fields.get("source").and_then(|source| source.get("file")).cloned();
            if let (Some(file), true) = (file, fields.contains_key("seen_at")) {
                fields.insert("source".into(), serde_json::json!({ "ssh": { "host": host, "file": file } }));
                fields.insert("seen_at".into(), seen_at.into());
            }
            fields.values_mut().for_each(|field| mark_as_read_over_ssh(field, host, seen_at));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mark_as_read_over_ssh(item, host, seen_at)),
        _ => {}
    }
}

impl<T> Fact<Vec<T>> {
    /// The elements, none where the fact is not known.
    pub fn items(&self) -> &[T] {
        self.get().map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Fact<u32> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_pending_fact_is_written_and_read_as_versions_before_it_did() {
        let written = r#"{"unknown":{"why":"not asked yet"}}"#;
        assert_eq!(serde_json::to_string(&Fact::<u32>::Pending).unwrap(), written);
        assert!(read(written).is_pending());
        let failed = r#"{"unknown":{"why":"no daemon"}}"#;
        assert_eq!(read(failed), Fact::unknown("no daemon"));
        assert_eq!(serde_json::to_string(&read(failed)).unwrap(), failed);
    }

    #[test]
    fn what_was_recorded_is_read_again() {
        for fact in [
            Fact::known(7, Provenance::File("/proc/x".into()), 1),
            Fact::known(7, Provenance::Ssh { host: "a".into(), file: "/proc/x".into() }, 1),
            Fact::Denied { why: "root alone reads it".into() },
        ] {
            assert_eq!(read(&serde_json::to_string(&fact).unwrap()), fact);
        }
    }

    #[test]
    fn a_pending_fact_says_so_wherever_a_reason_is_shown() {
        let fact = Fact::<u32>::default();
        assert_eq!((fact.why_not(), fact.get()), (Some(NOT_ASKED), None));
        assert!(fact.map(|number| number + 1).try_map(Some, String::new).is_pending());
    }
}
