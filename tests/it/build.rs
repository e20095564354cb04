//! Builds on libvirt's test driver: success, failure in the middle, what existed, cancel. Each test has a host of its own.

use crate::support;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vmbuild::build::{Order, run};
use vmbuild::checks::Allowed;
use vmbuild::engine::Step;
use vmbuild::engine::libvirt::LibvirtCall;
use vmbuild::facts::{DomainState, Facts, Part};
use vmbuild::host::libvirt::Connection;
use vmbuild::host::{Source, observe};
use vmbuild::plan::{BuildEvent, BuildResult, Plan, Verdict};
use vmbuild::spec::{CloudInit, Spec};

const NODE: &str = "<node>
  <pool type='dir'><name>fast</name><uuid>8a9e0d0c-3b5d-4f0a-9b5e-0f4b6f6d1a01</uuid><target><path>/srv/fast</path></target>
    <volume><name>golden.qcow2</name><capacity unit='GiB'>20</capacity><allocation unit='GiB'>2</allocation>
      <target><path>/srv/fast/golden.qcow2</path><format type='qcow2'/></target></volume>
  </pool>
</node>";

/// A host of the test driver, apart from all others.
struct World {
    source: Source,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("node.xml");
        std::fs::write(&file, NODE).unwrap();
        let source = Source::at(format!("test://{}", file.display()));
        Self { source, folder }
    }

    /// Pools with their volumes, and domains.
    fn facts(&self) -> Facts {
        let mut facts = observe(&self.source, [Part::Pools, Part::Domains]).facts;
        for pool in facts.pools.get_mut().unwrap() {
            pool.volumes = vmbuild::facts::Fact::known(
                pool.volumes.items().to_vec(),
                vmbuild::facts::Provenance::File(String::new()),
                0,
            );
        }
        facts
    }

    fn volumes(&self) -> Vec<String> {
        self.facts().pools.items()[0].volumes.items().iter().map(|volume| volume.name.clone()).collect()
    }

    fn build(&self, steps: Vec<LibvirtCall>, mut each: impl FnMut(&BuildEvent)) -> (BuildResult, Vec<BuildEvent>) {
        self.build_or_cancel(steps, |event, _| each(event))
    }

    fn build_or_cancel(
        &self,
        steps: Vec<LibvirtCall>,
        mut each: impl FnMut(&BuildEvent, &AtomicBool),
    ) -> (BuildResult, Vec<BuildEvent>) {
        let plan = Plan { name: "ws".into(), steps: steps.into_iter().map(step).collect(), ..Plan::default() };
        let cloud_init = Some(CloudInit { user: Some("ann".into()), ..CloudInit::default() });
        let spec = Spec { cloud_init, ..Spec::default() };
        let (source, builds) = (self.source.clone(), Some(support::builds(self.folder.path())));
        let order = Order { plan, spec, allowed: Allowed::default(), source, builds, ssh: None };
        let cancel = Arc::default();
        let mut events = Vec::new();
        let outcome = run(
            &order,
            &mut |event| {
                each(&event, &cancel);
                events.push(event);
            },
            &cancel,
        );
        assert!(matches!(events.first(), Some(BuildEvent::Began { .. })));
        assert!(matches!(events.last(), Some(BuildEvent::Ended { outcome: told, .. }) if *told == outcome));
        (outcome, events)
    }
}

fn step(call: LibvirtCall) -> Step {
    Step::new("", "", call)
}

fn create(volume: &str) -> LibvirtCall {
    let xml = format!(
        "<volume><name>{volume}</name><capacity unit='GiB'>10</capacity><allocation>0</allocation>\
         <target><format type='qcow2'/></target></volume>"
    );
    LibvirtCall::CreateVolume { pool: "fast".into(), volume: volume.into(), xml }
}

fn clone(volume: &str, from: &str, from_pool: Option<&str>) -> LibvirtCall {
    let xml = format!(
        "<volume><name>{volume}</name><capacity unit='GiB'>20</capacity><target><format type='qcow2'/></target></volume>"
    );
    LibvirtCall::CloneVolume {
        pool: "fast".into(),
        volume: volume.into(),
        xml,
        from: from.into(),
        from_pool: from_pool.map(str::to_owned),
        grow_to: None,
        file: None,
    }
}

fn domain_xml(name: &str) -> String {
    format!(
        "<domain type='kvm'><name>{name}</name><memory unit='MiB'>512</memory><os><type arch='x86_64'>hvm</type></os>\
         <devices><disk type='file' device='disk'><source file='/srv/fast/a.qcow2'/><target dev='vda' bus='virtio'/></disk>\
         </devices></domain>"
    )
}

