//! What is asked before something is lost, built or given up, in which words. What an answer comes to is the business of
//! `app::answering`.

use super::App;
use super::model::{DEMO, Model};
use super::overlay::{Answer, Ask, Overlay, Prompt, PromptFor};
use crate::checks::{Finding, HostDevice, Severity, Wording};
use tui_input::Input;

/// Whether to leave.
pub(super) fn leave(model: &Model) -> Overlay {
    let name = model.name();
    let draft = if name.is_empty() { "The draft".into() } else { format!("The draft of {name}") };
    let lines = vec![
        format!("{draft} is kept; vmbuild offers it at the next start."),
        "^C again leaves at once, draft kept.".to_owned(),
    ];
    let answers = vec![
        ("Stay".into(), Answer::Stay),
        ("Leave, keep the draft".into(), Answer::LeaveKeeping),
        ("Leave, delete the draft".into(), Answer::LeaveDiscarding),
    ];
    Overlay::Ask(Ask { title: "Leave vmbuild?".into(), lines, answers, row: 0 })
}

/// Whether to cancel the build.
pub(super) fn cancel(app: &App) -> Overlay {
    let undo = app.build.undo_list();
    let mut lines = vec![match undo.len() {
        0 => "Nothing has been made yet.".to_owned(),
        1 => "One thing will be undone:".to_owned(),
        n => format!("{n} things will be undone, newest first:"),
    }];
    lines.extend(undo.into_iter().take(6).map(|what| format!("  {what}")));
    let answers = vec![("Let it run".into(), Answer::Stay), ("Cancel the build and undo".into(), Answer::CancelBuild)];
    Overlay::Ask(Ask { title: format!("Cancel the build of {}?", app.name()), lines, answers, row: 0 })
}

/// How to go on without the host, which never answered.
pub(super) fn without_host(model: &Model, text: &str, remedy: &str) -> Overlay {
    let lines = [text, remedy].into_iter().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let mut answers = vec![("Continue without a host".into(), Answer::Stay), ("Try again".into(), Answer::AskAgain)];
    // Where the demo host itself cannot be had, libvirt's library is missing.
    if model.uri != DEMO {
        answers.push(("Use the demo host: a recorded workstation, no real host changes".into(), Answer::UseDemo));
    }
    Overlay::Ask(Ask { title: format!("cannot connect to {}", model.uri), lines, answers, row: 0 })
}

/// What has to be answered before a build; `None` where it can begin: from the review in one key, because the review is the
/// question.
pub(super) fn build(model: &Model) -> Option<Overlay> {
    let report = &model.case.report;
    if let Some(device) = report.lock_outs().into_iter().next() {
        return Some(give_up(model, device));
    }
    let reasons: Vec<String> = report.findings.iter().filter(|finding| is_severe(finding)).map(line).collect();
    if !reasons.is_empty() {
        return Some(Overlay::Prompt(Prompt { lines: reasons, ..prompt(model, PromptFor::Consent) }));
    }
    let (warnings, unknown) = (report.count(Severity::Warning), report.count(Severity::Unknown));
    let title = match (warnings, unknown) {
        (0, 0) => return None,
        (0, 1) => "Build with one check not done?".to_owned(),
        (0, n) => format!("Build with {n} checks not done?"),
        (n, 0) => format!("Build with {n} warning{}?", if n == 1 { "" } else { "s" }),
        (n, m) => format!("Build with {n} warning{} and {m} not checked?", if n == 1 { "" } else { "s" }),
    };
    let worth = |finding: &&Finding| matches!(finding.severity(), Severity::Warning | Severity::Unknown);
    let lines = report.findings.iter().filter(worth).take(6).map(line).collect();
    let answers = vec![("Build".into(), Answer::Build), ("Not yet".into(), Answer::Stay)];
    Some(Overlay::Ask(Ask { title, lines, answers, row: 0 }))
}

/// `PCI-BOOT-GPU  device 0 (0000:01:00.0) ...`.
fn line(finding: &Finding) -> String {
    format!("{}  {}", finding.code(), finding.message(Wording::Full))
}

fn is_severe(finding: &Finding) -> bool {
    finding.severity() == Severity::Warning && finding.check.consent
}

/// Asks for the name of a device that the host uses, typed out, before a build that takes it.
fn give_up(model: &Model, device: &HostDevice) -> Overlay {
    let about = model.case.report.blockers().filter(|finding| finding.lock_out() == Some(device));
    let mut lines: Vec<String> = about.map(line).collect();
    lines.push(format!("Type {device} to take it from the host anyway; Esc goes back."));
    Overlay::Prompt(Prompt { lines, ..prompt(model, PromptFor::GiveUp(device.clone())) })
}

/// Asks for a text.
pub(super) fn prompt(model: &Model, purpose: PromptFor) -> Prompt {
    let name = if model.name().is_empty() { "vm" } else { model.name() };
    let (title, label, text) = match &purpose {
        PromptFor::Preset => ("Save as preset", "Name", name.to_owned()),
        PromptFor::SpecFile => ("Write the spec to a file", "Path", format!("{name}.json")),
        PromptFor::XmlFile => ("Write the domain XML to a file", "Path", format!("{name}.xml")),
        PromptFor::Consent => ("This can take something from the host", "Name of the VM", String::new()),
        PromptFor::GiveUp(HostDevice::Function(_)) => ("The host uses this device", "Its address", String::new()),
        PromptFor::GiveUp(HostDevice::Drive(_)) => ("The host uses this drive", "Its path", String::new()),
    };
    let second = (purpose == PromptFor::Preset).then(|| ("What it is for", Input::default()));
    let (lines, offered, input) = (Vec::new(), !text.is_empty(), Input::new(text));
    Prompt { purpose, title, lines, label, input, offered, second, on_second: false, error: None }
}
