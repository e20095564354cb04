//! VMs inside the lab: their specs, and what becomes of them after a scenario.

use super::machine::Lab;
use crate::support::program::Ran;
use serde_json::{Value, json};

/// A VM of a scenario; it goes with the value.
pub(crate) struct Guest<'a> {
    lab: &'a Lab,
    /// Its name.
    pub(crate) name: &'static str,
}

impl<'a> Guest<'a> {
    /// The VM of this name, whether it is there yet or not.
    pub(crate) fn new(lab: &'a Lab, name: &'static str) -> Self {
        Self { lab, name }
    }

    /// Writes the spec of a small VM with these PCI devices; gives its path.
    pub(crate) fn spec(&self, devices: &Value) -> String {
        let spec = json!({
            "name": self.name, "memory": "256 MiB", "vcpus": 1, "pci_devices": devices,
            "storage": {"default_pool": "default", "disks": [{"action": "create", "size": "1 GiB"}]},
            "networks": [{"type": "user"}],
        });
        self.lab.write(&format!("{}.json", self.name), &spec.to_string())
    }

    /// Builds and starts it.
    pub(crate) fn build(&self, devices: &Value) -> Ran {
        self.lab.vmbuild(&format!("build --start --yes {}", self.spec(devices)))
    }

    /// Checks it.
    pub(crate) fn check(&self, devices: &Value) -> Ran {
        self.lab.vmbuild(&format!("check --json {}", self.spec(devices)))
    }

    /// What libvirt says of its state.
    pub(crate) fn state(&self) -> String {
        self.lab.sh(&format!("virsh domstate {}", self.name))
    }

    /// Stops it.
    pub(crate) fn destroy(&self) {
        self.lab.sh(&format!("virsh destroy {}", self.name));
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let name = self.name;
        self.lab.run(&format!(
            "virsh destroy {name}; virsh undefine {name} --nvram; virsh vol-delete --pool default {name}-vda.qcow2"
        ));
    }
}

/// PCI devices of a spec.
pub(crate) fn pass(addresses: &[&str]) -> Value {
    addresses.iter().map(|address| json!({"host_address": address})).collect()
}

/// Findings of a report: those of `check`, or of `pci --take`.
pub(crate) fn findings<'a>(report: &'a Value, code: &str) -> Vec<&'a Value> {
    let all = report["findings"].as_array().unwrap_or_else(|| panic!("no findings in {report:#}"));
    all.iter().filter(|finding| finding["code"] == code).collect()
}

/// The message of the only finding with this code; panics where there are none or several, or the severity is another.
#[track_caller]
pub(crate) fn said<'a>(report: &'a Value, code: &str, severity: &str) -> &'a str {
    match findings(report, code).as_slice() {
        [finding] if finding["severity"] == severity => finding["message"].as_str().unwrap(),
        other => panic!("not one {severity} {code} but {other:#?} in {report:#}"),
    }
}
