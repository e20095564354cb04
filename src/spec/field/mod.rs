//! The fields of a spec, one row each: where a field is in forms, how its text is read, where it goes in the domain XML.
//! Whatever treats fields by name reads this table; what a field means is said at its type, and the schema says both.

mod row;
mod rows;

pub use row::{FieldGroup, ROW, SpecField};
pub use rows::FIELDS;

use super::grammar::Grammar;
use super::place::{Place, Segment};
use crate::units::UnitError;
use std::sync::LazyLock;

/// The parts of each path with where the field is in [`FIELDS`], sorted: forms look up hundreds of fields for every key that
/// is pressed, and compare the parts of a place as they are.
static BY_PARTS: LazyLock<Vec<(Vec<&str>, usize)>> = LazyLock::new(|| {
    let mut sorted: Vec<_> = FIELDS.iter().enumerate().map(|(at, field)| (parts(field.path).collect(), at)).collect();
    sorted.sort_unstable();
    sorted
});

/// `storage.disks[].size` as `storage`, `disks`, `[]`, `size`.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').flat_map(|name| {
        let list = name.strip_suffix(ROW);
        [Some(list.unwrap_or(name)), list.map(|_| ROW)].into_iter().flatten()
    })
}

/// Where the field with these parts is in [`FIELDS`].
fn search(parts: &[&str]) -> Option<usize> {
    let found = BY_PARTS.binary_search_by(|(known, _)| known.as_slice().cmp(parts));
    BY_PARTS.get(found.ok()?).map(|(_, position)| *position)
}

/// The field at `place`, where a row counts as its list; `None` for the whole spec and for what is not a field.
pub fn at(place: &Place) -> Option<&'static SpecField> {
    FIELDS.get(position(&place.0)?)
}

/// The field whose path is `path`, such as `storage.disks[].size`.
pub fn named(path: &str) -> Option<&'static SpecField> {
    FIELDS.get(search(&parts(path).collect::<Vec<_>>())?)
}

/// The field at `place`, or the nearest one around it; `None` for the whole spec.
pub fn around(place: &Place) -> Option<&'static SpecField> {
    let above = (0..=place.0.len()).rev().filter_map(|depth| place.0.get(..depth));
    FIELDS.get(above.into_iter().find_map(position)?)
}

/// Where the field at `place` is in [`FIELDS`].
fn position(place: &[Segment]) -> Option<usize> {
    let place = if let [list @ .., Segment::Index(_)] = place { list } else { place };
    search(&place.iter().map(part).collect::<Vec<_>>())
}

fn part(segment: &Segment) -> &str {
    match segment {
        // The name that a user chose is not the sign for a row.
        Segment::Key(key) if key == ROW => "",
        Segment::Key(key) => key,
        Segment::Index(_) => ROW,
    }
}

/// The place of the field that makes `part` of the domain XML, such as `devices/disk/driver/@io`, in the row of the spec
/// that `near` is in; `None` where no field is written there as it is.
pub fn of_part(part: &str, near: Option<&Place>) -> Option<Place> {
    let row = near.map_or(&[][..], row);
    let numbers = row.iter().filter_map(|segment| match segment {
        Segment::Index(number) => Some(*number),
        Segment::Key(_) => None,
    });
    let fields = FIELDS.iter().filter(|field| field.xml.contains(&part));
    fields.filter_map(|field| field.place(numbers.clone())).find(|place| self::row(place) == row)
}

/// What a place has in common with the other fields of its row: all up to the number of the row.
fn row(place: &Place) -> &[Segment] {
    let number = place.0.iter().rposition(|segment| matches!(segment, Segment::Index(_)));
    number.and_then(|number| place.0.get(..=number)).unwrap_or_default()
}

/// The grammar of the field at `place`: any text where there is none.
pub fn grammar(place: &Place) -> Grammar {
    at(place).map_or(Grammar::Text, |field| field.grammar)
}

/// Whether `text` can be read as what the field at `place` holds. Any text can where there is no field.
pub(super) fn read(place: &Place, text: &str) -> Result<(), UnitError> {
    // A preset file may hold its spec below a description.
    let place = match place.0.as_slice() {
        [Segment::Key(first), spec @ ..] if first == "spec" => &Place(spec.to_vec()),
        _ => place,
    };
    grammar(place).check(text)
}

/// Where `place` is in the order of the document, by the field at the top level that it is in, or by the part of `storage`,
/// which is a pool, a medium and a list of disks under one name; then by its row. The whole spec comes first.
pub fn rank(place: &Place) -> (usize, usize) {
    let depth = match place.0.as_slice() {
        [Segment::Key(first), Segment::Key(_), ..] if first == "storage" => 2,
        _ => 1,
    };
    let part = place.0.get(..depth).and_then(position);
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
        for text in
            ["", "disks", "storage.disks.size", "metadata.memory", "[\"cpu.mode\"]", "storage.disks[\"[]\"].size"]
        {
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
            let found = super::at(&field.place([7, 8]).unwrap()).map(|found| found.path);
            assert_eq!(found, Some(field.path));
            assert_eq!(named(field.path).map(|found| found.path), Some(field.path));
        }
    }

    #[test]
    fn a_part_of_the_xml_is_of_the_field_in_its_row() {
        let of = |part: &str, near: &str| of_part(part, Some(&at(near))).map(|place| place.to_string());
        let cache = of("devices/disk/driver/@cache", "storage.disks[2].format");
        assert_eq!(cache.as_deref(), Some("storage.disks[2].cache"));
        assert_eq!(of("devices/graphics/@port", "graphics[1]").as_deref(), Some("graphics[1].port"));
        assert_eq!(of("devices/disk/driver/@cache", "storage.boot_iso"), None, "a medium is not a row of disks");
        assert_eq!(of("devices/disk/driver/@name", "storage.disks[2]"), None);
        assert_eq!(of_part("@type", None), Some(at("virt_type")));
        assert_eq!(of("os/type/@arch", "machine").as_deref(), Some("architecture"));
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

    #[test]
    fn fields_with_a_grammar_refuse_what_they_cannot_read() {
        for (place, good, bad) in [
            (Place::root().key("memory"), "2 GiB", "2 GBi"),
            (Place::root().key("cpu").key("limit"), "150 %", "much"),
            (Place::root().key("cpu").key("pinning").key("vcpus").index(0), "0-3,8", "0..3"),
            (Place::root().key("memory_backing").key("hugepages"), "auto", "2 MBi"),
            (Place::disk(1, "size"), "20", "20 GBi"),
            (Place::row("networks", 0, "mac"), "52:54:00:12:34:56", "52:54"),
            (Place::row("pci_devices", 0, "host_address"), "01:00.0", "01:00"),
            (Place::row("pci_devices", 0, "match").key("address"), "01:00.0", "01:00"),
            (Place::row("pci_devices", 0, "match").key("subsystem"), "1043:88e2", "1043"),
            (Place::row("pci_devices", 0, "match").key("group").index(1).key("ids"), "10de:2704", "nvidia"),
        ] {
            assert!(read(&place, good).is_ok() && read(&place, bad).is_err(), "{place}");
        }
        assert!(read(&Place::root().key("name"), "2 GBi").is_ok());
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
