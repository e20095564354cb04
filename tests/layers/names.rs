//! Holds that the name of a type has one meaning in the whole program.

use std::collections::{BTreeMap, BTreeSet};

use crate::{production, sources_below};

/// Names with two definitions: what the spec requests and what the machine has of the same thing, a fact and the row that
/// requests it, and private types of one file. This list may only shrink.
const DOUBLES: [&str; 9] = ["Asked", "Cpu", "Disk", "DiskRow", "List", "PciDevice", "Pinning", "ProbeState", "Share"];

/// The type that `line` defines.
fn defined(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
    let kind = words.next().filter(|_| !line.starts_with(' '))?;
    let name = ["struct", "enum", "trait", "type"].contains(&kind).then(|| words.next()).flatten()?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// The names that more than one file defines.
fn doubles(files: &[(String, String)]) -> BTreeSet<String> {
    let mut homes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, source) in files {
        for name in production(source).lines().filter_map(defined) {
            homes.entry(name).or_default().insert(path);
        }
    }
    homes.into_iter().filter(|(_, files)| files.len() > 1).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn the_name_of_a_type_has_one_meaning() {
    let known: BTreeSet<String> = DOUBLES.map(str::to_owned).into();
    assert_eq!(
        doubles(&sources_below("src")),
        known,
        "rename one of two; take a name off the list when it has one home"
    );
}

#[test]
fn a_second_definition_is_found() {
    let file = |path: &str, source: &str| (path.to_owned(), source.to_owned());
    let files =
        [file("a.rs", "pub struct Row {"), file("b.rs", "pub(super) enum Row<'a> {"), file("c.rs", "fn row() {}")];
    assert_eq!(doubles(&files), BTreeSet::from(["Row".to_owned()]));
    assert!(doubles(&files[1..]).is_empty());
}
