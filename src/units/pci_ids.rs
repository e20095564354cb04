//! Vendor and device of a PCI function, or of its board: `10de:2704`.

use super::UnitError;
use std::{fmt, str::FromStr};

/// Two numbers that PCI-SIG and the vendor gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciIds {
    /// The vendor.
    pub vendor: u16,
    /// The vendor's number of the device.
    pub device: u16,
}

impl From<(u16, u16)> for PciIds {
    fn from((vendor, device): (u16, u16)) -> Self {
        Self { vendor, device }
    }
}

impl FromStr for PciIds {
    type Err = UnitError;

    /// Takes what `lspci -n` prints: twice four hexadecimal digits, any case.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let number = |text: &str| {
            let plain = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            plain.then(|| u16::from_str_radix(text, 16).ok()).flatten()
        };
        let pair = text.trim().split_once(':');
        pair.and_then(|(vendor, device)| Some(Self { vendor: number(vendor)?, device: number(device)? })).ok_or_else(
            || UnitError(format!("'{text}' is not a pair of PCI IDs; write vendor:device such as 10de:2704")),
        )
    }
}

impl fmt::Display for PciIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_two_numbers_of_four_digits_are_ids() {
        assert_eq!("10DE:2704".parse(), Ok(PciIds { vendor: 0x10de, device: 0x2704 }));
        for text in ["", "10de", "10de:", "10de:27", "0x10de:0x2704", "10de:2704:1", "10de:+704", "10de 2704"] {
            assert!(text.parse::<PciIds>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ids_are_printed_as_they_are_read(vendor: u16, device: u16) {
            let ids = PciIds { vendor, device };
            prop_assert_eq!(ids.to_string().parse(), Ok(ids));
        }
    }
}
