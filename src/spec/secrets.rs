//! A spec as it may be written down: without the fields whose values may be secrets.

use super::Spec;
use super::field::FIELDS;
use serde_json::Value;

/// The spec without its secrets, and the paths of the fields that were left out. Custom XML with a
/// password is not built at all.
pub fn without_secrets(spec: &Spec) -> (Spec, Vec<String>) {
    let mut value = serde_json::to_value(spec).unwrap_or_default();
    let mut left_out = Vec::new();
    for field in FIELDS.iter().filter(|field| field.secret) {
        if remove(&mut value, field.path) {
            left_out.push(field.path.to_owned());
        }
    }
    (serde_json::from_value(value).unwrap_or_default(), left_out)
}

/// Takes the value at `path` out; true where there was one.
fn remove(value: &mut Value, path: &str) -> bool {
    match path.split_once('.') {
        Some((first, rest)) => value.get_mut(first).is_some_and(|inner| remove(inner, rest)),
        None => value.as_object_mut().is_some_and(|object| object.shift_remove(path).is_some_and(|old| !old.is_null())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn every_secret_field_is_left_out_and_named() {
        let secret = json!({"name": "a", "cloud_init": {
            "user": "ops", "user_data": "S3", "meta_data": "S3", "network_config": "S3", "runcmd": ["S3"],
            "password_hash": "S3",
        }});
        let (bare, left_out) = without_secrets(&serde_json::from_value(secret).unwrap());
        let text = serde_json::to_string(&bare).unwrap();
        assert!(!text.contains("S3") && text.contains("ops"), "{text}");
        assert_eq!(left_out.len(), FIELDS.iter().filter(|field| field.secret).count(), "{left_out:?}");
    }

    #[test]
    fn no_secret_field_is_in_a_list() {
        assert!(FIELDS.iter().filter(|field| field.secret).all(|field| !field.path.contains('[')));
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        let spec: Spec = serde_json::from_value(json!({"name": "a", "custom_xml": "<domain/>"})).unwrap();
        assert_eq!(without_secrets(&spec), (spec, Vec::new()));
    }
}
