//! Guests of other architectures and machine types, emulated by QEMU on a libvirt that runs real guests: each is built and
//! started, or refused before anything is made. One boots a kernel.

use crate::support;
use crate::support::program::Home;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long an emulated kernel may take until it says something.
const BOOT: Duration = Duration::from_secs(120);

/// A pool on a real libvirt and the name of a VM; both are removed when the test ends.
struct Site {
    uri: String,
    name: String,
    folder: tempfile::TempDir,
}

impl Site {
    /// `None`, recorded as a skip, where libvirt does not run guests of this architecture.
    fn new(arch: &str, test: &str) -> Option<Self> {
        let uri = support::system_uri()?;
        let folder = tempfile::Builder::new().prefix("vmbuild-arch-").tempdir_in("/var/tmp").unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let site = Self { uri, name: format!("vmbuild-arch-{test}-{}", std::process::id()), folder };
        if !site.virsh(&["capabilities"]).contains(&format!("<arch name='{arch}'>")) {
            support::skip(&format!("QEMU for {arch} is not installed"));
            return None;
        }
        site.virsh(&["pool-create-as", &site.name, "dir", "--target", site.folder.path().to_str().unwrap()]);
        Some(site)
    }

    fn virsh(&self, arguments: &[&str]) -> String {
        let output = Command::new("virsh").args(["-q", "-c", &self.uri]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn has_uefi(&self, arch: &str, machine: &str) -> bool {
        self.virsh(&["domcapabilities", "--arch", arch, "--machine", machine]).contains("<value>efi</value>")
    }

    /// A VM of this architecture with a disk, and these fields set besides.
    fn spec(&self, arch: &str, fields: Value) -> String {
        let mut spec = json!({
            "name": self.name, "architecture": arch, "memory": 256, "vcpus": 1, "networks": [{"type": "user"}],
            "storage": {"default_pool": self.name, "disks": [{"action": "create", "size": 1}]},
        });
        if let (Some(spec), Value::Object(fields)) = (spec.as_object_mut(), fields) {
            spec.extend(fields);
        }
        spec.to_string()
    }

    /// Builds it and starts it; what libvirt then has of it.
    #[track_caller]
    fn starts(&self, arch: &str, fields: Value) -> String {
        let spec = self.spec(arch, fields);
        Home::new().run_with(&["-c", &self.uri, "build", "--yes", "--start", "-"], &spec).code(0);
        // One that finds nothing to boot from ends by itself.
        self.virsh(&["dumpxml", &self.name])
    }

    /// The findings that forbid it, as code and place.
    #[track_caller]
    fn refused(&self, arch: &str, fields: Value) -> Vec<(String, String)> {
        let spec = self.spec(arch, fields);
        let body = Home::new().run_with(&["-c", &self.uri, "check", "--json", "-"], &spec).code(3).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let findings = body["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "blocker");
        findings.map(|finding| (text(&finding["code"]), text(&finding["place"]))).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for arguments in
            [&["destroy", &self.name][..], &["undefine", "--nvram", &self.name], &["pool-destroy", &self.name]]
        {
            drop(Command::new("virsh").args(["-q", "-c", &self.uri]).args(arguments).output());
        }
    }
}

#[test]
fn an_s390x_guest_starts_without_acpi_and_uefi() {
    let Some(site) = Site::new("s390x", "s390x") else { return };
    let xml = site.starts("s390x", json!({}));
    assert!(!xml.contains("<acpi/>") && !xml.contains("firmware='efi'"), "{xml}");
    assert!(xml.contains("type='ccw'"), "{xml}");
}

#[test]
fn an_s390x_guest_without_uefi_and_screen_starts_and_with_uefi_is_refused() {
    let Some(site) = Site::new("s390x", "s390x-plain") else { return };
    site.starts("s390x", json!({"uefi": false, "graphics": [{"type": "none"}]}));
    let want = ("UEFI-MISSING".to_owned(), "uefi".to_owned());
    assert!(site.refused("s390x", json!({"uefi": true, "name": "other"})).contains(&want));
}

#[test]
fn an_aarch64_guest_starts_with_uefi_and_acpi() {
    let Some(site) = Site::new("aarch64", "aarch64") else { return };
    if !site.has_uefi("aarch64", "virt") {
        return support::skip("UEFI for aarch64 is not installed");
    }
    let xml = site.starts("aarch64", json!({}));
    assert!(xml.contains("<acpi/>") && xml.contains("firmware='efi'"), "{xml}");
}

#[test]
fn an_aarch64_guest_starts_without_uefi_and_acpi() {
    let Some(site) = Site::new("aarch64", "aarch64-plain") else { return };
    let xml = site.starts("aarch64", json!({"uefi": false}));
    assert!(!xml.contains("<acpi/>") && !xml.contains("firmware='efi'"), "{xml}");
}

#[test]
fn a_riscv64_guest_starts_or_misses_its_firmware_before_it_is_built() {
    let Some(site) = Site::new("riscv64", "riscv64") else { return };
    if site.has_uefi("riscv64", "virt") {
        site.starts("riscv64", json!({}));
        return;
    }
    assert_eq!(site.refused("riscv64", json!({})), [("UEFI-MISSING".to_owned(), "uefi".to_owned())]);
    let xml = site.starts("riscv64", json!({"uefi": false}));
    assert!(!xml.contains("firmware='efi'"), "{xml}");
}

#[test]
fn a_ppc64_guest_starts() {
    let Some(site) = Site::new("ppc64le", "ppc64le") else { return };
    let xml = site.starts("ppc64le", json!({}));
    assert!(!xml.contains("<acpi/>") && xml.contains("pseries"), "{xml}");
}

#[test]
fn an_i686_guest_starts() {
    let Some(site) = Site::new("i686", "i686") else { return };
    site.starts("i686", json!({"virt_type": "qemu"}));
}

#[test]
fn a_microvm_starts_with_its_devices_in_memory() {
    let Some(site) = Site::new("x86_64", "microvm") else { return };
    let xml = site.starts("x86_64", json!({"machine": "microvm", "virt_type": "qemu"}));
    assert!(xml.contains("type='virtio-mmio'") && !xml.contains("type='pci'"), "{xml}");
}

#[test]
fn an_isa_machine_is_refused_with_what_it_cannot_have() {
    let Some(site) = Site::new("x86_64", "isapc") else { return };
    let refused = site.refused("x86_64", json!({"machine": "isapc", "virt_type": "qemu"}));
    assert!(refused.iter().any(|(code, _)| code == "BUS-IDE") && refused.iter().any(|(code, _)| code == "MACHINE-BUS"));
}

#[test]
fn a_kernel_of_another_architecture_boots() {
    let Some(site) = Site::new("s390x", "s390x-kernel") else { return };
    let Some(foreign) = support::foreign() else { return };
    let kernel = site.folder.path().join("vmlinuz");
    std::fs::copy(foreign.join("s390x-vmlinuz"), &kernel).unwrap();
    let log = site.folder.path().join("console.log");
    let source = format!("<source path='{}'/>", log.display());
    let serial = format!(
        "<devices><serial type='file'>{source}<target port='0'/></serial><console type='file'>{source}<target \
         type='serial' port='0'/></console></devices>"
    );
    let boot = json!({"kernel": kernel, "args": "console=ttysclp0"});
    let fields = json!({"boot": boot, "graphics": [], "storage": {}, "networks": [], "custom_xml": serial});
    let spec = site.spec("s390x", fields);
    Home::new().run_with(&["-c", &site.uri, "build", "--yes", "--start", "-"], &spec).code(0);
    let deadline = Instant::now() + BOOT;
    let said = || std::fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    while !said().contains("Linux version") {
        assert!(Instant::now() < deadline, "the kernel is silent: {}", said());
        std::thread::sleep(Duration::from_millis(200));
    }
}
