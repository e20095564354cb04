//! Builds on a libvirt that runs real guests, checked by virsh and not by our own readers; on pools of the test's own.

use crate::support;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use vmbuild::build::{Order, run};
use vmbuild::checks::Allowed;
use vmbuild::engine::Step;
use vmbuild::engine::libvirt::LibvirtCall;
use vmbuild::facts::{FactsPart, Part};
use vmbuild::host::{Cause, HostReply, Request, Source, Worker, observe};
use vmbuild::plan::{BuildEvent, BuildResult, Plan, Verdict};
use vmbuild::spec::{CloudInit, Spec};
use vmbuild::units::{Bytes, MIB};

/// A pool in a folder of its own, and names that nobody else uses; all of it goes with the value.
struct Site {
    uri: String,
    name: String,
    folder: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl Site {
    fn new(uri: String, test: &str) -> Self {
        let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        // QEMU's own user must reach the images.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let site = Self { uri, name: format!("vmbuild-test-{test}-{}", std::process::id()), folder, state };
        site.virsh(&["pool-create-as", &site.name, "dir", "--target", site.folder.path().to_str().unwrap()]);
        site
    }

    /// Output of a virsh that must succeed.
    fn virsh(&self, arguments: &[&str]) -> String {
        let output = Command::new("virsh").args(["-q", "-c", &self.uri]).args(arguments).output().expect("virsh");
        assert!(output.status.success(), "virsh {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn volumes(&self) -> Vec<String> {
        let listed = self.virsh(&["vol-list", &self.name]);
        listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
    }

    fn has_domain(&self) -> bool {
        self.virsh(&["list", "--all", "--name"]).lines().any(|name| name == self.name)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn create(&self, volume: &str) -> LibvirtCall {
        let xml = format!(
            "<volume><name>{volume}</name><capacity unit='MiB'>64</capacity><allocation>0</allocation>\
             <target><format type='qcow2'/></target></volume>"
        );
        LibvirtCall::CreateVolume { pool: self.name.clone(), volume: volume.into(), xml }
    }

    fn clone(&self, volume: &str, from: &str, from_pool: Option<&str>, grow_to: Option<Bytes>) -> LibvirtCall {
        let xml = format!(
            "<volume><name>{volume}</name><capacity unit='MiB'>64</capacity><allocation>0</allocation>\
             <target><format type='qcow2'/></target></volume>"
        );
        LibvirtCall::CloneVolume {
            pool: self.name.clone(),
            volume: volume.into(),
            xml,
            from: from.into(),
            from_pool: from_pool.map(str::to_owned),
            grow_to,
            file: None,
        }
    }

    fn domain_xml(&self) -> String {
        format!(
            "<domain type='qemu'><name>{}</name><memory unit='MiB'>64</memory>\
             <os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>\
             <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{}'/>\
             <target dev='vda' bus='virtio'/></disk></devices></domain>",
            self.name,
            self.path("a.qcow2").display()
        )
    }

    fn define(&self) -> LibvirtCall {
        self.define_as(self.domain_xml())
    }

    fn define_as(&self, xml: String) -> LibvirtCall {
        LibvirtCall::Define {
            name: self.name.clone(),
            xml,
            passwords: Vec::new(),
            variables: true,
            tpm: false,
            files: Vec::new(),
        }
    }

    fn start(&self) -> LibvirtCall {
        LibvirtCall::Start { name: self.name.clone(), watched: true, files: Vec::new() }
    }

    fn build(
        &self,
        steps: Vec<LibvirtCall>,
        each: impl FnMut(&BuildEvent, &AtomicBool),
    ) -> (BuildResult, Vec<BuildEvent>) {
        self.build_on(Source::at(self.uri.clone()), steps, each)
    }

    fn build_on(
        &self,
        source: Source,
        steps: Vec<LibvirtCall>,
        mut each: impl FnMut(&BuildEvent, &AtomicBool),
    ) -> (BuildResult, Vec<BuildEvent>) {
        let cloud_init = Some(CloudInit { user: Some("ann".into()), ..CloudInit::default() });
        let order = Order {
            plan: Plan {
                name: self.name.clone(),
                steps: steps.into_iter().map(|call| Step::new("", "", call)).collect(),
                ..Plan::default()
            },
            spec: Spec { cloud_init, ..Spec::default() },
            allowed: Allowed::default(),
            source,
            builds: Some(support::builds(self.state.path())),
            ssh: None,
        };
        let (cancel, mut events) = (Arc::default(), Vec::new());
        let mut take = |event| {
            each(&event, &cancel);
            events.push(event);
        };
        let outcome = run(&order, &mut take, &cancel);
        (outcome, events)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let quietly =
            |arguments: &[&str]| drop(Command::new("virsh").args(["-q", "-c", &self.uri]).args(arguments).output());
        quietly(&["destroy", &self.name]);
        quietly(&["undefine", "--nvram", "--tpm", &self.name]);
        quietly(&["pool-destroy", &self.name]);
    }
}

fn note(events: &[BuildEvent], wanted: usize) -> &str {
    let done = events.iter().find_map(|event| match event {
        BuildEvent::StepDone { step, note, .. } if *step == wanted => Some(note.as_str()),
        _ => None,
    });
    done.unwrap_or_else(|| panic!("step {wanted} is not done: {events:#?}"))
}

#[test]
fn virsh_finds_what_a_build_made() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "whole");
    let steps = vec![
        site.create("a.qcow2"),
        site.clone("b.qcow2", "a.qcow2", Some(&site.name), Some(Bytes(96 * MIB))),
        site.clone("c.qcow2", site.path("a.qcow2").to_str().unwrap(), None, None),
        site.define(),
        LibvirtCall::WriteSeed { pool: site.name.clone(), volume: "cidata.img".into() },
        LibvirtCall::ReadBack { xml: site.domain_xml() },
        site.start(),
    ];
    let (outcome, events) = site.build(steps, |_, _| {});
    let BuildResult::Built { uuid, state } = outcome else { panic!("{events:#?}") };
    assert_eq!(site.virsh(&["domuuid", &site.name]), uuid);
    assert_eq!((state.as_str(), site.virsh(&["domstate", &site.name]).as_str()), ("running", "running"));
    assert_eq!(site.volumes(), ["a.qcow2", "b.qcow2", "c.qcow2", "cidata.img"]);
    assert!(site.virsh(&["vol-info", "--bytes", "--pool", &site.name, "b.qcow2"]).contains(&(96 * MIB).to_string()));
    assert_eq!(note(&events, 3), "", "libvirt checked the XML against its schema");
    assert!(note(&events, 5).starts_with("libvirt kept all that was sent, added "), "{events:#?}");
    assert!(told(&events).contains(&"changed os/type@machine from 'q35' to 'pc-q35-".to_owned()), "{events:#?}");
    assert_seed(&site, &uuid);
}

/// What libvirt stored otherwise than it was sent, versions cut off.
fn told(events: &[BuildEvent]) -> Vec<String> {
    let stored = events.iter().find_map(|event| match event {
        BuildEvent::Stored { changes, .. } => Some(changes),
        _ => None,
    });
    let told = stored.expect("it was read back").iter().map(ToString::to_string);
    told.map(|text| text.split_inclusive("pc-q35-").next().unwrap_or_default().to_owned()).collect()
}

/// The seed is a FAT image that only its owner may read.
fn assert_seed(site: &Site, uuid: &str) {
    let copy = site.path("copy.img");
    site.virsh(&["vol-download", "--pool", &site.name, "cidata.img", copy.to_str().unwrap()]);
    let image = std::fs::read(copy).unwrap();
    assert_eq!(&image[43..54], b"CIDATA     ");
    let holds = |text: &str| image.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(holds("\"name\": \"ann\""));
    assert!(holds(&format!("\"instance-id\": \"{uuid}\"")), "each VM is one of its own for cloud-init");
    let mode = std::fs::metadata(site.path("cidata.img")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_failure_after_the_second_volume_leaves_pool_and_domains_as_they_were() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "clash");
    let rival = format!(
        "<domain type='qemu'><name>{}</name><memory>65536</memory><os><type>hvm</type></os></domain>",
        site.name
    );
    std::fs::write(site.path("rival.xml"), rival).unwrap();
    let mut uuid = String::new();
    let steps = vec![site.create("a.qcow2"), site.create("b.qcow2"), site.define()];
    let (outcome, events) = site.build(steps, |event, _| {
        if matches!(event, BuildEvent::StepDone { step: 1, .. }) {
            site.virsh(&["define", site.path("rival.xml").to_str().unwrap()]);
            uuid = site.virsh(&["domuuid", &site.name]);
        }
    });
    assert!(matches!(&outcome, BuildResult::Undone { message } if message.contains("exists already")), "{outcome:?}");
    assert_eq!(events.iter().filter(|event| matches!(event, BuildEvent::Undone { .. })).count(), 2);
    assert_eq!(site.virsh(&["domuuid", &site.name]), uuid, "the rival's domain is not ours to remove");
    assert_eq!(site.volumes(), Vec::<String>::new());
    assert!(!site.path("a.qcow2").exists() && !site.path("b.qcow2").exists());
    site.virsh(&["undefine", &site.name]);
    assert!(!site.has_domain());
}

#[test]
fn a_file_that_libvirt_does_not_know_yet_is_not_overwritten() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "untracked");
    for file in ["b.qcow2", "c.qcow2", "cidata.img"] {
        std::fs::write(site.path(file), "precious").unwrap();
    }
    let last = [
        site.create("b.qcow2"),
        site.clone("c.qcow2", "a.qcow2", Some(&site.name), None),
        LibvirtCall::WriteSeed { pool: site.name.clone(), volume: "cidata.img".into() },
    ];
    for action in last {
        let (outcome, _) = site.build(vec![site.create("a.qcow2"), site.define(), action], |_, _| {});
        assert!(
            matches!(&outcome, BuildResult::Undone { message } if message.contains("already exists")),
            "{outcome:?}"
        );
    }
    for file in ["b.qcow2", "c.qcow2", "cidata.img"] {
        assert_eq!(std::fs::read_to_string(site.path(file)).unwrap(), "precious", "{file}");
    }
    assert!(!site.path("a.qcow2").exists());
}

