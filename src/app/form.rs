//! Forms as data: which fields a step has, what stands in them and why. Owns neither keys nor drawing; `--plain` and
//! the screen read the same fields.

use super::grammar;
use super::model::Model;
use super::options::KnownValues;
use crate::machine::Choice;
use crate::spec::{Grammar, Place, field};
use std::borrow::Cow;

/// One field of a form.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The field of the spec behind it.
    pub place: Place,
    /// Name before the value.
    pub label: Cow<'static, str>,
    /// How its text is read.
    pub grammar: Grammar,
    /// How it is edited.
    pub kind: FieldKind,
    /// What the user or a template set, as text; empty where nothing is set.
    pub text: String,
    /// What holds where nothing is set: "q35", "chosen by libvirt". Empty where the field has to be filled.
    pub default: String,
    /// Why that holds; said only while nothing is set.
    pub why: String,
    /// Beside the value: the free space of a pool, what a choice means, how an amount is understood.
    pub note: String,
    /// One or two sentences for the help line.
    pub help: &'static str,
    /// Why it cannot be edited now.
    pub disabled: Option<String>,
    /// The template or preset its value comes from.
    pub origin: Option<String>,
    /// Heading that it stands under; empty for the first fields of a form.
    pub group: &'static str,
    /// Shown only where something is set, or where the user wants to see all fields.
    pub more: bool,
}

/// How a field is edited.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldKind {
    /// A line of text.
    Text,
    /// One of known values; `free` where other values are possible, too.
    Choice {
        /// The known values.
        options: KnownValues,
        /// Any other text is allowed.
        free: bool,
    },
    /// Yes or no.
    Toggle,
    /// Several lines of text.
    Lines,
}

impl Field {
    fn new(place: Place, kind: FieldKind) -> Self {
        let row = field::at(&place);
        Self {
            label: row.map_or("", |row| row.label).into(),
            grammar: row.map_or(Grammar::Text, |row| row.grammar),
            group: row.map_or("", |row| row.group.heading()),
            place,
            kind,
            text: String::new(),
            default: String::new(),
            why: String::new(),
            note: String::new(),
            help: "",
            disabled: None,
            origin: None,
            more: false,
        }
    }

    /// A line of text.
    pub fn text(place: Place) -> Self {
        Self::new(place, FieldKind::Text)
    }

    /// A choice among known values.
    pub fn choice(place: Place, options: KnownValues) -> Self {
        Self::new(place, FieldKind::Choice { options, free: false })
    }

    /// A choice that takes other values, too.
    pub fn free(place: Place, options: KnownValues) -> Self {
        Self::new(place, FieldKind::Choice { options, free: true })
    }

    /// Yes or no.
    pub fn toggle(place: Place) -> Self {
        Self::new(place, FieldKind::Toggle)
    }

    /// Several lines.
    pub fn lines(place: Place) -> Self {
        Self::new(place, FieldKind::Lines)
    }

    /// With another name than that of the table, where the name depends on the rest of its row.
    #[must_use]
    pub fn called(mut self, label: &'static str) -> Self {
        self.label = label.into();
        self
    }

    /// One of several of the same name.
    #[must_use]
    pub fn numbered(mut self, number: usize) -> Self {
        self.label = format!("{} {number}", self.label).into();
        self
    }

    /// With what holds where nothing is set, and why.
    #[must_use]
    pub fn default(mut self, value: impl Into<String>, why: impl Into<String>) -> Self {
        (self.default, self.why) = (value.into(), why.into());
        self
    }

    /// With a note beside the value.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// With a help text.
    #[must_use]
    pub fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    /// One that not every VM needs.
    #[must_use]
    pub fn more(mut self) -> Self {
        self.more = true;
        self
    }

    /// Not editable, for a reason, where there is one.
    #[must_use]
    pub fn disabled(mut self, why: Option<String>) -> Self {
        self.disabled = why;
        self
    }

    /// What stands in it: the value or the default.
    pub fn shown(&self) -> &str {
        if self.text.is_empty() { &self.default } else { &self.text }
    }

    /// True where its value is on.
    pub fn is_on(&self) -> bool {
        self.shown() == "yes"
    }
}

/// Which fields the forms show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// Those that every VM needs, and those that are set.
    #[default]
    Usual,
    /// All of them.
    All,
}

/// Why vmbuild chose a value; empty where the user did.
pub(super) fn why<T>(choice: &Choice<T>) -> String {
    choice.why().unwrap_or_default().to_owned()
}

/// A truth value as toggles show it.
pub(super) fn yes(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

/// Puts into `field` what is set; `typed` is the text that is being typed into it.
pub(super) fn fill(model: &Model, field: &mut Field, typed: Option<&str>) {
    if let Some(text) = model.content.pending.get(&field.place) {
        field.text.clone_from(text);
    } else if let Some(value) = model.values.get(&field.place) {
        field.text = grammar::show(field.grammar, value);
        field.origin = model.origin(&field.place);
    } else if model.content.own.takes_away(&field.place) {
        "what the template or preset sets is taken away".clone_into(&mut field.why);
    }
    // While a text is typed it is that text which is understood in some way, not the shown value.
    field.note = beside(field, typed.unwrap_or(&field.text));
}

/// What stands beside the value. The reason of a default says nothing about a value that the user chose.
fn beside(field: &Field, text: &str) -> String {
    let meaning = match &field.kind {
        FieldKind::Choice { options, .. } => options.note(field.shown()).unwrap_or_default().to_owned(),
        _ => grammar::echo(field.grammar, text),
    };
    let first = if field.text.is_empty() && !field.why.is_empty() { &field.why } else { &meaning };
    [first.as_str(), field.note.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}
