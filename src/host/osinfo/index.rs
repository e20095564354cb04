//! All systems of the osinfo database by name, and how their media are labelled.

use super::files::Files;
use super::system::{children, text};
use crate::facts::{Iso, SystemName};
use regex_lite::Regex;
use roxmltree::{Document, Node};
use std::sync::OnceLock;

/// Names and labels.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) systems: Vec<SystemName>,
    /// Number of the system, and the patterns of one of its media.
    media: Vec<(usize, Labels)>,
}

/// Patterns of the labels of a medium; all that are given must be found.
#[derive(Debug, Default)]
struct Labels {
    volume: Option<Pattern>,
    system: Option<Pattern>,
    publisher: Option<Pattern>,
    application: Option<Pattern>,
    size: Option<u64>,
}

/// A pattern, compiled when it is needed: most never are.
#[derive(Debug)]
struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Index {
    pub(super) fn of(files: &Files) -> Self {
        let mut index = Self::default();
        for text in files.documents() {
            let Ok(document) = Document::parse(&text) else { continue };
            children(document.root_element(), "os").for_each(|os| index.add(os));
        }
        index
    }

    fn add(&mut self, os: Node<'_, '_>) {
        let (Some(id), Some(name)) = (text(os, "short-id"), text(os, "name")) else { return };
        let number = self.systems.len();
        let isos = children(os, "media").flat_map(|media| children(media, "iso"));
        self.media.extend(isos.filter_map(Labels::of).map(|labels| (number, labels)));
        let (released, ended) = (text(os, "release-date"), text(os, "eol-date"));
        self.systems.push(SystemName { id, name, released, ended });
    }

    /// The systems with media of these labels. One of a version that is known is preferred to that of unknown versions.
    pub(super) fn recognise(&self, iso: &Iso) -> Vec<SystemName> {
        let mut numbers: Vec<usize> =
            self.media.iter().filter(|(_, labels)| labels.fit(iso)).map(|(number, _)| *number).collect();
        numbers.dedup();
        let mut found: Vec<SystemName> =
            numbers.into_iter().filter_map(|number| self.systems.get(number)).cloned().collect();
        let vague = |system: &SystemName| system.id.ends_with("-unknown") || system.id.ends_with("-rawhide");
        if found.iter().any(|system| !vague(system)) {
            found.retain(|system| !vague(system));
        }
        found
    }
}

impl Labels {
    /// Labels that say nothing would fit every medium.
    fn of(iso: Node<'_, '_>) -> Option<Self> {
        let pattern = |name| text(iso, name).map(Pattern::of);
        let labels = Self {
            volume: pattern("volume-id"),
            system: pattern("system-id"),
            publisher: pattern("publisher-id"),
            application: pattern("application-id"),
            size: text(iso, "volume-size").and_then(|text| text.parse().ok()),
        };
        (labels.volume.is_some() || labels.application.is_some()).then_some(labels)
    }

    fn fit(&self, iso: &Iso) -> bool {
        let label =
            |pattern: &Option<Pattern>, label: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_in(label));
        // The cheapest first: most media differ in their volume id.
        self.size.is_none_or(|size| iso.size.is_some_and(|found| found.0 == size))
            && label(&self.volume, &iso.volume)
            && label(&self.system, &iso.system)
            && label(&self.publisher, &iso.publisher)
            && label(&self.application, &iso.application)
    }
}

impl Pattern {
    fn of(text: String) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// As [`matches()`] says.
    fn is_in(&self, label: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| Regex::new(&self.text).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(label))
    }
}

/// True where `pattern` is found in `label`, as libosinfo looks for it: anywhere, upper and lower case apart.
pub(super) fn matches(pattern: &str, label: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(label))
}
