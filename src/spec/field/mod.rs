//! The fields of a spec, one row each: where a field is in forms, how its text is read, where it goes in the domain XML.
//! Whatever treats fields by name reads this table; what a field means is said at its type, and the schema says both.

mod rows;

pub use rows::FIELDS;

use super::grammar::Grammar;
use super::{Place, Segment};

/// One field of the spec.
#[derive(Debug)]
pub struct SpecField {
    /// `storage.disks[].size`: the names on the way to it, rows of lists as `[]`.
    pub path: &'static str,
    /// Where forms have it.
    pub group: FieldGroup,
    /// How its text is read.
    pub grammar: Grammar,
    /// Its name in forms.
    pub label: &'static str,
    /// What holds where it is absent, in a few words; begins with "required" where a build needs it. Empty for objects.
    pub default: &'static str,
    /// The parts of the domain XML that it makes: `devices/disk/driver/@cache`, with `=value` where it is the value that
    /// it makes. Empty where it acts through other fields, or outside of the XML.
    pub xml: &'static [&'static str],
    /// Its value may be a secret: never in logs, messages or the domain's metadata.
    pub secret: bool,
}

/// Fields that are together in a form, under one heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldGroup {
    /// The template.
    Template,
    /// What the guest is, and how much it gets.
    Guest,
    /// The virtual CPU.
    Cpu,
    /// Host CPUs of the threads.
    Pinning,
    /// Memory beside its amount.
    Memory,
    /// Firmware beside its kind.
    Firmware,
    /// What is booted.
    Boot,
    /// The storage pool.
    Pool,
    /// A disk, and the installation medium.
    Disk,
    /// How a disk is served.
    Served,
    /// A network interface.
    Network,
    /// A host PCI device.
    Pci,
    /// A graphical console.
    Console,
    /// What few VMs need, first of all.
    Extras,
    /// Emulated devices, and devices of the host that are not PCI functions.
    Devices,
    /// What the guest reads of its maker.
    Identity,
    /// First-boot configuration.
    CloudInit,
    /// What belongs nowhere else.
    Besides,
}

impl FieldGroup {
    /// The heading in a form; empty for what comes first.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Template
            | Self::Guest
            | Self::Pool
            | Self::Disk
            | Self::Network
            | Self::Pci
            | Self::Console
            | Self::Extras => "",
            Self::Cpu => "CPU",
            Self::Pinning => "Pinning",
            Self::Memory => "Memory",
            Self::Firmware => "Firmware",
            Self::Boot => "Boot",
            Self::Served => "Served",
            Self::Devices => "Devices",
            Self::Identity => "Identity",
            Self::CloudInit => "Cloud-init",
            Self::Besides => "Besides",
        }
    }
}

impl SpecField {
    /// True where `place` is this field, whichever the rows are; a row counts as its list.
    fn is_at(&self, place: &[Segment]) -> bool {
        let Some(Segment::Key(first)) = place.first() else { return false };
        if !self.path.starts_with(first.as_str()) {
            return false;
        }
        let place = if let [list @ .., Segment::Index(_)] = place { list } else { place };
        let mut names = self.names();
        let same = |segment: &Segment, name| match segment {
            Segment::Key(key) => key == name,
            Segment::Index(_) => name == ROW,
        };
        place.iter().all(|segment| names.next().is_some_and(|name| same(segment, name))) && names.next().is_none()
    }

    /// The names on its path, outermost first, with [`ROW`] for the rows of a list.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let mut rest = self.path;
        std::iter::from_fn(move || {
            let path = rest.strip_prefix('.').unwrap_or(rest);
            let name;
            (name, rest) = match path.strip_prefix(ROW) {
                Some(after) => (ROW, after),
                None => path.split_at(path.find(['.', '[']).unwrap_or(path.len())),
            };
            (!name.is_empty()).then_some(name)
        })
    }

    /// The sentence that says what holds where it is absent.
    pub fn absent(&self) -> Option<String> {
        match self.default.strip_prefix("required") {
            _ if self.default.is_empty() => None,
            Some(when) => Some(format!("Required{when}.")),
            None => Some(format!("Default: {}.", self.default)),
        }
    }

    /// Its place in the rows of these numbers, the outermost list first; `None` where it is in more lists than there are
    /// numbers.
    pub fn place(&self, rows: impl IntoIterator<Item = usize>) -> Option<Place> {
        let mut rows = rows.into_iter();
        self.names().try_fold(Place::root(), |place, name| {
            Some(if name == ROW { place.index(rows.next()?) } else { place.key(name) })
        })
    }
}

/// What stands for any row in a path.
pub const ROW: &str = "[]";

/// The field at `place`, where a row counts as its list; `None` for the whole spec and for what is not a field.
pub fn at(place: &Place) -> Option<&'static SpecField> {
    FIELDS.iter().find(|field| field.is_at(&place.0))
}

/// The field at `place`, or the nearest one around it; `None` for the whole spec.
pub fn around(place: &Place) -> Option<&'static SpecField> {
    let above = (0..=place.0.len()).rev().filter_map(|depth| place.0.get(..depth));
    above.into_iter().find_map(|place| FIELDS.iter().find(|field| field.is_at(place)))
}

/// The grammar of the field at `place`: any text where there is none.
pub fn grammar(place: &Place) -> Grammar {
    at(place).map_or(Grammar::Text, |field| field.grammar)
}

