//! Where the focus is: rows or fields of a step, the checks, the XML, and the text being typed there. Owns moving within
//! lists, not what they hold.

use super::editor::Editing;
use crate::spec::Place;

/// What takes the keys of a page. A text being typed belongs to the part of the screen that it is typed in.
#[derive(Clone, Debug)]
pub enum Focus {
    /// The table or list of the step.
    Rows,
    /// The filter of that list is typed.
    Narrowing(Editing),
    /// The field of the form that the cursor is on.
    Field {
        /// The form is being filled in: what is typed goes into its fields until Esc.
        filling: bool,
    },
    /// The text of that field.
    Typing {
        /// The field.
        place: Place,
        /// Its text.
        text: Editing,
        /// The form is being filled in.
        filling: bool,
    },
    /// The checks panel.
    Checks,
    /// The XML beside or over the step.
    Xml,
    /// What is searched for in the XML, or in the list of the step, is typed.
    Finding {
        /// The text.
        text: Editing,
        /// It is looked for in the XML beside the step.
        in_xml: bool,
    },
}

/// A part of the screen.
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

/// What a text is typed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditTarget<'a> {
    /// A field of the form.
    Field(&'a Place),
    /// The filter of the step's list.
    Filter,
    /// The search in the XML or in a text of the review.
    Search,
}

impl Focus {
    /// The part of the screen that has it.
    pub fn zone(&self) -> Zone {
        match self {
            Self::Rows | Self::Narrowing(_) | Self::Finding { in_xml: false, .. } => Zone::Rows,
            Self::Field { .. } | Self::Typing { .. } => Zone::Fields,
            Self::Checks => Zone::Checks,
            Self::Xml | Self::Finding { in_xml: true, .. } => Zone::Xml,
        }
    }

    /// The text being typed, if one is.
    pub fn editing(&self) -> Option<&Editing> {
        match self {
            Self::Narrowing(text) | Self::Typing { text, .. } | Self::Finding { text, .. } => Some(text),
            Self::Rows | Self::Field { .. } | Self::Checks | Self::Xml => None,
        }
    }

    /// The text being typed, to change.
    pub(super) fn editing_mut(&mut self) -> Option<&mut Editing> {
        match self {
            Self::Narrowing(text) | Self::Typing { text, .. } | Self::Finding { text, .. } => Some(text),
            Self::Rows | Self::Field { .. } | Self::Checks | Self::Xml => None,
        }
    }

    /// What the text is typed for.
    pub fn target(&self) -> Option<EditTarget<'_>> {
        match self {
            Self::Narrowing(_) => Some(EditTarget::Filter),
            Self::Typing { place, .. } => Some(EditTarget::Field(place)),
            Self::Finding { .. } => Some(EditTarget::Search),
            Self::Rows | Self::Field { .. } | Self::Checks | Self::Xml => None,
        }
    }

    /// True while a form is being filled in: letters are not commands.
    pub fn is_filling(&self) -> bool {
        matches!(self, Self::Field { filling: true } | Self::Typing { filling: true, .. })
    }

    /// The same part of the screen with no text being typed.
    #[must_use]
    pub fn outside(&self) -> Self {
        match self.zone() {
            Zone::Rows => Self::Rows,
            Zone::Fields => Self::Field { filling: self.is_filling() },
            Zone::Checks => Self::Checks,
            Zone::Xml => Self::Xml,
        }
    }
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
