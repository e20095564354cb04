//! Presets with host devices: saved on one host, loaded on another.

use super::script::{Desk, presets, saved};
use serde_json::{Value, json};
use vmbuild::app::Effect;
use vmbuild::app::steps::pci::{devices, search, selected};
use vmbuild::checks::Severity;

fn go(desk: &mut Desk, address: &str) {
    desk.keys("6 f f f f");
    let row = devices(&desk.app).iter().position(|device| device.address.short() == address).unwrap();
    desk.keys(&format!("g {}", "j ".repeat(row)));
    assert_eq!(selected(&desk.app).unwrap().address.short(), address);
}

/// What `w` keeps of the spec on screen.
fn kept(desk: &mut Desk) -> Value {
    desk.keys("w Enter ^U 'kept' Enter");
    let Some(Effect::SavePreset { spec, .. }) = desk.effects.last() else { panic!("{:?}", desk.effects) };
    serde_json::to_value(spec).unwrap()
}

/// The card of the host where it is at home, with a ROM file and its last function held.
fn at_home() -> Value {
    let mut desk = Desk::on("preset-home");
    go(&mut desk, "01:00.0");
    desk.keys("Space j j j h g");
    let mut spec = kept(&mut desk);
    spec["pci_devices"][0]["rom_file"] = json!("/usr/share/vgabios/rtx2080.rom");
    spec
}

/// The preset on another host.
fn loaded(spec: Value, facts: &str) -> Desk {
    let mut desk = Desk::on(facts);
    desk.tell(presets(vec![saved("card", spec)]));
    desk.keys("1 g Space");
    desk
}

fn addresses(desk: &Desk) -> Vec<String> {
    let rows = desk.at("/pci_devices");
    rows.as_array().unwrap().iter().map(|row| row["host_address"].as_str().unwrap_or("-").to_owned()).collect()
}

fn about_presets(desk: &Desk) -> Vec<&'static str> {
    let mut codes = desk.codes();
    codes.retain(|code| ["PCI-MATCH", "PCI-MOVED", "PCI-CHOSEN", "GROUPS-CHANGED"].contains(code));
    codes
}

#[test]
fn at_home_a_preset_is_loaded_in_silence() {
    let spec = at_home();
    assert_eq!(spec["pci_devices"][0]["match"]["subsystem"], "1462:3711");
    assert_eq!(spec["pci_devices"][0]["match"]["group"].as_array().unwrap().len(), 4);
    let desk = loaded(spec, "preset-home");
    assert_eq!(about_presets(&desk), [""; 0]);
    assert_eq!(search::line(&desk.app), None);
}

#[test]
fn a_card_that_moved_keeps_its_rom_and_roles_and_is_explained() {
    let mut desk = loaded(at_home(), "preset-moved");
    assert_eq!(addresses(&desk), ["0000:03:00.0", "0000:03:00.1", "0000:03:00.2", "0000:03:00.3"]);
    assert_eq!(desk.at("/pci_devices/0/rom_file"), "/usr/share/vgabios/rtx2080.rom");
    assert_eq!(desk.at("/pci_devices/3/role"), "hold");
    assert_eq!(about_presets(&desk), ["PCI-MOVED"]);
    let (severity, line) = search::line(&desk.app).unwrap();
    assert_eq!(
        (severity, line.as_str()),
        (Severity::Warning, "03:00.0 was at 01:00.0 when it was saved: c shows more")
    );
    // Whatever is changed by hand goes on from there; saved again, it is at home here.
    go(&mut desk, "03:00.3");
    desk.keys("h h");
    assert_eq!(addresses(&desk)[..3], ["0000:03:00.0", "0000:03:00.1", "0000:03:00.2"]);
    assert_eq!(about_presets(&desk), ["PCI-MOVED"]);
    let again = loaded(kept(&mut desk), "preset-moved");
    assert_eq!(about_presets(&again), [""; 0]);
}

#[test]
fn of_several_the_user_takes_one_and_the_card_keeps_what_the_preset_says() {
    let mut desk = loaded(at_home(), "preset-twins");
    assert_eq!(addresses(&desk), ["-"; 4]);
    let line = search::line(&desk.app).unwrap();
    assert_eq!(
        line,
        (Severity::Blocker, "GPU 10de:1e87 of board 1462:3711: 4 match. Space selects one, d removes the row".into())
    );
    go(&mut desk, "08:00.0");
    desk.keys("Space");
    assert_eq!(addresses(&desk), ["0000:08:00.0", "0000:08:00.1", "0000:08:00.2", "0000:08:00.3"]);
    assert_eq!(desk.at("/pci_devices/0/rom_file"), "/usr/share/vgabios/rtx2080.rom");
    assert_eq!(desk.at("/pci_devices/3/role"), "hold");
    assert_eq!(about_presets(&desk), ["PCI-MOVED"], "{:#?}", desk.app.case.report.findings);
    desk.keys("u");
    assert_eq!(addresses(&desk), ["-"; 4]);
}

#[test]
fn what_is_not_found_is_dropped_with_one_key() {
    let mut desk = loaded(at_home(), "workstation");
    assert_eq!(addresses(&desk), ["0000:01:00.0", "0000:01:00.1", "0000:01:00.2", "0000:01:00.3"]);
    desk.keys("6 d");
    assert!(desk.toast().contains("every device of the VM was found"), "{}", desk.toast());
    let mut other = loaded(at_home(), "compute-node");
    assert!(about_presets(&other).iter().all(|code| *code == "PCI-MATCH"));
    other.keys("6 d");
    assert_eq!(other.toast(), "4 devices that were not found are removed");
    assert_eq!((other.at("/pci_devices"), about_presets(&other).len()), (json!([]), 0));
}

#[test]
fn any_stays_any_when_it_is_saved_again() {
    let any = json!({"pci_devices": [{"match": {"ids": "10de:1e87", "kind": "gpu", "any": true}}]});
    let mut desk = loaded(any.clone(), "preset-twins");
    assert_eq!((addresses(&desk), about_presets(&desk)), (vec!["0000:08:00.0".into()], vec!["PCI-CHOSEN"]));
    let line = search::line(&desk.app).unwrap();
    assert_eq!(line, (Severity::Info, "08:00.0 is selected, 3 skipped: c shows why".into()));
    assert_eq!(kept(&mut desk), any);
}
