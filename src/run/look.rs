//! What the screen is drawn with, from what the terminal can show. The drawing itself does not depend on a terminal.

use super::capability::{Charset, Colours, TerminalCapabilities};
use crate::ui::{Look, Theme, ThemeError, glyphs};

/// The theme `asked` for, else the one that looks right on any palette.
pub(super) fn look(terminal: &TerminalCapabilities, asked: Option<&str>) -> Result<Look, ThemeError> {
    let theme = match (terminal.colours, asked) {
        // Without colours, attributes must show the meanings, which they do not in the coloured themes.
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
