//! What goes over the wire to a remote host: how many calls, and how many of them wait for one another. The daemon is this
//! machine's, its host is libvirt's test driver, and the network is a wire that takes its time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;
#[path = "support/wire.rs"]
#[allow(dead_code)]
mod wire;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;
use vmbuild::facts::{Facts, Part};
use vmbuild::host::{Reply, Request, Target, Worker};
use wire::{Tally, Wire};

/// Long beside the time that the daemon and this process need between two calls.
const ROUND_TRIP: Duration = Duration::from_millis(100);

/// The node file of a host with `count` domains, PCI functions, networks and volumes, in `folder`.
fn node(folder: &Path, count: usize) -> PathBuf {
    let mut text = String::from("<node><pool type='dir'><name>pool</name><target><path>/srv/pool</path></target>");
    for number in 0..count {
        write!(
            text,
            "<volume><name>{number}.img</name><capacity>1</capacity><target><path>/srv/pool/{number}.img</path></target></volume>"
        )
        .unwrap();
    }
    text.push_str("</pool><device><name>computer</name><capability type='system'><hardware><uuid>5a6f0a16-0000-4000-8000-000000000001</uuid></hardware><firmware/></capability></device>");
    for number in 0..count {
        write!(
            text,
            "<domain type='test'><name>vm-{number}</name><memory>1024</memory><os><type>hvm</type></os></domain>
            <device><name>pci_0000_{number:02x}_00_0</name><parent>computer</parent><capability type='pci'>
            <class>0x030000</class><domain>0</domain><bus>{number}</bus><slot>0</slot><function>0</function>
            <product id='0x2204'/><vendor id='0x10de'/></capability></device>"
        )
        .unwrap();
    }
    let file = folder.join(format!("{count}.xml"));
    std::fs::write(&file, text + "</node>").unwrap();
    file
}

/// What it takes to know `parts` of a host with `count` of everything, all asked at once as the wizard does.
fn asked(socket: &Path, count: usize, parts: &[Part]) -> (Tally, Facts) {
    let folder = tempfile::tempdir().unwrap();
    let wire = Wire::to(socket, ROUND_TRIP).unwrap();
    let uri = wire.uri("test", node(folder.path(), count).to_str().unwrap());
    let (sender, replies) = channel();
    let mut worker =
        Worker::spawn(Target { uri: Some(uri), ..Target::default() }, move |reply| drop(sender.send(reply)));
    for part in parts {
        worker.ask(Request::Observe(*part, 1));
    }
    let (mut facts, mut missing) = (Facts::default(), parts.len());
    while missing > 0 {
        match replies.recv_timeout(Duration::from_secs(60)).unwrap() {
            Reply::Facts(_, part) => {
                facts.absorb(part);
                missing -= 1;
            }
            Reply::Failed(error) => panic!("{error}"),
            _ => {}
        }
    }
    (wire.tally(), facts)
}

/// Of a host with `count` of everything: what it takes to fill in the form, and to know all.
fn known(socket: &Path, count: usize) -> [Tally; 2] {
    let form = [Part::Host, Part::Cpus, Part::Pools, Part::Networks, Part::Capabilities];
    let (some, facts) = asked(socket, count, &form);
    assert_eq!(facts.pools.get().unwrap()[0].volumes.items().len(), count);
    let (all, facts) = asked(socket, count, &[&form[..], &[Part::Domains, Part::Pci]].concat());
    assert_eq!((facts.domains.items().len(), facts.pci.items().len()), (count, count));
    [some, all]
}

#[test]
fn a_remote_host_is_known_after_few_round_trips_however_much_it_holds() {
    if support::system_uri().is_none() {
        return;
    }
    let socket = Path::new("/run/libvirt/libvirt-sock");
    let ([few, all], [few_of_many, all_of_many]) = (known(socket, 3), known(socket, 200));
    assert_eq!(few, few_of_many, "the form waits for what it does not need");
    assert!(few.trips <= 8 && all.trips <= 8, "{few:?} {all:?}");
    // The XML of domains and functions comes one by one, 32 at a time of each kind.
    assert_eq!(all_of_many.calls, all.calls + 2 * 197);
    assert!(all_of_many.trips <= all.trips + 200 / 32 + 2, "{all_of_many:?}");
}