#[test]
fn a_file_in_no_pool_is_copied_and_a_cancel_in_the_middle_of_it_undoes() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "upload");
    let other = tempfile::tempdir().unwrap();
    let image = other.path().join("image.raw");
    std::fs::write(&image, vec![7; 4 * 1024 * 1024]).unwrap();
    let xml =
        "<volume><name>d.raw</name><capacity unit='MiB'>4</capacity><target><format type='raw'/></target></volume>";
    let copy = || LibvirtCall::CloneVolume {
        pool: site.name.clone(),
        volume: "d.raw".into(),
        xml: xml.into(),
        from: image.to_str().unwrap().into(),
        from_pool: None,
        grow_to: None,
        file: None,
    };
    let (outcome, events) = site.build(vec![copy()], |event, cancel| {
        if matches!(event, BuildEvent::Progress { .. }) {
            cancel.store(true, Ordering::SeqCst);
        }
    });
    assert_eq!(outcome, BuildResult::Cancelled, "{events:#?}");
    assert_eq!(site.volumes(), Vec::<String>::new());
    let (outcome, events) = site.build(vec![copy()], |_, _| {});
    assert!(matches!(outcome, BuildResult::Built { .. }), "{events:#?}");
    assert_eq!(std::fs::read(site.path("d.raw")).unwrap(), std::fs::read(&image).unwrap());
    let progress = |event: &BuildEvent| matches!(event, BuildEvent::Progress { done, total, .. } if done == total);
    assert!(events.iter().any(progress), "{events:#?}");
}

