//! What is there to undo, told by the written events of a build alone: a build is cut off at every event, as by kill -9,
//! and its events say what exists; what they say removes it.

use crate::support;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use vmbuild::build::{Order, run};
use vmbuild::checks::Allowed;
use vmbuild::engine::libvirt::{Libvirt, LibvirtCall};
use vmbuild::engine::{Blueprint, Engine as _, EngineId, Made, PlanOptions, Step, Thing};
use vmbuild::facts::{DomainState, Part};
use vmbuild::host::backend::Trace;
use vmbuild::host::opening;
use vmbuild::host::{Source, observe};
use vmbuild::machine::machine;
use vmbuild::plan::{BuildEvent, BuildResult, Ledger, Plan};
use vmbuild::spec::{CloudInit, Spec};

/// A host and what a build may use of it.
trait World {
    fn source(&self) -> Source;
    /// Everything that exists, in words.
    fn all(&self) -> BTreeSet<String>;
    fn plan(&self) -> Plan;
}

/// A thing as [`World::all`] words it.
fn word(thing: &Thing) -> String {
    match thing {
        Thing::Volume { name, .. } => format!("volume {name}"),
        Thing::Domain { name, .. } => format!("domain {name}"),
        Thing::Running { domain } => format!("running {domain}"),
    }
}

/// Runs the plan and cuts it off right after `events` events; the lines that it wrote. `None` where it came to its end.
fn cut_after(world: &dyn World, events: usize) -> (Vec<String>, Option<BuildResult>) {
    let cloud_init = Some(CloudInit { user: Some("ann".into()), ..CloudInit::default() });
    let spec = Spec { cloud_init, ..Spec::default() };
    let state = tempfile::tempdir().unwrap();
    let (source, builds) = (world.source(), Some(support::builds(state.path())));
    let order = Order { plan: world.plan(), spec, allowed: Allowed::default(), source, builds, ssh: None };
    let mut lines = Vec::new();
    let mut write = |event: BuildEvent| {
        lines.push(serde_json::to_string(&event).unwrap());
        if lines.len() == events {
            // Nothing that the build would do after this event is done.
            resume_unwind(Box::new("cut"));
        }
    };
    let ended = catch_unwind(AssertUnwindSafe(|| run(&order, &mut write, &std::sync::Arc::default())));
    (lines, ended.ok())
}

/// The ledger of written events.
fn ledger(lines: &[String]) -> Ledger {
    let events: Vec<BuildEvent> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    Ledger::of(&events)
}

/// Removes what the ledger lists, on a connection of its own.
fn remove(world: &dyn World, ledger: &Ledger) {
    let mut backend = opening::open(EngineId::Libvirt, &world.source(), None).unwrap();
    let made: Vec<Made> = ledger.newest_first().cloned().collect();
    for made in made {
        backend.undo(&made).unwrap_or_else(|error| panic!("{made:?}: {error}"));
    }
}

/// Cuts a build at each of its events.
fn cut_everywhere(world: &dyn World) {
    let before = world.all();
    for events in 1.. {
        let (lines, ended) = cut_after(world, events);
        let ledger = ledger(&lines);
        let last = lines.last().unwrap();
        let listed: BTreeSet<String> = ledger.newest_first().map(|made| word(&made.thing)).collect();
        let there: BTreeSet<String> = world.all().difference(&before).cloned().collect();
        assert_eq!(listed, there, "after {last}");
        if let Some(begun) = ledger.begun() {
            let mut backend = opening::open(EngineId::Libvirt, &world.source(), None).unwrap();
            assert_eq!(backend.observe(&begun.thing), Trace::Absent, "after {last}");
        }
        remove(world, &ledger);
        assert_eq!(world.all(), before, "undone after {last}");
        if let Some(ended) = ended {
            assert!(matches!(ended, BuildResult::Built { .. }) && events > 10, "{ended:?}");
            return;
        }
    }
}

