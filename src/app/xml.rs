//! The domain XML as lines that know which field made them, and the difference of two such texts. Owns no screen.

use super::StepId;
use crate::domain::always;
pub use crate::engine::libvirt::lines;
pub use crate::engine::rendered::Line as XmlLine;
use crate::spec::Origin;
use similar::{Algorithm, DiffOp, capture_diff_slices};

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

impl super::App {
    /// Which field and step made a line, and whose it is: "made by cpu.mode, step 2 System, from template gpu". A line
    /// that is only in `base` says so.
    pub fn made_by(&self, line: &DiffLine, base: &str) -> String {
        let only = line.mark == Mark::Removed;
        let Some(place) = &line.line.origin else {
            let reason = always::reason(element(&line.line)).map(|reason| format!(": {reason}")).unwrap_or_default();
            return if only { format!("only in {base}") } else { format!("always there{reason}") };
        };
        let step = StepId::of(place);
        let from = match self.case.stack.origin(place) {
            None => ", by default".to_owned(),
            Some(Origin::User) => String::new(),
            Some(layer) => format!(", from {layer}"),
        };
        let field = format!("{place}, step {} {}", step.number(), step.title());
        if only { format!("{field}{from}; only in {base}") } else { format!("made by {field}{from}") }
    }

    /// Moves the XML to what the field that has the focus made.
    pub(super) fn point_xml(&mut self) {
        if self.zone == super::Zone::Xml {
            return;
        }
        let Some(field) = self.field() else { return };
        let origin = |line: &DiffLine| line.line.origin.clone();
        let lines = self.xml_lines();
        let exact = lines.iter().position(|line| origin(line).as_ref() == Some(&field.place));
        let near = || lines.iter().position(|line| origin(line).is_some_and(|origin| field.place.within(&origin)));
        if let Some(row) = exact.or_else(near) {
            self.xml.row = row;
        }
    }

    /// The domain XML with the last change marked.
    pub fn xml_lines(&self) -> Vec<DiffLine> {
        let new = &self.case.preview.lines;
        changes(self.xml_before.as_ref().unwrap_or(new), new)
    }

    /// Moves the XML to what the last change made.
    pub(super) fn follow_xml(&mut self) {
        let lines = self.xml_lines();
        if let Some(first) = hunks(&lines).first() {
            self.xml.row = *first;
        }
        self.xml.row = self.xml.row.min(lines.len().saturating_sub(1));
    }
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
