//! The golden cases as they are written: a folder of `tests/golden` each, with a spec, its templates, and the facts of a host.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a case that cannot be read must not pass silently")]

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use vmbuild::facts::Facts;

/// One folder.
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) facts: Facts,
}

/// `case.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    /// What the case is there to show.
    shows: String,
    /// Name of a file in `tests/golden/facts`.
    facts: String,
    /// What differs from that file, by JSON pointer.
    #[serde(default)]
    but: BTreeMap<String, Value>,
}

/// The folder of all.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The text of a file that must be there.
pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All cases, by name.
pub(crate) fn all() -> Vec<Written> {
    let folders = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = folders.filter(|path| path.join("case.json").exists()).collect();
    folders.sort();
    assert!(folders.len() >= 14);
    folders.into_iter().map(written).collect()
}

fn written(folder: PathBuf) -> Written {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let about: About = serde_json::from_str(&read(&folder.join("case.json"))).unwrap();
    assert!(!about.shows.is_empty(), "{name}");
    Written { name, facts: about.facts(), folder }
}

impl Written {
    /// The text of the spec.
    pub(crate) fn spec(&self) -> String {
        read(&self.folder.join("spec.json"))
    }

    /// Name and text of each template.
    pub(crate) fn templates(&self) -> BTreeMap<String, String> {
        let files = fs::read_dir(self.folder.join("templates")).into_iter().flatten();
        let files = files.map(|entry| entry.unwrap().path());
        files.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), read(&path))).collect()
    }
}

impl About {
    fn facts(&self) -> Facts {
        let mut facts = recorded(&self.facts);
        for (pointer, value) in &self.but {
            // A part that the file does not know is added.
            if let Some(part) = pointer.strip_prefix('/').filter(|part| !part.contains('/')) {
                facts[part] = value.clone();
                continue;
            }
            *facts.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer} in {}", self.facts)) = value.clone();
        }
        serde_json::from_value(facts).unwrap()
    }
}

/// A file of facts. One that is `like` another says only which parts differ.
fn recorded(name: &str) -> Value {
    let mut facts: Value = serde_json::from_str(&read(&root().join("facts").join(format!("{name}.json")))).unwrap();
    let like = facts.as_object_mut().unwrap().remove("like");
    if let Some(like) = like {
        let mut base = recorded(like.as_str().unwrap());
        base.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
        facts = base;
    }
    facts
}
