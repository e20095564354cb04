//! What a run of bytes from a keyboard means, xterm's sequences and their relatives. Holds no state and reads no clock.

use crate::app::key::{Key, KeyCode};

/// What is known of the bytes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// More bytes are needed to tell.
    Unfinished,
    /// A key.
    Key(Key),
    /// A whole sequence that is not a key of ours: a mouse report, a reply, a key being released.
    Nothing,
    /// Not a sequence; the last byte starts something new.
    Broken,
    /// Pasted text follows.
    PasteBegins,
}

/// The byte that starts every sequence.
pub(super) const ESC: u8 = 0x1b;

/// Longer than any sequence a keyboard sends; what is longer is a reply to another program.
const LONGEST: usize = 128;

/// What `bytes` mean. To be called again with each byte that arrives.
pub(super) fn meaning(bytes: &[u8]) -> Meaning {
    match bytes {
        [] | [ESC] => Meaning::Unfinished,
        _ if bytes.len() > LONGEST => Meaning::Nothing,
        [ESC, b'[', rest @ ..] => control_sequence(rest),
        [ESC, b'O', rest @ ..] => single_shift(rest),
        [ESC, b']' | b'P' | b'X' | b'^' | b'_', rest @ ..] => string(rest),
        [ESC, rest @ ..] => match character(rest) {
            Meaning::Key(key) => Meaning::Key(Key { alt: true, ..key }),
            other => other,
        },
        _ => character(bytes),
    }
}

/// What `bytes` mean if nothing follows them.
pub(super) fn meaning_at_end(bytes: &[u8]) -> Meaning {
    match bytes {
        [ESC] => Meaning::Key(Key::plain(KeyCode::Esc)),
        // The start of a sequence with nothing after it is Alt and that character.
        [ESC, byte] if byte.is_ascii_graphic() => {
            Meaning::Key(Key::new(KeyCode::Char(char::from(*byte)), false, true, false))
        }
        _ => Meaning::Nothing,
    }
}

/// A control character or a character in UTF-8.
fn character(bytes: &[u8]) -> Meaning {
    if let [byte @ (0..b' ' | 0x7f)] = bytes {
        return Meaning::Key(control(*byte));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => match text.chars().next() {
            Some(c) if !c.is_control() => Meaning::Key(Key::char(c)),
            _ => Meaning::Nothing,
        },
        Err(error) if error.error_len().is_none() => Meaning::Unfinished,
        Err(_) if bytes.len() > 1 => Meaning::Broken,
        Err(_) => Meaning::Nothing,
    }
}

/// The key that sends the control character `byte`.
fn control(byte: u8) -> Key {
    match byte {
        b'\r' | b'\n' => Key::plain(KeyCode::Enter),
        b'\t' => Key::plain(KeyCode::Tab),
        0x08 | 0x7f => Key::plain(KeyCode::Backspace),
        ESC => Key::plain(KeyCode::Esc),
        0 => Key::ctrl(' '),
        // Control takes away bit 6.
        _ => Key::ctrl(char::from(byte | 0x40)),
    }
}

/// What follows `ESC O`: arrows, F1 to F4 and the keypad in application mode.
fn single_shift(rest: &[u8]) -> Meaning {
    let Some(byte) = rest.first() else {
        return Meaning::Unfinished;
    };
    let code = match byte {
        b'M' => KeyCode::Enter,
        b'I' => KeyCode::Tab,
        b'j'..=b'o' => KeyCode::Char(char::from(byte - b'j' + b'*')),
        b'p'..=b'y' => KeyCode::Char(char::from(byte - b'p' + b'0')),
        _ => return lettered(*byte).map_or(Meaning::Broken, |code| Meaning::Key(Key::plain(code))),
    };
    Meaning::Key(Key::plain(code))
}

/// What follows `ESC ]`, `ESC P` and the like: a reply, up to BEL or `ESC \`.
fn string(rest: &[u8]) -> Meaning {
    match rest {
        [.., 0x07] | [.., ESC, b'\\'] => Meaning::Nothing,
        _ => Meaning::Unfinished,
    }
}

