//! `vmbuild xml`: the domain XML that would be defined.

use super::args::{GiveUp, Options, SpecArgs};
use super::case::{Case, Depth};
use super::exit::{Ended, Exit, Failure};
use super::out::Out;
use super::report;
use crate::checks::Severity;
use crate::checks::error::XML_INVALID;
use crate::domain::{XmlError, domain};
use serde_json::json;

/// Prints it whatever the findings: those that block go to standard error and into the exit code. The other domains are
/// not looked at, so the XML of a VM that exists can be printed, too.
pub fn run(args: &SpecArgs, options: &Options, out: &mut Out) -> Ended {
    let depth = if args.offline { Depth::Offline } else { Depth::Xml };
    let case = Case::read(&args.spec, depth, options, &GiveUp::default())?;
    let xml = domain(&case.spec, &case.machine).map_err(|error| refused(&error))?.to_xml();
    if out.is_json() {
        out.json(&json!({ "verdict": report::verdict(&case.report), "findings": case.report.findings, "xml": xml }))?;
    } else {
        out.document(&xml)?;
        report::complain(&case.report, Severity::Blocker, out);
    }
    Ok(if case.report.blockers().next().is_some() { Exit::Blocked } else { Exit::Done })
}

/// The XML cannot be made because of a value in the spec.
pub fn refused(error: &XmlError) -> Failure {
    Failure::new(Exit::Blocked, XML_INVALID.code, error.to_string()).detail("place", error.place().to_string())
}
