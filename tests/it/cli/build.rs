//! `vmbuild plan` and `vmbuild build` as a program: what they print, how they end, what they leave behind.

use crate::support::program::{Home, Ran};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};

/// A spec that the demo host can build.
fn web() -> Value {
    json!({
        "name": "web-02", "memory": 2048, "vcpus": 2,
        "storage": {
            "default_pool": "default", "boot_iso": "ubuntu-22.04.iso", "disks": [{ "action": "create", "size": 20 }]
        }
    })
}

/// `web` with one field, named as in a JSON pointer, set to something else.
fn with(pointer: &str, value: Value) -> Value {
    let mut spec = web();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = spec.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => drop(parent.remove(field)),
        value => drop(parent.insert(field.into(), value)),
    }
    spec
}

fn disk(disk: &Value) -> Value {
    with("/storage/disks", json!([disk]))
}

fn demo(args: &[&str], spec: &Value) -> Ran {
    Home::new().run_with(&[&["--demo"], args, &["-"]].concat(), &spec.to_string())
}

#[test]
fn plan_prints_every_step_with_its_undo() {
    let text = demo(&["plan"], &web()).code(0).out;
    assert!(text.contains("virStorageVolCreateXML default/web-02-vda.qcow2 20 GiB\n"), "{text}");
    assert!(text.contains("undo: delete volume default/web-02-vda.qcow2\n"), "{text}");
    assert!(!text.contains("virDomainCreate"), "{text}");
    assert!(demo(&["plan", "--start"], &web()).code(0).out.contains("virDomainCreate"));
    let body = demo(&["plan", "--json"], &web()).code(0).json();
    let steps = body["steps"].as_array().unwrap();
    assert_eq!(text.lines().count(), 1 + steps.len() + steps.iter().filter(|step| !step["undo"].is_null()).count());
}

#[test]
fn plan_works_on_recorded_facts_and_build_does_not() {
    let home = Home::new();
    home.write("facts.json", &home.run(&["--demo", "facts", "--json"]).code(0).out);
    let spec = web().to_string();
    let recorded = home.run_with(&["--facts", "facts.json", "plan", "-"], &spec).code(0);
    assert_eq!(recorded.out, home.run_with(&["--demo", "plan", "-"], &spec).code(0).out);
    assert!(home.run_with(&["--facts", "facts.json", "build", "-"], &spec).code(2).err.contains("vmbuild plan"));
}

#[test]
fn build_logs_each_step_and_ends_with_the_vm() {
    let ran = demo(&["build"], &web()).code(0);
    let lines: Vec<_> = ran.out.lines().collect();
    assert!(lines[0].starts_with("[1/") && lines[0].ends_with("Re-check the host"), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with("Create volume: web-02-vda.qcow2, 20 GiB")), "{lines:?}");
    assert!(lines.last().unwrap().starts_with("Built web-02: shutoff, UUID "), "{lines:?}");
    assert!(!ran.out.contains(['\r', '\x1b']), "{lines:?}");
    let started = demo(&["build", "--start"], &web()).code(0);
    assert!(started.out.contains("Built web-02: running, UUID "), "{}", started.out);
}

#[test]
fn build_warns_of_what_libvirt_did_not_keep() {
    let qemu = "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:commandline>\
                <qemu:arg value='-snapshot'/></qemu:commandline></domain>";
    let ran = demo(&["build"], &with("/custom_xml", json!(qemu))).code(0);
    assert_eq!(
        ran.out.matches("warning: libvirt dropped qemu:commandline: <qemu:commandline>").count(),
        1,
        "{}",
        ran.out
    );
    assert!(ran.out.contains("libvirt dropped 1, added "), "{}", ran.out);
    assert!(demo(&["build"], &web()).code(0).out.contains("libvirt kept all that was sent, added "));
}

#[test]
fn the_demo_host_copies_images_from_pool_to_pool() {
    let ran =
        demo(&["build"], &disk(&json!({ "action": "clone", "clone_from": "/srv/golden/debian-12.qcow2" }))).code(0);
    assert!(ran.out.contains("Clone volume: debian-12.qcow2 to web-02-vda.qcow2"), "{}", ran.out);
}

#[test]
fn build_as_json_is_the_events_and_then_the_body_of_the_contract() {
    let lines = demo(&["build", "--json"], &web()).code(0).json_lines();
    let (body, events) = lines.split_last().unwrap();
    assert_eq!(events.first().unwrap()["event"], "began");
    assert_eq!(events.last().unwrap()["event"], "ended");
    assert_eq!(events.last().unwrap()["outcome"]["uuid"], body["uuid"]);
    let stored = events.iter().find(|event| event["event"] == "stored").unwrap()["changes"].as_array().unwrap();
    let address = stored.iter().find(|change| change["path"].as_str().is_some_and(|path| path.ends_with("/address")));
    let address = address.unwrap();
    assert_eq!((&address["what"], &address["weight"]), (&json!("added"), &json!("own")));
    assert!(stored.iter().all(|change| change["path"] != "uuid"), "the UUID is chosen before: {stored:?}");
    let first: Vec<_> = body.as_object().unwrap().iter().take(5).map(|(name, _)| name.as_str()).collect();
    assert_eq!(first, ["uuid", "name", "state", "memory", "vcpus"]);
    let uuid = body["uuid"].as_str().unwrap();
    let want = json!({ "uuid": uuid, "name": "web-02", "state": "shutoff", "memory": 2048, "vcpus": 2 });
    assert!(want.as_object().unwrap().iter().all(|(name, value)| body[name] == *value), "{body}");
    assert_eq!((uuid.len(), uuid.matches('-').count()), (36, 4));
}

