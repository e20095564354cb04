//! What each type of pool can do: the table against what libvirt publishes, and the reading of pools of every type.

use crate::support;
use crate::support::cases::{read, root};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use vmbuild::facts::{Fact, Facts, POOL_TYPES, Part, Pool, Provenance};
use vmbuild::host::{Source, observe};

fn defined(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/defined").join(name)
}

#[test]
fn the_table_agrees_with_what_libvirt_prints() {
    // `virsh pool-capabilities` of libvirt 11.3.
    support::pool_types::agree(&read(&defined("pool-capabilities.xml")));
}

#[test]
fn each_type_of_libvirts_schema_has_a_row() {
    const SCHEMA: &str = "/usr/share/libvirt/schemas/storagepool.rng";
    let Ok(schema) = std::fs::read_to_string(SCHEMA) else {
        return support::skip("libvirt's schemas are not installed");
    };
    let pools = schema.split("<attribute name=\"type\">").skip(1).filter_map(|part| {
        let value = part.trim_start().strip_prefix("<value>")?;
        value.split('<').next()
    });
    let listed: BTreeSet<&str> = pools.collect();
    let known: BTreeSet<&str> = POOL_TYPES.iter().map(|row| row.name).collect();
    assert!(listed.len() > 10, "{listed:?}");
    assert_eq!(listed.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
}

fn known<T>(value: T) -> Fact<T> {
    Fact::known(value, Provenance::Command("test".into()), 0)
}

/// The pools without what differs each time: when, by whom and under which UUID they were read.
fn plain(facts: &Facts) -> Vec<Pool> {
    let pools = facts.pools.items().iter().cloned();
    let plain = |mut pool: Pool| {
        pool.uuid = String::new();
        pool.volumes = pool.volumes.get().cloned().map(known).unwrap_or_default();
        pool.places = Vec::new();
        pool
    };
    pools.map(plain).collect()
}

#[test]
fn pools_of_every_type_are_read_as_the_golden_cases_have_them() {
    let node = defined("pool-types.xml");
    let seen = observe(&Source::at(format!("test://{}", node.display())), [Part::Pools]).facts;
    let kinds: BTreeSet<&str> = seen.pools.items().iter().map(|pool| pool.kind.as_str()).collect();
    assert_eq!(kinds, POOL_TYPES.iter().map(|row| row.name).collect());
    let recorded: Facts = serde_json::from_str(&read(&root().join("facts/pool-types.json"))).unwrap();
    assert_eq!(plain(&seen), plain(&recorded));
}
