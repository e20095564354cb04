//! Standard output and standard error: buffered, coloured where wanted, free of control characters, quiet on a closed
//! pipe. The only file of the headless commands that writes to either.

use super::args::{ColorChoice, GlobalOptions};
use super::tone::Tone;
use super::wrap::wrap;
use serde::Serialize;
use std::env;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;
use unicode_width::UnicodeWidthChar;

/// Marks of findings and steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Forbids, failed.
    pub bad: &'static str,
    /// Warning.
    pub warn: &'static str,
    /// Not checked.
    pub unknown: &'static str,
    /// Worth knowing.
    pub info: &'static str,
    /// Passed, done.
    pub good: &'static str,
    /// Under way.
    pub busy: &'static str,
}

const UNICODE: Marks = Marks { bad: "✗", warn: "!", unknown: "?", info: "i", good: "✓", busy: "●" };
const ASCII: Marks = Marks { bad: "X", warn: "!", unknown: "?", info: "i", good: "+", busy: ">" };

/// Where a command writes.
#[allow(clippy::struct_excessive_bools)] // Four independent properties of the output.
pub struct Out {
    stdout: Box<dyn Write + Send>,
    color: bool,
    ascii: bool,
    json: bool,
    terminal: bool,
}

impl Out {
    /// Standard output as the options and the environment want it.
    pub fn new(options: &GlobalOptions) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            stdout: Box::new(BufWriter::with_capacity(1 << 16, io::stdout())),
            color: wants_color(options.color, terminal),
            ascii: options.ascii || !locale_is_utf8(),
            json: options.json,
            terminal,
        }
    }

    /// True where JSON is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// True where standard output is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Marks in the character set of the terminal.
    pub fn marks(&self) -> Marks {
        if self.ascii { ASCII } else { UNICODE }
    }

    /// One line of human output.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.spans(&[(Tone::Plain, text)])
    }

    /// One line of pieces, each in its tone; a terminal gets it in its width.
    pub fn spans(&mut self, spans: &[(Tone, &str)]) -> io::Result<()> {
        if self.terminal {
            return write!(self.stdout, "{}", in_width(spans, self.color, columns(io::stdout())));
        }
        self.row(spans)
    }

    /// The same for a row of a table, which keeps its columns however narrow the terminal is.
    pub fn row(&mut self, spans: &[(Tone, &str)]) -> io::Result<()> {
        let text = paint(spans, self.color);
        writeln!(self.stdout, "{text}")
    }

    /// Text as it is, for documents that are not ours to change: XML, specs.
    pub fn document(&mut self, text: &str) -> io::Result<()> {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        write!(self.stdout, "{text}{end}")
    }

    /// One JSON document over several lines, keys in order.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.stdout, value)?;
        writeln!(self.stdout)
    }

    /// One JSON document on one line, sent at once: a reader follows a build by it.
    pub fn json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.stdout, value)?;
        writeln!(self.stdout)?;
        self.flush()
    }

    /// Rewrites the last line of a terminal, cut where the terminal ends: of a line that wraps only the last row could be
    /// rewritten. The caller ends it with `line`.
    pub fn status(&mut self, text: &str) -> io::Result<()> {
        write!(self.stdout, "\r\x1b[K{}", cut(&clean(text), columns(io::stdout())))?;
        self.flush()
    }

    /// Sends what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }

    /// A question on standard error; the cursor stays behind it.
    pub fn ask(&mut self, question: &str) {
        let _ = self.flush();
        let mut stderr = io::stderr();
        let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
    }

    /// One line for humans on standard error. A closed standard error loses it: there is nobody left to tell.
    pub fn complain(&mut self, spans: &[(Tone, &str)]) {
        let _ = self.flush();
        let stderr = io::stderr();
        let text = if stderr.is_terminal() {
            in_width(spans, self.color, columns(&stderr))
        } else {
            paint(spans, false) + "\n"
        };
        let _ = write!(io::stderr(), "{text}");
    }
}

/// Writes a text that clap made to where clap wants it. No method: there are no options yet to make an output of.
pub fn clap_text(error: &clap::Error) {
    let _ = error.print();
}

fn paint(spans: &[(Tone, &str)], color: bool) -> String {
    let mut line = String::new();
    for (tone, text) in spans {
        if color && *tone != Tone::Plain {
            line.push_str(tone.code());
            line.push_str(&clean(text));
            line.push_str("\x1b[0m");
        } else {
            line.push_str(&clean(text));
        }
    }
    line.truncate(line.trim_end_matches(' ').len());
    line
}

/// The lines of `spans` in `width` cells, each with its end.
fn in_width(spans: &[(Tone, &str)], color: bool, width: usize) -> String {
    let mut text = String::new();
    for line in wrap(spans, width) {
        let pieces: Vec<(Tone, &str)> = line.iter().map(|(tone, piece)| (*tone, piece.as_str())).collect();
        text.push_str(&paint(&pieces, color));
        text.push('\n');
    }
    text
}

/// Names of volumes and domains come from others: an escape sequence in one must not reach the terminal.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Columns of a terminal, less the last one, where a cursor may wrap.
fn columns(terminal: impl AsFd) -> usize {
    let size = rustix::termios::tcgetwinsize(terminal);
    size.ok().filter(|size| size.ws_col > 1).map_or(79, |size| usize::from(size.ws_col) - 1)
}

/// The longest start of `text` that fits `width` cells.
fn cut(text: &str, width: usize) -> &str {
    let mut used = 0;
    let fits = |c: &(usize, char)| {
        used += c.1.width().unwrap_or(0);
        used > width
    };
    let end = text.char_indices().find(fits).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

fn wants_color(choice: ColorChoice, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
            terminal && !set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// The first of LC_ALL, LC_CTYPE and LANG that is set decides, as in the C library.
fn locale_is_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env::var(name).ok().filter(|v| !v.is_empty()));
    locale.is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        name.contains("utf-8") || name.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\u{9b}c\r"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}");
    }

    #[test]
    fn a_line_is_cut_at_the_last_whole_character_that_fits() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc");
        assert_eq!(cut("日本", 3), "日");
        assert_eq!(cut("e\u{301}x", 1), "e\u{301}");
    }

    #[test]
    fn colour_wraps_the_piece_and_nothing_else() {
        let spans = [(Tone::Bad, "x"), (Tone::Plain, " y  ")];
        assert_eq!(paint(&spans, true), "\x1b[31mx\x1b[0m y");
        assert_eq!(paint(&spans, false), "x y");
    }

    #[test]
    fn asking_for_colour_wins_over_the_terminal() {
        assert!(wants_color(ColorChoice::Always, false));
        assert!(!wants_color(ColorChoice::Never, true));
        assert!(!wants_color(ColorChoice::Auto, false));
    }
}
