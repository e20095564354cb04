//! The unfinished work of wizards: one file per running wizard, held by a lock of the kernel, so that none writes over
//! another's and what nobody holds can be taken up again. What is in a draft is the wizard's business.

use super::file::{self, Existing};
use super::{Folders, StoreError};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The form of the file. A newer one is refused with a word, not misread.
const VERSION: u32 = 1;

/// The drafts of a user, as one running wizard has them.
#[derive(Debug)]
pub struct Drafts {
    folder: PathBuf,
    /// The one draft of versions that knew no more.
    single: PathBuf,
    own: PathBuf,
    /// Locked for as long as this wizard runs: the kernel gives the lock back however the wizard ends.
    held: Option<File>,
}

/// A draft that no running wizard holds.
#[derive(Debug, PartialEq, Eq)]
pub struct OfferedDraft<T> {
    /// Its file.
    pub path: PathBuf,
    /// What is in it.
    pub draft: T,
}

#[derive(Serialize, Deserialize)]
struct StoredDraft<T> {
    version: u32,
    draft: T,
}

/// Read first: a newer draft may not fit the present one.
#[derive(Deserialize)]
struct DraftVersion {
    version: u32,
}

impl Drafts {
    /// The drafts in the user's state folder, with a name for the one of this wizard that no other has.
    pub fn new(folders: &Folders) -> Self {
        let folder = folders.state.join("drafts");
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        let own = folder.join(format!("{started}-{}.json", std::process::id()));
        Self { folder, single: folders.state.join("draft.json"), own, held: None }
    }

    /// The file of this wizard's draft, to tell the user. It is there once the draft was saved or one was taken up.
    pub fn path(&self) -> &Path {
        &self.own
    }

    /// Keeps `draft` in place of this wizard's one before. It may hold secrets of cloud-init: the file is the user's alone.
    pub fn save<T: Serialize>(&mut self, draft: &T) -> Result<(), StoreError> {
        let text = serde_json::to_string_pretty(&StoredDraft { version: VERSION, draft });
        let text = text.map_err(|error| unfit(&self.own, error.to_string()))?;
        // Locked before it can be found; only then the lock of the one before goes with its file. A file system without
        // locks keeps drafts all the same.
        let held = file::place(&self.own, &text, Existing::Replace, |file| {
            let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
        })?;
        self.held = Some(held);
        Ok(())
    }

