//! The outcome of an answered overlay: a command, an item of a list, an answer, a text. It is closed by then; if
//! the answer cannot be accepted, it opens again.

use super::intent::Intent;
use super::options::Known;
use super::outcome::{Edit, Go, Outcome, Turn};
use super::overlay::{Answer, Ask, Does, List, Notice, Overlay, Prompt, PromptFor, Purpose};
use super::steps::system::map;
use super::steps::{pci, review};
use super::{App, Effect, drafts, leaving, probing, questions, saving};
use crate::checks::{Finding, HostDevice, Wording};

/// The item, answer or text of `overlay` that has the focus was taken.
pub(super) fn accepted(app: &App, overlay: Overlay) -> Outcome {
    match overlay {
        Overlay::Palette(list) => match list.current() {
            Some(command) if command.why_not.is_none() => run(app, &command.does),
            other => {
                let say = other.and_then(|command| command.why_not.clone());
                Outcome { say, ..Outcome::show(Overlay::Palette(list)) }
            }
        },
        Overlay::Pick(purpose, list) => picked(app, purpose, list),
        Overlay::Ask(ask) => {
            let answer = ask.answers.into_iter().nth(ask.row);
            answer.map(|(_, answer)| answered(app, answer)).unwrap_or_default()
        }
        Overlay::Prompt(prompt) => prompted(app, prompt),
        other => Outcome::show(other),
    }
}

/// `^C` in an overlay: leaves at once if the question was about leaving, otherwise only closes the overlay.
pub(super) fn interrupted(app: &App, overlay: &Overlay) -> Outcome {
    let leaves = |ask: &Ask| ask.answers.iter().any(|(_, answer)| *answer == Answer::LeaveKeeping);
    match overlay {
        Overlay::Ask(ask) if leaves(ask) => leaving::leave(app, true),
        _ => Outcome::default(),
    }
}

fn run(app: &App, does: &Does) -> Outcome {
    match does {
        Does::Act(intent) => Outcome::then(*intent),
        Does::GoTo(place) => Outcome::go(Go::Place(place.clone())),
        Does::On(step, intent) => Outcome { go: Some(Go::List(*step)), ..Outcome::then(*intent) },
        Does::Explain(at) => app.case.report.findings.get(*at).map(explained).unwrap_or_default(),
    }
}

/// What a finding means, and what to do.
fn explained(finding: &Finding) -> Outcome {
    let mut lines = vec![finding.message(Wording::Full), finding.remedy(Wording::Full)];
    lines.push(finding.check.explain.to_owned());
    lines.push(format!("at {}", finding.place()));
    lines.retain(|line| !line.is_empty());
    Outcome::show(Overlay::Notice(Notice { title: finding.code().to_owned(), lines, top: 0 }))
}

/// An item of a pick list was chosen.
fn picked(app: &App, purpose: Purpose, list: List<Known>) -> Outcome {
    let at = list.shown.get(list.row).copied();
    match purpose {
        Purpose::Field { ref place, free } => {
            let typed = if free { list.typed() } else { None };
            let Some(value) = list.current().map(|known| known.value.as_str()).or(typed) else {
                return Outcome::show(Overlay::Pick(purpose, list));
            };
            Outcome {
                turns: vec![Turn::Touch(place.clone())],
                then: app.focus.is_filling().then_some(Intent::AcceptField),
                ..Outcome::edit(Edit::Set(place.clone(), Some(value.into())))
            }
        }
        Purpose::Write => {
            let purpose = at.and_then(|at| saving::PROMPTS.get(at));
            let prompt = |purpose: &PromptFor| Outcome::show(Overlay::Prompt(questions::prompt(app, purpose.clone())));
            purpose.map(prompt).unwrap_or_default()
        }
        Purpose::Thread(cpus) => map::place(app, &cpus, at),
        Purpose::Compare(bases) => {
            let base = at.and_then(|at| bases.into_iter().nth(at));
            base.map(|base| review::compare(app, base)).unwrap_or_default()
        }
    }
}

/// Carries out the answer.
fn answered(app: &App, answer: Answer) -> Outcome {
    match answer {
        Answer::Stay => Outcome::default(),
        Answer::LeaveKeeping => leaving::leave(app, true),
        Answer::LeaveDiscarding => leaving::discard(app),
        Answer::TakeDraft(left) => drafts::take(left),
        Answer::ForgetDrafts(paths) => Outcome::effect(Effect::ForgetDrafts(paths)),
        Answer::Build => leaving::start_build(app),
        Answer::CancelBuild => {
            let turn = Turn::Build(app.build.cancelled().into());
            Outcome { effects: vec![Effect::CancelBuild], ..Outcome::turn(turn) }
        }
        Answer::OverwritePreset { name, description } => saving::save_preset(app, name, description),
        Answer::DeletePreset(name) => Outcome::effect(Effect::DeletePreset(name)),
        Answer::Drive(address, kind) => pci::choose_way(app, address, kind),
        Answer::AskAgain => Outcome::turn(Turn::AskAll),
        Answer::UseDemo => {
            let turns = vec![Turn::UseDemo, Turn::AskAll];
            Outcome { turns, ..Outcome::effect(Effect::UseDemo) }
        }
        Answer::Probe => probing::agreed(),
        Answer::ShowProbe => probing::show(app),
    }
}

/// A prompt was answered.
fn prompted(app: &App, prompt: Prompt) -> Outcome {
    let text = prompt.input.value().trim().to_owned();
    let error = match prompt.purpose {
        _ if text.is_empty() => format!("{} is empty", prompt.label),
        PromptFor::Consent if text == app.name() => return leaving::start_build(app),
        PromptFor::Consent => format!("type {} to build anyway; Esc goes back", app.name()),
        PromptFor::GiveUp(ref device) if HostDevice::typed(&text).as_ref() == Ok(device) => {
            return Outcome { then: Some(Intent::Build), ..Outcome::turn(Turn::GiveUp(device.clone())) };
        }
        PromptFor::GiveUp(ref device) => format!("that is not {device}"),
        PromptFor::SpecFile => return Outcome::effect(Effect::WriteFile { path: text, text: app.json() }),
        PromptFor::XmlFile => return Outcome::effect(Effect::WriteFile { path: text, text: app.xml_text() }),
        PromptFor::Preset => return preset(app, text, &prompt),
    };
    Outcome::show(Overlay::Prompt(Prompt { error: Some(error), ..prompt }))
}

/// Saves the preset under this name; asks first if the name exists.
fn preset(app: &App, name: String, prompt: &Prompt) -> Outcome {
    let description = prompt.second.as_ref().map(|(_, input)| input.value().trim().to_owned()).unwrap_or_default();
    if app.presets.iter().all(|preset| preset.name != name) {
        return saving::save_preset(app, name, description);
    }
    Outcome::show(Overlay::Ask(Ask {
        title: format!("Replace the preset {name}?"),
        lines: vec!["A preset of this name exists.".into()],
        answers: vec![
            ("Keep the old one".into(), Answer::Stay),
            ("Replace it".into(), Answer::OverwritePreset { name, description }),
        ],
        row: 0,
    }))
}
