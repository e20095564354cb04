//! What goes over the wire to a remote host: how many calls, and how many of them wait for one another. The daemon is this
//! machine's, its host is libvirt's test driver, and the network is a wire that takes its time.

use crate::support;
use crate::support::wire::{Tally, Wire};
use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;
use vmbuild::facts::{Facts, Part, Query};
use vmbuild::host::{HostReply, Request, Source, Worker, observe};

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
    let mut worker = Worker::spawn(Source::at(uri), None, move |reply| drop(sender.send(reply)));
    for part in parts {
        worker.ask(Request::Ask((*part).into(), 1));
    }
    let (mut facts, mut missing) = (Facts::default(), parts.len());
    while missing > 0 {
        match replies.recv_timeout(Duration::from_secs(60)).unwrap() {
            HostReply::Facts(_, part) => {
                facts.absorb(part);
                missing -= 1;
            }
            HostReply::Failed(error) => panic!("{error}"),
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
    assert_eq!(
        (few.calls, few.trips),
        (few_of_many.calls, few_of_many.trips),
        "the form waits for what it does not need"
    );
    assert!(few.trips <= 8 && all.trips <= 8, "{few:?} {all:?}");
    // The XML of domains and functions comes one by one, 32 at a time of each kind.
    assert_eq!(all_of_many.calls, all.calls + 2 * 197);
    assert!(all_of_many.trips <= all.trips + 200 / 32 + 2, "{all_of_many:?}");
}

/// A started pool of the system's libvirt over a folder; it goes with the value.
struct Pool {
    name: String,
    folder: tempfile::TempDir,
}

impl Pool {
    fn over(folder: tempfile::TempDir) -> Self {
        let pool = Self { name: format!("vmbuild-wire-{}", std::process::id()), folder };
        let target = pool.folder.path().to_str().unwrap();
        virsh(&["pool-create-as", &pool.name, "dir", "--target", target]);
        pool
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Best effort: it is transient.
        let _ = Command::new("virsh").args(["-c", "qemu:///system", "pool-destroy", &self.name]).output();
    }
}

fn virsh(args: &[&str]) {
    let ended = Command::new("virsh").args(["-q", "-c", "qemu:///system"]).args(args).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// A sparse image with `pieces` at their offsets.
fn image(file: &Path, length: u64, pieces: &[(u64, &[u8])]) {
    let image = File::create(file).unwrap();
    image.set_len(length).unwrap();
    for (at, bytes) in pieces {
        image.write_all_at(bytes, *at).unwrap();
    }
}

/// The primary volume descriptor of a CD.
fn descriptor(label: &str) -> Vec<u8> {
    let mut sector = vec![b' '; 2048];
    sector[..6].copy_from_slice(b"\x01CD001");
    sector[40..40 + label.len()].copy_from_slice(label.as_bytes());
    sector
}

fn looked_at(wire: &Wire, driver: &str, path: &str, files: &[String]) -> Facts {
    let source = Source::at(wire.uri(driver, path));
    observe(&source, [Part::Pools.into(), Query::Files(files.to_vec())]).facts
}

#[test]
fn media_of_a_remote_host_are_known_by_their_labels() {
    if support::system_uri().is_none() {
        return;
    }
    let pool = Pool::over(tempfile::tempdir().unwrap());
    let file = |name: &str| pool.folder.path().join(name);
    image(&file("install.iso"), 64 << 20, &[(32_768, &descriptor("Debian 12.5.0 amd64 n"))]);
    image(&file("drivers.iso"), 40_000, &[(32_768, &descriptor("virtio-win-0.1.262"))]);
    let named = [&[8_u8][..], b"CCCOMA_X64FRE_EN-US_DV9"].concat();
    let pieces: [(u64, &[u8]); 9] = [
        (32_768, b"\0BEA01"),
        (34_816, b"\0NSR02"),
        (36_864, b"\0TEA01"),
        // The anchor: where the descriptors are.
        (256 * 2048, &[2, 0]),
        (256 * 2048 + 16, &8192_u32.to_le_bytes()),
        (256 * 2048 + 20, &300_u32.to_le_bytes()),
        (300 * 2048, &[6, 0]),
        (300 * 2048 + 84, &named),
        (300 * 2048 + 84 + 127, &[24]),
    ];
    image(&file("windows.iso"), 1 << 20, &pieces);
    std::fs::write(file("text.iso"), "no medium").unwrap();
    image(&file("disk.img"), 1 << 20, &[(32_768, &descriptor("not asked"))]);
    virsh(&["pool-refresh", &pool.name]);
    let wire = Wire::to(Path::new("/run/libvirt/libvirt-sock"), Duration::from_millis(2)).unwrap();
    let media = ["install.iso", "drivers.iso", "windows.iso", "text.iso"];
    let paths: Vec<String> = media.iter().map(|name| pool.path(name)).collect();
    let facts = looked_at(&wire, "qemu", "/system", &paths);
    let label = |name: &str| facts.files[&pool.path(name)].get().unwrap().iso.as_ref().map(|iso| iso.volume.as_str());
    assert_eq!(label("install.iso"), Some("Debian 12.5.0 amd64 n"));
    assert_eq!(label("drivers.iso"), Some("virtio-win-0.1.262"));
    assert_eq!(label("windows.iso"), Some("CCCOMA_X64FRE_EN-US_DV9"));
    assert_eq!(label("text.iso"), None);
    let file = facts.files[&pool.path("text.iso")].get().unwrap();
    assert_eq!((file.size.0, file.iso_why_not.as_deref()), (9, None));
    // Some sectors of each, of 64 MiB.
    assert!(wire.tally().bytes < 1 << 20, "{:?}", wire.tally());
    let systems = &facts.files[&pool.path("install.iso")].get().unwrap().iso.as_ref().unwrap().systems;
    assert!(systems.iter().any(|system| system.id.starts_with("debian")), "{systems:?}");
}

#[test]
fn a_medium_that_cannot_be_read_says_why() {
    if support::system_uri().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let node = folder.path().join("node.xml");
    let text = "<node><pool type='dir'><name>pool</name><target><path>/srv</path></target><volume><name>a.iso</name>
        <capacity>7</capacity><target><path>/srv/a.iso</path></target></volume></pool></node>";
    std::fs::write(&node, text).unwrap();
    // libvirt's test driver hands out no bytes.
    let wire = Wire::to(Path::new("/run/libvirt/libvirt-sock"), Duration::ZERO).unwrap();
    let facts = looked_at(&wire, "test", node.to_str().unwrap(), &["/srv/a.iso".into()]);
    let file = facts.files["/srv/a.iso"].get().unwrap();
    let why = file.iso_why_not.as_deref().unwrap();
    assert!(file.iso.is_none() && why.contains("/srv/a.iso") && why.contains("not supported"), "{why}");
}
