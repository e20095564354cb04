//! Help and commands: what the focus offers, and what is possible elsewhere.

use super::intent::Intent;
use super::keys;
use super::offers::{context, offers};
use super::overlay::{Does, Help, List, Overlay, PaletteCommand};
use super::{App, StepId};
use crate::units::capitalised;
use std::collections::BTreeSet;
use tui_input::Input;

/// The help for the focus as it is.
pub(super) fn help(app: &App) -> Overlay {
    Overlay::Help(Help { offers: offers(app), filter: Input::default(), top: 0 })
}

/// All commands: those of this focus, of the lists of all steps, the steps, the fields of this step, the findings.
pub(super) fn palette(app: &App) -> Overlay {
    let here = app.step.title();
    let offered = offers(app).into_iter().filter(|offer| offer.entry.intent.is_command());
    let mut items: Vec<PaletteCommand> = offered
        .map(|offer| PaletteCommand {
            label: capitalised(offer.entry.label),
            place: if offer.entry.steps.is_empty() { "everywhere".into() } else { here.to_owned() },
            key: offer.keys(),
            why_not: offer.why_not,
            does: Does::Act(offer.entry.intent),
        })
        .collect();
    items.extend(elsewhere(app));
    items.extend(StepId::ALL.into_iter().map(|step| PaletteCommand {
        label: format!("Go to {}", step.title()),
        place: format!("step {}", step.number()),
        key: step.number().to_string(),
        why_not: None,
        does: Does::Act(Intent::Go(step)),
    }));
    items.extend(app.fields().into_iter().map(|field| PaletteCommand {
        label: format!("Go to field {}", field.label),
        place: here.to_owned(),
        key: String::new(),
        why_not: None,
        does: Does::GoTo(field.place),
    }));
    items.extend(app.case.report.findings.iter().enumerate().map(|(at, finding)| PaletteCommand {
        label: format!("Explain {}", finding.code()),
        place: "Checks".into(),
        key: String::new(),
        why_not: None,
        does: Does::Explain(at),
    }));
    // The key table may have an intent once for each of its keys.
    let mut seen = BTreeSet::new();
    items.retain(|command| {
        let acts = matches!(command.does, Does::Act(_) | Does::On(..));
        !acts || seen.insert((command.label.clone(), command.place.clone()))
    });
    Overlay::Palette(List::new("commands", items))
}

/// What the lists of the steps offer and the focus does not.
fn elsewhere(app: &App) -> impl Iterator<Item = PaletteCommand> {
    let (step, rows) = (app.step, context(app) == keys::Context::Rows);
    let each = keys::of_steps().flat_map(|entry| entry.steps.iter().map(move |of| (*of, entry)));
    let list = each.filter(move |(of, entry)| {
        let offered = *of == step && rows;
        // Of what a step may offer, this one depends on the host alone.
        let possible = entry.intent != Intent::Probe || app.probe.is_some();
        !offered && possible && entry.contexts.contains(&keys::Context::Rows) && entry.intent.is_command()
    });
    list.map(|(of, entry)| PaletteCommand {
        label: capitalised(entry.label),
        place: of.title().to_owned(),
        key: entry.keys.first().map(ToString::to_string).unwrap_or_default(),
        why_not: None,
        does: Does::On(of, entry.intent),
    })
}
