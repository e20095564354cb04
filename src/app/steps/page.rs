//! What a step of the wizard answers: read from the state as it is, without changing it.

use crate::app::edit::{with_row, without_row};
use crate::app::focus::{Cursor, Focus};
use crate::app::form::Field;
use crate::app::intent::Intent;
use crate::app::outcome::{Edit, Go, Outcome, Turn};
use crate::app::{App, Model};
use crate::spec::Place;
use serde_json::Value;

/// A step. Everything but `summary` has an answer for steps without a list and without a form.
pub trait StepPage: Sync {
    /// One line for the rail; empty while there is nothing to say.
    fn summary(&self, app: &App) -> String;

    /// What a user sees of it, to tell whether something done elsewhere changed it.
    fn look(&self, app: &App) -> String {
        self.summary(app)
    }

    /// One line below the heading.
    fn subtitle(&self, _app: &App) -> String {
        String::new()
    }

    /// How many rows its list has.
    fn rows(&self, _app: &App) -> usize {
        0
    }

    /// The fields of its form; where there is a list, of the row that has the focus.
    fn fields(&self, _app: &App) -> Vec<Field> {
        Vec::new()
    }

    /// Heading of the form: what it is about.
    fn form_title(&self, _app: &App) -> String {
        String::new()
    }

    /// What the heading of the form says of that.
    fn form_note(&self, _app: &App) -> String {
        String::new()
    }

    /// The row that `place` belongs to.
    fn row_of(&self, _app: &App, _place: &Place) -> Option<usize> {
        None
    }

    /// What has to be shown so that the row that `place` belongs to is listed; `None` where it is.
    fn reveal(&self, _app: &App, _place: &Place) -> Option<Turn> {
        None
    }

    /// Enter on a row.
    fn open(&self, app: &App) -> Outcome {
        if self.fields(app).is_empty() {
            return Outcome::default();
        }
        Outcome::go(Go::At(0, Focus::Field { filling: false }))
    }

    /// Space on a row.
    fn toggle(&self, app: &App) -> Outcome {
        self.open(app)
    }

    /// Intents of its own.
    fn act(&self, _app: &App, _intent: Intent) -> Outcome {
        Outcome::default()
    }

    /// Why an intent of its own cannot be carried out now.
    fn why_not(&self, _app: &App, _intent: Intent) -> Option<String> {
        None
    }

    /// The filter of its list.
    fn filter(&self, _app: &App) -> String {
        String::new()
    }

    /// The filter of its list is this text from now on; empty where it is taken away.
    fn filtered(&self, _app: &App, _text: String) -> Outcome {
        Outcome::default()
    }
}

/// Adds `new` to a list, or deletes or moves the row of the cursor. What is `there` by default becomes a row first, so
/// that there can be others beside it, or none.
pub(super) fn edit_rows(app: &App, list: &Place, intent: Intent, there: Option<Value>, new: Value) -> Outcome {
    let at = app.cursor().row;
    let rows = there.map_or_else(|| app.values.rows(list).to_vec(), |row| vec![row]);
    let (edit, row) = match intent {
        Intent::AddRow => {
            let behind = rows.len();
            (Some(with_row(list, rows, new)), behind)
        }
        Intent::DeleteRow => (without_row(list, rows, at), at),
        Intent::RowUp | Intent::RowDown => move_row(app, list, at, intent == Intent::RowDown),
        _ => return Outcome::default(),
    };
    let edits = edit.into_iter().collect();
    Outcome { go: Some(Go::Cursor(Cursor { row, ..app.cursor() })), ..Outcome::edits(edits) }
}

/// A row in the place of its neighbour, with its new number; where it has none, it stays.
pub(super) fn move_row(model: &Model, list: &Place, at: usize, down: bool) -> (Option<Edit>, usize) {
    model.move_row(list, at, down).map_or((None, at), |(edit, to)| (Some(edit), to))
}

/// Why the row of a list of `rows` cannot change places with its neighbour.
pub(super) fn row_gate(intent: Intent, row: usize, rows: usize) -> Option<String> {
    let why = match intent {
        Intent::RowUp if row == 0 => "it is the first one",
        Intent::RowDown if row + 1 >= rows => "it is the last one",
        _ => return None,
    };
    Some(why.to_owned())
}

/// A field at the top level of the spec.
pub(super) fn top(name: &str) -> Place {
    Place::root().key(name)
}
