//! Filling in forms: the fields on screen, moving from one to the next, opening and turning one, what is typed into it.

use super::editor::Editing;
use super::focus::{Cursor, Focus, Motion, Zone};
use super::form::{self, Extent, Field, FieldKind};
use super::options::Known;
use super::outcome::{Edit, Go, Outcome, Turn};
use super::overlay::{List, Overlay, Purpose};
use super::steps::{logic, review};
use super::{App, xml};
use crate::spec::{Place, field};
use serde_json::Value;

impl App {
    /// The fields of the step on screen, with what is in them.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = logic(self.step).fields(self);
        for field in &mut fields {
            let typed = self.editing().filter(|_| self.is_editing(&field.place)).map(Editing::value);
            form::fill(self, field, typed.as_deref());
        }
        // A field must not vanish under the cursor when its text becomes empty.
        let wanted = |field: &Field| !field.more || !field.text.is_empty() || self.is_editing(&field.place);
        fields.retain(|field| self.extent == Extent::All || wanted(field));
        fields
    }

    /// The field that has the focus, if one has.
    pub fn field(&self) -> Option<Field> {
        (self.zone() == Zone::Fields).then(|| self.fields().into_iter().nth(self.cursor().field)).flatten()
    }

    /// The field shown for `place`: its own, or that of what it is part of.
    pub(super) fn field_of(&self, place: &Place) -> Option<usize> {
        let fields = self.fields();
        let exact = fields.iter().position(|field| field.place == *place);
        exact.or_else(|| fields.iter().position(|field| place.within(&field.place)))
    }
}

/// Where the step on screen starts: in its list, where it has rows, else in its form.
pub(super) fn home(app: &App) -> Focus {
    let starts_in_form = logic(app.step).rows(app) == 0 && !app.fields().is_empty();
    if starts_in_form { Focus::Field { filling: false } } else { Focus::Rows }
}

/// The field of the cursor, and the focus where the present one has nothing to be on: after `rows` or fields came or went.
pub(super) fn legal(app: &App, rows: usize) -> (usize, Option<Focus>) {
    let fields = app.fields();
    let typed = match &app.focus {
        Focus::Typing { place, .. } => Some(fields.iter().position(|field| field.place == *place)),
        _ => None,
    };
    let field = typed.flatten().unwrap_or(app.cursor().field).min(fields.len().saturating_sub(1));
    let focus = match app.zone() {
        Zone::Rows if rows == 0 && !fields.is_empty() => Some(Focus::Field { filling: false }),
        Zone::Fields if fields.is_empty() => Some(Focus::Rows),
        Zone::Fields if typed == Some(None) => Some(app.focus.outside()),
        Zone::Checks if app.case.report.findings.is_empty() => Some(home(app)),
        _ => None,
    };
    (field, focus)
}

/// To the next or previous field, round through the rows; into the text where the field has one.
pub(super) fn step(app: &App, forward: bool) -> Outcome {
    if matches!(app.focus, Focus::Narrowing(_) | Focus::Finding { .. }) {
        return Outcome::go(Go::Focus(app.focus.outside()));
    }
    let fields = app.fields();
    let rows = logic(app.step).rows(app);
    let at = (app.zone() == Zone::Fields).then_some(app.cursor().field);
    let to = match (at, forward) {
        (None, true) => (!fields.is_empty()).then_some(0),
        (None, false) => fields.len().checked_sub(1),
        (Some(at), true) if at + 1 < fields.len() => Some(at + 1),
        (Some(at), true) => (rows == 0).then_some(at),
        (Some(at), false) => at.checked_sub(1).or((rows == 0).then_some(0)),
    };
    let focus = match to.and_then(|to| fields.get(to)) {
        Some(field) if matches!(field.kind, FieldKind::Text) && field.disabled.is_none() => typing(field, true),
        Some(_) => Focus::Field { filling: true },
        None => Focus::Rows,
    };
    Outcome::go(Go::At(to.unwrap_or(0), focus))
}

/// Takes the text being typed and goes on to the next field. After the last one the cursor stays in the text:
/// whoever types on must not find that letters have become commands.
pub(super) fn accept(app: &App) -> Outcome {
    let in_form = app.focus.is_filling() || matches!(app.focus, Focus::Typing { .. });
    if !in_form || app.cursor().field + 1 < app.fields().len() {
        return step(app, true);
    }
    let turns = match &app.focus {
        Focus::Typing { place, .. } => vec![Turn::Touch(place.clone())],
        _ => Vec::new(),
    };
    Outcome { turns, ..Outcome::say("this is the last field; Esc, then n opens the next step") }
}

/// To another field by the cursor keys: the one that is left shows its error.
pub(super) fn moved(app: &App, motion: Motion) -> Outcome {
    let field = motion.from(app.cursor().field, app.fields().len(), app.page());
    let turns = app.field().map(|field| Turn::Touch(field.place)).into_iter().collect();
    Outcome { turns, ..Outcome::go(Go::Cursor(Cursor { field, ..app.cursor() })) }
}

