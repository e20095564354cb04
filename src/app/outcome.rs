//! What an intent comes to, as data: edits of the content, changes of the views, where the focus goes, what is shown, said and
//! asked of the outside. Applied by `app::dispatch` alone.

use super::Effect;
use super::focus::{Cursor, Focus};
use super::form::Extent;
use super::history::Content;
use super::intent::Intent;
use super::msg::Saved;
use super::overlay::Overlay;
use super::probe::ProbeState;
use super::state::XmlView;
use super::step::StepId;
use super::steps::build::view::BuildView;
use super::steps::pci::view::PciView;
use super::steps::review::view::ReviewView;
use crate::checks::HostDevice;
use crate::spec::{Grammar, Layer, Place};
use serde_json::Value;

/// The answer to an intent. Its parts take effect in the order of the fields; the case is judged once, after the edits.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Changes of what the user set, together one step of undo.
    pub edits: Vec<Edit>,
    /// The edits belong to the step of undo before: all keys of one visit to a field are one step.
    pub goes_on: bool,
    /// What else changes.
    pub turns: Vec<Turn>,
    /// Where the focus goes.
    pub go: Option<Go>,
    /// Overlays to open, the top one last.
    pub show: Vec<Overlay>,
    /// A short message in place of the hints.
    pub say: Option<String>,
    /// What the outside has to do.
    pub effects: Vec<Effect>,
    /// What is done next, in the state that all this leads to.
    pub then: Option<Intent>,
}

/// A change of the content.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// A field gets a value; `None` takes away what it has, also what a template or preset sets.
    Set(Place, Option<Value>),
    /// A field goes back to its default, or to the value of the template.
    Reset(Place),
    /// A text was typed into a field, to be read by this grammar.
    Type(Place, Grammar, String),
    /// A list gets these rows.
    Rows {
        /// The list.
        list: Place,
        /// Its rows.
        rows: Vec<Value>,
        /// For each new row which row it was, so that texts kept aside and errors shown move along.
        from: Vec<Option<usize>>,
    },
    /// What the user builds on: a template and the presets over it, lowest first.
    Layers(Option<String>, Vec<Layer>),
    /// Starts the VM at the end of the build, or not.
    Start(bool),
}

/// A change of what undo does not bring back: views, what is asked, the session.
#[derive(Clone, Debug)]
pub enum Turn {
    /// The list of PCI devices is narrowed otherwise.
    Pci(Box<PciView>),
    /// The review shows something else.
    Review(Box<ReviewView>),
    /// A build begins, is put aside or is being cancelled.
    Build(Box<BuildView>),
    /// The XML beside the step shows something else.
    Xml(XmlView),
    /// The forms show more or fewer fields.
    Extent(Extent),
    /// A field was left: its error is shown from now on.
    Touch(Place),
    /// A field counts as never seen.
    Untouch(Place),
    /// The XML of defined domains is asked for again.
    AskDefinitions,
    /// The details of PCI functions are asked for again.
    AskDetails,
    /// All of the host, the templates and the presets are asked for again.
    AskAll,
    /// The user gives up a device that the host uses; its name was typed out.
    GiveUp(HostDevice),
    /// The presets there are.
    Presets(Vec<Saved>),
    /// The templates there are.
    Templates(Vec<Saved>),
    /// How far the probe of a remote host is.
    Probe(ProbeState),
    /// The demo host in place of the one that did not answer.
    UseDemo,
    /// The content of a draft; what undo went back to stays.
    Draft(Box<Content>),
    /// The draft on disk is not wanted or was saved by other means.
    Kept,
}

/// Where the focus goes.
#[derive(Clone, Debug)]
pub enum Go {
    /// To a step, where the focus is of most use.
    Step(StepId),
    /// To the list of a step.
    List(StepId),
    /// To the field or row of this place; to its step otherwise.
    Place(Place),
    /// To another row of the list or field of the form on screen.
    Cursor(Cursor),
    /// To the field of this name in the form of the row.
    Field(Cursor, &'static str),
    /// On within the form: to this field, in this way.
    At(usize, Focus),
    /// To another part of the screen.
    Focus(Focus),
    /// To where the step on screen starts.
    Home,
    /// To a row of the checks panel.
    Finding(usize),
}

impl Outcome {
    /// One edit.
    pub fn edit(edit: Edit) -> Self {
        Self::edits(vec![edit])
    }

    /// Several edits, one step of undo.
    pub fn edits(edits: Vec<Edit>) -> Self {
        Self { edits, ..Self::default() }
    }

    /// A change that is not undone.
    pub fn turn(turn: Turn) -> Self {
        Self { turns: vec![turn], ..Self::default() }
    }

    /// The focus moves.
    pub fn go(go: Go) -> Self {
        Self { go: Some(go), ..Self::default() }
    }

    /// An overlay opens.
    pub fn show(overlay: Overlay) -> Self {
        Self { show: vec![overlay], ..Self::default() }
    }

    /// Something is said.
    pub fn say(text: impl Into<String>) -> Self {
        Self { say: Some(text.into()), ..Self::default() }
    }

    /// The outside has something to do.
    pub fn effect(effect: Effect) -> Self {
        Self { effects: vec![effect], ..Self::default() }
    }

    /// Another intent takes its place.
    pub fn then(intent: Intent) -> Self {
        Self { then: Some(intent), ..Self::default() }
    }
}
