//! `vmbuild xml`: the domain XML that would be defined.

use super::args::{GiveUp, Options, SpecArgs};
use super::case::{Case, Depth};
use super::exit::{Ended, Exit, Failure};
use super::out::Out;
use super::report;
use crate::checks::Severity;
use crate::checks::error::XML_INVALID;
use crate::engine::libvirt::Libvirt;
use crate::engine::rendered::Fault;
use crate::engine::{Blueprint, Engine as _};
use serde_json::json;

/// Prints it whatever the findings: those that block go to standard error and into the exit code. The other domains are
/// not looked at, so the XML of a VM that exists can be printed, too.
pub fn run(args: &SpecArgs, options: &Options, out: &mut Out) -> Ended {
    let depth = if args.offline { Depth::Offline } else { Depth::Xml };
    let case = Case::read(&args.spec, depth, options, &GiveUp::default())?;
    let rendered = Libvirt.render(&Blueprint { spec: &case.spec, machine: &case.machine, facts: &case.facts });
    if let Some(fault) = &rendered.fault {
        return Err(refused(fault));
    }
    let xml = rendered.text();
    if out.is_json() {
        out.json(&json!({ "verdict": report::verdict(&case.report), "findings": case.report.findings, "xml": xml }))?;
    } else {
        out.document(&xml)?;
        report::complain(&case.report, Severity::Blocker, out);
    }
    Ok(if case.report.blockers().next().is_some() { Exit::Blocked } else { Exit::Done })
}

/// The XML cannot be made because of a value in the spec.
pub fn refused(fault: &Fault) -> Failure {
    Failure::new(Exit::Blocked, XML_INVALID.code, fault.message.clone()).detail("place", fault.place.to_string())
}
