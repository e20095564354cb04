//! The first bytes of a PCI function's configuration space, as far as facts come from them.

use super::attribute::Folder;
use crate::facts::Fact;
use crate::facts::pci_details::HeaderType;

/// Where the header's layout is named.
const HEADER_TYPE: usize = 0x0e;
const STATUS: usize = 0x06;
const HAS_CAPABILITIES: u8 = 0x10;
const CAPABILITIES: usize = 0x34;
const INTERRUPT_PIN: usize = 0x3d;
/// Bytes of the space that capabilities lie in. Who is not root sees the first 64 only.
const WHOLE: usize = 256;
/// Ids of the capabilities to signal by message: MSI and MSI-X.
const BY_MESSAGE: [u8; 2] = [0x05, 0x11];

/// Bytes of a configuration space.
pub(super) struct ConfigSpace(Vec<u8>);

impl ConfigSpace {
    /// Reads it. Only for a device that is awake.
    pub(super) fn read(folder: &Folder) -> Fact<Self> {
        folder.bytes("config").map(Self)
    }

    fn byte(&self, offset: usize) -> Option<u8> {
        self.0.get(offset).copied()
    }

    /// The layout; `None` where it is one that is not known.
    pub(super) fn header(&self) -> Option<HeaderType> {
        // Ids of ones only are no sign: virtual functions have no ids of their own here.
        match self.byte(HEADER_TYPE)? & 0x7f {
            0 => Some(HeaderType::Endpoint),
            1 => Some(HeaderType::Bridge),
            2 => Some(HeaderType::CardBus),
            0x7f => Some(HeaderType::Dead),
            _ => None,
        }
    }

    /// False for a device that has no interrupt line at all.
    pub(super) fn has_interrupt_pin(&self) -> bool {
        self.byte(INTERRUPT_PIN).is_none_or(|pin| pin != 0)
    }

    /// Whether it has MSI or MSI-X; `None` where its capabilities cannot be seen.
    pub(super) fn signals_by_message(&self) -> Option<bool> {
        if self.byte(STATUS)? & HAS_CAPABILITIES == 0 {
            return Some(false);
        }
        if self.0.len() < WHOLE {
            return None;
        }
        let mut at = self.byte(CAPABILITIES)?;
        // A broken device could chain its capabilities in a ring; 48 is what fits.
        for _ in 0..48 {
            let place = usize::from(at & 0xfc);
            if place == 0 {
                return Some(false);
            }
            if BY_MESSAGE.contains(&self.byte(place)?) {
                return Some(true);
            }
            at = self.byte(place + 1)?;
        }
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A space of `length` bytes with these bytes set.
    fn config(length: usize, bytes: &[(usize, u8)]) -> ConfigSpace {
        let mut space = vec![0; length];
        for (offset, byte) in bytes {
            *space.get_mut(*offset).unwrap() = *byte;
        }
        ConfigSpace(space)
    }

    #[test]
    fn a_device_that_fell_off_the_bus_is_dead() {
        assert_eq!(ConfigSpace(vec![0xff; 64]).header(), Some(HeaderType::Dead));
        assert_eq!(config(64, &[(0x0e, 0x80)]).header(), Some(HeaderType::Endpoint));
        assert_eq!(config(64, &[(0x0e, 0x81)]).header(), Some(HeaderType::Bridge));
        let ids = [(0, 0xff), (1, 0xff), (2, 0xff), (3, 0xff)];
        assert_eq!(config(64, &ids).header(), Some(HeaderType::Endpoint), "a virtual function is alive");
        assert_eq!(ConfigSpace(Vec::new()).header(), None);
    }

    #[test]
    fn capabilities_are_followed_to_msi_and_no_further_than_they_are_seen() {
        let chain = [(0x06, 0x10), (0x34, 0x40), (0x40, 0x01), (0x41, 0x60), (0x60, 0x11)];
        assert_eq!(config(256, &chain).signals_by_message(), Some(true));
        assert_eq!(config(256, &chain[..4]).signals_by_message(), Some(false));
        assert_eq!(config(64, &chain[..2]).signals_by_message(), None, "who is not root sees 64 bytes");
        assert_eq!(config(64, &[]).signals_by_message(), Some(false));
        let ring = [(0x06, 0x10), (0x34, 0x40), (0x40, 0x01), (0x41, 0x40)];
        assert_eq!(config(256, &ring).signals_by_message(), Some(false));
    }
}
