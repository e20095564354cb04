//! What a host was asked already, so that no question is asked twice.

use crate::facts::{GuestKind, Part, Query};
use crate::units::PciAddress;
use std::collections::BTreeSet;

/// The questions so far. Their answers need not have come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    parts: BTreeSet<Part>,
    files: BTreeSet<String>,
    profiles: BTreeSet<String>,
    details: BTreeSet<PciAddress>,
    definitions: BTreeSet<String>,
    kinds: BTreeSet<GuestKind>,
}

impl Asked {
    /// What of `query` was not asked yet, which from now on it was; `None` where that is nothing.
    pub(super) fn first(&mut self, query: Query) -> Option<Query> {
        match query {
            Query::Part(part) => self.parts.insert(part).then_some(Query::Part(part)),
            Query::Files(paths) => new(&mut self.files, paths).map(Query::Files),
            Query::Profiles(ids) => new(&mut self.profiles, ids).map(Query::Profiles),
            Query::Details(functions) => new(&mut self.details, functions).map(Query::Details),
            Query::GuestKinds(kinds) => new(&mut self.kinds, kinds).map(Query::GuestKinds),
            Query::Definition(name) => self.definitions.insert(name.clone()).then_some(Query::Definition(name)),
        }
    }

    /// Everything may be asked again, but for the details of PCI functions: these are asked for again where a function changed.
    pub fn forget(&mut self) {
        let details = std::mem::take(&mut self.details);
        *self = Self { details, ..Self::default() };
    }

    /// The definitions of domains may be asked for again.
    pub fn forget_definitions(&mut self) {
        self.definitions.clear();
    }

    /// The details of functions may be asked for again where `again` says so.
    pub fn forget_details(&mut self, again: impl Fn(PciAddress) -> bool) {
        self.details.retain(|address| !again(*address));
    }
}

fn new<T: Ord + Clone>(asked: &mut BTreeSet<T>, all: Vec<T>) -> Option<Vec<T>> {
    let new: Vec<T> = all.into_iter().filter(|one| asked.insert(one.clone())).collect();
    (!new.is_empty()).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_asked_twice() {
        let mut asked = Asked::default();
        let files = |names: &[&str]| Query::Files(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(asked.first(files(&["/a", "/b", "/a"])), Some(files(&["/a", "/b"])));
        assert_eq!(asked.first(files(&["/b", "/c"])), Some(files(&["/c"])));
        assert_eq!(asked.first(files(&["/c"])), None);
        assert_eq!(asked.first(Part::Host.into()), Some(Part::Host.into()));
        assert_eq!(asked.first(Part::Host.into()), None);
        asked.forget();
        assert_eq!(asked.first(files(&["/c"])), Some(files(&["/c"])));
    }
}
