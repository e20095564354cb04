//! The answers of the creation API: the VM that was made, or the error with its code and details.

use super::{BuildEvent, BuildResult, Plan};
use crate::checks::error::{BUILD_CANCELLED, BUILD_FAILED, BUILD_UNVERIFIED};
use crate::checks::{Finding, Report, Wording};
use crate::engine::BuiltVm;
use crate::machine::{Disk, DiskOrigin, Interface, Location, Machine};
use crate::units::{MIB, MacAddr};
use serde::Serialize;
use serde_json::{Value, json};

/// The VM that was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Created {
    /// UUID that libvirt gave it.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// shutoff or running.
    pub state: String,
    /// MiB.
    pub memory: u64,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Architecture.
    pub architecture: String,
    /// Machine type, with its version where libvirt has told it.
    pub machine: String,
    /// kvm, qemu, test.
    pub virt_type: String,
    /// Whether it starts with the host.
    pub autostart: bool,
    /// When it was complete, UTC; empty where libvirt told nothing of it.
    pub created_at: String,
    /// Disks and CD-ROMs: target, bus, device, format, pool and volume or path, size in bytes where it is known.
    pub disks: Vec<Value>,
    /// Interfaces: type, source, model, address.
    pub networks: Vec<Value>,
    /// Graphical consoles: type, listen address, port or socket.
    pub graphics: Vec<Value>,
    /// Serial consoles: type, path, port.
    pub consoles: Vec<Value>,
    /// Kind of firmware, loader, file of the variables.
    pub firmware: Value,
    /// Model, backend and version; null without one.
    pub tpm: Value,
    /// Guest system.
    pub os: Value,
    /// The user's own keys and values.
    pub metadata: Value,
    /// Host functions with their places in the guest; `"role": "hold"` instead of a place where the guest sees none.
    pub pci_devices: Vec<Value>,
    /// The file that Looking Glass' client reads on the host, and its command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looking_glass: Option<Value>,
}

impl Created {
    /// The answer for `machine`, which libvirt has as `uuid`. `built` is what libvirt tells of it; without that the answer is
    /// what was asked for.
    pub fn new(machine: &Machine, uuid: &str, state: &str, built: Option<&BuiltVm>) -> Self {
        let nothing = BuiltVm::default();
        let vm = built.unwrap_or(&nothing);
        let functions = machine.slots.iter().flat_map(|slot| &slot.functions);
        Self {
            uuid: uuid.to_owned(),
            name: machine.name.clone(),
            state: state.to_owned(),
            memory: machine.memory.map_or(0, |memory| memory.0 / MIB),
            vcpus: machine.vcpus.unwrap_or(0),
            architecture: machine.arch.value.clone(),
            machine: if vm.machine.is_empty() { machine.machine_type.value.clone() } else { vm.machine.clone() },
            virt_type: machine.domain_type.clone(),
            autostart: machine.autostart,
            created_at: vm.created_at.clone(),
            disks: if built.is_some() { disks(machine, vm) } else { machine.disks.iter().map(disk).collect() },
            networks: match built {
                Some(vm) => vm.networks.clone(),
                None => machine.interfaces.iter().map(network).collect(),
            },
            graphics: match built {
                Some(vm) => vm.graphics.clone(),
                None => machine.consoles.iter().map(|console| json!({"type": console.kind})).collect(),
            },
            consoles: vm.consoles.clone(),
            firmware: vm.firmware.clone(),
            tpm: vm.tpm.clone(),
            os: vm.os.clone(),
            metadata: vm.metadata.clone(),
            pci_devices: functions
                .map(|function| json!({"host_address": function.host, "guest_address": function.guest.value}))
                .chain(machine.held.iter().map(|held| json!({"host_address": held.host, "role": "hold"})))
                .collect(),
            looking_glass: machine
                .devices
                .looking_glass
                .as_ref()
                .map(|memory| json!({"file": memory.path(), "client": memory.client()})),
        }
    }
}

/// The disks that libvirt has; what only the plan tells of them, such as the pool of a file, is put beside.
fn disks(machine: &Machine, vm: &BuiltVm) -> Vec<Value> {
    let planned: Vec<Value> = machine.disks.iter().map(disk).collect();
    let mut all = vm.disks.clone();
    for row in &mut all {
        let same = planned.iter().find(|disk| disk.get("target") == row.get("target"));
        if let (Value::Object(row), Some(Value::Object(planned))) = (row, same) {
            for (name, value) in planned {
                row.entry(name.as_str()).or_insert_with(|| value.clone());
            }
        }
    }
    all
}

