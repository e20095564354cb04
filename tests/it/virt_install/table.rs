//! The reasons of the differences, and the page that shows them.

use super::tree::Difference;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A row of `differences.json`. `*` in a text stands for anything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// Where: the path of an element, attribute or text.
    pub(crate) at: String,
    /// What virt-install writes; `None` for nothing.
    virt_install: Option<String>,
    /// What vmbuild writes; `None` for nothing.
    vmbuild: Option<String>,
    pub(crate) reason: String,
}

impl Row {
    pub(crate) fn explains(&self, difference: &Difference) -> bool {
        let same = |pattern: &Option<String>, value: &Option<String>| match (pattern, value) {
            (Some(pattern), Some(value)) => fits(pattern, value),
            (None, None) => true,
            _ => false,
        };
        fits(&self.at, &difference.at)
            && same(&self.virt_install, &difference.theirs)
            && same(&self.vmbuild, &difference.ours)
    }
}

/// Whether a text fits a pattern.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| fits(tail, &rest[at..]))
}

/// The table as it is read, with the set-ups in which each row occurs.
pub(crate) fn page(rows: &[Row], found: &[(String, Vec<Difference>)], versions: &BTreeMap<String, String>) -> String {
    let mut page = format!(
        "# vmbuild beside virt-install\n\n\
         Ten common set-ups, each in a folder of `setups`: the spec, the arguments of virt-install for the same, and what each\n\
         of them writes. virt-install {} with osinfo-db {}, for the workstation of `tests/golden/facts`, first phase of the\n\
         installation. The order of elements means nothing and is not compared, nor the unit of an amount of memory.\n\n\
         This page is made from `differences.json` by the test `virt_install`, which holds that every difference is in it and\n\
         that everything in it occurs. Values are those of the first set-up of a row; its number names a set-up.\n",
        versions["virt-install"], versions["osinfo-db"]
    );
    let mut part = "";
    for row in rows {
        let own = row.at.split(['/', '[']).next().unwrap_or_default();
        let own = if own == "devices" {
            row.at.split('/').nth(1).map_or(own, |at| at.split('[').next().unwrap_or(at))
        } else {
            own
        };
        if own != part {
            part = own;
            let _ = write!(page, "\n## {}\n\n", own.trim_end_matches('*'));
            page.push_str("| where | virt-install | vmbuild | why | in |\n|---|---|---|---|---|\n");
        }
        let _ = writeln!(page, "{}", line(row, rows, found));
    }
    page
}

/// A row with what it stands for where it occurs first.
fn line(row: &Row, rows: &[Row], found: &[(String, Vec<Difference>)]) -> String {
    let explained = |difference: &&Difference| first(rows, difference).is_some_and(|first| std::ptr::eq(first, row));
    let within: Vec<_> = found.iter().filter_map(|(name, all)| Some((name, all.iter().find(explained)?))).collect();
    let numbers: Vec<&str> = within.iter().filter_map(|(name, _)| name.split('-').next()).collect();
    let numbers = if numbers.len() == found.len() { "all".into() } else { numbers.join(" ") };
    let cell =
        |value: Option<&String>| value.map_or("nothing".into(), |value| format!("`{}`", value.replace('|', "\\|")));
    let theirs = cell(within.first().and_then(|(_, difference)| difference.theirs.as_ref()));
    let ours = cell(within.first().and_then(|(_, difference)| difference.ours.as_ref()));
    format!("| `{}` | {theirs} | {ours} | {} | {numbers} |", row.at, row.reason)
}

fn first<'a>(rows: &'a [Row], difference: &Difference) -> Option<&'a Row> {
    rows.iter().find(|row| row.explains(difference))
}

#[test]
fn a_star_stands_for_anything() {
    assert!(fits("a[*]/@b", "a[x 1]/@b") && fits("*", "") && !fits("a[*]/@b", "a[x 1]/@c"));
}
