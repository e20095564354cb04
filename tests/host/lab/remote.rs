//! The machine as a remote host: what the program outside reads over ssh, beside what it reads inside.

use super::guest::said;
use super::machine::{Lab, ROOT_DRIVE, SSH_NIC};
use crate::support::program::{Home, Ran, ran};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// Somebody at another machine, whose ssh keeps no list of known hosts.
struct Elsewhere {
    home: Home,
    uri: String,
}

impl Elsewhere {
    fn of(lab: &Lab) -> Self {
        let home = Home::new();
        let ssh = "#!/bin/sh\nPATH=${PATH#*:}\nexec ssh -F none -o UserKnownHostsFile=/dev/null \"$@\"\n";
        let ssh = home.write("bin/ssh", ssh);
        fs::set_permissions(ssh, Permissions::from_mode(0o755)).unwrap();
        Self { home, uri: lab.uri() }
    }

    fn vmbuild(&self, arguments: &str) -> Ran {
        let mut words = vec!["--connect", &self.uri];
        words.extend(arguments.split(' '));
        let path = std::env::var("PATH").unwrap();
        let mut command = self.home.command(&words);
        command.env("PATH", format!("{}:{path}", self.home.path().join("bin").display()));
        ran(command.output().unwrap())
    }
}

pub(crate) fn a_remote_host_tells_as_much_as_a_local_one(lab: &Lab) {
    let elsewhere = Elsewhere::of(lab);
    let files = || lab.sh("ls -A /tmp /var/tmp /root /dev/shm");
    let before = files();
    let inside = lab.vmbuild("pci --json").code(0).json();
    assert_eq!(elsewhere.vmbuild("--probe pci --json").code(0).json(), inside);
    let doctor = lab.vmbuild("doctor --json").code(0).json();
    assert_eq!(elsewhere.vmbuild("--probe doctor --json").code(0).json(), doctor);
    details_and_uses_are_the_same(lab, &elsewhere);
    for (address, code) in [(SSH_NIC, "USE-NET-SSH"), (ROOT_DRIVE, "USE-ROOT-DISK")] {
        let taken = elsewhere.vmbuild(&format!("--probe pci --json --take {address}")).code(3).json();
        assert!(said(&taken, code, "blocker").contains(address));
    }
    assert_eq!(files(), before, "nothing is left there");
    nothing_is_run_without_consent(&elsewhere);
}

fn details_and_uses_are_the_same(lab: &Lab, elsewhere: &Elsewhere) {
    let mut outside = elsewhere.vmbuild("--probe facts --json").code(0).json();
    let mut inside = lab.vmbuild("facts --json").code(0).json();
    assert_eq!(outside["kernel"]["known"]["source"]["ssh"]["host"], "127.0.0.1");
    let sessions = &outside["networking"]["known"]["value"]["ssh"]["known"]["value"];
    assert_eq!((&sessions[0]["own"], &sessions[0]["server"]), (&true.into(), &"10.0.2.15".into()), "{sessions:#}");
    for facts in [&mut outside, &mut inside] {
        plain(facts);
        // Every login is a session of its own, and one of its own processes.
        facts["networking"]["value"]["ssh"].take();
        facts["displays"]["value"]["holders"].take();
    }
    for part in [
        "kernel",
        "boot",
        "vfio",
        "storage",
        "networking",
        "displays",
        "usb",
        "confinement",
        "cpus",
        "details",
        "groups",
    ] {
        assert_eq!(outside[part], inside[part], "{part}");
    }
}

/// Facts without where and when they were read.
fn plain(value: &mut Value) {
    if let Some(known) = value.get_mut("known").filter(|known| known.get("seen_at").is_some()) {
        let inner = known["value"].take();
        *value = serde_json::json!({ "value": inner });
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(plain),
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

fn nothing_is_run_without_consent(elsewhere: &Elsewhere) {
    let facts = elsewhere.vmbuild("facts --json").code(0).json();
    let why = facts["kernel"]["unknown"]["why"].as_str().unwrap();
    assert!(why.contains("--probe"), "{why}");
    // The config file's word is consent, too.
    let host = format!("[[hosts]]\nname = \"lab\"\nuri = \"{}\"\nprobe = true\n", elsewhere.uri);
    elsewhere.home.write(".config/vmbuild/config.toml", &host);
    let facts = elsewhere.vmbuild("facts --json").code(0).json();
    assert_eq!(facts["kernel"]["known"]["source"]["ssh"]["file"], "/proc");
}
