//! Step 8: the whole once more, as summary, XML, plan and JSON.

use super::{Step, logic};
use crate::app::action::Action;
use crate::app::against::{Against, Base, against, bases};
use crate::app::overlay::{List, Overlay, Purpose};
use crate::app::xml::{self, DiffLine, Mark, XmlLine};
use crate::app::{App, Effect, StepId, grammar, write};
use crate::checks::Severity;
use crate::spec::{Grammar, Place, field};

/// The step.
pub struct Review;

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

/// One line of the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The step it belongs to.
    pub step: StepId,
    /// Label; empty for the heading of a step.
    pub label: String,
    /// Value; for a heading the summary of the step.
    pub value: String,
    /// Why the value is as it is: default, template.
    pub note: String,
    /// The field to go to.
    pub place: Option<Place>,
}

impl Step for Review {
    fn summary(&self, app: &App) -> String {
        let count = |severity, one: &str, many: &str| match app.case.report.count(severity) {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{n} {many}")),
        };
        let errors = count(Severity::Blocker, "error", "errors");
        let warnings = count(Severity::Warning, "warning", "warnings");
        [errors, warnings].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn rows(&self, app: &App) -> usize {
        match app.review.tab {
            Tab::Summary => summary_lines(app).len(),
            Tab::Xml => xml_lines(app).len(),
            Tab::Plan => app.case.plan.steps.len(),
            Tab::Json => write::json(app).lines().count(),
        }
    }

    fn open(&self, app: &mut App) -> Vec<Effect> {
        let row = app.cursor().row;
        match app.review.tab {
            Tab::Summary => match summary_lines(app).into_iter().nth(row) {
                Some(Line { place: Some(place), .. }) => app.go_to(&place),
                Some(line) => app.go(line.step),
                None => {}
            },
            Tab::Xml => match xml_lines(app).into_iter().nth(row) {
                Some(DiffLine { line: XmlLine { origin: Some(place), .. }, .. }) => app.go_to(&place),
                Some(DiffLine { mark: Mark::Removed, .. }) => {
                    app.toast = Some(format!("this line is only in {}", app.review.base.name()));
                }
                Some(_) => app.toast = Some("this line is always present; custom XML can change it".into()),
                None => {}
            },
            Tab::Plan | Tab::Json => {}
        }
        Vec::new()
    }

    fn act(&self, app: &mut App, action: Action) -> Vec<Effect> {
        match action {
            Action::NextTab | Action::PreviousTab => {
                let at = Tab::ALL.iter().position(|(tab, _)| *tab == app.review.tab).unwrap_or(0);
                let step = if action == Action::NextTab { 1 } else { Tab::ALL.len() - 1 };
                app.review.tab = Tab::ALL.get((at + step) % Tab::ALL.len()).map(|(tab, _)| *tab).unwrap_or_default();
                app.cursor_mut().row = 0;
                app.clamp();
            }
            Action::Compare => {
                let (bases, items) = bases(app).into_iter().unzip();
                app.overlays.push(Overlay::Pick(Purpose::Compare(bases), List::new("Compare with", items)));
            }
            Action::WholeDomain => {
                app.review.whole = !app.review.whole;
                opened(app);
                app.clamp();
            }
            _ => {}
        }
        Vec::new()
    }
}

/// Makes what the XML is compared with, while the review is on screen.
pub(in crate::app) fn opened(app: &mut App) {
    if app.step == StepId::Review {
        app.review.against = against(app);
    }
}

/// Remembers what the user has seen who leaves the review.
pub(in crate::app) fn left(app: &mut App) {
    if app.step == StepId::Review {
        app.review.seen = Some(app.case.preview.lines.clone());
    }
}

/// The base of the comparison was chosen.
pub fn compare(app: &mut App, base: Base) {
    app.review.base = base;
    // One that was looked at before is asked for again: it may have changed.
    app.asked.forget_definitions();
    opened(app);
    app.clamp();
}

/// To the next or previous change or hit in the XML.
pub fn hunk(app: &mut App, forward: bool) {
    match xml::next(&xml_lines(app), app.cursor().row, &app.xml.search, forward) {
        Some(row) => app.cursor_mut().row = row,
        None => app.toast = Some("no match or change in this direction".into()),
    }
}

/// To the first hit of the search.
pub fn search(app: &mut App) {
    let needle = app.xml.search.to_lowercase();
    let found = lines(app).iter().position(|line| line.to_lowercase().contains(&needle));
    if let Some(row) = found {
        app.cursor_mut().row = row;
    }
}

/// The XML against its base; empty where that is not known.
pub fn xml_lines(app: &App) -> Vec<DiffLine> {
    let against = &app.review.against;
    if against.missing.is_some() { Vec::new() } else { xml::difference(&against.lines, &app.case.preview.lines) }
}

/// The tab on screen as text.
pub fn text(app: &App) -> String {
    match app.review.tab {
        Tab::Xml => write::xml(app),
        Tab::Json => write::json(app),
        Tab::Summary | Tab::Plan => lines(app).join("\n"),
    }
}

fn lines(app: &App) -> Vec<String> {
    match app.review.tab {
        Tab::Summary => summary_lines(app).iter().map(|line| format!("{}  {}", line.label, line.value)).collect(),
        Tab::Xml => xml_lines(app).into_iter().map(|line| line.line.text).collect(),
        Tab::Plan => app.case.plan.steps.iter().map(|step| format!("{}  {}", step.title, step.detail)).collect(),
        Tab::Json => write::json(app).lines().map(str::to_owned).collect(),
    }
}

/// What is set, by step.
pub fn summary_lines(app: &App) -> Vec<Line> {
    let steps = StepId::ALL.into_iter().filter(|step| !matches!(step, StepId::Review | StepId::Build));
    steps.flat_map(|step| of_step(app, step)).collect()
}

fn of_step(app: &App, step: StepId) -> Vec<Line> {
    let summary = logic(step).summary(app);
    let heading = Line { step, label: String::new(), value: summary, note: String::new(), place: None };
    let mut lines = vec![heading];
    for (place, value) in leaves(app).into_iter().filter(|(place, _)| StepId::of(place) == step) {
        let note = app.origin(&place).map(|origin| format!("from {origin}")).unwrap_or_default();
        lines.push(Line { step, label: place.to_string(), value, note, place: Some(place) });
    }
    lines
}

/// Every value of the spec with its place.
fn leaves(app: &App) -> Vec<(Place, String)> {
    let mut out = Vec::new();
    if let Some(value) = app.values.get(&Place::root()) {
        walk(&Place::root(), value, &mut out);
    }
    out
}

fn walk(place: &Place, value: &serde_json::Value, out: &mut Vec<(Place, String)>) {
    use serde_json::Value;
    match value {
        Value::Object(members) if field::grammar(place) != Grammar::Pairs => {
            members.iter().for_each(|(key, value)| walk(&place.clone().key(key), value, out));
        }
        Value::Array(rows) if rows.iter().any(Value::is_object) => {
            rows.iter().enumerate().for_each(|(at, value)| walk(&place.clone().index(at), value, out));
        }
        value => {
            let text = grammar::show(field::grammar(place), value);
            out.push((place.clone(), text.lines().collect::<Vec<_>>().join(" | ")));
        }
    }
}
