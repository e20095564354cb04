//! One system of the osinfo database with what it inherits by `derives-from` and `clones`.

use super::files::Files;
use crate::facts::{Boots, Needs, Profile, Resources};
use crate::units::Bytes;
use roxmltree::{Document, Node};
use std::collections::BTreeSet;

/// No chain of systems is longer; one that bites its own tail is.
const LONGEST_CHAIN: usize = 64;

impl Files {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names of the documents, those that add to others left out, with their texts.
    pub(super) fn documents(&self) -> impl Iterator<Item = String> + '_ {
        self.0.keys().filter(|name| !name.contains(".d/")).filter_map(|name| self.text(name))
    }

    fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.0.get(name)?).ok()
    }

    /// The document of the system with the short id `id`. Its name mostly is that id with a dash somewhere; the others are
    /// looked through where it is not.
    pub(super) fn path_of(&self, id: &str) -> Option<&str> {
        let plain = |text: &str| text.replace('-', "");
        let says =
            |name: &&String| self.text(name).is_some_and(|text| text.contains(&format!("<short-id>{id}</short-id>")));
        let stem = |name: &String| name.rsplit('/').next().and_then(|file| file.strip_suffix(".xml")).map(plain);
        let (likely, others): (Vec<_>, Vec<_>) =
            self.0.keys().filter(|name| !name.contains(".d/")).partition(|name| stem(name) == Some(plain(id)));
        likely.into_iter().chain(others).find(says).map(String::as_str)
    }

    /// `http://debian.org/debian/12` is in `debian.org/debian-12.xml`.
    fn path_of_url(&self, url: &str) -> Option<&str> {
        let (vendor, rest) = url.split_once("://")?.1.split_once('/')?;
        let name = format!("{vendor}/{}.xml", rest.replace('/', "-"));
        let opening = format!("<os id=\"{url}\"");
        let named = self.0.get_key_value(&name).map(|(name, _)| name);
        let says = |name: &&String| self.text(name).is_some_and(|text| text.contains(&opening));
        named.or_else(|| self.0.keys().filter(|name| !name.contains(".d/")).find(says)).map(String::as_str)
    }

    /// The system of a document.
    pub(super) fn profile(&self, path: &str) -> Option<Profile> {
        let mut profile = Profile::default();
        self.add(path, &mut profile, &mut BTreeSet::new());
        (!profile.name.is_empty()).then_some(profile)
    }

    /// Lays a system over `profile`, those it inherits from first.
    fn add(&self, path: &str, profile: &mut Profile, seen: &mut BTreeSet<String>) {
        if seen.len() >= LONGEST_CHAIN || !seen.insert(path.to_owned()) {
            return;
        }
        let Some(text) = self.text(path) else { return };
        let Ok(document) = Document::parse(&text) else {
            tracing::warn!(path, "not XML");
            return;
        };
        let Some(os) = children(document.root_element(), "os").next() else { return };
        for parent in ["derives-from", "clones"].into_iter().flat_map(|name| children(os, name)) {
            if let Some(parent) = parent.attribute("id").and_then(|url| self.path_of_url(url)) {
                self.add(parent, profile, seen);
            }
        }
        lay_over(profile, os);
        let folder = path.replace(".xml", ".d/");
        for text in self.0.keys().filter(|name| name.starts_with(&folder)).filter_map(|name| self.text(name)) {
            let Ok(document) = Document::parse(&text) else { continue };
            children(document.root_element(), "os").for_each(|os| devices(profile, os));
        }
    }
}

/// What a system says itself holds against what it inherits.
fn lay_over(profile: &mut Profile, os: Node<'_, '_>) {
    os.attribute("id").unwrap_or_default().clone_into(&mut profile.url);
    if let Some(name) = text(os, "name") {
        profile.name = name;
    }
    if let Some(family) = text(os, "family") {
        profile.family = family;
    }
    profile.ended = text(os, "eol-date");
    let mut own = children(os, "resources").peekable();
    if own.peek().is_some() {
        profile.needs.clear();
    }
    for node in own {
        let needs = Needs { minimum: resources(node, "minimum"), recommended: resources(node, "recommended") };
        profile.needs.insert(arch(node), needs);
    }
    for node in children(os, "firmware") {
        let boots: &mut Boots = profile.firmware.entry(arch(node)).or_default();
        let supported = Some(node.attribute("supported") != Some("false"));
        match node.attribute("type") {
            Some("efi") => boots.uefi = supported,
            Some("bios") => boots.bios = supported,
            _ => {}
        }
    }
    devices(profile, os);
}

fn devices(profile: &mut Profile, os: Node<'_, '_>) {
    let listed = children(os, "devices").flat_map(|devices| children(devices, "device"));
    for device in listed {
        let Some(name) = device.attribute("id").and_then(short) else { continue };
        if device.attribute("supported") == Some("false") {
            profile.devices.remove(&name);
        } else {
            profile.devices.insert(name);
        }
    }
}

/// `http://pcisig.com/pci/1af4/1042` is `1af4:1042`; `http://qemu.org/chipset/x86/q35` is `chipset/x86/q35`.
fn short(url: &str) -> Option<String> {
    let (vendor, rest) = url.split_once("://")?.1.split_once('/')?;
    let pci = rest.strip_prefix("pci/").filter(|_| vendor == "pcisig.com");
    Some(pci.map_or_else(|| rest.to_owned(), |ids| ids.replace('/', ":")))
}

fn resources(node: Node<'_, '_>, level: &str) -> Resources {
    let Some(node) = children(node, level).next() else { return Resources::default() };
    let number = |name| text(node, name).and_then(|text| text.parse::<u64>().ok());
    Resources {
        cpus: number("n-cpus").and_then(|count| u32::try_from(count).ok()),
        memory: number("ram").map(Bytes),
        disk: number("storage").map(Bytes),
    }
}

fn arch(node: Node<'_, '_>) -> String {
    node.attribute("arch").unwrap_or("all").to_owned()
}

/// Child elements `name`.
pub(super) fn children<'a, 'i>(node: Node<'a, 'i>, name: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

/// The text of the first child `name` that is in no language of its own.
pub(super) fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    let plain = |child: &Node<'_, '_>| child.attributes().all(|attribute| attribute.name() != "lang");
    let text = children(node, name).find(plain)?.text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
