//! What a piece of text means, and the colour it has for that.

/// Meaning of a piece of text, shown as a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Headings.
    Strong,
    /// What is only worth a second look.
    Muted,
    /// Done.
    Good,
    /// Warnings.
    Warn,
    /// Errors.
    Bad,
}

impl Tone {
    /// Sixteen-colour codes only: they follow the terminal's theme.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Muted => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}
