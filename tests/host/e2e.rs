//! From an empty terminal to a VM that boots, on a libvirt that runs real guests: built by keys in the wizard, judged by
//! virsh and by the guest itself.

use crate::support;
use crate::support::program::Home;
use crate::support::pty;
use crate::support::pty::{Person, Session};
use roxmltree::{Document, Node};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use virt::connect::Connect;
use virt::stream::Stream;

/// How long a guest may take to boot where the processor is emulated.
const BOOT: Duration = Duration::from_secs(240);
/// What a guest sees of the image that is slow to copy.
const SLOW_BYTES: u64 = 2 << 30;

/// A pool in a folder of its own, and one name for all that the test makes; all of it goes with the value.
struct Site {
    uri: String,
    name: String,
    folder: tempfile::TempDir,
}

impl Site {
    fn new(uri: String, test: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // QEMU's own user must reach the images.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let site = Self { uri, name: format!("vmbuild-test-{test}-{}", std::process::id()), folder };
        site.virsh(&["pool-create-as", &site.name, "dir", "--target", site.folder.path().to_str().unwrap()]);
        site
    }

    /// Puts the test guest into the pool.
    fn add_iso(&self, guest: &std::path::Path) -> PathBuf {
        let iso = self.folder.path().join(format!("{}.iso", self.name));
        std::fs::copy(guest.join("guest.iso"), &iso).unwrap();
        self.virsh(&["pool-refresh", &self.name]);
        iso
    }

    fn tries(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new("virsh").args(["-q", "-c", &self.uri]).args(arguments).output().expect("virsh");
        let text = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8_lossy(&text).trim().to_owned())
    }

    /// Output of a virsh that must succeed.
    fn virsh(&self, arguments: &[&str]) -> String {
        let (done, text) = self.tries(arguments);
        assert!(done, "virsh {arguments:?}: {text}");
        text
    }

    fn has_active_default_network(&self) -> bool {
        self.virsh(&["net-list", "--name"]).lines().any(|name| name == "default")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for arguments in
            [&["destroy", &self.name][..], &["undefine", "--nvram", &self.name], &["pool-destroy", &self.name]]
        {
            self.tries(arguments);
        }
    }
}

/// Moves down until the row of the cursor begins with `text`.
#[track_caller]
fn go_to_row(person: &mut Person, text: &str) {
    for _ in 0..100 {
        let rows = cursor_rows(&person.screen());
        if rows.iter().any(|row| row.starts_with(text)) {
            return;
        }
        person.keys("Down");
        person.wait_until("another row", |screen| cursor_rows(&screen.contents()) != rows);
    }
    panic!("no row {text} on:\n{}", person.screen());
}

/// Waits until the cursor stands on a row that begins with `text`.
#[track_caller]
fn wait_for_row(person: &Person, text: &str) {
    person.wait_until(&format!("row {text}"), |screen| {
        cursor_rows(&screen.contents()).iter().any(|row| row.starts_with(text))
    });
}

/// What stands right of the cursor's mark: below a list that lies over the step there may be a second one.
fn cursor_rows(screen: &str) -> Vec<String> {
    let marked = screen.lines().filter_map(|line| line.split_once('▸'));
    marked.map(|(_, rest)| rest.trim().to_owned()).collect()
}

/// Fills in the system: name, two processors, 1 GiB, UEFI.
fn system(person: &mut Person, site: &Site) {
    person.names(&site.name);
    go_to_row(person, "CPUs");
    // From one field of text Enter leads into the next.
    person.keys("Enter '2' Enter '1024' Enter");
    wait_for_row(person, "Architecture");
    person.keys("Esc");
    person.wait_gone("filling in the form");
    go_to_row(person, "UEFI");
    person.keys("Space");
    wait_for_row(person, "UEFI          [x]");
}

