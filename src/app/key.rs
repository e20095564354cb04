//! A key as the wizard sees it: plain data with a printed name. Owns no binding and no byte sequence of any terminal.

use std::fmt;
use std::str::FromStr;

/// One key press.
///
/// There is one way to write each key: a [`KeyCode::Char`] carries its case in the character and never `shift`, a
/// letter with `ctrl` is lower case, Shift with Tab is [`KeyCode::BackTab`]. [`Key::new`] and the parser see to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// What was pressed.
    pub code: KeyCode,
    /// Control was held.
    pub ctrl: bool,
    /// Alt was held. On the wire this is the same as Esc followed by the key.
    pub alt: bool,
    /// Shift was held; only for keys that are not characters.
    pub shift: bool,
}

/// The keys the wizard can be told about; a terminal's other keys are dropped before they get here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyCode {
    /// A printing character, the space included.
    Char(char),
    /// Return, keypad Enter and `^J`.
    Enter,
    /// Escape.
    Esc,
    /// Tab, also `^I`.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Backspace, also `^H`.
    Backspace,
    /// Delete.
    Delete,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key, from 1.
    F(u8),
}

/// The keys that have a name, with the name they are shown by.
const NAMED: [(KeyCode, &str); 15] = [
    (KeyCode::Char(' '), "Space"),
    (KeyCode::Enter, "Enter"),
    (KeyCode::Esc, "Esc"),
    (KeyCode::Tab, "Tab"),
    (KeyCode::BackTab, "Shift-Tab"),
    (KeyCode::Backspace, "Backspace"),
    (KeyCode::Delete, "Del"),
    (KeyCode::Up, "Up"),
    (KeyCode::Down, "Down"),
    (KeyCode::Left, "Left"),
    (KeyCode::Right, "Right"),
    (KeyCode::Home, "Home"),
    (KeyCode::End, "End"),
    (KeyCode::PageUp, "PgUp"),
    (KeyCode::PageDown, "PgDn"),
];

/// The highest function key a terminal reports.
const LAST_FUNCTION_KEY: u8 = 24;

impl Key {
    /// The key without Control, Alt or Shift.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// The printing character `c`.
    pub const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// Control and `c`.
    pub const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c.to_ascii_lowercase()), ctrl: true, alt: false, shift: false }
    }

    /// The key in its one form; see the type.
    pub const fn new(code: KeyCode, ctrl: bool, alt: bool, shift: bool) -> Self {
        match code {
            KeyCode::Char(c) if ctrl => Self { code: KeyCode::Char(c.to_ascii_lowercase()), ctrl, alt, shift: false },
            KeyCode::Char(c) if shift => Self { code: KeyCode::Char(c.to_ascii_uppercase()), ctrl, alt, shift: false },
            KeyCode::Tab if shift => Self { code: KeyCode::BackTab, ctrl, alt, shift: false },
            KeyCode::BackTab => Self { code, ctrl, alt, shift: false },
            _ => Self { code, ctrl, alt, shift },
        }
    }

    /// The character to put into a text field, if this key is one.
    pub const fn text(&self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }
}

impl From<KeyCode> for Key {
    fn from(code: KeyCode) -> Self {
        Self::plain(code)
    }
}

impl fmt::Display for KeyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, NAMED.iter().find(|(code, _)| code == self)) {
            (_, Some((_, name))) => f.write_str(name),
            (Self::F(number), None) => write!(f, "F{number}"),
            (Self::Char(c), None) => write!(f, "{c}"),
            (_, None) => Ok(()),
        }
    }
}

impl fmt::Display for Key {
    /// `^N`, `Esc`, `Shift-Up`, `Alt-x`, `Ctrl-Left`, `g`, `G`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.alt {
            f.write_str("Alt-")?;
        }
        match (self.ctrl, self.code) {
            (true, KeyCode::Char(c)) if c.is_ascii_graphic() => return write!(f, "^{}", c.to_ascii_uppercase()),
            (true, _) => f.write_str("Ctrl-")?,
            (false, _) => {}
        }
        if self.shift {
            f.write_str("Shift-")?;
        }
        write!(f, "{}", self.code)
    }
}