/// The same where the user cancels at each event: the undo, too, is told.
fn cancel_everywhere(world: &dyn World, most: usize) {
    let before = world.all();
    for events in 1..most {
        let state = tempfile::tempdir().unwrap();
        let order = Order {
            plan: world.plan(),
            spec: Spec::default(),
            allowed: Allowed::default(),
            source: world.source(),
            builds: Some(support::builds(state.path())),
            ssh: None,
        };
        let cancel = std::sync::Arc::default();
        let mut told = Vec::new();
        run(
            &order,
            &mut |event| {
                told.push(serde_json::to_string(&event).unwrap());
                let cancelled = told.len() >= events;
                std::sync::atomic::AtomicBool::store(&cancel, cancelled, std::sync::atomic::Ordering::SeqCst);
                let listed: BTreeSet<String> = ledger(&told).newest_first().map(|made| word(&made.thing)).collect();
                let there: BTreeSet<String> = world.all().difference(&before).cloned().collect();
                assert_eq!(listed, there, "cancelled after {events}, at {}", told.last().unwrap());
            },
            &cancel,
        );
        remove(world, &ledger(&told));
        assert_eq!(world.all(), before);
    }
}

fn volume_xml(name: &str) -> String {
    format!(
        "<volume><name>{name}</name><capacity unit='MiB'>64</capacity><allocation>0</allocation>\
         <target><format type='qcow2'/></target></volume>"
    )
}

fn copy(pool: &str, volume: &str, from: &str, from_pool: Option<&str>) -> LibvirtCall {
    let xml = volume_xml(volume);
    let (pool, from_pool) = (pool.to_owned(), from_pool.map(str::to_owned));
    LibvirtCall::CloneVolume {
        pool,
        volume: volume.into(),
        xml,
        from: from.into(),
        from_pool,
        grow_to: None,
        file: None,
    }
}

/// Every call that makes something, and those that do not in between.
fn plan(uri: &str, pool: &str, name: &str, xml: &str, outside: &Path) -> Plan {
    let create = LibvirtCall::CreateVolume { pool: pool.into(), volume: "a.qcow2".into(), xml: volume_xml("a.qcow2") };
    let mut calls = vec![create, copy(pool, "b.qcow2", "a.qcow2", Some(pool))];
    calls.extend(outside.exists().then(|| copy(pool, "c.qcow2", outside.to_str().unwrap(), None)));
    calls.extend([
        LibvirtCall::Define {
            name: name.into(),
            xml: xml.into(),
            passwords: Vec::new(),
            variables: true,
            tpm: false,
            files: Vec::new(),
        },
        LibvirtCall::WriteSeed { pool: pool.into(), volume: "seed.img".into() },
        LibvirtCall::ReadBack { xml: xml.into() },
        LibvirtCall::Start { name: name.into(), watched: false, files: Vec::new() },
    ]);
    let steps = calls.into_iter().map(|call| Step::new("", "", call)).collect();
    Plan { name: name.into(), host: Some(uri.into()), steps, ..Plan::default() }
}

// ---- libvirt's test driver ----------------------------------------------------------------------------------------------

struct TestDriver(tempfile::TempDir);

impl TestDriver {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = "<node><pool type='dir'><name>fast</name><uuid>8a9e0d0c-3b5d-4f0a-9b5e-0f4b6f6d1a01</uuid>\
                    <target><path>/srv/fast</path></target></pool></node>";
        std::fs::write(folder.path().join("node.xml"), node).unwrap();
        Self(folder)
    }

    fn uri(&self) -> String {
        format!("test://{}", self.0.path().join("node.xml").display())
    }
}

impl World for TestDriver {
    fn source(&self) -> Source {
        Source::at(self.uri())
    }

