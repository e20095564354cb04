//! Images and paths as they are on a real libvirtd: told by their bytes, refused where they cannot be used, copied right.

use crate::support;
use crate::support::program::{Home, Ran};
use serde_json::{Value, json};
use std::fs::{File, create_dir};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A pool, a folder outside of all pools, and the domains that were built; removed when the test ends.
struct Site {
    uri: String,
    pool: String,
    inside: tempfile::TempDir,
    outside: tempfile::TempDir,
    home: Home,
    domains: Vec<String>,
}

impl Site {
    fn new(test: &str) -> Option<Self> {
        let uri = support::system_uri()?;
        // Not below /tmp, where libvirtd may have a view of its own.
        let folder = || tempfile::Builder::new().prefix("vmbuild-images-").tempdir_in("/var/tmp").unwrap();
        let pool = format!("vmbuild-images-{test}-{}", std::process::id());
        let site = Self { uri, pool, inside: folder(), outside: folder(), home: Home::new(), domains: Vec::new() };
        let path = site.inside.path().to_str().unwrap().to_owned();
        site.virsh(&["pool-create-as", &site.pool, "dir", "--target", &path]);
        Some(site)
    }

    fn virsh(&self, args: &[&str]) -> String {
        let output = Command::new("virsh").args(["-q", "-c", &self.uri]).args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn inside(&self, name: &str) -> String {
        self.inside.path().join(name).to_str().unwrap().to_owned()
    }

    fn outside(&self, name: &str) -> String {
        self.outside.path().join(name).to_str().unwrap().to_owned()
    }

    fn refresh(&self) {
        self.virsh(&["pool-refresh", &self.pool]);
    }

    fn spec(&self, name: &str, disks: Value) -> String {
        let mut spec = json!({
            "name": name, "memory": 128, "vcpus": 1, "virt_type": "qemu", "networks": [], "graphics": [{"type": "none"}],
            "storage": {"default_pool": self.pool}
        });
        spec["storage"]["disks"] = disks;
        spec.to_string()
    }

    fn run(&self, command: &[&str], spec: &str) -> Ran {
        self.home.run_with(&[&["-c", &self.uri], command].concat(), spec)
    }

    /// Codes and places of what blocks.
    fn blockers(&self, disks: Value) -> Vec<(String, String)> {
        let ran = self.run(&["check", "--json", "-"], &self.spec("images", disks));
        let body = ran.json();
        let all = body["findings"].as_array().unwrap_or_else(|| panic!("{}{}", ran.out, ran.err)).clone();
        let text = |finding: &Value, member: &str| finding[member].as_str().unwrap().to_owned();
        let blocks = all.iter().filter(|finding| finding["severity"] == "blocker");
        blocks.map(|finding| (text(finding, "code"), text(finding, "place"))).collect()
    }

    /// Builds a VM.
    fn build(&mut self, name: &str, disks: Value) {
        let name = format!("{}-{name}", self.pool);
        let ran = self.run(&["build", "--yes", "-"], &self.spec(&name, disks));
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        self.domains.push(name);
    }

    /// Clones `source` and returns the path of the copy.
    fn clone(&mut self, name: &str, source: &str, more: &Value) -> PathBuf {
        let mut disk = json!({"action": "clone", "clone_from": source});
        disk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.build(name, json!([disk]));
        let stem = format!("{}-{name}-vda", self.pool);
        let mut found = std::fs::read_dir(self.inside.path()).unwrap().map(|entry| entry.unwrap().path());
        found.find(|path| path.file_stem().is_some_and(|found| found == stem.as_str())).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for domain in &self.domains {
            self.virsh(&["undefine", domain]);
        }
        self.virsh(&["pool-destroy", &self.pool]);
    }
}

fn qemu_img(args: &[&str]) -> String {
    let output = Command::new("qemu-img").args(args).output().unwrap();
    assert!(output.status.success(), "qemu-img {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn info(path: &Path) -> Value {
    serde_json::from_str(&qemu_img(&["info", "--output=json", path.to_str().unwrap()])).unwrap()
}

/// A raw disk of 64 MiB with some data.
fn raw(path: &str) {
    let file = File::create(path).unwrap();
    file.set_len(64 << 20).unwrap();
    let noise: Vec<u8> = (0..100_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    file.write_all_at(&noise, 1 << 20).unwrap();
}

fn at(code: &str, place: &str) -> (String, String) {
    (code.into(), place.into())
}

#[test]
fn images_in_a_pool_are_what_their_bytes_say() {
    let Some(mut site) = Site::new("kinds") else { return };
    for (format, name) in [("vmdk", "a.vmdk"), ("vdi", "a.vdi"), ("vpc", "a.vhd"), ("qcow2", "b.qcow2")] {
        qemu_img(&["create", "-q", "-f", format, &site.inside(name), "64M"]);
    }
    let (base, over) = (site.inside("b.qcow2"), site.inside("o.qcow2"));
    qemu_img(&["create", "-q", "-f", "qcow2", "-b", &base, "-F", "qcow2", &over]);
    let gone = site.inside("gone");
    qemu_img(&["create", "-q", "-f", "qcow2", "-u", "-b", "/nowhere/base", "-F", "qcow2", &gone, "64M"]);
    create_dir(site.inside("folder.img")).unwrap();
    assert!(Command::new("mkfifo").arg(site.inside("pipe.img")).status().unwrap().success());
    symlink("/etc/hostname", site.inside("link.img")).unwrap();
    site.refresh();
    let attach = |name: &str| json!({"action": "attach", "path": name});
    let foreign = json!([attach("a.vmdk"), attach("a.vdi"), attach("a.vhd")]);
    assert_eq!(site.blockers(foreign.clone()), [at("IMAGE-DRIVER", "storage.disks[2].path")]);
    let xml = site.run(&["xml", "-"], &site.spec("images", foreign)).out;
    assert!(xml.contains("type='vmdk'") && xml.contains("type='vdi'") && !xml.contains("type='raw'"), "{xml}");
    assert_eq!(site.blockers(json!([attach("gone")])), [at("IMAGE-BASE", "storage.disks[0].path")]);
    let odd = site.blockers(json!([attach("folder.img"), attach("pipe.img")]));
    assert_eq!(odd, [at("IMAGE-MISSING", "storage.disks[0].path"), at("IMAGE-MISSING", "storage.disks[1].path")]);
    let linked = site.blockers(json!([{"action": "attach", "path": "link.img", "format": "raw"}]));
    assert!(linked.contains(&at("PATH-SYSTEM", "storage.disks[0].path")), "{linked:?}");
    let both = site.blockers(json!([attach("b.qcow2"), attach("o.qcow2")]));
    assert!(both.contains(&at("DISK-SAME", "storage.disks[0].path")), "{both:?}");
    site.build("o1", json!([attach("o.qcow2")]));
    assert_eq!(site.blockers(json!([attach("b.qcow2")])), [at("DISK-IN-USE", "storage.disks[0].path")]);
    assert_eq!(site.blockers(json!([{"action": "attach", "path": "b.qcow2", "readonly": true}])), []);
}

#[test]
fn a_copy_of_a_file_outside_the_pools_is_as_one_of_a_volume() {
    let Some(mut site) = Site::new("copies") else { return };
    let source = site.outside("disk.raw");
    raw(&source);
    let other = |name: &str, format: &str| {
        let path = site.outside(name);
        qemu_img(&["convert", "-f", "raw", "-O", format, &source, &path]);
        path
    };
    let (cloud, vmdk) = (other("cloud.img", "qcow2"), other("disk.vmdk", "vmdk"));
    let named = site.outside("raw.qcow2");
    raw(&named);
    let over = site.outside("over.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2", "-b", &cloud, "-F", "qcow2", &over]);
    for (name, from, more, format, size) in [
        ("cloud", &cloud, json!({}), "qcow2", 64_u64 << 20),
        ("grown", &cloud, json!({"size": 1}), "qcow2", 1 << 30),
        ("plain", &source, json!({}), "raw", 64 << 20),
        ("named", &named, json!({}), "raw", 64 << 20),
        ("wanted", &source, json!({"format": "qcow2"}), "qcow2", 64 << 20),
        ("foreign", &vmdk, json!({}), "qcow2", 64 << 20),
        ("over", &over, json!({}), "qcow2", 64 << 20),
    ] {
        let copy = site.clone(name, from, &more);
        let told = info(&copy);
        assert_eq!((told["format"].as_str(), told["virtual-size"].as_u64()), (Some(format), Some(size)), "{name}");
        assert_eq!(told["backing-filename"], Value::Null, "{name}");
        assert!(copy.metadata().unwrap().blocks() * 512 < 8 << 20, "{name} is not sparse");
        let (copy, kind) = (copy.to_str().unwrap(), told["format"].as_str().unwrap());
        qemu_img(&["compare", "-q", "-f", "raw", "-F", kind, &source, copy]);
        let xml = site.virsh(&["dumpxml", &format!("{}-{name}", site.pool)]);
        assert!(xml.contains(&format!("type='{format}'")), "{name}: {xml}");
    }
}

/// A block device with the content of a file, until the end of the test.
struct LoopDevice(String);

impl LoopDevice {
    /// `None` where this machine has none to give.
    fn of(file: &str) -> Option<Self> {
        let output = Command::new("losetup").args(["--find", "--show", file]).output().ok()?;
        let name = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        (output.status.success() && !name.is_empty()).then_some(Self(name))
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.0]).status();
    }
}