#[test]
fn a_copy_that_is_cancelled_is_waited_for_and_deleted() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "cancel");
    let steps = vec![site.create("a.qcow2"), site.clone("b.qcow2", "a.qcow2", Some(&site.name), None), site.define()];
    let (outcome, events) = site.build(steps, |event, cancel| {
        if matches!(event, BuildEvent::StepBegan { step: 1, .. }) {
            cancel.store(true, Ordering::SeqCst);
        }
    });
    assert_eq!(outcome, BuildResult::Cancelled, "{events:#?}");
    assert_eq!(events.iter().filter(|event| matches!(event, BuildEvent::Undone { .. })).count(), 2);
    assert_eq!(site.volumes(), Vec::<String>::new());
    assert!(!site.has_domain());
}

#[test]
fn a_domain_that_cannot_start_is_undone_with_everything() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "start");
    let steps = vec![site.create("a.qcow2"), site.define(), site.start()];
    let (outcome, events) = site.build(steps, |event, _| {
        if matches!(event, BuildEvent::StepDone { step: 1, .. }) {
            std::fs::remove_file(site.path("a.qcow2")).unwrap();
        }
    });
    assert!(matches!(outcome, BuildResult::Undone { .. }), "{outcome:?}");
    let failed =
        |event: &BuildEvent| matches!(event, BuildEvent::StepFailed { step: 2, original, .. } if !original.is_empty());
    assert!(events.iter().any(failed), "{events:#?}");
    assert!(!site.has_domain());
    assert_eq!(site.volumes(), Vec::<String>::new());
}

