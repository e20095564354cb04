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
