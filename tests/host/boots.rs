//! Specs built without a screen on a libvirt that runs real guests, and what the guest itself says of its machine.
#![allow(clippy::needless_pass_by_value, reason = "specs are read as they are written")]

use crate::support;
use crate::support::program::Home;
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use virt::connect::Connect;
use virt::stream::Stream;

/// How long a guest may take to boot where the processor is emulated.
const BOOT: Duration = Duration::from_secs(240);

/// A folder that QEMU reaches, and a name for the VM; both go with the value.
struct Site {
    uri: String,
    guest: PathBuf,
    name: String,
    folder: tempfile::TempDir,
}

impl Site {
    /// `None`, recorded as a skip, where guests cannot run.
    fn new(test: &str) -> Option<Self> {
        let (uri, guest) = (support::system_uri()?, support::guest()?);
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let site = Self { uri, guest, name: format!("vmbuild-boot-{test}-{}", std::process::id()), folder };
        for file in ["vmlinuz", "initrd.gz"] {
            std::fs::copy(site.guest.join(file), site.path(file)).unwrap();
        }
        Some(site)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// An ext4 image with one file, `hello`, that says `text`.
    fn image(&self, name: &str, text: &str) -> PathBuf {
        let (content, image) = (self.path(&format!("{name}.content")), self.path(name));
        std::fs::create_dir(&content).unwrap();
        std::fs::write(content.join("hello"), text).unwrap();
        std::fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
        run(Command::new("mkfs.ext4").args(["-q", "-d"]).args([&content, &image]));
        image
    }

    /// A VM that starts the test guest's kernel, emulated, with these fields set besides.
    fn spec(&self, fields: Value) -> Value {
        let mut spec = json!({
            "name": self.name, "memory": 512, "vcpus": 1, "virt_type": "qemu", "networks": [], "graphics": [],
            "boot": {
                "kernel": self.path("vmlinuz"), "initrd": self.path("initrd.gz"), "args": "console=ttyS0 panic=-1 quiet",
            },
        });
        spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        spec
    }

    /// A pool in the folder; gives its name.
    fn pool(&self) -> &str {
        self.virsh(&["pool-create-as", &self.name, "dir", "--target", self.folder.path().to_str().unwrap()]);
        &self.name
    }

    fn virsh(&self, arguments: &[&str]) -> String {
        run(Command::new("virsh").args(["-q", "-c", &self.uri]).args(arguments))
    }

    /// Puts the guest agent into the guest: an initrd may be several, one behind the other.
    fn with_agent(&self) {
        let agent = std::fs::read(self.guest.join("agent.gz")).unwrap();
        let mut initrd = std::fs::OpenOptions::new().append(true).open(self.path("initrd.gz")).unwrap();
        initrd.write_all(&agent).unwrap();
    }

    fn build(&self, spec: &Value) {
        let home = Home::new();
        home.run_with(&["build", "--connect", &self.uri, "-"], &spec.to_string()).code(0);
    }

    /// Builds the spec and gives all that the guest says, to its end.
    fn boot(&self, spec: &Value) -> String {
        self.build(spec);
        said_until(&self.console(), "vmbuild test guest: done")
    }

    /// Starts the domain and gives what its serial console says, piece by piece.
    fn console(&self) -> Receiver<Vec<u8>> {
        self.virsh(&["start", "--paused", &self.name]);
        let (sender, pieces) = channel();
        let (uri, name) = (self.uri.clone(), self.name.clone());
        let (ready, is_ready) = channel();
        std::thread::spawn(move || {
            let connection = Connect::open(Some(&uri)).unwrap();
            let stream = Stream::new(&connection, 0).unwrap();
            connection.lookup_domain_by_name(&name).unwrap().open_console(None, &stream, 0).unwrap();
            ready.send(()).unwrap();
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.recv(&mut buffer) {
                if sender.send(buffer[..usize::try_from(count).unwrap()].to_vec()).is_err() {
                    break;
                }
            }
        });
        is_ready.recv_timeout(BOOT).expect("a console");
        self.virsh(&["resume", &self.name]);
        pieces
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let undone = [
            &["destroy", &self.name][..],
            &["undefine", "--nvram", "--tpm", &self.name],
            &["pool-destroy", &self.name],
        ];
        for arguments in undone {
            drop(Command::new("virsh").args(["-q", "-c", &self.uri]).args(arguments).output());
        }
    }
}

/// Output of a program that must succeed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Everything the guest says up to `end`.
fn said_until(pieces: &Receiver<Vec<u8>>, end: &str) -> String {
    let deadline = Instant::now() + BOOT;
    let mut said = String::new();
    while !said.contains(end) {
        match pieces.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(piece) => said.push_str(&String::from_utf8_lossy(&piece)),
            Err(error) => panic!("{error} before the guest said {end}; it said:\n{said}"),
        }
    }
    said
}

