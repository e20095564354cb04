//! Steps of a build.

use super::{Call, Thing};
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