/// What follows `ESC [`.
fn control_sequence(rest: &[u8]) -> Meaning {
    match rest {
        [] | [b'['] => Meaning::Unfinished,
        // The Linux console's F1 to F5.
        [b'[', byte @ b'A'..=b'E'] => Meaning::Key(Key::plain(KeyCode::F(byte - b'A' + 1))),
        // An old mouse report has three bytes of any value after its end.
        [b'M', report @ ..] if report.len() < 3 => Meaning::Unfinished,
        [b'[' | b'M', ..] => Meaning::Nothing,
        [parameters @ .., last @ b'@'..=b'~'] => numbered(parameters, *last),
        [.., b' '..=b'?'] => Meaning::Unfinished,
        _ => Meaning::Broken,
    }
}

/// A whole control sequence with its parameters.
fn numbered(parameters: &[u8], last: u8) -> Meaning {
    // Anything else among the parameters marks a reply or a report.
    if !parameters.iter().all(|byte| matches!(byte, b'0'..=b';')) {
        return Meaning::Nothing;
    }
    let mut fields = Fields { rest: Some(parameters) };
    let (first, second, third) = (fields.next(), fields.next(), fields.next());
    let number = first.number.unwrap_or(0);
    let held = second.number.unwrap_or(1).saturating_sub(1);
    let code = match last {
        b'~' if number == 200 => return Meaning::PasteBegins,
        // xterm's "modify other keys": the code comes third.
        b'~' if number == 27 => third.number.and_then(coded),
        b'~' => tilde(number),
        b'u' => coded(number),
        b'Z' => Some(KeyCode::BackTab),
        // rxvt writes Shift and an arrow in lower case.
        b'a'..=b'd' => return shifted(last),
        _ => lettered(last),
    };
    // A terminal that was told to can report the release of a key as well.
    let released = second.detail == Some(3);
    match code {
        Some(code) if !released => Meaning::Key(Key::new(code, held & 4 != 0, held & 2 != 0, held & 1 != 0)),
        _ => Meaning::Nothing,
    }
}

/// rxvt's Shift and arrow.
fn shifted(last: u8) -> Meaning {
    lettered(last.to_ascii_uppercase())
        .map_or(Meaning::Nothing, |code| Meaning::Key(Key::new(code, false, false, true)))
}

/// The parameters of a control sequence: numbers, each with an optional detail after a colon.
struct Fields<'a> {
    rest: Option<&'a [u8]>,
}

/// One parameter.
#[derive(Debug, Clone, Copy, Default)]
struct Parameter {
    number: Option<u32>,
    detail: Option<u32>,
}

impl Fields<'_> {
    fn next(&mut self) -> Parameter {
        let Some(rest) = self.rest else {
            return Parameter::default();
        };
        let end = rest.iter().position(|byte| *byte == b';');
        let (field, rest) = end.map_or((rest, None), |end| (&rest[..end], rest.get(end + 1..)));
        self.rest = rest;
        let mut parts = field.split(|byte| *byte == b':').map(|part| std::str::from_utf8(part).ok()?.parse().ok());
        Parameter { number: parts.next().flatten(), detail: parts.next().flatten() }
    }
}

/// The key of a final letter.
fn lettered(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        _ => return None,
    })
}

/// The key of a number before `~`: VT220's, with rxvt's and the Linux console's Home and End.
fn tilde(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        // The numbers of the function keys have gaps where the VT220's keyboard had them.
        11..=15 => KeyCode::F(u8::try_from(number - 10).ok()?),
        17..=21 => KeyCode::F(u8::try_from(number - 11).ok()?),
        23..=26 => KeyCode::F(u8::try_from(number - 12).ok()?),
        28 | 29 => KeyCode::F(u8::try_from(number - 13).ok()?),
        31..=34 => KeyCode::F(u8::try_from(number - 14).ok()?),
        _ => return None,
    })
}

