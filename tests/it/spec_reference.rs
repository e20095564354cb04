//! `docs/spec.md`, the reference of the spec, written from the table of fields, the doc comments that the JSON Schema
//! carries, and the table of what each libvirt supports. `UPDATE_GOLDEN=1 cargo test --test it spec_reference` writes it.

use crate::versions::Table;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::{env, fs};
use vmbuild::facts::Version;
use vmbuild::spec::field::{FIELDS, ROW};
use vmbuild::spec::{Grammar, Spec, SpecField};

const INTRODUCTION: &str = "\
# Reference of the spec

Every field of a VM spec: its type, its default, its meaning, and the part of the domain XML that it makes. A spec is a
JSON object. Any field can be left out of the file; what a build needs is marked as required. Templates and presets are
specs, too. `vmbuild schema` prints the same as a JSON Schema for editors. This file is written by `UPDATE_GOLDEN=1 cargo
test --test it spec_reference`; a test compares it with the program.

A part of the domain XML is written as a path: `devices/disk/driver/@io` is the attribute `io` of the element `driver`,
`@type=nvme` an attribute with this value. A number in brackets is the libvirt version that introduced the part, or one
of its values; parts without a number are older than libvirt 6.0. A field without a part acts through other fields, on
volumes, or on the seed disk.
";

#[test]
fn the_reference_is_that_of_the_program() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/spec.md");
    let now = reference();
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        return fs::write(path, now).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    let diff = similar::TextDiff::from_lines(&kept, &now);
    assert!(kept == now, "docs/spec.md is stale; UPDATE_GOLDEN=1 writes it:\n{}", diff.unified_diff());
    let rows = now.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 4);
    assert_eq!(rows.count(), FIELDS.len(), "a field has no line");
}

fn reference() -> String {
    // Without the sentences about absence that `vmbuild schema` adds: they have a column.
    let schema = schemars::schema_for!(Spec).to_value();
    let mut out = INTRODUCTION.to_owned();
    out += "\n## Types\n\n| type | how it is written |\n|---|---|\n";
    let mut types: Vec<Grammar> = FIELDS.iter().map(|field| field.grammar).collect();
    types.sort();
    types.dedup();
    for (name, how) in types.into_iter().map(Grammar::described) {
        writeln!(out, "| {name} | {how} |").unwrap();
    }
    let mut objects = vec![""];
    objects.extend(FIELDS.iter().filter(|field| has_members(field)).map(|field| field.path));
    for object in objects {
        section(object, &schema, &mut out);
    }
    out
}

/// True where other fields are within this one.
fn has_members(field: &SpecField) -> bool {
    FIELDS.iter().any(|other| split(other.path).0.trim_end_matches(ROW) == field.path)
}

/// The object that a field is in, empty for the whole spec, and the field's own name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// The table of the fields of one object, and the words that they take.
fn section(object: &str, schema: &Value, out: &mut String) {
    let title = if object.is_empty() { "Top level".to_owned() } else { format!("`{object}`") };
    write!(out, "\n## {title}\n\n").unwrap();
    if let Some(field) = FIELDS.iter().find(|field| field.path == object) {
        let rows = if field.grammar.is_list() { " Each row has these fields:" } else { "" };
        write!(out, "{}{rows}\n\n", description(node(schema, object))).unwrap();
    }
    *out += "| field | type | if absent | meaning | domain XML |\n|---|---|---|---|---|\n";
    let since = Table::read();
    let mut words = String::new();
    for field in FIELDS.iter().filter(|field| split(field.path).0.trim_end_matches(ROW) == object) {
        let (_, name) = split(field.path);
        let node = node(schema, field.path);
        let kind = if has_members(field) { link(field) } else { field.grammar.described().0.to_owned() };
        let secret = if field.secret { " May be a secret." } else { "" };
        let parts: Vec<String> = field.xml.iter().map(|part| part_of(part, &since)).collect();
        let (meaning, parts) = (description(node) + secret, parts.join("<br>"));
        writeln!(out, "| `{name}` | {kind} | {} | {meaning} | {parts} |", field.default).unwrap();
        for (word, meaning) in words_of(schema, node) {
            writeln!(words, "| `{name}` | `{word}` | {meaning} |").unwrap();
        }
    }
    if !words.is_empty() {
        write!(out, "\n| field | word | meaning |\n|---|---|---|\n{words}").unwrap();
    }
}

/// The type of a field that has a section of its own, leading there.
fn link(field: &SpecField) -> String {
    let slug: String = field.path.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    format!("[{}](#{slug})", field.grammar.described().0)
}

/// What the schema says of a node, on one line.
fn description(node: &Value) -> String {
    node["description"].as_str().unwrap().replace('\n', " ").replace('|', "\\|")
}

/// What a node is where it is not null, with its references followed.
fn meant<'a>(schema: &'a Value, node: &'a Value) -> &'a Value {
    if let Some(target) = node["$ref"].as_str() {
        return meant(schema, schema.pointer(target.trim_start_matches('#')).unwrap());
    }
    let kinds = node["anyOf"].as_array().into_iter().flatten();
    kinds.into_iter().find(|kind| kind["type"] != "null").map_or(node, |kind| meant(schema, kind))
}

/// The node of the field at `path`.
fn node<'a>(schema: &'a Value, path: &str) -> &'a Value {
    let field = FIELDS.iter().find(|field| field.path == path).unwrap();
    field.names().fold(schema, |node, name| {
        let node = meant(schema, node);
        if name == ROW { &node["items"] } else { &node["properties"][name] }
    })
}

/// The words that a field takes, or the texts of its list, with their meaning.
fn words_of(schema: &Value, node: &Value) -> Vec<(String, String)> {
    let node = meant(schema, node);
    let node = if node["items"].is_null() { node } else { meant(schema, &node["items"]) };
    let words = node["oneOf"].as_array().into_iter().flatten();
    let word = |word: &Value| Some((word["const"].as_str()?.to_owned(), description(word)));
    words.filter_map(word).collect()
}

/// A part of the XML, with the libvirt that it, or one of its values or kinds, needs.
fn part_of(part: &str, since: &Table) -> String {
    let found = since.of_part(part);
    assert!(!found.is_empty() || part.starts_with("metadata/"), "{part} is not in since.txt");
    let all_same = found.iter().all(|(_, version)| *version == found[0].1);
    let named = |(value, Version { major, minor, .. }): &(String, Version)| match value.as_str() {
        _ if *major < 6 => None,
        value if value.is_empty() || all_same => Some(format!("{major}.{minor}")),
        value => Some(format!("{value} {major}.{minor}")),
    };
    let needs: BTreeSet<String> = found.iter().filter_map(named).collect();
    let needs = needs.into_iter().collect::<Vec<_>>().join(", ");
    if needs.is_empty() { format!("`{part}`") } else { format!("`{part}` ({needs})") }
}
