//! Step 9: the plan, and how far a build of it is.

pub mod view;

use super::page::StepPage;
use crate::app::App;
use crate::app::intent::Intent;
use crate::app::outcome::Outcome;
use crate::app::overlay::{Notice, Overlay};
use crate::domain::difference::round_trip;
use crate::domain::{Difference, Weight, What};
use crate::plan::{BuildResult, Plan};
use view::{clock, reason};

/// The step.
pub struct Build;

impl StepPage for Build {
    fn summary(&self, app: &App) -> String {
        match &app.build.outcome {
            Some(BuildResult::Built { .. }) => "built".into(),
            Some(BuildResult::Undone { .. }) => "failed, undone".into(),
            Some(BuildResult::NotFullyUndone { .. }) => "failed, not all undone".into(),
            Some(BuildResult::Unverified { .. }) => "built, checks failed".into(),
            Some(BuildResult::Cancelled) => "cancelled, undone".into(),
            None if app.build.is_running() => {
                format!("step {} of {}", app.build.current().map_or(1, |at| at + 1), app.build.steps.len())
            }
            None => String::new(),
        }
    }

    fn rows(&self, app: &App) -> usize {
        plan(app).steps.len()
    }

    fn open(&self, app: &App) -> Outcome {
        let row = app.cursor().row;
        let Some(step) = plan(app).steps.get(row) else { return Outcome::default() };
        let mut lines = vec![step.detail.clone(), step.terms.clone()];
        let undo = plan(app).undo(step);
        lines.extend(undo.iter().flat_map(|it| [format!("undo: {}", it.words), format!("by hand: {}", it.command)]));
        if let Some(run) = app.build.steps.get(row) {
            lines.extend([run.note.clone(), run.original.clone()].into_iter().filter(|text| !text.is_empty()));
            lines.extend(run.diagnosis.iter().flat_map(reason));
        }
        if app.build.compared == Some(row) {
            lines.extend(stored_lines(&app.build.stored));
        }
        let title = step.title.clone();
        Outcome::show(Overlay::Notice(Notice { title, lines, top: 0 }))
    }

    fn act(&self, app: &App, intent: Intent) -> Outcome {
        let (title, lines) = match intent {
            Intent::FullLog => {
                let line = |(at, text): &(u64, String)| format!("{:>8}  {text}", clock(*at));
                ("Log", app.build.log.iter().map(line).collect())
            }
            Intent::ShowStored => ("What libvirt stored", stored_lines(&app.build.stored)),
            _ => return Outcome::default(),
        };
        Outcome::show(Overlay::Notice(Notice { title: title.into(), lines, top: 0 }))
    }

    fn why_not(&self, app: &App, intent: Intent) -> Option<String> {
        let why = match intent {
            Intent::FullLog if app.build.log.is_empty() => "there is no log yet",
            Intent::ShowStored if app.build.stored.is_empty() => "nothing was read back yet",
            _ => return None,
        };
        Some(why.to_owned())
    }
}

/// The plan on screen: that of the build, or what a build would do.
pub fn plan(app: &App) -> &Plan {
    app.build.plan.as_ref().unwrap_or(&app.case.plan)
}

/// What libvirt stored beside what was sent, what it did not keep first.
fn stored_lines(changes: &[Difference]) -> Vec<String> {
    let group = |change: &Difference| match change.weight {
        Weight::Meaning if change.is_lost() => "Not kept as it was sent",
        Weight::Meaning => "Added for this domain",
        Weight::Own => "Added to every domain",
        Weight::Spelling => "The same in other words",
    };
    let headings =
        ["Not kept as it was sent", "Added for this domain", "Added to every domain", "The same in other words"];
    let mut lines = vec![format!("libvirt {}", round_trip(changes))];
    for heading in headings {
        let of_group: Vec<_> = changes.iter().filter(|change| group(change) == heading).map(side_by_side).collect();
        if !of_group.is_empty() {
            lines.push(heading.to_owned());
            lines.extend(of_group);
        }
    }
    lines
}

/// `~ os/type@machine  q35 -> pc-q35-10.0`.
fn side_by_side(change: &Difference) -> String {
    let (sign, path) = (change.sign(), &change.path);
    match &change.what {
        What::Added { to: value } | What::Dropped { from: value } => format!("  {sign} {path}  {value}"),
        What::Changed { from, to } => format!("  {sign} {path}  {from} -> {to}"),
    }
}