/// The key of a code point.
fn coded(number: u32) -> Option<KeyCode> {
    match number {
        8 | 127 => Some(KeyCode::Backspace),
        9 => Some(KeyCode::Tab),
        13 => Some(KeyCode::Enter),
        27 => Some(KeyCode::Esc),
        // Private use: keys that we have no name for.
        0xe000..=0xf8ff => None,
        _ => char::from_u32(number).filter(|c| !c.is_control()).map(KeyCode::Char),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the bytes mean when they come one after the other.
    fn read(bytes: &[u8]) -> Meaning {
        for end in 1..bytes.len() {
            let so_far = meaning(&bytes[..end]);
            assert_eq!(so_far, Meaning::Unfinished, "{:?} of {:?}", &bytes[..end], bytes);
        }
        meaning(bytes)
    }

    #[test]
    fn keys_of_many_terminals_are_known() {
        let cases: [(&[u8], &str); 43] = [
            (b"a", "a"),
            (b"G", "G"),
            (b" ", "Space"),
            ("ß".as_bytes(), "ß"),
            ("漢".as_bytes(), "漢"),
            (b"\r", "Enter"),
            (b"\n", "Enter"),
            (b"\t", "Tab"),
            (b"\x7f", "Backspace"),
            (b"\x08", "Backspace"),
            (b"\x0e", "^N"),
            (b"\x03", "^C"),
            (b"\x1a", "^Z"),
            (b"\x00", "Ctrl-Space"),
            (b"\x1f", "^_"),
            (b"\x1b[A", "Up"),
            (b"\x1bOB", "Down"),
            (b"\x1b[1;2C", "Shift-Right"),
            (b"\x1b[1;5D", "Ctrl-Left"),
            (b"\x1b[1;3A", "Alt-Up"),
            (b"\x1b[a", "Shift-Up"),
            (b"\x1b[H", "Home"),
            (b"\x1b[7~", "Home"),
            (b"\x1b[4~", "End"),
            (b"\x1b[3~", "Del"),
            (b"\x1b[5~", "PgUp"),
            (b"\x1b[6;5~", "Ctrl-PgDn"),
            (b"\x1b[Z", "Shift-Tab"),
            (b"\x1b[[A", "F1"),
            (b"\x1bOP", "F1"),
            (b"\x1b[11~", "F1"),
            (b"\x1b[15~", "F5"),
            (b"\x1b[17~", "F6"),
            (b"\x1b[24~", "F12"),
            (b"\x1b[34~", "F20"),
            (b"\x1bx", "Alt-x"),
            (b"\x1b\x7f", "Alt-Backspace"),
            (b"\x1bOM", "Enter"),
            (b"\x1bOp", "0"),
            (b"\x1bOo", "/"),
            (b"\x1b[27;5;110~", "^N"),
            (b"\x1b[27u", "Esc"),
            (b"\x1b[110;5u", "^N"),
        ];
        for (bytes, name) in cases {
            match read(bytes) {
                Meaning::Key(key) => assert_eq!(key.to_string(), name, "{bytes:?}"),
                other => assert_eq!(format!("{other:?}"), name, "{bytes:?}"),
            }
        }
    }

    #[test]
    fn what_is_not_a_key_is_swallowed_whole() {
        let cases: [&[u8]; 10] = [
            b"\x1b[<35;10;20M",
            b"\x1b[M !!",
            b"\x1b[?64;1;2c",
            b"\x1b[I",
            b"\x1b[2~",
            b"\x1b]11;rgb:0000/0000/0000\x07",
            b"\x1bP1$r0m\x1b\\",
            b"\x1b[97;1:3u",
            b"\x1b[57441u",
            b"\x80",
        ];
        for bytes in cases {
            assert_eq!(read(bytes), Meaning::Nothing, "{bytes:?}");
        }
    }

    #[test]
    fn a_broken_sequence_gives_its_last_byte_back() {
        assert_eq!(meaning(b"\x1b[1\x03"), Meaning::Broken);
        assert_eq!(meaning(b"\xc3a"), Meaning::Broken);
    }

    #[test]
    fn a_paste_is_announced() {
        assert_eq!(read(b"\x1b[200~"), Meaning::PasteBegins);
    }

    #[test]
    fn the_start_of_a_sequence_is_a_key_when_nothing_follows() {
        assert_eq!(meaning_at_end(b"\x1b"), Meaning::Key(Key::plain(KeyCode::Esc)));
        assert_eq!(meaning_at_end(b"\x1b["), Meaning::Key(Key::new(KeyCode::Char('['), false, true, false)));
        assert_eq!(meaning_at_end(b"\x1b[1;"), Meaning::Nothing);
        assert_eq!(meaning_at_end(b"\xe6"), Meaning::Nothing);
    }
}
