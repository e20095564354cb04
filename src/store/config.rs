//! The config file, config.toml: named hosts and how the screen looks. Read only; vmbuild never writes it.

use super::{Folders, StoreError, file};
use crate::spec::suggest::{nearest, one_line};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// What the config file says; all of it may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Hosts by name, in the order of the file.
    pub hosts: Vec<NamedHost>,
    /// Name of the host to use where none is asked for; one of `hosts`.
    pub default_host: Option<String>,
    /// Name of a theme.
    pub theme: Option<String>,
    /// Colours.
    pub color: Option<Color>,
    /// True for ASCII characters only.
    pub ascii: Option<bool>,
}

/// A host with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedHost {
    /// What the user calls it.
    pub name: String,
    /// Libvirt connection URI.
    pub uri: String,
    /// True where the user lets vmbuild read the host's files over ssh.
    pub probe: bool,
}

/// The colours that may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// By what the terminal can do.
    Auto,
    /// None.
    Never,
    /// The sixteen of the terminal's palette.
    Ansi16,
    /// The palette of 256.
    Indexed256,
    /// 24 bits.
    Full,
}

impl Color {
    const ALL: [Self; 5] = [Self::Auto, Self::Never, Self::Ansi16, Self::Indexed256, Self::Full];

    /// The word for it in the file and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Never => "never",
            Self::Ansi16 => "16",
            Self::Indexed256 => "256",
            Self::Full => "full",
        }
    }
}

/// The file as it is written, with the places of what may be wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    #[serde(default)]
    hosts: Vec<WrittenHost>,
    default_host: Option<Spanned<String>>,
    theme: Option<Spanned<String>>,
    /// A text, or one of the numbers 16 and 256.
    color: Option<Spanned<toml::Value>>,
    ascii: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHost {
    name: Spanned<String>,
    uri: Spanned<String>,
    #[serde(default)]
    probe: bool,
}

/// What is wrong and at which byte.
struct Wrong {
    at: usize,
    message: String,
}

impl Config {
    /// Path of the file.
    pub fn path(folders: &Folders) -> PathBuf {
        folders.config.join("config.toml")
    }

    /// Reads the file; the default where there is none.
    pub fn load(folders: &Folders) -> Result<Self, StoreError> {
        let path = Self::path(folders);
        match file::read(&path)? {
            Some(text) => Self::parse(&text, &path),
            None => Ok(Self::default()),
        }
    }

    /// Reads the text of the file at `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, StoreError> {
        read(text).map_err(|Wrong { at, message }| {
            let before = text.get(..at).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            StoreError::Config { path: path.to_owned(), line, column, message }
        })
    }

    /// The host called `name`.
    pub fn host(&self, name: &str) -> Option<&NamedHost> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// The default host.
    pub fn default_host(&self) -> Option<&NamedHost> {
        self.host(self.default_host.as_deref()?)
    }
}

fn read(text: &str) -> Result<Config, Wrong> {
    let written: ConfigFile = toml::from_str(text).map_err(|error| Wrong {
        at: error.span().map_or(0, |span| span.start),
        message: with_suggestion(error.message()),
    })?;
    let mut hosts: Vec<NamedHost> = Vec::new();
    for WrittenHost { name, uri, probe } in written.hosts {
        let named = |message: &str| Err(Wrong { at: name.span().start, message: message.to_owned() });
        if name.get_ref().trim().is_empty() {
            return named("a host needs a name");
        }
        if hosts.iter().any(|host| host.name == *name.get_ref()) {
            return named(&format!("host '{}' is given twice", one_line(name.get_ref())));
        }
        if uri.get_ref().trim().is_empty() {
            let message = "a host needs a connection URI such as qemu+ssh://hv01/system".to_owned();
            return Err(Wrong { at: uri.span().start, message });
        }
        hosts.push(NamedHost { name: name.into_inner(), uri: uri.into_inner(), probe });
    }
    Ok(Config {
        default_host: written.default_host.map(|name| known(name, &hosts)).transpose()?,
        theme: written.theme.map(theme).transpose()?,
        color: written.color.map(|value| color(&value)).transpose()?,
        ascii: written.ascii,
        hosts,
    })
}

fn known(name: Spanned<String>, hosts: &[NamedHost]) -> Result<String, Wrong> {
    let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
    if names.contains(&name.get_ref().as_str()) {
        return Ok(name.into_inner());
    }
    let hint = match nearest(name.get_ref(), names.iter().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None if names.is_empty() => "name it in a [[hosts]] table".to_owned(),
        None => format!("known are {}", names.join(", ")),
    };
    Err(Wrong { at: name.span().start, message: format!("host '{}' not found: {hint}", one_line(name.get_ref())) })
}

