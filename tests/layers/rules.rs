//! The rules: who may import whom, which crate appears where, what pure code leaves alone, and how long things get.

use std::collections::BTreeSet;

use crate::paths::{Found, Named, read};

/// The layers, each of which may import those before it.
pub(crate) const LAYERS: [&str; 17] = [
    "units", "spec", "facts", "machine", "domain", "engine", "checks", "plan", "case", "host", "store", "journal",
    "build", "app", "ui", "run", "cli",
];
/// The last layer without effects.
const LAST_PURE: &str = "case";
/// Layers above which nothing but the pure layers, and what is named, is seen.
const NARROW: [(&str, &[&str]); 2] = [("app", &[]), ("ui", &["app"])];
/// What may see the domain XML, which is libvirt's: its engine and those that write by it, the checks of the XML, and the
/// comparison and read-back.
const SEE_DOMAIN: [&str; 20] = [
    "domain/",
    "engine/libvirt/",
    "engine/virt_install/",
    "engine/rendered.rs",
    "checks/cpu_feature.rs",
    "checks/guest_address.rs",
    "checks/holding.rs",
    "checks/merged.rs",
    "checks/overridden.rs",
    "checks/subject.rs",
    "plan/event.rs",
    "host/libvirt/",
    "app/comparison.rs",
    "app/steps/build/mod.rs",
    "app/steps/build/view.rs",
    "app/xml.rs",
    "cli/diff.rs",
    "cli/progress.rs",
    "cli/xml.rs",
    "lib.rs",
];

/// Layers that are held to do nothing but compute.
const COMPUTING: [&str; 11] =
    ["units", "spec", "facts", "machine", "domain", "engine", "checks", "plan", "case", "app", "ui"];

/// The only places where a crate may appear, as path prefixes below `src/`.
const CRATES: [(&str, &[&str]); 15] = [
    ("ratatui", &["ui/", "run/"]),
    ("crossterm", &["run/"]),
    ("tokio", &["run/", "cli/"]),
    ("virt", &["host/libvirt/"]),
    ("virt_sys", &["host/libvirt/"]),
    ("ratatui_textarea", &["app/"]),
    ("clap", &["cli/", "main.rs"]),
    ("anyhow", &["cli/", "main.rs"]),
    ("jsonc_parser", &["spec/"]),
    ("fatfs", &["host/", "build/"]),
    ("netlink_sys", &["host/"]),
    ("kobject_uevent", &["host/"]),
    ("rustix", &["host/", "store/", "journal/", "build/", "run/", "cli/"]),
    ("tracing_subscriber", &["cli/"]),
    ("directories", &["store/", "cli/"]),
];
/// A crate that is wrapped in one file, so that it can be exchanged.
const WRAPPED: &str = "ratatui_textarea";

/// What code that only computes must not name.
const EFFECTS: [&[&str]; 16] = [
    &["std", "fs"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "env"],
    &["std", "os"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
    &["std", "time", "UNIX_EPOCH"],
    &["std", "io", "stdin"],
    &["std", "io", "stdout"],
    &["std", "io", "stderr"],
    &["std", "hash", "RandomState"],
    &["rand"],
    &["getrandom"],
    &["tempfile"],
];
/// Methods of paths that ask the file system.
const ASKING: [&str; 9] = [
    "exists",
    "try_exists",
    "is_file",
    "is_dir",
    "is_symlink",
    "canonicalize",
    "read_dir",
    "read_link",
    "symlink_metadata",
];

const LONGEST_FILE: usize = 600;
const LONGEST_FUNCTION: usize = 60;

/// Every breach of the rules in `files`: paths below `src/` (or below the package for `tests/`) with their source.
pub(crate) fn breaches(files: &[(String, String)]) -> Vec<String> {
    let read: Vec<_> = files.iter().map(|(path, source)| (path.as_str(), read(&module_of(path), source))).collect();
    let only_tests = test_modules(&read);
    let mut found = Vec::new();
    for ((path, source), (_, contents)) in files.iter().zip(&read) {
        found.extend(too_long(path, source, contents));
        if path.starts_with("tests/") {
            continue;
        }
        let in_test = is_below(&only_tests, path);
        for named in &contents.paths {
            found.extend(
                judge(path, named)
                    .filter(|breach| breach.in_tests_too || !(named.in_test || in_test))
                    .map(|b| b.message),
            );
        }
        if COMPUTING.contains(&layer_of(path)) && !in_test {
            found.extend(contents.methods.iter().filter(|(method, _)| ASKING.contains(&method.as_str())).map(
                |(method, line)| {
                    format!("{path}:{line}: {} only computes, and .{method}() asks the file system", layer_of(path))
                },
            ));
        }
    }
    found.extend(wrapped_twice(&read));
    found
}

/// Something that is not allowed.
struct Breach {
    message: String,
    in_tests_too: bool,
}

/// Judges one path that `file` names.
fn judge(file: &str, named: &Named) -> impl Iterator<Item = Breach> {
    let at = format!("{file}:{}", named.line);
    let shown = named.path.join("::");
    let order = wrong_layer(layer_of(file), &named.path)
        .map(|why| Breach { message: format!("{at}: {why} ({shown})"), in_tests_too: true });
    let of_domain = matches!(&*named.path, [root, layer, ..] if root == "crate" && layer == "domain");
    let of_domain = of_domain && !SEE_DOMAIN.iter().any(|place| file.starts_with(place));
    let domain = of_domain.then(|| Breach {
        message: format!("{at}: the XML of a libvirt domain is not to be seen here ({shown})"),
        in_tests_too: false,
    });
    let place = CRATES.iter().find(|(name, _)| named.path.first().is_some_and(|first| first == name)).and_then(
        |(name, places)| {
            let allowed = places.iter().any(|place| file.starts_with(place));
            (!allowed).then(|| Breach {
                message: format!("{at}: the crate {name} belongs in {} ({shown})", places.join(", ")),
                in_tests_too: false,
            })
        },
    );
    let effect = (COMPUTING.contains(&layer_of(file)) && is_effect(&named.path))
        .then(|| Breach { message: format!("{at}: {} only computes ({shown})", layer_of(file)), in_tests_too: false });
    [order, domain, place, effect].into_iter().flatten()
}

/// Why `layer` may not import `path`, if it may not.
fn wrong_layer(layer: &str, path: &[String]) -> Option<String> {
    let [root, rest @ ..] = path else {
        return None;
    };
    if root != "crate" && root != "vmbuild" || matches!(layer, "lib.rs") {
        return None;
    }
    let other = rest.first().map_or("", String::as_str);
    if other == layer {
        return None;
    }
    let Some(theirs) = place(other) else {
        return Some(format!("{layer} imports the whole crate or what is no layer"));
    };
    let narrow = NARROW.iter().find(|(name, _)| *name == layer);
    let allowed = match (place(layer), narrow) {
        (_, Some((_, more))) => Some(theirs) <= place(LAST_PURE) || more.contains(&other),
        (Some(ours), None) => theirs < ours,
        // The program's own file.
        (None, None) => layer == "main.rs",
    };
    (!allowed).then(|| format!("{layer} may not import {other}"))
}

/// The place of `layer` in the order.
fn place(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|name| *name == layer)
}

