//! One difference between two domain documents, and how it is said. Found in `compare`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One difference, seen from ours: what the other domain has more, has otherwise, or lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Which element, by name and identity: `devices/disk vda/driver`; an attribute follows after `@`.
    pub path: String,
    /// What became of it.
    #[serde(flatten)]
    pub what: What,
    /// What it means.
    pub weight: Weight,
}

/// What became of an element, an attribute or a text. An element is a text of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// Only the other domain has it.
    Added {
        /// What it has.
        to: String,
    },
    /// Both have it, with different values.
    Changed {
        /// In ours.
        from: String,
        /// In the other.
        to: String,
    },
    /// Only ours has it.
    Dropped {
        /// What ours has.
        from: String,
    },
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The same said in other words: 2 GiB and 2097152 KiB, q35 and pc-q35-10.0.
    Spelling,
    /// libvirt writes it into every domain that does not say otherwise.
    Own,
    /// Another machine.
    Meaning,
}

impl Difference {
    /// True where something that ours has is not so in the other: what nobody wants of a domain that was just defined.
    pub fn is_lost(&self) -> bool {
        self.weight == Weight::Meaning && !matches!(self.what, What::Added { .. })
    }

    /// `+`, `~` or `-`.
    pub fn sign(&self) -> &'static str {
        match self.what {
            What::Added { .. } => "+",
            What::Changed { .. } => "~",
            What::Dropped { .. } => "-",
        }
    }
}

impl fmt::Display for Difference {
    /// What became of it, without who did it: `dropped devices/tpm: <tpm model='tpm-crb'/>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.what {
            What::Added { to } => write!(f, "added {path}: {to}"),
            What::Changed { from, to } => write!(f, "changed {path} from '{from}' to '{to}'"),
            What::Dropped { from } => write!(f, "dropped {path}: {from}"),
        }
    }
}

/// What became of a domain that was defined, in one clause: "kept all that was sent, added 34, reworded 6".
pub fn round_trip(changes: &[Difference]) -> String {
    let count = |is: fn(&Difference) -> bool| changes.iter().filter(|it| is(it)).count();
    let counted = [
        ("dropped", count(|it| it.is_lost() && matches!(it.what, What::Dropped { .. }))),
        ("changed", count(|it| it.is_lost() && matches!(it.what, What::Changed { .. }))),
        ("added", count(|it| matches!(it.what, What::Added { .. }) && it.weight != Weight::Spelling)),
        ("reworded", count(|it| it.weight == Weight::Spelling)),
    ];
    let kept = (!changes.iter().any(Difference::is_lost)).then(|| "kept all that was sent".to_owned());
    let counted = counted.into_iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!("{word} {count}"));
    kept.into_iter().chain(counted).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(what: What, weight: Weight) -> Difference {
        Difference { path: "devices/tpm".into(), what, weight }
    }

    #[test]
    fn what_is_lost_is_said_first() {
        let (from, to) = (|| "a".to_owned(), || "b".to_owned());
        let fine = [
            change(What::Added { to: to() }, Weight::Own),
            change(What::Added { to: to() }, Weight::Meaning),
            change(What::Changed { from: from(), to: to() }, Weight::Spelling),
        ];
        assert_eq!(round_trip(&fine), "kept all that was sent, added 2, reworded 1");
        assert_eq!(round_trip(&[]), "kept all that was sent");
        let lost = [change(What::Dropped { from: from() }, Weight::Meaning)];
        assert_eq!(round_trip(&[&lost[..], &fine[..1]].concat()), "dropped 1, added 1");
        assert!(lost[0].is_lost() && !fine.iter().any(Difference::is_lost));
        assert_eq!(lost[0].to_string(), "dropped devices/tpm: a");
    }

    #[test]
    fn a_difference_is_one_flat_object_in_json() {
        let json = serde_json::to_value(change(What::Added { to: "b".into() }, Weight::Own)).unwrap_or_default();
        assert_eq!(json, serde_json::json!({"path": "devices/tpm", "what": "added", "to": "b", "weight": "own"}));
    }
}
