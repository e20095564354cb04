//! What leaves the wizard as text: presets, files, the clipboard; and what pick lists and prompts give back.

use super::case::input;
use super::form::Kind;
use super::options::Known;
use super::overlay::{Answer, Ask, List, Overlay, Prompt, PromptFor, Purpose};
use super::steps::review;
use super::steps::system::map;
use super::{App, Effect, StepId, Zone, leave};
use crate::checks::{Allowed, Wording};
use crate::machine;
use crate::units::PciAddress;
use tui_input::Input;

/// What can be written.
const MENU: [(&str, &str); 3] = [
    ("Save as preset", "to start from later, here or with vmbuild --preset"),
    ("Write the spec to a file", "JSON, for vmbuild build FILE"),
    ("Write the domain XML to a file", "for virsh define FILE"),
];

/// Asks what to write.
pub fn menu() -> Overlay {
    let item = |(value, note): (&str, &str)| Known { value: value.to_owned(), note: note.to_owned() };
    Overlay::Pick(Purpose::Write, List::new("Save", MENU.into_iter().map(item).collect()))
}

fn prompt(app: &App, purpose: PromptFor) -> Overlay {
    let name = if app.name().is_empty() { "vm" } else { app.name() };
    let (title, label, text) = match purpose {
        PromptFor::Preset => ("Save as preset", "Name", name.to_owned()),
        PromptFor::SpecFile => ("Write the spec to a file", "Path", format!("{name}.json")),
        PromptFor::XmlFile => ("Write the domain XML to a file", "Path", format!("{name}.xml")),
        PromptFor::Consent => ("This can take something from the host", "Name of the VM", String::new()),
        PromptFor::GiveUp(_) => ("The host uses this device", "Its address", String::new()),
    };
    let second = (purpose == PromptFor::Preset).then(|| ("What it is for", Input::default()));
    let (lines, offered, input) = (Vec::new(), !text.is_empty(), Input::new(text));
    Overlay::Prompt(Prompt { purpose, title, lines, label, input, offered, second, on_second: false, error: None })
}

/// Asks for the name of the VM before a build that can hurt the host, for the reasons given.
pub fn consent(app: &App, reasons: Vec<String>) -> Overlay {
    let overlay = prompt(app, PromptFor::Consent);
    match overlay {
        Overlay::Prompt(prompt) => Overlay::Prompt(Prompt { lines: reasons, ..prompt }),
        other => other,
    }
}

/// Asks for the address of a function that the host uses, typed out, before a build that takes it.
pub fn give_up(app: &App, address: PciAddress) -> Overlay {
    let overlay = prompt(app, PromptFor::GiveUp(address));
    let about = app.case.report.blockers().filter(|finding| finding.lock_out() == Some(address));
    let mut lines: Vec<String> = about.map(super::leave::line).collect();
    lines.push(format!("Type {address} to take it from the host anyway; Esc goes back."));
    match overlay {
        Overlay::Prompt(prompt) => Overlay::Prompt(Prompt { lines, ..prompt }),
        other => other,
    }
}

/// An item of a pick list was chosen.
pub fn picked(app: &mut App, purpose: Purpose, list: List<Known>) -> Vec<Effect> {
    match purpose {
        Purpose::Field { ref place, free } => {
            let typed = if free { list.typed() } else { None };
            let value = list.current().map(|known| known.value.as_str()).or(typed).map(str::to_owned);
            match value {
                Some(value) => {
                    app.set(place, Some(value.into()));
                    app.touched.insert(place.clone());
                    if app.filling {
                        app.accept_field();
                    }
                }
                None => app.overlays.push(Overlay::Pick(purpose, list)),
            }
        }
        Purpose::Write => {
            let purposes = [PromptFor::Preset, PromptFor::SpecFile, PromptFor::XmlFile];
            let at = list.shown.get(list.row).and_then(|at| purposes.get(*at));
            if let Some(purpose) = at {
                app.overlays.push(prompt(app, *purpose));
            }
        }
        Purpose::Thread(cpus) => map::place(app, &cpus, list.shown.get(list.row).copied()),
        Purpose::Compare(bases) => {
            let at = list.shown.get(list.row).and_then(|at| bases.into_iter().nth(*at));
            if let Some(base) = at {
                review::compare(app, base);
            }
        }
    }
    Vec::new()
}

