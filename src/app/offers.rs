//! What the focus offers as it is now: the lines of the key table that hold, the action of a key, and why an action cannot be
//! done.

use super::comparison::Base;
use super::editor::TextInput;
use super::focus::{Focus, Zone};
use super::intent::Intent;
use super::keys::{self, Context, KeyEntry, Offer};
use super::overlay::Overlay;
use super::steps::logic;
use super::{App, Key, StepId};

/// What has the focus.
pub fn context(app: &App) -> Context {
    match (app.overlays.last(), &app.focus) {
        (Some(Overlay::Help(_)), _) => Context::Help,
        (Some(Overlay::Palette(_) | Overlay::Pick(..)), _) => Context::List,
        (Some(Overlay::CpuMap(_)), _) => Context::Map,
        (Some(Overlay::Ask(_)), _) => Context::Ask,
        (Some(Overlay::Prompt(_)), _) => Context::Prompt,
        (Some(Overlay::Notice(_) | Overlay::Sheet(_)), _) => Context::Notice,
        (None, Focus::Narrowing(text) | Focus::Typing { text, .. } | Focus::Finding { text, .. }) => match text.text {
            TextInput::Line(_) => Context::Text,
            TextInput::Lines(_) => Context::Lines,
        },
        (None, Focus::Rows) => Context::Rows,
        (None, Focus::Field { filling: true }) => Context::Form,
        (None, Focus::Field { filling: false }) => Context::Fields,
        (None, Focus::Checks) => Context::Checks,
        (None, Focus::Xml) => Context::Xml,
    }
}

/// The lines of the table that hold for the focus as it is, those of the step first. A key that an earlier line has
/// taken does nothing in a later one.
fn entries(app: &App) -> impl Iterator<Item = &'static KeyEntry> {
    let (context, step) = (context(app), app.step);
    let holds = move |entry: &&KeyEntry| {
        entry.contexts.contains(&context) && (entry.steps.is_empty() || entry.steps.contains(&step))
    };
    keys::all().filter(holds).filter(move |entry| applies(app, entry.intent))
}

/// What the focus offers, with the reasons of what is off.
pub fn offers(app: &App) -> Vec<Offer> {
    let mut taken = Vec::new();
    let mut offers = Vec::new();
    for entry in entries(app) {
        if entry.keys.iter().all(|key| taken.contains(key)) {
            continue;
        }
        taken.extend(entry.keys);
        offers.push(Offer { entry, why_not: why_not(app, entry.intent) });
    }
    offers
}

/// The intent of `key` for the focus as it is.
pub fn intent(app: &App, key: Key) -> Option<Intent> {
    entries(app).find(|entry| entry.keys.contains(&key)).map(|entry| entry.intent)
}

/// A key that has no function here: where it has one, if in other steps.
pub(super) fn no_function(app: &App, key: Key) -> String {
    let steps: Vec<_> = keys::steps(key).collect();
    let numbers: Vec<String> = steps.iter().map(|step| step.number().to_string()).collect();
    match numbers.as_slice() {
        [] => format!("{key} has no function here; ? lists the keys"),
        _ if steps.contains(&app.step) => format!("{key} works in the list of this step"),
        [one] => format!("{key} works in step {one}"),
        [first @ .., last] => format!("{key} works in steps {} and {last}", first.join(", ")),
    }
}

/// True where the key has this meaning at all in the state as it is; a key without meaning falls to a later line.
fn applies(app: &App, intent: Intent) -> bool {
    match intent {
        Intent::NextHunk | Intent::PreviousHunk => app.zone() == Zone::Xml || app.review.shows_xml(),
        Intent::Compare => app.review.shows_xml(),
        Intent::WholeDomain => app.review.shows_xml() && matches!(app.review.base, Base::Domain(_)),
        Intent::ShowStored => !app.build.stored.is_empty(),
        Intent::Cancel => app.build.is_running(),
        Intent::Probe => app.probe.is_some(),
        Intent::AnotherVm => app.build.has_built(app.name()),
        // A prompt with one text has nowhere to move to.
        Intent::Move(_) => !matches!(app.overlays.last(), Some(Overlay::Prompt(prompt)) if prompt.second.is_none()),
        Intent::NextField | Intent::PreviousField if matches!(app.focus, Focus::Rows) => !app.fields().is_empty(),
        _ => true,
    }
}

/// Why an action cannot be done now, in a few words.
pub fn why_not(app: &App, intent: Intent) -> Option<String> {
    let reason = match intent {
        Intent::Undo if !app.history.can_undo(&app.content) => "nothing to undo",
        Intent::Redo if !app.history.can_redo() => "nothing to redo",
        Intent::NextStep if app.step == StepId::Build => "this is the last step",
        Intent::PreviousStep if app.step == StepId::Template => "this is the first step",
        Intent::Suspend if app.build.is_running() => "the build would stop; cancel it with ^C or let it run",
        Intent::Checks if app.case.report.findings.is_empty() => "there are no findings",
        Intent::Build => return app.build_gate(),
        Intent::Reset => return reset_gate(app),
        // What a step says about opening is about its rows.
        Intent::Open | Intent::Toggle if app.zone() != Zone::Rows => return None,
        _ => return logic(app.step).why_not(app, intent),
    };
    Some(reason.to_owned())
}

fn reset_gate(app: &App) -> Option<String> {
    let field = app.field()?;
    if app.content.pending.contains_key(&field.place) || app.content.own.takes_away(&field.place) {
        return None;
    }
    if !field.text.is_empty() && field.origin.is_none() {
        return None;
    }
    let origin = field.origin.as_deref();
    let why = origin.map(|origin| format!("the value is that of {origin}; empty the field to take it away"));
    Some(why.unwrap_or_else(|| "the field has its default".to_owned()))
}

impl App {
    /// What prevents a build, if anything.
    pub fn build_gate(&self) -> Option<String> {
        if self.build.is_running() {
            return Some("the build is running".into());
        }
        if self.build.has_built(self.name()) {
            return Some(format!("{} is built; change the name to build another one", self.name()));
        }
        if let Some(why) = self.no_build {
            return Some(why.into());
        }
        // Lock-outs alone yield to addresses typed out, which the build asks for.
        if self.case.report.is_only_locked_out() {
            return None;
        }
        let blockers: Vec<_> = self.case.report.blockers().collect();
        let in_step = |step: &StepId| blockers.iter().filter(|finding| StepId::of(finding.place()) == *step).count();
        let counts = StepId::ALL.iter().map(|step| (step, in_step(step))).filter(|(_, count)| *count > 0);
        let parts: Vec<String> = counts
            .enumerate()
            .map(|(at, (step, count))| {
                let word = match (at, count) {
                    (0, 1) => " error",
                    (0, _) => " errors",
                    _ => "",
                };
                format!("{count}{word} in {} {}", step.number(), step.title())
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