fn disk(disk: &Disk) -> Value {
    let mut body = json!({
        "target": disk.target.value,
        "bus": disk.bus.value,
        "device": disk.device,
        "format": disk.driver_format(),
        "readonly": disk.readonly,
    });
    if let DiskOrigin::New { size: Some(size), .. } = disk.origin {
        body["size_bytes"] = size.0.into();
    }
    if let DiskOrigin::Drive { host, namespace } = disk.origin {
        body["host_address"] = json!(host);
        body["namespace"] = namespace.into();
    }
    if let Some(Location::Volume { pool, volume, .. }) = disk.location() {
        body["storage_pool"] = pool.as_str().into();
        body["volume"] = volume.as_str().into();
    }
    if let Some(path) = disk.location().and_then(Location::path) {
        body["path"] = path.into();
    }
    body
}

fn network(interface: &Interface) -> Value {
    let mut body = json!({"type": interface.kind, "model": interface.model.value});
    if let Some(host) = interface.host {
        body = json!({"type": interface.kind, "host_address": host});
    } else if !interface.source.value.is_empty() {
        body["source"] = interface.source.value.as_str().into();
    }
    if let Some(mac) = interface.mac.as_deref().and_then(|mac| mac.parse::<MacAddr>().ok()) {
        body["mac"] = mac.to_string().into();
    }
    body
}

/// Why there is no VM.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refused {
    /// What is wrong, in one sentence.
    pub error: String,
    /// Stable name: the code of the finding, or BUILD-FAILED, BUILD-CANCELLED.
    pub code: String,
    /// An object with all there is to say.
    pub details: Value,
}

impl Refused {
    /// The blocker that the creation API would have named, else the first one, with all findings in the details; `None`
    /// where nothing blocks.
    pub fn by_findings(report: &Report) -> Option<Self> {
        // What the API validates comes first, in its order: clients match its texts.
        let place = |finding: &&Finding| finding.check.contract;
        let named = report.blockers().filter(|finding| place(finding).is_some()).min_by_key(place);
        let first = named.or_else(|| report.blockers().next())?;
        Some(Self {
            error: first.message(Wording::Full),
            code: first.code().to_owned(),
            details: json!({"findings": report.findings}),
        })
    }

    /// How a build of `plan` went wrong: the step, libvirt's words, what was undone and what was not. `None` where it
    /// did not.
    pub fn by_events(plan: &Plan, events: &[BuildEvent]) -> Option<Self> {
        let mut details = json!({"undone": [], "not_undone": []});
        let mut push = |list: &str, value: Value| {
            details.get_mut(list).and_then(Value::as_array_mut).into_iter().for_each(|list| list.push(value.clone()));
        };
        let (mut failure, mut blocked) = (None, None);
        for event in events {
            match event {
                BuildEvent::StepFailed { step, original, diagnosis, .. } => {
                    failure = Some((*step, original, diagnosis));
                }
                BuildEvent::Blocked { message, code, findings, .. } => blocked = Some((message, code, findings)),
                BuildEvent::Undone { what, .. } => push("undone", what.as_str().into()),
                BuildEvent::NotUndone { what, why, by_hand, .. } => {
                    push("not_undone", json!({"what": what, "why": why, "by_hand": by_hand}));
                }
                _ => {}
            }
        }
        if let Some((step, original, diagnosis)) = failure {
            details["step"] = plan.steps.get(step).map(|step| step.terms.clone()).into();
            details["libvirt"] = original.as_str().into();
            if let Some(diagnosis) = diagnosis {
                details["diagnosis"] = json!(diagnosis);
            }
        }
        let outcome = outcome(events)?;
        if let (BuildResult::Undone { .. }, Some((error, code, findings))) = (outcome, blocked) {
            details["findings"] = json!(findings);
            return Some(Self { error: error.clone(), code: code.clone(), details });
        }
        let (error, reason) = match outcome {
            BuildResult::Built { .. } => return None,
            BuildResult::Undone { message } | BuildResult::NotFullyUndone { message } => {
                (message.clone(), &BUILD_FAILED)
            }
            BuildResult::Unverified { message, .. } => (message.clone(), &BUILD_UNVERIFIED),
            BuildResult::Cancelled => ("the build was cancelled".to_owned(), &BUILD_CANCELLED),
        };
        Some(Self { error, code: reason.code.to_owned(), details })
    }
}

