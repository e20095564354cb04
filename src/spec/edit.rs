//! Reading and writing one field of a spec by its place, for forms that know fields only by name.
//!
//! Both go through serde, so that a new field of the spec is editable without a line here.

use super::{Place, Segment, Spec, nulls, suggest::quoted};
use serde_json::{Map, Value};

/// Why a field was not set. The spec is then as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Rows are set or appended, never left out.
    #[error("{place}: there are {rows} rows, the next one is number {rows}")]
    NoRow {
        /// The row asked for.
        place: Place,
        /// How many there are.
        rows: usize,
    },
    /// The path goes through a value that has no members.
    #[error("{place}: {found} has no fields")]
    NoMembers {
        /// The value.
        place: Place,
        /// What it is.
        found: String,
    },
    /// The spec has no such field, or the value does not fit it.
    #[error("{place}: {message}")]
    Refused {
        /// The field.
        place: Place,
        /// What is wrong.
        message: String,
    },
}

/// The value at `place`: `None` where nothing is set there.
pub fn get(spec: &Spec, place: &Place) -> Option<Value> {
    let mut value = serde_json::to_value(spec).ok()?;
    for segment in &place.0 {
        value = match (segment, value) {
            (Segment::Key(key), Value::Object(mut members)) => members.remove(key)?,
            (Segment::Index(row), Value::Array(mut rows)) if *row < rows.len() => rows.swap_remove(*row),
            _ => return None,
        };
    }
    Some(value).filter(|value| !value.is_null())
}

/// Makes `place` null: it is not set, whatever layers below set.
pub fn take_away(spec: &mut Spec, place: &Place) -> Result<(), EditError> {
    set(spec, place, None)?;
    if !nulls::covers(&spec.nulls, place) {
        spec.nulls.retain(|null| !null.within(place));
        spec.nulls.insert(place.clone());
    }
    Ok(())
}

/// Sets `place` to `value`, making what lies above it; a row just behind the last one is appended. `None` and `null`
/// remove the field or the row, and the objects above that are thereby empty; rows and lists stay, because an empty
/// list says "none" where no list says "the default".
pub fn set(spec: &mut Spec, place: &Place, value: Option<Value>) -> Result<(), EditError> {
    let refused = |message: String| EditError::Refused { place: place.clone(), message };
    let nulls = nulls::open(&spec.nulls, place);
    let mut tree = serde_json::to_value(&Spec { nulls, ..spec.clone() }).map_err(|error| refused(error.to_string()))?;
    match value.filter(|value| !value.is_null()) {
        Some(value) => *node(&mut tree, place)? = value,
        None => {
            remove(&mut tree, &place.0);
        }
    }
    // Through the parser, because its messages are made for users and serde alone would take lists for objects.
    *spec = super::parse(&tree.to_string()).map_err(|problems| {
        let first = problems.0.into_iter().next();
        refused(first.map(|p| [p.message, p.remedy].join(": ")).unwrap_or_default().trim_end_matches(": ").to_owned())
    })?;
    Ok(())
}

/// The node at `place`, made with everything above it where it is not there.
fn node<'a>(tree: &'a mut Value, place: &Place) -> Result<&'a mut Value, EditError> {
    let mut here = tree;
    for (depth, segment) in place.0.iter().enumerate() {
        let at = |depth: usize| Place(place.0.iter().take(depth).cloned().collect());
        if here.is_null() {
            *here = match segment {
                Segment::Key(_) => Value::Object(Map::new()),
                Segment::Index(_) => Value::Array(Vec::new()),
            };
        }
        here = match (segment, here) {
            (Segment::Key(key), Value::Object(members)) => members.entry(key.as_str()).or_insert(Value::Null),
            (Segment::Index(row), Value::Array(rows)) => {
                if *row == rows.len() {
                    rows.push(Value::Null);
                }
                let count = rows.len();
                rows.get_mut(*row).ok_or(EditError::NoRow { place: at(depth + 1), rows: count })?
            }
            (_, found) => {
                return Err(EditError::NoMembers { place: at(depth), found: quoted(&found.to_string()) });
            }
        };
    }
    Ok(here)
}

