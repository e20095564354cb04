//! The state of the wizard: what the user set, what is known of the host, where the focus is. Owns no rule; the rules
//! are in [`super::action`] and the steps.

use super::editor::Editing;
use super::form::Extent;
use super::history::{Content, History};
use super::msg::{Draft, Saved};
use super::overlay::Overlay;
use super::probe::Probe;
use super::steps::{build::BuildView, pci::PciView, review::ReviewView};
use super::xml::XmlLine;
use super::{Cursor, Effect, StepId, Values, Zone, case};
use crate::case::{Asked, Case};
use crate::checks::{Allowed, Finding, Severity};
use crate::facts::{Facts, Part};
use crate::spec::{Layer, Place, Spec};
use crate::units::PciAddress;
use std::collections::BTreeSet;

/// Everything the screen shows follows from this.
#[derive(Clone, Debug)]
pub struct App {
    /// What the user can set and undo.
    pub content: Content,
    /// What the host has.
    pub facts: Facts,
    /// Everything that follows from content and facts, with texts that are no values yet among the findings.
    pub case: Case,
    /// The spec of the case, value by value.
    pub values: Values,
    /// The step on screen.
    pub step: StepId,
    /// Row and field of each step.
    pub cursors: [Cursor; 9],
    /// The part of the screen that has the focus.
    pub zone: Zone,
    /// The text being typed, if one is.
    pub editing: Option<Editing>,
    /// Overlays, the top one last.
    pub overlays: Vec<Overlay>,
    /// Undo and redo.
    pub history: History,
    /// Fields that were left once: their errors are shown.
    pub touched: BTreeSet<Place>,
    /// How each step looked when the user last saw it; `None` for a step never seen.
    pub seen: [Option<String>; 9],
    /// The connection.
    pub host: HostState,
    /// URI asked for; what libvirt made of it is in the facts.
    pub uri: String,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Seconds since 1970-01-01 UTC.
    pub clock: u64,
    /// Which fields the forms show.
    pub extent: Extent,
    /// What has not been answered for how many seconds.
    pub waiting: Option<(Part, u64)>,
    /// Presets by name.
    pub presets: Vec<Saved>,
    /// Templates by name; `None` until they were read.
    pub templates: Option<Vec<Saved>>,
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
    /// What the user gives up although the host stands on it, for this session alone.
    pub allowed: Allowed,
    /// Why nothing can be built, where the facts are a record and not a host.
    pub no_build: Option<&'static str>,
    /// What can be read of a remote host over ssh; `None` where the host is at hand, or ssh does not lead there.
    pub probe: Option<Probe>,
    /// The form is being filled in: what is typed goes into its fields until Esc.
    pub filling: bool,
    /// A short message in place of the hints, until the next key.
    pub toast: Option<String>,
    /// The content that the draft on disk holds.
    pub(super) stored: Content,
    /// The XML before the last change.
    pub(super) xml_before: Option<Vec<XmlLine>>,
    /// What the host was asked.
    pub(super) asked: Asked,
    /// Something that the case follows from has changed.
    pub(super) stale: bool,
}

/// The connection as far as the wizard knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostState {
    /// No answer yet.
    #[default]
    Connecting,
    /// It answers.
    Up,
    /// It cannot be asked.
    Failed {
        /// What happened.
        text: String,
        /// What to do.
        remedy: String,
    },
}

/// The XML beside or over the step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XmlView {
    /// Asked for with `x`; wide screens show it anyway.
    pub open: bool,
    /// The line the cursor is on.
    pub row: usize,
    /// What was searched for.
    pub search: String,
}

/// What a session starts with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// URI of the connection, as given or as libvirt's default.
    pub uri: String,
    /// Presets below what the user types, lowest first.
    pub layers: Vec<Layer>,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// Seconds since 1970-01-01 UTC.
    pub clock: u64,
    /// Why nothing can be built, where the facts are a record and not a host.
    pub no_build: Option<&'static str>,
    /// The probe of a remote host, running from the start where the user agreed to it earlier.
    pub probe: Option<Probe>,
}

