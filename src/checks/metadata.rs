//! Checks of the free metadata of a VM.

use super::text::text;
use super::wording::field;
use super::{Check, Notes, Subject};
use serde_json::Value;

pub(super) static CHECKS: &[&Check] = &[&METADATA_VALUE, &METADATA_SECRET];

static METADATA_VALUE: Check = Check {
    code: "METADATA-VALUE",
    title: "metadata keys have plain values",
    explain: "metadata holds key-value pairs that are stored with the domain: texts, numbers, true and false. A list \
              or an object is stored as JSON, which other programs that read the domain may not expect. A key must not \
              be blank.",
    run: Some(value),
    ..Check::VM
};

static METADATA_SECRET: Check = Check {
    code: "METADATA-SECRET",
    title: "metadata contains no secrets",
    explain: "Everyone who may read the domain can read its metadata, including over a read-only connection and in \
              backups. The name of this key suggests that its value is a secret. Store it elsewhere.",
    run: Some(secret),
    ..Check::VM
};

fn value(subject: &Subject, notes: &mut Notes) {
    for (key, value) in subject.spec.metadata.iter().flatten() {
        notes.looked();
        let place = field("metadata").key(key);
        let kind = match value {
            Value::Null => Some("null"),
            Value::Array(_) => Some("a list"),
            Value::Object(_) => Some("an object"),
            Value::String(_) | Value::Number(_) | Value::Bool(_) => None,
        };
        if key.trim().is_empty() {
            notes.blocker(
                place,
                text!("metadata: {key} is not a key", key = format!("{key:?}")),
                "use letters, digits, dots and dashes",
            );
        } else if let Some(kind) = kind {
            let message = text!("metadata: the value of '{key}' is {kind}, which is stored as JSON", key, kind);
            notes.warning(place, message, "write a text, a number, true or false if other programs read it");
        }
    }
}

const SECRETS: [&str; 8] =
    ["password", "passwd", "passphrase", "secret", "token", "credential", "api_key", "private_key"];

fn secret(subject: &Subject, notes: &mut Notes) {
    for (key, value) in subject.spec.metadata.iter().flatten() {
        notes.looked();
        let name = key.to_lowercase().replace(['-', ' ', '.'], "_");
        let named = SECRETS.iter().any(|word| name.contains(word)) || name.ends_with("apikey");
        if named && !value.is_boolean() {
            let message =
                text!("metadata: '{key}' looks like a secret, and everyone who may read the domain can read it", key);
            notes.warning(field("metadata").key(key), message, "do not store secrets in metadata");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::{Value, json};

    fn metadata(fields: Value) -> Asked {
        Asked::set("metadata", fields)
    }

    #[test]
    fn values_are_plain() {
        let want = "metadata: the value of 'tags' is a list, which is stored as JSON";
        metadata(json!({"tags": ["a"]})).warns("METADATA-VALUE", "metadata.tags", want);
        metadata(json!({" ": "x"})).said("METADATA-VALUE").blocker();
        metadata(json!({"owner": "joe & co", "rack": 3, "test": true})).passes("METADATA-VALUE");
        Asked::good().quiet("METADATA-VALUE");
    }

    #[test]
    fn what_is_called_a_secret_is_pointed_out_and_not_repeated() {
        let said = metadata(json!({"db-Password": "hunter2"})).said("METADATA-SECRET").warning();
        assert!(!said.message.contains("hunter2"));
        metadata(json!({"has_token": true, "keyboard": "de"})).passes("METADATA-SECRET");
    }
}
