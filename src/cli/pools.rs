//! `vmbuild pools`: storage pools with their space.

use super::out::Out;
use super::table::Table;
use super::tone::Tone;
use crate::facts::{Facts, Pool};
use serde_json::{Map, Value, json};
use std::io;

/// Prints the pools of `facts`.
pub fn print(facts: &Facts, out: &mut Out) -> io::Result<()> {
    if out.is_json() {
        let pools: Vec<Value> = facts.pools.items().iter().map(document).collect();
        let mut document = Map::from_iter([("pools".to_owned(), pools.into())]);
        if let Some(why) = facts.pools.why_not() {
            document.insert("unknown".into(), why.into());
        }
        return out.json(&document);
    }
    if facts.pools.items().is_empty() {
        let why = facts.pools.why_not().unwrap_or("the host has none; virsh pool-define-as defines one");
        return out.spans(&[(Tone::Warn, "No storage pools: "), (Tone::Plain, why)]);
    }
    let mut table = Table::new(&["POOL", "TYPE", "STATE", ">SIZE", ">FREE", ">VOLUMES", "PATH"]);
    for pool in facts.pools.items() {
        let space = |bytes: crate::units::Bytes| if pool.active { bytes.to_string() } else { "-".into() };
        table.row([
            pool.name.clone(),
            pool.kind.clone(),
            state(pool).into(),
            space(pool.capacity),
            space(pool.available),
            pool.volumes.get().map_or("-".into(), |volumes| volumes.len().to_string()),
            pool.path.clone().unwrap_or_else(|| "-".into()),
        ]);
    }
    table.print(out)
}

/// Sizes in bytes; `volumes` is their number, null where unknown. The volumes themselves are in `vmbuild facts`.
fn document(pool: &Pool) -> Value {
    json!({
        "name": pool.name,
        "uuid": pool.uuid,
        "kind": pool.kind,
        "active": pool.active,
        "autostart": pool.autostart,
        "path": pool.path,
        "capacity": pool.capacity,
        "allocation": pool.allocation,
        "available": pool.available,
        "volumes": pool.volumes.get().map(Vec::len),
    })
}

fn state(pool: &Pool) -> &'static str {
    match (pool.active, pool.autostart) {
        (true, true) => "active",
        (true, false) => "active, no autostart",
        (false, _) => "inactive",
    }
}
