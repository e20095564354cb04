//! The test programs: few, since each is linked with the whole library, and no file of theirs is forgotten.

use std::collections::BTreeMap;

use crate::paths::read;

/// The folders below `tests/` that are programs.
const PROGRAMS: [&str; 3] = ["host", "it", "layers"];
/// What several programs have as a module, each by `#[path]`.
const SHARED: &str = "tests/support/mod.rs";

/// What is wrong with the files below `tests/`: a further program, or a file that no program has as a module.
pub(crate) fn strays(files: &[(String, String)]) -> Vec<String> {
    let modules: BTreeMap<&str, Vec<String>> =
        files.iter().map(|(path, source)| (path.as_str(), read(&[], source).modules)).collect();
    let declares = |parent: &str, name: &str| {
        modules.get(parent).is_some_and(|modules| modules.iter().any(|module| module == name))
    };
    let stray = |path: &str| {
        let (folder, file) = path.rsplit_once('/')?;
        let program = folder.strip_prefix("tests/").unwrap_or_default();
        if file == "main.rs" && PROGRAMS.contains(&program) {
            return None;
        }
        if file == "main.rs" && !program.contains('/') || folder == "tests" {
            return Some(format!("{path}: a test program of its own; make it a module of tests/it or tests/host"));
        }
        let (name, above) = match (file, folder.rsplit_once('/')) {
            ("mod.rs", Some((above, name))) => (name, above),
            _ => (file.strip_suffix(".rs")?, folder),
        };
        let parents = match path {
            SHARED => vec!["tests/it/main.rs".to_owned(), "tests/host/main.rs".to_owned()],
            _ => vec![format!("{above}/main.rs"), format!("{above}/mod.rs"), format!("{above}.rs")],
        };
        (!parents.iter().any(|parent| declares(parent, name)))
            .then(|| format!("{path}: no test program has it as a module; add `mod {name};`"))
    };
    modules.keys().filter_map(|path| stray(path)).collect()
}
