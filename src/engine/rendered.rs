//! What an engine would write for a machine, line by line.

use crate::domain::Element;
use crate::spec::Place;
use crate::units::CommandLine;

/// The text of a machine in an engine's own form: what the preview shows and what is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text, line by line.
    pub lines: Vec<RenderedLine>,
    /// The same as a document.
    pub document: RenderedDocument,
    /// Why the text is not all that was asked for: it is shown, and nothing may be built from it.
    pub fault: Option<RenderFault>,
}

/// What the lines are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderedDocument {
    /// The XML of a libvirt domain.
    Xml(Element),
    /// A command.
    Command(CommandLine),
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedLine {
    /// The text with its indentation.
    pub text: String,
    /// The field of the spec that made it; `None` for what is always there.
    pub origin: Option<Place>,
}

/// A value that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderFault {
    /// The field that holds it.
    pub place: Place,
    /// What is wrong, with the field and the fix.
    pub message: String,
}

impl RenderedDocument {
    /// The tree, where it is XML.
    pub fn xml(&self) -> Option<&Element> {
        match self {
            Self::Xml(tree) => Some(tree),
            Self::Command(_) => None,
        }
    }

    /// The command, where it is one.
    pub fn command(&self) -> Option<&CommandLine> {
        match self {
            Self::Xml(_) => None,
            Self::Command(command) => Some(command),
        }
    }
}

impl Rendered {
    /// All lines, each closed.
    pub fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
    }
}
