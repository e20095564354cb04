//! Facts of hosts are kept in a form that the program reads completely: a member that it ignores would be a fact that no test
//! sees. `UPDATE_GOLDEN=1 cargo test --test it fixtures` writes those in an older form again.

use crate::support::cases::{read, root};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::{env, fs};
use vmbuild::facts::Facts;

/// Every file of facts of the golden cases.
fn files() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("facts")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = folder.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}

/// The parts that `kept` has, as the program writes them today, in the order of the file.
fn written_again(kept: &Map<String, Value>) -> Map<String, Value> {
    let mut parts = kept.clone();
    let like = parts.shift_remove("like");
    let facts: Facts = serde_json::from_value(Value::Object(parts.clone())).unwrap();
    let now = serde_json::to_value(facts).unwrap();
    let now = parts.keys().map(|part| (part.clone(), now[part].clone()));
    like.into_iter().map(|like| ("like".to_owned(), like)).chain(now).collect()
}

/// As the files are indented: by one space.
fn text(parts: &Map<String, Value>) -> String {
    let mut text = Vec::new();
    parts.serialize(&mut Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b" "))).unwrap();
    String::from_utf8(text).unwrap() + "\n"
}

/// True where everything in `kept` is in `now`, which may have more: members that files leave out have their default.
fn within(kept: &Value, now: &Value) -> bool {
    match (kept, now) {
        (Value::Object(kept), Value::Object(now)) => {
            kept.iter().all(|(name, value)| now.get(name).is_some_and(|now| within(value, now)))
        }
        (Value::Array(kept), Value::Array(now)) => {
            kept.len() == now.len() && kept.iter().zip(now).all(|(kept, now)| within(kept, now))
        }
        _ => kept == now,
    }
}

#[test]
fn facts_have_no_member_that_the_program_ignores() {
    let files = files();
    assert!(files.len() >= 16, "{files:?}");
    for path in files {
        let kept: Map<String, Value> = serde_json::from_str(&read(&path)).unwrap();
        let now = written_again(&kept);
        let whole = kept.iter().all(|(part, value)| within(value, &now[part]));
        if !whole && env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
            fs::write(&path, text(&now)).unwrap();
            continue;
        }
        assert!(whole, "{} is in an older form; UPDATE_GOLDEN=1 writes it again", path.display());
    }
}

#[test]
fn a_member_that_is_ignored_is_noticed() {
    let kept = serde_json::json!({"memory": {"known": {"total": 1, "swap": 2}}, "nodes": [1, 2]});
    let mut now = kept.clone();
    now["memory"]["known"]["free"] = 3.into();
    assert!(within(&kept, &now) && !within(&now, &kept));
    now["nodes"] = serde_json::json!([1]);
    assert!(!within(&kept, &now));
}
