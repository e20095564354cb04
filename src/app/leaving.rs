//! The ways in which the wizard lets go: it ends, or hands what was described to a build.

use super::history::Content;
use super::outcome::{Go, Outcome, Turn};
use super::{App, Effect, ExitReason, WizardExit};

/// True where nothing would be lost: the VM is built, or nothing was set.
pub(super) fn has_nothing_to_lose(app: &App) -> bool {
    app.build.has_built(app.name()) || app.content == Content::default()
}

/// Leaves; `keep` saves the draft once more, because a text may be newer than the last saved one.
pub(super) fn leave(app: &App, keep: bool) -> Outcome {
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
    effects.push(Effect::Leave(WizardExit { reason, lines }));
    Outcome { effects, ..Outcome::turn(Turn::Kept) }
}

/// Leaves and forgets the draft.
pub(super) fn discard(app: &App) -> Outcome {
    let mut outcome = leave(app, false);
    outcome.effects.insert(0, Effect::DiscardDraft);
    outcome
}

/// A signal ends the wizard at once; a running build goes on without a screen.
pub(super) fn signalled(app: &App) -> Outcome {
    let go = Some(Go::Focus(app.focus.outside()));
    if app.build.is_running() {
        return Outcome { go, ..Outcome::effect(Effect::SaveDraft(Box::new(app.draft()))) };
    }
    let mut outcome = leave(app, app.content != Content::default());
    if let Some(Effect::Leave(exit)) = outcome.effects.last_mut()
        && exit.reason == ExitReason::Left
    {
        exit.reason = ExitReason::Signal;
    }
    Outcome { go, ..outcome }
}

/// The build begins.
pub(super) fn start_build(app: &App) -> Outcome {
    let (plan, spec) = (Box::new(app.case.plan.clone()), Box::new(app.spec().clone()));
    let effect = Effect::Build { plan, spec, allowed: app.allowed.clone() };
    Outcome { effects: vec![effect], ..Outcome::turn(Turn::Build(app.build.begin(app).into())) }
}
