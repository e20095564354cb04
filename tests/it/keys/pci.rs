//! Step 6.

use super::script::{Desk, parts, read_facts};
use serde_json::json;
use vmbuild::app::overlay::Overlay;
use vmbuild::app::steps::pci::{Show, devices, selected, sheet, verdict};
use vmbuild::app::{Effect, Msg, ProbeState};
use vmbuild::checks::Severity;
use vmbuild::facts::{Fact, Facts, FactsPart, HostStorage, Part, PciClass, Provenance, Query};
use vmbuild::units::PciAddress;

fn at(address: &str) -> PciAddress {
    address.parse().unwrap()
}

/// The list with every function in it, the cursor on one of them.
fn go(desk: &mut Desk, address: &str) {
    desk.keys("6");
    while desk.app.pci.show() != Show::All {
        desk.keys("f");
    }
    let row = devices(&desk.app).iter().position(|device| device.address.short() == address).unwrap();
    desk.keys(&format!("g {}", "j ".repeat(row)));
    assert_eq!(selected(&desk.app).unwrap().address.short(), address);
}

/// The rows of the spec: addresses, with `=hold` where one is held.
fn asked(desk: &Desk) -> Vec<String> {
    let rows = desk.at("/pci_devices");
    let rows = rows.as_array().cloned().unwrap_or_default();
    let role = |row: &serde_json::Value| row["role"].as_str().map(|role| format!("={role}")).unwrap_or_default();
    rows.iter().map(|row| format!("{}{}", &row["host_address"].as_str().unwrap()[5..], role(row))).collect()
}

/// The workstation, its drive and one port of its network card in the group of its graphics card.
fn crowded() -> Facts {
    let mut facts = read_facts("workstation");
    for device in facts.pci.get_mut().unwrap() {
        if ["04:00.0", "05:00.1"].contains(&device.address.short().as_str()) {
            device.iommu_group = Some(16);
        }
    }
    facts
}

fn crowd() -> Desk {
    let mut desk = Desk::new();
    desk.know(&crowded());
    desk
}

#[test]
fn space_takes_the_whole_card_and_gives_it_back() {
    let mut desk = Desk::workstation();
    go(&mut desk, "01:00.1");
    desk.keys("Space");
    let card = ["01:00.0", "01:00.1", "01:00.2", "01:00.3"];
    assert_eq!(asked(&desk), card);
    assert_eq!(desk.toast(), "01:00.0, 01:00.2 and 01:00.3 are added: the same card as 01:00.1");
    desk.keys("Space");
    assert_eq!(desk.at("/pci_devices"), json!([]));
    desk.keys("u");
    assert_eq!(asked(&desk), card);
}

#[test]
fn what_shares_the_group_is_held_and_named_although_no_filter_shows_it() {
    let mut desk = crowd();
    desk.keys("6 g");
    assert_eq!(selected(&desk.app).unwrap().address, at("01:00.0"));
    assert!(devices(&desk.app).iter().all(|device| device.kind() != PciClass::Nvme), "the list shows GPUs");
    desk.keys("Space");
    assert_eq!(asked(&desk), ["01:00.0", "01:00.1", "01:00.2", "01:00.3", "04:00.0=hold", "05:00.1=hold"]);
    assert!(desk.toast().contains("04:00.0 is held: in IOMMU group 16 with 01:00.0, nvme must not be bound to it"));
    assert!(!desk.codes().contains(&"IOMMU-GROUP"), "{:?}", desk.codes());
    desk.keys("Space");
    assert_eq!(desk.at("/pci_devices"), json!([]));
    assert!(desk.toast().contains("01:00.0 returns to the host with 5 others"), "{}", desk.toast());
}

#[test]
fn what_another_card_needs_stays_held() {
    let mut desk = crowd();
    go(&mut desk, "01:00.0");
    desk.keys("Space");
    go(&mut desk, "04:00.0");
    desk.keys("Space");
    assert!(asked(&desk).contains(&"04:00.0".to_owned()), "what was held is passed");
    desk.keys("Space");
    assert!(asked(&desk).contains(&"04:00.0=hold".to_owned()), "{:?}", asked(&desk));
    assert!(desk.toast().contains("04:00.0 is held for another card"), "{}", desk.toast());
    go(&mut desk, "01:00.0");
    desk.keys("Space");
    assert_eq!(desk.at("/pci_devices"), json!([]));
}