/// Bad specs with the code and the message that each must end in.
fn bad() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let pci = |address: &str| with("/pci_devices", json!([{ "host_address": address }]));
    vec![
        (
            "pool that is not there",
            with("/storage/default_pool", json!("custom-pool")),
            "POOL-MISSING",
            "default storage pool 'custom-pool' not found: storage pool not found",
        ),
        ("no disk", with("/storage/disks", json!([])), "DISK-NONE", "at least one disk is required"),
        ("no storage", with("/storage", Value::Null), "STORAGE-MISSING", "storage is required"),
        ("no size", disk(&json!({ "action": "create" })), "DISK-SIZE", "disk 0: size is required for create action"),
        ("no path", disk(&json!({ "action": "attach" })), "DISK-PATH", "disk 0: path is required for attach action"),
        (
            "no source",
            disk(&json!({ "action": "clone" })),
            "DISK-CLONE-FROM",
            "disk 0: clone_from is required for clone action",
        ),
        ("no ISO", with("/storage/boot_iso", json!("absent.iso")), "ISO-MISSING", "absent.iso"),
        ("name taken", with("/name", json!("web-01")), "NAME-TAKEN", "web-01"),
        ("no such device", pci("0000:77:00.0"), "PCI-MISSING", "0000:77:00.0"),
        ("no name", with("/name", Value::Null), "NAME-MISSING", "name is required"),
        ("no template", with("/template", json!("absent")), "TEMPLATE-MISSING", "template 'absent' not found"),
        (
            "unknown field",
            with("/memmory", json!(1)),
            "SPEC-INVALID",
            "unknown field `memmory`: did you mean `memory`?",
        ),
    ]
}

#[test]
fn bad_specs_end_with_3_and_the_words_of_the_contract() {
    for (what, spec, code, message) in bad() {
        for command in ["build", "plan"] {
            let body = demo(&[command, "--json"], &spec).code(3).json();
            assert_eq!(body["code"], code, "{what}: {body}");
            let error = body["error"].as_str().unwrap();
            assert!(error.contains(message), "{what}: {error}");
            let keys: Vec<_> = body.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["error", "code", "details"], "{what}");
            let text = demo(&[command], &spec).code(3);
            assert!(text.out.is_empty() && text.err.contains(message), "{what}: {}", text.err);
        }
    }
}

/// A host of the test driver with a pool that holds what a build of `web` would make.
fn taken(home: &Home) -> String {
    let volume = |name: &str| {
        format!(
            "<volume><name>{name}</name><capacity unit='GiB'>1</capacity><target><path>/p/{name}</path></target></volume>"
        )
    };
    let node = format!(
        "<node><pool type='dir'><name>default</name><target><path>/p</path></target>{}{}</pool></node>",
        volume("web-02-vda.qcow2"),
        volume("ubuntu-22.04.iso")
    );
    format!("test://{}", home.write("node.xml", &node).display())
}

#[test]
fn an_existing_volume_is_never_overwritten() {
    let home = Home::new();
    let uri = taken(&home);
    let body = home.run_with(&["-c", &uri, "build", "--json", "-"], &web().to_string()).code(3).json();
    assert_eq!(body["code"], "VOLUME-EXISTS");
    assert!(body["error"].as_str().unwrap().contains("web-02-vda.qcow2"), "{body}");
}

#[test]
fn a_host_without_iommu_is_refused_in_the_words_of_the_contract() {
    let home = Home::new();
    for (file, text) in [("class", "0x030000"), ("vendor", "0x10de"), ("device", "0x2704")] {
        home.write(&format!("tree/sys/bus/pci/devices/0000:01:00.0/{file}"), text);
    }
    home.write("tree/proc/cmdline", "quiet splash\n");
    let spec = with("/pci_devices", json!([{ "host_address": "0000:01:00.0" }])).to_string();
    let body =
        home.run_with(&["--sysroot", "tree", "-c", "test:///default", "build", "--json", "-"], &spec).code(3).json();
    let of = |code: &str| {
        let findings = body["details"]["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("{code} in {body}")).clone()
    };
    assert_eq!(of("IOMMU-OFF")["message"], "device 0 (0000:01:00.0) IOMMU check failed: IOMMU not enabled");
    assert!(!of("IOMMU-OFF")["remedy"].as_str().unwrap().is_empty());
}

#[test]
fn a_step_that_fails_is_undone_and_ends_with_5() {
    // libvirt's schema knows no such disk, which only the definition finds out, after the volume was made.
    let odd = "<domain><devices><watchdog model='cat' action='reset'/></devices></domain>";
    let spec = with("/custom_xml", json!(odd));
    let lines = demo(&["build", "--json"], &spec).code(5).json_lines();
    let (body, events) = lines.split_last().unwrap();
    assert_eq!(body["code"], "BUILD-FAILED");
    assert_eq!(body["details"]["undone"].as_array().unwrap().len(), 1, "{body}");
    assert_eq!(events.last().unwrap()["outcome"]["outcome"], "undone");
    let text = demo(&["build"], &spec).code(5);
    assert!(text.out.contains("Undoing what this build made:\n  ✓ deleted volume web-02-vda.qcow2"), "{}", text.out);
    assert!(text.err.ends_with("Everything that this build made was undone.\n"), "{}", text.err);
}

#[test]
fn a_build_goes_on_when_nobody_reads_its_output() {
    let home = Home::new();
    home.write("web.json", &web().to_string());
    let mut child = spawn(home.command(&["--demo", "build", "--json", "web.json"]));
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn spawn(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}
