//! What leaves the wizard as text: presets, files, the clipboard.

use super::case::input;
use super::focus::Zone;
use super::form::FieldKind;
use super::model::Model;
use super::options::Known;
use super::outcome::Outcome;
use super::overlay::{List, Overlay, PromptFor, Purpose};
use super::steps::review;
use super::{App, Effect, StepId};
use crate::checks::{Finding, Wording};
use crate::machine;

/// What can be written.
const MENU: [(&str, &str); 3] = [
    ("Save as preset", "to start from later, here or with vmbuild --preset"),
    ("Write the spec to a file", "JSON, for vmbuild build FILE"),
    ("Write the domain XML to a file", "for virsh define FILE"),
];

/// Asks what to write.
pub(super) fn menu() -> Overlay {
    let item = |(value, note): (&str, &str)| Known { value: value.to_owned(), note: note.to_owned() };
    Overlay::Pick(Purpose::Write, List::new("Save", MENU.into_iter().map(item).collect()))
}

/// What is asked for what was chosen to be written, item by item of the menu.
pub(super) const PROMPTS: [PromptFor; 3] = [PromptFor::Preset, PromptFor::SpecFile, PromptFor::XmlFile];

/// Saves the spec as it stands as a preset: all that is set, whoever set it, but not the name of this one VM.
pub(super) fn save_preset(model: &Model, name: String, description: String) -> Outcome {
    let mut spec = machine::portable(input(&model.content, model.templates.as_deref()).spec(), &model.facts);
    spec.name = None;
    Outcome::effect(Effect::SavePreset { name, description, spec: Box::new(spec) })
}

/// Copies what has the focus: the XML, the tab of the review, a finding, or the value of a field.
pub(super) fn copy(app: &App) -> Outcome {
    let text = match app.zone() {
        Zone::Checks => {
            let finding = app.case.report.findings.get(app.checks_row);
            finding.map(copied_finding).unwrap_or_default()
        }
        Zone::Fields => app.field().map(|field| copied(&field.kind, field.shown())).unwrap_or_default(),
        Zone::Rows if app.step == StepId::Review => review::text(app),
        Zone::Rows | Zone::Xml => app.xml_text(),
    };
    if text.is_empty() {
        return Outcome::say("nothing to copy here");
    }
    Outcome::effect(Effect::Copy(text))
}

fn copied_finding(finding: &Finding) -> String {
    let (message, remedy) = (finding.message(Wording::Full), finding.remedy(Wording::Full));
    format!("{}: {message} {remedy}", finding.code())
}

fn copied(kind: &FieldKind, shown: &str) -> String {
    match kind {
        FieldKind::Toggle if shown.is_empty() => "no".into(),
        _ => shown.to_owned(),
    }
}