    /// What earlier wizards left behind, in no order: drafts, and why one cannot be read.
    pub fn found<T: DeserializeOwned>(&self) -> Result<Vec<Result<OfferedDraft<T>, StoreError>>, StoreError> {
        let mut paths = match fs::read_dir(&self.folder) {
            Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
        .map_err(StoreError::io("list", &self.folder))?;
        // Hidden are those that are being written.
        let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        paths.retain(|path| *path != self.own && !hidden(path) && path.extension().is_some_and(|end| end == "json"));
        paths.push(self.single.clone());
        Ok(paths.into_iter().filter_map(|path| found(path).transpose()).collect())
    }

    /// Makes the draft at `path` this wizard's; false where another wizard holds it by now, or it is gone.
    pub fn take(&mut self, path: &Path) -> Result<bool, StoreError> {
        let Some(file) = lock(path, FlockOperation::NonBlockingLockExclusive)? else { return Ok(false) };
        file::make_folder(&self.folder)?;
        fs::rename(path, &self.own).map_err(StoreError::io("take up", path))?;
        self.held = Some(file);
        Ok(true)
    }

    /// Forgets the draft of this wizard; fine where there is none.
    pub fn discard(&mut self) -> Result<(), StoreError> {
        file::delete(&self.own)?;
        self.held = None;
        Ok(())
    }

    /// Forgets the draft at `path`, unless a running wizard holds it.
    pub fn forget(&self, path: &Path) -> Result<(), StoreError> {
        match lock(path, FlockOperation::NonBlockingLockExclusive)? {
            Some(_) => file::delete(path).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// The draft at `path`; `None` where a wizard holds it, or it is gone.
fn found<T: DeserializeOwned>(path: PathBuf) -> Result<Option<OfferedDraft<T>>, StoreError> {
    // Shared: two wizards that start together may look at the same draft.
    let Some(_lock) = lock(&path, FlockOperation::NonBlockingLockShared)? else { return Ok(None) };
    let Some(text) = file::read(&path)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| unfit(&path, format!("the draft is damaged: {error}"));
    let DraftVersion { version } = serde_json::from_str(&text).map_err(damaged)?;
    if version != VERSION {
        return Err(unfit(&path, format!("the draft has version {version}; this vmbuild supports version {VERSION}")));
    }
    let StoredDraft { draft, .. } = serde_json::from_str(&text).map_err(damaged)?;
    Ok(Some(OfferedDraft { path, draft }))
}

/// The file at `path`, locked; `None` where somebody else holds it, where there is none, or where another file has
/// taken its place since it was opened.
fn lock(path: &Path, operation: FlockOperation) -> Result<Option<File>, StoreError> {
    let open = || -> io::Result<Option<File>> {
        // Opening a named pipe would wait for a writer.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let file = File::open(path)?;
        // What a file system without locks holds is for anybody.
        if flock(&file, operation) == Err(rustix::io::Errno::WOULDBLOCK) {
            return Ok(None);
        }
        let (opened, there) = (file.metadata()?, fs::metadata(path)?);
        Ok(((opened.dev(), opened.ino()) == (there.dev(), there.ino())).then_some(file))
    };
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => file.map_err(StoreError::io("read", path)),
    }
}

fn unfit(path: &Path, why: String) -> StoreError {
    StoreError::Draft { path: path.to_owned(), why }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::spec::{Place, Spec};
    use std::collections::BTreeMap;

    type Draft = (Spec, BTreeMap<Place, String>);

    fn drafts(root: &Path) -> Drafts {
        Drafts::new(&Folders::below(root))
    }

    fn numbers(of: &Drafts) -> Vec<u32> {
        let mut numbers: Vec<u32> = of.found().unwrap().into_iter().map(|found| found.unwrap().draft).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn a_draft_comes_back_as_it_was_until_it_is_discarded() {
        let root = tempfile::tempdir().unwrap();
        let spec = Spec { vcpus: Some(4), ..Spec::default() };
        let draft: Draft = (spec, BTreeMap::from([(Place::root().key("metadata").key("a.b"), "5 GiBB".to_owned())]));
        let mut first = drafts(root.path());
        first.save(&draft).unwrap();
        first.save(&draft).unwrap();
        drop(first);
        let mut second = drafts(root.path());
        let found = second.found::<Draft>().unwrap().pop().unwrap().unwrap();
        assert_eq!(found.draft, draft);
        assert!(second.take(&found.path).unwrap() && second.path().exists() && !found.path.exists());
        second.discard().unwrap();
        second.discard().unwrap();
        drop(second);
        assert!(drafts(root.path()).found::<Draft>().unwrap().is_empty());
    }

    #[test]
    fn what_a_running_wizard_holds_is_neither_offered_nor_taken_nor_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let (mut first, mut second) = (drafts(root.path()), drafts(root.path()));
        first.save(&1).unwrap();
        second.save(&2).unwrap();
        // Saved anew, it is still held, and its file is another one.
        first.save(&3).unwrap();
        let mut third = drafts(root.path());
        assert_eq!(numbers(&third), [] as [u32; 0]);
        assert!(!third.take(first.path()).unwrap());
        third.forget(first.path()).unwrap();
        let path = first.path().to_owned();
        drop(first);
        assert_eq!(numbers(&third), [3]);
        assert!(third.take(&path).unwrap());
        drop(second);
        assert_eq!((numbers(&third), numbers(&drafts(root.path()))), (vec![2], vec![2]));
    }

    #[test]
    fn the_one_draft_of_older_versions_is_found_too() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::below(root.path());
        let old = folders.state.join("draft.json");
        file::write(&old, "{\"version\": 1, \"draft\": 7}", Existing::Keep).unwrap();
        let mut drafts = Drafts::new(&folders);
        assert_eq!(numbers(&drafts), [7]);
        assert!(drafts.take(&old).unwrap() && !old.exists());
        drafts.save(&8).unwrap();
        drop(drafts);
        assert_eq!(numbers(&Drafts::new(&folders)), [8]);
    }

    #[test]
    fn a_draft_that_cannot_be_read_says_why_and_stays() {
        let root = tempfile::tempdir().unwrap();
        let mut first = drafts(root.path());
        first.save(&1).unwrap();
        let path = first.path().to_owned();
        drop(first);
        for (text, want) in [
            ("{\"version\": 9, \"draft\": {\"new\": 1}}", "the draft has version 9; this vmbuild supports version 1"),
            ("{\"version\": 1, \"draft\": 5}", "the draft is damaged: "),
            ("{", "the draft is damaged: "),
        ] {
            fs::write(&path, text).unwrap();
            let error = drafts(root.path()).found::<Draft>().unwrap().pop().unwrap().unwrap_err();
            assert!(error.to_string().contains(want), "{error}");
            assert!(!error.remedy().is_empty() && path.exists());
        }
    }
}