#[test]
fn a_role_is_changed_in_one_key_that_says_what_follows() {
    let mut desk = crowd();
    go(&mut desk, "04:00.0");
    desk.keys("h");
    assert!(desk.toast().contains("press Space first"), "{}", desk.toast());
    go(&mut desk, "01:00.0");
    desk.keys("Space");
    go(&mut desk, "04:00.0");
    desk.keys("h");
    assert!(!asked(&desk).iter().any(|row| row.starts_with("04:00.0")));
    assert!(desk.toast().starts_with("04:00.0 stays with the host and its driver. IOMMU-GROUP: "), "{}", desk.toast());
    assert!(desk.codes().contains(&"IOMMU-GROUP"));
    desk.keys("h");
    assert!(asked(&desk).contains(&"04:00.0".to_owned()));
    assert_eq!(desk.toast(), "04:00.0 is passed to the guest");
    desk.keys("h");
    assert!(asked(&desk).contains(&"04:00.0=hold".to_owned()));
    assert!(desk.toast().contains("not passed to the guest"));
}

#[test]
fn what_was_set_for_a_function_is_kept_while_others_come_and_go() {
    let mut desk = Desk::workstation();
    go(&mut desk, "01:00.0");
    desk.keys("Space Tab");
    assert_eq!(desk.focus(), "Fields vBIOS ROM");
    desk.keys("'/roms/a.rom' Enter Esc Esc");
    go(&mut desk, "04:00.0");
    desk.keys("Space");
    assert_eq!(desk.at("/pci_devices/0/rom_file"), "/roms/a.rom");
    go(&mut desk, "01:00.0");
    desk.keys("Space Space");
    assert_eq!(asked(&desk)[0], "04:00.0");
    assert_eq!(desk.at("/pci_devices/1/rom_file"), json!(null), "cleared and taken again");
}

#[test]
fn a_rom_file_is_picked_from_those_that_the_host_has() {
    let mut desk = Desk::workstation();
    go(&mut desk, "01:00.0");
    desk.keys("o");
    assert!(desk.toast().contains("press Space first"), "{}", desk.toast());
    desk.keys("Space o");
    let Some(Overlay::Pick(_, list)) = desk.app.overlays.last() else { panic!("{:?}", desk.app.overlays) };
    let found = desk.app.facts.roms.items();
    assert_eq!(list.items.len(), found.len());
    assert!(list.why_empty.is_some());
    desk.keys("'/srv/own.rom' Enter");
    assert_eq!(desk.at("/pci_devices/0/rom_file"), "/srv/own.rom", "any path can be typed");
}

#[test]
fn what_the_host_stands_on_is_taken_after_its_address_was_typed_out() {
    let mut desk = Desk::workstation();
    desk.complete();
    let mut facts = read_facts("workstation");
    facts.storage = root_on("04:00.0");
    desk.tell(Msg::Facts(FactsPart::Uses {
        storage: Box::new(facts.storage),
        networking: Box::default(),
        displays: Box::default(),
        usb: Box::default(),
    }));
    go(&mut desk, "04:00.0");
    desk.keys("Space");
    assert!(desk.codes().contains(&"USE-ROOT-DISK"), "{:?}", desk.codes());
    assert!(desk.app.case.report.is_only_locked_out(), "{:?}", desk.codes());
    desk.keys("8 B");
    let Some(Overlay::Prompt(prompt)) = desk.app.overlays.last() else { panic!("{:?}", desk.app.overlays) };
    assert!(prompt.lines.iter().any(|line| line.contains("USE-ROOT-DISK")), "{:?}", prompt.lines);
    desk.keys("'04:00.0' Enter");
    assert!(matches!(desk.app.overlays.last(), Some(Overlay::Prompt(prompt)) if prompt.error.is_some()), "not in full");
    desk.keys("Home ^K '0000:04:00.0' Enter");
    assert_eq!(desk.app.case.report.lock_outs().len(), 0);
    assert!(matches!(desk.app.overlays.last(), Some(Overlay::Ask(_))), "then the warnings: {:?}", desk.app.overlays);
    desk.keys("Esc");
    go(&mut desk, "04:00.0");
    desk.keys("Space Space");
    assert!(desk.app.case.report.is_only_locked_out(), "taken anew, it is typed anew");
}

