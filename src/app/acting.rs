//! The outcome of intents that no single step handles: moving, opening, closing, going elsewhere.

use super::editor::Editing;
use super::focus::{Cursor, Focus, Motion, Zone};
use super::form::Extent;
use super::intent::Intent;
use super::outcome::{Edit, Go, Outcome, Turn};
use super::overlay::Overlay;
use super::state::XmlView;
use super::steps::logic;
use super::steps::pci::sheet;
use super::steps::system::map;
use super::{App, Effect, HostState, StepId, filling, leaving, palette, probing, questions, saving, xml};
use crate::spec::Place;

/// The outcome of `intent` on the page.
pub(super) fn act(app: &App, intent: Intent) -> Outcome {
    match intent {
        Intent::Move(motion) => moved(app, motion),
        Intent::NextField => filling::step(app, true),
        Intent::AcceptField => filling::accept(app),
        Intent::PreviousField => filling::step(app, false),
        Intent::Left => filling::turn(app, false),
        Intent::Right => filling::turn(app, true),
        Intent::Reset => filling::reset(app),
        Intent::AnotherVm => another_vm(app),
        Intent::Close => close(app),
        Intent::NextStep => Outcome::go(Go::Step(app.step.next())),
        Intent::PreviousStep => Outcome::go(Go::Step(app.step.previous())),
        Intent::Go(step) => Outcome::go(Go::Step(step)),
        Intent::Help => Outcome::show(palette::help(app)),
        Intent::Palette => Outcome::show(palette::palette(app)),
        Intent::Checks => toggle(app, Focus::Checks),
        Intent::Xml => toggle(app, Focus::Xml),
        Intent::MoreFields => Outcome::turn(Turn::Extent(match app.extent {
            Extent::Usual => Extent::All,
            Extent::All => Extent::Usual,
        })),
        Intent::Write => Outcome::show(saving::menu()),
        Intent::Filter => filter(app),
        Intent::StartAfter => start_after(app),
        Intent::NextHunk | Intent::PreviousHunk if app.zone() == Zone::Xml => hunk(app, intent == Intent::NextHunk),
        Intent::Open | Intent::Toggle => open(app, intent),
        Intent::Copy => saving::copy(app),
        Intent::Quit | Intent::Interrupt | Intent::Cancel => quit(app),
        Intent::Suspend => Outcome::effect(Effect::Suspend),
        Intent::Refresh => refresh(app),
        Intent::Build => build(app),
        Intent::Probe => probing::wanted(app),
        _ => logic(app.step).act(app, intent),
    }
}

/// The outcome of `intent` in the overlay on top.
pub(super) fn act_over(app: &App, intent: Intent) -> Outcome {
    match app.overlays.last() {
        Some(Overlay::CpuMap(at)) => map::act(app, at.row, intent).unwrap_or_default(),
        _ => Outcome::default(),
    }
}

/// Number of lines that the overlay on top shows from the facts.
pub(super) fn length(app: &App) -> usize {
    match app.overlays.last() {
        Some(Overlay::Sheet(at)) => sheet::lines(app, at.address).len(),
        Some(Overlay::CpuMap(_)) => map::cores(app).len(),
        _ => 0,
    }
}

fn moved(app: &App, motion: Motion) -> Outcome {
    let page = app.page();
    match app.zone() {
        Zone::Rows => {
            let row = motion.from(app.cursor().row, logic(app.step).rows(app), page);
            Outcome::go(Go::Cursor(Cursor { row, field: 0 }))
        }
        Zone::Fields => filling::moved(app, motion),
        Zone::Checks => {
            let row = motion.from(app.checks_row, app.case.report.findings.len(), page);
            Outcome::go(Go::Finding(row))
        }
        Zone::Xml => {
            let row = motion.from(app.xml.row, app.xml_lines().len(), page);
            Outcome::turn(Turn::Xml(XmlView { row, ..app.xml.clone() }))
        }
    }
}

