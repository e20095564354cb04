//! What the screen is drawn with, from what the terminal can show. The drawing itself knows no terminal.

use super::capability::{Capabilities, Charset, Colours};
use crate::ui::{Look, Theme, ThemeError, glyphs};

/// The theme `asked` for, else the one that looks right on any palette.
pub(super) fn look(terminal: &Capabilities, asked: Option<&str>) -> Result<Look, ThemeError> {
    let theme = match (terminal.colours, asked) {
        // Without colours, meanings must be told apart by attributes, which the coloured themes do not.
        (Colours::None, _) => "mono",
        (_, Some(asked)) => asked,
        (_, None) => "ansi",
    };
    let glyphs = match terminal.charset {
        Charset::Ascii => glyphs::ASCII,
        Charset::Unicode => glyphs::UNICODE,
    };
    Ok(Look { theme: Theme::named(theme)?, glyphs })
}
