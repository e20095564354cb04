//! The only place that knows the text area crate: a text of several lines with a cursor. Drawing is the business of `ui`.

use super::{Key, KeyCode};
use ratatui_textarea::{CursorMove, Input, Key as AreaKey, TextArea};

/// A text of several lines being edited.
#[derive(Clone, Debug)]
pub struct LinesEditor(TextArea<'static>);

impl LinesEditor {
    /// Starts with `text`, the cursor at its end.
    pub fn new(text: &str) -> Self {
        let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
        area.move_cursor(CursorMove::Bottom);
        area.move_cursor(CursorMove::End);
        Self(area)
    }

    /// The text.
    pub fn text(&self) -> String {
        self.0.lines().join("\n")
    }

    /// The lines; at least one.
    pub fn lines(&self) -> &[String] {
        self.0.lines()
    }

    /// Row and column (in characters) of the cursor, from 0.
    pub fn cursor(&self) -> (usize, usize) {
        let cursor = self.0.cursor();
        (cursor.0, cursor.1)
    }

    /// Gives a key to the text; true where the text changed.
    pub fn key(&mut self, key: Key) -> bool {
        let code = match key.code {
            KeyCode::Char(c) => AreaKey::Char(c),
            KeyCode::Enter => AreaKey::Enter,
            KeyCode::Backspace => AreaKey::Backspace,
            KeyCode::Delete => AreaKey::Delete,
            KeyCode::Up => AreaKey::Up,
            KeyCode::Down => AreaKey::Down,
            KeyCode::Left => AreaKey::Left,
            KeyCode::Right => AreaKey::Right,
            KeyCode::Home => AreaKey::Home,
            KeyCode::End => AreaKey::End,
            _ => return false,
        };
        let before = self.0.lines().len();
        let old = self.0.lines().to_vec();
        self.0.input(Input { key: code, ctrl: key.ctrl, alt: key.alt, shift: key.shift });
        before != self.0.lines().len() || old != self.0.lines()
    }

    /// Puts a pasted text in at the cursor.
    pub fn paste(&mut self, text: &str) {
        self.0.insert_str(text.replace("\r\n", "\n").replace('\r', "\n"));
    }
}