#[test]
fn words_of_libvirt_are_read_back_to_the_check_that_they_belong_to() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "diagnosis");
    // No machine has a function at this address, and one without an IOMMU says so first.
    let hostdev = "<hostdev mode='subsystem' type='pci' managed='yes'><source>\
                   <address domain='0x0000' bus='0xfe' slot='0x1f' function='0x7'/></source></hostdev></devices>";
    let define = site.define_as(site.domain_xml().replace("</devices>", hostdev));
    let (outcome, events) = site.build(vec![site.create("a.qcow2"), define, site.start()], |_, _| {});
    assert!(matches!(outcome, BuildResult::Undone { .. }), "{outcome:?}");
    let told = events.iter().find_map(|event| match event {
        BuildEvent::StepFailed { step: 2, original, diagnosis, .. } => Some((original, diagnosis.as_ref()?)),
        _ => None,
    });
    let (original, diagnosis) = told.unwrap_or_else(|| panic!("{events:#?}"));
    let expected = if original.contains("not found") { "PCI-MISSING" } else { "IOMMU-OFF" };
    assert_eq!(diagnosis.code, expected, "{original}");
    assert!(!diagnosis.cause.is_empty() && !diagnosis.remedy.is_empty());
}

#[test]
fn a_vm_that_is_not_as_it_must_be_is_told_item_by_item_and_left_for_a_look() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "verify");
    // A function that no machine has is on no driver, least of all on vfio-pci.
    let verify = LibvirtCall::VerifyPassthrough { passed: vec!["fe:1f.7".parse().unwrap()], held: Vec::new() };
    let (outcome, events) = site.build(vec![site.create("a.qcow2"), site.define(), site.start(), verify], |_, _| {});
    let BuildResult::Unverified { state, message, .. } = &outcome else { panic!("{events:#?}") };
    assert_eq!(state, "running");
    assert!(message.contains("0000:fe:1f.7 is on vfio-pci"), "{message}");
    let items: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            BuildEvent::Verified { what, verdict, note, .. } => Some((what.as_str(), *verdict, note.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(items[0], ("0000:fe:1f.7 is on vfio-pci", Verdict::Failed, "no driver holds it"));
    assert_eq!(items[1], ("the VM runs 10 s after its start", Verdict::Passed, ""));
    // Whoever may not read the logs says so.
    for (what, verdict, note) in &items[2..] {
        assert!(*verdict == Verdict::Passed || (*verdict == Verdict::NotChecked && !note.is_empty()), "{what}: {note}");
    }
    assert_eq!(site.virsh(&["domstate", &site.name]), "running", "nothing is undone behind anybody's back");
    assert_eq!(site.volumes(), ["a.qcow2"]);
}

#[test]
fn a_vm_that_stops_after_its_start_is_not_called_built() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "stops");
    let verify = LibvirtCall::VerifyPassthrough { passed: Vec::new(), held: Vec::new() };
    let (outcome, events) =
        site.build(vec![site.create("a.qcow2"), site.define(), site.start(), verify], |event, _| {
            if matches!(event, BuildEvent::StepBegan { step: 3, .. }) {
                site.virsh(&["suspend", &site.name]);
            }
        });
    let BuildResult::Unverified { message, .. } = &outcome else { panic!("{events:#?}") };
    assert!(message.contains("it is paused: it was paused"), "{message}");
    let code = |event: &BuildEvent| match event {
        BuildEvent::StepFailed { diagnosis: Some(diagnosis), .. } => Some(diagnosis.code.clone()),
        _ => None,
    };
    assert_eq!(events.iter().find_map(code).as_deref(), Some("VM-PAUSED"));
}

