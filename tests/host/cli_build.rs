//! `vmbuild build` as a program on a libvirt that runs real guests: interrupted, and not able to undo.

use crate::support;
use crate::support::program::Home;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt as _;
use std::process::{Child, Command, Stdio};

/// A pool on a real libvirt, removed with all in it when the test ends.
struct Pool {
    uri: String,
    name: String,
    folder: tempfile::TempDir,
}

impl Pool {
    fn new(uri: String, test: &str) -> Self {
        // Not below /tmp, where libvirtd may have a view of its own.
        let folder = tempfile::Builder::new().prefix("vmbuild-cli-").tempdir_in("/var/tmp").unwrap();
        let pool = Self { uri, name: format!("vmbuild-cli-{test}-{}", std::process::id()), folder };
        let path = pool.folder.path().to_str().unwrap().to_owned();
        assert!(pool.virsh(&["pool-create-as", &pool.name, "dir", "--target", &path]).is_some(), "no pool");
        pool
    }

    fn virsh(&self, args: &[&str]) -> Option<String> {
        let output = Command::new("virsh").args(["-q", "-c", &self.uri]).args(args).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    fn volumes(&self) -> String {
        self.virsh(&["vol-list", &self.name]).unwrap()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.virsh(&["pool-destroy", &self.name]);
    }
}

/// A build whose second volume takes a while.
struct Slow {
    child: Child,
    name: String,
}

impl Slow {
    fn start(home: &Home, pool: &Pool) -> Self {
        let image = home.write("big.raw", "");
        let file = std::fs::OpenOptions::new().write(true).open(&image).unwrap();
        // Each piece of data is sent by itself; the holes are not.
        (0..4000_u64).for_each(|piece| file.write_all_at(&[1; 4096], piece << 21).unwrap());
        let name = format!("{}-vm", pool.name);
        let spec = json!({
            "name": name, "memory": 128, "vcpus": 1, "virt_type": "qemu", "networks": [],
            "storage": { "default_pool": pool.name, "disks": [
                { "action": "create", "size": 1 },
                { "action": "clone", "clone_from": image, "format": "raw" }
            ] }
        });
        let spec = home.write("spec.json", &spec.to_string());
        let mut command = home.command(&["-c", &pool.uri, "build", "--json", spec.to_str().unwrap()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { child, name }
    }

    fn interrupt(id: u32) {
        assert!(Command::new("kill").args(["-s", "INT", &id.to_string()]).status().unwrap().success());
    }

    /// Exit code and body; `meddle` is called with the process once the second volume is being filled.
    fn end(mut self, meddle: impl Fn(u32)) -> (Option<i32>, Value) {
        let lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let (mut body, mut filling) = (Value::Null, false);
        for line in lines {
            body = serde_json::from_str(&line.unwrap()).unwrap();
            if body["event"] == "progress" && !filling {
                filling = true;
                meddle(self.child.id());
            }
        }
        (self.child.wait().unwrap().code(), body)
    }
}

#[test]
fn interrupts_cancel_a_build_and_leave_nothing() {
    let Some(uri) = support::system_uri() else { return };
    let (home, pool) = (Home::new(), Pool::new(uri, "interrupt"));
    let slow = Slow::start(&home, &pool);
    let name = slow.name.clone();
    // The second interrupt comes while the first one is being answered.
    let (code, body) = slow.end(|id| (0..2).for_each(|_| Slow::interrupt(id)));
    assert_eq!(code, Some(130), "{body}");
    assert_eq!(body["code"], "BUILD-CANCELLED", "{body}");
    assert_eq!(body["details"]["undone"].as_array().unwrap().len(), 2, "{body}");
    assert_eq!(pool.volumes().trim(), "");
    assert_eq!(pool.virsh(&["dominfo", &name]), None);
}

#[test]
fn what_cannot_be_undone_is_named_with_the_way_to_do_it_by_hand() {
    let Some(uri) = support::system_uri() else { return };
    let (home, pool) = (Home::new(), Pool::new(uri, "left"));
    let slow = Slow::start(&home, &pool);
    let first = pool.folder.path().join(format!("{}-vda.qcow2", slow.name));
    let immutable =
        |flag: &str| Command::new("chattr").arg(flag).arg(&first).output().is_ok_and(|ran| ran.status.success());
    let held = std::cell::Cell::new(false);
    let (code, body) = slow.end(|id| {
        held.set(immutable("+i"));
        Slow::interrupt(id);
    });
    immutable("-i");
    if !held.get() {
        return support::skip("files cannot be made immutable here");
    }
    assert_eq!(code, Some(6), "{body}");
    assert_eq!(body["details"]["undone"].as_array().unwrap().len(), 1, "{body}");
    let left = &body["details"]["not_undone"][0];
    assert!(left["what"].as_str().unwrap().ends_with(&format!("-vda.qcow2 in pool {}", pool.name)), "{body}");
    assert!(left["why"].as_str().unwrap().contains("not permitted"), "{body}");
    assert!(left["by_hand"].as_str().unwrap().starts_with("virsh"), "{body}");
}

/// The last line of a build with `--json`, and the exit code.
fn built(home: &Home, pool: &Pool, spec: &Value) -> (Option<i32>, Value) {
    // Several threads build at once.
    let file = home.write(&format!("{:?}.json", std::thread::current().id()), &spec.to_string());
    let output = home.command(&["-c", &pool.uri, "build", "--json", "--yes", file.to_str().unwrap()]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), serde_json::from_str(text.lines().last().unwrap_or("null")).unwrap())
}

/// A small VM with one new disk.
fn small(pool: &Pool, more: &Value) -> Value {
    let mut spec = json!({
        "name": format!("{}-vm", pool.name), "memory": 128, "vcpus": 1, "virt_type": "qemu",
        "graphics": [{"type": "none"}], "networks": [{"type": "user"}],
        "storage": { "default_pool": pool.name, "disks": [{ "action": "create", "size": 1 }] }
    });
    spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    spec
}

/// Removes a VM that a test built.
struct Vm<'a>(&'a Pool, String);

impl Drop for Vm<'_> {
    fn drop(&mut self) {
        self.0.virsh(&["destroy", &self.1]);
        self.0.virsh(&["undefine", "--nvram", "--tpm", &self.1]);
    }
}

