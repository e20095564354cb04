//! The steps of a build, in order: look again, volumes, define, seed, autostart, read back, start, verify. The seed holds what
//! libvirt chooses when it defines the domain: the identity of the VM and the addresses of its cards.

use super::copy::{CopyFrom, sizes};
use super::reviewed;
use super::taken::TakenFunctions;
use super::volume::NewVolume;
use super::{FileCopy, LibvirtCall, PasswordFile};
use crate::domain::Element;
use crate::engine::{Blueprint, Call as AnyCall, Common, PlanOptions, Rendered, ReviewedFile, Step};
use crate::facts::{Facts, ImageFormat, ImageIndex, Pool, PoolType};
use crate::machine::{Disk, DiskOrigin, Location, Machine};
use crate::units::Bytes;
use std::cell::OnceCell;

/// The steps for a machine whose domain is `rendered`. Total, so that a draft with findings has a preview; whether it may
/// be built is judged by `checks`.
pub(super) fn steps(blueprint: &Blueprint<'_>, rendered: &Rendered, options: PlanOptions) -> Vec<Step> {
    let Blueprint { machine, facts, .. } = *blueprint;
    let domain = rendered.document.xml();
    let files = reviewed::files(blueprint);
    let images = OnceCell::new();
    let planned = Planned { machine, facts, images, files, name: defined_name(machine, domain), xml: rendered.text() };
    let taken = TakenFunctions::of(machine, domain);
    let mut steps = vec![recheck(&taken, &planned.files, facts)];
    let (seeds, images): (Vec<&Disk>, Vec<&Disk>) = machine.disks.iter().partition(|disk| disk.is_seed());
    steps.extend(images.into_iter().filter_map(|disk| planned.volume(disk)));
    steps.push(planned.define());
    steps.extend(seeds.into_iter().filter_map(|disk| planned.volume(disk)));
    steps.extend(machine.autostart.then(|| planned.autostart()));
    steps.push(planned.read_back());
    if options.start {
        steps.push(planned.start(!taken.is_empty()));
        steps.extend((!taken.is_empty()).then(|| planned.verify(taken)));
    }
    steps
}

/// The name that the domain gets: `custom_xml` may set another.
fn defined_name(machine: &Machine, domain: Option<&Element>) -> String {
    let written = domain.and_then(|domain| domain.find("name")).map(Element::own_text);
    written.unwrap_or_else(|| machine.name.clone())
}

fn recheck(taken: &TakenFunctions, files: &[ReviewedFile], facts: &Facts) -> Step {
    let call = AnyCall::Any(Common::Recheck { functions: taken.reviewed(facts), files: files.to_vec() });
    Step {
        terms: "observe the host again and run every check".into(),
        ..Step::new("recheck", "Re-check the host", call)
    }
}

/// What the steps are made of.
struct Planned<'a> {
    machine: &'a Machine,
    facts: &'a Facts,
    /// Images by all their names, once a file is copied.
    images: OnceCell<ImageIndex<'a>>,
    /// Files that the domain names, as they are now.
    files: Vec<ReviewedFile>,
    /// Name of the domain.
    name: String,
    xml: String,
}

