//! `vmbuild pci --take` and `vmbuild doctor`: what taking cards means, and what the host lacks for it.

use super::exit::ExitStatus;
use super::out::Out;
use super::table::Table;
use super::tone::Tone;
use crate::checks::{self, Finding, HostLine, LeftBuild, Severity, Taken, TakenLine, Wording};
use crate::facts::Facts;
use crate::machine::{Member, Role};
use crate::units::PciAddress;
use serde_json::{Value, json};
use std::io;

/// Prints what taking `asked` means.
pub fn take(facts: &Facts, asked: &[PciAddress], out: &mut Out) -> io::Result<ExitStatus> {
    let taken = checks::take(facts, asked);
    let verdict = verdict(taken.findings.iter());
    if out.is_json() {
        let findings: Vec<Value> = taken.findings.iter().map(|known| finding(known, Wording::Taking)).collect();
        out.json(&json!({ "members": taken.members, "findings": findings, "verdict": verdict }))?;
    } else {
        people(facts, &taken, verdict, out)?;
    }
    Ok(exit(verdict))
}

/// Prints the check list of the host.
pub fn doctor(facts: &Facts, left: &[LeftBuild], out: &mut Out) -> io::Result<ExitStatus> {
    let lines = checks::doctor(facts);
    let verdict = verdict(lines.iter().flat_map(|line| &line.findings));
    if out.is_json() {
        let line = |line: &HostLine| {
            let findings: Vec<Value> = line.findings.iter().map(|known| finding(known, Wording::Full)).collect();
            json!({ "code": line.code, "title": line.title, "verdict": word(line.worst()), "findings": findings })
        };
        let ids: Vec<&str> = left.iter().map(|build| build.id.as_str()).collect();
        let checks: Vec<Value> = lines.iter().map(line).collect();
        out.json(&json!({ "checks": checks, "interrupted_builds": ids, "verdict": verdict }))?;
        return Ok(exit(verdict));
    }
    for line in &lines {
        let (mark, tone) = mark(line.worst(), out);
        out.spans(&[(tone, &format!("{mark} {}", line.code)), (Tone::Plain, &format!("  {}", line.title))])?;
        for finding in &line.findings {
            said(&finding.message(Wording::Full), &finding.remedy(Wording::Full), out)?;
        }
    }
    for LeftBuild { id, .. } in left {
        out.spans(&[(Tone::Warn, &format!("{} build {id} was interrupted", out.marks().warn))])?;
        said("", &format!("finish it with 'vmbuild recover {id} --resume', or take it back with --undo"), out)?;
    }
    sum(verdict, lines.iter().flat_map(|line| &line.findings), out)?;
    Ok(exit(verdict))
}

fn exit(verdict: &str) -> ExitStatus {
    if verdict == "blocked" { ExitStatus::Blocked } else { ExitStatus::Done }
}

/// What is not checked has not passed, so that nothing is called ready on account of it.
fn verdict<'a>(findings: impl Iterator<Item = &'a Finding>) -> &'static str {
    match findings.map(Finding::severity).min() {
        Some(Severity::Blocker) => "blocked",
        Some(Severity::Warning | Severity::Unknown) => "warnings",
        Some(Severity::Info) | None => "ready",
    }
}

fn word(worst: Option<Severity>) -> &'static str {
    match worst {
        None => "passed",
        Some(Severity::Blocker) => "blocker",
        Some(Severity::Warning) => "warning",
        Some(Severity::Unknown) => "not_checked",
        Some(Severity::Info) => "info",
    }
}

fn finding(finding: &Finding, wording: Wording) -> Value {
    let severity = match finding.severity() {
        Severity::Blocker => "blocker",
        Severity::Warning => "warning",
        Severity::Unknown | Severity::Info => "info",
    };
    json!({
        "code": finding.code(),
        "severity": severity,
        "address": finding.function(),
        "message": finding.message(wording),
        "remedy": finding.remedy(wording),
    })
}

fn mark(worst: Option<Severity>, out: &Out) -> (&'static str, Tone) {
    let marks = out.marks();
    match worst {
        None => (marks.good, Tone::Good),
        Some(Severity::Blocker) => (marks.bad, Tone::Bad),
        Some(Severity::Warning) => (marks.warn, Tone::Warn),
        Some(Severity::Unknown) => (marks.unknown, Tone::Muted),
        Some(Severity::Info) => (marks.info, Tone::Muted),
    }
}

fn said(message: &str, remedy: &str, out: &mut Out) -> io::Result<()> {
    if !message.is_empty() {
        out.line(&format!("    {message}"))?;
    }
    if remedy.is_empty() { Ok(()) } else { out.spans(&[(Tone::Muted, &format!("    {remedy}"))]) }
}

fn people(facts: &Facts, taken: &Taken, verdict: &str, out: &mut Out) -> io::Result<()> {
    let mut table = Table::new(&["ROLE", "ADDRESS", "DEVICE", "DRIVER", "WHY"]);
    for Member { address, role, reason, .. } in &taken.members {
        let device = facts.pci.items().iter().find(|device| device.address == *address);
        let role = match role {
            Role::Pass => "pass",
            Role::Hold => "hold",
            Role::Leave => "leave",
        };
        let driver = device.and_then(|device| device.driver.clone()).unwrap_or_else(|| "-".into());
        let label = device.map(crate::facts::PciDevice::label).unwrap_or_default();
        table.row([role.into(), address.to_string(), label, driver, reason.clone()]);
    }
    table.print(out)?;
    out.line("")?;
    for TakenLine { severity, code, more, function, message, remedy } in &taken.lines() {
        let (mark, tone) = mark(Some(*severity), out);
        let at = function.map(|function| format!("  {function}")).unwrap_or_default();
        let code = if *more > 0 { format!("{code} and {more} more") } else { (*code).to_owned() };
        out.spans(&[(tone, &format!("{mark} {code}")), (Tone::Muted, &at)])?;
        said(message, remedy, out)?;
    }
    sum(verdict, taken.findings.iter(), out)
}

/// `blocked: 2 errors, 1 warning, 3 not checked`.
fn sum<'a>(verdict: &str, findings: impl Iterator<Item = &'a Finding>, out: &mut Out) -> io::Result<()> {
    let severities: Vec<Severity> = findings.map(Finding::severity).collect();
    let count = |severity| severities.iter().filter(|known| **known == severity).count();
    let parts = [(Severity::Blocker, "blocking"), (Severity::Warning, "to heed"), (Severity::Unknown, "not checked")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(severity, _)| count(*severity) > 0)
        .map(|(severity, name)| format!("{} {name}", count(severity)))
        .collect();
    let tone = match verdict {
        "blocked" => Tone::Bad,
        "warnings" => Tone::Warn,
        _ => Tone::Good,
    };
    let rest = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    out.spans(&[(tone, verdict), (Tone::Plain, &rest)])
}
