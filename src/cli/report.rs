//! Findings in plain text and JSON.

use super::out::Out;
use super::tone::Tone;
use crate::checks::{Finding, Report, Severity, Wording};
use serde::Serialize;
use std::io;

/// The report for programs.
#[derive(Serialize)]
pub struct Document<'a> {
    /// ready, warnings or blocked.
    pub verdict: &'static str,
    /// The findings and the codes of the checks that passed.
    #[serde(flatten)]
    pub report: &'a Report,
}

/// ready, warnings or blocked.
pub fn verdict(report: &Report) -> &'static str {
    if report.count(Severity::Blocker) > 0 {
        "blocked"
    } else if report.count(Severity::Warning) > 0 {
        "warnings"
    } else {
        "ready"
    }
}

/// Prints every finding and the counts.
pub fn print(report: &Report, out: &mut Out) -> io::Result<()> {
    if out.is_json() {
        return out.json(&Document { verdict: verdict(report), report });
    }
    for finding in &report.findings {
        for line in lines(finding, out) {
            out.spans(&spans(&line))?;
        }
    }
    out.line(&counts(report))
}

/// Says the findings of at least this severity on standard error.
pub fn complain(report: &Report, severity: Severity, out: &mut Out) {
    for finding in report.findings.iter().filter(|finding| finding.severity() <= severity) {
        for line in lines(finding, out) {
            out.complain(&spans(&line));
        }
    }
}

/// Says blockers and warnings on standard error, and how much could not be checked.
pub fn warn(report: &Report, out: &mut Out) {
    complain(report, Severity::Warning, out);
    if report.count(Severity::Warning) + report.count(Severity::Unknown) > 0 {
        out.complain(&[(Tone::Plain, &counts(report))]);
    }
}

type Line = Vec<(Tone, String)>;

fn spans(line: &Line) -> Vec<(Tone, &str)> {
    line.iter().map(|(tone, text)| (*tone, text.as_str())).collect()
}

/// `✗ DISK-SIZE storage.disks[0].size` and below it, indented, the message and the way out.
fn lines(finding: &Finding, out: &Out) -> Vec<Line> {
    let marks = out.marks();
    let (mark, tone) = match finding.severity() {
        Severity::Blocker => (marks.bad, Tone::Bad),
        Severity::Warning => (marks.warn, Tone::Warn),
        Severity::Unknown => (marks.unknown, Tone::Muted),
        Severity::Info => (marks.info, Tone::Muted),
    };
    let place = finding.place().to_string();
    let head = vec![
        (tone, format!("{mark} {}", finding.code())),
        (Tone::Muted, if place.is_empty() { place } else { format!("  {place}") }),
    ];
    let mut lines = vec![head, vec![(Tone::Plain, format!("    {}", finding.message(Wording::Full)))]];
    let remedy = finding.remedy(Wording::Full);
    if !remedy.is_empty() {
        lines.push(vec![(Tone::Plain, format!("    {remedy}"))]);
    }
    lines
}

/// How many findings of each severity, in words.
pub fn counts(report: &Report) -> String {
    let count = |severity, one: &str, many: &str| match report.count(severity) {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let mut parts: Vec<String> = [
        count(Severity::Blocker, "error", "errors"),
        count(Severity::Warning, "warning", "warnings"),
        count(Severity::Unknown, "not checked", "not checked"),
        count(Severity::Info, "note", "notes"),
    ]
    .into_iter()
    .flatten()
    .collect();
    parts.push(format!("{} passed", report.passed.len()));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Level;
    use crate::checks::error::BUILD_FAILED;
    use crate::checks::note::{Note, Remedy, Topic};

    fn finding(level: Level) -> Finding {
        let note = Note { level, topic: Topic::default(), message: "".into(), remedy: Remedy::default() };
        Finding::new(&BUILD_FAILED, note)
    }

    #[test]
    fn the_verdict_follows_the_worst_finding_and_unknown_is_no_warning() {
        let unknown = || Level::Unknown { why: "".into(), folded: 0 };
        let report =
            |levels: &[Level]| Report { findings: levels.iter().cloned().map(finding).collect(), passed: vec!["Y"] };
        assert_eq!(verdict(&report(&[])), "ready");
        assert_eq!(verdict(&report(&[unknown(), Level::Info])), "ready");
        assert_eq!(verdict(&report(&[Level::Warning])), "warnings");
        assert_eq!(verdict(&report(&[Level::Warning, Level::Blocker])), "blocked");
        assert_eq!(counts(&report(&[Level::Warning, unknown()])), "1 warning, 1 not checked, 1 passed");
    }
}
