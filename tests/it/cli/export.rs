//! `vmbuild export`, run as a program: what it prints, what it refuses to lose, how it ends.

use super::WEB;
use crate::support::program::{Home, Ran};
use serde_json::{Value, json};
use std::process::Command;

/// A spec with two fields that virt-install cannot express.
fn lossy() -> String {
    let mut spec: Value = serde_json::from_str(WEB).unwrap();
    spec["cloud_init"] = json!({ "user_data": "#cloud-config\n{}\n" });
    spec["metadata"] = json!({ "owner": "it's \"ours\"" });
    spec.to_string()
}

fn export(home: &Home, args: &[&str], spec: &str) -> Ran {
    home.run_with(&[&["--demo", "export", "-", "--to", "virt-install"], args].concat(), spec)
}

#[test]
fn a_shell_reads_the_command_as_the_list_of_arguments_that_json_has() {
    let home = Home::new();
    // A name that a shell would take apart.
    let spec = WEB.replace("web-02", "it's-$HOME;`id`");
    let text = export(&home, &[], &spec).code(0).out;
    assert!(text.starts_with("virt-install \\\n  --connect=") && text.ends_with('\n'), "{text}");
    let list = export(&home, &["--json"], &spec).code(0).json();
    let show = "virt_install() { printf '%s\\n' virt-install \"$@\"; }\n";
    let script = format!("{show}{}", text.replacen("virt-install", "virt_install", 1));
    let shell = Command::new("sh").args(["-c", &script]).output().unwrap();
    let read: Vec<Value> = String::from_utf8(shell.stdout).unwrap().lines().map(Value::from).collect();
    assert_eq!(Value::from(read), list["argv"]);
    assert!(list["argv"].as_array().unwrap().contains(&json!("--name=it's-$HOME;`id`")), "{list}");
    assert_eq!(list["verdict"], "ready", "{list}");
}

#[test]
fn what_would_be_lost_ends_with_3_until_each_loss_is_accepted() {
    let home = Home::new();
    for accepted in [&[][..], &["--accept-loss", "metadata"]] {
        let ran = export(&home, accepted, &lossy()).code(3);
        assert_eq!(ran.out, "", "{accepted:?}");
        assert!(ran.err.contains("ENGINE-FIELD") && ran.err.contains("--accept-loss cloud_init"), "{}", ran.err);
        assert_eq!(ran.err.contains("--accept-loss metadata"), accepted.is_empty(), "{}", ran.err);
        let body = export(&home, &[accepted, &["--json"]].concat(), &lossy()).code(3).json();
        assert_eq!(body["code"], "ENGINE-FIELD", "{body}");
    }
    let both = export(&home, &["--accept-loss", "metadata", "--accept-loss", "cloud_init"], &lossy()).code(0);
    assert!(both.err.contains("cloud_init") && both.err.contains("metadata"), "{}", both.err);
    assert_eq!(export(&home, &["--accept-loss", "all"], &lossy()).code(0).out, both.out);
    let body = export(&home, &["--json", "--accept-loss", "all"], &lossy()).code(0).json();
    let lost = body["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == "ENGINE-FIELD");
    let lost: Vec<_> = lost.map(|finding| (&finding["place"], &finding["severity"])).collect();
    let warning = json!("warning");
    assert_eq!(lost, [(&json!("cloud_init"), &warning), (&json!("metadata"), &warning)]);
}

#[test]
fn a_wrong_command_line_ends_with_2_and_a_value_that_virt_install_does_not_take_with_3() {
    let home = Home::new();
    for field in ["", "disks", "storage.", "storage.disk[0].size"] {
        let ran = export(&home, &["--accept-loss", field], WEB).code(2);
        assert!(ran.err.contains("is not a field of a spec"), "{}", ran.err);
    }
    assert!(home.run_with(&["--demo", "export", "-"], WEB).code(2).err.contains("--to"), "the tool is named");
    let ran = export(&home, &[], &WEB.replace("web-02", "web 02")).code(3);
    assert!(ran.out.is_empty() && ran.err.contains("contains a space"), "{}", ran.err);
}
