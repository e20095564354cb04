//! Facts from libvirt's test driver and from recorded trees: the readers end to end, without a daemon.

use std::sync::mpsc::channel;
use std::time::Duration;
use vmbuild::facts::{DomainState, FactsPart, Iommu, Part, Query};
use vmbuild::host::{Cause, HostReply, Request, Source, Sysroot, Worker, observe};

/// A host of the test driver with one pool, one network, two domains and one isolated graphics card.
const NODE: &str = "<node>
  <network><name>default</name><uuid>004b96e1-2d78-c30f-5aa5-f03c87d21e69</uuid><forward/><bridge name='virbr0'/>
    <ip address='192.168.122.1' netmask='255.255.255.0'/></network>
  <pool type='dir'><name>fast</name><target><path>/srv/fast</path></target>
    <volume><name>a.qcow2</name><capacity unit='GiB'>20</capacity><target><path>/srv/fast/a.qcow2</path><format type='qcow2'/></target></volume>
  </pool>
  <domain type='kvm'><name>web</name><memory unit='MiB'>512</memory><os><type arch='x86_64'>hvm</type></os>
    <devices><interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/></interface>
    <disk type='file'><source file='/srv/fast/a.qcow2'/><target dev='vda'/></disk></devices></domain>
  <device><name>pci_0000_01_00_0</name><parent>computer</parent><capability type='pci'><class>0x030000</class>
    <domain>0</domain><bus>1</bus><slot>0</slot><function>0</function>
    <product id='0x2704'>AD103 [GeForce RTX 4080]</product><vendor id='0x10de'>NVIDIA Corporation</vendor>
    <iommuGroup number='16'><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></iommuGroup></capability></device>
</node>";

fn test_driver(folder: &tempfile::TempDir) -> Source {
    let file = folder.path().join("node.xml");
    std::fs::write(&file, NODE).unwrap();
    Source::at(format!("test://{}", file.display()))
}

/// Every part, and these files.
fn all_and(files: &[&str]) -> Vec<Query> {
    let files = files.iter().map(|file| (*file).to_owned()).collect();
    Part::ALL.into_iter().map(Query::Part).chain([Query::Files(files)]).collect()
}

#[test]
fn one_observation_of_the_test_driver_holds_every_part() {
    let folder = tempfile::tempdir().unwrap();
    let seen = observe(&test_driver(&folder), all_and(&["/srv/fast/a.qcow2", "/none"]));
    assert_eq!(seen.unreachable, None);
    let facts = seen.facts;
    assert_eq!(facts.host.get().unwrap().driver, "TEST");
    let pool = facts.pools.items().first().expect("the pool");
    assert!(pool.active && pool.kind == "dir");
    assert_eq!(pool.volume("a.qcow2").unwrap().format.as_deref(), Some("qcow2"));
    assert_eq!(facts.networks.items()[0].bridge.as_deref(), Some("virbr0"));
    let domain = &facts.domains.items()[0];
    assert_eq!((domain.name.as_str(), domain.state), ("web", DomainState::Active));
    assert_eq!(
        (domain.macs.as_slice(), domain.disks.as_slice()),
        (["52:54:00:00:00:01".to_owned()].as_slice(), ["/srv/fast/a.qcow2".into()].as_slice())
    );
    assert_eq!(facts.pci.items()[0].label(), "NVIDIA Corporation AD103 [GeForce RTX 4080]");
    assert_eq!(facts.iommu.get(), Some(&Iommu::On { groups: 1 }));
    assert!(facts.files["/srv/fast/a.qcow2"].get().is_some() && facts.files["/none"].get().is_none());
}

#[test]
fn a_socket_that_nobody_listens_at_is_a_stopped_daemon_and_sysfs_is_read_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("sys/bus/pci/devices")).unwrap();
    let socket = folder.path().join("none");
    let uri = format!("qemu+unix:///system?socket={}", socket.display());
    let source = Source::with_tree(uri, Sysroot::new(folder.path()));
    let seen = observe(&source, Part::ALL);
    let error = seen.unreachable.expect("no daemon");
    assert_eq!(error.cause, Cause::DaemonDown, "{error:?}");
    assert!(error.to_string().contains("systemctl start"), "{error}");
    assert!(seen.facts.pools.why_not().unwrap().contains("systemctl start"));
    assert_eq!(seen.facts.pci.get().map(Vec::len), Some(0));
}

#[test]
fn recorded_facts_answer_in_place_of_a_host() {
    let folder = tempfile::tempdir().unwrap();
    let facts = observe(&test_driver(&folder), all_and(&["/srv/fast/a.qcow2"])).facts;
    let file = folder.path().join("facts.json");
    std::fs::write(&file, serde_json::to_string(&facts).unwrap()).unwrap();
    let source = Source::Record(file);
    assert_eq!(facts.pools.items().len(), 1);
    let replayed = observe(&source, all_and(&["/srv/fast/a.qcow2"]));
    assert_eq!(replayed.facts, facts);
    let broken = Source::Record(folder.path().join("none.json"));
    assert!(observe(&broken, [Part::Pools]).unreachable.is_some());
}