impl Planned<'_> {
    /// The step that makes the volume of `disk`; `None` where its image exists already.
    fn volume(&self, disk: &Disk) -> Option<Step> {
        let (DiskOrigin::New { at, .. } | DiskOrigin::Clone { at, .. } | DiskOrigin::Seed { at }) = &disk.origin else {
            return None;
        };
        let Location::Volume { pool, volume, .. } = at else { return None };
        let (title, detail, terms, call) = match &disk.origin {
            DiskOrigin::New { size, .. } => self.create(disk, pool, volume, *size),
            DiskOrigin::Clone { from: Some(from), size, .. } => self.copy(disk, pool, volume, from, *size),
            DiskOrigin::Seed { .. } => seed(pool, volume),
            DiskOrigin::Clone { from: None, .. } | DiskOrigin::Existing(_) | DiskOrigin::Drive { .. } => return None,
        };
        Some(Step { detail, terms, ..Step::new(format!("volume {pool}/{volume}"), title, call) })
    }

    /// The files of an image that is copied, as they are now.
    fn reviewed(&self, from: &Location) -> Vec<ReviewedFile> {
        let images = self.images.get_or_init(|| ImageIndex::of(self.facts));
        from.path().map(|path| reviewed::of_image(path, self.facts, images)).unwrap_or_default()
    }

    /// What the type of a pool can do; one that was not seen is taken for a folder.
    fn pool_type(&self, pool: &str) -> &'static PoolType {
        let known = self.facts.pools.items().iter().find(|known| known.name == pool);
        known.map_or_else(|| PoolType::named("dir"), Pool::abilities)
    }

    fn new_volume<'b>(&self, disk: &'b Disk, pool: &str, name: &'b str, capacity: Option<Bytes>) -> NewVolume<'b> {
        NewVolume {
            name,
            capacity,
            format: disk.format.unwrap_or_default(),
            is_file: self.pool_type(pool).holds_images(),
        }
    }

    fn create(&self, disk: &Disk, pool: &str, volume: &str, size: Option<Bytes>) -> Words {
        let words = size.map(Bytes::in_gib).unwrap_or_default();
        let xml = self.new_volume(disk, pool, volume, size).xml();
        (
            "Create volume",
            join(volume, ", ", &words),
            join(&format!("virStorageVolCreateXML {pool}/{volume}"), " ", &words),
            LibvirtCall::CreateVolume { pool: pool.into(), volume: volume.into(), xml },
        )
    }

    fn copy(&self, disk: &Disk, pool: &str, volume: &str, from: &Location, size: Option<Bytes>) -> Words {
        let into = self.pool_type(pool);
        let source = CopyFrom::of(from, into, self.facts);
        let (capacity, grow_to) = sizes(&source, size, into);
        let words = grow_to.or(capacity).map(Bytes::in_gib).unwrap_or_default();
        let format = disk.format.unwrap_or_default();
        let conversion = source.conversion(format);
        let call = match (source.pool, conversion) {
            (Some(_), _) => "virStorageVolCreateXMLFrom",
            (None, Some(_)) => "qemu-img convert and virStorageVolUpload",
            (None, None) => "virStorageVolUpload",
        };
        let file = source.pool.is_none().then(|| FileCopy {
            format,
            volume: source.read_as_file,
            conversion,
            sparse: format == ImageFormat::Raw && into.zeroed,
            reviewed: self.reviewed(from),
        });
        (
            "Clone volume",
            join(&format!("{} to {volume}", source.name), ", ", &words),
            join(&format!("{call} {} to {pool}/{volume}", source.label()), " ", &words),
            LibvirtCall::CloneVolume {
                pool: pool.into(),
                volume: volume.into(),
                xml: self.new_volume(disk, pool, volume, capacity).xml(),
                from: source.name.into(),
                from_pool: source.pool.map(Into::into),
                grow_to,
                file,
            },
        )
    }

    /// A step about the domain.
    fn step(&self, key: &str, title: &str, terms: String, call: LibvirtCall) -> Step {
        let name = &self.name;
        Step { detail: name.clone(), terms, ..Step::new(format!("{key} {name}"), title, call) }
    }

    fn define(&self) -> Step {
        let name = &self.name;
        let terms = format!("virDomainDefineXMLFlags {name} (validated)");
        let files =
            self.machine.consoles.iter().filter_map(|console| {
                Some(PasswordFile { console: console.kind, path: console.password_file.clone()? })
            });
        let passwords: Vec<PasswordFile> = files.collect();
        let told = |file: &PasswordFile| format!("the {} password of {}", file.console.name(), file.path);
        let with =
            |text: &str| passwords.iter().fold(text.to_owned(), |text, file| join(&text, ", with ", &told(file)));
        let (detail, terms) = (with(name), with(&terms));
        let variables = self.machine.firmware.value.is_uefi();
        let (name, xml, tpm) = (name.clone(), self.xml.clone(), self.machine.tpm.value);
        let call = LibvirtCall::Define { name, xml, passwords, variables, tpm, files: self.files.clone() };
        Step { detail, ..self.step("define", "Define domain", terms, call) }
    }

    /// Goes with the domain, so there is nothing of its own to undo.
    fn autostart(&self) -> Step {
        let terms = format!("virDomainSetAutostart {} 1", self.name);
        self.step("autostart", "Set autostart", terms, LibvirtCall::SetAutostart)
    }

    fn read_back(&self) -> Step {
        let terms = format!("virDomainGetXMLDesc {}, compared with what was sent", self.name);
        self.step("read back", "Read back", terms, LibvirtCall::ReadBack { xml: self.xml.clone() })
    }

    fn start(&self, watched: bool) -> Step {
        let terms = format!("virDomainCreate {}", self.name);
        self.step(
            "start",
            "Start domain",
            terms,
            LibvirtCall::Start { name: self.name.clone(), watched, files: self.files.clone() },
        )
    }

    fn verify(&self, taken: TakenFunctions) -> Step {
        let TakenFunctions { passed, held } = taken;
        let held_names = held.iter().map(|address| format!("{address} (held)"));
        let detail = passed.iter().map(ToString::to_string).chain(held_names).collect::<Vec<_>>().join(", ");
        let terms = format!("check that {detail} are on vfio-pci");
        let call = LibvirtCall::VerifyPassthrough { passed, held };
        Step { detail, ..self.step("verify", "Verify passthrough", terms, call) }
    }
}

