//! When the probe of a remote host is offered, and what is asked before it runs.

use super::outcome::{Outcome, Turn};
use super::overlay::{Answer, Ask, Notice, Overlay};
use super::probe::{Probe, ProbeState};
use super::{Effect, Model};

/// Asks whether the probe may run; runs it again where it may; gives up the one that runs.
pub(super) fn wanted(model: &Model) -> Outcome {
    let Some(probe) = &model.probe else { return Outcome::default() };
    match probe.state {
        ProbeState::Offered => Outcome::show(Overlay::Ask(question(probe))),
        ProbeState::Running => Outcome::effect(Effect::GiveUpProbe),
        ProbeState::Done | ProbeState::Failed { .. } => agreed(),
    }
}

fn question(probe: &Probe) -> Ask {
    let Probe { host, command, script, .. } = probe;
    let lines = vec![
        format!(
            "libvirt does not report how {host} boots, which disks, NICs and displays it uses, or how its devices sleep \
             and reset. Checks of these are not done."
        ),
        format!("vmbuild would run:  {command}"),
        format!(
            "with a script of {} lines that only reads: files in /sys and /proc, and in /etc, /boot and /usr/lib those \
             about how the host boots. It writes nothing, opens no device, reads no ROM and wakes no device.",
            script.lines().count()
        ),
        format!("To stop this question, set probe = true below the URI of {host} in config.toml."),
    ];
    let answers = vec![
        ("Do not run it".into(), Answer::Stay),
        ("Show the script".into(), Answer::ShowProbe),
        ("Run it, for this session".into(), Answer::Probe),
    ];
    Ask { title: format!("Read what libvirt does not report about {host}?"), lines, answers, row: 0 }
}

/// Shows the script, and asks again.
pub(super) fn show(model: &Model) -> Outcome {
    let Some(probe) = &model.probe else { return Outcome::default() };
    let lines = probe.script.lines().map(str::to_owned).collect();
    let notice = Notice { title: format!("Run on {} by sh -s", probe.host), lines, top: 0 };
    Outcome { show: vec![Overlay::Ask(question(probe)), Overlay::Notice(notice)], ..Outcome::default() }
}

/// The user agreed.
pub(super) fn agreed() -> Outcome {
    Outcome { effects: vec![Effect::Probe], ..Outcome::turn(Turn::Probe(ProbeState::Running)) }
}

/// The probe ended, or why it did without an answer.
pub(super) fn ended(model: &Model, ended: Result<(), String>) -> Outcome {
    let Some(Probe { host, .. }) = &model.probe else { return Outcome::default() };
    let (state, said) = match ended {
        Ok(()) => (ProbeState::Done, format!("the files of {host} were read")),
        Err(why) => (ProbeState::Failed { why: why.clone() }, why),
    };
    Outcome { turns: vec![Turn::Probe(state), Turn::AskDetails], say: Some(said), ..Outcome::default() }
}
