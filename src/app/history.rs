//! Undo and redo of everything the user sets. Owns no rule about what one step of undo is: that is the caller's.

use crate::spec::{Layer, Place, Spec};
use std::collections::BTreeMap;

/// What undo brings back: all that the user can set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// What the user set.
    pub own: Spec,
    /// Presets below it, lowest first.
    pub layers: Vec<Layer>,
    /// Texts of fields that are not values yet.
    pub pending: BTreeMap<Place, String>,
    /// Start the VM at the end of the build.
    pub start: bool,
}

/// The contents before and after the present one.
#[derive(Clone, Debug, Default)]
pub struct History {
    undo: Vec<Content>,
    redo: Vec<Content>,
}

/// Specs are small; this many of them are below a megabyte.
const LONGEST: usize = 500;

impl History {
    /// Remembers `content` as what undo goes back to.
    pub fn checkpoint(&mut self, content: Content) {
        if self.undo.last() == Some(&content) {
            return;
        }
        self.undo.push(content);
        if self.undo.len() > LONGEST {
            self.undo.remove(0);
        }
        self.redo.clear();
    }

    /// One step back from `present`, or forward again.
    pub fn walk(&mut self, present: &Content, back: bool) -> Option<Content> {
        if back { self.undo(present) } else { self.redo(present) }
    }

    /// The content before `present`, which redo goes back to.
    fn undo(&mut self, present: &Content) -> Option<Content> {
        // A checkpoint that nothing followed is no step of its own.
        let content = std::iter::from_fn(|| self.undo.pop()).find(|content| content != present)?;
        self.redo.push(present.clone());
        Some(content)
    }

    /// The content that was undone from `present`.
    fn redo(&mut self, present: &Content) -> Option<Content> {
        let content = self.redo.pop()?;
        self.undo.push(present.clone());
        Some(content)
    }

    /// True where undo has somewhere to go.
    pub fn can_undo(&self, present: &Content) -> bool {
        self.undo.iter().any(|content| content != present)
    }

    /// True where redo has somewhere to go.
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn named(name: &str) -> Content {
        Content { own: Spec { name: Some(name.into()), ..Spec::default() }, ..Content::default() }
    }

    #[test]
    fn undo_and_redo_walk_the_same_way_back_and_forth() {
        let mut history = History::default();
        history.checkpoint(named("a"));
        history.checkpoint(named("b"));
        let b = history.undo(&named("c")).unwrap();
        let a = history.undo(&b).unwrap();
        assert_eq!((&a, &b), (&named("a"), &named("b")));
        assert_eq!(history.undo(&a), None);
        assert_eq!(history.redo(&a), Some(named("b")));
        assert_eq!(history.redo(&named("b")), Some(named("c")));
        assert!(!history.can_redo());
    }

    #[test]
    fn a_checkpoint_without_a_change_is_no_step() {
        let mut history = History::default();
        history.checkpoint(named("a"));
        history.checkpoint(named("b"));
        assert_eq!(history.undo(&named("b")), Some(named("a")));
    }
}
