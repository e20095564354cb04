//! Whether the engine has what the spec asks for. One check for all engines: it reads their tables.

use super::check::Check;
use super::note::{Notes, without};
use super::subject::Subject;
use super::text::text;
use crate::engine::Support;
use crate::spec::{Place, field};
use serde_json::Value;

pub(super) static CHECKS: &[&Check] = &[&ENGINE_FIELD];

static ENGINE_FIELD: Check = Check {
    code: "ENGINE-FIELD",
    title: "every field can be exported",
    explain: "The tool that the VM is exported to cannot express this field, so its value would be lost. Leave the field \
              out, or accept the loss with vmbuild export --accept-loss FIELD and add the value afterwards. A note names \
              fields that are expressed by raw text of that tool. libvirt carries every field.",
    run: Some(carried),
    ..Check::VM
};

fn carried(subject: &Subject, notes: &mut Notes) {
    let exceptions: Vec<_> = subject.coverage.exceptions().collect();
    if exceptions.is_empty() {
        return;
    }
    notes.looked();
    let spec = serde_json::to_value(subject.spec).unwrap_or_default();
    for (field, support) in exceptions {
        let segments: Vec<&str> = field.split('.').collect();
        for place in places(&spec, &segments, &Place::root()) {
            let because = |why: &'static str| text!("{field}: {why}", field = place.clone(), why);
            match support {
                Support::Carried => {}
                Support::Raw(why) => notes.info(place.clone(), because(why), ""),
                Support::Refused(why) => notes.blocker(place.clone(), because(why), without("leave it out")),
                Support::Lost(why) if subject.accepted.contains(&place) => {
                    notes.warning(
                        place.clone(),
                        text!("{field}: {why} (loss accepted)", field = place.clone(), why),
                        "",
                    );
                }
                Support::Lost(why) => {
                    let fix =
                        text!("leave it out, or accept its loss with --accept-loss {field}", field = place.clone());
                    notes.blocker(place.clone(), because(why), without(fix));
                }
            }
        }
    }
}

/// The places of a spec that a path with `[]` leads to, where something is set.
fn places(value: &Value, path: &[&str], at: &Place) -> Vec<Place> {
    let Some((first, rest)) = path.split_first() else {
        return if is_set(value) || makes_by_itself(value, at) { vec![at.clone()] } else { Vec::new() };
    };
    let (key, is_list) = first.strip_suffix("[]").map_or((*first, false), |key| (key, true));
    let (Some(value), at) = (value.get(key), at.clone().key(key)) else { return Vec::new() };
    let rows = value.as_array().filter(|_| is_list);
    match rows {
        Some(rows) => {
            rows.iter().enumerate().flat_map(|(row, value)| places(value, rest, &at.clone().index(row))).collect()
        }
        None => places(value, rest, &at),
    }
}

/// True for an object that makes a device although nothing is set in it, such as an empty `cloud_init`.
fn makes_by_itself(value: &Value, at: &Place) -> bool {
    let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
    is_empty && field::at(at).is_some_and(|field| !field.xml.is_empty())
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(members) => members.values().any(is_set),
        Value::Array(rows) => !rows.is_empty(),
        _ => true,
    }
}
