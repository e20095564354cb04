//! Bytes from the keyboard to keys and pastes, with the waiting that split sequences need. Reads no clock: the time is
//! passed in.
//!
//! Over SSH and serial lines the three bytes of an arrow key can arrive apart. A lone Esc is then held back until the
//! rest comes or [`TerminalCapabilities::escape_hold`](super::capability::TerminalCapabilities::escape_hold) has passed.

use std::time::{Duration, Instant};

use super::input_event::InputEvent;
use super::sequence::{self, ESC, Meaning};

/// How long an unfinished sequence waits for its rest. Only the sequence is lost if the rest comes later.
const SEQUENCE_HOLD: Duration = Duration::from_millis(50);
/// How long a paste may stall. Then it is taken as it is, so that a lost end mark does not swallow all later keys.
const PASTE_STALL: Duration = Duration::from_secs(5);
/// No field takes more; the rest of a longer paste is dropped.
const LONGEST_PASTE: usize = 1 << 20;
/// Ends a paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// Turns bytes into events.
#[derive(Debug)]
pub(super) struct Decoder {
    escape_hold: Duration,
    /// The unfinished sequence.
    held: Vec<u8>,
    /// The unfinished paste.
    paste: Option<Vec<u8>>,
    deadline: Option<Instant>,
}

impl Decoder {
    /// A decoder that holds a lone Esc for `escape_hold`.
    pub(super) fn new(escape_hold: Duration) -> Self {
        Self { escape_hold, held: Vec::new(), paste: None, deadline: None }
    }

    /// Takes bytes that arrived at `now`.
    pub(super) fn feed(&mut self, bytes: &[u8], now: Instant, events: &mut Vec<InputEvent>) {
        for &byte in bytes {
            if self.paste.is_some() {
                self.paste_byte(byte, events);
            } else {
                self.key_byte(byte, events);
            }
        }
        let wait = match (&self.paste, self.held.as_slice()) {
            (Some(_), _) => Some(PASTE_STALL),
            (None, []) => None,
            (None, [ESC]) => Some(self.escape_hold),
            (None, _) => Some(SEQUENCE_HOLD),
        };
        self.deadline = wait.map(|wait| now + wait);
        self.expire(now, events);
    }

    /// When to call [`Decoder::expire`], if anything is held.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Stops waiting if `now` is late enough: what is held is taken as it is.
    pub(super) fn expire(&mut self, now: Instant, events: &mut Vec<InputEvent>) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        self.deadline = None;
        match self.paste.take() {
            Some(text) => events.push(InputEvent::Paste(pasted(&text))),
            None => self.give_up(events),
        }
    }

    /// Ends the held sequence without more bytes.
    fn give_up(&mut self, events: &mut Vec<InputEvent>) {
        if let Meaning::Key(key) = sequence::meaning_at_end(&self.held) {
            events.push(InputEvent::Key(key));
        }
        self.held.clear();
    }

    /// Takes one byte outside a paste.
    fn key_byte(&mut self, byte: u8, events: &mut Vec<InputEvent>) {
        let in_string = matches!(self.held.as_slice(), [ESC, b']' | b'P' | b'X' | b'^' | b'_', _, ..]);
        if byte == ESC && !self.held.is_empty() && !in_string {
            self.give_up(events);
        }
        self.held.push(byte);
        match sequence::meaning(&self.held) {
            Meaning::Unfinished => return,
            Meaning::Key(key) => events.push(InputEvent::Key(key)),
            Meaning::Nothing => {}
            Meaning::PasteBegins => self.paste = Some(Vec::new()),
            Meaning::Broken => {
                // At least one byte more was held, so this ends.
                self.held.clear();
                return self.key_byte(byte, events);
            }
        }
        self.held.clear();
    }

    /// Takes one byte of a paste.
    fn paste_byte(&mut self, byte: u8, events: &mut Vec<InputEvent>) {
        let Some(text) = &mut self.paste else {
            return;
        };
        text.push(byte);
        if let Some(text) = text.strip_suffix(PASTE_END) {
            events.push(InputEvent::Paste(pasted(text)));
            self.paste = None;
        } else if text.len() >= LONGEST_PASTE + PASTE_END.len() {
            // Room for the end mark stays, so that it is still found.
            text.remove(LONGEST_PASTE);
        }
    }
}

