//! Changing the content: fields, rows, layers, undo. Every change goes through here and is one step of undo.

use super::grammar::{self, Reading};
use super::history::Content;
use super::{App, Zone};
use crate::spec::{Grammar, Place, Segment, edit, field};
use serde_json::Value;
use std::collections::BTreeMap;

impl App {
    /// Makes the content as it is now a point that undo goes back to, and the XML as it is now the base of the marks.
    pub(super) fn checkpoint(&mut self) {
        self.history.checkpoint(self.content.clone());
        self.xml_before = Some(self.case.preview.lines.clone());
    }

    /// Several changes as one step of undo.
    pub(super) fn as_one_step<T>(&mut self, change: impl FnOnce(&mut Self) -> T) -> T {
        self.checkpoint();
        let (depth, xml) = (self.history.depth(), self.xml_before.clone());
        let made = change(self);
        self.history.forget_since(depth);
        self.xml_before = xml;
        made
    }

    /// Stores the text of a field: as a value where it is one, as text where the spec holds texts, otherwise aside.
    pub(super) fn store_text(&mut self, place: &Place, grammar: Grammar, text: &str) {
        let value = match grammar::read(grammar, text) {
            Reading::Empty => None,
            Reading::Value(value) | Reading::Wrong { stored: Some(value), .. } => Some(value),
            Reading::Wrong { stored: None, .. } => {
                self.set_raw(place, None);
                self.content.pending.insert(place.clone(), text.to_owned());
                return;
            }
        };
        self.set_raw(place, value);
    }

    /// Sets one field as one step of undo.
    pub fn set(&mut self, place: &Place, value: Option<Value>) {
        self.checkpoint();
        self.set_raw(place, value);
    }

    /// Sets one field. A value that the spec refuses is kept aside as text, so that nothing typed is lost.
    pub(super) fn set_raw(&mut self, place: &Place, value: Option<Value>) {
        if let Some((list, row)) = positional(place) {
            self.own_whole(place);
            self.set_position(&list, row, value);
            return;
        }
        self.own_whole(place);
        self.content.pending.remove(place);
        let text = value.as_ref().map(|value| grammar::show(Grammar::Text, value));
        if edit::set(&mut self.content.own, place, value).is_err()
            && let Some(text) = text
        {
            self.content.pending.insert(place.clone(), text);
        }
        self.stale = true;
    }

    /// Sets one text of a list in which the position says what it is about: an empty one stands for none.
    fn set_position(&mut self, list: &Place, row: usize, value: Option<Value>) {
        let mut rows = self.values.rows(list).to_vec();
        rows.resize(rows.len().max(row + 1), "".into());
        if let Some(text) = rows.get_mut(row) {
            *text = value.unwrap_or_else(|| "".into());
        }
        let filled = rows.iter().rposition(|text| text.as_str().is_none_or(|text| !text.is_empty()));
        rows.truncate(filled.map_or(0, |last| last + 1));
        let _ = edit::set(&mut self.content.own, list, (!rows.is_empty()).then(|| rows.into()));
        self.stale = true;
    }

    /// Lists, and objects within objects, replace as a whole: before one row or member is changed, those of the layer below
    /// become the user's own.
    fn own_whole(&mut self, place: &Place) {
        let row = place.0.iter().position(|segment| matches!(segment, Segment::Index(_)));
        let member = matches!(place.0.as_slice(), [Segment::Key(_), Segment::Key(_), Segment::Key(_), ..]).then_some(2);
        let Some(at) = member.into_iter().chain(row).min() else { return };
        let whole = Place(place.0.iter().take(at).cloned().collect());
        if edit::get(&self.content.own, &whole).is_some() {
            return;
        }
        if let Some(below) = self.values.get(&whole).cloned() {
            // What a layer holds fits a spec, so this cannot be refused.
            let _ = edit::set(&mut self.content.own, &whole, Some(below));
        }
    }

    /// Puts `rows` in the place of a list, as one step of undo. `from` says for each new row which row it was, so that
    /// texts kept aside and errors shown move along.
    pub(super) fn set_rows(&mut self, list: &Place, rows: Vec<Value>, from: &[Option<usize>]) {
        self.checkpoint();
        self.content.pending = moved(&self.content.pending, list, from);
        let touched = self.touched.iter().map(|place| (place.clone(), ())).collect();
        self.touched = moved(&touched, list, from).into_keys().collect();
        if edit::set(&mut self.content.own, list, Some(Value::Array(rows))).is_err() {
            self.toast = Some(format!("{list} cannot be changed"));
        }
        self.stale = true;
    }

    /// Adds a row behind the others; gives its number.
    pub(super) fn add_row(&mut self, list: &Place, row: Value) -> usize {
        let mut rows = self.values.rows(list).to_vec();
        let from: Vec<_> = (0..rows.len()).map(Some).chain([None]).collect();
        rows.push(row);
        let at = rows.len() - 1;
        self.set_rows(list, rows, &from);
        at
    }