fn define_as(xml: String) -> LibvirtCall {
    LibvirtCall::Define {
        name: "ws".into(),
        xml,
        passwords: Vec::new(),
        variables: false,
        tpm: false,
        files: Vec::new(),
    }
}

fn start() -> LibvirtCall {
    LibvirtCall::Start { name: "ws".into(), watched: true, files: Vec::new() }
}

fn define() -> LibvirtCall {
    define_as(domain_xml("ws"))
}

fn undone(events: &[BuildEvent]) -> Vec<&str> {
    let what = |event: &'_ BuildEvent| matches!(event, BuildEvent::Undone { .. });
    events
        .iter()
        .filter(|event| what(event))
        .map(|event| match event {
            BuildEvent::Undone { what, .. } => what.as_str(),
            _ => "",
        })
        .collect()
}

fn note(events: &[BuildEvent], wanted: usize) -> &str {
    events
        .iter()
        .find_map(|event| match event {
            BuildEvent::StepDone { step, note, .. } if *step == wanted => Some(note.as_str()),
            _ => None,
        })
        .expect("the step is done")
}

#[test]
fn a_whole_plan_leaves_its_volumes_and_a_running_domain() {
    let world = World::new();
    let steps = vec![
        create("a.qcow2"),
        clone("b.qcow2", "golden.qcow2", Some("fast")),
        clone("c.qcow2", "/srv/fast/golden.qcow2", None),
        define(),
        LibvirtCall::WriteSeed { pool: "fast".into(), volume: "ws-cidata.img".into() },
        LibvirtCall::SetAutostart,
        LibvirtCall::ReadBack { xml: domain_xml("ws") },
        start(),
        LibvirtCall::VerifyPassthrough { passed: vec!["01:00.0".parse().unwrap()], held: Vec::new() },
    ];
    let (outcome, events) = world.build(steps, |_| {});
    let BuildResult::Built { uuid, state } = outcome else { panic!("{events:#?}") };
    assert_eq!(state, "running");
    assert_eq!(world.volumes(), ["a.qcow2", "b.qcow2", "c.qcow2", "golden.qcow2", "ws-cidata.img"]);
    let facts = world.facts();
    let domain = &facts.domains.items()[0];
    assert_eq!((domain.uuid.as_str(), domain.state, domain.autostart), (uuid.as_str(), DomainState::Active, true));
    assert!(note(&events, 6).starts_with("libvirt kept all that was sent, added "), "{}", note(&events, 6));
    assert_eq!(note(&events, 8), "4 not checked", "what was not verified is not called verified");
    let verdicts = events.iter().filter_map(|event| match event {
        BuildEvent::Verified { verdict, note, .. } => Some((*verdict, note.is_empty())),
        _ => None,
    });
    assert!(verdicts.eq([(Verdict::NotChecked, false); 4]), "{events:#?}");
}

#[test]
fn what_libvirt_dropped_of_the_xml_is_told_by_name() {
    let world = World::new();
    // The test driver knows nothing of QEMU's own elements, and does not say so.
    let qemu = "<qemu:commandline><qemu:arg value='-snapshot'/></qemu:commandline></domain>";
    let xml = domain_xml("ws")
        .replace("</domain>", qemu)
        .replace("<domain type='kvm'>", "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>");
    let (outcome, events) = world.build(vec![define_as(xml.clone()), LibvirtCall::ReadBack { xml }], |_| {});
    assert!(matches!(outcome, BuildResult::Built { .. }), "{events:#?}");
    assert!(note(&events, 1).starts_with("libvirt dropped 1, added "), "{}", note(&events, 1));
    let stored = events.iter().find_map(|event| match event {
        BuildEvent::Stored { step: 1, changes } => Some(changes),
        _ => None,
    });
    let told: Vec<_> = stored.unwrap().iter().filter(|change| change.is_lost()).map(ToString::to_string).collect();
    assert_eq!(told, [format!("dropped qemu:commandline: {}", qemu.trim_end_matches("</domain>"))]);
}

#[test]
fn a_failure_after_the_second_volume_leaves_everything_as_it_was() {
    let world = World::new();
    let before = world.facts();
    let mut rival = None;
    let (outcome, events) = world.build(vec![create("a.qcow2"), create("b.qcow2"), define()], |event| {
        if matches!(event, BuildEvent::StepDone { step: 1, .. }) {
            let connection = Connection::open(&world.source).unwrap();
            rival = Some((connection.define(&domain_xml("ws")).unwrap().0, connection));
        }
    });
    let (rival, connection) = rival.expect("the rival came in between");
    assert!(matches!(&outcome, BuildResult::Undone { message } if message.contains("exists already")), "{outcome:?}");
    assert_eq!(undone(&events), ["deleted volume b.qcow2 in pool fast", "deleted volume a.qcow2 in pool fast"]);
    assert_eq!(world.facts().domains.items()[0].uuid, rival.uuid, "the rival's domain is not ours to remove");
    connection.undefine(&rival, false).unwrap();
    let after = world.facts();
    assert_eq!((after.domains.items(), after.pools.items()), (before.domains.items(), before.pools.items()));
}

