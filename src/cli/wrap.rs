//! Long lines in the width of a terminal: broken at blanks, what follows set in under the line it belongs to.

use super::out::Tone;
use unicode_width::UnicodeWidthChar;

/// A line of pieces, each in its tone.
pub(super) type Line = Vec<(Tone, String)>;

/// How far a continuation is set in beyond its line.
const HANG: usize = 2;

/// `spans` as lines of at most `width` cells where there are blanks to break at.
pub(super) fn wrap(spans: &[(Tone, &str)], width: usize) -> Vec<Line> {
    let letters: Vec<(Tone, char)> =
        spans.iter().flat_map(|(tone, text)| text.chars().map(|letter| (*tone, letter))).collect();
    let mut lines = Vec::new();
    for paragraph in letters.split(|(_, letter)| *letter == '\n') {
        let indent = paragraph.iter().take_while(|(_, letter)| *letter == ' ').count();
        let hang = (indent + HANG).min(width / 2);
        let mut rest = paragraph;
        let mut before = 0;
        while let Some(end) = break_at(rest, width.saturating_sub(before), if before == 0 { indent } else { 0 }) {
            let (line, after) = rest.split_at(end);
            lines.push(joined(line, before));
            let blanks = after.iter().take_while(|(_, letter)| *letter == ' ').count();
            rest = after.get(blanks..).unwrap_or_default();
            before = hang;
        }
        lines.push(joined(rest, before));
    }
    lines
}

/// Where `letters` are to be broken; `None` where they fit or have no blank behind the first `from`.
fn break_at(letters: &[(Tone, char)], width: usize, from: usize) -> Option<usize> {
    let mut used = 0;
    let over = letters.iter().position(|(_, letter)| {
        used += letter.width().unwrap_or(0);
        used > width
    })?;
    let blank = |at: &usize| letters.get(*at).is_some_and(|(_, letter)| *letter == ' ');
    // A word that is longer than the line stays whole: it may be a path to copy.
    (from..=over).rev().find(blank).or_else(|| (over..letters.len()).find(blank)).filter(|at| *at > from)
}

/// Letters as pieces of one tone each, behind `before` blanks.
fn joined(letters: &[(Tone, char)], before: usize) -> Line {
    let mut line: Line = if before > 0 { vec![(Tone::Plain, " ".repeat(before))] } else { Vec::new() };
    for (tone, letter) in letters {
        match line.last_mut() {
            Some((last, text)) if last == tone => text.push(*letter),
            _ => line.push((*tone, letter.to_string())),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, width: usize) -> Vec<String> {
        let lines = wrap(&[(Tone::Plain, text)], width);
        lines.into_iter().map(|line| line.into_iter().map(|(_, text)| text).collect()).collect()
    }

    #[test]
    fn a_line_breaks_at_blanks_and_goes_on_set_in() {
        assert_eq!(wrapped("one two three", 20), ["one two three"]);
        assert_eq!(wrapped("one two three", 8), ["one two", "  three"]);
        assert_eq!(wrapped("  one two three", 9), ["  one two", "    three"]);
        assert_eq!(wrapped("one\ntwo", 9), ["one", "two"]);
        assert_eq!(wrapped("日本 日本", 5), ["日本", "  日本"]);
    }

    #[test]
    fn a_word_that_is_longer_than_the_line_stays_whole() {
        assert_eq!(wrapped("run /a/very/long/path now", 8), ["run", "  /a/very/long/path", "  now"]);
        assert_eq!(wrapped("/a/very/long/path", 8), ["/a/very/long/path"]);
    }

    #[test]
    fn pieces_keep_their_tone() {
        let lines = wrap(&[(Tone::Bad, "error "), (Tone::Plain, "it is here")], 9);
        assert_eq!(lines[0], [(Tone::Bad, "error ".into()), (Tone::Plain, "it".into())]);
        assert_eq!(lines[1], [(Tone::Plain, "  is here".into())]);
    }
}
