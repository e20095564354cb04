//! The wizard's unfinished work: one draft per user. What is in it is the wizard's business.

use super::file::{self, Existing};
use super::{Folders, StoreError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::path::{Path, PathBuf};

/// The form of the file. A newer one is refused with a word, not misread.
const VERSION: u32 = 1;

/// Where the draft is kept.
#[derive(Clone, Debug)]
pub struct Drafts {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Stored<T> {
    version: u32,
    draft: T,
}

/// Read first: a newer draft may not fit the present one.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl Drafts {
    /// The draft in the user's state folder.
    pub fn new(folders: &Folders) -> Self {
        Self { path: folders.state.join("draft.json") }
    }

    /// The file, to tell the user.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps `draft` in place of the one before. It may hold secrets of cloud-init: the file is the user's alone.
    pub fn save<T: Serialize>(&self, draft: &T) -> Result<(), StoreError> {
        let text = serde_json::to_string_pretty(&Stored { version: VERSION, draft });
        file::write(&self.path, &text.map_err(|error| self.unfit(error.to_string()))?, Existing::Replace)
    }

    /// The draft, if there is one.
    pub fn load<T: DeserializeOwned>(&self) -> Result<Option<T>, StoreError> {
        let Some(text) = file::read(&self.path)? else { return Ok(None) };
        let unfit = |error: serde_json::Error| self.unfit(format!("the draft is damaged: {error}"));
        let Version { version } = serde_json::from_str(&text).map_err(unfit)?;
        if version != VERSION {
            return Err(self.unfit(format!("the draft has version {version}, this vmbuild knows version {VERSION}")));
        }
        serde_json::from_str(&text).map(|stored: Stored<T>| Some(stored.draft)).map_err(unfit)
    }

    /// Forgets the draft; fine where there is none.
    pub fn discard(&self) -> Result<(), StoreError> {
        file::delete(&self.path).map(|_| ())
    }

    fn unfit(&self, why: String) -> StoreError {
        StoreError::Draft { path: self.path.clone(), why }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::spec::{Place, Spec};
    use std::{collections::BTreeMap, fs};

    type Draft = (Spec, BTreeMap<Place, String>);

    #[test]
    fn a_draft_comes_back_as_it_was_until_it_is_discarded() {
        let root = tempfile::tempdir().unwrap();
        let drafts = Drafts::new(&Folders::below(root.path()));
        assert_eq!(drafts.load::<Draft>().unwrap(), None);
        let spec = Spec { vcpus: Some(4), ..Spec::default() };
        let draft = (spec, BTreeMap::from([(Place::root().key("metadata").key("a.b"), "5 GiBB".to_owned())]));
        drafts.save(&draft).unwrap();
        drafts.save(&draft).unwrap();
        assert_eq!(drafts.load().unwrap(), Some(draft));
        drafts.discard().unwrap();
        drafts.discard().unwrap();
        assert_eq!(drafts.load::<Draft>().unwrap(), None);
    }

    #[test]
    fn a_draft_that_cannot_be_read_says_why_and_stays() {
        let root = tempfile::tempdir().unwrap();
        let drafts = Drafts::new(&Folders::below(root.path()));
        drafts.save(&1).unwrap();
        for (text, want) in [
            ("{\"version\": 9, \"draft\": {\"new\": 1}}", "the draft has version 9, this vmbuild knows version 1"),
            ("{\"version\": 1, \"draft\": 5}", "the draft is damaged: "),
            ("{", "the draft is damaged: "),
        ] {
            fs::write(drafts.path(), text).unwrap();
            let error = drafts.load::<Draft>().unwrap_err();
            assert!(error.to_string().contains(want), "{error}");
            assert!(!error.remedy().is_empty() && drafts.path().exists());
        }
    }
}