    fn all(&self) -> BTreeSet<String> {
        let facts = observe(&self.source(), [Part::Pools, Part::Domains]).facts;
        let volumes = facts.pools.items().iter().flat_map(|pool| pool.volumes.items()).map(|volume| &volume.name);
        let domains = facts.domains.items();
        let running = domains.iter().filter(|domain| domain.state == DomainState::Active);
        volumes
            .map(|name| format!("volume {name}"))
            .chain(domains.iter().map(|domain| format!("domain {}", domain.name)))
            .chain(running.map(|domain| format!("running {}", domain.name)))
            .collect()
    }

    fn plan(&self) -> Plan {
        let xml = "<domain type='test'><name>ws</name><memory unit='MiB'>64</memory>\
                   <os><type arch='x86_64'>hvm</type></os></domain>";
        plan(&self.uri(), "fast", "ws", xml, Path::new("/none"))
    }
}

#[test]
fn events_alone_say_what_exists_at_every_event_on_the_test_driver() {
    cut_everywhere(&TestDriver::new());
}

#[test]
fn events_of_a_cancelled_build_say_what_exists_at_every_event_on_the_test_driver() {
    cancel_everywhere(&TestDriver::new(), 24);
}

// ---- a libvirt that runs real guests ------------------------------------------------------------------------------------

/// A pool of its own, which goes with the value.
struct System {
    uri: String,
    name: String,
    folder: tempfile::TempDir,
    outside: tempfile::TempDir,
}

impl System {
    fn new(uri: String, test: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        // QEMU's own user must reach the images.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(outside.path().join("image.raw"), vec![7; 1 << 20]).unwrap();
        let system = Self { uri, name: format!("vmbuild-test-{test}-{}", std::process::id()), folder, outside };
        system.virsh(&["pool-create-as", &system.name, "dir", "--target", system.folder.path().to_str().unwrap()]);
        system
    }

    /// Output of a virsh that must succeed.
    fn virsh(&self, arguments: &[&str]) -> String {
        let output = Command::new("virsh").args(["-q", "-c", &self.uri]).args(arguments).output().expect("virsh");
        assert!(output.status.success(), "virsh {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn domain_xml(&self) -> String {
        let image = self.folder.path().join("a.qcow2");
        format!(
            "<domain type='qemu'><name>{}</name><memory unit='MiB'>64</memory>\
             <os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>\
             <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{}'/>\
             <target dev='vda' bus='virtio'/></disk></devices></domain>",
            self.name,
            image.display()
        )
    }
}

impl World for System {
    fn source(&self) -> Source {
        Source::at(self.uri.clone())
    }

    fn all(&self) -> BTreeSet<String> {
        let names = |arguments: &[&str]| {
            let listed = self.virsh(arguments);
            listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect::<Vec<_>>()
        };
        let ours = |kind: &'static str, name: String| (name == self.name).then(|| format!("{kind} {name}"));
        let volumes = names(&["vol-list", &self.name]).into_iter().map(|name| format!("volume {name}"));
        let domains = names(&["list", "--all", "--name"]).into_iter().filter_map(|name| ours("domain", name));
        let running = names(&["list", "--name"]).into_iter().filter_map(|name| ours("running", name));
        volumes.chain(domains).chain(running).collect()
    }

