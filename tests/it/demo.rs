//! The demo host: one consistent workstation, on which a build really happens. The tests share its one world.

use crate::support;
use std::path::Path;
use std::sync::Arc;
use vmbuild::build::{Order, run};
use vmbuild::checks::{Allowed, Severity, take};
use vmbuild::engine::libvirt::LibvirtCall;
use vmbuild::engine::{Call as AnyCall, Common, Step};
use vmbuild::facts::{DomainState, Facts, Iommu, IommuGroup, Kvm, MediaKind, Part, PciClass, Query};
use vmbuild::host::{Source, observe};
use vmbuild::plan::{BuildResult, Plan};
use vmbuild::spec::Spec;
use vmbuild::units::PciAddress;

fn demo() -> Source {
    Source::Demo
}

fn facts() -> Facts {
    let paths = ["/srv/isos/debian-12.9.0-amd64-netinst.iso", "/usr/share/vgabios/rtx4080.rom", "/none.iso"];
    let files = Query::Files(paths.map(str::to_owned).to_vec());
    let seen = observe(&demo(), Part::ALL.map(Query::Part).into_iter().chain([files]));
    assert_eq!(seen.unreachable, None);
    seen.facts
}

fn driver(facts: &Facts, address: &str) -> Option<String> {
    let address: PciAddress = address.parse().unwrap();
    facts.pci.items().iter().find(|device| device.address == address).unwrap().driver.clone()
}

fn step(call: impl Into<AnyCall>) -> Step {
    Step::new("", "", call)
}

fn order(folder: &Path) -> Order {
    let volume = "<volume><name>demo-ws-vda.qcow2</name><capacity unit='GiB'>200</capacity><allocation>0</allocation>
        <target><format type='qcow2'/></target></volume>";
    let domain = "<domain type='kvm'><name>demo-ws</name><memory unit='GiB'>16</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>
        <devices><hostdev mode='subsystem' type='pci' managed='yes'><source>
        <address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source></hostdev></devices></domain>";
    let name = || "demo-ws".to_owned();
    let calls = [
        LibvirtCall::CreateVolume { pool: "fast-nvme".into(), volume: "demo-ws-vda.qcow2".into(), xml: volume.into() },
        LibvirtCall::Define {
            name: name(),
            xml: domain.into(),
            passwords: Vec::new(),
            variables: false,
            tpm: false,
            files: Vec::new(),
        },
        LibvirtCall::Start { name: name(), watched: false, files: Vec::new() },
    ];
    let plan = Plan { name: name(), steps: calls.into_iter().map(step).collect(), ..Plan::default() };
    let builds = Some(support::builds(folder));
    Order { plan, spec: Spec::default(), allowed: Allowed::default(), source: demo(), builds, ssh: None }
}

#[test]
fn the_demo_is_one_workstation_and_a_build_in_it_shows_in_its_facts() {
    let before = facts();
    assert_known(&before);
    assert_consistent(&before);
    assert_eq!(driver(&before, "01:00.0").as_deref(), Some("nouveau"));
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(&order(folder.path()), &mut |_| {}, &Arc::default());
    assert!(matches!(outcome, BuildResult::Built { .. }), "{outcome:?}");
    let after = facts();
    let pool = after.pools.items().iter().find(|pool| pool.name == "fast-nvme").unwrap();
    assert!(pool.volume("demo-ws-vda.qcow2").is_some());
    let domain = after.domains.items().iter().find(|domain| domain.name == "demo-ws").unwrap();
    assert_eq!(domain.state, DomainState::Active);
    assert_eq!(driver(&after, "01:00.0").as_deref(), Some("vfio-pci"));
}

/// Nothing is unknown but what an inactive pool holds.
fn assert_known(facts: &Facts) {
    assert_eq!(facts.host.get().unwrap().hostname, "hv03");
    assert_eq!(facts.kvm.get(), Some(&Kvm::Usable));
    assert!(matches!(facts.iommu.get(), Some(Iommu::On { .. })));
    assert!(facts.memory.get().is_some() && facts.capabilities.get().is_some());
    assert!(facts.domain_capabilities.items().iter().any(|machine| machine.secure_boot == Some(true)));
    for pool in facts.pools.items() {
        assert_eq!(pool.active, pool.volumes.get().is_some(), "{}", pool.name);
        assert!(pool.available <= pool.capacity);
    }
    assert_eq!(facts.pools.items().iter().filter(|pool| !pool.active).count(), 1);
    let kinds: Vec<_> = facts.files.values().map(|file| file.get().unwrap().kind).collect();
    assert_eq!(kinds, [MediaKind::Missing, MediaKind::File, MediaKind::File]);
}

