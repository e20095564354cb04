//! The lines of a journal: JSON, one object each, with the version of their form, a number without gaps and the time in
//! milliseconds since 1970.
//!
//! A line counts if it ends, can be read and continues the numbers; the first that does not ends the reading. A line that
//! was cut is what a killed process or a power cut leaves, and is no fault.

use super::{JournalFault, Opened};
use crate::plan::BuildEvent;
use serde::{Deserialize, Serialize};

/// The form of a line. A newer one is not misread.
pub(super) const VERSION: u32 = 1;

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum JournalEntry {
    /// The journal begins.
    Opened(Box<Opened>),
    /// The build tells something.
    Event(BuildEvent),
    /// An interrupted build is taken up.
    Recovery(RecoveryKind),
}

/// What is done with an interrupted build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryKind {
    /// It is brought to its end.
    Resume,
    /// All that it made is removed.
    Undo,
}

/// A journal as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalText {
    /// What it begins with.
    pub opened: Opened,
    /// When.
    pub opened_ms: u64,
    /// What follows, each with its time.
    pub entries: Vec<(u64, JournalEntry)>,
    /// Bytes of the lines that count.
    pub whole: u64,
    /// True where more follows, which does not count.
    pub torn: bool,
}

#[derive(Deserialize)]
struct LineVersion {
    v: u32,
}

#[derive(Deserialize)]
struct ReadLine {
    seq: u64,
    at: u64,
    opened: Option<Box<Opened>>,
    event: Option<BuildEvent>,
    recovery: Option<RecoveryKind>,
}

impl ReadLine {
    fn entry(self) -> Option<(u64, JournalEntry)> {
        let Self { at, opened, event, recovery, .. } = self;
        let opened = opened.map(JournalEntry::Opened);
        let entry = opened.or(event.map(JournalEntry::Event)).or(recovery.map(JournalEntry::Recovery))?;
        Some((at, entry))
    }
}

/// One line with its end.
pub(super) fn write(seq: u64, at: u64, entry: &JournalEntry) -> Result<String, serde_json::Error> {
    let (name, body) = match entry {
        JournalEntry::Opened(opened) => ("opened", serde_json::to_string(opened)?),
        JournalEntry::Event(event) => return event_line(seq, at, event),
        JournalEntry::Recovery(recovery) => ("recovery", serde_json::to_string(recovery)?),
    };
    Ok(line(seq, at, name, &body))
}

/// The line of an event.
pub(super) fn event_line(seq: u64, at: u64, event: &BuildEvent) -> Result<String, serde_json::Error> {
    Ok(line(seq, at, "event", &serde_json::to_string(event)?))
}

fn line(seq: u64, at: u64, name: &str, body: &str) -> String {
    format!("{{\"v\":{VERSION},\"seq\":{seq},\"at\":{at},\"{name}\":{body}}}\n")
}

/// The journal in `bytes`. Fails where not even its first line can be read.
pub fn read(bytes: &[u8]) -> Result<JournalText, JournalFault> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let Some((opened_ms, JournalEntry::Opened(opened))) = one(first, 0)? else { return Err(JournalFault::Empty) };
    let mut text =
        JournalText { opened: *opened, opened_ms, entries: Vec::new(), whole: first.len() as u64, torn: false };
    for (seq, bytes) in (1..).zip(lines) {
        let Some(entry) = one(bytes, seq)? else {
            text.torn = true;
            break;
        };
        text.entries.push(entry);
        text.whole += bytes.len() as u64;
    }
    Ok(text)
}

/// What a line says; `None` where it does not count. Fails where it is of a form that this program does not read.
fn one(bytes: &[u8], seq: u64) -> Result<Option<(u64, JournalEntry)>, JournalFault> {
    if bytes.last() != Some(&b'\n') {
        return Ok(None);
    }
    let Ok(LineVersion { v }) = serde_json::from_slice(bytes) else { return Ok(None) };
    if v != VERSION {
        return Err(JournalFault::Version(v));
    }
    let read = serde_json::from_slice::<ReadLine>(bytes).ok().filter(|line| line.seq == seq);
    Ok(read.and_then(ReadLine::entry))
}

