//! Step 1: templates and presets whose values are defaults; several stack.

use super::Step;
use crate::app::action::Action;
use crate::app::overlay::{Answer, Ask, Overlay};
use crate::app::{App, Effect, Saved, grammar};
use crate::spec::{Layer, Origin, Place, Spec};
use serde_json::Value;

/// The step.
pub struct Template;

impl Step for Template {
    fn summary(&self, app: &App) -> String {
        let name = |layer: &Layer| match &layer.origin {
            Origin::Template(name) | Origin::Preset(name) | Origin::File(name) => name.clone(),
            Origin::User => "you".into(),
        };
        app.content.layers.iter().map(name).collect::<Vec<_>>().join(" + ")
    }

    fn subtitle(&self, _app: &App) -> String {
        "Values to start from. Several stack; what you type stands over all.".into()
    }

    fn rows(&self, app: &App) -> usize {
        app.templates.len() + app.presets.len()
    }

    fn open(&self, app: &mut App) -> Vec<Effect> {
        self.toggle(app)
    }

    fn toggle(&self, app: &mut App) -> Vec<Effect> {
        let Some((origin, saved)) = row(app, app.cursor().row) else { return Vec::new() };
        match saved.spec.clone() {
            Ok(spec) => switch(app, &origin, spec),
            Err(why) => app.toast = Some(why),
        }
        Vec::new()
    }

    fn act(&self, app: &mut App, action: Action) -> Vec<Effect> {
        match (action, row(app, app.cursor().row)) {
            (Action::Refresh, _) => vec![Effect::ListTemplates, Effect::ListPresets],
            (Action::DeleteRow, Some((Origin::Preset(name), _))) => {
                app.overlays.push(Overlay::Ask(Ask {
                    title: format!("Delete the preset {name}?"),
                    lines: vec!["VMs built from it stay as they are.".into()],
                    answers: vec![("Keep it".into(), Answer::Stay), ("Delete it".into(), Answer::DeletePreset(name))],
                    row: 0,
                }));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn why_not(&self, app: &App, action: Action) -> Option<String> {
        match (action, row(app, app.cursor().row)) {
            (Action::DeleteRow, Some((Origin::Template(_), _))) => Some("templates are not deleted here".into()),
            (Action::DeleteRow, Some((_, Saved { shipped: true, .. }))) => Some("it comes with vmbuild".into()),
            (Action::DeleteRow | Action::Toggle, None) => {
                Some("there is neither template nor preset; w saves one".into())
            }
            _ => None,
        }
    }
}

/// The template or preset of row `at`: templates first.
pub fn row(app: &App, at: usize) -> Option<(Origin, &Saved)> {
    if let Some(saved) = app.templates.get(at) {
        return Some((Origin::Template(saved.name.clone()), saved));
    }
    let saved = app.presets.get(at.checked_sub(app.templates.len())?)?;
    Some((Origin::Preset(saved.name.clone()), saved))
}

/// The place of a template or preset in the stack, from 1; `None` where it is not used.
pub fn position(app: &App, origin: &Origin) -> Option<usize> {
    app.content.layers.iter().position(|layer| layer.origin == *origin).map(|at| at + 1)
}

/// Uses a template or preset, or drops it. There is one template, which the spec names, with those it builds on.
fn switch(app: &mut App, origin: &Origin, spec: Spec) {
    app.checkpoint();
    let used = position(app, origin).is_some();
    match origin {
        Origin::Template(name) => app.content.own.template = (!used).then(|| name.clone()),
        _ if used => app.content.layers.retain(|layer| layer.origin != *origin),
        _ => app.content.layers.push(Layer { origin: origin.clone(), spec }),
    }
    relayer(app);
    if used && position(app, origin).is_some() {
        app.toast = Some("a preset in use builds on it".into());
    }
    app.stale = true;
}

/// Puts the template that the spec names, or else the last preset that names one, below the presets.
fn relayer(app: &mut App) {
    let mut layers = std::mem::take(&mut app.content.layers);
    layers.retain(|layer| !matches!(layer.origin, Origin::Template(_)));
    let named = layers.iter().rev().find_map(|layer| layer.spec.template.clone());
    let mut chain = Vec::new();
    let mut next = app.content.own.template.clone().or(named);
    while let Some(name) = next.take() {
        let origin = Origin::Template(name.clone());
        let found = app.templates.iter().find(|saved| saved.name == name);
        match found.map(|saved| &saved.spec) {
            // A circle ends where it began; the store refuses it by name when the spec is built.
            Some(Ok(_)) if chain.iter().any(|layer: &Layer| layer.origin == origin) => {}
            Some(Ok(spec)) => {
                next.clone_from(&spec.template);
                chain.insert(0, Layer { origin, spec: spec.clone() });
            }
            Some(Err(why)) => app.toast = Some(why.clone()),
            None => app.toast = Some(format!("there is no template {name}")),
        }
    }
    chain.append(&mut layers);
    app.content.layers = chain;
}

/// What a partial spec would set: fields and values, one line each.
pub fn sets(spec: &Spec) -> Vec<(String, String)> {
    let Ok(Value::Object(members)) = serde_json::to_value(spec) else { return Vec::new() };
    let mut out = Vec::new();
    for (key, value) in members {
        match value {
            Value::Object(inner) => {
                out.extend(inner.into_iter().map(|(name, value)| (format!("{key}.{name}"), short(&name, &value))));
            }
            value => {
                let text = short(&key, &value);
                out.push((key, text));
            }
        }
    }
    out
}

/// A value in one line, amounts with their unit.
fn short(key: &str, value: &Value) -> String {
    match value {
        Value::Array(rows) => rows.iter().map(|row| short(key, row)).collect::<Vec<_>>().join("; "),
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| format!("{key} {}", short(key, value));
            members.iter().map(member).collect::<Vec<_>>().join(", ")
        }
        value => {
            let text = grammar::show(grammar::of(&Place::root().key(key)), value);
            text.lines().next().unwrap_or_default().to_owned()
        }
    }
}
