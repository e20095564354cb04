//! What differs between two domains, whatever the order of their elements.

use std::collections::BTreeMap;
use std::fmt;
use vmbuild::domain::{Element, Node};

/// An attribute, a text or a whole element that is in one domain, or other in the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Such as `devices/disk[disk 1]/driver/@discard`.
    pub(crate) at: String,
    /// `None` where there is none.
    pub(crate) theirs: Option<String>,
    pub(crate) ours: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
        write!(f, "{}  virt-install: {}  vmbuild: {}", self.at, say(&self.theirs), say(&self.ours))
    }
}

pub(crate) fn differences(theirs: &Element, ours: &Element) -> Vec<Difference> {
    let mut all = Vec::new();
    compare("", theirs, ours, &mut all);
    all
}

fn compare(at: &str, theirs: &Element, ours: &Element, all: &mut Vec<Difference>) {
    values(at, &attributes(theirs), &attributes(ours), all);
    let (left, right) = (children(theirs), children(ours));
    let mut keys: Vec<&String> = left.iter().chain(&right).map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    let find = |list: &[(String, Element)], key: &str| {
        list.iter().find(|(other, _)| other == key).map(|(_, element)| element.clone())
    };
    for key in keys {
        let at = if at.is_empty() { key.clone() } else { format!("{at}/{key}") };
        match (find(&left, key), find(&right, key)) {
            (Some(theirs), Some(ours)) => compare(&at, &theirs, &ours, all),
            (theirs, ours) => {
                all.push(Difference { at, theirs: theirs.map(|e| line(&e)), ours: ours.map(|e| line(&e)) });
            }
        }
    }
}

fn values(at: &str, theirs: &BTreeMap<String, String>, ours: &BTreeMap<String, String>, all: &mut Vec<Difference>) {
    let mut names: Vec<&String> = theirs.keys().chain(ours.keys()).collect();
    names.sort();
    names.dedup();
    for name in names.into_iter().filter(|name| theirs.get(*name) != ours.get(*name)) {
        let at = if at.is_empty() { name.clone() } else { format!("{at}/{name}") };
        all.push(Difference { at, theirs: theirs.get(name).cloned(), ours: ours.get(name).cloned() });
    }
}

/// Attributes, and the text beside them; an amount of memory in one unit.
fn attributes(element: &Element) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> =
        element.attributes.iter().map(|(name, value)| (format!("@{name}"), value.to_string())).collect();
    let text: String = element.children.iter().filter_map(text).collect();
    if !text.trim().is_empty() {
        values.insert("text".into(), text.trim().to_owned());
    }
    if &*element.name == "address" {
        for value in values.values_mut() {
            *value = number(value).map_or_else(|| value.clone(), |number| format!("{number:#x}"));
        }
    }
    if ["memory", "currentMemory"].contains(&&*element.name) {
        let unit = values.remove("@unit").unwrap_or_else(|| "KiB".into());
        let kib = ["KiB", "MiB", "GiB"].iter().position(|known| *known == unit).expect("a unit that is written");
        let amount: u64 = values["text"].parse().unwrap();
        values.insert("text".into(), format!("{} KiB", amount << (10 * kib)));
    }
    values
}

fn text(node: &Node) -> Option<String> {
    if let Node::Text(text) = node { Some(text.to_string()) } else { None }
}

/// The elements within, each by what tells it from its like.
fn children(element: &Element) -> Vec<(String, Element)> {
    let mut seen = BTreeMap::new();
    let mut all = Vec::new();
    for child in element.elements() {
        let name = match mark(child) {
            (mark, true) => format!("{}[{mark}]", child.name),
            (mark, false) => {
                let base = if mark.is_empty() { String::new() } else { format!("{mark} ") };
                let count: &mut u32 = seen.entry(format!("{} {mark}", child.name)).or_default();
                *count += 1;
                let numbered = *count > 1 || !mark.is_empty() || child.name == "boot" || child.name == "interface";
                if numbered { format!("{}[{base}{count}]", child.name) } else { child.name.to_string() }
            }
        };
        all.push((name, child.clone()));
    }
    all
}

/// What an element is known by, and whether there is one of these.
fn mark(element: &Element) -> (String, bool) {
    let own = |name: &str| element.attribute(name).unwrap_or_default().to_owned();
    match &*element.name {
        "timer" | "feature" | "entry" => (own("name"), true),
        "input" => (format!("{} {}", own("type"), own("bus")), true),
        "channel" => {
            (element.find("target").and_then(|target| target.attribute("name")).unwrap_or("?").to_owned(), true)
        }
        "disk" => (own("device"), false),
        "controller" => (format!("{} {}", own("type"), own("model")).trim().to_owned(), false),
        "hostdev" => {
            let address = element.find("source").and_then(|source| source.find("address"));
            let part = |name| address.and_then(|address| number(address.attribute(name)?));
            let text = |name| part(name).map_or("?".into(), |number| format!("{number:x}"));
            (format!("{}:{}.{}", text("bus"), text("slot"), text("function")), true)
        }
        _ => (String::new(), false),
    }
}

/// A part of a PCI address, which both write in their own way.
fn number(text: &str) -> Option<u32> {
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |digits| u32::from_str_radix(digits, 16).ok())
}

/// An element in one line.
fn line(element: &Element) -> String {
    element.to_xml().lines().map(str::trim).collect()
}