#[test]
fn the_answer_of_a_build_has_what_libvirt_chose() {
    let Some(uri) = support::system_uri() else { return };
    let (home, pool) = (Home::new(), Pool::new(uri, "answer"));
    let more = json!({"graphics": [{"type": "vnc"}], "metadata": {"owner": "lab"}, "os_variant": "debian12"});
    let spec = small(&pool, &more);
    let vm = Vm(&pool, spec["name"].as_str().unwrap().to_owned());
    let (code, body) = built(&home, &pool, &spec);
    assert_eq!(code, Some(0), "{body}");
    let xml = pool.virsh(&["dumpxml", &vm.1]).unwrap();
    let mac = body["networks"][0]["mac"].as_str().unwrap();
    assert!(xml.contains(&format!("<mac address='{mac}'/>")), "{body} {xml}");
    assert_eq!((&body["graphics"][0]["type"], &body["metadata"]["owner"]), (&json!("vnc"), &json!("lab")), "{body}");
    assert_eq!((&body["os"]["variant"], &body["firmware"]["type"]), (&json!("debian12"), &json!("bios")), "{body}");
    assert_eq!(body["disks"][0]["size_bytes"], 1_u64 << 30, "{body}");
    assert_eq!((&body["disks"][0]["format"], &body["disks"][0]["storage_pool"]), (&json!("qcow2"), &json!(pool.name)));
    assert!(body["machine"].as_str().unwrap().starts_with("pc-q35-"), "{body}");
    assert_eq!(body["created_at"].as_str().unwrap().len(), "2026-01-01T00:00:00Z".len(), "{body}");
    assert_eq!(body["tpm"], Value::Null);
    assert!(body["consoles"].as_array().is_some_and(|consoles| !consoles.is_empty()), "{body}");
}

#[test]
fn of_equal_builds_of_several_users_at_once_one_builds_and_the_others_are_refused_with_findings() {
    let Some(uri) = support::system_uri() else { return };
    let pool = Pool::new(uri, "at-once");
    let spec = small(&pool, &json!({}));
    let _vm = Vm(&pool, spec["name"].as_str().unwrap().to_owned());
    let ends: Vec<(Option<i32>, Value)> = std::thread::scope(|scope| {
        let builds: Vec<_> = (0..6).map(|_| scope.spawn(|| built(&Home::new(), &pool, &spec))).collect();
        builds.into_iter().map(|build| build.join().unwrap()).collect()
    });
    let codes = |code| ends.iter().filter(|(ended, _)| *ended == Some(code)).count();
    assert_eq!((codes(0), codes(3)), (1, 5), "{ends:#?}");
    for (_, body) in ends.iter().filter(|(code, _)| *code == Some(3)) {
        let code = body["code"].as_str().unwrap();
        assert!(["VOLUME-EXISTS", "NAME-TAKEN"].contains(&code), "{body}");
        assert!(body["details"]["findings"].as_array().is_some_and(|findings| !findings.is_empty()), "{body}");
    }
    assert_eq!(pool.volumes().lines().filter(|line| !line.trim().is_empty()).count(), 1);
}

#[test]
fn a_vm_of_the_same_name_is_another_one_for_cloud_init() {
    let Some(uri) = support::system_uri() else { return };
    let (home, pool) = (Home::new(), Pool::new(uri, "again"));
    let key = home.write("ops.key", "hunter2\n");
    let cloud = json!({"user": "ops", "password_file": key, "addresses": ["10.0.0.5/24"], "timezone": "Europe/Paris"});
    let spec = small(&pool, &json!({ "cloud_init": cloud }));
    let seed = pool.folder.path().join(format!("{}-vm-cidata.img", pool.name));
    let built = || {
        let vm = Vm(&pool, spec["name"].as_str().unwrap().to_owned());
        let (code, body) = built(&home, &pool, &spec);
        assert_eq!(code, Some(0), "{body}");
        let image = String::from_utf8_lossy(&std::fs::read(&seed).unwrap()).into_owned();
        let mac = body["networks"][0]["mac"].as_str().unwrap().to_owned();
        drop(vm);
        for volume in pool.volumes().lines().filter_map(|line| line.split_whitespace().next()) {
            pool.virsh(&["vol-delete", "--pool", &pool.name, volume]);
        }
        (body["uuid"].as_str().unwrap().to_owned(), mac, image)
    };
    let (one, other) = (built(), built());
    assert_ne!(one.0, other.0);
    for (uuid, mac, image) in [&one, &other] {
        assert!(image.contains(&format!("\"instance-id\": \"{uuid}\"")), "{image}");
        assert!(image.contains(&format!("\"macaddress\": \"{mac}\"")), "{image}");
        assert!(image.contains("\"passwd\": \"$6$") && !image.contains("hunter2"), "{image}");
        assert!(image.contains("\"timezone\": \"Europe/Paris\""), "{image}");
    }
}
