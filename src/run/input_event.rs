//! What comes from the terminal.

use crate::app::key::Key;
use ratatui::layout::Size;

/// What comes from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputEvent {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted; line breaks are `\n`. Other control characters are left in it for the field to refuse.
    Paste(String),
    /// The terminal has a new size.
    Resize(Size),
    /// The terminal is gone. Nothing comes after this.
    Closed,
}