/// Whether `path`, or some part of what it imports, is an effect.
fn is_effect(path: &[String]) -> bool {
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    EFFECTS.iter().any(|effect| match path.as_slice() {
        // All of a module that holds one.
        [stem @ .., "*"] => effect.starts_with(stem) || stem.starts_with(effect),
        // The module itself, through which one can be named later.
        ["std", "time"] => effect.starts_with(&["std", "time"]),
        _ => path.starts_with(effect),
    })
}

/// What is longer than it may be.
fn too_long(path: &str, source: &str, contents: &Found) -> Vec<String> {
    let lines = source.lines().count();
    let file = (lines > LONGEST_FILE).then(|| format!("{path}: {lines} lines; {LONGEST_FILE} at most"));
    let functions = contents.functions.iter().filter(|function| function.length > LONGEST_FUNCTION).map(|function| {
        format!(
            "{path}:{}: fn {} has {} lines; {LONGEST_FUNCTION} at most",
            function.line, function.name, function.length
        )
    });
    file.into_iter().chain(functions).collect()
}

/// Files that name the wrapped crate beyond the first.
fn wrapped_twice(read: &[(&str, Found)]) -> Vec<String> {
    let names = |found: &Found| {
        found.paths.iter().any(|named| named.path.first().is_some_and(|first| first == WRAPPED) && !named.in_test)
    };
    let files: Vec<_> =
        read.iter().filter(|(path, found)| path.starts_with("app/") && names(found)).map(|(path, _)| path).collect();
    let more = files.iter().skip(1);
    more.map(|file| format!("{file}: the crate {WRAPPED} is wrapped in {} already", files[0])).collect()
}

/// What is built into the program: `files` without those that are only built for tests.
pub(crate) fn built(files: Vec<(String, String)>) -> Vec<(String, String)> {
    let read: Vec<_> = files.iter().map(|(path, source)| (path.as_str(), read(&module_of(path), source))).collect();
    let only_tests = test_modules(&read);
    files.into_iter().filter(|(path, _)| !is_below(&only_tests, path)).collect()
}

fn is_below(modules: &BTreeSet<String>, path: &str) -> bool {
    modules.iter().any(|module| path == format!("{module}.rs") || path.starts_with(&format!("{module}/")))
}

/// The modules, as paths without an ending, that are only built for tests.
fn test_modules(read: &[(&str, Found)]) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for (path, found) in read {
        let folder = module_of(path).join("/");
        modules.extend(
            found
                .test_modules
                .iter()
                .map(|name| if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") }),
        );
    }
    modules
}

/// The layer of a file below `src/`: its folder, its own name without a folder.
fn layer_of(file: &str) -> &str {
    match file.split_once('/') {
        Some((layer, _)) => layer,
        None => file.strip_suffix(".rs").filter(|name| place(name).is_some()).unwrap_or(file),
    }
}

/// The module that a file below `src/` holds.
pub(crate) fn module_of(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if matches!(path, "lib" | "main") { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}
