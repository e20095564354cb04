//! `vmbuild builds` and `vmbuild recover`, and the journals that they read.

use super::WEB;
use crate::support::program::Home;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The journals, oldest first.
fn journals(home: &Home) -> Vec<PathBuf> {
    let folder = home.path().join(".local/state/vmbuild/builds");
    let files = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    files.sort();
    files
}

/// A home in which a build of the demo was killed right after this event, and the name of the build.
fn interrupted(event: &str) -> (Home, String) {
    let home = Home::new();
    home.write("web.json", WEB);
    home.run(&["--demo", "build", "web.json"]).code(0);
    let path = journals(&home).pop().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let at = text.find(event).unwrap();
    let end = at + text[at..].find('\n').unwrap() + 1;
    fs::write(&path, format!("{}{{\"v\":1,\"seq\":9", &text[..end])).unwrap();
    let id = path.file_stem().unwrap().to_str().unwrap().rsplit('-').next().unwrap().to_owned();
    (home, id)
}

#[test]
fn every_build_has_a_journal_that_is_listed_shown_and_replayed() {
    let home = Home::new();
    home.write("web.json", WEB);
    assert_eq!(home.run(&["builds"]).code(0).out, "No builds yet.\n");
    let built = home.run(&["--demo", "build", "web.json", "--start", "--json"]).code(0).json_lines();
    let path = journals(&home).pop().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let listed = home.run(&["builds", "--json"]).code(0).json();
    let [row] = listed["builds"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((&row["name"], &row["state"], &row["left"]), (&json!("web-02"), &json!("built"), &json!([])));
    let id = row["id"].as_str().unwrap();
    let replayed = home.run(&["builds", "replay", &id[..4], "--json"]).code(0).json_lines();
    assert_eq!(replayed, built[..built.len() - 1], "all but the answer");
    let shown = home.run(&["builds", "show", "web-02"]).code(0).out;
    assert!(shown.starts_with(&format!("Build {id} of web-02: built\n")), "{shown}");
    assert!(shown.contains("volume web-02-vda.qcow2 in pool default"), "{shown}");
    assert!(home.run(&["builds", "show", "zz"]).code(2).err.contains("no build is called 'zz'"));
}

#[test]
fn the_identity_of_the_vm_is_in_the_journal_before_it_exists() {
    let home = Home::new();
    home.write("web.json", WEB);
    let built = home.run(&["--demo", "build", "web.json", "--json"]).code(0).json_lines();
    let uuid = built.last().unwrap()["uuid"].clone();
    let began =
        built.iter().find(|event| event["event"] == "step_began" && event["thing"]["kind"] == "domain").unwrap();
    assert_eq!((&began["foreseen"]["id"], &began["foreseen"]["absent"]), (&uuid, &json!(true)));
}

const MADE: &str = "\"event\":\"made\"";

#[test]
fn an_interrupted_build_is_named_and_can_be_taken_back() {
    let (home, id) = interrupted(MADE);
    let listed = home.run(&["builds", "list", "--open"]).code(0).out;
    assert!(listed.contains("cut off at step 2 of ") && listed.contains("volume web-02-vda.qcow2"), "{listed}");
    let ran = home.run(&["recover"]).code(2);
    assert!(ran.err.contains(&format!("'vmbuild recover {id} --resume', or take it back with --undo")), "{}", ran.err);
    let said = home.run(&["recover", &id, "--undo"]).code(0).out;
    assert!(said.contains(&format!("Took build {id} of web-02 back; nothing of it is left")), "{said}");
    assert_eq!(home.run(&["recover", "--undo"]).code(0).out, "No build is interrupted.\n");
    assert!(home.run(&["recover", &id, "--undo"]).code(2).err.contains("is undone"));
}

#[test]
fn what_an_interrupted_build_made_and_is_gone_cannot_be_built_upon() {
    let (home, id) = interrupted("\"event\":\"step_done\",\"step\":1");
    let ran = home.run(&["recover", &id, "--resume"]).code(6);
    assert!(
        ran.out.contains("volume web-02-vda.qcow2 in pool default was made by this build and is not there any more")
    );
    assert!(home.run(&["builds", "list", "--open"]).code(0).out.contains(&id));
}

#[test]
fn an_interrupted_build_is_finished_from_the_step_at_which_it_was() {
    let (home, id) = interrupted(MADE);
    let said = home.run(&["recover", &id, "--resume"]).code(0).out;
    assert!(said.contains("Built web-02: shutoff, UUID "), "{said}");
    let listed = home.run(&["builds", "--json"]).code(0).json();
    assert_eq!(listed["builds"][0]["state"], "built", "{listed}");
}

#[test]
fn a_build_that_cannot_be_recorded_does_not_start() {
    let home = Home::new();
    home.write("web.json", WEB);
    home.write(".local/state/vmbuild", "a file where the folder should be");
    let ran = home.run(&["--demo", "build", "web.json", "--json"]).code(1);
    let lines = ran.json_lines();
    assert_eq!(lines.last().unwrap()["code"], "BUILD-UNRECORDED", "{}", ran.out);
    assert!(!lines.iter().any(|event| event["event"] == "step_began"), "{}", ran.out);
    let said = home.run(&["--demo", "build", "web.json"]).code(1).err;
    assert!(said.contains("the build cannot be recorded, so it does not start: cannot make "), "{said}");
}

#[test]
fn no_journal_holds_a_secret() {
    const SECRETS: [&str; 2] = ["Xq7-v_Lw", "token-4711"];
    let home = Home::new();
    let mut spec: Value = serde_json::from_str(WEB).unwrap();
    spec["cloud_init"] = json!({
        "user_data": format!("#cloud-config\npassword: {}\n", SECRETS[0]),
        "network_config": format!("version: 2\n# {}\n", SECRETS[1]),
    });
    home.write("web.json", &spec.to_string());
    home.run(&["--demo", "build", "web.json", "--yes"]).code(0);
    let text: String = journals(&home).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(text.contains("\"needs\":[\"cloud_init.user_data\",\"cloud_init.network_config\"]"), "{text}");
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[test]
fn a_journal_of_another_version_is_named_and_left_alone() {
    let (home, id) = interrupted(MADE);
    let path = journals(&home).pop().unwrap();
    let newer = fs::read_to_string(&path).unwrap().replacen("{\"v\":1,", "{\"v\":2,", 1);
    fs::write(&path, &newer).unwrap();
    let ran = home.run(&["builds"]).code(0);
    assert!(ran.err.contains("the journal has version 2; this vmbuild supports version 1"), "{}", ran.err);
    home.run(&["recover", &id, "--undo"]).code(2);
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
}
