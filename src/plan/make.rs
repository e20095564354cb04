//! The steps of a build, in order: look again, volumes, seed, define, autostart, read back, start, verify.

use super::copy::{Source, sizes};
use super::passed::Taken;
use super::volume::Wanted;
use super::{Action, PasswordFile, Plan, Step};
use crate::facts::Facts;
use crate::machine::{Disk, DiskOrigin, Location, Machine};
use crate::units::{Bytes, shell_quote};

/// What the user decides about a build beyond the spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Start the VM once it is defined.
    pub start: bool,
}

/// The plan for a machine whose domain XML is `xml`. Total, so that a draft with findings has a preview; whether it may
/// be built is judged by `checks`.
pub fn plan(machine: &Machine, facts: &Facts, xml: &str, options: PlanOptions) -> Plan {
    let made = Making { machine, facts, virsh: virsh(facts) };
    let taken = Taken::of(machine, xml);
    let mut steps = vec![recheck(&taken, facts)];
    steps.extend(machine.disks.iter().filter_map(|disk| made.volume(disk)));
    steps.push(made.define(xml));
    steps.extend(machine.autostart.then(|| made.autostart()));
    steps.push(made.read_back(xml));
    if options.start {
        steps.push(made.start());
        steps.extend((!taken.is_empty()).then(|| made.verify(taken)));
    }
    Plan { name: machine.name.clone(), steps }
}

/// virsh as it reaches the same host.
fn virsh(facts: &Facts) -> String {
    facts.host.get().map_or_else(|| "virsh".to_owned(), |host| format!("virsh -c {}", shell_quote(&host.uri)))
}

fn recheck(taken: &Taken, facts: &Facts) -> Step {
    Step {
        title: "Re-check the host".into(),
        detail: String::new(),
        call: "observe the host again and run every check".into(),
        undo: None,
        by_hand: None,
        action: Action::Recheck { functions: taken.reviewed(facts) },
    }
}

/// What the steps are made of.
struct Making<'a> {
    machine: &'a Machine,
    facts: &'a Facts,
    virsh: String,
}

impl Making<'_> {
    /// The step that makes the volume of `disk`; `None` where its image exists already.
    fn volume(&self, disk: &Disk) -> Option<Step> {
        let (DiskOrigin::New { at, .. } | DiskOrigin::Clone { at, .. } | DiskOrigin::Seed { at }) = &disk.origin else {
            return None;
        };
        let Location::Volume { pool, volume, .. } = at else { return None };
        let (title, detail, call, action) = match &disk.origin {
            DiskOrigin::New { size, .. } => self.create(disk, pool, volume, *size),
            DiskOrigin::Clone { from: Some(from), size, .. } => self.copy(disk, pool, volume, from, *size),
            DiskOrigin::Seed { .. } => seed(pool, volume),
            DiskOrigin::Clone { from: None, .. } | DiskOrigin::Existing(_) | DiskOrigin::Drive { .. } => return None,
        };
        Some(Step {
            title: title.into(),
            detail,
            call,
            undo: Some(format!("delete volume {pool}/{volume}")),
            by_hand: Some(format!("{} vol-delete --pool {} {}", self.virsh, shell_quote(pool), shell_quote(volume))),
            action,
        })
    }

    /// True where volumes of the pool are files; so it is assumed of a pool that nobody has seen.
    fn holds_files(&self, pool: &str) -> bool {
        self.facts.pools.items().iter().find(|known| known.name == pool).is_none_or(crate::facts::Pool::holds_files)
    }

    fn wanted<'b>(&self, disk: &'b Disk, pool: &str, name: &'b str, capacity: Option<Bytes>) -> Wanted<'b> {
        Wanted { name, capacity, format: disk.driver_format(), is_file: self.holds_files(pool) }
    }

    fn create(&self, disk: &Disk, pool: &str, volume: &str, size: Option<Bytes>) -> Words {
        let words = size.map(Bytes::in_gib).unwrap_or_default();
        let xml = self.wanted(disk, pool, volume, size).xml();
        (
            "Create volume",
            join(volume, ", ", &words),
            join(&format!("virStorageVolCreateXML {pool}/{volume}"), " ", &words),
            Action::CreateVolume { pool: pool.into(), volume: volume.into(), xml },
        )
    }

    fn copy(&self, disk: &Disk, pool: &str, volume: &str, from: &Location, size: Option<Bytes>) -> Words {
        let source = Source::of(from, self.facts);
        let (capacity, grow_to) = sizes(&source, size, self.holds_files(pool));
        let words = grow_to.or(capacity).map(Bytes::in_gib).unwrap_or_default();
        let call = if source.pool.is_some() { "virStorageVolCreateXMLFrom" } else { "virStorageVolUpload" };
        (
            "Clone volume",
            join(&format!("{} to {volume}", source.name), ", ", &words),
            join(&format!("{call} {} to {pool}/{volume}", source.label()), " ", &words),
            Action::CloneVolume {
                pool: pool.into(),
                volume: volume.into(),
                xml: self.wanted(disk, pool, volume, capacity).xml(),
                from: source.name.into(),
                from_pool: source.pool.map(Into::into),
                grow_to,
            },
        )
    }

    fn step(&self, title: &str, call: &str, action: Action) -> Step {
        let name = &self.machine.name;
        Step { title: title.into(), detail: name.clone(), call: call.into(), undo: None, by_hand: None, action }
    }

    fn define(&self, xml: &str) -> Step {
        let name = &self.machine.name;
        let call = format!("virDomainDefineXMLFlags {name} (validated)");
        let nvram = if self.machine.firmware.value.is_uefi() { " --nvram" } else { "" };
        let tpm = if self.machine.tpm.value { " --tpm" } else { "" };
        let files =
            self.machine.consoles.iter().filter_map(|console| {
                Some(PasswordFile { console: console.kind, path: console.password_file.clone()? })
            });
        let passwords: Vec<PasswordFile> = files.collect();
        let told = |file: &PasswordFile| format!("the {} password of {}", file.console.name(), file.path);
        let with =
            |text: &str| passwords.iter().fold(text.to_owned(), |text, file| join(&text, ", with ", &told(file)));
        let (detail, call) = (with(name), with(&call));
        Step {
            detail,
            undo: Some(format!("undefine domain {name}")),
            by_hand: Some(format!("{} undefine{nvram}{tpm} {}", self.virsh, shell_quote(name))),
            ..self.step("Define domain", &call, Action::Define { xml: xml.into(), passwords })
        }
    }

    /// Goes with the domain, so there is nothing of its own to undo.
    fn autostart(&self) -> Step {
        self.step("Set autostart", &format!("virDomainSetAutostart {} 1", self.machine.name), Action::SetAutostart)
    }

    fn read_back(&self, xml: &str) -> Step {
        let call = format!("virDomainGetXMLDesc {}, compared with what was sent", self.machine.name);
        self.step("Read back", &call, Action::ReadBack { xml: xml.into() })
    }

    fn start(&self) -> Step {
        let name = &self.machine.name;
        Step {
            undo: Some(format!("stop domain {name}")),
            by_hand: Some(format!("{} destroy {}", self.virsh, shell_quote(name))),
            ..self.step("Start domain", &format!("virDomainCreate {name}"), Action::Start)
        }
    }

    fn verify(&self, taken: Taken) -> Step {
        let Taken { passed, held } = taken;
        let held_names = held.iter().map(|address| format!("{address} (held)"));
        let detail = passed.iter().map(ToString::to_string).chain(held_names).collect::<Vec<_>>().join(", ");
        let call = format!("see that {detail} sit on vfio-pci");
        Step { detail, ..self.step("Verify passthrough", &call, Action::VerifyPassthrough { passed, held }) }
    }
}

