//! What the terminal is assumed to support, decided from the environment and the flags alone. Sends it no query.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

/// How long a lone Esc is held back where the rest of an arrow key may still be on its way.
const ESCAPE_HOLD: Duration = Duration::from_millis(50);

/// The colours that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colours {
    /// None; bold, dim, underline and reverse remain.
    None,
    /// The sixteen of the terminal's own palette, in the short form (30 to 37 and 90 to 97) that every terminal takes.
    Ansi16,
    /// The palette of 256.
    Indexed256,
    /// 24 bits.
    Full,
}

/// The characters that are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Everything below 128.
    Ascii,
    /// Any.
    Unicode,
}

/// What the user asked for with `--color` or `VMBUILD_COLOR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColourChoice {
    /// Decide from `NO_COLOR`, `COLORTERM` and `TERM`.
    #[default]
    Auto,
    /// These and no others.
    Only(Colours),
}

/// A colour choice that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("colour choice \"{0}\" is not known; use never, auto, 16, 256 or full")]
pub struct ColourChoiceError(String);

impl FromStr for ColourChoice {
    type Err = ColourChoiceError;

    fn from_str(text: &str) -> Result<Self, ColourChoiceError> {
        Ok(match text {
            "auto" => Self::Auto,
            "never" => Self::Only(Colours::None),
            "16" => Self::Only(Colours::Ansi16),
            "256" => Self::Only(Colours::Indexed256),
            "full" => Self::Only(Colours::Full),
            _ => return Err(ColourChoiceError(text.to_owned())),
        })
    }
}

/// The flags that overrule the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LookFlags {
    /// `--color`.
    pub colour: Option<ColourChoice>,
    /// `--ascii`.
    pub ascii: bool,
}

/// What the terminal is assumed to support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalCapabilities {
    /// The colours to write.
    pub colours: Colours,
    /// The characters to draw.
    pub charset: Charset,
    /// The program runs in an SSH session.
    pub ssh: bool,
    /// How long to wait after a lone Esc for the rest of an arrow key; zero where keys arrive whole.
    pub escape_hold: Duration,
    /// The terminal can move its cursor at all. Where it cannot, only the headless commands make sense.
    pub full_screen: bool,
    /// The terminal supports what xterm does: alternate screen, title, synchronized output, switching attributes off
    /// one by one. False for the VT100 family and the Linux console, which print or misread some of it.
    pub xterm: bool,
}

impl TerminalCapabilities {
    /// Decides from the environment `env` and `flags`. The only error is a `VMBUILD_COLOR` that is not known.
    pub fn decide(env: &HashMap<String, String>, flags: LookFlags) -> Result<Self, ColourChoiceError> {
        let term = Term::of(env);
        let choice = match flags.colour {
            Some(choice) => choice,
            None => set(env, "VMBUILD_COLOR").map_or(Ok(ColourChoice::Auto), str::parse)?,
        };
        let ssh = set(env, "SSH_CONNECTION").is_some() || set(env, "SSH_TTY").is_some();
        // At 9600 baud the three bytes of an arrow key are 1 ms apart; a serial terminal is known only by its type.
        let split_keys = ssh || term.family == Family::Serial;
        Ok(Self {
            colours: match choice {
                ColourChoice::Only(colours) => colours,
                ColourChoice::Auto => automatic_colours(env, &term),
            },
            charset: if flags.ascii || !utf8_locale(env) { Charset::Ascii } else { Charset::Unicode },
            ssh,
            escape_hold: if split_keys { ESCAPE_HOLD } else { Duration::ZERO },
            full_screen: term.family != Family::Dumb,
            xterm: term.family == Family::Xterm,
        })
    }
}

/// The kinds of terminal that differ for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// `TERM` is empty, `dumb` or `unknown`.
    Dumb,
    /// The VT100 family and what imitates it over a serial line.
    Serial,
    /// The Linux virtual console and its relatives in boot loaders and firmware.
    Console,
    /// Everything else: xterm and the terminals that follow it.
    Xterm,
}

/// The value of `TERM` and what it means.
struct Term<'a> {
    name: &'a str,
    family: Family,
}

