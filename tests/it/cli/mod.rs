//! The headless commands, run as a program: what they print, how they end, what they leave alone.

mod build;
mod builds;
mod diff;
mod export;
mod terminal;

use crate::support;
use crate::support::program::{Home, ran};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

const NOWHERE: &str = "qemu+unix:///system?socket=/nonexistent";

/// A spec that the demo host can build.
const WEB: &str = r#"{
  "name": "web-02",
  "memory": 2048,
  "vcpus": 2,
  "storage": { "default_pool": "default", "boot_iso": "ubuntu-22.04.iso", "disks": [{ "action": "create", "size": 20 }] }
}"#;

#[test]
fn usage_errors_end_with_2_and_help_with_0() {
    let home = Home::new();
    for args in [
        vec!["frobnicate"],
        vec!["--demo", "--connect", "test:///default", "pci"],
        vec!["xml"],
        vec!["xml", "absent.json"],
        vec!["--facts", "absent.json", "pools"],
        vec!["--host", "nameless", "pools"],
        vec!["preset", "show", "absent"],
        vec!["xml", "/dev/zero", "--offline"],
        vec!["xml", "/", "--offline"],
    ] {
        let ran = home.run(&args).code(2);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?}");
    }
    assert!(home.run(&["--help"]).code(0).out.contains("Exit codes:\n    0  done\n    1  unexpected error\n"));
    assert!(home.run(&["--version"]).code(0).out.starts_with("vmbuild "));
}

#[test]
fn schema_is_one_json_document_that_names_every_field_of_the_contract() {
    let schema = Home::new().run(&["schema"]).code(0).json();
    let fields = schema["properties"].as_object().unwrap();
    for field in ["name", "memory", "vcpus", "storage", "pci_devices", "cloud_init", "custom_xml", "metadata"] {
        assert!(fields.contains_key(field), "{field}");
    }
}

#[test]
fn all_problems_of_a_spec_are_printed_with_line_and_column() {
    let home = Home::new();
    home.write("bad.json", "{\n  \"memmory\": 2048,\n  \"vcpus\": \"two\"\n}");
    let ran = home.run(&["xml", "--offline", "bad.json"]).code(3);
    assert_eq!(ran.out, "");
    let lines: Vec<_> = ran.err.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], "bad.json:2:3: unknown field `memmory`: did you mean `memory`?");
    assert!(lines[1].starts_with("bad.json:3:12: vcpus: "), "{lines:?}");

    let body = home.run(&["xml", "--offline", "--json", "bad.json"]).code(3).json();
    assert_eq!(body["code"], "SPEC-INVALID");
    assert_eq!(body["error"], "bad.json:2:3: unknown field `memmory`: did you mean `memory`? (and 1 more)");
    assert_eq!(body["details"]["problems"][1]["place"], "vcpus");
}

#[test]
fn broken_json_on_standard_input_names_its_place() {
    let home = Home::new();
    let ran = home.run_with(&["xml", "--offline", "-"], "{ \"name\": \"a\", ").code(3);
    assert!(ran.err.starts_with("standard input:1:"), "{}", ran.err);
    let ran = home.run_with(&["xml", "--offline", "-"], "").code(3);
    assert!(ran.err.starts_with("standard input:1:1"), "{}", ran.err);
}

#[test]
fn facts_survive_being_recorded_and_replayed() {
    let home = Home::new();
    let recorded = home.run(&["--demo", "facts", "--json"]).code(0);
    home.write("facts.json", &recorded.out);
    let replayed = home.run(&["--facts", "facts.json", "facts", "--json"]).code(0);
    let known = |mut facts: Value| {
        // The files of a spec were not asked for.
        facts.as_object_mut().unwrap().remove("files");
        facts
    };
    assert_eq!(known(recorded.json()), known(replayed.json()));
    for command in ["pci", "pools", "isos"] {
        let (demo, record) =
            (home.run(&["--demo", command]).code(0), home.run(&["--facts", "facts.json", command]).code(0));
        assert_eq!(demo.out, record.out, "{command}");
        assert!(demo.out.lines().count() > 3, "{}", demo.out);
    }
    let summary = home.run(&["--facts", "facts.json", "facts"]).code(0).out;
    for name in ["host", "hypervisor", "cpu", "memory", "kvm", "iommu", "pci", "pools", "networks", "domains"] {
        assert!(summary.lines().any(|line| line.split(' ').next() == Some(name)), "{name} in:\n{summary}");
    }
}