/// Disks, devices and networks that domains name are there; the graphics card to pass is alone with its sound.
fn assert_consistent(facts: &Facts) {
    let volumes: Vec<_> =
        facts.pools.items().iter().flat_map(|pool| pool.volumes.items()).map(|v| v.path.as_str()).collect();
    for domain in facts.domains.items() {
        assert!(domain.disks.iter().all(|disk| volumes.contains(&disk.source.as_str())), "{}", domain.name);
        for address in &domain.pci {
            let driver = driver(facts, &address.to_string());
            assert_eq!(domain.state == DomainState::Active, driver.as_deref() == Some("vfio-pci"), "{address}");
        }
    }
    for network in facts.networks.items() {
        assert!(facts.bridges.items().iter().any(|bridge| Some(&bridge.name) == network.bridge.as_ref()));
    }
    let groups = IommuGroup::of(facts.pci.items());
    let kinds = |number| {
        let group = groups.iter().find(|group| group.number == Some(number)).unwrap();
        group.devices.iter().map(|device| device.kind()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(14), [PciClass::Gpu, PciClass::Audio]);
    assert_eq!(kinds(17), [PciClass::Nvme, PciClass::Nic, PciClass::Usb]);
    assert!(facts.pci.items().iter().any(|device| device.boot_vga == Some(true)));
}

/// The cards of the demo stand for what there is on real hosts, and every check of passthrough has its facts.
#[test]
fn taking_each_card_of_the_demo_has_a_verdict_that_rests_on_facts() {
    let facts = observe(&demo(), Part::ALL.into_iter().chain([Part::Details])).facts;
    let codes = |address: &str| -> Vec<&str> {
        let taken = take(&facts, &[address.parse().unwrap()]);
        let unknown = taken.findings.iter().find(|finding| finding.severity() == Severity::Unknown);
        assert_eq!(unknown, None, "{address}");
        let heeded = taken.findings.iter().filter(|finding| finding.severity() <= Severity::Warning);
        heeded.map(vmbuild::checks::Finding::code).collect()
    };
    assert_eq!(codes("01:00.0"), [""; 0], "a graphics card that is free");
    let console = ["USE-GPU-DISPLAY", "PCI-BOOT-GPU", "PCIE-DOWNTRAINED"];
    assert_eq!(codes("02:00.0"), console, "that of the console, in a slot of few lanes");
    let shared = codes("05:00.0");
    assert!(["USE-ROOT-DISK", "USE-NET-SSH", "USE-NET-ROUTE"].iter().all(|code| shared.contains(code)), "{shared:?}");
    assert_eq!(codes("06:00.0"), ["PCI-IN-USE", "PCI-IN-USE", "PCIE-DOWNTRAINED"], "that of a VM");
    assert_eq!(codes("08:00.0"), ["PCI-IN-USE"], "that of a VM that is shut off");
    assert_eq!(codes("09:00.1"), ["NET-PF-WITH-VFS"]);
    assert_eq!(codes("09:10.1"), [""; 0], "a virtual function");
    assert_eq!(codes("0a:00.0"), [""; 0], "a drive that is free");
    assert_eq!(codes("00:14.0"), ["USE-USB-INPUT"], "that of the keyboard");
}

/// A plan that looks at the host and makes nothing.
fn recheck_alone(name: &str) -> Plan {
    let recheck = AnyCall::Any(Common::Recheck { functions: Vec::new(), files: Vec::new() });
    Plan { name: name.into(), steps: vec![step(recheck)], ..Plan::default() }
}

/// A spec that the checks find nothing wrong with.
fn spec(json: &str) -> Spec {
    serde_json::from_str(json).unwrap()
}

#[test]
fn what_changed_since_the_review_ends_the_build_before_anything_is_made() {
    let plan = recheck_alone("demo-recheck");
    let good = r#"{"name": "demo-recheck", "memory": 2048, "vcpus": 2,
        "storage": {"default_pool": "fast-nvme", "disks": [{"action": "create", "size": 20}]}}"#;
    let folder = tempfile::tempdir().unwrap();
    let builds = Some(support::builds(folder.path()));
    let order = Order { plan, spec: spec(good), allowed: Allowed::default(), source: demo(), builds, ssh: None };
    let mut events = Vec::new();
    let outcome = run(&order, &mut |event| events.push(event), &Arc::default());
    assert!(matches!(outcome, BuildResult::Built { .. }), "{events:#?}");
    let taken = Order { spec: spec(&good.replace("demo-recheck", "render-01")), ..order };
    let outcome = run(&taken, &mut |_| {}, &Arc::default());
    assert!(matches!(&outcome, BuildResult::Undone { message } if message.contains("render-01")), "{outcome:?}");
}
