//! The domain XML: a gutter with signs that reads without colour, line numbers, and colours for tags and values.

use crate::app::editor::TextInput;
use crate::app::focus::Focus;
use crate::app::xml::{DiffLine, Mark};
use crate::app::{App, Zone, focus};
use crate::ui::StyleRole;
use crate::ui::canvas::{Canvas, cells};
use ratatui::layout::Rect;

/// The XML beside or over the step: heading, lines, and at the bottom where the line of the cursor comes from.
pub(in crate::ui) fn pane(app: &App, canvas: &mut Canvas, area: Rect) {
    let lines = app.xml_lines();
    let focused = app.zone() == Zone::Xml && app.overlays.is_empty();
    canvas.put(area.x, area.y, area.width, "Domain XML", StyleRole::Heading);
    let (added, removed, changed) = tally(&lines);
    if added + removed + changed > 0 {
        let text = format!("last change  +{added} ~{changed} -{removed}");
        canvas.put_right(area.right(), area.y, area.width.saturating_sub(12), &text, StyleRole::Muted);
    }
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(4), ..area };
    list(canvas, body, &lines, app.xml.row, focused);
    let foot = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    if app.zone() == Zone::Xml && search(app, canvas, foot) {
        return;
    }
    if focused {
        origin(app, canvas, foot, lines.get(app.xml.row), "before");
    }
}

/// The search being typed, if one is; true where there is one.
pub(in crate::ui) fn search(app: &App, canvas: &mut Canvas, row: Rect) -> bool {
    let Focus::Finding { text, .. } = &app.focus else { return false };
    let TextInput::Line(text) = &text.text else { return false };
    canvas.put(row.x, row.y, 2, "/ ", StyleRole::Key);
    let width = row.width.saturating_sub(2);
    let scroll = text.visual_scroll(usize::from(width));
    super::input::line(canvas, row.x + 2, row.y, width, text.value(), text.visual_cursor(), scroll);
    true
}

/// Where a line comes from; `base` is what the XML is compared with.
pub(in crate::ui) fn origin(app: &App, canvas: &mut Canvas, row: Rect, line: Option<&DiffLine>, base: &str) {
    let Some(line) = line else { return };
    let text = format!("line {}  {}", line.number, app.made_by(line, base));
    canvas.put(row.x, row.y, row.width, &text, StyleRole::Muted);
}

/// Added, removed and changed lines.
pub(in crate::ui) fn tally(lines: &[DiffLine]) -> (usize, usize, usize) {
    let of = |mark| lines.iter().filter(|line| line.mark == mark).count();
    (of(Mark::Added), of(Mark::Removed), of(Mark::Changed))
}

/// The visible lines around `at`.
pub(in crate::ui) fn list(canvas: &mut Canvas, area: Rect, lines: &[DiffLine], at: usize, focused: bool) {
    let rows = usize::from(area.height);
    let first = focus::offset(at, lines.len(), rows);
    let digits = lines.len().max(100).to_string().len();
    for (y, (row, line)) in (area.y..area.bottom()).zip(lines.iter().enumerate().skip(first)) {
        let (sign, role) = match line.mark {
            Mark::Same => (" ", StyleRole::Muted),
            Mark::Added => ("+", StyleRole::DiffAdd),
            Mark::Removed => ("-", StyleRole::DiffDel),
            Mark::Changed => ("~", StyleRole::DiffChange),
        };
        let number = if area.width >= 50 { format!("{:>digits$}  ", line.number) } else { String::new() };
        let used = 2 + canvas.put_all(area.x + 2, y, area.width, &[(sign, role), (&number, StyleRole::Muted)]);
        let x = area.x + used;
        let width = area.right().saturating_sub(x);
        if line.mark == Mark::Removed {
            canvas.put(x, y, width, &line.line.text, StyleRole::DiffDel);
        } else {
            code(canvas, x, y, width, &line.line.text);
        }
        if focused && row == at {
            canvas.focus_row(area.x, y, area.width);
        }
    }
}

/// A line of XML in colours.
pub(in crate::ui) fn code(canvas: &mut Canvas, x: u16, y: u16, width: u16, text: &str) {
    let cut = crate::ui::canvas::clip(text, width, canvas.glyphs().more);
    let mut used = 0;
    for (piece, role) in pieces(&cut) {
        used += canvas.put(x + used, y, cells(piece).min(width.saturating_sub(used)), piece, role);
    }
}

/// A line of XML in its pieces: tags, names of attributes, values in quotes, and text.
fn pieces(text: &str) -> Vec<(&str, StyleRole)> {
    let mut out = Vec::new();
    let (mut start, mut role, mut quote) = (0, StyleRole::Text, None);
    let mut in_tag = false;
    for (at, c) in text.char_indices() {
        let (next, after) = match (quote, c) {
            (Some(open), c) if c == open => {
                quote = None;
                (StyleRole::XmlValue, StyleRole::XmlTag)
            }
            (None, '"' | '\'') if in_tag => {
                quote = Some(c);
                (StyleRole::XmlValue, StyleRole::XmlValue)
            }
            (None, '<') => {
                in_tag = true;
                (StyleRole::XmlTag, StyleRole::XmlTag)
            }
            (None, '>') if in_tag => {
                in_tag = false;
                (StyleRole::XmlTag, StyleRole::Text)
            }
            (None, ' ') if in_tag => (StyleRole::XmlTag, StyleRole::XmlName),
            (None, '=' | '/' | '?') if in_tag => (StyleRole::XmlTag, StyleRole::XmlTag),
            _ => continue,
        };
        // The sign itself takes the colour `next`, what follows it `after`.
        let end = at + c.len_utf8();
        let split = if next == StyleRole::XmlValue && role == StyleRole::XmlValue { end } else { at };
        out.push((text.get(start..split).unwrap_or_default(), role));
        out.push((text.get(split..end).unwrap_or_default(), next));
        (start, role) = (end, after);
    }
    out.push((text.get(start..).unwrap_or_default(), role));
    out.retain(|(piece, _)| !piece.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_letter_of_a_line_is_lost() {
        for text in ["  <a b=\"x > y\" c='1'/>", "<name>gpu</name>", "text & more", "<?xml version=\"1.0\"?>", "\"<"] {
            let joined: String = pieces(text).iter().map(|(piece, _)| *piece).collect();
            assert_eq!(joined, text);
        }
    }

    #[test]
    fn tags_names_and_values_differ() {
        let shown = pieces("<a b=\"x > y\">t</a>");
        for wanted in [("b", StyleRole::XmlName), ("x > y\"", StyleRole::XmlValue), ("t", StyleRole::Text)] {
            assert!(shown.contains(&wanted), "{wanted:?} in {shown:?}");
        }
    }
}
