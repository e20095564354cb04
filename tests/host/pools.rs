//! Types of pools on a real libvirtd: the table against what libvirt says of itself, and partitions of a drive in a file.

use crate::support;
use crate::support::program::{Home, Ran};
use serde_json::{Value, json};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use vmbuild::build::{Order, run};
use vmbuild::checks::Allowed;
use vmbuild::engine::libvirt::LibvirtCall;
use vmbuild::engine::{Step, Thing};
use vmbuild::host::Source;
use vmbuild::plan::{BuildEvent, BuildResult, Ledger, Plan};
use vmbuild::spec::Spec;

/// Output of a program that must succeed.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn the_table_of_pool_types_agrees_with_a_real_libvirtd() {
    let Some(uri) = support::system_uri() else { return };
    support::pool_types::agree(&output("virsh", &["-c", &uri, "pool-capabilities"]));
}

/// A drive in a file with a pool of its partitions, whose old content is not zeros.
struct Drive {
    uri: String,
    pool: String,
    device: String,
    folder: tempfile::TempDir,
    home: Home,
    domains: Vec<String>,
}

impl Drive {
    fn new(test: &str) -> Option<Self> {
        let uri = support::system_uri()?;
        let can = output("virsh", &["-c", &uri, "pool-capabilities"]).contains("<pool type='disk' supported='yes'>");
        let has = |program| Command::new(program).arg("--version").output().is_ok();
        if !can || !has("parted") || !has("losetup") {
            support::skip("pools of partitions need libvirt-daemon-driver-storage-disk, parted and losetup");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("vmbuild-pools-").tempdir_in("/var/tmp").unwrap();
        let path = folder.path().join("drive.img");
        let file = File::create(&path).unwrap();
        file.set_len(512 << 20).unwrap();
        for part in 0..256 {
            file.write_all_at(&vec![0xa5; 1 << 20], part << 20).unwrap();
        }
        let device = output("losetup", &["--find", "--show", path.to_str().unwrap()]);
        let pool = format!("vmbuild-pools-{test}-{}", std::process::id());
        let drive = Self { uri, pool, device, folder, home: Home::new(), domains: Vec::new() };
        output("parted", &["-s", &drive.device, "mklabel", "gpt"]);
        let source = ["--source-dev", &drive.device, "--source-format", "gpt", "--target", "/dev"];
        drive.virsh(&[&["pool-create-as", &drive.pool, "disk"], &source[..]].concat());
        Some(drive)
    }

    fn virsh(&self, arguments: &[&str]) -> String {
        output("virsh", &[&["-q", "-c", &self.uri], arguments].concat())
    }

    fn partitions(&self) -> Vec<String> {
        let listed = self.virsh(&["vol-list", &self.pool]);
        listed.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
    }

    fn build(&mut self, name: &str, disks: Value) -> Ran {
        let name = format!("{}-{name}", self.pool);
        let mut spec = json!({
            "name": name, "memory": 128, "vcpus": 1, "virt_type": "qemu", "networks": [], "graphics": [{"type": "none"}],
            "storage": {"default_pool": self.pool}
        });
        spec["storage"]["disks"] = disks;
        let ran = self.home.run_with(&["-c", &self.uri, "build", "--yes", "--json", "-"], &spec.to_string());
        self.domains.push(name);
        ran
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        let quietly = |program: &str, arguments: &[&str]| drop(Command::new(program).args(arguments).output());
        for domain in &self.domains {
            quietly("virsh", &["-q", "-c", &self.uri, "undefine", domain]);
        }
        quietly("virsh", &["-q", "-c", &self.uri, "pool-destroy", &self.pool]);
        quietly("parted", &["-s", &self.device, "mklabel", "gpt"]);
        quietly("losetup", &["--detach", &self.device]);
    }
}

#[test]
fn disks_become_the_next_partitions() {
    let Some(mut drive) = Drive::new("next") else { return };
    let create = json!({"action": "create", "size": "64 MiB"});
    let ran = drive.build("a", json!([create, create]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let part = |number: u32| format!("{}p{number}", drive.device);
    let want = [part(1), part(2)];
    assert_eq!(drive.partitions(), want);
    let xml = drive.virsh(&["dumpxml", &drive.domains[0]]);
    assert!(want.iter().all(|path| xml.contains(&format!("<source dev='{path}'/>"))), "{xml}");
}

#[test]
fn a_copy_into_a_partition_leaves_nothing_of_what_was_there() {
    let Some(mut drive) = Drive::new("holes") else { return };
    let path = drive.folder.path().join("source.img");
    let file = File::create(&path).unwrap();
    file.set_len(48 << 20).unwrap();
    file.write_all_at(&vec![7; 1 << 20], 24 << 20).unwrap();
    let source = path.to_str().unwrap();
    let ran = drive.build("copy", json!([{"action": "clone", "clone_from": source}]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let made = drive.partitions().remove(0);
    output("cmp", &["--bytes", "50331648", source, &made]);
}

#[test]
fn a_partition_that_came_out_with_another_name_is_told() {
    let Some(drive) = Drive::new("left") else { return };
    let xml = "<volume><name>wrong</name><capacity unit='MiB'>64</capacity><target/></volume>".to_owned();
    let call = LibvirtCall::CreateVolume { pool: drive.pool.clone(), volume: "wrong".into(), xml };
    let plan = Plan { name: "left".into(), steps: vec![Step::new("", "", call)], ..Plan::default() };
    let source = Source::at(drive.uri.clone());
    let order = Order { plan, spec: Spec::default(), allowed: Allowed::default(), source, ssh: None, builds: None };
    let mut events = Vec::new();
    let outcome = run(&order, &mut |event| events.push(event), &std::sync::Arc::default());
    let name = format!("{}p1", drive.device.trim_start_matches("/dev/"));
    let made = events.iter().find_map(|event| match event {
        BuildEvent::Made(made) => Some(made.thing.clone()),
        _ => None,
    });
    assert_eq!(made, Some(Thing::Volume { pool: drive.pool.clone(), name }));
    // libvirt 11.3 does not delete partitions of drives whose name ends in a digit; then it is listed.
    let left = Ledger::of(&events).newest_first().count();
    assert_eq!(left, drive.partitions().len(), "{events:?}");
    assert_eq!(matches!(outcome, BuildResult::NotFullyUndone { .. }), left > 0, "{outcome:?}");
}
