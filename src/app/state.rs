//! The state of the wizard: the model, where the focus is, and what each page shows of the model. Changed by
//! `app::dispatch` alone.

use super::Cursor;
use super::editor::Editing;
use super::focus::{EditTarget, Focus, Zone};
use super::form::{Extent, Field};
use super::history::{Content, History};
use super::model::Model;
use super::msg::Draft;
use super::overlay::Overlay;
use super::step::StepId;
use super::steps::build::view::BuildView;
use super::steps::pci::view::PciView;
use super::steps::review::view::ReviewView;
use crate::case::Asked;
use crate::checks::{Finding, Severity};
use crate::facts::Part;
use crate::spec::Place;
use std::collections::BTreeSet;
use std::ops::Deref;

/// Everything the screen shows follows from this. Reads like the model that it shows.
#[derive(Clone, Debug)]
pub struct App {
    /// The VM being described, and the host.
    pub model: Model,
    /// The step on screen.
    pub step: StepId,
    /// Row and field of each step.
    pub cursors: [Cursor; 9],
    /// What has the focus on the page.
    pub focus: Focus,
    /// Overlays, the top one last; while there are any, that one has the focus.
    pub overlays: Vec<Overlay>,
    /// Undo and redo.
    pub history: History,
    /// Fields that were left once: their errors are shown.
    pub touched: BTreeSet<Place>,
    /// How each step looked when the user last saw it; `None` for a step never seen.
    pub seen: [Option<String>; 9],
    /// Columns and rows.
    pub size: (u16, u16),
    /// Which fields the forms show.
    pub extent: Extent,
    /// What has not been answered for how many seconds.
    pub waiting: Option<(Part, u64)>,
    /// Row in the checks panel.
    pub checks_row: usize,
    /// The XML beside or over the step.
    pub xml: XmlView,
    /// The review.
    pub review: ReviewView,
    /// The list of PCI devices.
    pub pci: PciView,
    /// The build.
    pub build: BuildView,
    /// A short message in place of the hints, until the next key.
    pub toast: Option<String>,
    /// The content that the draft on disk holds.
    pub(super) stored: Content,
    /// What the host was asked.
    pub(super) asked: Asked,
    /// Something that the case follows from has changed.
    pub(super) stale: bool,
    /// The XML is where the last change is, not where the field that has the focus is.
    pub(super) shows_change: bool,
}

/// The XML beside or over the step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XmlView {
    /// The line the cursor is on.
    pub row: usize,
    /// What was searched for.
    pub search: String,
}

impl Deref for App {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}

impl App {
    /// The cursor of the step on screen.
    pub fn cursor(&self) -> Cursor {
        self.cursors.get(self.step.index()).copied().unwrap_or_default()
    }

    /// The part of the page that has the focus.
    pub fn zone(&self) -> Zone {
        self.focus.zone()
    }

    /// The text being typed, if one is.
    pub fn editing(&self) -> Option<&Editing> {
        self.focus.editing()
    }

    /// True while the cursor is in the text of this field.
    pub fn is_editing(&self, place: &Place) -> bool {
        self.focus.target() == Some(EditTarget::Field(place))
    }

    /// The worst finding about `field`, where it is time to show it: not while the user first types into it.
    pub fn shown_finding(&self, field: &Field) -> Option<&Finding> {
        let finding = self.finding_at(&field.place)?;
        let typing = self.is_editing(&field.place);
        let touched = self.touched.contains(&field.place);
        let show = touched || (!typing && (!field.text.is_empty() || finding.severity() != Severity::Blocker));
        show.then_some(finding)
    }

    /// How many rows a list on this screen shows, roughly: for half-screen moves only.
    pub(super) fn page(&self) -> usize {
        usize::from(self.size.1.saturating_sub(12)).max(4)
    }

    /// What a later session needs to go on.
    pub fn draft(&self) -> Draft {
        let Content { own, layers, pending, start } = self.content.clone();
        Draft { saved_at: self.clock, uri: self.uri.clone(), spec: own, layers, pending, start }
    }

    /// True where the XML is beside the step without being asked for.
    pub fn is_wide(&self) -> bool {
        self.size.0 >= WIDE
    }
}

/// From this width on the XML is beside every step.
pub const WIDE: u16 = 132;
/// Below this width the rail is one line.
pub const NARROW: u16 = 96;
/// The smallest screen that the wizard works on: columns and rows.
pub const SMALLEST: (u16, u16) = (80, 24);