impl<'a> Term<'a> {
    fn of(env: &'a HashMap<String, String>) -> Self {
        let name = set(env, "TERM").unwrap_or_default();
        let base = name.split('-').next().unwrap_or_default();
        let family = match base {
            "" | "dumb" | "unknown" => Family::Dumb,
            "linux" | "cons25" | "bterm" | "fbterm" => Family::Console,
            "ansi" | "pcansi" | "sun" | "wy50" | "wy60" | "wyse" | "wyse50" | "wyse60" => Family::Serial,
            _ if is_dec(base) => Family::Serial,
            _ => Family::Xterm,
        };
        Self { name, family }
    }
}

/// Whether `base` is one of DEC's terminals, `vt52` to `vt525`.
fn is_dec(base: &str) -> bool {
    base.strip_prefix("vt").is_some_and(|model| !model.is_empty() && model.bytes().all(|b| b.is_ascii_digit()))
}

/// The colours where none were chosen: `NO_COLOR`, then what `TERM` rules out, then what `COLORTERM` or `TERM` promise.
fn automatic_colours(env: &HashMap<String, String>, term: &Term<'_>) -> Colours {
    // https://no-color.org: present and not empty.
    if set(env, "NO_COLOR").is_some() || matches!(term.family, Family::Dumb) {
        return Colours::None;
    }
    let name = term.name;
    if name.ends_with("-mono") || name.ends_with("-m") || name.starts_with("wy") || is_dec(first(name)) {
        return Colours::None;
    }
    if matches!(term.family, Family::Console | Family::Serial) {
        return Colours::Ansi16;
    }
    let indexed = name.contains("256color");
    // GNU screen passes the outer terminal's COLORTERM on and does not pass its colours on.
    let screen = first(name) == "screen";
    let promised = matches!(set(env, "COLORTERM"), Some("truecolor" | "24bit"));
    if (promised && !screen) || name.ends_with("-direct") || TRUE_COLOUR_TERMS.contains(&name) {
        Colours::Full
    } else if indexed {
        Colours::Indexed256
    } else {
        Colours::Ansi16
    }
}

/// Terminals with 24-bit colours whose `TERM` arrives over SSH where `COLORTERM` does not.
const TRUE_COLOUR_TERMS: [&str; 8] =
    ["alacritty", "contour", "foot", "foot-extra", "wezterm", "xterm-ghostty", "xterm-kitty", "rio"];

/// The part of a terminal's name before the first hyphen.
fn first(name: &str) -> &str {
    name.split('-').next().unwrap_or_default()
}

/// Whether the locale's character set is UTF-8: `LC_ALL` decides, then `LC_CTYPE`, then `LANG`; none is the C locale.
fn utf8_locale(env: &HashMap<String, String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| set(env, name)).unwrap_or_default();
    let Some((_, codeset)) = locale.split_once('.') else {
        return false;
    };
    let codeset = codeset.split('@').next().unwrap_or_default();
    codeset.eq_ignore_ascii_case("utf-8") || codeset.eq_ignore_ascii_case("utf8")
}