impl App {
    /// The state at the start, and what has to be asked.
    pub fn new(start: Start) -> (Self, Vec<Effect>) {
        let content = Content { layers: start.layers, ..Content::default() };
        let facts = Facts::default();
        let case = case::judge(&content, None, &facts, &Allowed::default());
        let mut app = Self {
            stored: content.clone(),
            content,
            facts,
            values: Values::of(case.spec()),
            case,
            step: StepId::Template,
            cursors: [Cursor::default(); 9],
            zone: Zone::Rows,
            editing: None,
            filling: false,
            overlays: Vec::new(),
            history: History::default(),
            touched: BTreeSet::new(),
            seen: std::array::from_fn(|_| None),
            host: HostState::Connecting,
            uri: start.uri,
            size: start.size,
            clock: start.clock,
            extent: Extent::Usual,
            waiting: None,
            presets: Vec::new(),
            templates: None,
            checks_row: 0,
            xml: XmlView::default(),
            review: ReviewView::default(),
            pci: PciView::default(),
            build: BuildView::default(),
            allowed: Allowed::default(),
            no_build: start.no_build,
            probe: start.probe,
            toast: None,
            xml_before: None,
            asked: Asked::default(),
            stale: false,
        };
        // Whoever has chosen a template or brings a spec starts at what is still to fill in.
        let first = if app.content.layers.is_empty() { StepId::Template } else { StepId::System };
        app.go(first);
        let effects = app.ask().into_iter().chain([Effect::ListTemplates, Effect::ListPresets]);
        let effects = effects.collect();
        (app, effects)
    }

    /// Gives up a function that the host stands on; its address was typed out.
    pub fn give_up(&mut self, address: PciAddress) {
        self.allowed.give_up(address);
        self.stale = true;
    }

    /// The spec as it stands: templates, presets and what the user set.
    pub fn spec(&self) -> &Spec {
        &self.case.stack.spec
    }

    /// The templates by name; none before they were read.
    pub fn templates(&self) -> &[Saved] {
        self.templates.as_deref().unwrap_or_default()
    }

    /// What is below that which the user types, the lowest first: the template with those it builds on, then presets.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.case.stack.templates.iter().chain(&self.content.layers)
    }

    /// The name of the VM; empty where none is set.
    pub fn name(&self) -> &str {
        self.spec().name.as_deref().unwrap_or_default()
    }

    /// Which template, preset or file a value comes from; `None` for what the user set.
    pub fn origin(&self, place: &Place) -> Option<String> {
        use crate::spec::Origin;
        match self.case.stack.origin(place)? {
            Origin::User => None,
            origin => Some(origin.to_string()),
        }
    }

    /// The worst finding of a step.
    pub fn worst(&self, step: StepId) -> Option<Severity> {
        let of_step = self.case.report.findings.iter().filter(|finding| StepId::of(finding.place()) == step);
        of_step.map(Finding::severity).min()
    }

    /// What a step says now, to tell whether it changed since it was seen.
    pub(super) fn look(&self, step: StepId) -> String {
        let mut look = super::steps::logic(step).look(self);
        for finding in &self.case.report.findings {
            if StepId::of(finding.place()) == step && finding.severity() <= Severity::Warning {
                look.push('\n');
                look.push_str(finding.code());
            }
        }
        look
    }

    /// Remembers how the step on screen looks.
    pub(super) fn note_seen(&mut self) {
        let look = self.look(self.step);
        if let Some(seen) = self.seen.get_mut(self.step.index()) {
            *seen = Some(look);
        }
    }

    /// What a later session needs to go on.
    pub fn draft(&self) -> Draft {
        let Content { own, layers, pending, start } = self.content.clone();
        Draft { saved_at: self.clock, uri: self.uri.clone(), spec: own, layers, pending, start }
    }

    /// True where the XML stands beside the step without being asked for.
    pub fn is_wide(&self) -> bool {
        self.size.0 >= WIDE
    }
}

/// What the demo host is called in place of a URI.
pub const DEMO: &str = "demo host";
/// From this width on the XML stands beside every step.
pub const WIDE: u16 = 132;
/// Below this width the rail is one line.
pub const NARROW: u16 = 96;
/// The smallest screen that the wizard works on: columns and rows.
pub const SMALLEST: (u16, u16) = (80, 24);
