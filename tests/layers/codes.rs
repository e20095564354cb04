//! Holds that a check is one place: its code is written in its own row, and everything else refers to that row.

use std::collections::BTreeMap;

use crate::rules::built;
use crate::tokens::literals;
use crate::{production, sources_below};

/// The literals of `files` (paths below `src/`) that are one of `codes` and stand outside of its row.
fn strays(files: &[(String, String)], codes: &[&str]) -> Vec<String> {
    let mut rows: BTreeMap<&str, usize> = codes.iter().map(|code| (*code, 0)).collect();
    let mut found = Vec::new();
    for (path, source) in files {
        let source = production(source);
        let lines: Vec<&str> = source.lines().collect();
        for (literal, line) in literals(source) {
            let Some(count) = rows.get_mut(literal) else { continue };
            let is_row = path.starts_with("checks/") && lines[line - 1] == format!("    code: \"{literal}\",");
            *count += usize::from(is_row);
            if !is_row {
                found.push(format!("{path}:{line}: {literal} belongs in its row, and others refer to that"));
            }
        }
    }
    found.extend(rows.iter().filter(|(_, count)| **count != 1).map(|(code, count)| format!("{code} has {count} rows")));
    found
}

#[test]
fn the_code_of_a_check_is_written_in_its_row_alone() {
    let codes: Vec<&str> = vmbuild::checks::all().chain(vmbuild::checks::errors()).map(|check| check.code).collect();
    let found = strays(&built(sources_below("src")), &codes);
    assert!(codes.len() > 250 && found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_code_beside_its_row_is_found() {
    let row = "static A: Check = Check {\n    code: \"A-B\",\n    ..Check::VM\n};\n";
    let of = |path: &str, source: &str| (path.to_owned(), source.to_owned());
    assert_eq!(strays(&[of("checks/a.rs", row)], &["A-B"]), [""; 0]);
    assert_eq!(strays(&[], &["A-B"]), ["A-B has 0 rows"]);
    let beside = of("app/a.rs", "fn f(x: &Finding) -> bool {\n    x.code == \"A-B\"\n}");
    let want = ["app/a.rs:2: A-B belongs in its row, and others refer to that"];
    assert_eq!(strays(&[of("checks/a.rs", row), beside], &["A-B"]), want);
    let test = of("app/a.rs", "\n#[cfg(test)]\nmod tests {\n    const X: &str = \"A-B\";\n}");
    assert_eq!(strays(&[of("checks/a.rs", row), test], &["A-B"]), [""; 0]);
    let elsewhere = strays(&[of("plan/a.rs", row)], &["A-B"]);
    assert_eq!(elsewhere.len(), 2, "{elsewhere:?}");
}
