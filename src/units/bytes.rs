//! Amounts of memory and storage.

use super::UnitError;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// 1024 bytes.
pub const KIB: u64 = 1 << 10;
/// 1024 KiB.
pub const MIB: u64 = 1 << 20;
/// 1024 MiB.
pub const GIB: u64 = 1 << 30;
/// 1024 GiB.
pub const TIB: u64 = 1 << 40;

/// An amount in bytes. Parses `20G`, `20 GiB`, `500 GB` (decimal), `512MiB`, `1.5 TiB`, `4096` (bytes);
/// prints in the largest binary unit with at most one decimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bytes(pub u64);

/// Unit words in lower case with their factor. `G` alone is binary, as in qemu-img and virsh.
const UNITS: [(&str, u64); 18] = [
    ("", 1),
    ("b", 1),
    ("k", KIB),
    ("kib", KIB),
    ("kb", 1_000),
    ("m", MIB),
    ("mib", MIB),
    ("mb", 1_000_000),
    ("g", GIB),
    ("gib", GIB),
    ("gb", 1_000_000_000),
    ("t", TIB),
    ("tib", TIB),
    ("tb", 1_000_000_000_000),
    ("p", TIB << 10),
    ("pib", TIB << 10),
    ("pb", 1_000_000_000_000_000),
    ("bytes", 1),
];

impl Bytes {
    /// `n` MiB, saturating.
    pub const fn mib(n: u64) -> Self {
        Self(n.saturating_mul(MIB))
    }

    /// `n` GiB, saturating.
    pub const fn gib(n: u64) -> Self {
        Self(n.saturating_mul(GIB))
    }

    /// The amount in GiB from 1 GiB up, so that amounts in one sentence compare: 2000 GiB beside 1239 GiB.
    pub fn in_gib(self) -> String {
        let tenths = u128::from(self.0) * 10 / u128::from(GIB);
        match (tenths, tenths % 10) {
            (..10, _) => self.to_string(),
            (10_000.., _) | (_, 0) => format!("{} GiB", tenths / 10),
            (_, part) => format!("{}.{part} GiB", tenths / 10),
        }
    }

    /// Parses a text whose bare numbers count in `unit` bytes: a disk's `"20"` is 20 GiB.
    pub fn parse_in(text: &str, unit: u64) -> Result<Self, UnitError> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, word) = text.split_at(digits);
        let word = word.trim();
        let Some(&(_, mut factor)) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) else {
            let known = "use G or GiB (binary) or GB (decimal), and so with M and T";
            return Err(UnitError(format!("'{text}': unknown unit '{word}', {known}")));
        };
        if word.is_empty() {
            factor = unit;
        }
        scale(number, factor).map(Self).ok_or_else(|| {
            UnitError(format!("'{text}' is not a size, write a number and a unit such as 512 MiB or 20 GiB"))
        })
    }
}

/// `number` times `factor` in integers, so that 0.1 TiB is exact to the byte below; `None` if malformed or too large.
fn scale(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 9 || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part = if fraction.is_empty() {
        0
    } else {
        let numerator: u64 = fraction.parse().ok()?;
        let denominator = 10u128.pow(u32::try_from(fraction.len()).ok()?);
        u64::try_from(u128::from(numerator) * u128::from(factor) / denominator).ok()?
    };
    whole.checked_mul(factor)?.checked_add(part)
}

impl FromStr for Bytes {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        Self::parse_in(text, 1)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            n if n >= TIB => (TIB, "TiB"),
            n if n >= GIB => (GIB, "GiB"),
            n if n >= MIB => (MIB, "MiB"),
            n if n >= KIB => (KIB, "KiB"),
            _ => (1, "B"),
        };
        let tenths = u128::from(self.0) * 10 / u128::from(unit);
        let text = if tenths % 10 == 0 {
            format!("{} {name}", tenths / 10)
        } else {
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_binary_unless_they_say_so() {
        for (text, want) in [
            ("4096", 4096),
            ("20G", 20 * GIB),
            ("20 GiB", 20 * GIB),
            ("500 GB", 500_000_000_000),
            ("1.5TiB", TIB + TIB / 2),
            (" 512MiB ", 512 * MIB),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(want)), "{text}");
        }
        assert_eq!(Bytes::parse_in("20", GIB), Ok(Bytes::gib(20)));
    }

    #[test]
    fn amounts_that_are_compared_stay_in_gib() {
        for (bytes, text) in [
            (Bytes::gib(2000), "2000 GiB"),
            (Bytes(GIB * 3 / 2), "1.5 GiB"),
            (Bytes(1239 * GIB + GIB / 3), "1239 GiB"),
            (Bytes(GIB - 1), "1023.9 MiB"),
            (Bytes::mib(512), "512 MiB"),
        ] {
            assert_eq!(bytes.in_gib(), text);
        }
    }

    #[test]
    fn a_bad_size_says_what_is_wrong() {
        for text in ["", "GiB", "20 GBi", "-3 GiB", "1.", "1..5G", "99999999 PiB", "٣ GiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        assert!("20 GBi".parse::<Bytes>().is_err_and(|e| e.0.contains("unknown unit 'GBi', use G or GiB")));
    }

    proptest! {
        #[test]
        fn whole_units_survive_printing(n in 0u64..1000, unit in prop::sample::select(vec![KIB, MIB, GIB, TIB])) {
            let bytes = Bytes(n * unit);
            prop_assert_eq!(bytes.to_string().parse::<Bytes>(), Ok(bytes));
        }

        #[test]
        fn any_text_is_parsed_or_refused_without_panic(text in "\\PC*") {
            let _ = text.parse::<Bytes>();
        }
    }
}
