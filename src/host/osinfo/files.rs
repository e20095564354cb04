//! The files of the database, of all its folders.

use crate::facts::{Fact, Profile, Provenance};
use crate::host::now;
use crate::machine::profile::table;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The documents about systems: `debian.org/debian-12.xml`, `microsoft.com/win-10.d/drivers.xml`. One of the user or the
/// administrator takes the place of one of the same name.
#[derive(Debug)]
pub(super) struct Files(pub(super) BTreeMap<String, PathBuf>);

impl Files {
    /// Those below these folders of databases, of which a later one comes before an earlier one.
    pub(super) fn below(folders: &[PathBuf]) -> Self {
        let mut files = BTreeMap::new();
        for folder in folders.iter().map(|folder| folder.join("os")) {
            list(&folder, "", 3, &mut files);
        }
        Self(files)
    }

    /// The system `id`.
    pub(super) fn known(&self, id: &str) -> Fact<Profile> {
        if let Some((path, profile)) = self.path_of(id).and_then(|path| Some((path, self.profile(path)?))) {
            return Fact::known(profile, Provenance::File(path.to_owned()), now());
        }
        match table::find(id) {
            Some(known) => Fact::known(known.profile(), Provenance::File("vmbuild's own table".into()), now()),
            None if self.is_empty() => Fact::unknown(format!(
                "{id} is not in vmbuild's own table, and this machine has no osinfo database; its package is osinfo-db."
            )),
            None => Fact::unknown(format!("the osinfo database of this machine does not know {id}.")),
        }
    }
}

fn list(folder: &Path, below: &str, depth: u32, files: &mut BTreeMap<String, PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let relative = if below.is_empty() { name } else { format!("{below}/{name}") };
        if relative.rsplit_once('.').is_some_and(|(_, end)| end == "xml") {
            files.insert(relative, entry.path());
        } else if depth > 1 {
            list(&entry.path(), &relative, depth - 1, files);
        }
    }
}
