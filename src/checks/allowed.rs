//! Functions of the host that the user gives up although the host stands on them, each by its address typed out. Given
//! beside the spec and stored nowhere: whoever builds again types again.

use super::finding::Finding;
use super::note::Level;
use crate::units::{PciAddress, UnitError};
use std::collections::BTreeSet;

/// What may be taken from the host although the host stands on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<PciAddress>);

impl Allowed {
    /// Reads an address as it must be typed: in full, with its domain.
    pub fn typed(text: &str) -> Result<PciAddress, UnitError> {
        let address: PciAddress = text.parse()?;
        if address.to_string().eq_ignore_ascii_case(text.trim()) {
            return Ok(address);
        }
        Err(UnitError(format!("'{text}' is not a full PCI address; write {address}")))
    }

    /// Gives `address` up.
    pub fn give_up(&mut self, address: PciAddress) {
        self.0.insert(address);
    }

    /// Drops what no finding of a lock-out is about.
    pub fn keep(&mut self, findings: &[Finding]) {
        self.0.retain(|address| is_of_lock_out(findings, *address));
    }

    /// The addresses given up that no finding of a lock-out is about.
    pub fn without_finding<'a>(&'a self, findings: &'a [Finding]) -> impl Iterator<Item = PciAddress> + 'a {
        self.0.iter().copied().filter(|address| !is_of_lock_out(findings, *address))
    }

    /// Turns the lock-outs of what is given up into warnings.
    pub(super) fn apply(&self, findings: &mut [Finding]) {
        for finding in findings {
            if let Level::LockOut(address) = finding.level
                && self.0.contains(&address)
            {
                finding.level = Level::GivenUp(address);
            }
        }
    }
}

impl FromIterator<PciAddress> for Allowed {
    fn from_iter<T: IntoIterator<Item = PciAddress>>(addresses: T) -> Self {
        Self(addresses.into_iter().collect())
    }
}

fn is_of_lock_out(findings: &[Finding], address: PciAddress) -> bool {
    findings.iter().any(|finding| finding.lock_out() == Some(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_address_counts_as_typed_out() {
        assert_eq!(Allowed::typed("0000:05:00.0"), "05:00.0".parse());
        assert_eq!(Allowed::typed("10000:E1:00.0"), "10000:e1:00.0".parse());
        for text in ["05:00.0", "0:05:00.0", "0000:5:0.0", "", "all"] {
            assert!(Allowed::typed(text).is_err(), "{text}");
        }
        let short = Allowed::typed("05:00.0").map_err(|error| error.to_string());
        assert_eq!(short, Err("'05:00.0' is not a full PCI address; write 0000:05:00.0".into()));
    }
}