/// The text of a paste. Terminals send a line break as Enter would.
fn pasted(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::app::key::Key;
    use proptest::prelude::*;

    const HOLD: Duration = Duration::from_millis(50);

    /// A decoder and its clock.
    struct Line {
        decoder: Decoder,
        now: Instant,
    }

    impl Line {
        fn new(hold: Duration) -> Self {
            Self { decoder: Decoder::new(hold), now: Instant::now() }
        }

        fn send(&mut self, bytes: &[u8]) -> Vec<String> {
            let mut events = Vec::new();
            self.decoder.feed(bytes, self.now, &mut events);
            events.into_iter().map(shown).collect()
        }

        fn wait(&mut self, millis: u64) -> Vec<String> {
            self.now += Duration::from_millis(millis);
            let mut events = Vec::new();
            self.decoder.expire(self.now, &mut events);
            events.into_iter().map(shown).collect()
        }
    }

    fn shown(event: InputEvent) -> String {
        match event {
            InputEvent::Key(key) => key.to_string(),
            InputEvent::Paste(text) => format!("paste {text:?}"),
            other => format!("{other:?}"),
        }
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn a_split_arrow_is_rejoined_within_the_hold() {
        let mut line = Line::new(HOLD);
        assert_eq!(line.send(b"\x1b"), NONE);
        assert_eq!(line.wait(20), NONE);
        assert_eq!(line.send(b"["), NONE);
        assert_eq!(line.wait(20), NONE);
        assert_eq!(line.send(b"A"), ["Up"]);
        assert_eq!(line.decoder.deadline(), None);
    }

    #[test]
    fn a_lone_esc_comes_after_the_hold() {
        let mut line = Line::new(HOLD);
        assert_eq!(line.send(b"\x1b"), NONE);
        assert_eq!(line.decoder.deadline(), Some(line.now + HOLD));
        assert_eq!(line.wait(49), NONE);
        assert_eq!(line.wait(1), ["Esc"]);
        assert_eq!(line.send(b"[A"), ["[", "A"]);
    }

    #[test]
    fn without_a_hold_esc_comes_at_once_and_whole_sequences_stay_whole() {
        let mut line = Line::new(Duration::ZERO);
        assert_eq!(line.send(b"\x1b"), ["Esc"]);
        assert_eq!(line.send(b"\x1b[A\x1b"), ["Up", "Esc"]);
        assert_eq!(line.send(b"\x1b\x1b"), ["Esc", "Esc"]);
        assert_eq!(line.decoder.deadline(), None);
    }

    #[test]
    fn an_unfinished_sequence_never_becomes_text() {
        let mut line = Line::new(Duration::ZERO);
        assert_eq!(line.send(b"\x1b[1;"), NONE);
        assert_eq!(line.wait(50), NONE);
        assert_eq!(line.send(b"a"), ["a"]);
        assert_eq!(line.send(b"\x1b["), NONE);
        assert_eq!(line.wait(50), ["Alt-["]);
        assert_eq!(line.send(b"\x1b[1;\x1b[B"), ["Down"]);
        assert_eq!(line.send(b"\x1b[1\x0e"), ["^N"]);
    }

    #[test]
    fn a_reply_with_no_end_blocks_nothing() {
        let mut line = Line::new(HOLD);
        assert_eq!(line.send(b"\x1b]11;rgb:1234"), NONE);
        assert_eq!(line.wait(50), NONE);
        assert_eq!(line.send(b"x"), ["x"]);
        assert_eq!(line.send(b"\x1bP1$r0m\x1b\\y"), ["y"]);
    }

    #[test]
    fn broken_utf8_is_dropped_and_what_follows_is_not() {
        let mut line = Line::new(HOLD);
        assert_eq!(line.send(b"\xe6\xbc"), NONE);
        assert_eq!(line.send(b"\xa2"), ["漢"]);
        assert_eq!(line.send(b"\xe6\xbcq\xff\x80w"), ["q", "w"]);
    }

    #[test]
    fn a_paste_is_one_event_however_it_arrives() {
        let mut line = Line::new(HOLD);
        assert_eq!(line.send(b"a\x1b[200~one\r\ntwo\rq\x1b[A"), ["a"]);
        assert_eq!(line.wait(4999), NONE);
        assert_eq!(line.send(b"\x03\x1b[20"), NONE);
        assert_eq!(line.send(b"1~b"), ["paste \"one\\ntwo\\nq\\u{1b}[A\\u{3}\"", "b"]);
    }

    #[test]
    fn a_paste_without_an_end_is_taken_after_a_while() {
        let mut line = Line::new(HOLD);
        assert_eq!(line.send(b"\x1b[200~text"), NONE);
        assert_eq!(line.wait(5000), ["paste \"text\""]);
        assert_eq!(line.send(b"q"), ["q"]);
    }

    #[test]
    fn a_paste_that_is_too_long_is_cut() {
        let mut line = Line::new(HOLD);
        assert_eq!(line.send(b"\x1b[200~"), NONE);
        assert_eq!(line.send(&vec![b'x'; LONGEST_PASTE + 1000]), NONE);
        let events = line.send(b"\x1b[201~");
        assert_eq!(events.first().unwrap().len(), LONGEST_PASTE + "paste \"\"".len());
    }

    proptest! {
        #[test]
        fn the_network_may_cut_anywhere(
            pieces in prop::collection::vec(prop_oneof![
                Just(b"\x1b[A".to_vec()), Just(b"\x1b[1;5D".to_vec()), Just(b"\x1b".to_vec()), Just(b"\x1b[200~p\rq\x1b[201~".to_vec()),
                Just("é漢".as_bytes().to_vec()), Just(b"\x1bOP".to_vec()), prop::collection::vec(any::<u8>(), 0..4)
            ], 0..12),
            cuts in prop::collection::vec(1usize..5, 0..60)
        ) {
            let bytes = pieces.concat();
            let whole = { let mut line = Line::new(HOLD); let mut all = line.send(&bytes); all.extend(line.wait(5000)); all };
            let mut line = Line::new(HOLD);
            let (mut parts, mut rest) = (Vec::new(), bytes.as_slice());
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                parts.extend(line.send(now));
                rest = later;
            }
            parts.extend(line.send(rest));
            parts.extend(line.wait(5000));
            prop_assert_eq!(parts, whole);
        }

        #[test]
        fn no_control_character_is_ever_text(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::new(HOLD);
            let mut events = Vec::new();
            decoder.feed(&bytes, Instant::now(), &mut events);
            let keys = events.iter().filter_map(|event| match event { InputEvent::Key(key) => Some(key), _ => None });
            prop_assert!(keys.filter_map(Key::text).all(|c| !c.is_control()));
        }
    }
}
