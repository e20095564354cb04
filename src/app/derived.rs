//! Everything that follows from what the user set and from the facts, computed in one go after each change.

use super::grammar::{self, Reading};
use super::history::Content;
use super::msg::Saved;
use super::xml::XmlLine;
use crate::checks::{self, Allowed, Finding, Report, Severity};
use crate::domain::{self, Element};
use crate::engine::libvirt::Libvirt;
use crate::engine::{Blueprint, Engine as _, PlanOptions};
use crate::facts::Facts;
use crate::machine::{self, Machine};
use crate::plan::Plan;
use crate::spec::{Layer, Origin, Place, Segment, Spec, Stacked, Template, stack};
use serde_json::Value;

/// What follows.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The spec with the origin of every field.
    pub stack: Stacked,
    /// The machine with every default chosen.
    pub machine: Machine,
    /// All findings, those about texts that are no values included.
    pub report: Report,
    /// The domain.
    pub tree: Element,
    /// The same as lines.
    pub xml: Vec<XmlLine>,
    /// What a build would do; meaningful only where nothing blocks.
    pub plan: Plan,
    value: Value,
}

impl Derived {
    /// Computes it all.
    pub fn of(content: &Content, templates: Option<&[Saved]>, facts: &Facts, allowed: &Allowed) -> Self {
        let mut stack = written(content, templates);
        stack.spec = machine::resolve(&stack.spec, facts);
        let machine = machine::machine(&stack.spec, facts);
        let mut report = checks::report_of_stack(&stack, facts, &machine, allowed);
        report.findings.splice(0..0, pending(content));
        let blueprint = Blueprint { spec: &stack.spec, machine: &machine, facts };
        let rendered = Libvirt.render(&blueprint);
        let plan = Plan::of(&Libvirt, &blueprint, &rendered, PlanOptions { start: content.start });
        let (tree, xml) = (rendered.tree.unwrap_or_default(), rendered.lines);
        let value = serde_json::to_value(&stack.spec).unwrap_or_default();
        Self { stack, machine, report, tree, xml, plan, value }
    }

    /// The domain alone.
    pub(super) fn tree_of(layers: &[Layer], facts: &Facts) -> Element {
        let spec = machine::resolve(&Stacked::of(layers).spec, facts);
        tree(&spec, &machine::machine(&spec, facts))
    }

    /// What the spec says at `place`.
    pub fn value(&self, place: &Place) -> Option<&Value> {
        place.0.iter().try_fold(&self.value, |value, segment| match segment {
            Segment::Key(key) => value.get(key),
            Segment::Index(index) => value.get(index),
        })
    }

    /// The rows of the list at `place`; none where there is no list.
    pub fn rows(&self, place: &Place) -> &[Value] {
        self.value(place).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// Custom XML that cannot be merged is a finding; the preview then shows what it would be merged into.
fn tree(spec: &Spec, machine: &Machine) -> Element {
    domain::domain(spec, machine).unwrap_or_else(|_| domain::generated(spec, machine))
}

/// What templates, presets and the user say, before host devices are looked for.
pub(super) fn written(content: &Content, templates: Option<&[Saved]>) -> Stacked {
    let mut layers = content.layers.clone();
    layers.push(Layer { origin: Origin::User, spec: content.own.clone() });
    stack(&layers, &|name| find(templates, name))
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
        code: "FIELD-VALUE",
        severity: Severity::Blocker,
        place: place.clone(),
        message: match grammar::read(grammar::of(place), text) {
            Reading::Wrong { why, .. } => why,
            Reading::Empty | Reading::Value(_) => format!("'{text}' cannot be stored in {place}"),
        },
        remedy: "correct the value, or empty the field to take the default".to_owned(),
        address: None,
        lock_out: false,
    };
    content.pending.iter().map(finding).collect()
}