#[test]
fn an_undo_keeps_uefi_variables_that_the_build_did_not_make() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "variables");
    let variables = site.path("old_VARS.fd");
    std::fs::write(&variables, "of an earlier VM").unwrap();
    let nvram = format!("<nvram>{}</nvram></os>", variables.display());
    let define = site.define_as(site.domain_xml().replace("</os>", &nvram));
    let (outcome, events) = site.build(vec![define, site.create("a.qcow2"), site.create("a.qcow2")], |_, _| {});
    assert!(matches!(outcome, BuildResult::Undone { .. }), "{outcome:?}");
    assert!(!site.has_domain(), "{events:#?}");
    assert_eq!(std::fs::read_to_string(&variables).unwrap(), "of an earlier VM");
}

#[test]
fn volumes_of_a_local_folder_are_seen_before_libvirt_knows_of_them() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri.clone(), "facts");
    let mut medium = vec![0; 34 << 10];
    medium[32 << 10..][..6].copy_from_slice(b"\x01CD001");
    std::fs::write(site.path("new.iso"), &medium).unwrap();
    std::fs::write(site.path("named.iso"), "x").unwrap();
    let (outcome, _) = site.build(vec![site.create("a.qcow2")], |_, _| {});
    assert!(matches!(outcome, BuildResult::Built { .. }));
    let facts = observe(&Source::at(uri), [Part::Pools]).facts;
    let pool = facts.pools.items().iter().find(|pool| pool.name == site.name).unwrap();
    assert_eq!(pool.volume("new.iso").unwrap().format.as_deref(), Some("iso"));
    assert_eq!(pool.volume("named.iso").unwrap().format.as_deref(), Some("raw"));
    let made = pool.volume("a.qcow2").unwrap();
    assert_eq!((made.capacity, made.format.as_deref()), (Bytes(64 * MIB), Some("qcow2")));
    assert!(pool.available.0 > 0 && pool.available < pool.capacity);
}

/// The daemon's socket behind another one that can be cut: to the client the daemon is gone.
struct Relay {
    streams: Arc<Mutex<Vec<UnixStream>>>,
    folder: tempfile::TempDir,
}

impl Relay {
    fn new(to: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = Self { streams: Arc::default(), folder };
        relay.listen(to);
        relay
    }

