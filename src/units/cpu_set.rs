//! Sets of CPU or node numbers as the kernel and libvirt write them.

use super::UnitError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::{fmt, str::FromStr};

/// More CPUs than any machine has: a typing error such as `0-99999999` must not fill the memory.
const MOST: u32 = 65_535;

/// A set of numbers. Parses `0-3,8,^2` (without 2); prints in order with runs joined: `0-1,3,8`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CpuSet(BTreeSet<u32>);

impl CpuSet {
    /// The set of one number.
    pub fn one(number: u32) -> Self {
        Self(BTreeSet::from([number]))
    }

    /// True where the number is in it.
    pub fn contains(&self, number: u32) -> bool {
        self.0.contains(&number)
    }

    /// The numbers in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// How many numbers it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True where it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest number.
    pub fn first(&self) -> Option<u32> {
        self.0.first().copied()
    }

    /// Adds a number.
    pub fn insert(&mut self, number: u32) {
        self.0.insert(number);
    }

    /// True where all of it is in `other`.
    pub fn within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The numbers that both have.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        Self(&self.0 & &other.0)
    }

    /// The numbers that `other` has not.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }

    /// The numbers of either.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self(&self.0 | &other.0)
    }
}

impl FromIterator<u32> for CpuSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

impl FromStr for CpuSet {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError(format!("'{}' is not a set of numbers; write it as 2 or 0-3,8", text.trim()));
        let number = |text: &str| {
            let text = text.trim();
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let number = text.parse::<u32>().ok().filter(|number| digits && *number <= MOST);
            number.ok_or_else(wrong)
        };
        let (mut set, mut except) = (BTreeSet::new(), BTreeSet::new());
        for part in text.trim().split(',').filter(|_| !text.trim().is_empty()) {
            let part = part.trim();
            let (into, part) = part.strip_prefix('^').map_or((&mut set, part), |part| (&mut except, part));
            match part.split_once('-') {
                Some((first, last)) => {
                    let (first, last) = (number(first)?, number(last)?);
                    if first > last {
                        return Err(wrong());
                    }
                    into.extend(first..=last);
                }
                None => into.extend([number(part)?]),
            }
        }
        Ok(Self(&set - &except))
    }
}

impl TryFrom<String> for CpuSet {
    type Error = UnitError;
    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<CpuSet> for String {
    fn from(set: CpuSet) -> Self {
        set.to_string()
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for number in self.iter() {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => runs.push((number, number)),
            }
        }
        let word =
            |&(first, last): &(u32, u32)| if first == last { format!("{first}") } else { format!("{first}-{last}") };
        f.pad(&runs.iter().map(word).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sets_are_read_as_the_kernel_and_libvirt_write_them() {
        for (text, want) in [("", ""), ("3", "3"), ("0-3,8", "0-3,8"), (" 8, 0-1,2 ", "0-2,8"), ("0-4,^2", "0-1,3-4")] {
            assert_eq!(text.parse::<CpuSet>().map(|set| set.to_string()), Ok(want.into()), "{text}");
        }
        for text in ["a", "3-1", "1-", "-1", "1,,2", "+1", "0-99999999", "1 2"] {
            assert!(text.parse::<CpuSet>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_set_reads_back(numbers in prop::collection::btree_set(0u32..300, 0..40)) {
            let set = CpuSet(numbers);
            prop_assert_eq!(set.to_string().parse::<CpuSet>(), Ok(set));
        }
    }
}
