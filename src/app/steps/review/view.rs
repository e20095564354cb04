//! What the review shows.

use crate::app::comparison::{Against, Base};
use crate::app::xml::XmlLine;

/// A view of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tab {
    /// By step, in words.
    #[default]
    Summary,
    /// The domain XML.
    Xml,
    /// What a build does.
    Plan,
    /// The spec.
    Json,
}

impl Tab {
    /// All in order, with their names.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Summary, "Summary"), (Self::Xml, "Domain XML"), (Self::Plan, "Plan"), (Self::Json, "JSON")];
}

/// The state of the review.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewView {
    /// The tab on screen.
    pub tab: Tab,
    /// What the XML is compared with.
    pub base: Base,
    /// Shows what libvirt adds to every domain, too.
    pub whole: bool,
    /// The text that it is compared with, made while the review is on screen.
    pub against: Against,
    /// The XML when the review was left the last time.
    pub(in crate::app) seen: Option<Vec<XmlLine>>,
}

impl ReviewView {
    /// True where the XML is on screen.
    pub fn shows_xml(&self) -> bool {
        self.tab == Tab::Xml
    }
}
