//! Questions and their answers: leaving, starting and cancelling a build. Owns when a question is asked.

use super::history::Content;
use super::overlay::{Answer, Ask, Overlay};
use super::state::DEMO;
use super::steps::build::BuildView;
use super::{App, Effect, Exit, ExitReason, HostState, Signal, StepId};
use crate::case::Asked;
use crate::checks::{Finding, Severity, Wording};
use crate::facts::Facts;

/// Leaves, after a question where something would be interrupted or is not saved as a preset.
pub fn ask(app: &mut App) -> Vec<Effect> {
    app.leave_field();
    if app.build.is_running() {
        app.overlays.push(Overlay::Ask(cancel_question(app)));
        return Vec::new();
    }
    if app.build.has_built(app.name()) || app.content == Content::default() {
        return leave(app, false);
    }
    let draft = if app.name().is_empty() { "The draft".into() } else { format!("The draft of {}", app.name()) };
    let lines = vec![
        format!("{draft} is kept; vmbuild offers it at the next start."),
        "^C again leaves at once, draft kept.".to_owned(),
    ];
    let answers = vec![
        ("Stay".into(), Answer::Stay),
        ("Leave, keep the draft".into(), Answer::LeaveKeeping),
        ("Leave, delete the draft".into(), Answer::LeaveDiscarding),
    ];
    app.overlays.push(Overlay::Ask(Ask { title: "Leave vmbuild?".into(), lines, answers, row: 0 }));
    Vec::new()
}

fn cancel_question(app: &App) -> Ask {
    let undo = app.build.undo_list();
    let mut lines = vec![match undo.len() {
        0 => "Nothing has been made yet.".to_owned(),
        1 => "One thing will be undone:".to_owned(),
        n => format!("{n} things will be undone, newest first:"),
    }];
    lines.extend(undo.into_iter().take(6).map(|what| format!("  {what}")));
    let answers = vec![("Let it run".into(), Answer::Stay), ("Cancel the build and undo".into(), Answer::CancelBuild)];
    Ask { title: format!("Cancel the build of {}?", app.name()), lines, answers, row: 0 }
}

/// `^C` in an overlay: where leaving was asked, it leaves at once; elsewhere it closes the overlay.
pub fn interrupt(app: &mut App) -> Vec<Effect> {
    let asked = matches!(app.overlays.last(), Some(Overlay::Ask(ask))
        if ask.answers.iter().any(|(_, answer)| *answer == Answer::LeaveKeeping));
    app.overlays.pop();
    if asked { leave(app, true) } else { Vec::new() }
}

/// Does what was answered.
pub fn answer(app: &mut App, answer: Answer) -> Vec<Effect> {
    match answer {
        Answer::Stay => Vec::new(),
        Answer::LeaveKeeping => leave(app, true),
        Answer::LeaveDiscarding => {
            let mut effects = vec![Effect::DiscardDraft];
            effects.extend(leave(app, false));
            effects
        }
        Answer::TakeDraft(left) => super::drafts::take(app, left),
        Answer::ForgetDrafts(paths) => vec![Effect::ForgetDrafts(paths)],
        Answer::Build => start_build(app),
        Answer::CancelBuild => {
            app.build.cancelling();
            vec![Effect::CancelBuild]
        }
        Answer::OverwritePreset { name, description } => super::write::save_preset(app, name, description),
        Answer::DeletePreset(name) => vec![Effect::DeletePreset(name)],
        Answer::Drive(address, kind) => {
            app.toast = Some(super::steps::pci::choose_way(app, address, kind));
            Vec::new()
        }
        Answer::AskAgain => super::action::refresh_all(app),
        Answer::UseDemo => use_demo(app),
        Answer::Probe => super::probe::agreed(app),
        Answer::ShowProbe => super::probe::show(app),
    }
}

/// Leaves; `keep` saves the draft once more, because a text may be newer than the last saved one.
fn leave(app: &mut App, keep: bool) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut lines = app.build.summary(app);
    let reason = app.build.exit_reason();
    let built = app.build.has_built(app.name());
    if keep && !built {
        effects.push(Effect::SaveDraft(Box::new(app.draft())));
        lines.push("The draft is kept; vmbuild offers it at the next start.".into());
    }
    // The draft of a VM that is built would only build it twice.
    if built {
        effects.push(Effect::DiscardDraft);
    }
    app.stored = app.content.clone();
    effects.push(Effect::Leave(Exit { reason, lines }));
    effects
}