fn open(app: &App, intent: Intent) -> Outcome {
    match app.zone() {
        Zone::Rows if intent == Intent::Open => logic(app.step).open(app),
        Zone::Rows => logic(app.step).toggle(app),
        Zone::Fields => filling::open(app),
        Zone::Checks => {
            let finding = app.case.report.findings.get(app.checks_row);
            finding.map(|finding| Outcome::go(Go::Place(finding.place().clone()))).unwrap_or_default()
        }
        Zone::Xml => match app.xml_lines().into_iter().nth(app.xml.row).and_then(|line| line.line.origin) {
            Some(place) => Outcome::go(Go::Place(place)),
            None => Outcome::say("this line is always present; custom XML can change it"),
        },
    }
}

/// One level out: of the text, of the form being filled in, of the part of the screen, of the filter.
fn close(app: &App) -> Outcome {
    match &app.focus {
        Focus::Typing { .. } | Focus::Field { filling: true } => {
            Outcome::go(Go::Focus(Focus::Field { filling: false }))
        }
        Focus::Narrowing(_) | Focus::Finding { .. } => Outcome::go(Go::Focus(app.focus.outside())),
        Focus::Field { filling: false } | Focus::Checks | Focus::Xml => Outcome::go(Go::Home),
        Focus::Rows => logic(app.step).filtered(app, String::new()),
    }
}

/// Everything stays but the name: the field for it is open.
fn another_vm(app: &App) -> Outcome {
    let name = Place::root().key("name");
    Outcome {
        edits: vec![Edit::Set(name.clone(), None)],
        turns: vec![Turn::Build(app.build.aside(app).into()), Turn::Untouch(name.clone())],
        go: Some(Go::Place(name)),
        ..Outcome::then(Intent::Open)
    }
}

/// To a part of the screen, and back from there.
fn toggle(app: &App, focus: Focus) -> Outcome {
    let there = app.zone() == focus.zone();
    Outcome::go(if there { Go::Home } else { Go::Focus(focus) })
}

fn filter(app: &App) -> Outcome {
    let in_xml = app.zone() == Zone::Xml;
    Outcome::go(Go::Focus(if in_xml || app.step == StepId::Review {
        Focus::Finding { text: Editing::new(&app.xml.search, false), in_xml }
    } else {
        Focus::Narrowing(Editing::new(&logic(app.step).filter(app), false))
    }))
}

fn start_after(app: &App) -> Outcome {
    let start = !app.content.start;
    let what = if start { "the VM is started after the build" } else { "the VM is built, not started" };
    Outcome { say: Some(what.to_owned()), ..Outcome::edit(Edit::Start(start)) }
}

/// To the next or previous change or hit in the XML beside the step.
fn hunk(app: &App, forward: bool) -> Outcome {
    match xml::next(&app.xml_lines(), app.xml.row, &app.xml.search, forward) {
        Some(row) => Outcome::turn(Turn::Xml(XmlView { row, ..app.xml.clone() })),
        None => Outcome::say("no match or change in this direction"),
    }
}

/// Reads again what the step shows; everything if the host did not answer.
fn refresh(app: &App) -> Outcome {
    let outcome = logic(app.step).act(app, Intent::Refresh);
    if !outcome.effects.is_empty() && app.host == HostState::Up {
        return outcome;
    }
    Outcome::turn(Turn::AskAll)
}

/// Leaves; asks first if something would be interrupted or is not saved as a preset.
fn quit(app: &App) -> Outcome {
    let outcome = if app.build.is_running() {
        Outcome::show(questions::cancel(app))
    } else if leaving::has_nothing_to_lose(app) {
        leaving::leave(app, false)
    } else {
        Outcome::show(questions::leave(app))
    };
    Outcome { go: Some(Go::Focus(app.focus.outside())), ..outcome }
}

/// Goes to the build step, and begins or asks first.
fn build(app: &App) -> Outcome {
    let outcome = questions::build(app).map_or_else(|| leaving::start_build(app), Outcome::show);
    Outcome { go: Some(Go::Step(StepId::Build)), ..outcome }
}
