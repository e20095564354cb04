//! The case of what the user set, with what is being typed among its findings.

use super::grammar::{self, Reading};
use super::history::Content;
use super::msg::Saved;
use crate::case::{self, Case, CaseInput};
use crate::checks::error::FIELD_VALUE;
use crate::checks::text::text;
use crate::checks::{Allowed, Finding, LeftBuild, Level};
use crate::facts::Facts;
use crate::spec::{Layer, Origin, Place, Template, field};

/// The case of `content`. Texts that are not values yet are findings like those of the checks.
pub(super) fn judge(
    content: &Content,
    templates: Option<&[Saved]>,
    facts: &Facts,
    (allowed, left): (&Allowed, &[LeftBuild]),
) -> Case {
    let input = input(content, templates).allowing(allowed).beside(left).starting(content.start);
    let mut case = case::judge(&input, facts);
    case.report.findings.splice(0..0, pending(content));
    case
}

/// What the user set over presets and templates.
pub(super) fn input(content: &Content, templates: Option<&[Saved]>) -> CaseInput {
    let mut layers = content.layers.clone();
    layers.push(Layer { origin: Origin::User, spec: content.own.clone() });
    CaseInput::of(&layers, &|name| find(templates, name))
}

/// What is known of the template `name`; `None` for templates that have not been read yet.
fn find(templates: Option<&[Saved]>, name: &str) -> Template {
    let Some(templates) = templates else { return Template::Pending };
    match templates.iter().find(|saved| saved.name == name).map(|saved| &saved.spec) {
        Some(Ok(spec)) => Template::Known(Box::new(spec.clone())),
        Some(Err(why)) => Template::Unreadable(why.clone()),
        None => Template::Missing(templates.iter().map(|saved| saved.name.clone()).collect()),
    }
}

/// Texts that the spec cannot hold block the build, because what the user sees is not what would be built.
fn pending(content: &Content) -> Vec<Finding> {
    let finding = |(place, text): (&Place, &String)| Finding {
        check: &FIELD_VALUE,
        level: Level::Blocker,
        topic: place.clone().into(),
        message: match grammar::read(field::grammar(place), text) {
            Reading::Wrong { why, .. } => text!("{why}", why),
            Reading::Empty | Reading::Value(_) => text!("'{text}' cannot be stored in {place}", text, place),
        },
        remedy: "correct the value, or empty the field to take the default".into(),
    };
    content.pending.iter().map(finding).collect()
}
