//! Changing the content: fields, rows, layers. What an edit does to the rest of the content, and where it would lead.

use super::case;
use super::grammar::{self, Reading};
use super::history::Content;
use super::model::Model;
use super::outcome::Edit;
use super::values::Values;
use crate::spec::{Grammar, Place, Segment, Spec, edit, field};
use serde_json::Value;
use std::collections::BTreeMap;

impl Model {
    /// Changes the content; judges nothing. Fails where the spec cannot hold the rows of a list, with the reason.
    pub(super) fn apply(&mut self, edits: &[Edit]) -> Result<(), String> {
        for (at, edit) in edits.iter().enumerate() {
            if at > 0 {
                // What an edit finds in the spec is what the one before made of it.
                self.values = Values::of(case::input(&self.content, self.templates.as_deref()).spec());
            }
            self.apply_one(edit)?;
        }
        Ok(())
    }

    /// The model that these edits lead to.
    pub(super) fn after(&self, edits: &[Edit]) -> Self {
        let mut after = self.clone();
        // An edit that is refused is said when it is made.
        let _ = after.apply(edits);
        after.judge();
        after
    }

    fn apply_one(&mut self, edit: &Edit) -> Result<(), String> {
        match edit {
            Edit::Set(place, value) => self.set_raw(place, value.clone()),
            Edit::Reset(place) => self.unset(place),
            Edit::Type(place, grammar, text) => self.store_text(place, *grammar, text),
            Edit::Rows { list, rows, from } => {
                self.content.pending = moved(&self.content.pending, list, from);
                let rows = Value::Array(rows.clone());
                edit::set(&mut self.content.own, list, Some(rows)).map_err(|_| format!("{list} cannot be changed"))?;
            }
            Edit::Layers(template, layers) => {
                self.content.own.template.clone_from(template);
                self.content.layers.clone_from(layers);
            }
            Edit::Start(start) => self.content.start = *start,
        }
        Ok(())
    }

    /// Stores the text of a field: as a value where it is one, as text where the spec holds texts, otherwise aside.
    fn store_text(&mut self, place: &Place, grammar: Grammar, text: &str) {
        let value = match grammar::read(grammar, text) {
            Reading::Empty => None,
            Reading::Value(value) | Reading::Wrong { stored: Some(value), .. } => Some(value),
            Reading::Wrong { stored: None, .. } => {
                self.unset(place);
                self.content.pending.insert(place.clone(), text.to_owned());
                return;
            }
        };
        self.set_raw(place, value);
    }

    /// Sets one field. A value that the spec refuses is kept aside as text, so that nothing typed is lost.
    fn set_raw(&mut self, place: &Place, value: Option<Value>) {
        self.own_whole(place);
        if let Some((list, row)) = positional(place) {
            self.set_position(&list, row, value);
            return;
        }
        self.content.pending.remove(place);
        if value.is_none() && self.is_set_below(place) {
            let _ = edit::take_away(&mut self.content.own, place);
            return;
        }
        let text = value.as_ref().map(|value| grammar::show(Grammar::Text, value));
        if edit::set(&mut self.content.own, place, value).is_err()
            && let Some(text) = text
        {
            self.content.pending.insert(place.clone(), text);
        }
    }

    /// Takes back what the user set, so that the field has the value of the template, or its default.
    fn unset(&mut self, place: &Place) {
        self.own_whole(place);
        if let Some((list, row)) = positional(place) {
            self.set_position(&list, row, None);
            return;
        }
        self.content.pending.remove(place);
        // Nothing is what any field can hold.
        let _ = edit::set(&mut self.content.own, place, None);
    }

    /// True where a template or preset sets the field itself, and not a whole that is the user's own by now.
    fn is_set_below(&self, place: &Place) -> bool {
        if whole(place).is_some() {
            return false;
        }
        let Content { own, layers, .. } = &self.content;
        let own = Spec { template: own.template.clone(), ..Spec::default() };
        let below = Content { own, layers: layers.clone(), ..Content::default() };
        Values::of(case::input(&below, self.templates.as_deref()).spec()).get(place).is_some()
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
    }

    /// Lists, and objects within objects, replace as a whole: before one row or member is changed, those of the layer below
    /// become the user's own.
    fn own_whole(&mut self, place: &Place) {
        let Some(whole) = whole(place) else { return };
        if edit::get(&self.content.own, &whole).is_some() {
            return;
        }
        if let Some(below) = self.values.get(&whole).cloned() {
            // What a layer holds fits a spec, so this cannot be refused.
            let _ = edit::set(&mut self.content.own, &whole, Some(below));
        }
    }

    /// A list with one more row behind the others, and the number of that row.
    pub(super) fn add_row(&self, list: &Place, row: Value) -> (Edit, usize) {
        let rows = self.values.rows(list).to_vec();
        let at = rows.len();
        (with_row(list, rows, row), at)
    }

    /// A list without a row; `None` where there is no such row.
    pub(super) fn delete_row(&self, list: &Place, at: usize) -> Option<Edit> {
        without_row(list, self.values.rows(list).to_vec(), at)
    }

    /// A list with a row in the place of its neighbour, and its new number; `None` where it has no such neighbour.
    pub(super) fn move_row(&self, list: &Place, at: usize, down: bool) -> Option<(Edit, usize)> {
        let mut rows = self.values.rows(list).to_vec();
        let to = if down { at + 1 } else { at.wrapping_sub(1) };
        if at >= rows.len() || to >= rows.len() {
            return None;
        }
        let mut from: Vec<_> = (0..rows.len()).map(Some).collect();
        rows.swap(at, to);
        from.swap(at, to);
        Some((Edit::Rows { list: list.clone(), rows, from }, to))
    }
}

/// `rows` with one more behind them.
pub(super) fn with_row(list: &Place, mut rows: Vec<Value>, row: Value) -> Edit {
    let from = (0..rows.len()).map(Some).chain([None]).collect();
    rows.push(row);
    Edit::Rows { list: list.clone(), rows, from }
}

/// `rows` without one of them.
pub(super) fn without_row(list: &Place, mut rows: Vec<Value>, at: usize) -> Option<Edit> {
    if at >= rows.len() {
        return None;
    }
    rows.remove(at);
    let from = (0..=rows.len()).filter(|row| *row != at).map(Some).collect();
    Some(Edit::Rows { list: list.clone(), rows, from })
}

/// What differs between two contents, in a word: the first field, or what else there is.
pub(super) fn difference(old: &Content, new: &Content) -> String {
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
pub(super) fn moved<T: Clone>(old: &BTreeMap<Place, T>, list: &Place, from: &[Option<usize>]) -> BTreeMap<Place, T> {
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

/// The list, or the object within an object, that is replaced as a whole where `place` in it is changed.
fn whole(place: &Place) -> Option<Place> {
    let row = place.0.iter().position(|segment| matches!(segment, Segment::Index(_)));
    let member = matches!(place.0.as_slice(), [Segment::Key(_), Segment::Key(_), Segment::Key(_), ..]).then_some(2);
    let at = member.into_iter().chain(row).min()?;
    Some(Place(place.0.iter().take(at).cloned().collect()))
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