    fn listen(&self, to: &'static str) {
        let listener = UnixListener::bind(self.folder.path().join("sock")).unwrap();
        let streams = self.streams.clone();
        std::thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let far = UnixStream::connect(to).unwrap();
                streams.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                let pass = |mut from: UnixStream, mut to: UnixStream| {
                    std::thread::spawn(move || {
                        let mut buffer = vec![0; 65536];
                        while let Ok(count @ 1..) = from.read(&mut buffer) {
                            if to.write_all(&buffer[..count]).is_err() {
                                break;
                            }
                        }
                    });
                };
                pass(near.try_clone().unwrap(), far.try_clone().unwrap());
                pass(far, near);
            }
        });
    }

    fn source(&self) -> Source {
        let uri = format!("qemu+unix:///system?socket={}/sock", self.folder.path().display());
        Source::at(uri)
    }

    /// No new connections, and the end of the present ones.
    fn cut(&self) {
        std::fs::remove_file(self.folder.path().join("sock")).unwrap();
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

const SOCKET: &str = "/run/libvirt/libvirt-sock";

/// A libvirt whose connections can be cut.
fn relay() -> Option<(String, Relay)> {
    let uri = support::system_uri()?;
    if uri != "qemu:///system" || !std::path::Path::new(SOCKET).exists() {
        support::skip("needs the system daemon's own socket");
        return None;
    }
    Some((uri, Relay::new(SOCKET)))
}

#[test]
fn a_build_whose_daemon_ends_is_undone_when_it_is_back() {
    let Some((uri, relay)) = relay() else { return };
    let site = Site::new(uri, "lost");
    let steps = vec![site.create("a.qcow2"), site.create("b.qcow2"), site.define()];
    let (outcome, events) = site.build_on(relay.source(), steps, |event, _| {
        if matches!(event, BuildEvent::StepDone { step: 0, .. }) {
            relay.cut();
            relay.listen(SOCKET);
        }
    });
    assert!(matches!(outcome, BuildResult::Undone { .. }), "{events:#?}");
    assert_eq!(site.volumes(), Vec::<String>::new());
}

#[test]
fn a_build_whose_daemon_stays_away_says_what_is_left() {
    let Some((uri, relay)) = relay() else { return };
    let site = Site::new(uri, "away");
    let steps = vec![site.create("a.qcow2"), site.define()];
    let (outcome, events) = site.build_on(relay.source(), steps, |event, _| {
        if matches!(event, BuildEvent::StepDone { step: 0, .. }) {
            relay.cut();
        }
    });
    assert!(matches!(outcome, BuildResult::NotFullyUndone { .. }), "{events:#?}");
    let left = events.iter().filter_map(|event| match event {
        BuildEvent::NotUndone { what, by_hand, .. } => Some((what.as_str(), !by_hand.is_empty())),
        _ => None,
    });
    let volume = format!("volume a.qcow2 in pool {}", site.name);
    let domain = format!("domain {}", site.name);
    // Whether the domain was defined before the cut nobody can tell.
    assert_eq!(left.collect::<Vec<_>>(), [(domain.as_str(), true), (volume.as_str(), true)]);
}

#[test]
fn a_daemon_that_ends_is_told_at_once_and_found_again_when_it_is_back() {
    let Some((_, relay)) = relay() else { return };
    let (sender, replies) = channel();
    let mut worker = Worker::spawn(relay.source(), None, move |reply| sender.send(reply).unwrap_or_default());
    let wait = |wanted: &dyn Fn(&HostReply) -> bool| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let reply = replies.recv_timeout(deadline - Instant::now()).expect("a reply in time");
            if wanted(&reply) {
                return reply;
            }
        }
    };
    worker.ask(Request::Ask(Part::Domains.into(), 1));
    wait(&|reply| matches!(reply, HostReply::Facts(1, FactsPart::Domains(fact)) if fact.get().is_some()));
    relay.cut();
    wait(&|reply| matches!(reply, HostReply::Failed(error) if error.cause == Cause::Lost));
    worker.ask(Request::Ask(Part::Domains.into(), 2));
    let told = wait(&|reply| matches!(reply, HostReply::Facts(2, _)));
    assert!(
        matches!(&told, HostReply::Facts(_, FactsPart::Domains(fact)) if fact.why_not().unwrap().contains("daemon")),
        "{told:?}"
    );
    relay.listen(SOCKET);
    worker.ask(Request::Ask(Part::Domains.into(), 3));
    wait(&|reply| matches!(reply, HostReply::Facts(3, FactsPart::Domains(fact)) if fact.get().is_some()));
}
