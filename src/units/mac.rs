//! MAC addresses.

use super::UnitError;
use std::{fmt, str::FromStr};

/// An Ethernet address. Parses `52:54:00:12:34:56` and the same with dashes; prints in lower case with colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// A guest's own address must be unicast: libvirt refuses a multicast one.
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl FromStr for MacAddr {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError(format!("'{text}' is not a MAC address, write six pairs such as 52:54:00:12:34:56"));
        let mut octets = [0; 6];
        let mut parts = text.trim().split([':', '-']);
        for octet in &mut octets {
            let part =
                parts.next().filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(wrong)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() { Err(wrong()) } else { Ok(Self(octets)) }
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.map(|octet| format!("{octet:02x}")).join(":"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_addresses_are_read_and_printed() {
        assert_eq!("52-54-00-AB-cd-01".parse::<MacAddr>().map(|m| m.to_string()), Ok("52:54:00:ab:cd:01".into()));
        for text in
            ["", "52:54:00:12:34", "52:54:00:12:34:56:78", "52:54:00:12:34:5g", "5254.0012.3456", "+5:54:00:12:34:56"]
        {
            assert!(text.parse::<MacAddr>().is_err(), "{text}");
        }
        assert!("01:00:5e:00:00:01".parse::<MacAddr>().is_ok_and(MacAddr::is_multicast));
    }
}
