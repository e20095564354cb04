//! What the kernel's files of the demo host would tell. In the record a fact is its value with the file that it would be
//! read from, `{"is": 512, "in": "/sys/..."}`; details of functions are plain values beside those of a typical function.

use super::record::unreadable;
use super::{HostError, now};
use crate::facts::{Facts, FactsPart, Part, RomFile};
use crate::host::recorded;
use crate::units::PciAddress;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

const RECORD: &str = include_str!("kernel.json");

/// One part of what the kernel tells. `running` are the functions that started domains hold.
pub(super) fn part(part: Part, running: &[PciAddress]) -> FactsPart {
    match facts(running) {
        Ok(facts) => recorded::part(&facts, part),
        Err(error) => FactsPart::unknown(part, &error.to_string()),
    }
}

/// The ROM file at `path`.
pub(super) fn rom(path: &str) -> Option<RomFile> {
    let roms = facts(&[]).ok()?.roms;
    roms.items().iter().find(|found| found.path == path).map(|found| found.rom.clone())
}

fn facts(running: &[PciAddress]) -> Result<Facts, HostError> {
    static PARSED: OnceLock<Result<Map<String, Value>, HostError>> = OnceLock::new();
    let parse = || serde_json::from_str(RECORD).map_err(|error| unreadable(&error));
    let mut record = PARSED.get_or_init(parse).clone()?;
    let typical = record.remove("typical").unwrap_or_default();
    if let Some(details) = record.get_mut("details").and_then(Value::as_object_mut) {
        for (address, known) in details {
            let held = running.iter().any(|running| running.to_string() == *address);
            *known = function(address, &typical, known, held);
        }
    }
    serde_json::from_value(stated(Value::Object(record))).map_err(|error| unreadable(&error))
}

/// The details of one function: what is typical, what is its own, and that libvirt has moved it to vfio-pci.
fn function(address: &str, typical: &Value, known: &Value, held: bool) -> Value {
    let mut all: Map<String, Value> = typical.as_object().cloned().unwrap_or_default();
    all.extend(known.as_object().cloned().unwrap_or_default());
    if held {
        all.insert("vfio".into(), true.into());
        all.insert("power_state".into(), "D0".into());
    }
    let fact = |(name, value): (String, Value)| {
        let place = format!("/sys/bus/pci/devices/{address}/{}", file(&name));
        (name, json!({ "is": value, "in": place.trim_end_matches('/') }))
    };
    Value::Object(all.into_iter().map(fact).collect())
}

/// The file below a function's folder that a detail is read from.
fn file(detail: &str) -> &str {
    match detail {
        "header" | "msi" => "config",
        "resettable" => "reset",
        "reset_methods" => "reset_method",
        "bars" => "resource",
        "link" => "current_link_speed",
        "sriov" => "sriov_totalvfs",
        "physical_function" => "physfn",
        "vfio" => "vfio-dev",
        "upstream" => "",
        "interrupt_line" => "irq",
        "mdev_types" => "mdev_supported_types",
        same => same,
    }
}

/// The record with its facts as facts are written.
fn stated(value: Value) -> Value {
    match value {
        Value::Object(mut object) if object.len() == 2 && object.contains_key("is") => {
            let (is, place) = (object.remove("is").unwrap_or_default(), object.remove("in").unwrap_or_default());
            json!({ "known": { "value": stated(is), "source": { "file": place }, "seen_at": now() } })
        }
        Value::Object(object) => Value::Object(object.into_iter().map(|(key, value)| (key, stated(value))).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(stated).collect()),
        other => other,
    }
}
