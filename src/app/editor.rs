//! The text that is being typed: a line or several. Owns the keys within a text.

use super::textarea::LinesEditor;
use super::{Key, KeyCode};
use tui_input::{Input, InputRequest};

/// A text being typed.
#[derive(Clone, Debug)]
pub struct Editing {
    /// The text.
    pub text: TextInput,
    /// True once a key has changed the text.
    pub typed: bool,
}

/// One line or several.
#[derive(Clone, Debug)]
pub enum TextInput {
    /// One line.
    Line(Input),
    /// Several; boxed because it is large.
    Lines(Box<LinesEditor>),
}

impl Editing {
    /// Starts with `text`.
    pub fn new(text: &str, lines: bool) -> Self {
        let input = if lines {
            TextInput::Lines(Box::new(LinesEditor::new(text)))
        } else {
            TextInput::Line(Input::new(text.to_owned()))
        };
        Self { text: input, typed: false }
    }

    /// The text as it is now.
    pub fn value(&self) -> String {
        match &self.text {
            TextInput::Line(input) => input.value().to_owned(),
            TextInput::Lines(lines) => lines.text(),
        }
    }

    /// Gives a key to the text; true where the text changed.
    pub fn key(&mut self, key: Key) -> bool {
        match &mut self.text {
            TextInput::Line(input) => line_key(input, key),
            TextInput::Lines(lines) => lines.key(key),
        }
    }

    /// Puts a pasted text in at the cursor; line breaks become blanks in a line.
    pub fn paste(&mut self, text: &str) {
        match &mut self.text {
            TextInput::Line(input) => paste_line(input, text),
            TextInput::Lines(lines) => lines.paste(text),
        }
    }
}

/// Gives a key to a line; true where the text changed.
pub fn line_key(input: &mut Input, key: Key) -> bool {
    let request = match (key.code, key.ctrl) {
        (KeyCode::Char(c), false) if !key.alt => InputRequest::InsertChar(c),
        (KeyCode::Backspace, false) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, _) => InputRequest::DeleteNextChar,
        (KeyCode::Left, false) => InputRequest::GoToPrevChar,
        (KeyCode::Right, false) => InputRequest::GoToNextChar,
        (KeyCode::Left, true) => InputRequest::GoToPrevWord,
        (KeyCode::Right, true) => InputRequest::GoToNextWord,
        (KeyCode::Home, _) => InputRequest::GoToStart,
        (KeyCode::End, _) | (KeyCode::Char('e'), true) => InputRequest::GoToEnd,
        (KeyCode::Char('w') | KeyCode::Backspace, true) => InputRequest::DeletePrevWord,
        (KeyCode::Char('u'), true) => InputRequest::DeleteFromStart,
        (KeyCode::Char('k'), true) => InputRequest::DeleteTillEnd,
        (KeyCode::Char('y'), true) => InputRequest::Yank,
        _ => return false,
    };
    input.handle(request).is_some_and(|changed| changed.value)
}

/// Puts a pasted text into a line.
pub fn paste_line(input: &mut Input, text: &str) {
    let clean = text.trim_end_matches(['\r', '\n']).replace("\r\n", " ");
    for c in clean.chars() {
        input.handle(InputRequest::InsertChar(if c.is_control() { ' ' } else { c }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_into_a_line_never_breaks_it() {
        let mut editing = Editing::new("a", false);
        editing.paste("b\r\nc\nd\te\n");
        assert_eq!(editing.value(), "ab c d e");
    }

    #[test]
    fn a_paste_into_lines_keeps_them() {
        let mut editing = Editing::new("a", true);
        editing.paste("b\r\nc");
        assert_eq!(editing.value(), "ab\nc");
    }

    #[test]
    fn commands_are_no_text() {
        let mut editing = Editing::new("", false);
        for key in [Key::ctrl('n'), Key::plain(KeyCode::F(1)), Key::plain(KeyCode::Tab)] {
            assert!(!editing.key(key));
        }
        assert!(editing.key(Key::char('ü')));
        assert_eq!(editing.value(), "ü");
    }
}
