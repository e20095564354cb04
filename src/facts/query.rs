//! Questions to a host, each of which is answered by one part of the facts.

use super::{GuestKind, Part};
use crate::units::PciAddress;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A whole part. Of files, guest systems and definitions only a record has all; for the others nothing is known then.
    Part(Part),
    /// These files, by absolute path; answered by [`Part::Files`].
    Files(Vec<String>),
    /// What these guest systems need, by their ids; answered by [`Part::Profiles`].
    Profiles(Vec<String>),
    /// The details of these PCI functions; answered by [`Part::Details`].
    Details(Vec<PciAddress>),
    /// The XML that libvirt keeps of the domain of this name; answered by [`Part::Definitions`].
    Definition(String),
    /// What QEMU offers for these kinds of guests; answered by [`Part::GuestKinds`].
    GuestKinds(Vec<GuestKind>),
}

impl Query {
    /// The part that answers it.
    pub fn part(&self) -> Part {
        match self {
            Self::Part(part) => *part,
            Self::Files(_) => Part::Files,
            Self::Profiles(_) => Part::Profiles,
            Self::Details(_) => Part::Details,
            Self::Definition(_) => Part::Definitions,
            Self::GuestKinds(_) => Part::GuestKinds,
        }
    }
}

impl From<Part> for Query {
    fn from(part: Part) -> Self {
        Self::Part(part)
    }
}