/// A text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a key; write one like g, G, ^N, F1, Enter, Space, PgDn, Shift-Tab or Ctrl-Left")]
pub struct KeyError(String);

impl FromStr for Key {
    type Err = KeyError;

    /// Reads what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut rest = text;
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        loop {
            // "Shift-Tab" is a name of its own, and "-" a key.
            if let Some(code) = code_of(rest) {
                return Ok(Self::new(code, ctrl, alt, shift));
            }
            if let Some(letter) = rest.strip_prefix('^') {
                ctrl = true;
                rest = letter;
            } else if let Some(after) = rest.strip_prefix("Ctrl-") {
                ctrl = true;
                rest = after;
            } else if let Some(after) = rest.strip_prefix("Alt-") {
                alt = true;
                rest = after;
            } else if let Some(after) = rest.strip_prefix("Shift-") {
                shift = true;
                rest = after;
            } else {
                return Err(KeyError(text.to_owned()));
            }
        }
    }
}

/// The key that `name` stands for, modifiers apart.
fn code_of(name: &str) -> Option<KeyCode> {
    if let Some((code, _)) = NAMED.iter().find(|(_, known)| *known == name) {
        return Some(*code);
    }
    let mut chars = name.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_control() && c != ' ').then_some(KeyCode::Char(c));
    }
    let number: u8 = name.strip_prefix('F')?.parse().ok()?;
    (1..=LAST_FUNCTION_KEY).contains(&number).then_some(KeyCode::F(number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_shown_the_way_the_hints_write_them() {
        let shown = [
            (Key::ctrl('n'), "^N"),
            (Key::plain(KeyCode::Esc), "Esc"),
            (Key::plain(KeyCode::Tab), "Tab"),
            (Key::plain(KeyCode::BackTab), "Shift-Tab"),
            (Key::plain(KeyCode::F(10)), "F10"),
            (Key::char('g'), "g"),
            (Key::char('G'), "G"),
            (Key::char(' '), "Space"),
            (Key::char('^'), "^"),
            (Key::new(KeyCode::Up, false, false, true), "Shift-Up"),
            (Key::new(KeyCode::Left, true, false, false), "Ctrl-Left"),
            (Key::new(KeyCode::Char('x'), false, true, false), "Alt-x"),
            (Key::ctrl(' '), "Ctrl-Space"),
        ];
        for (key, text) in shown {
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn one_key_has_one_form() {
        assert_eq!(Key::new(KeyCode::Char('n'), true, false, true), Key::ctrl('N'));
        assert_eq!(Key::new(KeyCode::Char('g'), false, false, true), Key::char('G'));
        assert_eq!(Key::new(KeyCode::Tab, false, false, true), Key::plain(KeyCode::BackTab));
        assert_eq!(Key::new(KeyCode::BackTab, false, false, true), Key::plain(KeyCode::BackTab));
    }

    #[test]
    fn only_plain_characters_are_text() {
        assert_eq!(Key::char('ü').text(), Some('ü'));
        assert_eq!(Key::ctrl('n').text(), None);
        assert_eq!(Key::plain(KeyCode::Enter).text(), None);
    }

    #[test]
    fn what_is_no_key_is_refused_with_examples() {
        for text in ["", "F0", "F25", "Ctrl-", "Hyper-x", "ab", "\u{1b}"] {
            let error = text.parse::<Key>().unwrap_err();
            assert!(error.to_string().contains("write one like g"), "{error}");
        }
    }

    fn any_code() -> impl Strategy<Value = KeyCode> {
        prop_oneof![
            any::<char>().prop_filter("no control", |c| !c.is_control() && c.is_ascii()).prop_map(KeyCode::Char),
            prop::sample::select(&NAMED[..]).prop_map(|(code, _)| code),
            (1..=LAST_FUNCTION_KEY).prop_map(KeyCode::F),
        ]
    }

    proptest! {
        #[test]
        fn every_key_is_read_back_from_its_name(
            code in any_code(), ctrl in any::<bool>(), alt in any::<bool>(), shift in any::<bool>()
        ) {
            let key = Key::new(code, ctrl, alt, shift);
            prop_assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
        }
    }
}