#[test]
fn a_file_that_is_no_record_of_facts_is_refused() {
    let home = Home::new();
    for text in ["[]", "{", "{}", WEB, "{\"pools\": 1}"] {
        home.write("facts.json", text);
        let ran = home.run(&["--facts", "facts.json", "pools"]).code(2);
        assert!(ran.err.contains("facts.json") && ran.err.contains("vmbuild facts --json"), "{}", ran.err);
    }
}

#[test]
fn pci_prints_groups_for_people_and_programs() {
    let home = Home::new();
    let body = home.run(&["--demo", "pci", "--json"]).code(0).json();
    assert_eq!(body["iommu"]["state"], "on");
    let groups = body["groups"].as_array().unwrap();
    let devices = |group: &Value| group["devices"].as_array().unwrap().len();
    assert_eq!(body["iommu"]["groups"], groups.iter().filter(|group| !group["id"].is_null()).count());
    let text = home.run(&["--demo", "pci"]).code(0).out;
    // State, blank line, titles, one line per device.
    assert_eq!(text.lines().count(), 3 + groups.iter().map(devices).sum::<usize>());
    for device in groups.iter().flat_map(|group| group["devices"].as_array().unwrap()) {
        assert!(text.contains(device["address"].as_str().unwrap()));
        assert!(device["kind"].is_string() && device["label"].is_string() && device["driver"] != json!(""));
    }
}

#[test]
fn pci_of_a_tree_without_groups_says_what_stands_in_the_way() {
    let home = Home::new();
    let device = "tree/sys/bus/pci/devices/0000:01:00.0";
    for (file, text) in [("class", "0x030000"), ("vendor", "0x10de"), ("device", "0x2704")] {
        home.write(&format!("{device}/{file}"), text);
    }
    home.write("tree/proc/cmdline", "quiet splash\n");
    let ran = home.run(&["--sysroot", "tree", "-c", NOWHERE, "pci"]).code(0);
    assert!(ran.out.starts_with("IOMMU off: "), "{}", ran.out);
    assert!(ran.out.lines().any(|line| line.contains("-  0000:01:00.0  GPU")), "{}", ran.out);
    let body = home.run(&["--sysroot", "tree", "-c", NOWHERE, "pci", "--json"]).code(0).json();
    assert_eq!(body["iommu"]["state"], "off");
    assert_eq!(body["groups"][0]["id"], Value::Null);
}

