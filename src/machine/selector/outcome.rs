//! What becomes of a row that says what its device is known by.

use crate::spec::filled;
use crate::units::PciAddress;

/// What became of one row that carries `match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The device is where it was, or is the only one that fits.
    Found(PciAddress),
    /// It is elsewhere.
    Moved {
        /// Where it was.
        from: PciAddress,
        /// Where it is.
        to: PciAddress,
    },
    /// One of those that fit, because any will do.
    Chosen {
        /// Where it is.
        to: PciAddress,
        /// Those that fit and were not taken, each with the reason.
        over: Vec<(PciAddress, String)>,
    },
    /// Several fit, or several rows fit one device.
    Ambiguous(Vec<PciAddress>),
    /// None fits that could be taken.
    Gone {
        /// Those that fit and cannot be taken, each with the reason.
        over: Vec<(PciAddress, String)>,
    },
    /// An earlier row asks for the same device.
    Twice(PciAddress),
    /// What to look for cannot be read.
    Unreadable(String),
}

impl Match {
    /// Where the device is; `None` where it was not found for certain.
    pub fn address(&self) -> Option<PciAddress> {
        match self {
            Self::Found(to) | Self::Moved { to, .. } | Self::Chosen { to, .. } => Some(*to),
            _ => None,
        }
    }
}

pub(super) fn address(text: Option<&str>) -> Option<PciAddress> {
    filled(text)?.parse().ok()
}