/// A host whose root file system is on the drive at `address`.
fn root_on(address: &str) -> Fact<vmbuild::facts::HostStorage> {
    let source = || json!({"file": "test"});
    let known = |value: serde_json::Value| json!({"known": {"value": value, "source": source(), "seen_at": 0}});
    let disk = json!({"name": "nvme0n1", "number": "259:0", "functions": [at(address)]});
    let mount = json!({"point": "/", "kind": "ext4", "source": "/dev/nvme0n1", "devices": ["nvme0n1"]});
    let storage =
        json!({"devices": [disk], "mounts": known(json!([mount])), "swaps": known(json!([])), "zfs": known(json!([]))});
    serde_json::from_value(known(storage)).unwrap()
}

#[test]
fn bridges_stay_with_the_host() {
    let mut desk = Desk::workstation();
    go(&mut desk, "00:01.0");
    for key in ["Space", "h"] {
        desk.keys(key);
        assert_eq!((desk.at("/pci_devices"), desk.toast()), (json!(null), "bridges stay with the host"));
    }
}

#[test]
fn the_list_opens_on_the_gpus_with_the_rest_of_their_cards() {
    let mut desk = Desk::workstation();
    desk.keys("6");
    assert_eq!(desk.app.pci.show(), Show::Kind(PciClass::Gpu));
    let slots = |desk: &Desk| devices(&desk.app).iter().map(|device| device.address.short()).collect::<Vec<_>>();
    assert_eq!(slots(&desk), ["01:00.0", "01:00.1", "01:00.2", "01:00.3", "0a:00.0", "0a:00.1"]);
    desk.keys("f");
    assert_eq!(slots(&desk), ["05:00.0", "05:00.1", "0001:01:00.0"], "network cards");
    let mut server = read_facts("workstation");
    server.pci.get_mut().unwrap().retain(|device| device.kind() != PciClass::Gpu);
    let mut desk = Desk::new();
    desk.know(&server);
    desk.keys("6");
    assert_eq!(desk.app.pci.show(), Show::Cards);
    let cards = devices(&desk.app).len();
    desk.keys("f");
    assert!(devices(&desk.app).len() > cards, "all of them, bridges too");
}

#[test]
fn filters_narrow_the_list_and_esc_widens_it() {
    let mut desk = Desk::workstation();
    desk.keys("6");
    let all = devices(&desk.app).len();
    desk.keys("f f f f f f");
    assert_eq!(devices(&desk.app).len(), all, "round again");
    desk.keys("/ 'nvidia audio' Enter");
    assert_eq!(desk.focus(), "Rows 0", "Enter leads into the list");
    assert!(devices(&desk.app).iter().all(|device| device.label().contains("Audio")));
    assert!(!devices(&desk.app).is_empty());
    desk.keys("Esc / 'boot gpu' Enter");
    assert_eq!(selected(&desk.app).unwrap().address, at("0a:00.0"), "what the host does with it is searched, too");
    desk.keys("Esc");
    assert_eq!(devices(&desk.app).len(), all);
}

#[test]
fn a_finding_leads_to_its_device_whatever_the_list_shows() {
    let mut desk = Desk::workstation();
    go(&mut desk, "04:00.0");
    desk.keys("Space f / 'nothing like it' Enter");
    assert!(devices(&desk.app).is_empty());
    desk.app.go_to(&"pci_devices[0].host_address".parse().unwrap());
    assert_eq!(selected(&desk.app).unwrap().address, at("04:00.0"));
}

