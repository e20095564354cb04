//! Ten common set-ups beside what `virt-install --print-xml` writes for them: each difference has its reason in
//! `differences.json`, and each reason a difference. `UPDATE_GOLDEN=1 cargo test --test it virt_install` writes what
//! comes out of vmbuild and the page for readers; what virt-install printed is recorded by `RECORD_VIRT_INSTALL=1`.

mod export;
mod table;
mod tree;
mod workstation;

use crate::support;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};
use table::Row;
use tree::Difference;
use vmbuild::checks::{self, Allowed};
use vmbuild::domain::{domain, parse};
use vmbuild::facts::Facts;
use vmbuild::machine::{machine, resolve};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virt_install")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| value == "1")
}

/// Name and folder of each set-up.
fn setups() -> Vec<(String, PathBuf)> {
    let folders = fs::read_dir(root().join("setups")).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> =
        folders.map(|folder| (folder.file_name().unwrap().to_string_lossy().into_owned(), folder)).collect();
    all.sort();
    assert!(all.len() >= 10);
    all
}

/// The workstation of the golden cases, which knows the same systems as virt-install.
fn facts() -> Facts {
    let mut facts = json(&root().join("../golden/facts/workstation.json"));
    facts["profiles"] = json(&root().join("host/profiles.json"));
    serde_json::from_value(facts).unwrap()
}

/// The domain that vmbuild makes of a set-up.
fn ours(folder: &Path, facts: &Facts) -> String {
    let spec = vmbuild::spec::parse(&read(&folder.join("spec.json"))).unwrap();
    let spec = resolve(&spec, facts);
    let machine = machine(&spec, facts);
    let report = checks::report(&spec, facts, &machine, &Allowed::default());
    assert_eq!(report.blockers().next(), None, "{}", folder.display());
    domain(&spec, &machine).unwrap().to_xml()
}

/// What differs, by set-up.
fn differences() -> Vec<(String, Vec<Difference>)> {
    let facts = facts();
    let of = |(name, folder): (String, PathBuf)| {
        let theirs = parse(&read(&folder.join("virt-install.xml"))).unwrap();
        let differences = tree::differences(&theirs, &parse(&ours(&folder, &facts)).unwrap());
        (name, differences)
    };
    setups().into_iter().map(of).collect()
}

fn rows() -> Vec<Row> {
    serde_json::from_value(json(&root().join("differences.json"))).unwrap()
}

#[test]
fn every_difference_has_its_reason_and_every_reason_a_difference() {
    let rows = rows();
    let mut used = vec![false; rows.len()];
    let mut unexplained = Vec::new();
    for (setup, differences) in differences() {
        for difference in differences {
            let matching = rows.iter().position(|row| row.explains(&difference));
            match matching {
                Some(row) => used[row] = true,
                None => unexplained.push(format!("{setup}: {difference}")),
            }
        }
    }
    assert!(unexplained.is_empty(), "without a reason in differences.json:\n{}", unexplained.join("\n"));
    let idle: Vec<&str> = rows.iter().zip(used).filter(|(_, used)| !used).map(|(row, _)| row.at.as_str()).collect();
    assert!(idle.is_empty(), "differences.json explains what does not differ: {idle:?}");
    assert!(rows.iter().all(|row| row.reason.len() > 20 && row.reason.ends_with('.')), "a reason is a sentence");
}

#[test]
fn what_stands_beside_it_and_the_page_for_readers_are_as_recorded() {
    let facts = facts();
    let ours = setups().into_iter().map(|(_, folder)| (folder.join("vmbuild.xml"), ours(&folder, &facts)));
    let page = (root().join("README.md"), table::page(&rows(), &differences(), &versions()));
    for (path, now) in ours.chain([page]) {
        if is_set("UPDATE_GOLDEN") {
            fs::write(path, now).unwrap();
        } else {
            assert_eq!(fs::read_to_string(&path).unwrap_or_default(), now, "{}: UPDATE_GOLDEN=1", path.display());
        }
    }
}

// ---- what virt-install prints today ------------------------------------------------------------------------------------

fn versions() -> BTreeMap<String, String> {
    serde_json::from_value(json(&root().join("host/versions.json"))).unwrap()
}

/// What virt-install and the database it asks say of themselves here; `None` where one is not installed.
fn installed() -> Option<BTreeMap<String, String>> {
    let output =
        Command::new("virt-install").arg("--version").output().ok().filter(|output| output.status.success())?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let osinfo = fs::read_to_string("/usr/share/osinfo/VERSION").ok()?.trim().to_owned();
    Some([("virt-install".to_owned(), version), ("osinfo-db".to_owned(), osinfo)].into())
}

/// The workstation for virt-install: libvirt's test driver, that says it is QEMU.
fn connection() -> String {
    let host = root().join("host");
    let host = host.display();
    format!(
        "__virtinst_test__test://{host}/node.xml,predictable,fakeuri=qemu:///system,connver=10000002,libver=11003000,\
         caps={host}/capabilities.xml,domcaps={host}/domain_capabilities.xml"
    )
}

/// What virt-install prints for a set-up, without the name that it makes up for a file.
fn printed(folder: &Path) -> String {
    let cache = tempfile::tempdir().unwrap();
    let arguments = read(&folder.join("arguments")).replace("@host@", &root().join("host").display().to_string());
    let mut command = Command::new("virt-install");
    command.args(["--connect", &connection(), "--dry-run", "--print-xml", "1"]).args(arguments.lines());
    let output = command.env("XDG_CACHE_HOME", cache.path()).output().unwrap();
    assert!(output.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let text = match (text.find("/virtinst-"), text.find("-cloudinit.iso")) {
        (Some(from), Some(to)) => text.replace(&text[from..to], "/virtinst-XXXXXXXX"),
        _ => text,
    };
    text.trim().to_owned() + "\n"
}

#[test]
fn virt_install_prints_what_is_recorded() {
    let (recorded, installed) = (versions(), installed());
    if installed.as_ref() != Some(&recorded) {
        return support::skip(&format!("recorded with {recorded:?}, here is {installed:?}"));
    }
    for (_, folder) in setups() {
        let (file, now) = (folder.join("virt-install.xml"), printed(&folder));
        if is_set("RECORD_VIRT_INSTALL") {
            fs::write(file, now).unwrap();
        } else {
            assert_eq!(read(&file), now, "{}", file.display());
        }
    }
}
