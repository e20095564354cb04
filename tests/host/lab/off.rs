//! Machines whose IOMMU is off or absent: the cause, and the way out.

use super::guest::{Guest, pass};
use super::machine::{CARD, Lab};
use serde_json::Value;

/// The finding IOMMU-OFF of the check list: message and remedy.
fn iommu_off(lab: &Lab) -> (String, String) {
    let doctor = lab.vmbuild("doctor --json").code(3).json();
    let checks = doctor["checks"].as_array().unwrap();
    let line = checks.iter().find(|line| line["code"] == "IOMMU-OFF").unwrap();
    assert_eq!(line["verdict"], "blocker", "{line:#}");
    let finding = &line["findings"][0];
    let text = |key: &str| finding[key].as_str().unwrap().to_owned();
    (text("message"), text("remedy"))
}

/// The error of a build that no IOMMU allows, word for word.
fn refused(lab: &Lab) {
    let ran = Guest::new(lab, "off").check(&pass(&CARD)).code(3).json();
    let findings = ran["findings"].as_array().unwrap();
    let messages: Vec<&Value> = findings.iter().map(|finding| &finding["message"]).collect();
    let expected = format!("device 0 ({}) IOMMU check failed: IOMMU not enabled", CARD[0]);
    assert!(messages.iter().any(|message| **message == expected), "{messages:#?}");
}

pub(crate) fn the_word_is_named(lab: &Lab) {
    let (_, remedy) = iommu_off(lab);
    assert!(remedy.contains("intel_iommu=off"), "{remedy}");
    refused(lab);
}

pub(crate) fn the_missing_iommu_is_explained(lab: &Lab) {
    let (_, remedy) = iommu_off(lab);
    assert!(remedy.contains("virtual machine") && remedy.contains("virtual IOMMU"), "{remedy}");
    refused(lab);
}
