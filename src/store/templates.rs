//! Templates: what a spec's field `template` names. A template may itself name one.

use super::shelf::{Entry, Shelf};
use super::{Folders, Kind, StoreError};
use crate::spec::{Described, Layer, Origin, Stacked, stack};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Templates upon templates end here; nobody could tell any more where a value comes from.
const DEEPEST: usize = 8;

/// The user's templates. Each file is read once per process; changes made through here are seen at once.
#[derive(Debug)]
pub struct Templates {
    shelf: Shelf,
    read: Mutex<BTreeMap<String, Described>>,
}

impl Templates {
    /// Those in the user's data folder. None are shipped: a template is what a site decides.
    pub fn new(folders: &Folders) -> Self {
        let shelf = Shelf::new(Kind::Template, folders.data.join("templates"), &[]);
        Self { shelf, read: Mutex::default() }
    }

    /// All by name, read anew.
    pub fn list(&self) -> Result<Vec<Entry>, StoreError> {
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

    /// The template `name` and those it builds on, the lowest first.
    pub fn layers(&self, name: &str) -> Result<Vec<Layer>, StoreError> {
        let mut layers: Vec<Layer> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let mut next = Some(name.to_owned());
        while let Some(name) = next.take() {
            let circle = names.contains(&name);
            names.push(name.clone());
            if circle {
                let start = names.iter().position(|known| *known == name).unwrap_or(0);
                return Err(StoreError::Circle(names.split_off(start)));
            }
            if names.len() > DEEPEST {
                return Err(StoreError::TooDeep { limit: DEEPEST, names });
            }
            let spec = self.load(&name).map_err(|error| named_by(error, names.iter().rev().nth(1)))?.spec;
            next.clone_from(&spec.template);
            layers.push(Layer { origin: Origin::Template(name), spec });
        }
        layers.reverse();
        Ok(layers)
    }

    /// Puts the template that `layers` (the lowest first) name together under them, and merges all.
    pub fn stack(&self, layers: &[Layer]) -> Result<Stacked, StoreError> {
        let stacked = stack(layers);
        match &stacked.spec.template {
            None => Ok(stacked),
            Some(name) => Ok(stack(&[self.layers(name)?.as_slice(), layers].concat())),
        }
    }

    /// A panic elsewhere leaves the map whole: it is only ever changed by single calls.
    fn read(&self) -> MutexGuard<'_, BTreeMap<String, Described>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named_by(error: StoreError, template: Option<&String>) -> StoreError {
    match error {
        StoreError::NotFound { kind, name, known, .. } => {
            StoreError::NotFound { kind, name, known, named_by: template.cloned() }
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::spec::{Spec, parse};

    fn templates(root: &tempfile::TempDir, all: &[(&str, &str)]) -> Templates {
        let templates = Templates::new(&Folders::below(root.path()));
        for (name, text) in all {
            templates.save(name, &Described { description: String::new(), spec: parse(text).unwrap() }, false).unwrap();
        }
        templates
    }

    fn user(text: &str) -> Layer {
        Layer { origin: Origin::User, spec: parse(text).unwrap() }
    }

    #[test]
    fn a_spec_is_laid_over_its_template_and_what_that_builds_on() {
        let root = tempfile::tempdir().unwrap();
        let templates = templates(
            &root,
            &[
                ("base", r#"{"memory": 1024, "vcpus": 1, "uefi": true}"#),
                ("web", r#"{"template": "base", "memory": 2048, "vcpus": 2}"#),
            ],
        );
        let stacked = templates.stack(&[user(r#"{"name": "x", "template": "web", "vcpus": 4}"#)]).unwrap();
        assert_eq!(
            stacked.spec,
            parse(r#"{"name": "x", "template": "web", "memory": 2048, "vcpus": 4, "uefi": true}"#).unwrap()
        );
        let origin = |field: &str| stacked.origin(&field.parse().unwrap()).unwrap().to_string();
        assert_eq!(
            (origin("uefi").as_str(), origin("memory").as_str(), origin("vcpus").as_str()),
            ("template base", "template web", "you")
        );
    }

    #[test]
    fn a_missing_template_is_the_contracts_error() {
        let root = tempfile::tempdir().unwrap();
        let templates = templates(&root, &[("web", r#"{"template": "bse"}"#), ("base", "{}")]);
        let error = templates.stack(&[user(r#"{"template": "centos-minimal"}"#)]).unwrap_err();
        assert_eq!(error.to_string(), "template 'centos-minimal' not found");
        assert_eq!(error.remedy(), "known are base, web");
        let error = templates.layers("web").unwrap_err();
        assert_eq!(error.to_string(), "template 'bse' not found");
        assert_eq!(error.remedy(), "template 'web' names it; did you mean 'base'?");
    }

    #[test]
    fn circles_and_towers_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let templates = templates(
            &root,
            &[
                ("a", r#"{"template": "b"}"#),
                ("b", r#"{"template": "c"}"#),
                ("c", r#"{"template": "b"}"#),
                ("s", r#"{"template": "s"}"#),
            ],
        );
        assert_eq!(templates.layers("a").unwrap_err().to_string(), "template 'b' names itself: b → c → b");
        assert_eq!(templates.layers("s").unwrap_err().to_string(), "template 's' names itself: s → s");
        for n in 0..10 {
            let spec = Spec { template: Some(format!("t{}", n + 1)), ..Spec::default() };
            templates.save(&format!("t{n}"), &Described { spec, ..Described::default() }, false).unwrap();
        }
        assert!(matches!(templates.layers("t0"), Err(StoreError::TooDeep { limit: 8, .. })));
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