/// A letter typed into a form whose field is not a line of text: it opens what the field is edited with.
pub(super) fn type_into(app: &App) -> Outcome {
    match app.field() {
        Some(Field { kind: FieldKind::Toggle, disabled: None, .. }) => {
            Outcome::say("Space toggles it; Esc returns to commands")
        }
        _ => open(app),
    }
}

/// The cursor in the text of a field.
fn typing(field: &Field, filling: bool) -> Focus {
    let text = Editing::new(&field.text, matches!(field.kind, FieldKind::Lines));
    Focus::Typing { place: field.place.clone(), text, filling }
}

/// A field that is about to change must not vanish under the cursor when it becomes empty.
fn keep_shown(field: &Field) -> Vec<Turn> {
    if field.more { vec![Turn::Extent(Extent::All)] } else { Vec::new() }
}

/// Opens the field that has the focus: text, list, or the other value.
pub(super) fn open(app: &App) -> Outcome {
    let Some(field) = app.field() else { return Outcome::default() };
    if let Some(why) = field.disabled {
        return Outcome::say(why);
    }
    let opened = match &field.kind {
        FieldKind::Text | FieldKind::Lines => Outcome::go(Go::Focus(typing(&field, app.focus.is_filling()))),
        FieldKind::Toggle => Outcome::edit(Edit::Set(field.place.clone(), Some(Value::Bool(!field.is_on())))),
        FieldKind::Choice { options, free } => {
            let mut list = List::new(field.label.clone(), options.list(app));
            list.why_empty = options.why_empty(app);
            let at = options.position(app, &list.items, field.shown());
            list.row = at.unwrap_or(0);
            let purpose = Purpose::Field { place: field.place.clone(), free: *free };
            Outcome::show(Overlay::Pick(purpose, list))
        }
    };
    Outcome { turns: keep_shown(&field), ..opened }
}

/// What the open list of a field offers, where it was empty because the host had not answered. One that has rows stays as
/// it is below the cursor.
pub(super) fn late_items(app: &App) -> Option<(Vec<Known>, Option<String>)> {
    let Some(Overlay::Pick(Purpose::Field { .. }, list)) = app.overlays.last() else { return None };
    let Some(Field { kind: FieldKind::Choice { options, .. }, .. }) = app.field().filter(|_| list.items.is_empty())
    else {
        return None;
    };
    Some((options.list(app), options.why_empty(app)))
}

/// The next or previous known value of a choice; the other value of a toggle.
pub(super) fn turn(app: &App, forward: bool) -> Outcome {
    let Some(field) = app.field() else { return Outcome::default() };
    match &field.kind {
        FieldKind::Choice { options, .. } if field.disabled.is_none() && options.is_short() => {
            let known = options.list(app);
            let at = options.position(app, &known, field.shown());
            let to = match (at, forward) {
                (None, _) => 0,
                (Some(at), true) => (at + 1) % known.len(),
                (Some(at), false) => at.checked_sub(1).unwrap_or(known.len() - 1),
            };
            let edit = |known: &Known| Edit::Set(field.place.clone(), Some(known.value.as_str().into()));
            known.get(to).map(|known| Outcome::edit(edit(known))).unwrap_or_default()
        }
        FieldKind::Toggle | FieldKind::Choice { .. } => open(app),
        FieldKind::Text | FieldKind::Lines => Outcome::default(),
    }
}

/// Takes a field back to its default, or to the value of the template.
pub(super) fn reset(app: &App) -> Outcome {
    let Some(field) = app.field() else { return Outcome::default() };
    Outcome { turns: keep_shown(&field), ..Outcome::edit(Edit::Reset(field.place)) }
}

/// The text being typed has changed.
pub(super) fn typed(app: &App) -> Outcome {
    let Some(text) = app.editing().map(Editing::value) else { return Outcome::default() };
    match &app.focus {
        Focus::Typing { place, .. } => Outcome::edit(Edit::Type(place.clone(), field::grammar(place), text)),
        Focus::Narrowing(_) => logic(app.step).filtered(app, text),
        Focus::Finding { in_xml, .. } => found(app, text, *in_xml),
        Focus::Rows | Focus::Field { .. } | Focus::Checks | Focus::Xml => Outcome::default(),
    }
}

/// To the first line that holds what is searched for.
fn found(app: &App, search: String, in_xml: bool) -> Outcome {
    let mut view = app.xml.clone();
    let mut go = None;
    if in_xml {
        view.row = xml::find(&app.xml_lines(), view.row, &search).unwrap_or(view.row);
    } else {
        go = review::hit(app, &search).map(|row| Go::Cursor(Cursor { row, ..app.cursor() }));
    }
    view.search = search;
    Outcome { go, ..Outcome::turn(Turn::Xml(view)) }
}