/// True where the last line of `bytes` says that the build is over and leaves nothing to be done.
pub(super) fn is_closed(bytes: &[u8]) -> bool {
    let last = bytes.strip_suffix(b"\n").map(|bytes| bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or(bytes));
    let read = last.and_then(|last| serde_json::from_slice::<ReadLine>(last).ok());
    matches!(read.and_then(ReadLine::entry), Some((_, JournalEntry::Event(event))) if super::state::ends(&event))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::{EngineId, Made, MadeId, Thing};
    use crate::journal::opened::example as opened;
    use crate::plan::BuildResult;
    use proptest::prelude::*;

    fn events() -> Vec<BuildEvent> {
        let thing = Thing::Volume { pool: "fast".into(), name: "a".into() };
        let made = Made { engine: EngineId::Libvirt, step: 1, thing, id: MadeId("/fast/a".into()), file: None };
        vec![
            BuildEvent::Progress { step: 1, done: 1, total: 2 },
            BuildEvent::Made(made),
            BuildEvent::StepDone { step: 1, at_ms: 3, note: "caf\u{e9}".into() },
            BuildEvent::Ended { at_ms: 9, outcome: BuildResult::Cancelled },
        ]
    }

    fn written() -> String {
        let mut text = write(0, 5, &JournalEntry::Opened(Box::new(opened()))).unwrap();
        for (seq, event) in (1..).zip(events()) {
            text += &event_line(seq, 5 + seq, &event).unwrap();
        }
        text
    }

    #[test]
    fn what_is_written_is_read() {
        let text = written();
        let journal = read(text.as_bytes()).unwrap();
        assert_eq!((journal.opened, journal.opened_ms), (opened(), 5));
        let want: Vec<_> = (6..).zip(events().into_iter().map(JournalEntry::Event)).collect();
        assert_eq!(journal.entries, want);
        assert_eq!((journal.whole, journal.torn), (text.len() as u64, false));
        assert!(is_closed(text.as_bytes()));
    }

    #[test]
    fn a_line_of_a_newer_form_is_not_misread() {
        let newer = written().replacen("{\"v\":1,\"seq\":2", "{\"v\":2,\"seq\":2", 1);
        assert_eq!(read(newer.as_bytes()), Err(JournalFault::Version(2)));
        assert_eq!(read(b"{\"v\":7,\"opened\":1}\n"), Err(JournalFault::Version(7)));
    }

    #[test]
    fn a_journal_that_has_not_begun_is_told_from_one_that_cannot_be_read() {
        for nothing in [&b""[..], b"{\"v\":1,\"se", b"\0\0\0\0", b"\n", b"null\n"] {
            assert_eq!(read(nothing), Err(JournalFault::Empty));
        }
    }

    #[test]
    fn a_line_without_its_number_ends_the_reading() {
        let text = written().replace("\"seq\":3", "\"seq\":4");
        let journal = read(text.as_bytes()).unwrap();
        assert_eq!((journal.entries.len(), journal.torn), (2, true));
    }

    proptest! {
        #[test]
        fn a_journal_cut_anywhere_has_all_lines_before_the_cut(cut in 0usize..2000) {
            let text = written();
            let cut = (0..=cut.min(text.len())).rev().find(|cut| text.is_char_boundary(*cut)).unwrap();
            let bytes = &text.as_bytes()[..cut];
            let whole = text[..cut].matches('\n').count();
            match read(bytes) {
                Ok(journal) => {
                    prop_assert_eq!(journal.entries.len() + 1, whole);
                    prop_assert_eq!(journal.torn, journal.whole < cut as u64);
                }
                Err(fault) => prop_assert!(fault == JournalFault::Empty && whole == 0),
            }
        }

        #[test]
        fn any_bytes_behind_the_last_line_change_nothing_before_it(tail in prop::collection::vec(any::<u8>(), 1..200)) {
            let mut bytes = written().into_bytes();
            let length = bytes.len() as u64;
            bytes.extend(tail);
            if let Ok(journal) = read(&bytes) {
                prop_assert!(journal.whole >= length && journal.entries.len() >= 4);
            }
        }
    }
}
