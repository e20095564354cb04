//! The spec contract: its examples verbatim, their way through parser and writer, and the schema.

use serde_json::Value;
use std::{fs, path::Path};
use vmbuild::spec::{self, DiskAction, DiskBus, DiskDevice, DiskSize, GraphicsKind, MemorySize, Spec};

/// Name and text of every JSON file in `folder`.
fn files(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    files
}

fn example(name: &str) -> Spec {
    let (_, text) = files("tests/examples").into_iter().find(|(file, _)| file == name).expect(name);
    spec::parse(&text).unwrap()
}

#[test]
fn every_example_is_accepted_and_written_back_with_the_same_meaning() {
    let examples = files("tests/examples");
    assert!(examples.len() >= 12);
    for (name, text) in examples {
        let spec = spec::parse(&text).unwrap_or_else(|problems| panic!("{}", problems.in_file(&name)));
        let written = serde_json::to_string_pretty(&spec).unwrap();
        assert_eq!(spec::parse(&written).unwrap(), spec, "{name}");
        let (before, after): (Value, Value) =
            (serde_json::from_str(&text).unwrap(), serde_json::from_str(&written).unwrap());
        assert_eq!(before, after, "{name}");
    }
}

#[test]
fn fields_are_written_in_the_order_of_the_contract_whatever_order_they_came_in() {
    let spec = spec::parse(
        r#"{"storage": {"disks": [{"size": 1, "action": "create"}]}, "vcpus": 2, "memory": "2 GiB", "name": "a"}"#,
    );
    let want = r#"{"name":"a","memory":"2 GiB","vcpus":2,"storage":{"disks":[{"action":"create","size":1}]}}"#;
    assert_eq!(serde_json::to_string(&spec.unwrap()).unwrap(), want);
}

#[test]
fn the_examples_mean_what_they_say() {
    let simple = example("simple-vm-with-boot-iso");
    assert_eq!((simple.memory, simple.vcpus), (Some(MemorySize::Number(2048)), Some(2)));
    assert_eq!(simple.storage.unwrap().boot_iso.as_deref(), Some("ubuntu-22.04.iso"));

    let disks = example("multi-disk-vm").storage.unwrap().disks.unwrap();
    assert_eq!(disks[1].size, Some(DiskSize::Number(500)));
    assert_eq!(disks[1].storage_pool.as_deref(), Some("bulk-storage"));
    assert_eq!((disks[2].action, disks[2].path.as_deref()), (Some(DiskAction::Attach), Some("/mnt/shared/data.qcow2")));

    let gpu = example("gpu-passthrough-workstation");
    let devices = gpu.pci_devices.unwrap();
    assert_eq!(devices[0].primary_gpu, Some(true));
    assert_eq!(devices[1].host_address.as_deref(), Some("0000:01:00.1"));
    assert_eq!(gpu.graphics.unwrap()[0].kind, Some(GraphicsKind::None));

    let from_template = example("template-based-vm");
    assert_eq!((from_template.template.as_deref(), from_template.autostart), (Some("centos-minimal"), Some(true)));

    let iso = example("disk-boot-iso").storage.unwrap().disks.unwrap().remove(0);
    assert_eq!((iso.bus, iso.device, iso.boot_order), (Some(DiskBus::Ide), Some(DiskDevice::Cdrom), Some(1)));
}

#[test]
fn every_shipped_preset_is_a_spec_that_fits_the_schema_and_is_compiled_in() {
    let schema = jsonschema::validator_for(&spec::schema()).unwrap();
    let files = files("presets");
    let shipped: Vec<&str> = vmbuild::store::presets::SHIPPED.iter().map(|preset| preset.name).collect();
    assert_eq!(files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), shipped);
    for (name, text) in files {
        let value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let written = serde_json::to_string_pretty(&spec::parse(&text).unwrap()).unwrap() + "\n";
        assert_eq!(written, text, "{name} is not written as vmbuild writes specs");
    }
}

#[test]
fn every_example_fits_the_schema_and_what_the_parser_refuses_does_not() {
    let schema = jsonschema::validator_for(&spec::schema()).unwrap();
    for (name, text) in files("tests/examples") {
        let value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    for text in [
        r#"{"memmory": 1}"#,
        r#"{"vcpus": "two"}"#,
        r#"{"vcpus": -1}"#,
        r#"{"storage": ["default"]}"#,
        r#"{"storage": {"disks": [{"action": "create|attach|clone"}]}}"#,
        r#"{"graphics": [{"port": 70000}]}"#,
        "[]",
    ] {
        assert!(spec::parse(text).is_err(), "{text}");
        assert!(!schema.is_valid(&serde_json::from_str(text).unwrap()), "{text}");
    }
}

#[test]
fn problems_are_printed_with_file_line_column_and_place() {
    let text = "{\n  \"name\": \"x\",\n  \"storage\": {\n    \"disks\": [{\"sise\": 5}]\n  },\n  \"vcpus\": \"two\"\n}";
    let problems = spec::parse(text).unwrap_err();
    let want = "spec.json:4:16: storage.disks[0]: unknown field `sise`: did you mean `size`?\n\
                spec.json:6:12: vcpus: expected a whole number, found the text \"two\"";
    assert_eq!(problems.in_file("spec.json").to_string(), want);
}