#[test]
fn of_a_recorded_tree_only_a_libvirt_that_is_named_is_asked() {
    let home = Home::new();
    home.write("tree/proc/cmdline", "quiet splash\n");
    home.write("spec.json", r#"{"name": "a", "memory": 512, "vcpus": 1}"#);
    home.write(".config/vmbuild/config.toml", "default_host = 'a'\n[[hosts]]\nname = 'a'\nuri = 'test:///default'\n");
    let args = ["--sysroot", "tree", "facts", "--json"];
    let alone = home.run(&args).code(0).json();
    let why = alone["pools"]["unknown"]["why"].as_str().unwrap();
    assert!(why.starts_with("tree is a recorded tree, not a host"), "{why}");
    assert!(alone["kernel"]["known"].is_object(), "{alone}");
    let named = ran(home.command(&args).env("LIBVIRT_DEFAULT_URI", "test:///default").output().unwrap());
    assert!(named.code(0).json()["pools"]["known"].is_object());
    let refused = home.run(&["--sysroot", "tree", "build", "--yes", "--json", "spec.json"]).code(4).json();
    assert_eq!(refused["code"], "HOST-UNREACHABLE");
}

#[test]
fn pools_and_isos_agree_with_each_other() {
    let home = Home::new();
    let pools = home.run(&["--demo", "pools", "--json"]).code(0).json();
    let names: Vec<_> = pools["pools"].as_array().unwrap().iter().map(|pool| pool["name"].clone()).collect();
    let isos = home.run(&["--demo", "isos", "--json"]).code(0).json();
    let isos = isos["isos"].as_array().unwrap();
    assert!(!isos.is_empty());
    for iso in isos {
        assert!(names.contains(&iso["pool"]) && iso["size"].as_u64().unwrap() > 0 && iso["host"].is_string(), "{iso}");
        assert!(iso["path"].as_str().unwrap().ends_with(iso["name"].as_str().unwrap()), "{iso}");
    }
}

#[test]
fn isos_of_all_configured_hosts_are_listed_and_a_silent_host_is_named() {
    let home = Home::new();
    let node = "<node><pool type='dir'><name>isos</name><target><path>/isos</path></target><volume><name>NAME</name>
        <capacity>1048576</capacity><target><path>/isos/NAME</path><format type='iso'/></target></volume></pool></node>";
    let mut config = vec![format!("[[hosts]]\nname = 'off'\nuri = '{NOWHERE}'\n")];
    for host in ["hv01", "hv02"] {
        let file = home.write(&format!("{host}.xml"), &node.replace("NAME", &format!("{host}.iso")));
        config.push(format!("[[hosts]]\nname = '{host}'\nuri = 'test://{}'\n", file.display()));
    }
    home.write(".config/vmbuild/config.toml", &config.concat());

    let body = home.run(&["isos", "--json"]).code(0).json();
    let found: Vec<_> = body["isos"].as_array().unwrap().iter().map(|iso| (&iso["host"], &iso["name"])).collect();
    assert_eq!(found, [(&json!("hv01"), &json!("hv01.iso")), (&json!("hv02"), &json!("hv02.iso"))]);
    assert_eq!(body["unreachable"][0]["host"], "off");

    let one = home.run(&["isos", "--host", "hv02"]).code(0);
    assert!(one.out.contains("hv02.iso") && !one.out.contains("hv01.iso"), "{}", one.out);
    assert!(home.run(&["isos", "--host", "hv2"]).code(2).err.contains("off, hv01, hv02"));
    home.run(&["isos", "--host", "off"]).code(4);
}

#[test]
fn the_default_host_is_option_then_environment_then_config() {
    let home = Home::new();
    let pools = |name: &str| {
        let pool = format!("<pool type='dir'><name>{name}</name><target><path>/{name}</path></target></pool>");
        let file = home.write(&format!("{name}.xml"), &format!("<node>{pool}</node>"));
        format!("test://{}", file.display())
    };
    let (option, environment, config) = (pools("by-option"), pools("by-environment"), pools("by-config"));
    home.write(
        ".config/vmbuild/config.toml",
        &format!("default_host = 'x'\n[[hosts]]\nname = 'x'\nuri = '{config}'\n"),
    );
    assert!(home.run(&["pools"]).code(0).out.contains("by-config"));
    let with_environment =
        |args: &[&str]| ran(home.command(args).env("LIBVIRT_DEFAULT_URI", &environment).output().unwrap()).code(0).out;
    assert!(with_environment(&["pools"]).contains("by-environment"));
    assert!(with_environment(&["pools", "-c", &option]).contains("by-option"));
}

#[test]
fn a_host_that_is_down_is_a_sentence_a_remedy_and_4() {
    let home = Home::new();
    home.write("web.json", WEB);
    for args in [vec!["pools"], vec!["facts"], vec!["isos"], vec!["xml", "web.json"]] {
        let mut args = args.clone();
        args.extend(["-c", NOWHERE]);
        let ran = home.run(&args).code(4);
        assert!(ran.err.contains("systemctl start") && ran.err.contains("vmbuild --demo"), "{}", ran.err);
        assert!(ran.err.contains("libvirt: Failed to connect socket to '/nonexistent'"), "{}", ran.err);
        args.push("--json");
        let body = home.run(&args).code(4).json();
        assert_eq!(body["code"], "LIBVIRT-NOT-RUNNING");
        assert!(body["error"].as_str().unwrap().contains(NOWHERE) && body["details"]["libvirt"].is_string());
    }
}

#[test]
fn a_socket_that_refuses_us_is_a_permission_problem() {
    let home = Home::new();
    let socket = home.path().join("private/sock");
    fs::create_dir(socket.parent().unwrap()).unwrap();
    let _listener = UnixListener::bind(&socket).unwrap();
    let mode = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(home.path(), 0o755);
    mode(socket.parent().unwrap(), 0o755);
    mode(&socket, 0o000);
    let uri = format!("qemu+unix:///system?socket={}", socket.display());
    let plain = home.command(&["-c", &uri, "pools", "--json"]);
    let output = if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
        // Root may do everything, so somebody else asks.
        let mut other = Command::new("setpriv");
        other
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(plain.get_program())
            .args(plain.get_args());
        other.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir("/");
        match other.output() {
            Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("failed to execute") => output,
            _ => return support::skip("setpriv is missing, or the program lies where others cannot run it"),
        }
    } else {
        let mut plain = plain;
        plain.output().unwrap()
    };
    let body = ran(output).code(4).json();
    assert_eq!(body["code"], "LIBVIRT-DENIED", "{body}");
}