#[test]
fn a_copy_of_a_block_device_has_its_content() {
    let Some(mut site) = Site::new("device") else { return };
    let source = site.outside("disk.raw");
    raw(&source);
    let Some(device) = LoopDevice::of(&source) else { return support::skip("no loop device can be set up") };
    let copy = site.clone("raw", &device.0, &json!({"format": "raw"}));
    qemu_img(&["compare", "-q", "-f", "raw", "-F", "raw", &source, copy.to_str().unwrap()]);
}

#[test]
fn a_system_file_is_neither_copied_nor_booted() {
    let Some(site) = Site::new("system") else { return };
    let clone = site.blockers(json!([{"action": "clone", "clone_from": "/etc/hostname"}]));
    assert!(clone.contains(&at("PATH-SYSTEM", "storage.disks[0].clone_from")), "{clone:?}");
    let mut spec: Value = serde_json::from_str(&site.spec("images", json!([{"action": "create", "size": 1}]))).unwrap();
    spec["boot"] = json!({"kernel": "/etc/passwd"});
    let ran = site.run(&["check", "--json", "-"], &spec.to_string()).code(3);
    let codes: Vec<String> =
        ran.json()["findings"].as_array().unwrap().iter().map(|one| one["code"].to_string()).collect();
    assert!(codes.iter().any(|code| code.contains("KERNEL-FORMAT")), "{codes:?}");
    assert!(codes.iter().any(|code| code.contains("PATH-SYSTEM")), "{codes:?}");
}

#[test]
fn the_drive_of_the_root_file_system_is_refused() {
    let Some(site) = Site::new("root") else { return };
    let found = Command::new("findmnt").args(["-no", "SOURCE", "/"]).output().unwrap();
    let root = String::from_utf8(found.stdout).unwrap().trim().to_owned();
    if !root.starts_with("/dev/") {
        return support::skip("the root file system is not on a block device");
    }
    let disk = json!([{"action": "attach", "path": root, "format": "raw"}]);
    assert_eq!(site.blockers(disk.clone()), [at("IMAGE-DEVICE", "storage.disks[0].path")]);
    let given = site.run(&["check", "--give-up", &root, "-"], &site.spec("images", disk));
    assert_eq!(given.code, Some(0), "{}{}", given.out, given.err);
}
