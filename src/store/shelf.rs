//! Partial specs under names: one JSON file each in a folder of the user, and those shipped inside the program, which a
//! file of the same name hides.

use super::error::{StoreError, StoredKind};
use super::file::{self, Existing};
use crate::spec::{Described, Spec, suggest};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::{fs, io};

/// One that is compiled in: a spec as it is, its description beside it.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// The spec as JSON.
    pub json: &'static str,
}

/// Presets or templates.
#[derive(Debug)]
pub struct Shelf {
    kind: StoredKind,
    folder: PathBuf,
    shipped: &'static [Shipped],
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ShelfEntry {
    /// Name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Whose it is.
    pub owner: Owner,
    /// What it sets, or why its file cannot be read.
    pub spec: Result<Spec, String>,
}

/// Whose a preset or template is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Part of the program.
    Shipped,
    /// A file of the user.
    User {
        /// True where it hides a shipped one of the same name.
        hides_shipped: bool,
    },
}

/// Longest name in bytes: leaves room for `.json` and the suffix of a part within the 255 of a file name.
const LONGEST_NAME: usize = 100;

impl Shelf {
    /// Those in `folder` and those in `shipped`.
    pub fn new(kind: StoredKind, folder: PathBuf, shipped: &'static [Shipped]) -> Self {
        Self { kind, folder, shipped }
    }

    /// All by name. A file that cannot be read is listed with the reason; a folder that cannot, is an error.
    pub fn list(&self) -> Result<Vec<ShelfEntry>, StoreError> {
        let shipped = self.shipped.iter().map(|shipped| shipped.name.to_owned());
        let names: BTreeMap<String, bool> =
            shipped.map(|name| (name, false)).chain(self.files()?.into_iter().map(|name| (name, true))).collect();
        Ok(names.into_iter().map(|(name, user)| self.entry(name, user)).collect())
    }

    fn entry(&self, name: String, user: bool) -> ShelfEntry {
        let hides_shipped = self.shipped(&name).is_some();
        let owner = if user { Owner::User { hides_shipped } } else { Owner::Shipped };
        match self.load(&name) {
            Ok(Described { description, spec }) => ShelfEntry { name, description, owner, spec: Ok(spec) },
            Err(error) => ShelfEntry { name, description: String::new(), owner, spec: Err(error.to_string()) },
        }
    }

    /// The one called `name`.
    pub fn load(&self, name: &str) -> Result<Described, StoreError> {
        let path = self.path(name)?;
        if let Some(text) = file::read(&path)? {
            let file = path.display().to_string();
            return Described::parse(&text).map_err(|problems| StoreError::Broken { file, problems });
        }
        let Some(shipped) = self.shipped(name) else { return Err(self.not_found(name)) };
        let read = Described::parse(shipped.json);
        let read = read.map_err(|problems| StoreError::Broken { file: format!("{name}.json"), problems })?;
        Ok(Described { description: shipped.description.to_owned(), ..read })
    }

    /// True where there is one called `name`.
    pub fn exists(&self, name: &str) -> bool {
        self.shipped(name).is_some() || self.path(name).is_ok_and(|path| path.exists())
    }

    /// Keeps `content` as a file of the user. Without `replace`, a name that is taken is an error, a shipped one's too;
    /// with it, the user's file is overwritten and a shipped one hidden.
    pub fn save(&self, name: &str, content: &Described, replace: bool) -> Result<(), StoreError> {
        let path = self.path(name)?;
        let exists = || StoreError::Exists { kind: self.kind, name: name.to_owned() };
        if !replace && self.shipped(name).is_some() {
            return Err(exists());
        }
        let text = content.to_json().map_err(|error| StoreError::io("write", &path)(error.into()))?;
        let existing = if replace { Existing::Replace } else { Existing::Keep };
        file::write(&path, &text, existing).map_err(|error| match error {
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => exists(),
            error => error,
        })
    }

    /// Deletes the user's file; a shipped one that it hid shows again.
    pub fn delete(&self, name: &str) -> Result<(), StoreError> {
        if file::delete(&self.path(name)?)? {
            Ok(())
        } else if self.shipped(name).is_some() {
            Err(StoreError::Shipped { kind: self.kind, name: name.to_owned() })
        } else {
            Err(self.not_found(name))
        }
    }

    fn shipped(&self, name: &str) -> Option<&'static Shipped> {
        self.shipped.iter().find(|shipped| shipped.name == name)
    }

    fn not_found(&self, name: &str) -> StoreError {
        StoreError::NotFound { kind: self.kind, name: suggest::one_line(name), known: self.names() }
    }

    /// The names there are; those of the user's files as far as the folder can be listed.
    pub fn names(&self) -> Vec<String> {
        let shipped = self.shipped.iter().map(|shipped| shipped.name.to_owned());
        let known: BTreeSet<String> = shipped.chain(self.files().unwrap_or_default()).collect();
        known.into_iter().collect()
    }

    /// Names of the user's files; files that no name could lead to are passed over.
    fn files(&self) -> Result<Vec<String>, StoreError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::io("list", &self.folder)(error)),
        };
        let names = entries.filter_map(|entry| {
            let file = entry.ok()?.file_name().into_string().ok()?;
            let name = file.strip_suffix(".json")?;
            refusal(name).is_none().then(|| name.to_owned())
        });
        Ok(names.collect())
    }

    fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        match refusal(name) {
            None => Ok(self.folder.join(format!("{name}.json"))),
            Some(why) => Err(StoreError::BadName { kind: self.kind, name: suggest::one_line(name), why }),
        }
    }
}

