//! Where the focus is: rows or fields of a step, the checks, the XML. Owns moving within them, not what they hold.

use super::form::{Extent, Field};
use super::{App, StepId, steps};

/// The part of the screen that takes keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Zone {
    /// The table or list of the step.
    Rows,
    /// The form of the step.
    Fields,
    /// The checks panel.
    Checks,
    /// The XML beside or over the step.
    Xml,
}

/// Which row and which field of a step the user was at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Row, from 0; below the number of rows, or 0.
    pub row: usize,
    /// Field, from 0; below the number of fields, or 0.
    pub field: usize,
}

/// A way to move in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Motion {
    /// One up.
    Up,
    /// One down.
    Down,
    /// To the first.
    First,
    /// To the last.
    Last,
    /// Half a screen up.
    HalfUp,
    /// Half a screen down.
    HalfDown,
}

impl Motion {
    /// Where this leads from `at` in a list of `count` with `height` visible.
    pub fn from(self, at: usize, count: usize, height: usize) -> usize {
        let last = count.saturating_sub(1);
        let half = (height / 2).max(1);
        match self {
            Self::Up => at.saturating_sub(1),
            Self::Down => at.saturating_add(1),
            Self::First => 0,
            Self::Last => last,
            Self::HalfUp => at.saturating_sub(half),
            Self::HalfDown => at.saturating_add(half),
        }
        .min(last)
    }
}

/// The first visible row of a list so that `at` is visible in `height` rows of `count`.
///
/// It follows from the cursor alone, so that drawing needs no memory: the list moves by half screens, and at least half
/// a screen before the cursor is visible.
pub fn offset(at: usize, count: usize, height: usize) -> usize {
    if count <= height || height == 0 {
        return 0;
    }
    let half = (height / 2).max(1);
    let block = (at / half).saturating_sub(1) * half;
    // With an odd height the last block could end before the cursor.
    let block = if at >= block + height { at + 1 - height } else { block };
    block.min(count - height)
}

impl App {
    /// The cursor of the step on screen.
    pub fn cursor(&self) -> Cursor {
        self.cursors.get(self.step.index()).copied().unwrap_or_default()
    }

    /// The cursor of the step on screen, to change.
    pub(super) fn cursor_mut(&mut self) -> &mut Cursor {
        let index = self.step.index() % self.cursors.len();
        &mut self.cursors[index]
    }

    /// The fields of the step on screen.
    pub fn fields(&self) -> Vec<Field> {
        super::form::fields(self)
    }

    /// The field that has the focus, if one has.
    pub fn field(&self) -> Option<Field> {
        (self.zone == Zone::Fields).then(|| self.fields().into_iter().nth(self.cursor().field)).flatten()
    }

    /// How many rows a list on this screen shows, roughly: for half-screen moves only.
    pub(super) fn page(&self) -> usize {
        usize::from(self.size.1.saturating_sub(12)).max(4)
    }

    /// Brings cursors back into their lists after rows or fields came or went.
    pub(super) fn clamp(&mut self) {
        let rows = steps::logic(self.step).rows(self);
        let cursor = self.cursor();
        self.cursor_mut().row = cursor.row.min(rows.saturating_sub(1));
        let fields = self.fields().len();
        self.cursor_mut().field = cursor.field.min(fields.saturating_sub(1));
        if self.zone == Zone::Fields && fields == 0 {
            self.zone = Zone::Rows;
        }
        if self.zone == Zone::Rows && rows == 0 && fields > 0 {
            self.zone = Zone::Fields;
        }
        self.filling &= self.zone == Zone::Fields;
        let findings = self.case.report.findings.len();
        self.checks_row = self.checks_row.min(findings.saturating_sub(1));
        if self.zone == Zone::Checks && findings == 0 {
            self.zone = self.home_zone();
        }
    }

    /// The zone that a step starts in.
    pub(super) fn home_zone(&self) -> Zone {
        if steps::logic(self.step).rows(self) > 0 { Zone::Rows } else { Zone::Fields }
    }

    /// Shows `step`, with the focus where it is of most use.
    pub fn go(&mut self, step: StepId) {
        self.leave_field();
        self.note_seen();
        if step != StepId::Review {
            steps::review::left(self);
        }
        // Whoever goes on has seen the fields: what is missing in them is an error from now on.
        let seen = self.fields().into_iter().map(|field| field.place);
        self.touched.extend(seen.collect::<Vec<_>>());
        self.step = step;
        if step == StepId::Storage {
            steps::storage::opened(self);
        }
        self.zone = self.home_zone();
        self.filling = false;
        self.note_seen();
        super::steps::review::opened(self);
        self.clamp();
    }

    /// Moves to the field or row that `place` names, to the step otherwise.
    pub fn go_to(&mut self, place: &crate::spec::Place) {
        self.go(StepId::of(place));
        steps::logic(self.step).reveal(self, place);
        if let Some(row) = steps::logic(self.step).row_of(self, place) {
            self.cursor_mut().row = row;
        }
        let field = self.field_of(place).or_else(|| {
            let all = steps::logic(self.step).fields(self);
            let there = all.iter().any(|field| place.within(&field.place));
            if there {
                self.extent = Extent::All;
            }
            self.field_of(place)
        });
        if let Some(field) = field {
            self.cursor_mut().field = field;
            self.zone = Zone::Fields;
        }
        self.clamp();
    }

    /// The field shown for `place`: its own, or that of what it is part of.
    fn field_of(&self, place: &crate::spec::Place) -> Option<usize> {
        let fields = self.fields();
        let exact = fields.iter().position(|field| field.place == *place);
        exact.or_else(|| fields.iter().position(|field| place.within(&field.place)))
    }

    /// A field that is about to change must not vanish under the cursor when it becomes empty.
    pub(super) fn keep_shown(&mut self, field: &Field) {
        if field.more {
            self.show(Extent::All);
        }
    }

    /// Shows more or fewer fields; the cursor stays on its field where that is shown.
    pub(super) fn show(&mut self, extent: Extent) {
        let at = self.field().map(|field| field.place);
        self.extent = extent;
        if let Some(field) = at.and_then(|place| self.field_of(&place)) {
            self.cursor_mut().field = field;
        }
        self.clamp();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_cursor_is_always_visible(count in 0usize..200, at in 0usize..200, height in 1usize..40) {
            let at = at.min(count.saturating_sub(1));
            let first = offset(at, count, height);
            prop_assert!(first <= at && (at < first + height || count == 0));
            prop_assert!(count <= height || first + height <= count);
        }
    }
}
