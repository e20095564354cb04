//! The nine steps: fields, rows and actions of each. Drawing is the business of `ui/steps`, file by file.

pub mod build;
pub mod disks;
pub mod extras;
pub mod network;
pub mod pci;
pub mod review;
pub mod storage;
pub mod system;
pub mod template;

use super::action::Action;
use super::form::Field;
use super::{App, Effect, StepId, Zone};
use crate::spec::Place;
use serde_json::Value;

/// What a step has to say for itself. Everything but `fields` and `summary` has an answer for steps without a list.
pub trait Step: Sync {
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

    /// Heading of the form.
    fn form_title(&self, _app: &App) -> String {
        String::new()
    }

    /// The row that `place` belongs to.
    fn row_of(&self, _app: &App, _place: &Place) -> Option<usize> {
        None
    }

    /// Lists the row that `place` belongs to, where a filter hides it.
    fn reveal(&self, _app: &mut App, _place: &Place) {}

    /// Enter on a row.
    fn open(&self, app: &mut App) -> Vec<Effect> {
        if !self.fields(app).is_empty() {
            app.zone = Zone::Fields;
            app.cursor_mut().field = 0;
        }
        Vec::new()
    }

    /// Space on a row.
    fn toggle(&self, app: &mut App) -> Vec<Effect> {
        self.open(app)
    }

    /// Actions of its own.
    fn act(&self, _app: &mut App, _action: Action) -> Vec<Effect> {
        Vec::new()
    }

    /// Why an action of its own cannot be done now.
    fn why_not(&self, _app: &App, _action: Action) -> Option<String> {
        None
    }

    /// The filter of its list.
    fn filter(&self, _app: &App) -> String {
        String::new()
    }

    /// A key of the filter was typed.
    fn set_filter(&self, _app: &mut App, _text: String) {}

    /// Esc in the list: takes a filter away.
    fn clear_filter(&self, app: &mut App) {
        self.set_filter(app, String::new());
    }
}

/// The logic of `step`.
pub fn logic(step: StepId) -> &'static dyn Step {
    match step {
        StepId::Template => &template::Template,
        StepId::System => &system::System,
        StepId::Storage => &storage::StoragePool,
        StepId::Disks => &disks::Disks,
        StepId::Network => &network::Networks,
        StepId::Pci => &pci::Passthrough,
        StepId::Extras => &extras::Extras,
        StepId::Review => &review::Review,
        StepId::Build => &build::Build,
    }
}

/// Adds `new` to a list, or deletes or moves the row of the cursor. What is `there` by default becomes a row first, so
/// that there can be others beside it, or none.
fn edit_rows(app: &mut App, list: &Place, action: Action, there: Option<Value>, new: Value) {
    if let (Action::AddRow | Action::DeleteRow, Some(row)) = (action, there) {
        app.set_rows(list, vec![row], &[Some(0)]);
        app.refresh();
    }
    let row = app.cursor().row;
    let to = match action {
        Action::AddRow => app.add_row(list, new),
        Action::DeleteRow => {
            app.delete_row(list, row);
            row
        }
        Action::RowUp | Action::RowDown => app.move_row(list, row, action == Action::RowDown),
        _ => return,
    };
    app.refresh();
    app.cursor_mut().row = to;
    app.clamp();
}

/// Why the row of a list of `rows` cannot change places with its neighbour.
fn row_gate(action: Action, row: usize, rows: usize) -> Option<String> {
    let why = match action {
        Action::RowUp if row == 0 => "it is the first one",
        Action::RowDown if row + 1 >= rows => "it is the last one",
        _ => return None,
    };
    Some(why.to_owned())
}

/// A field at the top level of the spec.
fn top(name: &str) -> Place {
    Place::root().key(name)
}
