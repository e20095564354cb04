//! Devices of the host that a VM would take from it, as they are typed out to give them up.

use crate::units::{PciAddress, UnitError};
use std::fmt;

/// A device that the host uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostDevice {
    /// A PCI function.
    Function(PciAddress),
    /// A drive or a part of one, by its path.
    Drive(String),
}

impl HostDevice {
    /// Reads a device as it must be typed: a path, or an address in full, with its domain.
    pub fn typed(text: &str) -> Result<Self, UnitError> {
        let text = text.trim();
        if text.starts_with('/') {
            return Ok(Self::Drive(text.to_owned()));
        }
        let address: PciAddress = text.parse()?;
        if address.to_string().eq_ignore_ascii_case(text) {
            return Ok(Self::Function(address));
        }
        Err(UnitError(format!("'{text}' is not a full PCI address; write {address}")))
    }

    /// The function, where it is one.
    pub fn function(&self) -> Option<PciAddress> {
        match self {
            Self::Function(address) => Some(*address),
            Self::Drive(_) => None,
        }
    }
}

impl From<PciAddress> for HostDevice {
    fn from(address: PciAddress) -> Self {
        Self::Function(address)
    }
}

impl fmt::Display for HostDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(address) => address.fmt(f),
            Self::Drive(path) => f.write_str(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_address_or_a_path_counts_as_typed_out() {
        let function = |address: &str| address.parse().map(HostDevice::Function);
        assert_eq!(HostDevice::typed("0000:05:00.0"), function("05:00.0"));
        assert_eq!(HostDevice::typed("10000:E1:00.0"), function("10000:e1:00.0"));
        for text in ["05:00.0", "0:05:00.0", "0000:5:0.0", "", "all", "sda", "dev/sda"] {
            assert!(HostDevice::typed(text).is_err(), "{text}");
        }
        let short = HostDevice::typed("05:00.0").map_err(|error| error.to_string());
        assert_eq!(short, Err("'05:00.0' is not a full PCI address; write 0000:05:00.0".into()));
        assert_eq!(HostDevice::typed(" /dev/sda "), Ok(HostDevice::Drive("/dev/sda".into())));
    }
}