fn theme(name: Spanned<String>) -> Result<String, Wrong> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.get_ref().is_empty() && name.get_ref().chars().all(plain) {
        return Ok(name.into_inner());
    }
    let message = format!("'{}' is not the name of a theme: letters, digits, - and _", one_line(name.get_ref()));
    Err(Wrong { at: name.span().start, message })
}

fn color(value: &Spanned<toml::Value>) -> Result<Color, Wrong> {
    let word = match value.get_ref() {
        toml::Value::String(word) => word.clone(),
        other => other.to_string(),
    };
    let words = Color::ALL.map(Color::word).join(", ");
    let message = || format!("unknown color '{}': known are {words}", one_line(&word));
    Color::ALL
        .into_iter()
        .find(|color| color.word() == word)
        .ok_or_else(|| Wrong { at: value.span().start, message: message() })
}

/// Adds the nearest field to serde's "unknown field `x`, expected one of `y`, `z`".
fn with_suggestion(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let unknown = words.next().filter(|_| message.starts_with("unknown field"));
    match unknown.and_then(|field| Some((field, nearest(field, words)?))) {
        Some((field, near)) => format!("unknown field `{field}`: did you mean `{near}`?"),
        None => message.trim_end().replace('\n', ", "),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("config.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_whole_file_is_read() {
        let config = parse(
            "default_host = \"hv03\"\ntheme = \"dark\"\ncolor = 256\nascii = true\n\n\
             [[hosts]]\nname = \"hv03\"\nuri = \"qemu+ssh://hv03/system\"\n\n\
             [[hosts]]\nname = \"lab\"\nuri = \"test:///default\"\nprobe = true\n",
        )
        .unwrap();
        assert_eq!(config.default_host().unwrap().uri, "qemu+ssh://hv03/system");
        assert_eq!(config.host("lab").unwrap().uri, "test:///default");
        assert!(config.host("lab").unwrap().probe && !config.host("hv03").unwrap().probe);
        assert_eq!(
            (config.color, config.ascii, config.theme.as_deref()),
            (Some(Color::Indexed256), Some(true), Some("dark"))
        );
        assert_eq!(parse("color = \"16\"").unwrap().color, Some(Color::Ansi16));
        assert_eq!(parse(""), Ok(Config::default()));
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_column() {
        for (text, want) in [
            ("ascii = true\nthem = \"x\"", "config.toml:2:1: unknown field `them`: did you mean `theme`?"),
            ("[[hosts]]\nname = \"a\"\nurl = \"b\"", "config.toml:3:1: unknown field `url`: did you mean `uri`?"),
            ("ascii = 1", "config.toml:1:9: invalid type: integer `1`, expected a boolean"),
            ("color = \"red\"", "config.toml:1:9: unknown color 'red': known are auto, never, 16, 256, full"),
            ("theme = \"../x\"", "config.toml:1:9: '../x' is not the name of a theme: letters, digits, - and _"),
            ("default_host = \"a\"", "config.toml:1:16: host 'a' not found: name it in a [[hosts]] table"),
            ("[[hosts]]\nname = \"\"\nuri = \"x\"", "config.toml:2:8: a host needs a name"),
            (
                "[[hosts]]\nname = \"ä\"\nuri = \" \"",
                "config.toml:3:7: a host needs a connection URI such as qemu+ssh://hv01/system",
            ),
            (
                "[[hosts]]\nname = \"a\"\nuri = \"x\"\n[[hosts]]\nname = \"a\"\nuri = \"y\"",
                "config.toml:5:8: host 'a' is given twice",
            ),
            (
                "default_host = \"hv3\"\n[[hosts]]\nname = \"hv03\"\nuri = \"x\"",
                "config.toml:1:16: host 'hv3' not found: did you mean 'hv03'?",
            ),
        ] {
            assert_eq!(parse(text), Err(want.to_owned()));
        }
        assert!(parse("[[hosts]]\nname = \"a\"").unwrap_err().contains("missing field `uri`"));
        assert!(parse("a = ").unwrap_err().starts_with("config.toml:1:"));
    }

    #[test]
    fn the_file_is_found_in_the_config_folder_and_may_be_absent() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::below(root.path());
        assert_eq!(Config::load(&folders).unwrap(), Config::default());
        std::fs::create_dir(&folders.config).unwrap();
        std::fs::write(Config::path(&folders), "ascii = true").unwrap();
        assert_eq!(Config::load(&folders).unwrap().ascii, Some(true));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC*|[a-z=\\[\\]\" \n0-9.]*") {
            let _ = parse(&text);
        }
    }
}
