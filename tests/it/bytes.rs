//! What a frame costs on the wire, and why the wizard has a writer of its own: the same frames, written by ratatui's
//! backend for crossterm.
#![allow(clippy::print_stdout, reason = "the figures")]

use crate::keys::script::Desk;
use crate::terminal::XTERM;
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};
use ratatui_crossterm::CrosstermBackend;
use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;
use vmbuild::run::screen::Screen;
use vmbuild::ui::{self, Look, Theme, glyphs};

const SIZE: Size = Size { width: 100, height: 30 };

/// Counts what is written to it.
#[derive(Clone, Default)]
struct Wire(Rc<Cell<usize>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A wizard on two screens: one drawn by our writer, one by ratatui's.
struct Screens {
    desk: Desk,
    look: Look,
    ours: Screen<Wire>,
    theirs: Terminal<CrosstermBackend<Wire>>,
    wire: Wire,
}

impl Screens {
    fn new() -> Self {
        let wire = Wire::default();
        let area = Rect::from((Position::ORIGIN, SIZE));
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        Self {
            desk: Desk::workstation(),
            look: Look { theme: Theme::named("ansi").unwrap(), glyphs: glyphs::UNICODE },
            ours: Screen::new(Wire::default(), SIZE, &XTERM),
            theirs: Terminal::with_options(CrosstermBackend::new(wire.clone()), options).unwrap(),
            wire,
        }
    }

    /// Presses `keys` and draws; returns the bytes that our writer and ratatui's took for it.
    fn draw(&mut self, keys: &str) -> (usize, usize) {
        self.desk.keys(keys);
        let ours = self.ours.draw(|frame| ui::draw(&self.desk.app, &self.look, frame)).unwrap();
        let before = self.wire.0.get();
        self.theirs.draw(|frame| ui::draw(&self.desk.app, &self.look, frame)).unwrap();
        (ours, self.wire.0.get() - before)
    }
}

/// What is drawn, by which keys, and the most bytes that it may take, each frame following on the one above.
const FRAMES: [(&str, &str, usize); 9] = [
    ("the first frame", "", 5000),
    ("a frame without a change", "", 0),
    ("another step", "2", 5000),
    ("a field", "Enter", 256),
    ("its first letter", "'w'", 512),
    ("a letter", "'s'", 128),
    ("no field", "Esc", 256),
    ("the list of devices", "6", 5000),
    ("its next row", "j", 700),
];

#[test]
fn a_frame_takes_fewer_bytes_than_by_crossterm_and_no_more_than_planned() {
    let mut screens = Screens::new();
    for (frame, keys, most) in FRAMES {
        let (ours, theirs) = screens.draw(keys);
        println!("{frame}: {ours} bytes, by crossterm {theirs}");
        assert!(ours <= most, "{frame}: {ours} bytes of {most}");
        assert!(ours < theirs, "{frame}: {ours} bytes, and {theirs} by crossterm");
    }
}
