//! Text to spec: all problems at once, each with place, line, column and the way out.

use super::problem::Problems;
use super::{Spec, syntax, walk};
use jsonc_parser::ast;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::HashSet;

/// Reads a spec. Unknown fields, wrong types, unknown words, numbers out of range and fields given twice are all
/// reported together; broken JSON is one problem. A byte order mark in front is ignored, `null` is the same as absent.
pub fn parse(text: &str) -> Result<Spec, Problems> {
    parse_as(text)
}

/// Reads any of our JSON files with the same care. Serde alone would take lists for objects and the last of two equal
/// keys of `metadata`, and would stop at the first problem.
pub fn parse_as<T: DeserializeOwned + Serialize + JsonSchema>(text: &str) -> Result<T, Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let tree = syntax::tree(text).map_err(|problem| Problems(vec![problem]))?;
    let read = serde_json::from_str::<T>(text);
    if let Ok(value) = &read
        && serde_json::to_value(value).is_ok_and(|back| says_the_same(&tree, &back))
    {
        // What was read says all that was written, so there is nothing to look for.
        return read.map_err(|error| Problems(vec![syntax::residual(text, &error)]));
    }
    let mut problems = walk::problems(text, &tree, &schemars::schema_for!(T).to_value());
    match read {
        Ok(value) if problems.is_empty() => Ok(value),
        Err(error) if problems.is_empty() => Err(Problems(vec![syntax::residual(text, &error)])),
        _ => {
            problems.sort_by_key(|problem| (problem.line, problem.column));
            Err(Problems(problems))
        }
    }
}