fn outcome(events: &[BuildEvent]) -> Option<&BuildResult> {
    events.iter().rev().find_map(|event| match event {
        BuildEvent::Ended { outcome, .. } => Some(outcome),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::checks::Level;
    use crate::checks::note::{Note, Remedy, Topic};
    use crate::engine::libvirt::Libvirt;
    use crate::engine::{Blueprint, Engine as _, EngineId, Made, MadeId, PlanOptions, Thing};
    use crate::facts::Facts;
    use crate::machine::machine;
    use crate::spec::Spec;

    fn spec() -> Spec {
        let spec = json!({
            "name": "ubuntu-vm", "memory": 2048, "vcpus": 2,
            "storage": {"default_pool": "default", "boot_iso": "/isos/u.iso", "disks": [{"action": "create", "size": 20}]},
            "networks": [{"mac": "52-54-00-00-00-0A"}],
            "pci_devices": [{"host_address": "01:00.0", "guest_address": "05:00.0"}],
        });
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn the_created_vm_is_described_as_the_api_does() {
        let uuid = "550e8400-e29b-41d4-a716-446655440000";
        let body =
            serde_json::to_value(Created::new(&machine(&spec(), &Facts::default()), uuid, "shutoff", None)).unwrap();
        let first: Vec<_> = body.as_object().unwrap().iter().take(5).collect();
        let want = json!({"uuid": uuid, "name": "ubuntu-vm", "state": "shutoff", "memory": 2048, "vcpus": 2});
        assert_eq!(first, want.as_object().unwrap().iter().collect::<Vec<_>>());
        assert_eq!(body["disks"][0]["volume"], "ubuntu-vm-vda.qcow2");
        assert_eq!(body["disks"][0]["size_bytes"], 21_474_836_480_u64);
        assert_eq!((&body["disks"][1]["device"], &body["disks"][1]["path"]), (&json!("cdrom"), &json!("/isos/u.iso")));
        assert_eq!(body["networks"][0]["mac"], "52:54:00:00:00:0a");
        let pci = json!({"host_address": "0000:01:00.0", "guest_address": "0000:05:00.0"});
        assert_eq!(body["pci_devices"][0], pci);
    }

    #[test]
    fn the_first_blocker_is_the_error() {
        let facts = Facts::default();
        let spec = Spec { memory: None, ..spec() };
        let report = crate::checks::report(&spec, &facts, &machine(&spec, &facts), &crate::checks::Allowed::default());
        let refused = Refused::by_findings(&report).unwrap();
        assert_eq!((refused.error.as_str(), refused.code.as_str()), ("memory is required", "MEM-MISSING"));
        assert_eq!(refused.details["findings"].as_array().unwrap().len(), report.findings.len());
        assert_eq!(Refused::by_findings(&Report::default()), None);
    }

    #[test]
    fn what_the_api_validates_is_named_before_what_only_we_find() {
        let finding = |code: &'static str| {
            let (level, remedy) = (Level::Blocker, Remedy::default());
            let note = Note { level, topic: Topic::default(), message: code.into(), remedy };
            Finding::new(crate::checks::explain(code).unwrap(), note)
        };
        let report = Report { findings: ["MEM-PINNED", "IOMMU-OFF", "DISK-SIZE"].map(finding).into(), passed: vec![] };
        assert_eq!(Refused::by_findings(&report).unwrap().code, "DISK-SIZE");
    }

    fn ended(outcome: BuildResult) -> BuildEvent {
        BuildEvent::Ended { at_ms: 9, outcome }
    }

    #[test]
    fn a_failed_build_says_what_was_undone_and_what_was_not() {
        let facts = Facts::default();
        let spec = spec();
        let blueprint = Blueprint { spec: &spec, machine: &machine(&spec, &facts), facts: &facts };
        let plan = Plan::of(&Libvirt, &blueprint, &Libvirt.render(&blueprint), PlanOptions::default());
        let made = |step: usize| Made {
            engine: EngineId::Libvirt,
            step,
            thing: Thing::Volume { pool: "default".into(), name: "a".into() },
            id: MadeId("/a".into()),
            file: None,
        };
        let events = [
            BuildEvent::StepFailed {
                step: 1,
                at_ms: 1,
                message: "no space".into(),
                original: "No space left on device".into(),
                diagnosis: crate::checks::diagnose("No space left on device", &[]),
                unanswered: false,
            },
            BuildEvent::Undone { step: 1, what: "deleted volume a".into(), made: made(1) },
            BuildEvent::NotUndone {
                step: 0,
                what: "volume b".into(),
                why: "busy".into(),
                by_hand: "virsh".into(),
                made: Some(made(0)),
            },
            ended(BuildResult::NotFullyUndone { message: "no space".into() }),
        ];
        let refused = Refused::by_events(&plan, &events).unwrap();
        assert_eq!((refused.error.as_str(), refused.code.as_str()), ("no space", "BUILD-FAILED"));
        let want = json!({
            "undone": ["deleted volume a"],
            "not_undone": [{"what": "volume b", "why": "busy", "by_hand": "virsh"}],
            "step": "virStorageVolCreateXML default/ubuntu-vm-vda.qcow2 20 GiB",
            "libvirt": "No space left on device",
            "diagnosis": {
                "code": "DISK-SPACE",
                "cause": "The pool is full.",
                "remedy": "Free space in it, or choose another pool.",
                "stops": true,
            },
        });
        assert_eq!(refused.details, want);
    }

    #[test]
    fn a_cancelled_build_is_an_error_and_a_built_vm_is_none() {
        let plan = Plan { name: "a".into(), ..Plan::default() };
        let cancelled = Refused::by_events(&plan, &[ended(BuildResult::Cancelled)]).unwrap();
        assert_eq!(cancelled.code, "BUILD-CANCELLED");
        let built = ended(BuildResult::Built { uuid: "u".into(), state: "shutoff".into() });
        assert_eq!(Refused::by_events(&plan, &[built]), None);
    }
}
