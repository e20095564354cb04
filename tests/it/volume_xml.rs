//! The volumes of every golden plan, as libvirt's schema sees them.
#![allow(clippy::print_stderr)]

use crate::support;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn every_golden_volume_is_valid_by_libvirts_schema() {
    const SCHEMA: &str = "/usr/share/libvirt/schemas/storagevol.rng";
    if !Path::new(SCHEMA).exists() {
        return support::skip("libvirt's schemas are not installed");
    }
    let scratch = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let plans = fs::read_dir(golden)
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("plan.txt")).ok());
    let volumes: Vec<String> = plans
        .flat_map(|plan| {
            plan.split("\n\n").filter(|part| part.starts_with("<volume>")).map(String::from).collect::<Vec<_>>()
        })
        .collect();
    assert!(volumes.len() > 20);
    let files = volumes.iter().enumerate().map(|(number, xml)| {
        let file = scratch.path().join(format!("{number}.xml"));
        fs::write(&file, xml).unwrap();
        file
    });
    match Command::new("xmllint").args(["--noout", "--relaxng", SCHEMA]).args(files).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => support::skip(&format!("xmllint does not run: {error}")),
    }
}
