//! Rules for paths in a spec: what an absolute and a relative path mean. Lexical only; whether a file exists is a fact.

use super::suggest::quoted;

/// Longest path the kernel takes, in bytes, its closing NUL not counted.
const LONGEST_PATH: usize = 4095;
/// Longest file name, in bytes.
const LONGEST_NAME: usize = 255;

/// What a path in a spec leads to. The texts are normalised: no empty, `.` or `..` component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolved {
    /// Written as an absolute path: pools play no part.
    Absolute(String),
    /// The name of a volume of the pool.
    Volume(String),
    /// A file in a subfolder of the pool's folder, as an absolute path. libvirt lists only the folder itself, so this
    /// is no volume: it can be attached, not created.
    BelowPool(String),
}

/// Why a path is refused. `Display` is a whole sentence part: thing, value, reason and way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No characters.
    #[error("the path is empty")]
    Empty,
    /// A control character or NUL, which breaks logs, XML or the kernel's own reading.
    #[error("the path {0} contains a control character")]
    Control(String),
    /// A path of another system.
    #[error("the path {0} contains a backslash; folders are separated by '/' here")]
    Backslash(String),
    /// A URL.
    #[error("{0} is a URL, not a path; download it into a pool first")]
    Url(String),
    /// A shell's word for the home folder.
    #[error("{0} starts with '~', which only shells expand; write the whole path")]
    Home(String),
    /// `..` leads out of the pool.
    #[error("the path {0} leads out of its storage pool; write an absolute path if that is meant")]
    LeavesPool(String),
    /// Nothing remains, or only the root.
    #[error("the path {0} names a folder, not a file")]
    Folder(String),
    /// Subfolders need a pool that is a folder.
    #[error(
        "{0} is not a volume name: it contains '/', and the storage pool has no known folder; write an absolute path"
    )]
    NotAVolume(String),
    /// Over the kernel's limit.
    #[error("the path has {0} bytes, the longest is {LONGEST_PATH}")]
    TooLong(usize),
    /// One component over the file system's limit.
    #[error("the path contains a name of {0} bytes, the longest is {LONGEST_NAME}")]
    NameTooLong(usize),
}

/// Resolves `path`. A relative one is a volume of the pool, or a file below `pool_dir` (absolute; `None` where the pool
/// is unknown or has no folder). Nothing relative ever leaves the pool; `..` in an absolute path is resolved as text,
/// which [`climbing`] says.
pub fn resolve(path: &str, pool_dir: Option<&str>) -> Result<Resolved, PathError> {
    refuse_strange(path)?;
    if path.starts_with('/') {
        return absolute(path).map(Resolved::Absolute);
    }
    let names = components(path, true)?;
    match (names.as_slice(), pool_dir.filter(|dir| dir.starts_with('/'))) {
        ([], _) => Err(PathError::Folder(quoted(path))),
        ([name], _) => Ok(Resolved::Volume((*name).to_owned())),
        (_, None) => Err(PathError::NotAVolume(quoted(path))),
        (names, Some(dir)) => {
            let dir = components(dir, false)?;
            join(dir.iter().chain(names)).map(Resolved::BelowPool)
        }
    }
}

/// Normalises an absolute path, resolving `.`, `..` and `//` as text.
fn absolute(path: &str) -> Result<String, PathError> {
    let names = components(path, false)?;
    if names.is_empty() { Err(PathError::Folder(quoted(path))) } else { join(names.iter()) }
}

/// A variant that carries the quoted path.
type Refusal = fn(String) -> PathError;

/// What no path in a spec may be.
fn refuse_strange(path: &str) -> Result<(), PathError> {
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if path.len() > LONGEST_PATH {
        return Err(PathError::TooLong(path.len()));
    }
    let refusals: [(bool, Refusal); 4] = [
        (path.contains(char::is_control), PathError::Control),
        (path.contains('\\'), PathError::Backslash),
        (path.contains("://"), PathError::Url),
        (path.starts_with("~/"), PathError::Home),
    ];
    match refusals.into_iter().find(|(hit, _)| *hit) {
        Some((_, error)) => Err(error(quoted(path))),
        None => Ok(()),
    }
}

/// The names on a path with `.`, `..` and empty ones resolved. Going above the start is an error where `confined`, and
/// stays at the root otherwise, as in the kernel.
fn components(path: &str, confined: bool) -> Result<Vec<&str>, PathError> {
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                if names.pop().is_none() && confined {
                    return Err(PathError::LeavesPool(quoted(path)));
                }
            }
            name if name.len() > LONGEST_NAME => return Err(PathError::NameTooLong(name.len())),
            name => names.push(name),
        }
    }
    Ok(names)
}