/// Title, detail, terms and call of a step that makes a volume.
type Words = (&'static str, String, String, LibvirtCall);

fn seed(pool: &str, volume: &str) -> Words {
    (
        "Write cloud-init seed",
        volume.to_owned(),
        format!("virStorageVolCreateXML and virStorageVolUpload {pool}/{volume} (mode 0600)"),
        LibvirtCall::WriteSeed { pool: pool.into(), volume: volume.into() },
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
    use crate::engine::libvirt::Libvirt;
    use crate::engine::{Builder, Engine, MadeId, Thing};
    use crate::facts::{Fact, Host, Pool, Provenance, Version, Volume};
    use crate::machine::machine;
    use serde_json::{Value, json};

    fn known<T>(value: T) -> Fact<T> {
        Fact::known(value, Provenance::Command("test".into()), 0)
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
            ..Pool::default()
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
            ..Volume::default()
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

    fn planned(spec: Value, options: PlanOptions) -> Vec<Step> {
        let (spec, facts) = (serde_json::from_value(spec).unwrap(), facts());
        let blueprint = Blueprint { spec: &spec, machine: &machine(&spec, &facts), facts: &facts };
        Libvirt.steps(&blueprint, &Libvirt.render(&blueprint), options)
    }

    fn with_disks(disks: Value) -> Vec<Step> {
        let mut spec = json!({"name": "ws 1", "storage": {"default_pool": "fast"}});
        spec["storage"]["disks"] = disks;
        planned(spec, PlanOptions::default())
    }

    fn calls(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|step| step.terms.as_str()).collect()
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
            "virDomainDefineXMLFlags ws (validated)",
            "virStorageVolCreateXML and virStorageVolUpload fast/ws-cidata.img (mode 0600)",
            "virDomainSetAutostart ws 1",
            "virDomainGetXMLDesc ws, compared with what was sent",
            "virDomainCreate ws",
            "check that 0000:01:00.0, 0000:01:00.1 are on vfio-pci",
        ];
        assert_eq!(calls(&planned(spec.clone(), PlanOptions { start: true })), want);
        assert_eq!(calls(&planned(spec, PlanOptions::default())), want[..7]);
    }

    #[test]
    fn holes_are_left_out_only_where_what_is_not_written_reads_as_zeros() {
        let leaves_holes = |format: &str, pool: &str| {
            let disk = json!({"action": "clone", "clone_from": "/srv/a.img", "format": format, "storage_pool": pool});
            let steps = with_disks(json!([disk]));
            let copies = steps.iter().filter_map(|step| match &step.call {
                AnyCall::Libvirt(LibvirtCall::CloneVolume { file, .. }) => file.clone(),
                _ => None,
            });
            copies.map(|file| file.sparse).collect::<Vec<_>>()
        };
        assert_eq!(leaves_holes("raw", "fast"), [true]);
        assert_eq!(leaves_holes("qcow2", "fast"), [false], "what libvirt has just made is not all zeros");
        assert_eq!(leaves_holes("raw", "vg0"), [false], "the bytes of a deleted volume are still there");
    }

    /// What undoes the steps of a plan, in words and as a command.
    fn undo(steps: &[Step]) -> Vec<(String, String)> {
        let things = steps.iter().filter_map(|step| step.thing.clone()).map(Thing::once_started);
        let undo = things.map(|thing| Libvirt.undo(&thing, None, Some("qemu:///system")));
        undo.map(|undo| (undo.words, undo.command.to_string())).collect()
    }

    #[test]
    fn what_is_made_comes_with_its_undo_and_the_command_for_it() {
        let want = [
            ("delete volume fast/ws 1-vda.qcow2", "virsh -c qemu:///system vol-delete --pool fast 'ws 1-vda.qcow2'"),
            ("undefine domain ws 1", "virsh -c qemu:///system undefine 'ws 1'"),
        ];
        let steps = with_disks(json!([{"action": "create", "size": 1}]));
        assert_eq!(undo(&steps), want.map(|(words, command)| (words.into(), command.into())));
        let uefi = planned(json!({"name": "ws", "uefi": true, "tpm": true}), PlanOptions { start: true });
        let commands: Vec<_> = undo(&uefi).into_iter().map(|(_, command)| command).collect();
        assert_eq!(
            commands,
            ["virsh -c qemu:///system undefine --nvram --tpm ws", "virsh -c qemu:///system destroy ws"]
        );
    }

    #[test]
    fn what_was_made_is_removed_by_its_identity_and_without_the_files_of_another() {
        let domain = |started| Thing::Domain { name: "ws".into(), variables: true, tpm: true, started };
        let volume = Thing::Volume { pool: "fast".into(), name: "a b".into() };
        let running = Thing::Running { domain: "ws".into() };
        let command = |thing: &Thing, id: &str| {
            Libvirt.undo(thing, Some(&MadeId(id.into())), Some("qemu:///system")).command.to_string()
        };
        let uuid = "6f8edc1c-5a92-4c1d-8d5a-1f2d9a3c0b7e";
        assert_eq!(command(&volume, "/fast/a b"), "virsh -c qemu:///system vol-delete '/fast/a b'");
        assert_eq!(
            command(&domain(false), uuid),
            format!("virsh -c qemu:///system undefine --keep-nvram --keep-tpm {uuid}")
        );
        assert_eq!(command(&domain(true), uuid), format!("virsh -c qemu:///system undefine --nvram --tpm {uuid}"));
        assert_eq!(command(&running, uuid), format!("virsh -c qemu:///system destroy {uuid}"));
    }

    fn call(steps: &[Step]) -> &LibvirtCall {
        let AnyCall::Libvirt(call) = &steps[1].call else { panic!("{steps:?}") };
        call
    }

    #[test]
    fn a_copy_of_a_volume_names_its_pool_and_grows() {
        let steps =
            with_disks(json!([{"action": "clone", "clone_from": "base.qcow2", "size": 40, "storage_pool": "golden"}]));
        let LibvirtCall::CloneVolume { from, from_pool, grow_to, xml, .. } = call(&steps) else { panic!("{steps:?}") };
        assert_eq!(
            (from.as_str(), from_pool.as_deref(), *grow_to),
            ("base.qcow2", Some("golden"), Some(Bytes::gib(40)))
        );
        assert!(xml.contains("<capacity unit='GiB'>10</capacity>"), "{xml}");
    }

    #[test]
    fn a_copy_into_a_volume_group_is_made_large_enough() {
        let disk = json!([{"action": "clone", "clone_from": "/golden/base.qcow2", "size": 40, "storage_pool": "vg0"}]);
        let steps = with_disks(disk);
        let LibvirtCall::CloneVolume { grow_to, xml, .. } = call(&steps) else { panic!("{steps:?}") };
        assert_eq!(*grow_to, None);
        assert!(xml.contains("<capacity unit='GiB'>40</capacity>") && !xml.contains("format"), "{xml}");
    }

    #[test]
    fn a_file_outside_of_all_pools_is_uploaded() {
        let steps = with_disks(json!([{"action": "clone", "clone_from": "/srv/golden.qcow2"}]));
        let LibvirtCall::CloneVolume { from, from_pool, .. } = call(&steps) else { panic!("{steps:?}") };
        assert_eq!((from.as_str(), from_pool), ("/srv/golden.qcow2", &None));
        assert_eq!(steps[1].terms, "virStorageVolUpload /srv/golden.qcow2 to fast/ws 1-vda.qcow2");
    }

    #[test]
    fn a_draft_with_holes_has_a_plan_nevertheless() {
        let steps = with_disks(json!([{}, {"action": "create"}, {"action": "clone"}]));
        assert_eq!(steps.len(), 4);
        assert_eq!(steps[1].terms, "virStorageVolCreateXML fast/ws 1-vdb.qcow2");
    }
}
