//! Templates: what a spec's field `template` names. A template may itself name one.

use super::shelf::{Shelf, ShelfEntry};
use super::{Folders, StoreError, StoredKind};
use crate::spec::{Described, Template};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The user's templates. Each file is read once per process; changes made through here are seen at once.
#[derive(Debug)]
pub struct Templates {
    shelf: Shelf,
    read: Mutex<BTreeMap<String, Described>>,
}

impl Templates {
    /// Those in the user's data folder. None are shipped: a template is what a site decides.
    pub fn new(folders: &Folders) -> Self {
        let shelf = Shelf::new(StoredKind::Template, folders.data.join("templates"), &[]);
        Self { shelf, read: Mutex::default() }
    }

    /// All by name, read anew.
    pub fn list(&self) -> Result<Vec<ShelfEntry>, StoreError> {
        self.shelf.list()
    }

    /// The one called `name`.
    pub fn load(&self, name: &str) -> Result<Described, StoreError> {
        if let Some(known) = self.read().get(name) {
            return Ok(known.clone());
        }
        let read = self.shelf.load(name)?;
        self.read().insert(name.to_owned(), read.clone());
        Ok(read)
    }

    /// True where there is one called `name`.
    pub fn exists(&self, name: &str) -> bool {
        self.shelf.exists(name)
    }

    /// Keeps `content` under `name`; without `replace`, a name that is taken is an error.
    pub fn save(&self, name: &str, content: &Described, replace: bool) -> Result<(), StoreError> {
        let saved = self.shelf.save(name, content, replace);
        self.read().remove(name);
        saved
    }

    /// Deletes the one called `name`.
    pub fn delete(&self, name: &str) -> Result<(), StoreError> {
        let deleted = self.shelf.delete(name);
        self.read().remove(name);
        deleted
    }

    /// What is known of the one called `name`, for a stack. A name that no file can have is that of none.
    pub fn find(&self, name: &str) -> Template {
        match self.load(name) {
            Ok(Described { spec, .. }) => Template::Known(Box::new(spec)),
            Err(StoreError::NotFound { known, .. }) => Template::Missing(known),
            Err(StoreError::BadName { .. }) => Template::Missing(self.shelf.names()),
            Err(error) => Template::Unreadable(error.to_string()),
        }
    }

    /// A panic elsewhere leaves the map whole: it is only ever changed by single calls.
    fn read(&self) -> MutexGuard<'_, BTreeMap<String, Described>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::spec::parse;

    fn templates(root: &tempfile::TempDir, all: &[(&str, &str)]) -> Templates {
        let templates = Templates::new(&Folders::below(root.path()));
        for (name, text) in all {
            templates.save(name, &Described { description: String::new(), spec: parse(text).unwrap() }, false).unwrap();
        }
        templates
    }

    #[test]
    fn a_stack_is_told_what_is_there_what_is_not_and_what_cannot_be_read() {
        let root = tempfile::tempdir().unwrap();
        let templates = templates(&root, &[("web", r#"{"template": "bse"}"#), ("base", "{}")]);
        std::fs::write(root.path().join("data/templates/bad.json"), "{").unwrap();
        assert!(matches!(templates.find("web"), Template::Known(spec) if spec.template.as_deref() == Some("bse")));
        let names = || ["bad", "base", "web"].map(str::to_owned).to_vec();
        assert_eq!(templates.find("bse"), Template::Missing(names()));
        assert_eq!(templates.find("../web"), Template::Missing(names()));
        assert!(matches!(templates.find("bad"), Template::Unreadable(why) if why.contains("bad.json:1:")));
    }

    #[test]
    fn a_template_is_read_once_and_a_saved_one_is_seen_at_once() {
        let root = tempfile::tempdir().unwrap();
        let templates = templates(&root, &[("a", r#"{"vcpus": 1}"#)]);
        assert_eq!(templates.load("a").unwrap().spec.vcpus, Some(1));
        std::fs::remove_file(root.path().join("data/templates/a.json")).unwrap();
        assert_eq!(templates.load("a").unwrap().spec.vcpus, Some(1));
        let two = Described { spec: parse(r#"{"vcpus": 2}"#).unwrap(), ..Described::default() };
        templates.save("a", &two, true).unwrap();
        assert_eq!(templates.load("a").unwrap().spec.vcpus, Some(2));
        templates.delete("a").unwrap();
        assert!(templates.load("a").is_err());
    }
}
