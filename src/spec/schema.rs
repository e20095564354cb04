//! The JSON Schema of a spec, made from the types themselves.

use super::Spec;
use super::field::{FIELDS, ROW, SpecField};
use serde_json::Value;

/// The schema, draft 2020-12, for editors and other programs. It describes partial specs too, so nothing is `required`;
/// the descriptions say what a build needs.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Spec).to_value();
    if let Some(title) = schema.get_mut("title") {
        *title = Value::from("VM spec of vmbuild");
    }
    for field in FIELDS {
        let described = pointer(&schema, field).and_then(|at| schema.pointer_mut(&at)?.get_mut("description"));
        if let (Some(Value::String(text)), Some(absent)) = (described, field.absent()) {
            *text = format!("{text} {absent}");
        }
    }
    flow(&mut schema);
    schema
}

/// The JSON pointer of the node that describes `field`.
fn pointer(schema: &Value, field: &SpecField) -> Option<String> {
    field.names().try_fold(String::new(), |above, name| {
        let step = if name == ROW { "/items".to_owned() } else { format!("/properties/{name}") };
        let at = meant(schema, &above)? + &step;
        schema.pointer(&at).map(|_| at)
    })
}

/// The pointer of what the node at `pointer` refers to, or of what it is when it is not null.
fn meant(schema: &Value, pointer: &str) -> Option<String> {
    let node = schema.pointer(pointer)?;
    if let Some(target) = node.get("$ref").and_then(Value::as_str) {
        return meant(schema, target.trim_start_matches('#'));
    }
    let Some(kinds) = node.get("anyOf").and_then(Value::as_array) else { return Some(pointer.to_owned()) };
    let kind = kinds.iter().position(|kind| kind.get("type").and_then(Value::as_str) != Some("null"))?;
    meant(schema, &format!("{pointer}/anyOf/{kind}"))
}

/// Joins the lines of descriptions: they are broken for the source, not for the reader of a schema.
fn flow(node: &mut Value) {
    match node {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) if key == "description" => *text = text.replace('\n', " "),
                    member => flow(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(flow),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    /// All nodes below `node`.
    fn nodes(node: &Value) -> Vec<&Value> {
        let inner: Vec<&Value> = match node {
            Value::Object(members) => members.values().collect(),
            Value::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        };
        std::iter::once(node).chain(inner.into_iter().flat_map(nodes)).collect()
    }

    #[test]
    fn the_schema_is_closed_and_every_field_is_described() {
        let schema = schema();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["title"], "VM spec of vmbuild");
        let objects: Vec<&Value> = nodes(&schema).into_iter().filter(|node| node.get("properties").is_some()).collect();
        assert!(objects.len() >= 7);
        for object in objects {
            assert_eq!(object["additionalProperties"], false);
            assert!(object["properties"].as_object().unwrap().values().all(|field| field["description"].is_string()));
        }
        assert!(!schema.to_string().contains("\\n"));
    }

    #[test]
    fn what_holds_where_a_field_is_absent_is_said() {
        let schema = schema();
        for field in FIELDS {
            let at = pointer(&schema, field).unwrap_or_else(|| panic!("{}", field.path));
            let text = schema.pointer(&at).unwrap()["description"].as_str().unwrap();
            assert!(field.absent().is_none_or(|absent| text.ends_with(&absent)), "{}: {text}", field.path);
        }
    }

    #[test]
    fn what_the_contract_requires_is_said() {
        let schema = schema();
        for pointer in [
            "/properties/name",
            "/properties/memory",
            "/properties/vcpus",
            "/properties/storage",
            "/$defs/Storage/properties/default_pool",
            "/$defs/Storage/properties/disks",
            "/$defs/Disk/properties/action",
            "/$defs/Disk/properties/size",
            "/$defs/Disk/properties/path",
            "/$defs/Disk/properties/clone_from",
            "/$defs/PciDevice/properties/host_address",
        ] {
            let text = schema.pointer(pointer).and_then(|field| field["description"].as_str()).unwrap();
            assert!(text.to_lowercase().contains("required"), "{pointer}: {text}");
        }
    }
}
