//! From which libvirt on each part of a domain is known: `since.txt`.

use std::collections::BTreeMap;
use vmbuild::domain::Element;
use vmbuild::facts::Version;

/// What stands in the table, by path.
pub(crate) struct Table(BTreeMap<&'static str, Version>);

impl Table {
    pub(crate) fn read() -> Self {
        let lines = include_str!("../versions/since.txt").lines().filter(|line| !line.starts_with('#'));
        Self(lines.map(|line| line.split_once('\t').unwrap()).map(|(since, path)| (path, version(since))).collect())
    }

    /// The version that a part needs, and whether the table knows the part at all.
    fn since(&self, path: &Path, value: Option<&str>) -> Option<Version> {
        let spelt = path.kinds.iter().map(|path| value.map_or(path.clone(), |value| format!("{path}={value}")));
        let spelt: Vec<String> = spelt.chain(path.kinds.iter().cloned()).collect();
        spelt.iter().find_map(|path| self.0.get(path.as_str())).copied()
    }

    /// What the table has of a part such as `devices/disk/driver/@io`, or `os/@firmware=efi`: each value or kind of element
    /// that has a version of its own, with that version.
    pub(crate) fn of_part(&self, part: &str) -> Vec<(String, Version)> {
        let without_value = part.split_once('=').map_or(part, |(path, _)| path);
        let known = |(path, version): (&&str, &Version)| {
            let (start, kind) = path.split_once('[').unwrap_or((path, "]"));
            let (kind, end) = kind.split_once(']').unwrap();
            let plain = format!("{start}{end}");
            match plain.strip_prefix(part).or_else(|| plain.strip_prefix(without_value).filter(|rest| rest.is_empty()))
            {
                Some("") => Some((kind.to_owned(), *version)),
                Some(rest) => rest.strip_prefix('=').map(|value| (value.to_owned(), *version)),
                None => None,
            }
        };
        self.0.iter().filter_map(known).collect()
    }

    /// The parts that a libvirt of this version does not know; those that the table lacks count as of no version.
    pub(crate) fn too_new(&self, tree: &Element, host: Version) -> Vec<String> {
        let mut parts = Vec::new();
        walk(tree, &Path { kinds: vec![String::new()] }, &mut parts);
        let of = |(path, value): (Path, Option<String>)| {
            let since = self.since(&path, value.as_deref());
            let shown = || format!("{}={}", path.kinds[0], value.clone().unwrap_or_default());
            match since {
                None => Some(format!("{} is not in since.txt", shown())),
                Some(since) if since > host => Some(format!("{} needs {since}", shown())),
                Some(_) => None,
            }
        };
        parts.into_iter().filter_map(of).collect()
    }
}

/// A path, with and without the kinds of its elements.
#[derive(Clone)]
struct Path {
    kinds: Vec<String>,
}

impl Path {
    fn below(&self, name: &str) -> Self {
        let join = |path: &String| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        Self { kinds: self.kinds.iter().map(join).collect() }
    }

    fn element(&self, element: &Element) -> Self {
        let kind = match &*element.name {
            "interface" => element.attribute("type"),
            "filesystem" => {
                Some(element.find("driver").and_then(|driver| driver.attribute("type")).unwrap_or_default())
            }
            _ => None,
        };
        let mut all = self.below(&element.name);
        if let Some(kind) = kind {
            all.kinds.push(format!("{}[{kind}]", all.kinds[0]));
        }
        all
    }
}

fn walk(element: &Element, path: &Path, parts: &mut Vec<(Path, Option<String>)>) {
    for (name, value) in &element.attributes {
        // Namespaces and what is in them are nobody's concern but their owner's.
        if !name.contains(':') {
            parts.push((path.below(&format!("@{name}")), Some(value.to_string())));
        }
    }
    for child in element.elements().filter(|child| child.name != "metadata" && !child.name.contains(':')) {
        let path = path.element(child);
        parts.push((path.clone(), None));
        walk(child, &path, parts);
    }
}

fn version(text: &str) -> Version {
    let mut numbers = text.split('.').map(|number| number.parse().unwrap());
    Version { major: numbers.next().unwrap(), minor: numbers.next().unwrap_or(0), release: 0 }
}
