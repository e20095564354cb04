//! PCI addresses: `dddd:bb:ss.f`.

use super::UnitError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// The address of one PCI function. The domain has 32 bits because Intel VMD puts drives in domain 10000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciAddress {
    /// PCI domain (segment).
    pub domain: u32,
    /// Bus.
    pub bus: u8,
    /// Slot (device), 0 to 31.
    pub slot: u8,
    /// Function, 0 to 7.
    pub function: u8,
}

impl PciAddress {
    /// True where both are functions of the same physical slot.
    pub fn same_slot(self, other: Self) -> bool {
        (self.domain, self.bus, self.slot) == (other.domain, other.bus, other.slot)
    }

    /// The same slot's function `function`.
    #[must_use]
    pub fn with_function(self, function: u8) -> Self {
        Self { function, ..self }
    }

    /// `01:00.0`, with the domain only where it is not 0: how lspci prints it.
    pub fn short(self) -> String {
        if self.domain == 0 {
            format!("{:02x}:{:02x}.{:x}", self.bus, self.slot, self.function)
        } else {
            self.to_string()
        }
    }
}

impl FromStr for PciAddress {
    type Err = UnitError;

    /// Takes `0000:01:00.0` and `01:00.0`, hexadecimal, any case.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse(text.trim()).ok_or_else(|| {
            UnitError(format!("'{text}' is not a PCI address, write domain:bus:slot.function such as 0000:01:00.0"))
        })
    }
}

fn parse(text: &str) -> Option<PciAddress> {
    let (rest, function) = text.rsplit_once('.')?;
    let mut parts = rest.rsplit(':');
    let (slot, bus, domain) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let address = PciAddress {
        domain: hex(domain, 8)?,
        bus: u8::try_from(hex(bus, 2)?).ok()?,
        slot: u8::try_from(hex(slot, 2)?).ok()?,
        function: u8::try_from(hex(function, 1)?).ok()?,
    };
    (parts.next().is_none() && address.slot < 32 && address.function < 8).then_some(address)
}

/// Hex digits only: `from_str_radix` alone would take a sign.
fn hex(text: &str, longest: usize) -> Option<u32> {
    let plain = !text.is_empty() && text.len() <= longest && text.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04x}:{:02x}:{:02x}.{:x}", self.domain, self.bus, self.slot, self.function))
    }
}

impl Serialize for PciAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PciAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_and_long_forms_are_the_same_address() {
        assert_eq!("01:00.1".parse::<PciAddress>(), "0000:01:00.1".parse());
        assert_eq!("10000:E1:00.0".parse::<PciAddress>().map(|a| a.to_string()), Ok("10000:e1:00.0".into()));
        assert_eq!("0a:1f.7".parse::<PciAddress>().map(PciAddress::short), Ok("0a:1f.7".into()));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "01:00", "01:20.0", "01:00.8", "0000:01:00.0:1", "+1:00.0", "g1:00.0", "0:0:1:0.0", "001:00.0"]
        {
            assert!(text.parse::<PciAddress>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(domain: u32, bus: u8, slot in 0u8..32, function in 0u8..8) {
            let address = PciAddress { domain, bus, slot, function };
            prop_assert_eq!(address.to_string().parse::<PciAddress>(), Ok(address));
        }
    }
}
