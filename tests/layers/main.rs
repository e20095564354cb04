//! Holds the rules of the layers against every source file, and proves that each rule can fail.
//!
//! Words are compared, not meanings: a macro could hide a path from this, and a reader would see it.
#![allow(missing_docs, clippy::unwrap_used)]

mod circles;
mod codes;
mod names;
mod paths;
mod programs;
mod rules;
mod sentences;
mod state;
mod tokens;

use std::fs;
use std::path::Path;

use programs::strays;
use rules::{LAYERS, breaches};

/// Every Rust file below `folder` with its path from `root`.
fn sources(root: &Path, folder: &Path, into: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        // A package of its own, such as the benchmark, has its own rules.
        if path.is_dir() && !path.join("Cargo.toml").exists() {
            sources(root, &path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            into.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Every Rust file below the folder `name` of the package, with its path from there.
fn sources_below(name: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let mut files = Vec::new();
    sources(&folder, &folder, &mut files);
    files
}

/// The source as far as its tests.
fn production(source: &str) -> &str {
    source.find("\n#[cfg(test)]\nmod tests {").map_or(source, |at| &source[..at])
}

#[test]
fn every_file_keeps_the_rules() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&package.join("src"), &package.join("src"), &mut files);
    assert!(files.iter().any(|(path, _)| path == "run/terminal.rs"), "the sources are not where they are looked for");
    sources(package, &package.join("tests"), &mut files);
    let found = breaches(&files);
    assert!(found.is_empty(), "{} breaches:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_layers_are_those_of_the_crate_in_their_order() {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules: Vec<_> = source.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(modules, LAYERS);
}

/// What is found in one file that says `source`.
fn found(path: &str, source: &str) -> Vec<String> {
    breaches(&[(path.to_owned(), source.to_owned())])
}

#[test]
fn every_file_of_the_tests_belongs_to_one_of_few_programs() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(package, &package.join("tests"), &mut files);
    assert!(files.len() > 50, "the tests are not where they are looked for");
    let found = strays(&files);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_test_program_too_many_and_a_forgotten_file_are_found() {
    let file = |path: &str, source: &str| (path.to_owned(), source.to_owned());
    let whole = [
        file("tests/it/main.rs", "mod a;\n#[path = \"../support/mod.rs\"]\nmod support; mod c;"),
        file("tests/it/a.rs", "mod b;"),
        file("tests/it/a/b.rs", ""),
        file("tests/it/c/mod.rs", "mod d;"),
        file("tests/it/c/d.rs", ""),
        file("tests/support/mod.rs", "mod e;"),
        file("tests/support/e.rs", ""),
    ];
    assert_eq!(strays(&whole), [""; 0]);
    let cases = [
        ("tests/more.rs", "a test program of its own; make it a module of tests/it or tests/host"),
        ("tests/more/main.rs", "a test program of its own; make it a module of tests/it or tests/host"),
        ("tests/it/lost.rs", "no test program has it as a module; add `mod lost;`"),
        ("tests/it/lost/mod.rs", "no test program has it as a module; add `mod lost;`"),
        ("tests/it/a/lost.rs", "no test program has it as a module; add `mod lost;`"),
        ("tests/support/lost.rs", "no test program has it as a module; add `mod lost;`"),
    ];
    for (path, why) in cases {
        assert_eq!(strays(&[&whole[..], &[file(path, "")]].concat()), [format!("{path}: {why}")]);
    }
}

#[test]
fn every_kind_of_wrong_import_is_found() {
    let cases = [
        ("facts/mod.rs", "use crate::plan::Plan;", "facts/mod.rs:1: facts may not import plan (crate::plan::Plan)"),
        (
            "units/a.rs",
            "\nfn f(x: &crate::spec::Spec) {}",
            "units/a.rs:2: units may not import spec (crate::spec::Spec)",
        ),
        (
            "spec/disk/a.rs",
            "use super::super::super::facts;",
            "spec/disk/a.rs:1: spec may not import facts (crate::facts)",
        ),
        (
            "app/mod.rs",
            "use crate::{units::Bytes, host::{self, x}};",
            "app/mod.rs:1: app may not import host (crate::host)",
        ),
        ("ui/mod.rs", "use crate::store;", "ui/mod.rs:1: ui may not import store (crate::store)"),
        (
            "host/mod.rs",
            "mod a { use super::super::build as b; }",
            "host/mod.rs:1: host may not import build (crate::build)",
        ),
        ("run/a.rs", "type A = vmbuild::cli::Args;", "run/a.rs:1: run may not import cli (vmbuild::cli::Args)"),
        (
            "plan/a.rs",
            "use crate::domain::Element;",
            "plan/a.rs:1: the XML of a libvirt domain is not to be seen here (crate::domain::Element)",
        ),
        ("plan/a.rs", "use crate::*;", "plan/a.rs:1: plan imports the whole crate or what is no layer (crate::*)"),
        (
            "checks/a.rs",
            "#[cfg(test)]\nmod tests { use crate::host::x; }",
            "checks/a.rs:2: checks may not import host (crate::host::x)",
        ),
    ];
    for (path, source, expected) in cases {
        assert_eq!(found(path, source).first().map(String::as_str), Some(expected), "{source}");
    }
}

#[test]
fn every_crate_out_of_place_is_found() {
    let cases = [
        ("app/mod.rs", "use ratatui::Frame;", "ratatui", "ui/, run/"),
        ("ui/mod.rs", "use crossterm::event;", "crossterm", "run/"),
        ("host/mod.rs", "async fn f() { tokio::spawn(g()); }", "tokio", "run/, cli/"),
        ("host/sysfs/a.rs", "use ::virt::connect::Connect;", "virt", "host/libvirt/"),
        ("build/a.rs", "unsafe { virt_sys::virFree(x) }", "virt_sys", "host/libvirt/"),
        ("ui/a.rs", "use ratatui_textarea::TextArea;", "ratatui_textarea", "app/"),
        ("run/a.rs", "#[derive(clap::Parser)] struct A;", "clap", "cli/, main.rs"),
        ("lib.rs", "use anyhow as a;", "anyhow", "cli/, main.rs"),
        ("store/a.rs", "use {jsonc_parser::x};", "jsonc_parser", "spec/"),
        ("plan/a.rs", "use fatfs::{FileSystem};", "fatfs", "host/, build/"),
        ("run/a.rs", "use netlink_sys;", "netlink_sys", "host/"),
        ("run/b.rs", "use kobject_uevent::UEvent;", "kobject_uevent", "host/"),
        ("app/b.rs", "fn f() { rustix::process::getpid(); }", "rustix", "host/, store/, journal/, build/, run/, cli/"),
        ("host/a.rs", "use directories::ProjectDirs;", "directories", "store/, cli/"),
    ];
    for (path, source, name, places) in cases {
        let found = found(path, source);
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("{path}:1: the crate {name} belongs in {places} (")),
            "{source}: {found:?}"
        );
    }
}