#[test]
fn the_verdict_of_a_card_is_there_before_it_is_taken() {
    let mut desk = Desk::workstation();
    desk.keys("6");
    let of = |desk: &Desk, address: &str| {
        let taken = verdict::taking(&desk.app, at(address));
        let codes: Vec<_> = taken.findings.iter().map(vmbuild::checks::Finding::code).collect();
        (verdict::verdict(taken.findings.iter()).0, codes.contains(&"PCI-BOOT-GPU"))
    };
    assert_eq!(of(&desk, "0a:00.0"), (Some(Severity::Warning), true));
    let mut facts = read_facts("workstation");
    facts.pci.get_mut().unwrap().iter_mut().for_each(|device| device.boot_vga = Some(false));
    desk.know(&facts);
    assert!(!of(&desk, "0a:00.0").1, "it follows the facts");
}

#[test]
fn enter_opens_all_facts_and_what_is_not_known_says_why() {
    let mut desk = Desk::workstation();
    desk.keys("6 g Enter");
    let Some(Overlay::Sheet(shown)) = desk.app.overlays.last().cloned() else { panic!("{:?}", desk.app.overlays) };
    assert_eq!(shown.address, at("01:00.0"));
    let lines = sheet::lines(&desk.app, shown.address);
    let line = |label: &str| lines.iter().find(|line| line.label == label).unwrap();
    assert_eq!((line("Ids").value.as_str(), line("Ids").known), ("10de:1e87", true));
    assert!(!line("Details").known && line("Details").value.starts_with("not known: not read yet"));
    desk.keys("Down Down");
    assert!(matches!(desk.app.overlays.last(), Some(Overlay::Sheet(shown)) if shown.top == 2));
    desk.keys("Esc");
    assert!(desk.app.overlays.is_empty());
}

#[test]
fn the_cursor_stays_on_its_device_when_the_list_changes_and_the_change_is_marked() {
    let mut desk = Desk::workstation();
    go(&mut desk, "01:00.1");
    let mut facts = read_facts("workstation");
    let pci = facts.pci.get_mut().unwrap();
    pci.retain(|device| device.kind() != PciClass::Bridge);
    let card = pci.iter_mut().find(|device| device.address.short() == "01:00.0").unwrap();
    card.driver = Some("vfio-pci".into());
    let changed = card.address;
    desk.tell(Msg::Clock(100));
    desk.know(&facts);
    assert_eq!(selected(&desk.app).unwrap().address.short(), "01:00.1");
    assert_eq!(desk.app.pci.changed.keys().copied().collect::<Vec<_>>(), [changed]);
    desk.tell(Msg::Clock(103));
    assert!(desk.app.pci.changed.is_empty());
}

#[test]
fn a_device_that_vanishes_and_comes_back_leaves_the_cursor_in_the_list() {
    let mut desk = Desk::workstation();
    go(&mut desk, "01:00.1");
    let mut facts = read_facts("workstation");
    facts.pci.get_mut().unwrap().retain(|device| !device.address.same_slot(at("01:00.0")));
    desk.know(&facts);
    assert!(selected(&desk.app).is_some());
    desk.tell(Msg::Clock(50)).know(&read_facts("workstation"));
    assert_eq!(desk.app.pci.changed.len(), 4, "they are marked as new");
}

#[test]
fn facts_that_say_nothing_new_change_nothing() {
    let mut desk = Desk::workstation();
    desk.keys("6 j j");
    let before = format!("{:?}", desk.app);
    let mut facts = read_facts("workstation");
    if let Fact::Known { seen_at, .. } = &mut facts.pci {
        *seen_at += 100;
    }
    for part in parts(facts).into_iter().filter(|part| matches!(part, FactsPart::Pci { .. })) {
        desk.tell(Msg::Facts(part));
    }
    assert_eq!(format!("{:?}", desk.app), before);
}

/// The functions whose details were asked for.
fn details(desk: &Desk) -> Vec<PciAddress> {
    let functions = desk.asked().into_iter().filter_map(|query| match query {
        Query::Details(functions) => Some(functions.clone()),
        _ => None,
    });
    functions.flatten().collect()
}