/// A prompt was answered.
pub fn prompted(app: &mut App, mut prompt: Prompt) -> Vec<Effect> {
    let text = prompt.input.value().trim().to_owned();
    if text.is_empty() {
        prompt.error = Some(format!("{} is empty", prompt.label));
        app.overlays.push(Overlay::Prompt(prompt));
        return Vec::new();
    }
    match prompt.purpose {
        PromptFor::Consent if text == app.name() => leave::answer(app, Answer::Build),
        PromptFor::Consent => {
            prompt.error = Some(format!("type {} to build anyway; Esc goes back", app.name()));
            app.overlays.push(Overlay::Prompt(prompt));
            Vec::new()
        }
        PromptFor::GiveUp(address) if Allowed::typed(&text) == Ok(address) => {
            app.give_up(address);
            app.refresh();
            leave::build(app)
        }
        PromptFor::GiveUp(address) => {
            prompt.error = Some(format!("that is not {address}"));
            app.overlays.push(Overlay::Prompt(prompt));
            Vec::new()
        }
        PromptFor::SpecFile => vec![Effect::WriteFile { path: text, text: json(app) }],
        PromptFor::XmlFile => vec![Effect::WriteFile { path: text, text: xml(app) }],
        PromptFor::Preset => {
            let description = prompt.second.as_ref().map(|(_, input)| input.value().trim().to_owned());
            let description = description.unwrap_or_default();
            if app.presets.iter().any(|preset| preset.name == text) {
                let ask = Ask {
                    title: format!("Replace the preset {text}?"),
                    lines: vec!["A preset of this name exists.".into()],
                    answers: vec![
                        ("Keep the old one".into(), Answer::Stay),
                        ("Replace it".into(), Answer::OverwritePreset { name: text, description }),
                    ],
                    row: 0,
                };
                app.overlays.push(Overlay::Ask(ask));
                return Vec::new();
            }
            save_preset(app, text, description)
        }
    }
}

/// Saves the spec as it stands as a preset: all that is set, whoever set it, but not the name of this one VM.
pub fn save_preset(app: &App, name: String, description: String) -> Vec<Effect> {
    let mut spec = machine::portable(input(&app.content, app.templates.as_deref()).spec(), &app.facts);
    spec.name = None;
    vec![Effect::SavePreset { name, description, spec: Box::new(spec) }]
}

/// The spec as JSON.
pub fn json(app: &App) -> String {
    let mut text = serde_json::to_string_pretty(app.spec()).unwrap_or_default();
    text.push('\n');
    text
}

/// The domain XML.
pub fn xml(app: &App) -> String {
    let mut text = String::new();
    for line in &app.case.preview.lines {
        text.push_str(&line.text);
        text.push('\n');
    }
    text
}

/// Copies what has the focus: the XML, the tab of the review, a finding, or the value of a field.
pub fn copy(app: &mut App) -> Vec<Effect> {
    let text = match app.zone {
        Zone::Checks => {
            let finding = app.case.report.findings.get(app.checks_row);
            finding
                .map(|found| {
                    let (message, remedy) = (found.message(Wording::Full), found.remedy(Wording::Full));
                    format!("{}: {message} {remedy}", found.code())
                })
                .unwrap_or_default()
        }
        Zone::Fields => app.field().map(|field| copied(&field.kind, field.shown())).unwrap_or_default(),
        Zone::Rows if app.step == StepId::Review => review::text(app),
        Zone::Rows | Zone::Xml => xml(app),
    };
    if text.is_empty() {
        app.toast = Some("nothing to copy here".into());
        return Vec::new();
    }
    vec![Effect::Copy(text)]
}

fn copied(kind: &Kind, shown: &str) -> String {
    match kind {
        Kind::Toggle if shown.is_empty() => "no".into(),
        _ => shown.to_owned(),
    }
}
