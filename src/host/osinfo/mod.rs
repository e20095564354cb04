//! The osinfo database of this machine, read when it is asked for and only as far as it is: one system, or the list of
//! all. Nothing of it is kept in the program.

mod files;
mod index;
mod system;

use self::files::Files;
use self::index::Index;
use super::{Sysroot, now};
use crate::facts::{Fact, FactsPart, Iso, Provenance, SystemName};
use crate::machine::profile::table::{self, TABLE};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Where packages put it; what the administrator and the user add or replace, file by file.
const SYSTEM: &str = "/usr/share/osinfo";
const LOCAL: &str = "/etc/osinfo";
const PERSONAL: &str = ".config/osinfo";

/// The database. Shared by threads.
#[derive(Debug, Default)]
pub struct Osinfo {
    folders: Vec<PathBuf>,
    index: Mutex<Option<Arc<Index>>>,
}

impl Osinfo {
    /// The database below `sysroot`; the user's own belongs to the running system alone.
    pub fn of(sysroot: &Sysroot) -> Self {
        let mut folders = vec![sysroot.path(SYSTEM), sysroot.path(LOCAL)];
        folders.extend(personal().filter(|_| sysroot.is_real()));
        Self { folders, index: Mutex::default() }
    }

    /// No database: the table of ours alone answers.
    pub fn none() -> Self {
        Self::default()
    }

    /// The systems `ids`, each with what it inherits.
    pub fn profiles(&self, ids: &[String]) -> FactsPart {
        let files = self.files();
        FactsPart::Profiles(ids.iter().map(|id| (id.clone(), files.known(id))).collect())
    }

    /// All systems, the newest first.
    pub fn systems(&self) -> Fact<Vec<SystemName>> {
        let index = self.index();
        let mut all = index.systems.clone();
        let ours = TABLE.iter().map(table::KnownSystem::entry);
        all.extend(ours.filter(|ours| !index.systems.iter().any(|system| system.id == ours.id)));
        newest_first(&mut all);
        let source = if index.systems.is_empty() { "vmbuild's own table" } else { SYSTEM };
        Fact::known(all, Provenance::File(source.into()), now())
    }

    /// The systems with media of these labels, the newest first. Of the table of ours those that the database does not
    /// know: all where it finds nothing, and Windows, whose labels are the same for several.
    pub fn recognise(&self, iso: &Iso) -> Vec<SystemName> {
        let index = self.index();
        let mut found = index.recognise(iso);
        let ours = TABLE.iter().filter(|known| {
            let new = !index.systems.iter().any(|system| system.id == known.id);
            let open = found.is_empty() || known.id.starts_with("win");
            new && open && !known.volume.is_empty() && index::matches(known.volume, &iso.volume)
        });
        let ours: Vec<SystemName> = ours.map(table::KnownSystem::entry).collect();
        found.extend(ours);
        newest_first(&mut found);
        found
    }

    fn index(&self) -> Arc<Index> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.get_or_insert_with(|| Arc::new(Index::of(&self.files()))).clone()
    }

    fn files(&self) -> Files {
        Files::below(&self.folders)
    }
}

/// `~/.config/osinfo`, or where XDG_CONFIG_HOME says.
fn personal() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    folder("XDG_CONFIG_HOME").map(|path| path.join("osinfo")).or_else(|| Some(folder("HOME")?.join(PERSONAL)))
}

fn newest_first(systems: &mut [SystemName]) {
    systems.sort_by(|a, b| b.released.cmp(&a.released).then_with(|| a.id.cmp(&b.id)));
}
