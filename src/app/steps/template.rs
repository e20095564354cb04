//! Step 1: templates and presets whose values are defaults; several stack.

use super::page::StepPage;
use crate::app::intent::Intent;
use crate::app::outcome::{Edit, Outcome};
use crate::app::overlay::{Answer, Ask, Overlay};
use crate::app::{App, Effect, Model, Saved, grammar};
use crate::spec::{Layer, Origin, Place, Spec, field};
use serde_json::Value;
use std::borrow::Cow;

/// The step.
pub struct TemplatePage;

impl StepPage for TemplatePage {
    fn summary(&self, app: &App) -> String {
        let name = |layer: &Layer| match &layer.origin {
            Origin::Template(name) | Origin::Preset(name) | Origin::File(name) => name.clone(),
            Origin::User => "you".into(),
        };
        app.layers().map(name).collect::<Vec<_>>().join(" + ")
    }

    fn subtitle(&self, _app: &App) -> String {
        "Starting values. You can use several; what you type overrides them all.".into()
    }

    fn rows(&self, app: &App) -> usize {
        app.templates().len() + app.presets.len() + usize::from(lost(app).is_some())
    }

    fn open(&self, app: &App) -> Outcome {
        self.toggle(app)
    }

    fn toggle(&self, app: &App) -> Outcome {
        let Some((origin, saved)) = row(app, app.cursor().row) else { return Outcome::default() };
        match saved.into_owned().spec {
            _ if is_used(app, &origin) => drop_layer(app, &origin),
            Ok(spec) => Outcome::edit(use_layer(app, origin, spec)),
            Err(why) => Outcome::say(why),
        }
    }

    fn act(&self, app: &App, intent: Intent) -> Outcome {
        match (intent, row(app, app.cursor().row)) {
            (Intent::Refresh, _) => {
                Outcome { effects: vec![Effect::ListTemplates, Effect::ListPresets], ..Outcome::default() }
            }
            (Intent::DeleteRow, Some((Origin::Preset(name), _))) => Outcome::show(Overlay::Ask(Ask {
                title: format!("Delete the preset {name}?"),
                lines: vec!["VMs built from it stay as they are.".into()],
                answers: vec![("Keep it".into(), Answer::Stay), ("Delete it".into(), Answer::DeletePreset(name))],
                row: 0,
            })),
            _ => Outcome::default(),
        }
    }

    fn why_not(&self, app: &App, intent: Intent) -> Option<String> {
        match (intent, row(app, app.cursor().row)) {
            (Intent::DeleteRow, Some((Origin::Template(_), _))) => Some("templates are not deleted here".into()),
            (Intent::DeleteRow, Some((_, saved))) if saved.shipped => Some("it comes with vmbuild".into()),
            (Intent::DeleteRow | Intent::Toggle, None) => {
                Some("there is neither template nor preset; w saves one".into())
            }
            _ => None,
        }
    }
}

/// The template or preset of row `at`: templates first, last the one that the spec names and nobody has.
pub fn row(model: &Model, at: usize) -> Option<(Origin, Cow<'_, Saved>)> {
    let (templates, presets) = (model.templates(), &model.presets);
    if let Some(saved) = templates.get(at) {
        return Some((Origin::Template(saved.name.clone()), Cow::Borrowed(saved)));
    }
    if let Some(saved) = presets.get(at - templates.len()) {
        return Some((Origin::Preset(saved.name.clone()), Cow::Borrowed(saved)));
    }
    let name = lost(model).filter(|_| at == templates.len() + presets.len())?;
    let spec = Err(format!("template '{name}' not found"));
    let saved = Saved { name: name.to_owned(), description: String::new(), shipped: false, spec };
    Some((Origin::Template(name.to_owned()), Cow::Owned(saved)))
}

/// The name of a template that the user chose and that is not there any more: listed, so that it can be dropped.
fn lost(model: &Model) -> Option<&str> {
    let name = model.content.own.template.as_deref()?;
    let known = model.templates.as_ref()?;
    known.iter().all(|saved| saved.name != name).then_some(name)
}

/// The place of a template or preset in the stack, from 1; `None` where it is not part of it.
pub fn position(model: &Model, origin: &Origin) -> Option<usize> {
    model.layers().position(|layer| layer.origin == *origin).map(|at| at + 1)
}

/// True where the user chose it, or what the user chose builds on it.
pub fn is_used(model: &Model, origin: &Origin) -> bool {
    let named = matches!(origin, Origin::Template(name) if model.content.own.template.as_ref() == Some(name));
    named || position(model, origin).is_some()
}

/// Lays a preset over those in use; a template takes the place of the one there was.
fn use_layer(model: &Model, origin: Origin, spec: Spec) -> Edit {
    let mut layers = model.content.layers.clone();
    match origin {
        Origin::Template(name) => {
            layers.retain(|layer| !matches!(layer.origin, Origin::Template(_)));
            Edit::Layers(Some(name), layers)
        }
        origin => {
            layers.push(Layer { origin, spec });
            Edit::Layers(model.content.own.template.clone(), layers)
        }
    }
}

/// Takes a template or preset out of the stack.
fn drop_layer(model: &Model, origin: &Origin) -> Outcome {
    let template = model.content.own.template.clone().filter(|_| !matches!(origin, Origin::Template(_)));
    let layers = model.content.layers.iter().filter(|layer| layer.origin != *origin).cloned().collect();
    let edits = vec![Edit::Layers(template, layers)];
    let say = is_used(&model.after(&edits), origin).then(|| "a preset in use is based on it".into());
    Outcome { say, ..Outcome::edits(edits) }
}

/// What a partial spec would set: fields and values, one line each.
pub fn sets(spec: &Spec) -> Vec<(String, String)> {
    let Ok(Value::Object(members)) = serde_json::to_value(spec) else { return Vec::new() };
    let mut out = Vec::new();
    for (key, value) in members {
        let place = Place::root().key(&key);
        match value {
            Value::Object(inner) => out.extend(inner.into_iter().map(|(name, value)| {
                let place = place.clone().key(&name);
                (format!("{key}.{name}"), short(&place, &value))
            })),
            value => out.push((key, short(&place, &value))),
        }
    }
    out
}

/// A value in one line, amounts with their unit.
fn short(place: &Place, value: &Value) -> String {
    match value {
        Value::Array(rows) => {
            let row = |(at, row)| short(&place.clone().index(at), row);
            rows.iter().enumerate().map(row).collect::<Vec<_>>().join("; ")
        }
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| format!("{key} {}", short(&place.clone().key(key), value));
            members.iter().map(member).collect::<Vec<_>>().join(", ")
        }
        value => {
            let text = grammar::show(field::grammar(place), value);
            text.lines().next().unwrap_or_default().to_owned()
        }
    }
}
