//! Holds that the graph of files has no circle: no file needs itself by way of others.
//!
//! A path leads to the file of the longest module in it; what that module only re-exports, to the file that defines it.
//! `mod`, `pub use` and tests make no way from file to file; neither does a method, which needs no import.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::{Found, Named, read};
use crate::rules::{built, module_of};
use crate::sources_below;

/// How far re-exports of re-exports are followed.
const DEEPEST: usize = 16;

/// The files, and what each module has under a name from elsewhere.
struct Sources<'f> {
    /// The file of each module.
    files: BTreeMap<Vec<String>, &'f str>,
    /// The items of each file.
    items: BTreeMap<&'f str, BTreeSet<&'f str>>,
    /// What a `use` of a module gives a name to.
    imports: BTreeMap<&'f [String], Vec<&'f Named>>,
}

impl<'f> Sources<'f> {
    /// The file that defines what `path` names in the module `from`; `None` for other crates and for modules.
    fn definition(&self, from: &[String], path: &[String], depth: usize) -> Option<&'f str> {
        let path = self.whole(from, path, depth)?;
        let known = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let (module, rest) = path.split_at(known);
        let [name, ..] = rest else {
            // A name can be that of a module and that of a function, too.
            let (name, above) = path.split_last()?;
            return self.named(above, name, false, depth);
        };
        self.named(module, name, false, depth).or_else(|| self.files.get(module).copied())
    }

    /// The file that defines what `module` has from elsewhere under `name`; `only_public`: and lets others name.
    fn named(&self, module: &[String], name: &str, only_public: bool, depth: usize) -> Option<&'f str> {
        let depth = (depth < DEEPEST).then_some(depth + 1)?;
        let imports =
            || self.imports.get(module).into_iter().flatten().filter_map(|named| Some((named, named.import.as_ref()?)));
        let mut of_name = imports().filter(|(_, import)| import.name == name && (import.is_public || !only_public));
        let direct = of_name.find_map(|(named, _)| {
            let own = named.path.last().is_some_and(|last| last == name) && named.path.len() == 1;
            (!own).then(|| self.definition(module, &named.path, depth)).flatten()
        });
        direct.or_else(|| {
            let mut globs = imports().filter(|(_, import)| import.name == "*" && import.is_public);
            globs.find_map(|(named, _)| {
                let module = self.whole(module, &named.path[..named.path.len() - 1], depth)?;
                let file = *self.files.get(&module)?;
                if self.items[file].contains(name) { Some(file) } else { self.named(&module, name, true, depth) }
            })
        })
    }

    /// The path from the root of the crate; `None` for one that leads out of it.
    fn whole(&self, from: &[String], path: &[String], depth: usize) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        if first == "crate" || first == "vmbuild" {
            return Some(rest.to_vec());
        }
        let child = [from, std::slice::from_ref(first)].concat();
        if self.files.contains_key(&child) {
            return Some([&child[..], rest].concat());
        }
        let depth = (depth < DEEPEST).then_some(depth + 1)?;
        let imports = self.imports.get(from).into_iter().flatten();
        let mut named = imports
            .filter(|named| named.import.as_ref().is_some_and(|import| import.name == *first) && named.path != *path);
        named.find_map(|named| Some([&self.whole(from, &named.path, depth)?[..], rest].concat()))
    }

    /// The other files that `file` names something of.
    fn ways(&self, file: &'f str, found: &Found) -> BTreeSet<&'f str> {
        let own = module_of(file);
        let is_reexport = |named: &Named| named.import.as_ref().is_some_and(|import| import.is_public);
        let paths = found.paths.iter().filter(|named| !named.in_test && !is_reexport(named));
        let named = paths.filter_map(|named| self.definition(&named.module, &named.path, 0));
        // What is re-exported can be used here as well, by its name alone.
        let words = found.words.iter().filter_map(|word| self.named(&own, word, false, 0));
        named.chain(words).filter(|other| *other != file).collect()
    }
}