#[test]
fn a_volume_that_exists_is_never_touched() {
    let world = World::new();
    let before = world.facts();
    for last in [create("golden.qcow2"), clone("golden.qcow2", "a.qcow2", Some("fast"))] {
        let (outcome, events) = world.build(vec![create("a.qcow2"), last, define()], |_| {});
        assert!(matches!(&outcome, BuildResult::Undone { message } if message.contains("exists")), "{outcome:?}");
        assert_eq!(undone(&events), ["deleted volume a.qcow2 in pool fast"]);
        assert_eq!(world.facts().pools.items(), before.pools.items());
    }
}

#[test]
fn a_domain_of_the_same_uuid_is_never_redefined() {
    let world = World::new();
    let connection = Connection::open(&world.source).unwrap();
    let (theirs, _) = connection.define(&domain_xml("theirs")).unwrap();
    let stored = connection.stored_xml(&theirs).unwrap();
    for name in ["theirs", "ws"] {
        let xml = domain_xml(name).replace("<memory", &format!("<uuid>{}</uuid><memory", theirs.uuid));
        let (outcome, events) = world.build(vec![create("a.qcow2"), define_as(xml)], |_| {});
        assert!(
            matches!(&outcome, BuildResult::Undone { message } if message.contains("exists already")),
            "{outcome:?}"
        );
        assert_eq!(undone(&events), ["deleted volume a.qcow2 in pool fast"]);
        assert_eq!(connection.stored_xml(&theirs).unwrap(), stored);
    }
}

#[test]
fn a_domain_that_cannot_be_started_twice_is_removed_with_its_volumes() {
    let world = World::new();
    let before = world.facts();
    let (outcome, events) = world.build(vec![create("a.qcow2"), define(), start(), start()], |_| {});
    assert!(matches!(outcome, BuildResult::Undone { .. }), "{outcome:?}");
    assert_eq!(undone(&events), ["stopped domain ws", "removed domain ws", "deleted volume a.qcow2 in pool fast"]);
    assert_eq!(world.facts().pools.items(), before.pools.items());
    assert!(world.facts().domains.items().is_empty());
    assert!(
        events.iter().any(|e| matches!(e, BuildEvent::StepFailed { step: 3, original, .. } if !original.is_empty()))
    );
}

#[test]
fn a_cancel_between_steps_undoes_what_was_made() {
    let world = World::new();
    let (outcome, events) = world.build_or_cancel(vec![create("a.qcow2"), define(), start()], |event, cancel| {
        if matches!(event, BuildEvent::StepDone { step: 1, .. }) {
            cancel.store(true, Ordering::SeqCst);
        }
    });
    assert_eq!(outcome, BuildResult::Cancelled);
    assert_eq!(undone(&events), ["removed domain ws", "deleted volume a.qcow2 in pool fast"]);
    assert_eq!(world.volumes(), ["golden.qcow2"]);
    assert!(!events.iter().any(|event| matches!(event, BuildEvent::StepBegan { step: 2, .. })));
}

#[test]
fn what_somebody_else_removed_meanwhile_is_no_failure_of_the_undo() {
    let world = World::new();
    let (outcome, events) = world.build(vec![create("a.qcow2"), create("golden.qcow2")], |event| {
        if matches!(event, BuildEvent::StepFailed { .. }) {
            let connection = Connection::open(&world.source).unwrap();
            let volume = vmbuild::host::libvirt::MadeVolume {
                pool: "fast".into(),
                name: "a.qcow2".into(),
                key: "/srv/fast/a.qcow2".into(),
            };
            assert!(connection.delete_volume(&volume).unwrap());
        }
    });
    assert!(matches!(outcome, BuildResult::Undone { .. }));
    assert_eq!(undone(&events), ["volume a.qcow2 in pool fast no longer existed"]);
}

#[test]
fn a_host_that_does_not_answer_ends_the_build_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("qemu+unix:///system?socket={}/none", folder.path().display());
    let world = World { source: Source::at(uri), folder };
    let (outcome, _) = world.build(vec![create("a.qcow2")], |_| {});
    assert!(matches!(&outcome, BuildResult::Undone { message } if message.contains("daemon")), "{outcome:?}");
}