/// Waits for the guest to end.
fn wait_until_off(site: &Site) {
    let deadline = Instant::now() + BOOT;
    while site.virsh(&["domstate", &site.name]) != "shut off" {
        assert!(Instant::now() < deadline, "the guest still runs");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[track_caller]
fn has(said: &str, lines: &[&str]) {
    for line in lines {
        assert!(said.contains(&format!("vmbuild test guest: {line}")), "no {line} in:\n{said}");
    }
}

fn attach(path: &Path, fields: Value) -> Value {
    let mut disk = json!({"action": "attach", "path": path, "format": "raw"});
    disk.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    disk
}

#[test]
fn a_kernel_is_started_and_finds_its_root_and_a_disk_that_it_may_not_write() {
    let Some(site) = Site::new("kernel") else { return };
    let (extra, root) = (site.image("app.ext4", "extra"), site.image("rootfs.ext4", "root"));
    let disks = json!([attach(&extra, json!({"readonly": true})), attach(&root, json!({"root": true}))]);
    let said = site.boot(&site.spec(json!({"vcpus": 2, "storage": {"disks": disks}})));
    let sectors = "sectors=16384";
    has(&said, &["cmdline=console=ttyS0 panic=-1 quiet root=/dev/vdb rw", "root=/dev/vdb file=root", "cpus=2"]);
    has(&said, &[&format!("disk=vda {sectors} ro=1"), &format!("disk=vdb {sectors} ro=0"), "firmware=bios"]);
}

#[test]
fn a_kernel_needs_no_disk() {
    let Some(site) = Site::new("diskless") else { return };
    let said = site.boot(&site.spec(json!({})));
    has(&said, &["cmdline=console=ttyS0 panic=-1 quiet\r", "cpus=1"]);
    assert!(!said.contains("disk=vda"), "{said}");
}

/// A folder with a file, `hello`, that QEMU may read and write.
fn folder(site: &Site) -> PathBuf {
    let folder = site.path("shared");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("hello"), "hello from the host").unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

#[test]
fn a_folder_of_the_host_is_mounted_by_9p_and_written_only_where_that_is_allowed() {
    let Some(site) = Site::new("share") else { return };
    let folder = folder(&site);
    let share =
        |readonly: bool| json!({"shares": [{"path": folder, "tag": "share", "driver": "9p", "readonly": readonly}]});
    let said = site.boot(&site.spec(share(true)));
    has(&said, &["share=9p file=hello from the host"]);
    assert!(!said.contains("writable") && !folder.join("by-guest").exists(), "{said}");
    let other = Site::new("share-rw").unwrap();
    has(&other.boot(&other.spec(share(false))), &["share=9p writable"]);
    assert_eq!(std::fs::read_to_string(folder.join("by-guest")).unwrap(), "written\n");
}

#[test]
fn a_folder_of_the_host_is_mounted_by_virtiofs() {
    let servers = vmbuild::machine::share::VIRTIOFSD;
    if servers.iter().all(|path| !Path::new(path).exists()) {
        return support::skip("virtiofsd is not installed");
    }
    let Some(site) = Site::new("virtiofs") else { return };
    let shares = json!([{"path": folder(&site), "tag": "share"}]);
    has(&site.boot(&site.spec(json!({"shares": shares}))), &["share=virtiofs file=hello from the host"]);
}

#[test]
fn the_guest_sees_its_nodes_and_its_threads_run_where_they_are_pinned() {
    let Some(site) = Site::new("nodes") else { return };
    let cells = json!([{"vcpus": "0", "memory": 256}, {"vcpus": "1-2", "memory": 256}]);
    let pinning = json!({"vcpus": ["0", "", "0"], "emulator": "0"});
    let said = site.boot(&site.spec(json!({"vcpus": 3, "numa": {"cells": cells}, "cpu": {"pinning": pinning}})));
    has(&said, &["cpus=3", "node0 cpus=0", "node1 cpus=1-2"]);
    let pins = site.virsh(&["vcpupin", &site.name, "--config"]);
    let lines: Vec<Vec<&str>> = pins.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((lines[0][1], lines[2][1]), ("0", "0"), "{pins}");
    let emulator = site.virsh(&["emulatorpin", &site.name, "--config"]);
    assert_eq!(emulator.split_whitespace().last(), Some("0"), "{emulator}");
}

/// What the agent in the guest answers to a command, asked again while it does not answer yet.
fn agent(site: &Site, command: &str) -> Value {
    let deadline = Instant::now() + BOOT;
    loop {
        let asked = ["-q", "-c", &site.uri, "qemu-agent-command", "--timeout", "5", &site.name, command];
        let output = Command::new("virsh").args(asked).output().unwrap();
        if output.status.success() {
            let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
            return answer["return"].clone();
        }
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            error.contains("not connected") || error.contains("not responding") || error.contains("not available"),
            "{error}"
        );
        assert!(Instant::now() < deadline, "no answer: {error}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_guest_agent_answers_and_stops_the_guest() {
    let Some(site) = Site::new("agent") else { return };
    site.with_agent();
    let network = json!([{"type": "user", "mac": "52:54:00:0a:0b:0c"}]);
    site.build(&site.spec(json!({"networks": network})));
    let console = site.console();
    said_until(&console, "vmbuild test guest: agent on ");
    assert_eq!(agent(&site, r#"{"execute":"guest-ping"}"#), json!({}));
    assert_eq!(agent(&site, r#"{"execute":"guest-get-host-name"}"#)["host-name"], "vmbuild-test");
    let addresses = site.virsh(&["domifaddr", &site.name, "--source", "agent"]);
    let words: Vec<&str> = addresses.split_whitespace().collect();
    assert!(words.windows(3).any(|row| row == ["52:54:00:0a:0b:0c", "ipv4", "10.0.2.15/8"]), "{addresses}");
    site.virsh(&["shutdown", "--mode", "agent", &site.name]);
    wait_until_off(&site);
}

#[test]
fn a_machine_without_the_agents_channel_says_so() {
    let Some(site) = Site::new("no-agent") else { return };
    site.with_agent();
    let said = site.boot(&site.spec(json!({"guest_agent": false})));
    has(&said, &["no port for the agent"]);
}

/// Free huge pages of 2 MiB, as libvirt counts them.
fn free_pages(site: &Site) -> u64 {
    let said = site.virsh(&["freepages", "--cellno", "0", "--pagesize", "2M"]);
    said.split_whitespace().last().and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

#[test]
fn memory_in_huge_pages_lies_in_those_of_the_host() {
    const PAGES: u64 = 80;
    let Some(free) = support::hugepages() else { return };
    let Some(site) = Site::new("hugepages") else { return };
    assert!(free >= PAGES, "{free} pages are free");
    let backing = json!({"hugepages": "2 MiB"});
    let before = free_pages(&site);
    site.build(&site.spec(json!({"memory": PAGES * 2, "memory_backing": backing})));
    let console = site.console();
    said_until(&console, "vmbuild test guest: up");
    assert_eq!(free_pages(&site), before - PAGES);
    said_until(&console, "vmbuild test guest: done");
    wait_until_off(&site);
    assert_eq!(free_pages(&site), before);
}

#[test]
fn the_guest_sees_a_tpm_and_disks_on_scsi() {
    let Some(site) = Site::new("tpm") else { return };
    if Command::new("swtpm").arg("--version").output().is_err() {
        return support::skip("swtpm is not installed");
    }
    let disk = site.image("data.ext4", "data");
    let disks = json!([attach(&disk, json!({"bus": "scsi", "serial": "DATA-1", "root": true}))]);
    let said = site.boot(&site.spec(json!({"tpm": true, "storage": {"disks": disks}, "smbios": {"serial": "SN-42"}})));
    has(
        &said,
        &["tpm=tpm0 version=2", "disk=sda sectors=16384 ro=0", "root=/dev/sda file=data", "dmi_product_serial=SN-42"],
    );
}

#[test]
fn secure_boot_is_on_in_the_guest_and_off_where_nobody_asked_for_it() {
    for (name, secure, word) in [("secure", true, "secure_boot=1"), ("plain", false, "secure_boot=0")] {
        let Some(site) = Site::new(name) else { return };
        let iso = site.path("guest.iso");
        std::fs::copy(site.guest.join("guest.iso"), &iso).unwrap();
        let disks = json!([attach(&iso, json!({"device": "cdrom", "boot_order": 1}))]);
        let fields = json!({"uefi": true, "secure_boot": secure, "memory": 1024, "storage": {"disks": disks, "default_pool": site.pool()}});
        let mut spec = site.spec(fields);
        spec.as_object_mut().unwrap().remove("boot");
        has(&site.boot(&spec), &["firmware=uefi", word]);
    }
}
