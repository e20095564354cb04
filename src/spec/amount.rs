//! Sizes as the user wrote them: a number in the field's own unit, or a text with a unit.

use crate::units::{Bytes, GIB, MIB, UnitError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Memory. A number counts MiB; a text carries its unit, a text without one counts MiB too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MemorySize {
    /// MiB.
    Number(u64),
    /// A number and a unit: "32 GiB".
    Text(String),
}

/// Size of a disk. A number counts GiB; a text carries its unit, a text without one counts GiB too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DiskSize {
    /// GiB.
    Number(u64),
    /// A number and a unit: "500 GB".
    Text(String),
}

impl MemorySize {
    /// The amount in bytes, or why the text is none.
    pub fn bytes(&self) -> Result<Bytes, UnitError> {
        match self {
            Self::Number(mib) => in_unit(*mib, MIB, "MiB"),
            Self::Text(text) => Bytes::parse_in(text, MIB),
        }
    }
}

impl DiskSize {
    /// The amount in bytes, or why the text is none.
    pub fn bytes(&self) -> Result<Bytes, UnitError> {
        match self {
            Self::Number(gib) => in_unit(*gib, GIB, "GiB"),
            Self::Text(text) => Bytes::parse_in(text, GIB),
        }
    }
}

fn in_unit(number: u64, unit: u64, name: &str) -> Result<Bytes, UnitError> {
    let bytes = number.checked_mul(unit).map(Bytes);
    bytes.ok_or_else(|| UnitError(format!("{number} {name} is more than 16 EiB")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_count_in_the_fields_own_unit() {
        assert_eq!(MemorySize::Number(2048).bytes(), Ok(Bytes::gib(2)));
        assert_eq!(DiskSize::Number(20).bytes(), Ok(Bytes::gib(20)));
        assert_eq!(DiskSize::Text("500 GB".into()).bytes(), Ok(Bytes(500_000_000_000)));
        assert!(DiskSize::Number(u64::MAX).bytes().is_err());
    }

    #[test]
    fn sizes_are_written_back_as_the_user_gave_them() {
        for json in ["2048", "\"2 GiB\""] {
            let size: MemorySize = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&size).unwrap(), json);
        }
    }
}