/// True where `back` holds everything that `tree` says, `null` in an object being the same as absent.
fn says_the_same(tree: &ast::Value<'_>, back: &Value) -> bool {
    match (tree, back) {
        (ast::Value::Object(object), Value::Object(members)) => {
            let mut names = HashSet::new();
            object.properties.iter().all(|property| {
                let name = property.name.as_str();
                names.insert(name)
                    && match members.get(name) {
                        Some(member) => says_the_same(&property.value, member),
                        None => matches!(property.value, ast::Value::NullKeyword(_)),
                    }
            })
        }
        (ast::Value::Array(array), Value::Array(rows)) => {
            array.elements.len() == rows.len() && array.elements.iter().zip(rows).all(|(e, row)| says_the_same(e, row))
        }
        (ast::Value::StringLit(text), Value::String(back)) => text.value == back.as_str(),
        (ast::Value::NumberLit(number), Value::Number(back)) => {
            number.value.parse().is_ok_and(|n: serde_json::Number| n == *back)
        }
        (ast::Value::BooleanLit(flag), Value::Bool(back)) => flag.value == *back,
        (ast::Value::NullKeyword(_), Value::Null) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn problems(text: &str) -> Vec<String> {
        parse(text).unwrap_err().0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_problems_are_told_at_once_in_the_order_of_the_text() {
        let text = r#"{
  "memmory": 2048,
  "vcpus": "two",
  "storage": {
    "disks": [{"action": "creat", "size": -1, "readonly": "true"}, "vda"]
  },
  "networks": {"type": "bridge"},
  "graphics": [{"port": 70000}],
  "name": 5,
  "zzz": null
}"#;
        let want = [
            "2:3: unknown field `memmory`: did you mean `memory`?",
            "3:12: vcpus: expected a whole number, found the text \"two\"",
            "5:26: storage.disks[0].action: unknown value 'creat': did you mean \"create\"? Known are create, attach, clone",
            "5:43: storage.disks[0].size: expected a whole number from 0 up or a text, found the number -1",
            "5:59: storage.disks[0].readonly: expected true or false, found the text \"true\": remove the quotes",
            "5:68: storage.disks[1]: expected an object, found the text \"vda\"",
            "7:15: networks: expected a list, found an object: put it in brackets: [ ]",
            "8:25: graphics[0].port: expected a whole number from 0 to 65535, found the number 70000",
            "9:11: name: expected a text, found the number 5: put it in double quotes",
        ];
        let found = problems(text);
        assert_eq!(found[..9], want);
        assert!(
            found[9].starts_with("10:3: unknown field `zzz`: known fields: name, template, memory, vcpus, max_vcpus,")
        );
        assert_eq!(found.len(), 10);
    }

    #[test]
    fn a_wrong_type_does_not_hide_a_text_that_means_nothing() {
        let text = r#"{"memory": "2 GBi", "vcpus": "two", "storage": {"disks": [{"size": "20 GBi"}]}}"#;
        let found = problems(text);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("1:12: memory: '2 GBi': unknown unit 'GBi'"), "{found:?}");
        assert!(found[1].starts_with("1:30: vcpus: "), "{found:?}");
        assert!(found[2].starts_with("1:68: storage.disks[0].size: '20 GBi': "), "{found:?}");
        // Alone it is no matter of the parser: the check of its field says it.
        assert!(parse(r#"{"memory": "2 GBi", "name": null}"#).is_ok());
    }

    #[test]
    fn a_field_in_the_wrong_place_is_sent_to_the_right_one() {
        let found = problems(r#"{"boot_iso": "a", "disks": [], "size": 1, "ssh_keys": [], "storage": {"memory": 1}}"#);
        let ends = [
            "unknown field `boot_iso`: it belongs in `storage`",
            "unknown field `disks`: it belongs in `storage`",
            "unknown field `size`: it belongs in a row of `storage.disks`",
            "",
            "unknown field `memory`: it belongs to the top level",
        ];
        assert!(found.iter().zip(ends).all(|(found, end)| found.ends_with(end)), "{found:#?}");
        let found = problems(r#"{"cloud_init": {"ssh_keys": []}}"#);
        assert!(found[0].ends_with("did you mean `ssh_authorized_keys`?"), "{found:?}");
    }

    #[test]
    fn fields_given_twice_are_found_wherever_they_are() {
        assert_eq!(problems(r#"{"name": "a", "name": "b"}"#), ["1:15: name: given twice: keep one of them"]);
        assert_eq!(
            problems(r#"{"metadata": {"a.b": {"x": 1, "x": 1}}}"#),
            ["1:31: metadata[\"a.b\"].x: given twice: keep one of them"]
        );
    }

    #[test]
    fn lists_are_no_objects_though_serde_takes_them() {
        assert_eq!(problems(r#"["vm"]"#), ["1:1: expected an object, found a list"]);
        assert_eq!(problems(r#"{"storage": ["p"]}"#), ["1:13: storage: expected an object, found a list"]);
    }

    #[test]
    fn a_number_that_is_no_whole_number_says_how_to_write_it() {
        let want = "1:11: vcpus: expected a whole number, found the number 2.0: \
                    write it without fraction and exponent";
        assert_eq!(problems(r#"{"vcpus": 2.0}"#), [want]);
        assert_eq!(problems(r#"{"vcpus": "4"}"#).len(), 1);
        assert!(problems(r#"{"vcpus": "4"}"#)[0].ends_with("remove the quotes"));
    }

    #[test]
    fn null_is_the_same_as_absent_and_a_byte_order_mark_is_ignored() {
        assert_eq!(parse("\u{feff}{\"name\": null, \"storage\": {\"disks\": null}}").unwrap().name, None);
        assert_eq!(problems(r#"{"networks": [null]}"#), ["1:15: networks[0]: expected an object, found null"]);
    }

    #[test]
    fn a_wrong_file_does_not_drown_the_user() {
        let list = vec!["1"; 5_000].join(",");
        let found = problems(&format!("{{\"networks\": [{list}]}}"));
        assert_eq!(found.len(), 101);
        assert!(
            found[100].ends_with("networks[100]: more than 100 problems: is this the right file?"),
            "{}",
            found[100]
        );
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let deep = format!("{{\"metadata\": {{\"a\": {}{}}}}}", "[".repeat(200), "]".repeat(200));
        assert!(problems(&deep)[0].contains("nested deeper than 127 levels"));
        assert!(problems(&"[".repeat(100_000))[0].contains("nested deeper than 127 levels"));
    }

    /// JSON that often hits the names and types of the spec.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "create|qcow2|\\PC{0,6}".prop_map(Value::from),
        ];
        let names = "name|memory|vcpus|storage|disks|size|metadata|networks|type|graphics|port|\\PC{0,3}";
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((names, inner), 0..4).prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC*|[\\[\\]{}:,\"\\\\a-z0-9 \n\t.eE+-]*") {
            let _ = parse(&text);
        }

        #[test]
        fn any_json_is_read_whole_or_refused_with_a_place(value in json()) {
            let text = serde_json::to_string_pretty(&value).unwrap();
            match parse(&text) {
                Ok(spec) => prop_assert_eq!(parse(&serde_json::to_string(&spec).unwrap()), Ok(spec)),
                Err(Problems(list)) => {
                    prop_assert!(!list.is_empty());
                    let lines = text.lines().count();
                    prop_assert!(list.iter().all(|p| (1..=lines).contains(&p.line) && p.column >= 1));
                    prop_assert!(list.iter().all(|p| !p.message.is_empty()));
                }
            }
        }

        #[test]
        fn the_walk_and_serde_agree_on_what_fits(value in json()) {
            // Serde is laxer about lists for objects only, and the walk never lets pass what serde refuses.
            let text = value.to_string();
            let tree = syntax::tree(&text).unwrap();
            let found = walk::problems(&text, &tree, &schemars::schema_for!(Spec).to_value());
            if found.is_empty() {
                prop_assert!(serde_json::from_str::<Spec>(&text).is_ok(), "{}", text);
            } else {
                let lax = text.contains('[') || serde_json::from_str::<Spec>(&text).is_err();
                prop_assert!(lax, "{} {:?}", text, found);
            }
        }
    }
}