/// Title, detail, call and action of a step that makes a volume.
type Words = (&'static str, String, String, Action);

fn seed(pool: &str, volume: &str) -> Words {
    (
        "Write cloud-init seed",
        volume.to_owned(),
        format!("virStorageVolCreateXML and virStorageVolUpload {pool}/{volume} (mode 0600)"),
        Action::WriteSeed { pool: pool.into(), volume: volume.into() },
    )
}

/// `left`, with `right` behind it where there is something.
fn join(left: &str, between: &str, right: &str) -> String {
    if right.is_empty() { left.to_owned() } else { format!("{left}{between}{right}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::facts::{Fact, Host, Pool, Source as Seen, Version, Volume};
    use crate::machine::machine;
    use serde_json::{Value, json};

    fn known<T>(value: T) -> Fact<T> {
        Fact::known(value, Seen::Command("test".into()), 0)
    }

    fn pool(name: &str, kind: &str, volumes: Vec<Volume>) -> Pool {
        Pool {
            name: name.into(),
            uuid: String::new(),
            kind: kind.into(),
            active: true,
            autostart: true,
            path: Some(format!("/{name}")),
            capacity: Bytes::gib(100),
            allocation: Bytes(0),
            available: Bytes::gib(100),
            volumes: known(volumes),
        }
    }

    fn facts() -> Facts {
        let version = Version::default();
        let golden = Volume {
            name: "base.qcow2".into(),
            path: "/golden/base.qcow2".into(),
            capacity: Bytes::gib(10),
            allocation: Bytes::gib(4),
            format: Some("qcow2".into()),
        };
        Facts {
            host: known(Host {
                uri: "qemu:///system".into(),
                hostname: "hv".into(),
                libvirt: version,
                driver: "QEMU".into(),
                hypervisor: version,
                local: true,
            }),
            pools: known(vec![
                pool("fast", "dir", Vec::new()),
                pool("golden", "dir", vec![golden]),
                pool("vg0", "logical", Vec::new()),
            ]),
            ..Facts::default()
        }
    }

    fn planned(spec: Value, options: PlanOptions) -> Plan {
        let spec = serde_json::from_value(spec).unwrap();
        let facts = facts();
        plan(&machine(&spec, &facts), &facts, "<domain/>", options)
    }

    fn with_disks(disks: Value) -> Plan {
        let mut spec = json!({"name": "ws 1", "storage": {"default_pool": "fast"}});
        spec["storage"]["disks"] = disks;
        planned(spec, PlanOptions::default())
    }

    fn calls(plan: &Plan) -> Vec<&str> {
        plan.steps.iter().map(|step| step.call.as_str()).collect()
    }

    #[test]
    fn the_steps_come_in_the_order_of_a_build() {
        let spec = json!({
            "name": "ws", "autostart": true, "cloud_init": {"user": "joe"},
            "storage": {"default_pool": "fast", "boot_iso": "/isos/a.iso", "disks": [
                {"action": "create", "size": 100}, {"action": "attach", "path": "/srv/data.img"},
                {"action": "clone", "clone_from": "/golden/base.qcow2", "size": 40}
            ]},
            "pci_devices": [{"host_address": "01:00.0"}, {"host_address": "01:00.1"}],
        });
        let want = [
            "observe the host again and run every check",
            "virStorageVolCreateXML fast/ws-vda.qcow2 100 GiB",
            "virStorageVolCreateXMLFrom golden/base.qcow2 to fast/ws-vdc.qcow2 40 GiB",
            "virStorageVolCreateXML and virStorageVolUpload fast/ws-cidata.img (mode 0600)",
            "virDomainDefineXMLFlags ws (validated)",
            "virDomainSetAutostart ws 1",
            "virDomainGetXMLDesc ws, compared with what was sent",
            "virDomainCreate ws",
            "see that 0000:01:00.0, 0000:01:00.1 sit on vfio-pci",
        ];
        assert_eq!(calls(&planned(spec.clone(), PlanOptions { start: true })), want);
        assert_eq!(calls(&planned(spec, PlanOptions::default())), want[..7]);
    }

    #[test]
    fn what_is_made_comes_with_its_undo_and_the_command_for_it() {
        let plan = with_disks(json!([{"action": "create", "size": 1}]));
        let undo: Vec<_> =
            plan.steps.iter().filter_map(|step| Some((step.undo.clone()?, step.by_hand.clone()?))).collect();
        let want = [
            ("delete volume fast/ws 1-vda.qcow2", "virsh -c qemu:///system vol-delete --pool fast 'ws 1-vda.qcow2'"),
            ("undefine domain ws 1", "virsh -c qemu:///system undefine 'ws 1'"),
        ];
        assert_eq!(undo, want.map(|(undo, by_hand)| (undo.into(), by_hand.into())));
        let uefi = planned(json!({"name": "ws", "uefi": true, "tpm": true}), PlanOptions { start: true });
        let by_hand: Vec<_> = uefi.steps.iter().filter_map(|step| step.by_hand.as_deref()).collect();
        assert_eq!(
            by_hand,
            ["virsh -c qemu:///system undefine --nvram --tpm ws", "virsh -c qemu:///system destroy ws"]
        );
    }

    fn action(plan: &Plan) -> &Action {
        &plan.steps[1].action
    }

    #[test]
    fn a_copy_of_a_volume_names_its_pool_and_grows() {
        let plan =
            with_disks(json!([{"action": "clone", "clone_from": "base.qcow2", "size": 40, "storage_pool": "golden"}]));
        let Action::CloneVolume { from, from_pool, grow_to, xml, .. } = action(&plan) else { panic!("{plan:?}") };
        assert_eq!(
            (from.as_str(), from_pool.as_deref(), *grow_to),
            ("base.qcow2", Some("golden"), Some(Bytes::gib(40)))
        );
        assert!(xml.contains("<capacity unit='GiB'>10</capacity>"), "{xml}");
    }

    #[test]
    fn a_copy_into_a_volume_group_is_made_large_enough() {
        let disk = json!([{"action": "clone", "clone_from": "/golden/base.qcow2", "size": 40, "storage_pool": "vg0"}]);
        let plan = with_disks(disk);
        let Action::CloneVolume { grow_to, xml, .. } = action(&plan) else { panic!("{plan:?}") };
        assert_eq!(*grow_to, None);
        assert!(xml.contains("<capacity unit='GiB'>40</capacity>") && !xml.contains("format"), "{xml}");
    }

    #[test]
    fn a_file_outside_of_all_pools_is_uploaded() {
        let plan = with_disks(json!([{"action": "clone", "clone_from": "/srv/golden.qcow2"}]));
        let Action::CloneVolume { from, from_pool, .. } = action(&plan) else { panic!("{plan:?}") };
        assert_eq!((from.as_str(), from_pool), ("/srv/golden.qcow2", &None));
        assert_eq!(plan.steps[1].call, "virStorageVolUpload /srv/golden.qcow2 to fast/ws 1-vda.qcow2");
    }

    #[test]
    fn a_draft_with_holes_has_a_plan_all_the_same() {
        let plan = with_disks(json!([{}, {"action": "create"}, {"action": "clone"}]));
        assert_eq!(plan.steps.len(), 4);
        assert_eq!(plan.steps[1].call, "virStorageVolCreateXML fast/ws 1-vdb.qcow2");
    }
}