#[test]
fn a_worker_answers_each_request_with_its_generation() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, replies) = channel();
    let mut worker = Worker::spawn(test_driver(&folder), None, move |reply| drop(sender.send(reply)));
    for (generation, part) in [(7, Part::Pools), (8, Part::Domains), (9, Part::Pci)] {
        worker.ask(Request::Ask(part.into(), generation));
    }
    worker.ask(Request::Ask(Query::Files(vec!["/none".into()]), 10));
    let mut answers = Vec::new();
    let mut connected = 0;
    while answers.len() < 4 {
        match replies.recv_timeout(Duration::from_secs(20)).expect("an answer") {
            HostReply::Facts(generation, part) => answers.push((generation, part.part())),
            HostReply::Connected => connected += 1,
            other => panic!("{other:?}"),
        }
    }
    answers.sort_unstable();
    assert_eq!(answers, [(7, Part::Pools), (8, Part::Domains), (9, Part::Pci), (10, Part::Files)]);
    assert_eq!(connected, 1, "the lanes share one connection");
}

#[test]
fn a_worker_whose_host_is_down_says_so_once_and_answers_every_request() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("qemu+unix:///system?socket={}/none", folder.path().display());
    let source = Source::with_tree(uri, Sysroot::new(folder.path()));
    let (sender, replies) = channel();
    let mut worker = Worker::spawn(source, None, move |reply| drop(sender.send(reply)));
    worker.ask(Request::Ask(Part::Domains.into(), 1));
    worker.ask(Request::Ask(Part::Networks.into(), 1));
    let (mut failures, mut answers) = (0, 0);
    while answers < 2 {
        match replies.recv_timeout(Duration::from_secs(20)).expect("an answer") {
            HostReply::Failed(error) => {
                assert_eq!(error.cause, Cause::DaemonDown);
                failures += 1;
            }
            HostReply::Facts(_, FactsPart::Domains(fact)) => {
                assert!(fact.why_not().is_some());
                answers += 1;
            }
            HostReply::Facts(_, FactsPart::Networks { networks, .. }) => {
                assert!(networks.why_not().is_some());
                answers += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(failures >= 1);
}

#[test]
fn a_domain_that_somebody_defines_is_news_without_asking() {
    let folder = tempfile::tempdir().unwrap();
    let source = test_driver(&folder);
    let (sender, replies) = channel();
    let mut worker = Worker::spawn(source.clone(), None, move |reply| drop(sender.send(reply)));
    worker.ask(Request::Ask(Part::Domains.into(), 1));
    let wait = |wanted: fn(&HostReply) -> bool| {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while !wanted(&replies.recv_timeout(deadline - std::time::Instant::now()).expect("a reply in time")) {}
    };
    wait(|reply| matches!(reply, HostReply::Facts(1, FactsPart::Domains(_))));
    let connection = vmbuild::host::libvirt::Connection::open(&source).unwrap();
    let xml = "<domain type='kvm'><name>late</name><memory unit='MiB'>64</memory>
        <os><type arch='x86_64'>hvm</type></os></domain>";
    let (made, _) = connection.define(xml).unwrap();
    wait(|reply| matches!(reply, HostReply::Changed(Part::Domains)));
    worker.ask(Request::Stop);
    connection.undefine(&made, false).unwrap();
}

#[test]
fn what_cannot_be_opened_is_told_apart_with_a_way_out_for_each() {
    let cases = [
        ("nosuch:///system", Cause::UnknownDriver, "qemu:///system"),
        ("qemu+tcp://127.0.0.1:1/system", Cause::DaemonDown, "on that host"),
        ("qemu+unix:///system?socket=/none", Cause::DaemonDown, "systemctl start"),
    ];
    for (uri, cause, remedy) in cases {
        let seen = observe(&Source::at(uri), [Part::Domains]);
        let error = seen.unreachable.expect("nobody is there");
        assert_eq!(error.cause, cause, "{uri}: {error:?}");
        assert!(error.remedy.contains(remedy) && error.message.contains(uri), "{error}");
        assert!(!error.original.is_empty() && error.code != 0, "libvirt's own words are kept");
    }
}

#[test]
fn a_daemon_that_hangs_does_not_hold_up_what_the_kernel_tells() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("sys/bus/pci/devices")).unwrap();
    let socket = folder.path().join("sock");
    // Connections are taken by the kernel, and nobody ever reads what comes.
    let _silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let uri = format!("qemu+unix:///system?socket={}", socket.display());
    let source = Source::with_tree(uri, Sysroot::new(folder.path()));
    let (sender, replies) = channel();
    let mut worker = Worker::spawn_without_news(source, None, move |reply| sender.send(reply).unwrap_or_default());
    worker.ask(Request::Ask(Part::Domains.into(), 1));
    worker.ask(Request::Ask(Part::Pci.into(), 1));
    let first = replies.recv_timeout(Duration::from_secs(20)).expect("an answer");
    assert!(matches!(first, HostReply::Facts(1, FactsPart::Pci { .. })), "{first:?}");
    worker.leave_behind();
}
