//! Any bytes as a spec: refused or read, never a panic; what is read is written, and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vmbuild::spec;

fuzz_target!(|text: &str| {
    let read = match spec::parse(text) {
        Ok(read) => read,
        Err(problems) => {
            assert!(!problems.0.is_empty(), "refused without a word");
            let shown = problems.in_file("spec.json").to_string();
            assert!(!shown.is_empty());
            return;
        }
    };
    let written = serde_json::to_string(&read).expect("a spec is plain data");
    let again = spec::parse(&written).unwrap_or_else(|problems| panic!("{written}\n{problems:?}"));
    assert_eq!(read, again, "{written}");
    // Layers: what one adds to another is found again.
    let over = spec::merge(&spec::Spec::default(), &read);
    assert_eq!(over, read, "{written}");
});