#[test]
fn xml_offline_asks_no_host_and_writes_nothing() {
    let home = Home::new();
    home.write("web.json", WEB);
    let offline = home.command(&["xml", "--offline", "web.json"]).env("LIBVIRT_DEFAULT_URI", NOWHERE).output().unwrap();
    let xml = ran(offline).code(0).out;
    assert!(xml.starts_with("<domain type='kvm'>") && xml.ends_with("</domain>\n"), "{xml}");
    assert_eq!(home.run_with(&["xml", "--offline", "-"], WEB).code(0).out, xml);
    assert_eq!(home.run(&["xml", "--offline", "--json", "web.json"]).code(0).json()["xml"], xml.as_str());
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["web.json"]);
}

#[test]
fn a_template_that_is_missing_hides_no_other_problem() {
    let home = Home::new();
    let spec = json!({
        "name": "a/b", "memory": 256, "vcpus": 0, "template": "no-such",
        "storage": {"default_pool": "nowhere", "disks": [{"action": "create"}]},
    });
    home.write("spec.json", &spec.to_string());
    let report = home.run(&["--demo", "check", "--json", "spec.json"]).code(3).json();
    let codes: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    for code in ["TEMPLATE-MISSING", "NAME-INVALID", "CPU-COUNT", "POOL-MISSING", "DISK-SIZE"] {
        assert!(codes.contains(&code), "{code}: {codes:?}");
    }
}