    fn plan(&self) -> Plan {
        plan(&self.uri, &self.name, &self.name, &self.domain_xml(), &self.outside.path().join("image.raw"))
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let quietly =
            |arguments: &[&str]| drop(Command::new("virsh").args(["-q", "-c", &self.uri]).args(arguments).output());
        quietly(&["destroy", &self.name]);
        quietly(&["undefine", "--nvram", "--tpm", &self.name]);
        quietly(&["pool-destroy", &self.name]);
    }
}

#[test]
fn events_alone_say_what_exists_at_every_event_on_a_real_libvirtd() {
    let Some(uri) = support::system_uri() else { return };
    cut_everywhere(&System::new(uri, "cut"));
}

#[test]
fn a_copy_is_told_while_libvirt_still_makes_it() {
    let Some(uri) = support::system_uri() else { return };
    let system = System::new(uri, "copy");
    // A file of holes takes no room, and takes its time: libvirt reads all of it.
    let source = system.folder.path().join("source.raw");
    std::fs::File::create(&source).unwrap().set_len(12 << 30).unwrap();
    system.virsh(&["pool-refresh", &system.name]);
    let xml = "<volume><name>b.raw</name><capacity unit='GiB'>12</capacity><allocation>0</allocation>\
               <target><format type='raw'/></target></volume>";
    let call = LibvirtCall::CloneVolume {
        pool: system.name.clone(),
        volume: "b.raw".into(),
        xml: xml.into(),
        from: "source.raw".into(),
        from_pool: Some(system.name.clone()),
        grow_to: None,
        file: None,
    };
    let plan = Plan { name: "copy".into(), steps: vec![Step::new("", "", call)], ..Plan::default() };
    let (source, builds) = (system.source(), Some(support::builds(system.outside.path())));
    let order = Order { plan, spec: Spec::default(), allowed: Allowed::default(), source, builds, ssh: None };
    let (mut began, mut made, mut done) = (None, None, None);
    let mut take = |event: BuildEvent| match event {
        BuildEvent::StepBegan { .. } => began = Some(Instant::now()),
        BuildEvent::Made(_) => made = Some(Instant::now()),
        BuildEvent::StepDone { .. } => done = Some(Instant::now()),
        _ => {}
    };
    let outcome = run(&order, &mut take, &std::sync::Arc::default());
    let [Some(began), Some(made), Some(done)] = [began, made, done] else { panic!("{outcome:?}") };
    // A file system that shares blocks makes the copy at once.
    if done - began > Duration::from_secs(2) {
        assert!(done - made > Duration::from_millis(500), "made after {:?} of {:?}", made - began, done - began);
    }
}

// ---- secrets ------------------------------------------------------------------------------------------------------------

#[test]
fn no_event_holds_a_secret() {
    const SECRETS: [&str; 3] = ["Xq7-v_Lw", "$6$rounds$hash", "token-4711"];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vnc.password");
    std::fs::write(&file, format!("{}\n", SECRETS[0])).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let spec: Spec = serde_json::from_value(serde_json::json!({
        "name": "secrets", "memory": 2048, "vcpus": 2,
        "storage": {"default_pool": "fast-nvme", "disks": [{"action": "create", "size": 20}]},
        "graphics": [{"type": "vnc", "password_file": file}],
        "cloud_init": {
            "user_data": format!("#cloud-config\nchpasswd: {{users: [{{name: a, password: {}}}]}}\n", SECRETS[1]),
            "network_config": format!("version: 2\n# {}\n", SECRETS[2]),
        },
    }))
    .unwrap();
    let source = Source::Demo;
    let facts = observe(&source, Part::ALL).facts;
    let uri = facts.host.get().unwrap().uri.clone();
    let machine = machine(&spec, &facts);
    let blueprint = Blueprint { spec: &spec, machine: &machine, facts: &facts };
    let plan = Plan::of(&Libvirt, &blueprint, &Libvirt.render(&blueprint), PlanOptions { start: true });
    let builds = Some(support::builds(folder.path()));
    let order =
        Order { plan: plan.clone(), spec: spec.clone(), allowed: Allowed::default(), source, builds, ssh: None };
    let mut written = serde_json::to_string(&plan).unwrap();
    // The second build fails at what the first one made.
    for _ in 0..2 {
        run(&order, &mut |event| written += &serde_json::to_string(&event).unwrap(), &std::sync::Arc::default());
    }
    assert!(written.contains(r#""event":"made""#) && written.contains(r#""outcome":"built""#), "{written}");
    assert!(written.contains(r#""event":"step_failed""#) && written.contains(&uri), "{written}");
    for secret in SECRETS {
        assert!(!written.contains(secret), "{secret}: {written}");
    }
}
