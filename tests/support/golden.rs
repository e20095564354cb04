//! The golden cases as other tests use them: their domains, the facts of the workstation, and what a host may lack for them.

#![allow(clippy::unwrap_used, reason = "a case that cannot be read must not pass silently")]

use std::fs;
use std::path::{Path, PathBuf};
use vmbuild::facts::Facts;

/// What a host may lack, by libvirt's own words. Everything else that it refuses is our mistake.
pub(crate) const LACKING: [&str; 4] = [
    "No emulator found for arch",
    "spice graphics are not supported with this QEMU",
    "does not support video model 'qxl'",
    "does not support virt type",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The facts that most cases have.
pub(crate) fn workstation() -> Facts {
    serde_json::from_str(&fs::read_to_string(folder().join("facts/workstation.json")).unwrap()).unwrap()
}

/// True for a case that shows what is refused.
fn is_refused(folder: &Path) -> bool {
    let findings = fs::read_to_string(folder.join("findings.json")).unwrap_or_default();
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("faults-"))
        && findings.contains("\"severity\": \"blocker\"")
}

/// Name, file and text of every golden domain that may be built.
pub(crate) fn recorded() -> Vec<(String, PathBuf, String)> {
    let folders =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(|folder| !is_refused(folder));
    let files =
        folders.map(|folder| (folder.file_name().unwrap().to_string_lossy().into_owned(), folder.join("domain.xml")));
    let mut all: Vec<_> =
        files.filter_map(|(name, file)| Some((name, file.clone(), fs::read_to_string(&file).ok()?))).collect();
    all.retain(|(_, _, text)| text.starts_with('<'));
    all.sort();
    assert!(all.len() >= 80);
    all
}
