//! Filling in forms: moving from field to field, opening, turning and leaving one, what is typed into it.

use super::editor::{Editing, Target};
use super::form::{Field, Kind};
use super::overlay::{self, Overlay};
use super::{App, Key, Zone, steps};
use crate::spec::Place;
use serde_json::Value;

impl App {
    /// To the next or previous field, round through the rows; into the text where the field has one.
    pub(super) fn step_field(&mut self, forward: bool) {
        let filtering = matches!(&self.editing, Some(editing) if !matches!(editing.target, Target::Field(_)));
        self.leave_field();
        if filtering {
            return;
        }
        let fields = self.fields();
        let rows = steps::logic(self.step).rows(self);
        let at = (self.zone == Zone::Fields).then_some(self.cursor().field);
        let to = match (at, forward) {
            (None, true) => (!fields.is_empty()).then_some(0),
            (None, false) => fields.len().checked_sub(1),
            (Some(at), true) if at + 1 < fields.len() => Some(at + 1),
            (Some(at), true) => (rows == 0).then_some(at),
            (Some(at), false) => at.checked_sub(1).or((rows == 0).then_some(0)),
        };
        self.zone = if to.is_some() { Zone::Fields } else { Zone::Rows };
        self.filling = to.is_some();
        self.cursor_mut().field = to.unwrap_or(0);
        if let Some(field) = to.and_then(|to| fields.get(to))
            && matches!(field.kind, Kind::Text)
            && field.disabled.is_none()
        {
            self.edit_field(field);
        }
        self.clamp();
    }

    /// Takes the text being typed and goes on to the next field. After the last one the cursor stays in the text:
    /// whoever types on must not find that letters have become commands.
    pub(super) fn accept_field(&mut self) {
        let in_form = matches!(&self.editing, Some(Editing { target: Target::Field(_), .. })) || self.filling;
        if !in_form || self.cursor().field + 1 < self.fields().len() {
            self.step_field(true);
            return;
        }
        self.toast = Some("this is the last field; Esc, then n opens the next step".into());
        if let Some(Editing { target: Target::Field(place), .. }) = &mut self.editing {
            let place = place.clone();
            self.touched.insert(place);
        }
    }

    /// A letter typed into a form whose field is no line of text: it opens what the field is edited with.
    pub(super) fn type_into_field(&mut self, key: Key) {
        let Some(field) = self.field() else { return };
        match &field.kind {
            Kind::Toggle if field.disabled.is_none() => {
                self.toast = Some("Space toggles it; Esc returns to commands".into());
            }
            _ => {
                self.open_field();
                if let Some(overlay) = self.overlays.last_mut() {
                    overlay.key(key);
                }
            }
        }
    }

    /// Puts the cursor into the text of a field.
    fn edit_field(&mut self, field: &Field) {
        let lines = matches!(field.kind, Kind::Lines);
        self.editing = Some(Editing::new(Target::Field(field.place.clone()), &field.text, lines));
    }

    /// Opens the field that has the focus: text, list, or the other value.
    pub(super) fn open_field(&mut self) {
        let Some(field) = self.field() else { return };
        if let Some(why) = &field.disabled {
            self.toast = Some(why.clone());
            return;
        }
        self.keep_shown(&field);
        match &field.kind {
            Kind::Text | Kind::Lines => self.edit_field(&field),
            Kind::Toggle => self.set(&field.place, Some(Value::Bool(!field.is_on()))),
            Kind::Choice { options, free } => {
                let mut list = overlay::List::new(field.label.clone(), options.list(self));
                list.why_empty = options.why_empty(self);
                let at = list.items.iter().position(|known| known.value == field.shown());
                list.row = at.unwrap_or(0);
                let purpose = overlay::Purpose::Field { place: field.place.clone(), free: *free };
                self.overlays.push(Overlay::Pick(purpose, list));
            }
        }
    }

    /// Fills the open list of a field that was empty because the host had not answered. One that has rows stays as it is
    /// below the cursor.
    pub(super) fn fill_open_list(&mut self) {
        let is_empty = |overlay: &Overlay| matches!(overlay, Overlay::Pick(overlay::Purpose::Field { .. }, list) if list.items.is_empty());
        if !self.overlays.last().is_some_and(is_empty) {
            return;
        }
        let Some(Field { kind: Kind::Choice { options, .. }, .. }) = self.field() else { return };
        let (items, why_empty) = (options.list(self), options.why_empty(self));
        if let Some(Overlay::Pick(_, list)) = self.overlays.last_mut() {
            list.fill(items);
            list.why_empty = why_empty;
            // Enter goes on to take what was typed.
            if list.typed().is_some() {
                list.row = list.shown.len();
            }
        }
    }

    /// The next or previous known value of a choice; the other value of a toggle.
    pub(super) fn turn(&mut self, forward: bool) {
        let Some(field) = self.field() else { return };
        match &field.kind {
            Kind::Choice { options, .. } if field.disabled.is_none() && options.is_short() => {
                let known = options.list(self);
                let at = known.iter().position(|known| known.value == field.shown());
                let to = match (at, forward) {
                    (None, _) => 0,
                    (Some(at), true) => (at + 1) % known.len(),
                    (Some(at), false) => at.checked_sub(1).unwrap_or(known.len() - 1),
                };
                if let Some(known) = known.get(to) {
                    self.set(&field.place, Some(known.value.as_str().into()));
                }
            }
            Kind::Toggle | Kind::Choice { .. } => self.open_field(),
            Kind::Text | Kind::Lines => {}
        }
    }

    /// Takes a field back to its default, or to the value of the template.
    pub(super) fn reset(&mut self) {
        if let Some(field) = self.field() {
            self.keep_shown(&field);
            self.set(&field.place, None);
        }
    }

    /// Leaves the text that is being typed, keeping what was typed; the field's error is shown from now on.
    pub(super) fn leave_field(&mut self) {
        if let Some(Editing { target: Target::Field(place), .. }) = self.editing.take() {
            self.touched.insert(place);
        }
    }

    /// The field that has the focus is about to lose it: its error is shown from now on.
    pub(super) fn touch(&mut self) {
        if let Some(field) = self.field() {
            self.touched.insert(field.place);
        }
    }

    /// Stores what is being typed into a field.
    pub(super) fn store_typed(&mut self, place: &Place, text: &str) {
        if let Some(field) = self.fields().into_iter().find(|field| field.place == *place) {
            self.store_text(place, field.grammar, text);
        }
    }
}