/// Removes what is at `path`; true where `tree` is an object that became empty by that.
fn remove(tree: &mut Value, path: &[Segment]) -> bool {
    match (path, tree) {
        ([Segment::Key(key)], Value::Object(members)) => members.shift_remove(key).is_some() && members.is_empty(),
        ([Segment::Key(key), rest @ ..], Value::Object(members)) => {
            let emptied = members.get_mut(key).is_some_and(|member| remove(member, rest));
            emptied && members.shift_remove(key).is_some() && members.is_empty()
        }
        ([Segment::Index(row)], Value::Array(rows)) => {
            if *row < rows.len() {
                rows.remove(*row);
            }
            false
        }
        ([Segment::Index(row), rest @ ..], Value::Array(rows)) => {
            if let Some(member) = rows.get_mut(*row) {
                remove(member, rest);
            }
            false
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::spec::{DiskAction, DiskSize};
    use proptest::prelude::*;
    use serde_json::json;

    fn spec(value: Value) -> Spec {
        serde_json::from_value(value).unwrap()
    }

    fn at(text: &str) -> Place {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_set_is_there_with_everything_above_it() {
        let mut spec = Spec::default();
        set(&mut spec, &at("storage.disks[0].size"), Some(json!("20 GiB"))).unwrap();
        set(&mut spec, &at("storage.disks[0].action"), Some(json!("create"))).unwrap();
        set(&mut spec, &at("storage.disks[1]"), Some(json!({"action": "attach"}))).unwrap();
        let disks = spec.storage.clone().unwrap().disks.unwrap();
        assert_eq!((disks[0].action, disks[1].action), (Some(DiskAction::Create), Some(DiskAction::Attach)));
        assert_eq!(disks[0].size, Some(DiskSize::Text("20 GiB".into())));
        assert_eq!(get(&spec, &at("storage.disks[1].action")), Some(json!("attach")));
        assert_eq!(get(&spec, &at("storage.disks[2]")), None);
        assert_eq!(get(&spec, &Place::root()), Some(serde_json::to_value(&spec).unwrap()));
    }

    #[test]
    fn removing_takes_empty_objects_along_but_neither_rows_nor_lists() {
        let mut vm = spec(json!({"storage": {"disks": [{"size": 1}, {"size": 2}]}, "cloud_init": {"user": "a"}}));
        set(&mut vm, &at("cloud_init.user"), None).unwrap();
        set(&mut vm, &at("storage.disks[0].size"), Some(Value::Null)).unwrap();
        assert_eq!(vm, spec(json!({"storage": {"disks": [{}, {"size": 2}]}})));
        set(&mut vm, &at("storage.disks[0]"), None).unwrap();
        assert_eq!(vm, spec(json!({"storage": {"disks": [{"size": 2}]}})));
        set(&mut vm, &at("storage.disks[0]"), None).unwrap();
        assert_eq!(vm, spec(json!({"storage": {"disks": []}})));
        set(&mut vm, &at("storage.disks"), None).unwrap();
        assert_eq!(vm, Spec::default());
        set(&mut vm, &at("networks[3].mac"), None).unwrap();
        assert_eq!(vm, Spec::default());
    }

    #[test]
    fn a_field_that_is_taken_away_is_null_until_it_is_set() {
        let mut vm = spec(json!({"uefi": true, "boot": null}));
        take_away(&mut vm, &at("uefi")).unwrap();
        assert_eq!(serde_json::to_value(&vm).unwrap(), json!({"uefi": null, "boot": null}));
        assert_eq!(get(&vm, &at("uefi")), None);
        set(&mut vm, &at("uefi"), Some(json!(false))).unwrap();
        set(&mut vm, &at("boot.menu"), Some(json!(true))).unwrap();
        let boot = json!({"menu": true, "kernel": null, "initrd": null, "args": null, "order": null});
        assert_eq!(serde_json::to_value(&vm).unwrap(), json!({"uefi": false, "boot": boot}));
        take_away(&mut vm, &at("boot")).unwrap();
        set(&mut vm, &at("boot"), None).unwrap();
        assert_eq!(vm, spec(json!({"uefi": false})));
    }

    #[test]
    fn keys_of_metadata_keep_their_order_when_one_goes() {
        let mut vm = spec(json!({"metadata": {"a": 1, "b": 2, "c.d": 3}}));
        set(&mut vm, &at("metadata.a"), None).unwrap();
        set(&mut vm, &at("metadata[\"c.d\"]"), Some(json!(4))).unwrap();
        assert_eq!(serde_json::to_string(&vm).unwrap(), r#"{"metadata":{"b":2,"c.d":4}}"#);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let mut vm = spec(json!({"vcpus": 2, "networks": []}));
        let before = vm.clone();
        for (place, value, want) in [
            ("vcpus", json!("two"), "vcpus: expected a whole number, found the text \"two\""),
            ("vcpus.x", json!(1), "vcpus: '2' has no fields"),
            ("networks[1].mac", json!("x"), "networks[1]: there are 0 rows, the next one is number 0"),
            ("memmory", json!(1), "memmory: unknown field `memmory`: did you mean `memory`?"),
            ("storage", json!(["default"]), "storage: expected an object, found a list"),
        ] {
            let error = set(&mut vm, &at(place), Some(value)).unwrap_err().to_string();
            assert_eq!(error, want);
            assert_eq!(vm, before);
        }
        assert!(set(&mut vm, &Place::root(), Some(json!(["name"]))).is_err());
    }

    proptest! {
        #[test]
        fn set_then_get_is_the_value_and_set_back_is_the_spec(
            row in 0usize..3,
            (field, value) in prop_oneof![
                any::<u64>().prop_map(|n| ("size", json!(n))),
                "\\PC{0,8}".prop_map(|t| ("path", json!(t))),
                any::<bool>().prop_map(|b| ("readonly", json!(b))),
            ],
        ) {
            let before = spec(json!({"name": "x", "storage": {"disks": [{"size": 1}, {"size": 2, "path": "a"}]}}));
            let mut vm = before.clone();
            let place = Place::disk(row, field);
            let old = get(&vm, &place);
            set(&mut vm, &place, Some(value.clone())).unwrap();
            prop_assert_eq!(get(&vm, &place), Some(value));
            set(&mut vm, &place, old).unwrap();
            if row == 2 {
                set(&mut vm, &Place(place.0[..3].to_vec()), None).unwrap();
            }
            prop_assert_eq!(vm, before);
        }
    }
}
