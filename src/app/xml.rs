//! The domain XML as lines that know which field made them, and the difference of two such texts. Owns no screen.

use crate::domain::always;
pub use crate::engine::libvirt::lines;
pub use crate::engine::rendered::RenderedLine as XmlLine;
use crate::spec::Place;
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Why a line that no field made is in every domain.
pub(super) fn always_there(line: &XmlLine) -> Option<&'static str> {
    always::reason(element(line))
}

/// The name of the element that a line opens or closes.
fn element(line: &XmlLine) -> &str {
    let tag = line.text.trim_start().trim_start_matches(['<', '/']);
    tag.split([' ', '>', '/']).next().unwrap_or_default()
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// As before.
    Same,
    /// New.
    Added,
    /// No longer there.
    Removed,
    /// In the place of another.
    Changed,
}

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// What became of it.
    pub mark: Mark,
    /// Its number from 1: in the new text, for a removed line in the old one.
    pub number: usize,
    /// The line.
    pub line: XmlLine,
}

/// The new text with the old one's lost lines in between: `-` before `+`.
pub fn difference(old: &[XmlLine], new: &[XmlLine]) -> Vec<DiffLine> {
    walk(old, new, false)
}

/// The new text with its changes marked: a line in the place of another is `~`, not `-` and `+`.
pub fn changes(old: &[XmlLine], new: &[XmlLine]) -> Vec<DiffLine> {
    walk(old, new, true)
}

fn walk(old: &[XmlLine], new: &[XmlLine], pair: bool) -> Vec<DiffLine> {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (old.iter().map(|line| line.text.as_str()).collect(), new.iter().map(|line| line.text.as_str()).collect());
    let mut out = Vec::with_capacity(new.len());
    let mut push = |mark: Mark, lines: &[XmlLine], range: std::ops::Range<usize>| {
        let numbered = range.clone().zip(lines.get(range).unwrap_or_default());
        out.extend(numbered.map(|(at, line)| DiffLine { mark, number: at + 1, line: line.clone() }));
    };
    for op in capture_diff_slices(Algorithm::Myers, &before, &after) {
        match op {
            DiffOp::Equal { .. } => push(Mark::Same, new, op.new_range()),
            DiffOp::Delete { .. } => push(Mark::Removed, old, op.old_range()),
            DiffOp::Insert { .. } => push(Mark::Added, new, op.new_range()),
            DiffOp::Replace { old_len, new_index, new_len, old_index } if pair => {
                let both = old_len.min(new_len);
                push(Mark::Removed, old, old_index + both..old_index + old_len);
                push(Mark::Changed, new, new_index..new_index + both);
                push(Mark::Added, new, new_index + both..new_index + new_len);
            }
            DiffOp::Replace { .. } => {
                push(Mark::Removed, old, op.old_range());
                push(Mark::Added, new, op.new_range());
            }
        }
    }
    out
}

/// The positions at which runs of changed lines begin.
pub fn hunks(lines: &[DiffLine]) -> Vec<usize> {
    let changed = |line: Option<&DiffLine>| line.is_some_and(|line| line.mark != Mark::Same);
    let starts = |at: &usize| changed(lines.get(*at)) && (*at == 0 || !changed(lines.get(*at - 1)));
    (0..lines.len()).filter(starts).collect()
}

/// The next or previous line that holds `search`, or, without a search, at which a change begins.
pub fn next(lines: &[DiffLine], at: usize, search: &str, forward: bool) -> Option<usize> {
    let stops: Vec<usize> = if search.is_empty() {
        hunks(lines)
    } else {
        let needle = search.to_lowercase();
        let holds = |line: &DiffLine| line.line.text.to_lowercase().contains(&needle);
        lines.iter().enumerate().filter(|(_, line)| holds(line)).map(|(at, _)| at).collect()
    };
    if forward { stops.into_iter().find(|stop| *stop > at) } else { stops.into_iter().rev().find(|stop| *stop < at) }
}

/// The line that holds `search`, from `at` on and then from the start.
pub fn find(lines: &[DiffLine], at: usize, search: &str) -> Option<usize> {
    let needle = search.to_lowercase();
    let holds = |line: &DiffLine| line.line.text.to_lowercase().contains(&needle);
    let (before, after) = lines.split_at_checked(at)?;
    after.iter().position(holds).map(|found| at + found).or_else(|| before.iter().position(holds))
}

/// The line that the field at `place` made, or that it is part of.
pub(super) fn made_by(lines: &[DiffLine], place: &Place) -> Option<usize> {
    let origin = |line: &DiffLine| line.line.origin.clone();
    let exact = lines.iter().position(|line| origin(line).as_ref() == Some(place));
    exact.or_else(|| lines.iter().position(|line| origin(line).is_some_and(|origin| place.within(&origin))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(lines: &str) -> Vec<XmlLine> {
        lines.split_whitespace().map(|line| XmlLine { text: line.into(), origin: None }).collect()
    }

    fn marks(lines: &[DiffLine]) -> String {
        let sign = |mark| match mark {
            Mark::Same => ' ',
            Mark::Added => '+',
            Mark::Removed => '-',
            Mark::Changed => '~',
        };
        lines.iter().map(|line| format!("{}{}", sign(line.mark), line.line.text)).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn a_replaced_line_is_one_change_in_the_preview_and_two_lines_in_the_review() {
        let (old, new) = (text("a b c"), text("a x c d"));
        assert_eq!(marks(&changes(&old, &new)), " a,~x, c,+d");
        assert_eq!(marks(&difference(&old, &new)), " a,-b,+x, c,+d");
        assert_eq!(hunks(&difference(&old, &new)), [1, 4]);
    }

    proptest! {
        #[test]
        fn a_difference_holds_every_line_of_both(old in "[a-c ]{0,30}", new in "[a-c ]{0,30}") {
            let (old, new) = (text(&old), text(&new));
            let diff = difference(&old, &new);
            let kept = |mark: Mark| diff.iter().filter(|line| line.mark != mark).map(|line| line.line.clone()).collect::<Vec<_>>();
            prop_assert_eq!(kept(Mark::Removed), new);
            prop_assert_eq!(kept(Mark::Added), old);
        }
    }
}