/// Why `name` cannot be that of a file; `None` where it can.
fn refusal(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("it is empty"),
        _ if name.contains(['/', '\\']) => Some("it contains a slash or backslash"),
        _ if name.contains(char::is_control) => Some("it contains a control character"),
        _ if name.starts_with('.') => Some("it starts with a dot"),
        _ if name.starts_with('-') => Some("it starts with '-', as an option does"),
        _ if name.trim() != name => Some("it starts or ends with a space"),
        _ if name.len() > LONGEST_NAME => Some("it has more than 100 bytes"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SHIPPED: &[Shipped] = &[Shipped { name: "small", description: "a small one", json: "{\"vcpus\": 1}" }];

    fn shelf(root: &tempfile::TempDir) -> Shelf {
        Shelf::new(StoredKind::Preset, root.path().join("presets"), SHIPPED)
    }

    fn content(vcpus: u32) -> Described {
        Described { description: "mine".into(), spec: Spec { vcpus: Some(vcpus), ..Spec::default() } }
    }

    #[test]
    fn what_is_saved_is_listed_loaded_and_deleted() {
        let root = tempfile::tempdir().unwrap();
        let shelf = shelf(&root);
        shelf.save("my box", &content(8), false).unwrap();
        let entries = shelf.list().unwrap();
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["my box", "small"]);
        assert_eq!((entries[0].owner, entries[1].owner), (Owner::User { hides_shipped: false }, Owner::Shipped));
        assert_eq!(entries[1].description, "a small one");
        assert_eq!(shelf.load("my box").unwrap(), content(8));
        shelf.delete("my box").unwrap();
        assert!(!shelf.exists("my box"));
        assert!(matches!(shelf.delete("my box"), Err(StoreError::NotFound { .. })));
    }

    #[test]
    fn a_name_that_is_taken_is_kept_unless_told_otherwise() {
        let root = tempfile::tempdir().unwrap();
        let shelf = shelf(&root);
        shelf.save("a", &content(1), false).unwrap();
        let error = shelf.save("a", &content(2), false).unwrap_err();
        assert_eq!(error.to_string(), "preset 'a' exists already");
        assert_eq!(shelf.load("a").unwrap(), content(1));
        shelf.save("a", &content(2), true).unwrap();
        assert_eq!(shelf.load("a").unwrap(), content(2));
    }

    #[test]
    fn a_shipped_one_can_be_hidden_but_not_deleted() {
        let root = tempfile::tempdir().unwrap();
        let shelf = shelf(&root);
        assert!(matches!(shelf.delete("small"), Err(StoreError::Shipped { .. })));
        assert!(matches!(shelf.save("small", &content(9), false), Err(StoreError::Exists { .. })));
        shelf.save("small", &content(9), true).unwrap();
        assert_eq!(shelf.load("small").unwrap(), content(9));
        assert_eq!(shelf.list().unwrap()[0].owner, Owner::User { hides_shipped: true });
        shelf.delete("small").unwrap();
        assert_eq!(shelf.load("small").unwrap().spec.vcpus, Some(1));
    }

    #[test]
    fn a_missing_one_is_named_with_the_nearest_that_is_there() {
        let root = tempfile::tempdir().unwrap();
        let error = shelf(&root).load("smal").unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.remedy().as_str()),
            ("preset 'smal' not found", "did you mean 'small'?")
        );
        assert_eq!(shelf(&root).load("windows").unwrap_err().remedy(), "known are small");
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let shelf = shelf(&root);
        for name in ["", "..", "../x", "a/b", "/etc/passwd", "a\\b", ".x", "-x", " x", "a\nb", &"x".repeat(101)] {
            assert!(matches!(shelf.load(name), Err(StoreError::BadName { .. })), "{name}");
            assert!(matches!(shelf.save(name, &content(1), true), Err(StoreError::BadName { .. })), "{name}");
            assert!(matches!(shelf.delete(name), Err(StoreError::BadName { .. })), "{name}");
            assert!(!shelf.exists(name));
        }
    }

    #[test]
    fn a_broken_file_is_listed_with_its_reason_and_others_are_not_harmed() {
        let root = tempfile::tempdir().unwrap();
        let shelf = shelf(&root);
        shelf.save("good", &content(1), false).unwrap();
        fs::write(root.path().join("presets/bad.json"), "{\"vcpu\": 1}").unwrap();
        fs::write(root.path().join("presets/.hidden.json"), "x").unwrap();
        fs::write(root.path().join("presets/notes.txt"), "x").unwrap();
        let entries = shelf.list().unwrap();
        assert_eq!(entries.len(), 3);
        let why = entries[0].spec.clone().unwrap_err();
        assert!(why.ends_with("bad.json:1:2: unknown field `vcpu`: did you mean `vcpus`?"), "{why}");
        assert!(entries[1].spec.is_ok());
    }
}