/// A signal ends the wizard at once; a running build goes on without a screen.
pub fn signal(app: &mut App, _signal: Signal) -> Vec<Effect> {
    app.leave_field();
    if app.build.is_running() {
        return vec![Effect::SaveDraft(Box::new(app.draft()))];
    }
    let mut effects = leave(app, app.content != Content::default());
    if let Some(Effect::Leave(exit)) = effects.last_mut()
        && exit.reason == ExitReason::Left
    {
        exit.reason = ExitReason::Signal;
    }
    effects
}

/// The host cannot be asked. Where it never answered, the user can have the demo host instead; one that is lost on the way
/// is connected again by itself.
pub fn host_failed(app: &mut App, text: String, remedy: String) {
    if app.host == HostState::Connecting && app.editing.is_none() {
        let lines = vec![text.clone(), remedy.clone()].into_iter().filter(|line| !line.is_empty()).collect();
        let mut answers =
            vec![("Continue without a host".into(), Answer::Stay), ("Try again".into(), Answer::AskAgain)];
        // Where the demo host itself cannot be had, libvirt's library is missing.
        if app.uri != DEMO {
            answers.push(("Use the demo host: a recorded workstation, no real host changes".into(), Answer::UseDemo));
        }
        let title = format!("cannot connect to {}", app.uri);
        // Below a question that is open already.
        app.overlays.insert(0, Overlay::Ask(Ask { title, lines, answers, row: 0 }));
    }
    app.host = HostState::Failed { text, remedy };
}

/// Forgets all that is known of the host, keeps what the user set.
fn use_demo(app: &mut App) -> Vec<Effect> {
    app.facts = Facts::default();
    app.pci.forget_host();
    app.asked = Asked::default();
    app.no_build = None;
    app.probe = None;
    DEMO.clone_into(&mut app.uri);
    app.stale = true;
    let mut effects = vec![Effect::UseDemo];
    effects.extend(super::action::refresh_all(app));
    effects
}

fn start_build(app: &mut App) -> Vec<Effect> {
    app.build = BuildView::of(app);
    let (plan, spec) = (Box::new(app.case.plan.clone()), Box::new(app.spec().clone()));
    vec![Effect::Build { plan, spec, allowed: app.allowed.clone() }]
}

/// `PCI-BOOT-GPU  device 0 (0000:01:00.0) ...`.
pub(super) fn line(finding: &Finding) -> String {
    format!("{}  {}", finding.code(), finding.message(Wording::Full))
}

fn is_severe(finding: &Finding) -> bool {
    finding.severity() == Severity::Warning && finding.check.consent
}

/// Goes to the build step and starts: from the review in one key, because the review is the question.
pub fn build(app: &mut App) -> Vec<Effect> {
    let warnings = app.case.report.count(Severity::Warning);
    let unknown = app.case.report.count(Severity::Unknown);
    app.go(StepId::Build);
    if let Some(address) = app.case.report.lock_outs().into_iter().next() {
        app.overlays.push(super::write::give_up(app, address));
        return Vec::new();
    }
    let severe = app.case.report.findings.iter().filter(|finding| is_severe(finding));
    let reasons: Vec<String> = severe.map(line).collect();
    if !reasons.is_empty() {
        app.overlays.push(super::write::consent(app, reasons));
        return Vec::new();
    }
    if warnings + unknown == 0 {
        return start_build(app);
    }
    let mut lines = Vec::new();
    let worth = |severity| severity == Severity::Warning || severity == Severity::Unknown;
    for finding in app.case.report.findings.iter().filter(|finding| worth(finding.severity())).take(6) {
        lines.push(line(finding));
    }
    let title = match (warnings, unknown) {
        (0, 1) => "Build with one check not done?".to_owned(),
        (0, n) => format!("Build with {n} checks not done?"),
        (n, 0) => format!("Build with {n} warning{}?", if n == 1 { "" } else { "s" }),
        (n, m) => format!("Build with {n} warning{} and {m} not checked?", if n == 1 { "" } else { "s" }),
    };
    let answers = vec![("Build".into(), Answer::Build), ("Not yet".into(), Answer::Stay)];
    app.overlays.push(Overlay::Ask(Ask { title, lines, answers, row: 0 }));
    Vec::new()
}