#[test]
fn a_wrapped_crate_in_a_second_file_is_found() {
    let one = "use ratatui_textarea::TextArea;".to_owned();
    let two = "fn f() { ratatui_textarea::Input::default(); }".to_owned();
    let found = breaches(&[("app/a.rs".to_owned(), one), ("app/b.rs".to_owned(), two)]);
    assert_eq!(found, ["app/b.rs: the crate ratatui_textarea is wrapped in app/a.rs already"]);
}

#[test]
fn every_effect_in_code_that_only_computes_is_found() {
    let cases = [
        "use std::fs::File;",
        "use std::{fmt, fs};",
        "fn f() { let x = std::net::TcpStream::connect(1); }",
        "use std::process::{self, Command};",
        "use std::thread;",
        "const X: &str = option_env!(\"X\"); fn f() { std::env::var(X); }",
        "use std::time::{Duration, Instant};",
        "use std::time::SystemTime;",
        "use std::time;",
        "use std::*;",
        "use std::io::*;",
        "fn f() { ::std::io::stdin(); }",
        "fn f(p: &Path) -> bool { p.exists() }",
        "#[cfg(not(test))] use std::fs;",
        "#[cfg(test)] use std::fmt; use std::fs;",
        "#[cfg(test)] mod tests { } mod b { use std::fs; }",
        "use rand::Rng;",
    ];
    for source in cases {
        for layer in ["units/a.rs", "plan/mod.rs", "app/a/b.rs", "ui/a.rs"] {
            let found = found(layer, source);
            assert!(found.iter().any(|breach| breach.contains("only computes")), "{layer}: {source}: {found:?}");
        }
        assert_eq!(found("host/a.rs", source), [""; 0], "{source}");
    }
}

#[test]
fn what_is_too_long_is_found() {
    let body = "    x();\n".repeat(59);
    let function = format!("\n/// Long.\nfn long(x: [u8; 3]) {{\n{body}}}\n");
    assert_eq!(found("host/a.rs", &function), ["host/a.rs:3: fn long has 61 lines; 60 at most"]);
    assert_eq!(found("tests/a.rs", &function), ["tests/a.rs:3: fn long has 61 lines; 60 at most"]);
    assert_eq!(found("host/a.rs", &function.replacen("    x();\n", "", 1)), [""; 0]);
    assert_eq!(found("host/a.rs", &"\n".repeat(601)), ["host/a.rs: 601 lines; 600 at most"]);
    assert_eq!(found("host/a.rs", &"\n".repeat(600)), [""; 0]);
}

#[test]
fn what_is_allowed_is_not_found() {
    let cases = [
        ("plan/a.rs", "use crate::{facts::Facts, units::*}; use super::step::Step; use self::x::Y;"),
        ("app/a.rs", "use crate::plan::Plan; use std::time::Duration; use std::io::Write; use std::fmt;"),
        ("ui/a.rs", "use crate::app::App; use ratatui::Frame;"),
        ("host/libvirt/a.rs", "use virt::connect::Connect; use std::fs;"),
        ("spec/a.rs", "// use crate::plan::Plan;\n/* use std::fs; /* nested */ */ const X: &str = \"use std::fs;\";"),
        ("spec/b.rs", "const X: &str = r#\"crate::cli \" std::fs::x\"#; fn f<'a>(x: &'a str) -> char { '\"' }"),
        ("spec/c.rs", "const X: char = '\\''; const Y: &[u8] = b\"\\\"std::fs::x\"; fn f<T: 'static>() {}"),
        ("spec/d.rs", "#[cfg(test)]\nmod tests { use std::fs; fn f() { tokio::spawn(x); y.exists(); } }"),
        ("spec/e.rs", "#[cfg(test)] use std::{fs, env};"),
        ("spec/f.rs", "fn f() -> impl Fn() + use<> { || () } fn g(x: X) -> bool { x.exists }"),
        ("main.rs", "fn main() { vmbuild::cli::main() }"),
    ];
    for (path, source) in cases {
        assert_eq!(found(path, source), [""; 0], "{source}");
    }
    let module = ("spec/mod.rs".to_owned(), "#[cfg(test)]\nmod fixtures;".to_owned());
    let file = ("spec/fixtures.rs".to_owned(), "use std::fs;".to_owned());
    assert_eq!(breaches(&[module, file]), [""; 0]);
}
