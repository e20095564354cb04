//! Why there is no domain XML.

use crate::spec::Place;
use crate::spec::custom_xml::Fault;

/// What stands in the way. `Display` names the field, the place within it and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// A document that does not parse.
    #[error(transparent)]
    Syntax(Fault),
    /// The same in `custom_xml`.
    #[error("custom_xml is not well-formed: {0}")]
    Custom(Fault),
    /// A character that no XML document may hold.
    #[error("{place} contains the character U+{:04X}, which XML cannot hold: remove it", u32::from(*character))]
    Character {
        /// The field that holds it.
        place: Place,
        /// Which.
        character: char,
    },
}

impl XmlError {
    /// The field to mend.
    pub fn place(&self) -> Place {
        match self {
            Self::Syntax(_) => Place::root(),
            Self::Custom(_) => Place::root().key("custom_xml"),
            Self::Character { place, .. } => place.clone(),
        }
    }
}