#[test]
fn a_rescan_asks_for_the_devices_and_who_holds_them() {
    let mut desk = Desk::workstation();
    desk.keys("6");
    desk.keys("r");
    assert_eq!(desk.effects[0], Effect::observe([Part::Pci, Part::Domains, Part::Boot, Part::Uses]));
    assert!(details(&desk).contains(&at("01:00.0")));
}

#[test]
fn details_are_asked_for_once_of_what_is_on_screen_or_taken_and_again_when_it_changed() {
    let mut desk = crowd();
    assert_eq!(details(&desk), [], "nobody looks at the list");
    desk.keys("6");
    let seen = details(&desk);
    assert!(seen.contains(&at("01:00.0")) && seen.contains(&at("04:00.0")), "with the rest of its group: {seen:?}");
    assert!(!seen.contains(&at("00:01.0")), "no bridges: {seen:?}");
    desk.keys("j k Space");
    assert_eq!(details(&desk), [at("05:00.0")], "beside a companion, on its card");
    let mut facts = crowded();
    let card = facts.pci.get_mut().unwrap().iter_mut().find(|device| device.address == at("01:00.0")).unwrap();
    card.driver = Some("vfio-pci".into());
    desk.effects.clear();
    desk.know(&facts);
    assert_eq!(details(&desk), [at("01:00.0")]);
    let mut other = Desk::new();
    let spec: vmbuild::spec::Spec =
        serde_json::from_value(json!({"pci_devices": [{"host_address": "01:00.0"}]})).unwrap();
    other.app.model.content.own = spec;
    other.know(&crowded());
    let asked = details(&other);
    assert!(asked.contains(&at("01:00.0")) && asked.contains(&at("05:00.1")), "what the spec takes: {asked:?}");
}

/// What the spec has as disks, by address or path.
fn drives(desk: &Desk) -> Vec<String> {
    let rows = desk.at("/storage/disks");
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().map(str::to_owned);
    let rows = rows.as_array().cloned().unwrap_or_default();
    rows.iter().filter_map(|row| text(row, "host_address").or(text(row, "path"))).collect()
}

/// The same with the host's disks known: the idle drive is one of them.
fn crowd_with_disks() -> Desk {
    let drive = json!({
        "name": "nvme1n1", "number": "259:5", "kind": "disk", "size": 1_u64 << 40, "below": [], "functions": ["0000:04:00.0"],
        "usb": false, "server": null, "model": "Samsung SSD 990 PRO", "serial": "S6Z2", "content": null, "label": null
    });
    let mut storage = HostStorage::default();
    storage.devices.push(serde_json::from_value(drive).unwrap());
    let storage = Fact::known(storage, Provenance::File("/sys/block".into()), 0);
    let mut desk = crowd();
    let (networking, displays, usb) = (Box::default(), Box::default(), Box::default());
    desk.tell(Msg::Facts(FactsPart::Uses { storage: Box::new(storage), networking, displays, usb }));
    desk
}

#[test]
fn an_nvme_drive_is_given_in_each_of_its_three_ways() {
    let mut desk = crowd_with_disks();
    go(&mut desk, "01:00.0");
    desk.keys("v");
    assert_eq!(desk.toast(), "this is not an NVMe drive");
    go(&mut desk, "04:00.0");
    let before = desk.at("");
    // The way that the VM has is not among the answers; the others keep their order.
    desk.keys("v Down Down Enter");
    assert_eq!(
        (drives(&desk), desk.toast()),
        (vec!["0000:04:00.0".into()], "04:00.0 is disk 1: a disk, driven by QEMU")
    );
    let group = ["01:00.0=hold", "01:00.1=hold", "01:00.2=hold", "05:00.1=hold"];
    assert_eq!(asked(&desk), group);
    desk.keys("v Down Enter");
    assert_eq!(drives(&desk), [""; 0]);
    assert_eq!(asked(&desk), [&["04:00.0"], &group[..]].concat());
    desk.keys("v Down Down Enter");
    assert_eq!(drives(&desk), ["/dev/disk/by-id/nvme-Samsung_SSD_990_PRO_S6Z2"]);
    assert_eq!(asked(&desk), [""; 0], "the host keeps what it drives");
    desk.keys("v");
    let Some(Overlay::Ask(ask)) = desk.app.overlays.last() else { panic!("{:?}", desk.app.overlays) };
    let answers: Vec<&str> = ask.answers.iter().map(|(text, _)| text.as_ref()).collect();
    assert_eq!(answers, ["Leave it as it is", "The whole controller", "A disk, driven by QEMU"]);
    desk.keys("Enter u u u");
    assert_eq!(desk.at(""), before, "each choice is one step of undo");
}

