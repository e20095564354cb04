//! Members of a spec that are `null`: in a layer these take away what the layers below set. They are kept beside the fields,
//! and read and written with them. Never about what is within a row of a list, or within a value of the metadata.

use super::field::{self, FIELDS};
use super::{Grammar, Place, Segment};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Takes the nulls out of the JSON of a spec: their places. An object that had nothing else goes along; a field that does not
/// exist stays, for whoever reads the rest to refuse it.
pub(super) fn take(tree: &mut Value) -> BTreeSet<Place> {
    let mut found = BTreeSet::new();
    if let Value::Object(members) = tree {
        take_members(members, &Place::root(), &mut found);
    }
    found
}

fn take_members(members: &mut Map<String, Value>, place: &Place, found: &mut BTreeSet<Place>) {
    let keys = holds_keys(place);
    members.retain(|key, value| {
        let inner = || place.clone().key(key);
        match value {
            Value::Null if keys || field::at(&inner()).is_some() => {
                found.insert(inner());
                false
            }
            Value::Object(members) if !keys && !members.is_empty() => {
                let inner = inner();
                if has_members(&inner) || holds_keys(&inner) {
                    take_members(members, &inner, found);
                }
                !members.is_empty()
            }
            _ => true,
        }
    });
}

/// Writes the nulls at these places into the JSON of a spec, with the objects that they are in.
pub(super) fn put(tree: &mut Value, nulls: &BTreeSet<Place>) {
    for place in nulls {
        let mut here = &mut *tree;
        for segment in &place.0 {
            let (Segment::Key(key), Some(members)) = (segment, object(here)) else { break };
            here = members.entry(key.as_str()).or_insert(Value::Null);
        }
    }
}

/// The members of `value`, which becomes an object where it is null.
fn object(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// The nulls of two layers merged: those of `over`, and those of `base` that nothing in `over` takes the place of. `tree` is
/// the JSON of `over`.
pub(super) fn merged(base: &BTreeSet<Place>, over: &BTreeSet<Place>, tree: &Value) -> BTreeSet<Place> {
    let mut nulls = over.clone();
    for place in base.iter().filter(|place| !covers(over, place)) {
        match value_at(tree, place) {
            // An object within an object replaces the one below as a whole.
            None if is_in_whole(tree, place) => {}
            None => drop(nulls.insert(place.clone())),
            Some(value) => {
                nulls.extend(siblings(place, &Place::root()).filter(|_| value.is_object() && place.0.len() == 1));
            }
        }
    }
    nulls.retain(|place| value_at(tree, place).is_none());
    nulls
}

/// `nulls` before the field at `place` is set: where an object around it is null, its other members are from now on.
pub(super) fn open(nulls: &BTreeSet<Place>, place: &Place) -> BTreeSet<Place> {
    let around = |null: &&Place| place.within(null);
    let kept = nulls.iter().filter(|null| !around(null)).cloned();
    kept.chain(nulls.iter().filter(around).flat_map(|null| siblings(null, place))).collect()
}

/// True where `place` or an object that it is in is one of `nulls`.
pub(super) fn covers(nulls: &BTreeSet<Place>, place: &Place) -> bool {
    nulls.iter().any(|null| place.within(null))
}

/// The fields that are members of the object at `place`, but for those that `but` is or is in.
fn siblings<'a>(place: &'a Place, but: &'a Place) -> impl Iterator<Item = Place> + 'a {
    let members = FIELDS
        .iter()
        .filter_map(|field| field.place([]))
        .filter(|member| member.0.len() == place.0.len() + 1 && member.within(place));
    members.filter(move |member| !but.within(member))
}

/// True where an object that is replaced as a whole, and that `place` is in, is set in `tree`.
fn is_in_whole(tree: &Value, place: &Place) -> bool {
    place.0.len() > 2 && value_at(tree, &Place(place.0.iter().take(2).cloned().collect())).is_some()
}

/// The value at `place`, where it is set.
fn value_at<'a>(tree: &'a Value, place: &Place) -> Option<&'a Value> {
    let found = place.0.iter().try_fold(tree, |value, segment| match segment {
        Segment::Key(key) => value.get(key),
        Segment::Index(index) => value.get(index),
    });
    found.filter(|value| !value.is_null())
}

/// True for an object of fields.
fn has_members(place: &Place) -> bool {
    field::at(place).is_some_and(|field| field.grammar == Grammar::Members)
}

/// True for an object whose keys are the user's own.
fn holds_keys(place: &Place) -> bool {
    field::at(place).is_some_and(|field| field.grammar == Grammar::Pairs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn places(all: &[&str]) -> BTreeSet<Place> {
        all.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn nulls_are_taken_out_and_put_back() {
        let whole = json!({
            "uefi": null, "vcpus": 2, "boot": {"kernel": null}, "cpu": {"mode": "maximum", "topology": {"threads": null}},
            "metadata": {"owner": null, "tier": {"a": null}}, "cloud_init": {},
            "networks": [{"mac": null}], "zzz": null,
        });
        let mut tree = whole.clone();
        let nulls = take(&mut tree);
        assert_eq!(nulls, places(&["uefi", "boot.kernel", "cpu.topology.threads", "metadata.owner"]));
        let rest = json!({
            "vcpus": 2, "cpu": {"mode": "maximum"}, "metadata": {"tier": {"a": null}}, "cloud_init": {},
            "networks": [{"mac": null}], "zzz": null,
        });
        assert_eq!(tree, rest);
        put(&mut tree, &nulls);
        assert_eq!(tree, whole);
    }

    #[test]
    fn a_member_that_is_set_again_leaves_the_others_away() {
        let nulls = open(&places(&["boot", "uefi"]), &"boot.kernel".parse().unwrap());
        assert_eq!(nulls, places(&["uefi", "boot.initrd", "boot.args", "boot.order", "boot.menu"]));
        let tree = json!({"boot": {"kernel": "/k"}, "uefi": true});
        let nulls = merged(&places(&["boot", "uefi", "vcpus"]), &places(&["memory"]), &tree);
        assert_eq!(nulls, places(&["memory", "vcpus", "boot.initrd", "boot.args", "boot.order", "boot.menu"]));
    }
}
