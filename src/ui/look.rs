//! How the screen is drawn: theme and characters. Which of them is taken is decided elsewhere.

use super::{Glyphs, StyleRole, Theme};
use ratatui::style::Style;

/// Theme and characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// A style for each role.
    pub theme: Theme,
    /// The characters of lines and states.
    pub glyphs: Glyphs,
}

impl Look {
    /// The style of a role.
    pub fn style(&self, role: StyleRole) -> Style {
        self.theme.style(role)
    }
}