/// Where `place` is in the order of the document, by the field at the top level that it is in, or by the part of `storage`,
/// which is a pool, a medium and a list of disks under one name; then by its row. The whole spec comes first.
pub fn rank(place: &Place) -> (usize, usize) {
    let depth = match place.0.as_slice() {
        [Segment::Key(first), Segment::Key(_), ..] if first == "storage" => 2,
        _ => 1,
    };
    let part = place.0.get(..depth).and_then(|part| FIELDS.iter().position(|field| field.is_at(part)));
    (part.map_or(0, |position| position + 1), place.row_index().map_or(0, |row| row + 1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeMap;

    fn at(text: &str) -> Place {
        text.parse().unwrap()
    }

    #[test]
    fn a_field_is_found_in_any_row() {
        let path = |text: &str| super::at(&at(text)).map(|field| field.path);
        assert_eq!(path("storage.disks[3].size"), Some("storage.disks[].size"));
        assert_eq!(path("storage.disks[3]"), Some("storage.disks"));
        assert_eq!(path("cpu.pinning.vcpus[2]"), Some("cpu.pinning.vcpus"));
        assert_eq!(path("pci_devices[0].match.group[1].ids"), Some("pci_devices[].match.group[].ids"));
        for text in ["", "disks", "storage.disks.size", "metadata.memory", "[\"cpu.mode\"]"] {
            assert_eq!(path(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_within_a_field_belongs_to_it() {
        let path = |text: &str| around(&at(text)).map(|field| field.path);
        assert_eq!(path("metadata.memory"), Some("metadata"));
        assert_eq!(path("storage.disks[3].size"), Some("storage.disks[].size"));
        assert_eq!((path(""), path("size")), (None, None));
    }

    #[test]
    fn a_field_has_its_place_in_rows() {
        let ids = super::at(&at("pci_devices[0].match.group[0].ids")).unwrap();
        assert_eq!(ids.place([2, 1]).unwrap().to_string(), "pci_devices[2].match.group[1].ids");
        assert_eq!(ids.place([2]), None);
        for field in FIELDS {
            assert!(field.is_at(&field.place([7, 8]).unwrap().0), "{}", field.path);
        }
    }

    #[test]
    fn rows_come_in_order_and_the_whole_spec_first() {
        let places = [
            "",
            "memory",
            "storage",
            "storage.boot_iso",
            "storage.disks[2].size",
            "storage.disks[10].size",
            "os_type",
            "metadata.a",
        ];
        let ranks: Vec<_> = places.map(|place| rank(&at(place))).into();
        assert!(ranks.is_sorted(), "{ranks:?}");
        assert_eq!(
            rank(&at("storage.disks[2].size")),
            rank(&at("storage.disks[2].path")),
            "the order of the checks stays"
        );
    }

    /// The fields that the JSON Schema names, with what it says of each.
    fn of_the_schema() -> BTreeMap<String, Value> {
        let schema = crate::spec::schema();
        let mut found = BTreeMap::new();
        walk(&schema, &schema, "", &mut found);
        found
    }

    /// A node with its reference and its alternatives followed.
    fn meant<'a>(schema: &'a Value, node: &'a Value) -> Vec<&'a Value> {
        if let Some(target) = node["$ref"].as_str() {
            return meant(schema, schema.pointer(target.trim_start_matches('#')).unwrap());
        }
        match node["anyOf"].as_array().or(node["oneOf"].as_array()) {
            Some(kinds) => kinds.iter().flat_map(|kind| meant(schema, kind)).collect(),
            None => vec![node],
        }
    }

    fn walk(schema: &Value, node: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
        for node in meant(schema, node) {
            if let Some(items) = node.get("items") {
                walk(schema, items, &format!("{path}[]"), found);
            }
            for (key, member) in node["properties"].as_object().into_iter().flatten() {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(schema, member, &path, found);
                found.insert(path, Value::from(meant(schema, member).into_iter().cloned().collect::<Vec<_>>()));
            }
        }
    }

    #[test]
    fn the_table_has_the_fields_of_the_schema_and_no_others() {
        let schema = of_the_schema();
        let table: BTreeMap<&str, &SpecField> = FIELDS.iter().map(|field| (field.path, field)).collect();
        assert_eq!(table.len(), FIELDS.len(), "a field has two rows");
        let missing: Vec<&String> = schema.keys().filter(|path| !table.contains_key(path.as_str())).collect();
        assert!(missing.is_empty(), "without a row in src/spec/field/rows.rs: {missing:?}");
        let gone: Vec<&str> = table.into_keys().filter(|path| !schema.contains_key(*path)).collect();
        assert!(gone.is_empty(), "in src/spec/field/rows.rs, but not in the spec: {gone:?}");
    }

    #[test]
    fn a_grammar_reads_what_the_type_of_its_field_holds() {
        let schema = of_the_schema();
        for field in FIELDS {
            let kinds = schema[field.path].as_array().unwrap();
            let is = |kind: &str| kinds.iter().any(|node| node["type"] == kind || node["type"][0] == kind);
            let word = kinds.iter().any(|node| node.get("const").is_some());
            let fits = match field.grammar {
                Grammar::Switch => is("boolean"),
                Grammar::Count | Grammar::Whole | Grammar::Port => is("integer") && !is("string"),
                Grammar::Memory | Grammar::DiskSize | Grammar::CpuTime => is("integer") && is("string"),
                Grammar::Members => is("object") && kinds.iter().any(|node| node.get("properties").is_some()),
                Grammar::Pairs => is("object") && !kinds.iter().any(|node| node.get("properties").is_some()),
                grammar if grammar.is_list() => is("array"),
                Grammar::Word => word,
                _ => is("string") && !is("integer") && !word,
            };
            assert!(fits, "{} is not {:?}: {kinds:?}", field.path, field.grammar);
            assert!(field.grammar == Grammar::Members || !field.default.is_empty(), "{}: what if absent?", field.path);
        }
    }
}
