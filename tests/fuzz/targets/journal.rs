//! Any bytes as a journal: read as far as its lines count, never a panic; what counts is read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vmbuild::journal::{BuildRecord, read};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = read(bytes) else { return };
    let whole = usize::try_from(text.whole).expect("a journal fits into memory");
    assert!(whole <= bytes.len());
    let again = read(&bytes[..whole]).expect("what counts is read again");
    assert_eq!((&again.entries, again.torn), (&text.entries, false));
    let record = BuildRecord { path: Default::default(), text, held: false };
    let _ = (record.state(), record.at(), record.opened().host.source());
    assert!(record.left().len() <= record.events().count() + 1);
});