fn join<'a>(names: impl Iterator<Item = &'a &'a str>) -> Result<String, PathError> {
    let path = names.fold(String::new(), |path, name| path + "/" + name);
    if path.len() > LONGEST_PATH { Err(PathError::TooLong(path.len())) } else { Ok(path) }
}

impl Resolved {
    /// The absolute path or the volume's name.
    pub fn text(&self) -> &str {
        let (Self::Absolute(text) | Self::Volume(text) | Self::BelowPool(text)) = self;
        text
    }
}

/// What to tell the user where `..` in a path as `written` was resolved as text, to what is `read`: through a link to a
/// folder, the kernel would go elsewhere.
pub fn climbing(written: &str, read: &str) -> Option<String> {
    let climbs = written.split('/').any(|name| name == "..");
    climbs.then(|| format!("{} is read as {}", quoted(written), quoted(read)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is(path: &str, want: Resolved) {
        assert_eq!(resolve(path, Some("/pool")), Ok(want), "{path}");
    }

    #[test]
    fn absolute_paths_ignore_the_pool() {
        is("/iso/a.iso", Resolved::Absolute("/iso/a.iso".into()));
        is("//iso/./a.iso", Resolved::Absolute("/iso/a.iso".into()));
        is("/iso/../other/a.iso", Resolved::Absolute("/other/a.iso".into()));
        is("/../../a.iso", Resolved::Absolute("/a.iso".into()));
    }

    #[test]
    fn relative_paths_are_volumes_or_files_below_the_pool() {
        is("ubuntu 22.04.iso", Resolved::Volume("ubuntu 22.04.iso".into()));
        is("./x/../a.iso", Resolved::Volume("a.iso".into()));
        is("isos/a.iso", Resolved::BelowPool("/pool/isos/a.iso".into()));
        assert_eq!(resolve("a.iso", None), Ok(Resolved::Volume("a.iso".into())));
        assert!(matches!(resolve("isos/a.iso", None), Err(PathError::NotAVolume(_))));
    }

    #[test]
    fn nothing_relative_leaves_the_pool() {
        for path in ["..", "../a.iso", "a/../../b.iso", "./../pool/a.iso"] {
            assert!(matches!(resolve(path, Some("/pool")), Err(PathError::LeavesPool(_))), "{path}");
        }
    }

    #[test]
    fn strange_paths_are_refused_by_name() {
        for (path, want) in [
            ("", "the path is empty"),
            ("/", "the path '/' names a folder, not a file"),
            (".", "the path '.' names a folder, not a file"),
            ("a\0b", "the path 'a\\0b' contains a control character"),
            ("a\nb", "the path 'a\\nb' contains a control character"),
            ("isos\\a.iso", "the path 'isos\\a.iso' contains a backslash; folders are separated by '/' here"),
            ("https://x/a.iso", "'https://x/a.iso' is a URL, not a path; download it into a pool first"),
            ("~/a.iso", "'~/a.iso' starts with '~', which only shells expand; write the whole path"),
        ] {
            assert_eq!(resolve(path, Some("/pool")).map_err(|e| e.to_string()), Err(want.to_owned()));
        }
        assert_eq!(resolve(&"x".repeat(256), None), Err(PathError::NameTooLong(256)));
        assert_eq!(resolve(&"x/".repeat(2100), None), Err(PathError::TooLong(4200)));
    }

    #[test]
    fn a_resolved_parent_folder_is_said() {
        assert_eq!(climbing("/a/../b", "/b"), Some("'/a/../b' is read as '/b'".into()));
        assert_eq!(climbing("/./b", "/b"), None);
    }

    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop_oneof!["\\.{1,3}", "[a-z]{0,3}", Just("/".to_owned()), "\\PC{0,2}"];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.join("/"))
    }

    proptest! {
        #[test]
        fn a_relative_path_stays_in_the_pool(path in pieces().prop_filter("relative", |p| !p.starts_with('/'))) {
            match resolve(&path, Some("/srv/pool")) {
                Ok(Resolved::Volume(name)) => prop_assert!(!name.contains('/') && name != ".." && name != "."),
                Ok(Resolved::BelowPool(path)) => {
                    prop_assert!(path.starts_with("/srv/pool/") && !path.split('/').any(|name| name == ".."));
                }
                Ok(Resolved::Absolute(path)) => prop_assert!(false, "{}", path),
                Err(_) => {}
            }
        }

        #[test]
        fn resolving_twice_changes_nothing(path in pieces()) {
            if let Ok(once) = resolve(&path, Some("/srv/pool")) {
                let twice = resolve(once.text(), Some("/srv/pool"));
                prop_assert_eq!(twice.as_ref().map(Resolved::text), Ok(once.text()));
            }
        }

        #[test]
        fn any_text_is_resolved_or_refused_without_panic(path in "\\PC*|[\\x00-\\x7f]*", dir in "\\PC*") {
            let _ = resolve(&path, Some(&dir));
        }
    }
}