    /// Deletes a row.
    pub(super) fn delete_row(&mut self, list: &Place, at: usize) {
        let mut rows = self.values.rows(list).to_vec();
        if at >= rows.len() {
            return;
        }
        rows.remove(at);
        let from: Vec<_> = (0..=rows.len()).filter(|row| *row != at).map(Some).collect();
        self.set_rows(list, rows, &from);
    }

    /// Exchanges a row with its neighbour; gives its new number.
    pub(super) fn move_row(&mut self, list: &Place, at: usize, down: bool) -> usize {
        let mut rows = self.values.rows(list).to_vec();
        let to = if down { at + 1 } else { at.wrapping_sub(1) };
        if at >= rows.len() || to >= rows.len() {
            return at;
        }
        let mut from: Vec<_> = (0..rows.len()).map(Some).collect();
        rows.swap(at, to);
        from.swap(at, to);
        self.set_rows(list, rows, &from);
        to
    }

    /// Starts the VM at the end of the build, or not.
    pub(super) fn switch_start(&mut self) {
        self.checkpoint();
        self.content.start = !self.content.start;
        let what =
            if self.content.start { "the VM is started after the build" } else { "the VM is built, not started" };
        self.toast = Some(what.to_owned());
        self.stale = true;
    }

    /// One step back.
    pub(super) fn undo(&mut self) {
        self.leave_field();
        if let Some(content) = self.history.undo(&self.content) {
            self.restore(content, "undone");
        }
    }

    /// One step forward again.
    pub(super) fn redo(&mut self) {
        self.leave_field();
        if let Some(content) = self.history.redo(&self.content) {
            self.restore(content, "redone");
        }
    }

    fn restore(&mut self, content: Content, what: &str) {
        self.xml_before = Some(self.case.preview.lines.clone());
        let about = difference(&self.content, &content);
        self.content = content;
        self.stale = true;
        self.toast = Some(format!("{what}: {about}"));
        if self.zone == Zone::Xml && !self.xml.open && !self.is_wide() {
            self.zone = self.home_zone();
        }
    }
}

/// What differs between two contents, in a word: the first field, or what else there is.
fn difference(old: &Content, new: &Content) -> String {
    let json = |content: &Content| serde_json::to_value(&content.own).unwrap_or_default();
    if let Some(place) = differing(&Place::root(), &json(old), &json(new)) {
        return place.to_string();
    }
    let text = old
        .pending
        .iter()
        .chain(&new.pending)
        .find(|(place, text)| old.pending.get(*place) != Some(text) || new.pending.get(*place) != Some(text));
    match text {
        Some((place, _)) => place.to_string(),
        None if old.layers != new.layers => "templates and presets".into(),
        None => "start after the build".into(),
    }
}

/// The first place at which two values differ, as deep as one field.
fn differing(place: &Place, old: &Value, new: &Value) -> Option<Place> {
    if old == new {
        return None;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => old.keys().chain(new.keys()).find_map(|key| {
            let (old, new) = (old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null));
            differing(&place.clone().key(key), old, new)
        }),
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            let pairs = old.iter().zip(new).enumerate();
            pairs.into_iter().find_map(|(at, (old, new))| differing(&place.clone().index(at), old, new))
        }
        _ => Some(place.clone()),
    }
}

/// `old` with the rows of `list` renumbered by `from`; what belonged to rows that are gone is dropped.
fn moved<T: Clone>(old: &BTreeMap<Place, T>, list: &Place, from: &[Option<usize>]) -> BTreeMap<Place, T> {
    let depth = list.0.len();
    let renumber = |place: &Place| -> Option<Place> {
        let Some(Segment::Index(row)) = place.0.get(depth).filter(|_| place.within(list)) else {
            return Some(place.clone());
        };
        let to = from.iter().position(|was| *was == Some(*row))?;
        let mut place = place.clone();
        *place.0.get_mut(depth)? = Segment::Index(to);
        Some(place)
    };
    old.iter().filter_map(|(place, value)| Some((renumber(place)?, value.clone()))).collect()
}

/// The list and the row of a place in a list whose positions mean something: the pins of threads.
fn positional(place: &Place) -> Option<(Place, usize)> {
    let [list @ .., Segment::Index(row)] = place.0.as_slice() else { return None };
    (field::grammar(place) == Grammar::Positions).then(|| (Place(list.to_vec()), *row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_kept_aside_move_with_their_rows() {
        let list = Place::root().key("networks");
        let at = |row| Place::row("networks", row, "boot_order");
        let old = BTreeMap::from([(at(0), "x"), (at(2), "y"), (Place::root().key("vcpus"), "z")]);
        let new = moved(&old, &list, &[Some(2), Some(1)]);
        assert_eq!(new, BTreeMap::from([(at(0), "y"), (Place::root().key("vcpus"), "z")]));
    }
}