#[test]
fn null_takes_away_what_a_template_sets() {
    let home = Home::new();
    home.write("full.json", r#"{"uefi": true, "boot": {"order": ["disk"]}, "cloud_init": {"user": "ops"}}"#);
    home.run(&["--demo", "template", "save", "full", "full.json"]).code(0);
    let with = |more: Value| {
        let mut spec: Value = serde_json::from_str(WEB).unwrap();
        spec["template"] = json!("full");
        // The system of a medium may decide the firmware.
        spec["storage"]["boot_iso"] = Value::Null;
        spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        home.write("spec.json", &spec.to_string());
        home.run(&["--demo", "xml", "spec.json"]).code(0).out
    };
    let both = |xml: &str| (xml.contains("firmware='efi'"), xml.contains("cidata"));
    assert_eq!(both(&with(json!({}))), (true, true));
    assert_eq!(both(&with(json!({"boot": null, "cloud_init": null, "uefi": null}))), (false, false));
    assert_eq!(both(&with(json!({"uefi": null}))), (false, true));
}

#[test]
fn presets_and_templates_are_saved_listed_shown_used_and_deleted() {
    let home = Home::new();
    home.write("big.json", r#"{ "memory": 65536, "vcpus": 32 }"#);
    for kind in ["preset", "template"] {
        let listed = || home.run(&[kind, "list"]).code(0).out;
        assert!(!listed().contains("big"));
        home.run(&[kind, "save", "big", "big.json", "--description", "for the big ones"]).code(0);
        assert!(listed().contains("for the big ones"));
        assert!(home.run(&[kind, "save", "big", "big.json"]).code(2).err.contains("--replace"));
        home.run(&[kind, "save", "big", "big.json", "--replace"]).code(0);
        assert_eq!(home.run(&[kind, "show", "big"]).code(0).json()["memory"], 65536);
    }
    home.write("web.json", WEB);
    // Printed whatever the findings: these specs lack what a build needs.
    let xml = |args: &[&str]| home.run(&[&["xml", "--offline"], args].concat()).out;
    // The spec wins over its presets.
    assert!(xml(&["web.json", "--preset", "big"]).contains("<memory unit='GiB'>2</memory>"));
    home.write("small.json", r#"{ "name": "a", "template": "big", "vcpus": 1 }"#);
    let small = xml(&["small.json"]);
    assert!(small.contains("<memory unit='GiB'>64</memory>") && small.contains(">1</vcpu>"), "{small}");
    // The last preset wins over those before it.
    home.write("n.json", r#"{ "name": "n" }"#);
    home.write("tiny.json", r#"{ "name": "web-01", "memory": 512 }"#);
    for kind in ["template", "preset"] {
        let said = home.run(&[kind, "save", "tiny", "tiny.json"]).code(0).err;
        assert!(said.contains("without the name 'web-01'"), "{said}");
        assert!(home.run(&[kind, "show", "tiny"]).code(0).json().get("name").is_none());
    }
    let stacked = xml(&["n.json", "--preset", "big", "--preset", "tiny"]);
    assert!(stacked.contains("<memory unit='MiB'>512</memory>") && stacked.contains(">32</vcpu>"), "{stacked}");

    home.run(&["preset", "export", "tiny", "out.json"]).code(0);
    let mode = std::fs::metadata(home.path().join("out.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "a preset may hold secrets of cloud-init");
    home.run(&["preset", "export", "tiny", "out.json"]).code(2);
    home.run(&["preset", "save", "again", "out.json"]).code(0);
    for kind in ["preset", "template"] {
        home.run(&[kind, "delete", "big"]).code(0);
        home.run(&[kind, "delete", "big"]).code(2);
    }
    let missing = home.run(&["xml", "--offline", "small.json", "--json"]).code(3).json();
    let codes: Vec<_> = missing["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert!(codes.contains(&&json!("TEMPLATE-MISSING")) && codes.contains(&&json!("MEM-MISSING")), "{codes:?}");
    home.run(&["xml", "--offline", "n.json", "--preset", "nope"]).code(2);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let home = Home::new();
    for args in [vec!["--demo", "facts", "--json"], vec!["--demo", "pci"], vec!["schema"]] {
        let mut child =
            home.command(&args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert_eq!((child.wait().unwrap().code(), complaint.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn colour_is_for_those_who_ask_and_marks_are_ascii_where_the_locale_is() {
    let home = Home::new();
    let plain = home.run(&["--demo", "pci"]).code(0).out;
    assert!(!plain.contains('\x1b'));
    assert!(home.run(&["--demo", "pci", "--color", "always"]).code(0).out.contains("\x1b["));
    assert!(!home.run(&["--demo", "pci", "--color", "never"]).code(0).out.contains('\x1b'));
}

#[test]
fn check_ends_with_3_where_something_forbids_a_build() {
    let home = Home::new();
    home.write("web.json", WEB);
    let good = home.run(&["--demo", "check", "web.json"]).code(0);
    assert!(good.out.trim_end().ends_with(" passed"), "{}", good.out);
    home.write(
        "bad.json",
        &WEB.replace("\"size\": 20", "\"format\": \"raw\"").replace("\"default\"", "\"custom-pool\""),
    );
    let bad = home.run(&["--demo", "check", "bad.json"]).code(3).out;
    assert!(
        bad.contains("✗ DISK-SIZE  storage.disks[0].size\n    disk 0: size is required for create action\n"),
        "{bad}"
    );
    assert!(bad.contains("    default storage pool 'custom-pool' not found: storage pool not found\n"), "{bad}");
    let ascii = home.run(&["--demo", "check", "bad.json", "--ascii"]).code(3).out;
    assert!(ascii.contains("X DISK-SIZE") && ascii.is_ascii(), "{ascii}");
    let c_locale = ran(home.command(&["--demo", "check", "bad.json"]).env("LC_ALL", "C").output().unwrap()).code(3).out;
    assert_eq!(c_locale, ascii);

    let body = home.run(&["--demo", "check", "bad.json", "--json"]).code(3).json();
    assert_eq!(body["verdict"], "blocked");
    let codes: Vec<_> = body["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert!(codes.contains(&&json!("DISK-SIZE")) && codes.contains(&&json!("POOL-MISSING")), "{codes:?}");
    assert_eq!(home.run(&["--demo", "check", "web.json", "--json"]).code(0).json()["verdict"], "ready");
}

#[test]
fn check_of_a_text_that_is_no_spec_is_a_report_too() {
    let home = Home::new();
    home.write("bad.json", "{\n  \"vcpu\": 2\n}");
    let body = home.run(&["--demo", "check", "bad.json", "--json"]).code(3).json();
    assert_eq!(body["findings"][0]["code"], "SPEC-INVALID");
    assert_eq!((&body["findings"][0]["line"], &body["findings"][0]["column"]), (&json!(2), &json!(3)));
}

#[test]
fn what_was_not_asked_is_not_checked_and_not_passed() {
    let home = Home::new();
    home.write("web.json", WEB);
    let body = home.run(&["check", "--offline", "web.json", "--json"]).code(0).json();
    let unknown = |code: &str| {
        let findings = body["findings"].as_array().unwrap();
        findings.iter().any(|finding| finding["code"] == code && finding["severity"] == "unknown")
    };
    for code in ["POOL-MISSING", "NAME-TAKEN", "ISO-MISSING"] {
        assert!(unknown(code) && !body["passed"].as_array().unwrap().contains(&json!(code)), "{code}");
    }
}

#[test]
fn the_document_of_all_codes_is_what_the_program_prints() {
    let path = format!("{}/CHECKS.md", env!("CARGO_MANIFEST_DIR"));
    let now = Home::new().run(&["explain", "--markdown"]).code(0).out;
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::write(&path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "CHECKS.md is stale; write it with: vmbuild explain --markdown > CHECKS.md");
}

#[test]
fn every_code_that_is_listed_is_explained() {
    let home = Home::new();
    let body = home.run(&["explain", "--json"]).code(0).json();
    let codes = body["codes"].as_array().unwrap();
    assert!(codes.len() > 50);
    for code in codes {
        let code = code["code"].as_str().unwrap();
        let text = home.run(&["explain", &code.to_lowercase()]).code(0).out;
        assert!(text.starts_with(code) && text.lines().count() > 2, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    assert!(home.run(&["explain", "POOL-MISING"]).code(2).err.contains("POOL-MISSING"));
}
