//! What the wizard works on: what the user set, what is known of the host, and the case that follows from both. Holds neither
//! page nor focus.

use super::history::Content;
use super::msg::Saved;
use super::probe::Probe;
use super::step::StepId;
use super::xml::{DiffLine, Mark, XmlLine, always_there, changes};
use super::{Values, case};
use crate::case::Case;
use crate::checks::{Allowed, Finding, LeftBuild, Severity};
use crate::facts::Facts;
use crate::spec::{Layer, Origin, Place, Spec};
use std::rc::Rc;

/// The VM as it is being described, and the host that it is for.
#[derive(Clone, Debug)]
pub struct Model {
    /// What the user can set and undo.
    pub content: Content,
    /// What the host has; shared, because a copy of the model is made to see where edits lead.
    pub facts: Rc<Facts>,
    /// Everything that follows from content and facts, with texts that are no values yet among the findings.
    pub case: Case,
    /// The spec of the case, value by value.
    pub values: Values,
    /// Presets by name.
    pub presets: Vec<Saved>,
    /// Templates by name; `None` until they were read.
    pub templates: Option<Vec<Saved>>,
    /// What the user gives up although the host needs it, for this session alone.
    pub allowed: Allowed,
    /// The connection.
    pub host: HostState,
    /// URI asked for; what libvirt made of it is in the facts.
    pub uri: String,
    /// Seconds since 1970-01-01 UTC.
    pub clock: u64,
    /// Why nothing can be built, where the facts are a record and not a host.
    pub no_build: Option<&'static str>,
    /// What interrupted builds may have left on the host.
    pub left: Vec<LeftBuild>,
    /// What can be read of a remote host over ssh; `None` where the host is at hand, or ssh does not lead there.
    pub probe: Option<Probe>,
    /// The XML before the last change.
    pub(super) xml_before: Option<Vec<XmlLine>>,
}

/// The connection as far as the wizard has been told.
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
    /// What interrupted builds may have left on the host.
    pub left: Vec<LeftBuild>,
    /// The probe of a remote host, running from the start where the user agreed to it earlier.
    pub probe: Option<Probe>,
}

/// What the demo host is called in place of a URI.
pub const DEMO: &str = "demo host";

impl Model {
    /// The model at the start: nothing is known of the host.
    pub(super) fn new(start: Start) -> Self {
        let content = Content { layers: start.layers, ..Content::default() };
        let (facts, allowed) = (Facts::default(), Allowed::default());
        let case = case::judge(&content, None, &facts, (&allowed, &start.left));
        Self {
            content,
            facts: Rc::new(facts),
            values: Values::of(case.spec()),
            case,
            presets: Vec::new(),
            templates: None,
            allowed,
            host: HostState::Connecting,
            uri: start.uri,
            clock: start.clock,
            no_build: start.no_build,
            left: start.left,
            probe: start.probe,
            xml_before: None,
        }
    }

    /// Computes what follows from content, templates and facts.
    pub(super) fn judge(&mut self) {
        self.case = case::judge(&self.content, self.templates.as_deref(), &self.facts, (&self.allowed, &self.left));
        self.values = Values::of(self.case.spec());
        // Whoever asks for another device and comes back types its address again.
        self.allowed.keep(&self.case.report.findings);
    }

    /// Forgets all that is known of the host, for the demo host in its place.
    pub(super) fn use_demo(&mut self) {
        self.facts = Rc::new(Facts::default());
        (self.no_build, self.left) = (None, Vec::new());
        self.probe = None;
        DEMO.clone_into(&mut self.uri);
    }

    /// The spec as it is: templates, presets and what the user set.
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

    /// The pool of every disk that names none, if the spec has one.
    pub fn default_pool(&self) -> Option<&str> {
        self.spec().storage.as_ref()?.default_pool.as_deref()
    }

    /// The name of the VM; empty where none is set.
    pub fn name(&self) -> &str {
        self.spec().name.as_deref().unwrap_or_default()
    }

    /// Which template, preset or file a value comes from; `None` for what the user set.
    pub fn origin(&self, place: &Place) -> Option<String> {
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

    /// The worst finding about `place` itself.
    pub fn finding_at(&self, place: &Place) -> Option<&Finding> {
        let about = self.case.report.findings.iter().filter(|finding| finding.place() == place);
        about.min_by_key(|finding| finding.severity())
    }

    /// The domain XML with the last change marked.
    pub fn xml_lines(&self) -> Vec<DiffLine> {
        let new = &self.case.preview.lines;
        changes(self.xml_before.as_ref().unwrap_or(new), new)
    }

    /// Which field and step made a line, and whose it is: "made by cpu.mode, step 2 System, from template gpu". A line
    /// that is only in `base` says so.
    pub fn made_by(&self, line: &DiffLine, base: &str) -> String {
        let only = line.mark == Mark::Removed;
        let Some(place) = &line.line.origin else {
            let reason = always_there(&line.line).map(|reason| format!(": {reason}")).unwrap_or_default();
            return if only { format!("only in {base}") } else { format!("always there{reason}") };
        };
        let step = StepId::of(place);
        let from = match self.case.stack.origin(place) {
            None => ", by default".to_owned(),
            Some(Origin::User) => String::new(),
            Some(layer) => format!(", from {layer}"),
        };
        let field = format!("{place}, step {} {}", step.number(), step.title());
        if only { format!("{field}{from}; only in {base}") } else { format!("made by {field}{from}") }
    }

    /// The spec as JSON.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self.spec()).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The domain XML.
    pub fn xml_text(&self) -> String {
        let mut text = String::new();
        for line in &self.case.preview.lines {
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }
}