/// One disk of 20 GiB in the test's pool, the ISO as CD-ROM.
fn storage(person: &mut Person, site: &Site) {
    person.keys("3");
    person.wait_for("Where new disks go");
    person.keys("Tab");
    wait_for_row(person, "Default pool");
    person.keys("Enter");
    pick(person, &site.name);
    wait_for_row(person, &format!("Default pool  {}", site.name));
    person.keys("Esc");
    person.wait_gone("filling in the form");
    person.keys("4");
    person.wait_for("no installation medium");
    person.keys("a");
    person.wait_for("20 GiB");
    person.keys("Esc");
    wait_for_row(person, "0   create");
    person.keys("i");
    pick(person, &format!("{}.iso", site.name));
    person.wait_for("cd  attach");
}

/// Picks from a list by typing.
fn pick(person: &mut Person, text: &str) {
    person.wait_for("type to filter");
    person.keys(&format!("'{text}'"));
    person.wait_for(&format!("/ {text}"));
    wait_for_row(person, text);
    person.keys("Enter");
    person.wait_gone("type to filter");
}

/// The network `default` where it runs, else NAT by QEMU.
fn network(person: &mut Person, active: bool) {
    person.keys("5");
    person.wait_for("One interface is there by default");
    if active {
        return;
    }
    person.keys("Enter");
    wait_for_row(person, "Type");
    person.keys("Enter");
    person.wait_for("a libvirt network");
    go_to_row(person, "user");
    person.keys("Enter");
    person.wait_for("QEMU's own NAT");
}

/// Writes spec and XML to files from the review; their names are those that the wizard offers.
fn write_files(person: &mut Person, site: &Site) {
    person.keys("8");
    person.wait_for("[Summary]");
    for (row, file) in [("Write the spec", "json"), ("Write the domain XML", "xml")] {
        person.keys("w");
        person.wait_for("Save as preset");
        wait_for_row(person, "Save as preset");
        go_to_row(person, row);
        person.keys("Enter");
        person.wait_for(&format!("{}.{file}", site.name));
        person.keys("Enter");
        person.wait_for("written to");
        // Any key ends the notice.
        person.keys("Down");
        person.wait_gone("written to");
    }
}

/// What the headless commands say of the host.
fn hardware_virtualisation(home: &Home, site: &Site) -> bool {
    let facts = home.run(&["facts", "--json", "--connect", &site.uri]).code(0).json();
    facts.pointer("/kvm/known/value").unwrap_or_else(|| panic!("no kvm in {facts}")) == "usable"
}

fn children<'a, 'input>(node: Node<'a, 'input>, name: &'a str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.descendants().filter(move |child| child.has_tag_name(name))
}

fn attribute<'a>(node: Node<'a, '_>, child: &str, name: &str) -> Option<&'a str> {
    node.descendants().find(|found| found.has_tag_name(child)).and_then(|found| found.attribute(name))
}

/// What virsh says of volume and domain.
fn judge(site: &Site, iso: &std::path::Path, kvm: bool, network: bool) {
    let listed = site.virsh(&["vol-list", &site.name]);
    let volume = format!("{}-vda.qcow2", site.name);
    assert!(listed.contains(&volume), "{listed}");
    let text = site.virsh(&["vol-dumpxml", &volume, &site.name]);
    let document = Document::parse(&text).unwrap();
    let root = document.root_element();
    assert_eq!(children(root, "capacity").next().unwrap().text(), Some("21474836480"));
    assert_eq!(attribute(root, "format", "type"), Some("qcow2"));

    assert_eq!(site.virsh(&["domstate", &site.name]), "shut off");
    let text = site.virsh(&["dumpxml", "--inactive", &site.name]);
    let document = Document::parse(&text).unwrap();
    let domain = document.root_element();
    assert_eq!(domain.attribute("type"), Some(if kvm { "kvm" } else { "qemu" }));
    assert_eq!(attribute(domain, "os", "firmware"), Some("efi"));
    assert!(attribute(domain, "loader", "type") == Some("pflash"), "{text}");
    let of_kind = |kind| children(domain, "disk").find(|disk| disk.attribute("device") == Some(kind)).unwrap();
    let (disk, cdrom) = (of_kind("disk"), of_kind("cdrom"));
    let path = site.folder.path().join(&volume);
    assert_eq!(attribute(disk, "source", "file"), path.to_str());
    assert_eq!(attribute(disk, "driver", "type"), Some("qcow2"));
    assert_eq!(attribute(cdrom, "source", "file"), iso.to_str());
    assert_eq!((attribute(cdrom, "boot", "order"), attribute(disk, "boot", "order")), (Some("1"), Some("2")));
    let interface = children(domain, "interface").next().unwrap();
    assert_eq!(interface.attribute("type"), Some(if network { "network" } else { "user" }));
}

