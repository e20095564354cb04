//! Step 8: the whole once more, as summary, XML, plan and JSON.

pub mod view;

use super::page::StepPage;
use super::spec_pages;
use crate::app::comparison::{Base, bases};
use crate::app::intent::Intent;
use crate::app::outcome::{Go, Outcome, Turn};
use crate::app::overlay::{List, Overlay, Purpose};
use crate::app::xml::{self, DiffLine, Mark, XmlLine};
use crate::app::{App, Cursor, StepId, grammar};
use crate::checks::Severity;
use crate::spec::{Grammar, Place, field};
use view::{ReviewView, Tab};

/// The step.
pub struct Review;

/// One line of the summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryLine {
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

impl StepPage for Review {
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
            Tab::Json => app.json().lines().count(),
        }
    }

    fn open(&self, app: &App) -> Outcome {
        let row = app.cursor().row;
        match app.review.tab {
            Tab::Summary => match summary_lines(app).into_iter().nth(row) {
                Some(SummaryLine { place: Some(place), .. }) => Outcome::go(Go::Place(place)),
                Some(line) => Outcome::go(Go::Step(line.step)),
                None => Outcome::default(),
            },
            Tab::Xml => match xml_lines(app).into_iter().nth(row) {
                Some(DiffLine { line: XmlLine { origin: Some(place), .. }, .. }) => Outcome::go(Go::Place(place)),
                Some(DiffLine { mark: Mark::Removed, .. }) => {
                    Outcome::say(format!("this line is only in {}", app.review.base.name()))
                }
                Some(_) => Outcome::say("this line is always present; custom XML can change it"),
                None => Outcome::default(),
            },
            Tab::Plan | Tab::Json => Outcome::default(),
        }
    }

    fn act(&self, app: &App, intent: Intent) -> Outcome {
        let mut view = app.review.clone();
        match intent {
            Intent::NextTab | Intent::PreviousTab => {
                let at = Tab::ALL.iter().position(|(tab, _)| *tab == view.tab).unwrap_or(0);
                let step = if intent == Intent::NextTab { 1 } else { Tab::ALL.len() - 1 };
                view.tab = Tab::ALL.get((at + step) % Tab::ALL.len()).map(|(tab, _)| *tab).unwrap_or_default();
                let go = Some(Go::Cursor(Cursor { row: 0, ..app.cursor() }));
                Outcome { go, ..Outcome::turn(Turn::Review(view.into())) }
            }
            Intent::Compare => {
                let (bases, items) = bases(app, &app.review.base).into_iter().unzip();
                Outcome::show(Overlay::Pick(Purpose::Compare(bases), List::new("Compare with", items)))
            }
            Intent::WholeDomain => {
                view.whole = !view.whole;
                Outcome::turn(Turn::Review(view.into()))
            }
            Intent::NextHunk | Intent::PreviousHunk => hunk(app, intent == Intent::NextHunk),
            _ => Outcome::default(),
        }
    }
}

/// The base of the comparison was chosen. One that was looked at before is asked for again: it may have changed.
pub fn compare(app: &App, base: Base) -> Outcome {
    let view = ReviewView { base, ..app.review.clone() };
    Outcome { turns: vec![Turn::AskDefinitions, Turn::Review(view.into())], ..Outcome::default() }
}

/// To the next or previous change or hit in the XML.
fn hunk(app: &App, forward: bool) -> Outcome {
    match xml::next(&xml_lines(app), app.cursor().row, &app.xml.search, forward) {
        Some(row) => Outcome::go(Go::Cursor(Cursor { row, ..app.cursor() })),
        None => Outcome::say("no match or change in this direction"),
    }
}

/// The first row that holds `search`.
pub fn hit(app: &App, search: &str) -> Option<usize> {
    let needle = search.to_lowercase();
    lines(app).iter().position(|line| line.to_lowercase().contains(&needle))
}

/// The XML against its base; empty where that is not known.
pub fn xml_lines(app: &App) -> Vec<DiffLine> {
    let against = &app.review.against;
    if against.missing.is_some() { Vec::new() } else { xml::difference(&against.lines, &app.case.preview.lines) }
}

/// The tab on screen as text.
pub fn text(app: &App) -> String {
    match app.review.tab {
        Tab::Xml => app.xml_text(),
        Tab::Json => app.json(),
        Tab::Summary | Tab::Plan => lines(app).join("\n"),
    }
}

fn lines(app: &App) -> Vec<String> {
    match app.review.tab {
        Tab::Summary => summary_lines(app).iter().map(|line| format!("{}  {}", line.label, line.value)).collect(),
        Tab::Xml => xml_lines(app).into_iter().map(|line| line.line.text).collect(),
        Tab::Plan => app.case.plan.steps.iter().map(|step| format!("{}  {}", step.title, step.detail)).collect(),
        Tab::Json => app.json().lines().map(str::to_owned).collect(),
    }
}

/// What is set, by step.
pub fn summary_lines(app: &App) -> Vec<SummaryLine> {
    StepId::ALL.into_iter().flat_map(|step| of_step(app, step)).collect()
}

/// What is set in a step; nothing for those that set nothing themselves.
fn of_step(app: &App, step: StepId) -> Vec<SummaryLine> {
    let Some(page) = spec_pages::of(step) else { return Vec::new() };
    let summary = page.summary(app);
    let heading = SummaryLine { step, label: String::new(), value: summary, note: String::new(), place: None };
    let mut lines = vec![heading];
    for (place, value) in leaves(app).into_iter().filter(|(place, _)| StepId::of(place) == step) {
        let note = app.origin(&place).map(|origin| format!("from {origin}")).unwrap_or_default();
        lines.push(SummaryLine { step, label: place.to_string(), value, note, place: Some(place) });
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
