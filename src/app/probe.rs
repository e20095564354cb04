//! What a remote host's files contain, read over SSH: when that is offered, what is asked before, how far it is. Owns no
//! word of what is run; that comes with the start.

use super::overlay::{Answer, Ask, Notice, Overlay};
use super::{App, Effect};

/// The probe of a remote host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// Name of the host.
    pub host: String,
    /// The command that is run, as a person would type it.
    pub command: String,
    /// What the command is given to run there.
    pub script: &'static str,
    /// How far it is.
    pub state: ProbeState,
}

/// How far a probe is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProbeState {
    /// The user has not agreed to it yet.
    #[default]
    Offered,
    /// It runs.
    Running,
    /// Its answer is in the facts.
    Done,
    /// It ended without an answer.
    Failed {
        /// Why, with the fix.
        why: String,
    },
}

/// Asks whether the probe may run; runs it again where it may; gives up the one that runs.
pub(super) fn wanted(app: &mut App) -> Vec<Effect> {
    let Some(probe) = &app.probe else { return Vec::new() };
    match probe.state {
        ProbeState::Offered => app.overlays.push(Overlay::Ask(question(probe))),
        ProbeState::Running => return vec![Effect::GiveUpProbe],
        ProbeState::Done | ProbeState::Failed { .. } => return agreed(app),
    }
    Vec::new()
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
pub(super) fn show(app: &mut App) -> Vec<Effect> {
    if let Some(probe) = &app.probe {
        let lines = probe.script.lines().map(str::to_owned).collect();
        let notice = Notice { title: format!("Run on {} by sh -s", probe.host), lines, top: 0 };
        let ask = question(probe);
        app.overlays.extend([Overlay::Ask(ask), Overlay::Notice(notice)]);
    }
    Vec::new()
}

/// The user agreed.
pub(super) fn agreed(app: &mut App) -> Vec<Effect> {
    if let Some(probe) = &mut app.probe {
        probe.state = ProbeState::Running;
        return vec![Effect::Probe];
    }
    Vec::new()
}

/// The probe ended, or why it did without an answer.
pub(super) fn ended(app: &mut App, ended: Result<(), String>) {
    let Some(probe) = &mut app.probe else { return };
    let host = &probe.host;
    let (state, toast) = match ended {
        Ok(()) => (ProbeState::Done, format!("the files of {host} were read")),
        Err(why) => (ProbeState::Failed { why: why.clone() }, why),
    };
    probe.state = state;
    app.toast = Some(toast);
    app.asked.forget_details(|_| true);
}