/// The value of `name`, unless it is empty, which counts as not set.
fn set<'a>(env: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    env.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn env(pairs: &str) -> HashMap<String, String> {
        pairs
            .split_whitespace()
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn decide(pairs: &str) -> TerminalCapabilities {
        TerminalCapabilities::decide(&env(pairs), LookFlags::default()).unwrap()
    }

    #[test]
    fn colours_follow_the_terminal_unless_they_were_chosen() {
        let cases = [
            ("", Colours::None),
            ("TERM=dumb COLORTERM=truecolor", Colours::None),
            ("TERM=vt100", Colours::None),
            ("TERM=vt220 COLORTERM=truecolor", Colours::None),
            ("TERM=xterm-mono", Colours::None),
            ("TERM=xterm", Colours::Ansi16),
            ("TERM=vte", Colours::Ansi16),
            ("TERM=linux COLORTERM=truecolor", Colours::Ansi16),
            ("TERM=ansi", Colours::Ansi16),
            ("TERM=xterm-256color", Colours::Indexed256),
            ("TERM=xterm-256color COLORTERM=yes", Colours::Indexed256),
            ("TERM=xterm-256color COLORTERM=truecolor", Colours::Full),
            ("TERM=xterm COLORTERM=24bit", Colours::Full),
            ("TERM=xterm-direct", Colours::Full),
            ("TERM=xterm-kitty SSH_CONNECTION=1", Colours::Full),
            ("TERM=screen COLORTERM=truecolor", Colours::Ansi16),
            ("TERM=screen-256color COLORTERM=truecolor", Colours::Indexed256),
            ("TERM=tmux-256color COLORTERM=truecolor", Colours::Full),
            ("TERM=xterm-256color NO_COLOR=1", Colours::None),
            ("TERM=xterm-256color NO_COLOR=", Colours::Indexed256),
            ("TERM=xterm-256color NO_COLOR=1 VMBUILD_COLOR=16", Colours::Ansi16),
            ("TERM=xterm-256color VMBUILD_COLOR=never", Colours::None),
            ("TERM=vt100 VMBUILD_COLOR=full", Colours::Full),
            ("TERM=xterm NO_COLOR=1 VMBUILD_COLOR=auto", Colours::None),
        ];
        for (pairs, expected) in cases {
            assert_eq!(decide(pairs).colours, expected, "{pairs}");
        }
    }

    #[test]
    fn the_flag_overrules_every_variable() {
        let cases =
            [("never", Colours::None), ("16", Colours::Ansi16), ("256", Colours::Indexed256), ("full", Colours::Full)];
        for (flag, expected) in cases {
            let flags = LookFlags { colour: Some(flag.parse().unwrap()), ascii: false };
            let env = env("TERM=xterm NO_COLOR=1 VMBUILD_COLOR=nonsense");
            assert_eq!(TerminalCapabilities::decide(&env, flags).unwrap().colours, expected, "{flag}");
        }
    }

    #[test]
    fn an_unknown_choice_is_named_with_the_known_ones() {
        let error = TerminalCapabilities::decide(&env("VMBUILD_COLOR=always"), LookFlags::default()).unwrap_err();
        assert_eq!(error.to_string(), "colour choice \"always\" is not known; use never, auto, 16, 256 or full");
    }

    #[test]
    fn the_first_locale_variable_decides_the_characters() {
        let cases = [
            ("", Charset::Ascii),
            ("LANG=C", Charset::Ascii),
            ("LANG=en_GB", Charset::Ascii),
            ("LANG=en_GB.ISO-8859-15", Charset::Ascii),
            ("LANG=en_GB.UTF-8", Charset::Unicode),
            ("LANG=C.utf8", Charset::Unicode),
            ("LANG=de_DE.UTF-8@euro", Charset::Unicode),
            ("LANG=en_GB.UTF-8 LC_CTYPE=C", Charset::Ascii),
            ("LANG=C LC_CTYPE=en_GB.UTF-8", Charset::Unicode),
            ("LANG=en_GB.UTF-8 LC_CTYPE=en_GB.UTF-8 LC_ALL=POSIX", Charset::Ascii),
            ("LANG=en_GB.UTF-8 LC_ALL=", Charset::Unicode),
        ];
        for (pairs, expected) in cases {
            assert_eq!(decide(pairs).charset, expected, "{pairs}");
        }
        let flags = LookFlags { ascii: true, ..LookFlags::default() };
        assert_eq!(TerminalCapabilities::decide(&env("LANG=C.UTF-8"), flags).unwrap().charset, Charset::Ascii);
    }

    #[test]
    fn esc_waits_only_where_keys_can_arrive_in_pieces() {
        let cases = [
            ("TERM=xterm-256color", false, 0),
            ("TERM=linux", false, 0),
            ("TERM=xterm SSH_TTY=/dev/pts/3", true, 50),
            ("TERM=xterm SSH_CONNECTION=::1", true, 50),
            ("TERM=vt220", false, 50),
        ];
        for (pairs, ssh, hold) in cases {
            let decided = decide(pairs);
            assert_eq!((decided.ssh, decided.escape_hold), (ssh, Duration::from_millis(hold)), "{pairs}");
        }
    }

    #[test]
    fn only_terminals_that_follow_xterm_get_its_sequences() {
        let cases = [
            ("TERM=dumb", false, false),
            ("", false, false),
            ("TERM=vt100", true, false),
            ("TERM=vt220-8bit", true, false),
            ("TERM=linux", true, false),
            ("TERM=linux-16color", true, false),
            ("TERM=vte-256color", true, true),
            ("TERM=tmux-256color", true, true),
            ("TERM=something-new", true, true),
        ];
        for (pairs, full_screen, xterm) in cases {
            let decided = decide(pairs);
            assert_eq!((decided.full_screen, decided.xterm), (full_screen, xterm), "{pairs}");
        }
    }
}
