//! What the host stands on is given up by its address typed out, and by nothing less.

use crate::support::program::{Home, Ran};
use crate::support::tree::Tree;
use serde_json::{Value, json};

const DRIVE: &str = "pci0000:00/0000:00:1d.0/0000:05:00.0";

/// A host with its root file system on 0000:05:00.0, alone in its group, and a GPU that it does not use.
fn host() -> Tree {
    let disk = format!("{DRIVE}/nvme/nvme0/nvme0n1");
    super::gpu(&[])
        .function(DRIVE, "10802", &[("resource", "")])
        .link(&format!("/sys/devices/{DRIVE}/iommu_group"), "/sys/kernel/iommu_groups/17")
        .folder("/sys/kernel/iommu_groups/17/devices")
        .block(&disk, "259:0")
        .file("/proc/self/mountinfo", "27 1 259:0 / / rw shared:1 - ext4 /dev/nvme0n1 rw\n")
        .file("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n")
}

/// `vmbuild check` of a VM that takes `address`.
fn check(address: &str, give_up: &[&str]) -> Ran {
    let (tree, home) = (host(), Home::new());
    let root = tree.path("/").display().to_string();
    let spec = json!({"name": "a", "memory": 1024, "vcpus": 1, "pci_devices": [{"host_address": address}]}).to_string();
    let mut args = vec!["--sysroot", &root, "-c", "test:///default", "check", "--json", "-"];
    args.extend(give_up.iter().flat_map(|address| ["--give-up", address]));
    home.run_with(&args, &spec)
}

fn lock_out(ran: &Ran) -> Value {
    let body = ran.json();
    let findings = body["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["code"] == "USE-ROOT-DISK").unwrap().clone()
}

#[test]
fn the_root_disk_is_refused_and_goes_only_by_its_address_typed_out() {
    let refused = lock_out(&check("0000:05:00.0", &[]).code(3));
    assert_eq!((refused["severity"].as_str(), refused["lock_out"].as_bool()), (Some("blocker"), Some(true)));
    let given = lock_out(&check("05:00.0", &["0000:05:00.0"]));
    assert_eq!((given["severity"].as_str(), given["lock_out"].as_bool()), (Some("warning"), Some(true)));
    let message = given["message"].as_str().unwrap();
    assert!(message.contains("the root file system") && message.ends_with(": GIVEN UP by typed address"), "{message}");
}

#[test]
fn an_address_that_locks_nobody_out_is_not_given_up() {
    // Neither a device that the host does not stand on, nor one that the VM does not take, nor half an address.
    for (taken, given) in [
        ("0000:01:00.0", "0000:01:00.0"),
        ("0000:01:00.0", "0000:05:00.0"),
        ("0000:05:00.0", "0000:01:00.0"),
        ("0000:05:00.0", "05:00.0"),
        ("0000:05:00.0", "all"),
    ] {
        let ran = check(taken, &[given]);
        assert_eq!(ran.code, Some(2), "{taken} {given}: {}{}", ran.out, ran.err);
    }
}
