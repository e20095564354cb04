//! Steps of a build.

use super::{Call, Thing};
use crate::units::PciAddress;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Tells it from the other steps of its plan.
    pub key: StepKey,
    /// What it is for: "Create volume".
    pub title: String,
    /// The thing it makes or changes, with its size where it has one: "gpu-ws-01-vda.qcow2, 200 GiB".
    pub detail: String,
    /// In the engine's own terms: "virStorageVolCreateXML fast-nvme/gpu-ws-01-vda.qcow2 200 GiB".
    #[serde(rename = "call")]
    pub terms: String,
    /// What it makes, if anything.
    pub thing: Option<Thing>,
    /// What is executed.
    #[serde(rename = "action")]
    pub call: Call,
}

impl Step {
    /// The step that executes `call`; its words are those of the engine.
    pub fn new(key: impl Into<String>, title: &str, call: impl Into<Call>) -> Self {
        let call = call.into();
        let (detail, terms) = (String::new(), String::new());
        Self { key: StepKey(key.into()), title: title.into(), detail, terms, thing: call.thing(), call }
    }
}

/// The name of a step within its plan: "volume fast/gpu-ws-01-vda.qcow2".
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(pub String);

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was known of a host function when the user agreed to take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// Where it is.
    pub address: PciAddress,
    /// Vendor and device id: `10de:2704`.
    pub ids: String,
    /// Subsystem ids, where they were known.
    pub subsystem: Option<(u16, u16)>,
    /// Name for people.
    pub label: String,
    /// IOMMU group.
    pub group: Option<u32>,
    /// The other functions of the group.
    pub companions: Vec<PciAddress>,
}
