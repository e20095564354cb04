//! What an engine would write for a machine, line by line.

use crate::domain::Element;
use crate::spec::Place;

/// The text of a machine in an engine's own form: what the preview shows and what is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text, line by line.
    pub lines: Vec<Line>,
    /// The same as a tree, where the form is XML.
    pub tree: Option<Element>,
    /// Why the text is not all that was asked for: it is shown, and nothing may be built from it.
    pub fault: Option<Fault>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text with its indentation.
    pub text: String,
    /// The field of the spec that made it; `None` for what is always there.
    pub origin: Option<Place>,
}

/// A value that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field that holds it.
    pub place: Place,
    /// What is wrong, with the field and the fix.
    pub message: String,
}

impl Rendered {
    /// All lines, each closed.
    pub fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
    }
}
