//! Long lines in the width of a terminal: broken at blanks, what follows set in under the line it belongs to.

use super::tone::Tone;
use std::ops::Range;
use textwrap::WordSeparator;
use textwrap::core::Word;
use textwrap::wrap_algorithms::wrap_first_fit;

/// A line of pieces, each in its tone.
pub(super) type TonedLine = Vec<(Tone, String)>;

/// How far a continuation is set in beyond its line.
const HANG: usize = 2;

/// `spans` as lines of at most `width` cells where there are blanks to break at. A word that is longer than a line stays
/// whole: it may be a path to copy.
pub(super) fn wrap(spans: &[(Tone, &str)], width: usize) -> Vec<TonedLine> {
    let text: String = spans.iter().map(|(_, text)| *text).collect();
    let mut lines = Vec::new();
    let mut start = 0;
    for paragraph in text.split('\n') {
        let body = paragraph.trim_start_matches(' ');
        let indent = paragraph.len() - body.len();
        let hang = (indent + HANG).min(width / 2);
        let words: Vec<Word<'_>> = WordSeparator::AsciiSpace.find_words(body).collect();
        let widths =
            [indent, hang].map(|before| f64::from(u16::try_from(width.saturating_sub(before)).unwrap_or(u16::MAX)));
        let mut at = start + indent;
        for (number, words) in wrap_first_fit(&words, &widths).into_iter().enumerate() {
            let end = at + words.iter().map(|word| word.len() + word.whitespace.len()).sum::<usize>();
            let blanks = words.last().map_or(0, |word| word.whitespace.len());
            let (from, before) = if number == 0 { (start, 0) } else { (at, hang) };
            lines.push(pieces(spans, from..end - blanks, before));
            at = end;
        }
        start += paragraph.len() + 1;
    }
    lines
}

/// This part of the text of `spans` as pieces of one tone each, behind `before` blanks.
fn pieces(spans: &[(Tone, &str)], part: Range<usize>, before: usize) -> TonedLine {
    let mut line: TonedLine = if before > 0 { vec![(Tone::Plain, " ".repeat(before))] } else { Vec::new() };
    let mut start = 0;
    for (tone, text) in spans {
        let within = part.start.saturating_sub(start)..part.end.saturating_sub(start).min(text.len());
        start += text.len();
        let Some(piece) = text.get(within).filter(|piece| !piece.is_empty()) else { continue };
        match line.last_mut() {
            Some((last, text)) if last == tone => text.push_str(piece),
            _ => line.push((*tone, piece.to_owned())),
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