#[test]
fn a_way_that_is_closed_says_why() {
    let mut desk = crowd();
    go(&mut desk, "04:00.0");
    desk.keys("v");
    let Some(Overlay::Ask(ask)) = desk.app.overlays.last() else { panic!("{:?}", desk.app.overlays) };
    assert_eq!(ask.answers.len(), 3, "{:?}", ask.answers);
    assert!(ask.lines.join(" ").contains("A disk, driven by the host. Not here: "), "{:?}", ask.lines);
}

#[test]
fn nothing_is_run_on_a_remote_host_before_the_user_has_seen_what_and_agreed() {
    let mut desk = Desk::remote();
    desk.keys("6 P");
    let Some(Overlay::Ask(ask)) = desk.app.overlays.last() else { panic!("no question") };
    let told = ask.lines.join("\n");
    assert!(
        told.contains("ssh hv03 sh -s") && told.contains("writes nothing") && told.contains("probe = true"),
        "{told}"
    );
    // The answer that has the focus runs nothing.
    desk.keys("Enter");
    assert!(desk.app.overlays.is_empty() && !desk.effects.contains(&Effect::Probe));
    desk.keys("P Down Enter");
    assert!(matches!(desk.app.overlays.last(), Some(Overlay::Notice(notice)) if notice.lines == ["# a", "ls"]));
    desk.keys("Esc");
    assert!(matches!(desk.app.overlays.last(), Some(Overlay::Ask(_))), "the question is still open");
    desk.keys("Down Down Enter");
    assert!(desk.effects.contains(&Effect::Probe), "{:?}", desk.effects);
    assert_eq!(desk.app.probe.as_ref().unwrap().state, ProbeState::Running);
}

#[test]
fn a_probe_is_given_up_and_run_again_without_a_second_question() {
    let mut desk = Desk::remote();
    desk.keys("6 P Down Down Enter");
    desk.keys("P");
    assert!(desk.effects.contains(&Effect::GiveUpProbe));
    desk.tell(Msg::Probed(Err("The probe of hv03 was given up.".into())));
    assert_eq!(desk.toast(), "The probe of hv03 was given up.");
    desk.keys("P");
    assert!(desk.app.overlays.is_empty() && desk.effects.contains(&Effect::Probe));
    // What is on screen is asked for again: more is known of it now.
    desk.effects.clear();
    desk.tell(Msg::Probed(Ok(())));
    assert_ne!(details(&desk), [], "{:?}", desk.effects);
    assert!(desk.app.watched().is_empty(), "each look would be a login");
}

#[test]
fn a_host_that_is_at_hand_is_offered_no_probe() {
    let mut desk = Desk::workstation();
    desk.keys("6");
    desk.keys("P");
    assert!(desk.app.overlays.is_empty() && desk.effects.is_empty(), "{:?}", desk.effects);
    let offered = |desk: &mut Desk, step: &str| {
        desk.keys(&format!("{step} :"));
        let Some(Overlay::Palette(list)) = desk.app.overlays.last() else { panic!("no commands") };
        let found = list.items.iter().any(|command| command.label.contains("over SSH"));
        desk.keys("Esc");
        found
    };
    for step in ["2", "6"] {
        assert!(!offered(&mut desk, step) && offered(&mut Desk::remote(), step), "{step}");
    }
}
