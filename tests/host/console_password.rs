//! The password of a console: from its file to libvirt, and nowhere else. On a libvirt that runs real guests.

use crate::support;
use crate::support::program::Home;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const PASSWORD: &str = "Xq7-v_Lw";

/// A home with a password file, and a name for the VM, which goes with the value.
struct Site {
    uri: String,
    name: String,
    home: Home,
}

impl Site {
    fn new(test: &str) -> Option<Self> {
        let uri = support::system_uri()?;
        let (name, home) = (format!("vmbuild-password-{test}-{}", std::process::id()), Home::new());
        // QEMU's own user must reach the disk.
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let site = Self { uri, name, home };
        site.virsh(&["pool-create-as", &site.name, "dir", "--target", site.home.path().to_str().unwrap()]);
        Some(site)
    }

    fn password_file(&self) -> PathBuf {
        let path = self.home.write("vnc.password", &format!("{PASSWORD}\nsecond line\n"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A VM with an empty disk: it stays in its firmware.
    fn spec(&self, console: &Value) -> String {
        let storage = json!({"default_pool": self.name, "disks": [{"action": "create", "size": "1 MiB"}]});
        json!({
            "name": self.name, "memory": 64, "vcpus": 1, "virt_type": "qemu", "networks": [], "storage": storage,
            "graphics": [console],
        })
        .to_string()
    }

    fn virsh(&self, arguments: &[&str]) -> String {
        let output = Command::new("virsh").args(["-q", "-c", &self.uri]).args(arguments).output().expect("virsh");
        assert!(output.status.success(), "virsh {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The kinds of authentication that the VM's VNC server offers, as the start of its protocol lists them.
    fn security_types(&self) -> Vec<u8> {
        let display = self.virsh(&["domdisplay", "--type", "vnc", &self.name]);
        let (host, number) = display.trim_start_matches("vnc://").rsplit_once(':').expect("a display");
        assert_eq!(host.rsplit('@').next().unwrap(), "127.0.0.1", "{display}");
        let mut server = TcpStream::connect(("127.0.0.1", 5900 + number.parse::<u16>().unwrap())).unwrap();
        server.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut greeting = [0; 12];
        server.read_exact(&mut greeting).unwrap();
        assert_eq!(&greeting, b"RFB 003.008\n");
        server.write_all(&greeting).unwrap();
        let mut count = [0];
        server.read_exact(&mut count).unwrap();
        let mut kinds = vec![0; count[0].into()];
        server.read_exact(&mut kinds).unwrap();
        kinds
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for arguments in [&["destroy", &self.name][..], &["undefine", &self.name], &["pool-destroy", &self.name]] {
            drop(Command::new("virsh").args(["-q", "-c", &self.uri]).args(arguments).output());
        }
    }
}

/// The files below `folder` that hold the password.
fn betraying(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
        entries.filter(|path| !path.is_symlink()).partition(|path| path.is_dir());
    let holds = |path: &PathBuf| {
        std::fs::read(path).is_ok_and(|bytes| bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()))
    };
    let below = folders.iter().flat_map(|folder| betraying(folder));
    files.into_iter().filter(holds).chain(below).collect()
}

const VNC_AUTHENTICATION: u8 = 2;
const NO_AUTHENTICATION: u8 = 1;

#[test]
fn libvirt_alone_gets_the_password() {
    let Some(site) = Site::new("file") else { return };
    let file = site.password_file();
    let spec = site.spec(&json!({"type": "vnc", "password_file": file}));
    site.home.write("spec.json", &spec);
    let connect = ["--connect", site.uri.as_str()];
    let shown = |arguments: &[&str]| {
        let ran = site.home.run(&[arguments, &connect[..]].concat());
        ran.out + &ran.err
    };
    let said = [
        shown(&["xml", "spec.json"]),
        shown(&["plan", "spec.json", "--json"]),
        shown(&["check", "spec.json"]),
        shown(&["build", "spec.json", "--start", "--json", "--yes"]),
        site.virsh(&["dumpxml", &site.name]),
        site.virsh(&["dumpxml", "--inactive", &site.name]),
    ];
    for text in &said {
        assert!(!text.contains(PASSWORD) && !text.contains("passwd="), "{text}");
    }
    assert!(said[0].contains("<!-- the password is set when the VM is built -->"), "{}", said[0]);
    assert!(said[3].contains("\"state\":\"running\"") || said[3].contains("\"state\": \"running\""), "{}", said[3]);
    let secure = site.virsh(&["dumpxml", "--inactive", "--security-info", &site.name]);
    assert!(secure.contains(&format!("passwd='{PASSWORD}'")), "{secure}");
    assert_eq!(site.security_types(), [VNC_AUTHENTICATION]);
    assert_eq!(betraying(site.home.path()), [file]);
}

#[test]
fn a_console_without_a_password_asks_for_none() {
    let Some(site) = Site::new("none") else { return };
    site.home.write("spec.json", &site.spec(&json!({"type": "vnc"})));
    site.home.run(&["build", "spec.json", "--start", "--yes", "--connect", site.uri.as_str()]).code(0);
    assert_eq!(site.security_types(), [NO_AUTHENTICATION]);
}

#[test]
fn a_password_that_is_too_long_is_refused_before_anything_is_made() {
    let Some(site) = Site::new("long") else { return };
    let file = site.home.write("vnc.password", "Xq7-v_Lw9\n");
    site.home.write("spec.json", &site.spec(&json!({"type": "vnc", "password_file": file})));
    let ran = site.home.run(&["build", "spec.json", "--yes", "--connect", site.uri.as_str()]).code(3);
    let said = ran.out + &ran.err;
    assert!(said.contains("GRAPHICS-PASSWORD") && said.contains("8 characters"), "{said}");
    assert!(!said.contains(PASSWORD), "{said}");
}