/// Starts the domain and gives what its serial console says, piece by piece.
fn console(site: &Site) -> Receiver<Vec<u8>> {
    site.virsh(&["start", "--paused", &site.name]);
    let (sender, pieces) = channel();
    let (uri, name) = (site.uri.clone(), site.name.clone());
    let (ready, is_ready) = channel();
    std::thread::spawn(move || {
        let connection = Connect::open(Some(&uri)).unwrap();
        let stream = Stream::new(&connection, 0).unwrap();
        connection.lookup_domain_by_name(&name).unwrap().open_console(None, &stream, 0).unwrap();
        ready.send(()).unwrap();
        let mut buffer = [0; 4096];
        while let Ok(count) = stream.recv(&mut buffer) {
            let count = usize::try_from(count).unwrap_or(0);
            if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    is_ready.recv_timeout(BOOT).expect("a console");
    site.virsh(&["resume", &site.name]);
    pieces
}

/// Everything the guest says up to `end`.
fn said_until(pieces: &Receiver<Vec<u8>>, end: &str) -> String {
    let deadline = Instant::now() + BOOT;
    let mut said = String::new();
    while !said.contains(end) {
        let left = deadline.saturating_duration_since(Instant::now());
        match pieces.recv_timeout(left) {
            Ok(piece) => said.push_str(&String::from_utf8_lossy(&piece)),
            Err(error) => panic!("{error} before the guest said {end}; it said:\n{said}"),
        }
    }
    said
}

/// The XML without what libvirt draws by lot for each domain.
fn without_lots(xml: &str) -> String {
    xml.lines()
        .filter(|line| !line.contains("<uuid>") && !line.contains("<mac address="))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn keys_in_the_wizard_make_a_vm_that_boots_and_the_headless_commands_make_the_same() {
    let (Some(uri), Some(guest)) = (support::system_uri(), support::guest()) else { return };
    let (home, site) = (Home::new(), Site::new(uri, "wizard"));
    let iso = site.add_iso(&guest);
    let kvm = hardware_virtualisation(&home, &site);
    let active = site.has_active_default_network();

    let mut person = Session::new(home.path(), &["--connect", &site.uri]).size(120, 40).start();
    person.wait_for("libvirt ");
    system(&mut person, &site);
    if !kvm {
        // Emulation is slow, and a KVM that starts no guests is worse: neither is ever taken silently.
        person.wait_for("the guest is emulated and slow");
    }
    storage(&mut person, &site);
    network(&mut person, active);
    write_files(&mut person, &site);
    // The same spec without the wizard.
    let headless = home.run(&["xml", &format!("{}.json", site.name), "--connect", &site.uri]).code(0).out;
    let shown = std::fs::read_to_string(home.path().join(format!("{}.xml", site.name))).unwrap();
    assert_eq!(headless, shown);

    person.builds();
    person.keys("q");
    assert!(person.ended_restored().success());
    person.wait_for(&format!("Built {}", site.name));

    judge(&site, &iso, kvm, active);
    let stored = site.virsh(&["dumpxml", "--inactive", &site.name]);

    let pieces = console(&site);
    let said = said_until(&pieces, "vmbuild test guest: done");
    for line in ["firmware=uefi", "disk=vda sectors=41943040 ro=0", "cpus=2"] {
        assert!(said.contains(line), "no {line} in:\n{said}");
    }

    site.tries(&["destroy", &site.name]);
    site.virsh(&["undefine", "--nvram", &site.name]);
    let file = home.write("headless.xml", &headless);
    site.virsh(&["define", file.to_str().unwrap()]);
    assert_eq!(without_lots(&site.virsh(&["dumpxml", "--inactive", &site.name])), without_lots(&stored));
}

/// An image that takes a second to copy and no room on the disk, neither itself nor its copy: zeros, each cluster of them
/// compressed, so that a copy unpacks all before it finds nothing to write.
fn slow_to_copy(folder: &Path) -> PathBuf {
    let (zeros, packed) = (folder.join("zeros.raw"), folder.join("source.qcow2"));
    std::fs::File::create(&zeros).unwrap().set_len(SLOW_BYTES).unwrap();
    let options = ["convert", "-c", "-S", "0", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd"];
    let made = Command::new("qemu-img").args(options).args([&zeros, &packed]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::remove_file(zeros).unwrap();
    packed
}

/// The wizard in the middle of copying a large volume, the VM not yet defined.
fn in_the_middle_of_a_build(home: &Home, site: &Site) -> Person {
    let source = slow_to_copy(site.folder.path());
    site.virsh(&["pool-refresh", &site.name]);
    let spec = serde_json::json!({
        "memory": 512, "vcpus": 1, "networks": [{"type": "user"}],
        "storage": {"default_pool": site.name, "disks": [{"action": "clone", "clone_from": source}]},
    });
    let spec = home.write("spec.json", &spec.to_string());
    home.run(&["preset", "save", "half", spec.to_str().unwrap()]).code(0);
    let mut person = Session::new(home.path(), &["--connect", &site.uri, "--preset", "half"]).start();
    person.wait_for("libvirt ");
    person.names(&site.name);
    person.keys("8");
    person.wait_for("[Summary]");
    person.wait_for("0 errors");
    person.keys("B");
    let deadline = Instant::now() + pty::PATIENCE;
    while std::fs::read_dir(site.folder.path()).unwrap().count() < 2 {
        if person.screen().contains("Build with") {
            person.keys("Enter");
            person.wait_gone("Build with");
        }
        assert!(Instant::now() < deadline, "no copy begins:\n{}", person.screen());
        std::thread::sleep(Duration::from_millis(2));
    }
    person
}

#[test]
fn a_build_goes_on_when_the_terminal_hangs_up() {
    let Some(uri) = support::system_uri() else { return };
    let (home, site) = (Home::new(), Site::new(uri, "hangup"));
    let mut person = in_the_middle_of_a_build(&home, &site);
    person.signal(rustix::process::Signal::HUP);
    assert!(!site.tries(&["dominfo", &site.name]).0, "the build was over before the signal");
    assert_eq!(person.ended_restored().exit_code(), 0);
    assert_eq!(site.virsh(&["domstate", &site.name]), "shut off");
    let listed = site.virsh(&["vol-list", &site.name]);
    let mut names = listed.lines().filter_map(|line| line.split_whitespace().next());
    let volume = names.find(|name| *name != "source.qcow2").unwrap_or_else(|| panic!("no volume in {listed}"));
    let volume = site.virsh(&["vol-dumpxml", volume, &site.name]);
    assert!(volume.contains(&format!("<capacity unit='bytes'>{SLOW_BYTES}</capacity>")), "{volume}");
}

#[test]
fn a_build_is_undone_when_the_wizard_is_told_to_end() {
    let Some(uri) = support::system_uri() else { return };
    let (home, site) = (Home::new(), Site::new(uri, "end"));
    let mut person = in_the_middle_of_a_build(&home, &site);
    person.signal(rustix::process::Signal::TERM);
    assert_eq!(person.ended_restored().exit_code(), 130);
    assert!(!site.tries(&["dominfo", &site.name]).0);
    site.virsh(&["pool-refresh", &site.name]);
    let volumes = site.virsh(&["vol-list", &site.name]);
    assert_eq!(volumes.lines().count(), 1, "{volumes}");
    // What was typed is not lost with it.
    let drafts = std::fs::read_dir(home.path().join(".local/state/vmbuild/drafts")).map(Iterator::count);
    assert_eq!(drafts.ok(), Some(1), "no draft");
}
