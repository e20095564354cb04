//! Domains defined on a libvirt, and what it kept of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::sync::{Mutex, PoisonError};
use virt::connect::Connect;
use virt::sys;
use vmbuild::checks;
use vmbuild::domain::{Detail, Difference, Element, What, compare, domain, parse};
use vmbuild::facts::Facts;
use vmbuild::machine::machine;
use vmbuild::spec::Spec;

/// Defines with VALIDATE and takes back; what libvirt stored.
pub(crate) fn define(connection: &Connect, xml: &str, undefine: u32) -> Result<String, virt::error::Error> {
    // The test driver reads its schema within this process, and libxml2 sets up the types of schemas for one thread only.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let domain = connection.define_domain_xml_flags(xml, sys::VIR_DOMAIN_DEFINE_VALIDATE)?;
    let stored = domain.xml_desc(sys::VIR_DOMAIN_XML_INACTIVE);
    if undefine == 0 { domain.undefine() } else { domain.undefine_flags(undefine) }?;
    stored
}

/// What a newer libvirt adds to the XML for an old one, and to what a check forbids or custom XML leaves open: worth
/// being seen, so that no comparison leaves it out.
const SHOWN: [&str; 3] = ["features/smm", "os/firmware", "devices/disk vdz/driver"];
/// libvirt keeps every element and every value but the `dropped` ones, and what it adds is what a comparison leaves out.
pub(crate) fn assert_kept(name: &str, sent: &str, stored: &str, dropped: &[&str]) {
    let (sent, stored) = (parse(sent).unwrap(), parse(stored).unwrap());
    let comparison = compare(&sent, &stored, Detail::Meaning);
    let known = |change: &&Difference| match change.what {
        What::Added { .. } => SHOWN.contains(&change.path.as_str()),
        What::Dropped { .. } => dropped.contains(&change.path.as_str()),
        What::Changed { .. } => false,
    };
    let more: Vec<_> = comparison.meanings().filter(|change| !known(change)).collect();
    assert!(more.is_empty(), "{name}: {more:#?}");
    if comparison.meanings().next().is_none() {
        assert_eq!(comparison.theirs, sent, "{name}");
    }
}

/// A domain to define, unless a check forbids to build it.
pub(crate) fn permitted(spec: &Spec, facts: &Facts) -> Option<Element> {
    let machine = machine(spec, facts);
    if checks::report(spec, facts, &machine, &checks::Allowed::default()).blockers().next().is_some() {
        return None;
    }
    Some(domain(spec, &machine).expect("a check says so where there is no domain"))
}