/// The circles of `files`, paths below `src/` with their source: the parts of the graph in which every file leads to every
/// other.
fn circles(files: &[(String, String)]) -> Vec<Vec<String>> {
    let found: Vec<_> = files.iter().map(|(path, source)| (path.as_str(), read(&module_of(path), source))).collect();
    let mut sources = Sources {
        files: found.iter().map(|(path, _)| (module_of(path), *path)).collect(),
        items: found.iter().map(|(path, found)| (*path, found.items.iter().map(String::as_str).collect())).collect(),
        imports: BTreeMap::new(),
    };
    let named = found.iter().flat_map(|(_, found)| &found.paths);
    for named in named.filter(|named| named.import.is_some() && !named.in_test) {
        sources.imports.entry(&named.module).or_default().push(named);
    }
    let graph: BTreeMap<_, _> = found.iter().map(|(file, found)| (*file, sources.ways(file, found))).collect();
    let reached: BTreeMap<_, _> = graph.keys().map(|file| (*file, reachable(&graph, file))).collect();
    let circle = |file: &str| -> Vec<&str> {
        reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect()
    };
    let circles: BTreeSet<_> = graph.keys().map(|file| circle(file)).filter(|circle| circle.len() > 1).collect();
    circles.into_iter().map(|circle| circle.into_iter().map(str::to_owned).collect()).collect()
}

/// The files to which a way leads from `start`, over one step or more.
fn reachable<'f>(graph: &BTreeMap<&'f str, BTreeSet<&'f str>>, start: &str) -> BTreeSet<&'f str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = graph[start].iter().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(&graph[file]);
        }
    }
    reached
}

#[test]
fn no_file_needs_itself_by_way_of_others() {
    let files = built(sources_below("src"));
    let circles: Vec<_> = circles(&files).into_iter().map(|circle| circle.join(", ")).collect();
    assert!(circles.is_empty(), "circles of files:\n{}", circles.join("\n"));
}

/// The circles of files given by path and source.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|(path, source)| ((*path).to_owned(), (*source).to_owned())).collect();
    circles(&files).into_iter().map(|circle| circle.join(" ")).collect()
}

#[test]
fn circles_of_two_and_of_three_are_found() {
    let two =
        [("a/b.rs", "use super::c::C;"), ("a/c.rs", "fn f(b: &crate::a::b::B) {}"), ("a/mod.rs", "mod b; mod c;")];
    assert_eq!(found(&two), ["a/b.rs a/c.rs"]);
    let three = [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::{self, C};"), ("c.rs", "type A = super::a::A;")];
    assert_eq!(found(&three), ["a.rs b.rs c.rs"]);
    assert_eq!(found(&three[..2]), [""; 0]);
    let child = [("a/mod.rs", "mod b; fn f() { b::g(); }"), ("a/b.rs", "use super::f;")];
    assert_eq!(found(&child), ["a/b.rs a/mod.rs"]);
}

#[test]
fn a_circle_through_a_reexport_is_found() {
    let (b, c) = (("a/b.rs", "use super::C; pub struct B;"), ("a/c.rs", "use crate::a::B; pub enum C {}"));
    for reexport in [
        "mod b; mod c; pub use b::B; pub use c::C;",
        "mod b; mod c; pub(crate) use self::{b::B, c::Other as C};",
        "mod b; mod c; use b::B; pub use c::*;",
        "pub mod b; pub mod c; pub use crate::a::{b::*, c::*};",
    ] {
        let found = found(&[("a/mod.rs", reexport), b, c]);
        assert!(found.iter().any(|circle| circle.contains("a/b.rs a/c.rs")), "{reexport}: {found:?}");
    }
    let twice = [
        ("d.rs", "pub use crate::a::B;"),
        ("a/mod.rs", "mod b; mod c; pub use b::B; pub use c::C;"),
        b,
        ("a/c.rs", "use crate::d::B;"),
    ];
    assert_eq!(found(&twice), ["a/b.rs a/c.rs"]);
    let used_here = [("a/mod.rs", "mod b; pub use b::B; pub struct A(B);"), ("a/b.rs", "use super::A;")];
    assert_eq!(found(&used_here), ["a/b.rs a/mod.rs"]);
    let of_one_name =
        [("a/mod.rs", "mod b; pub use b::b;"), ("a/b.rs", "use crate::c::C;"), ("c.rs", "use crate::a::b;")];
    assert_eq!(found(&of_one_name), ["a/b.rs c.rs"]);
}

#[test]
fn what_is_no_way_from_file_to_file_makes_no_circle() {
    let parent = "pub mod b; pub use b::B;";
    for child in [
        "fn f() { super::super::c::g(); }",
        "use std::fs; use serde::Serialize; pub struct B;",
        "use crate::a; pub struct B;",
        "#[cfg(test)] mod tests { use super::super::*; use crate::a::A; }",
        "fn f(x: X) { x.a(); } // use super::A;",
    ] {
        let files = [("a/mod.rs", &*format!("{parent} pub struct A;")), ("a/b.rs", child), ("c.rs", "")];
        assert_eq!(found(&files), [""; 0], "{child}");
    }
}
