//! A preset that was saved on one host finds its card on another, or says why not.

use crate::support::program::{Home, Ran};
use crate::support::tree::Tree;
use serde_json::{Value, json};

/// One function: bus and function, class, ids and board as the kernel writes them, IOMMU group.
pub(crate) type Function = (&'static str, &'static str, &'static str, &'static str, u32);

pub(crate) const HOME: [Function; 3] = [
    ("0000:01:00.0", "30000", "10DE:2704", "1043:88E2", 16),
    ("0000:01:00.1", "40300", "10DE:22BB", "1043:88E2", 16),
    ("0000:04:00.0", "20000", "8086:1533", "8086:0001", 18),
];

/// The NIC took the place of the card, which is behind another port now, with a drive in its group.
pub(crate) const MOVED: [Function; 4] = [
    ("0000:01:00.0", "20000", "8086:1533", "8086:0001", 18),
    ("0000:03:00.0", "30000", "10DE:2704", "1043:88E2", 16),
    ("0000:03:00.1", "40300", "10DE:22BB", "1043:88E2", 16),
    ("0000:05:00.0", "c0330", "1B21:2142", "1B21:2142", 16),
];

const TWINS: [Function; 4] = [
    ("0000:03:00.0", "30000", "10DE:2704", "1043:88E2", 16),
    ("0000:03:00.1", "40300", "10DE:22BB", "1043:88E2", 16),
    ("0000:06:00.0", "30000", "10DE:2704", "1043:88E2", 17),
    ("0000:06:00.1", "40300", "10DE:22BB", "1043:88E2", 17),
];

pub(crate) fn host(functions: &[Function]) -> Tree {
    functions.iter().fold(Tree::new(), |tree, (address, class, ids, board, group)| {
        let place = format!("pci0000:00/{address}");
        let uevent = format!("PCI_CLASS={class}\nPCI_ID={ids}\nPCI_SUBSYS_ID={board}\nPCI_SLOT_NAME={address}\n");
        tree.function(&place, class, &[("uevent", &uevent)])
            .link(&format!("/sys/devices/{place}/iommu_group"), &format!("/sys/kernel/iommu_groups/{group}"))
            .folder(&format!("/sys/kernel/iommu_groups/{group}/devices"))
    })
}

/// `vmbuild` on a recorded host.
fn on(tree: &Tree, home: &Home, args: &[&str]) -> Ran {
    let root = tree.path("/").display().to_string();
    home.run(&[&["--sysroot", &root, "-c", "test:///default"], args].concat())
}

/// A home with the preset `card`, saved at home.
fn saved() -> Home {
    let home = Home::new();
    let rows = json!([
        {"host_address": "01:00.0", "rom_file": "/usr/share/vgabios/card.rom"},
        {"host_address": "0000:01:00.1", "role": "hold"},
    ]);
    home.write("card.json", &json!({ "pci_devices": rows }).to_string());
    let said = on(&host(&HOME), &home, &["preset", "save", "card", "card.json"]).code(0);
    assert_eq!(said.err, "");
    home.write("vm.json", r#"{ "name": "vm", "memory": 1024, "vcpus": 1 }"#);
    home
}

fn findings(ran: &Ran, code: &str) -> Vec<Value> {
    let body = ran.json();
    body["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == code).cloned().collect()
}

const CHECK: [&str; 5] = ["check", "vm.json", "--preset", "card", "--json"];
const XML: [&str; 4] = ["xml", "vm.json", "--preset", "card"];

fn passed(ran: &Ran) -> Vec<String> {
    ran.out.lines().filter(|line| line.contains("<address domain=")).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn what_is_saved_tells_the_device_from_all_others() {
    let rows = saved().run(&["preset", "show", "card"]).code(0).json()["pci_devices"].clone();
    let group = json!([
        {"address": "0000:01:00.0", "ids": "10de:2704"}, {"address": "0000:01:00.1", "ids": "10de:22bb"},
    ]);
    let want = json!({
        "address": "0000:01:00.0", "ids": "10de:2704", "subsystem": "1043:88e2", "kind": "gpu", "group": group,
    });
    assert_eq!((&rows[0]["host_address"], &rows[0]["match"]), (&json!("0000:01:00.0"), &want));
    assert_eq!((&rows[1]["role"], &rows[1]["match"]["kind"]), (&json!("hold"), &json!("audio")));
}

#[test]
fn at_home_nothing_is_said() {
    let home = saved();
    let ran = on(&host(&HOME), &home, &CHECK);
    for code in ["PCI-MATCH", "PCI-MOVED", "PCI-CHOSEN", "GROUPS-CHANGED"] {
        assert_eq!(findings(&ran, code), Vec::<Value>::new());
    }
    assert!(passed(&on(&host(&HOME), &home, &XML))[0].contains("bus='0x01' slot='0x00' function='0x0'"));
}

#[test]
fn a_card_that_moved_is_passed_from_where_it_is_with_its_rom_and_roles() {
    let (home, moved) = (saved(), host(&MOVED));
    let ran = on(&moved, &home, &CHECK);
    let said = findings(&ran, "PCI-MOVED");
    let message = said[0]["message"].as_str().unwrap();
    assert!(message.starts_with("device 0 (0000:03:00.0): "), "{message}");
    assert!(message.contains("was at 0000:01:00.0, where ") && message.contains("8086:1533"), "{message}");
    assert!(message.ends_with("; 0000:03:00.1 moved with it"), "{message}");
    let changed = findings(&ran, "GROUPS-CHANGED");
    assert!(changed[0]["message"].as_str().unwrap().contains("0000:05:00.0"), "{changed:?}");
    let xml = on(&moved, &home, &XML);
    let addresses = passed(&xml);
    assert!(addresses[0].contains("bus='0x03' slot='0x00' function='0x0'"), "{addresses:?}");
    assert!(addresses[1].contains("bus='0x03' slot='0x00' function='0x1'"), "{addresses:?}");
    assert!(xml.out.contains("<rom file='/usr/share/vgabios/card.rom'/>") && xml.out.contains("type='unassigned'"));
}

#[test]
fn what_is_gone_or_not_clear_is_never_passed() {
    let home = saved();
    for (functions, word) in [(&TWINS[..], "2 match GPU 10de:2704"), (&HOME[2..], "is not on this host")] {
        let tree = host(functions);
        let said = findings(&on(&tree, &home, &CHECK).code(3), "PCI-MATCH");
        assert!(said[0]["message"].as_str().unwrap().contains(word), "{said:?}");
        assert_eq!(passed(&on(&tree, &home, &XML)), Vec::<String>::new());
    }
}

#[test]
fn any_card_of_the_kind_is_taken_and_kept_as_it_was_written() {
    let home = Home::new();
    home.write("any.json", r#"{ "pci_devices": [{ "match": { "ids": "10de:2704", "kind": "gpu", "any": true } }] }"#);
    home.write("vm.json", r#"{ "name": "vm", "memory": 1024, "vcpus": 1 }"#);
    let twins = host(&TWINS);
    on(&twins, &home, &["preset", "save", "card", "any.json"]).code(0);
    let kept = home.run(&["preset", "show", "card"]).code(0).json();
    assert_eq!(kept["pci_devices"], json!([{ "match": { "ids": "10de:2704", "kind": "gpu", "any": true } }]));
    let chosen = findings(&on(&twins, &home, &CHECK), "PCI-CHOSEN");
    assert!(chosen[0]["message"].as_str().unwrap().starts_with("device 0 (0000:03:00.0): "), "{chosen:?}");
    assert!(passed(&on(&twins, &home, &XML))[0].contains("bus='0x03'"));
}

#[test]
fn what_is_given_up_at_the_old_address_is_not_given_up_at_the_new_one() {
    let home = saved();
    let ran = on(&host(&MOVED), &home, &[&CHECK[..], &["--give-up", "0000:01:00.0"]].concat()).code(2);
    assert!(ran.out.contains("--give-up 0000:01:00.0: no finding reports"), "{}", ran.out);
}

#[test]
fn recorded_facts_do_as_well() {
    let home = saved();
    let recorded = on(&host(&MOVED), &home, &["facts", "--json"]).code(0).out;
    home.write("moved.json", &recorded);
    let ran = home.run(&[&["--facts", "moved.json"], &CHECK[..]].concat());
    assert_eq!(findings(&ran, "PCI-MOVED").len(), 1);
    // Saved again there, it is at home there.
    home.run(&["--facts", "moved.json", "preset", "export", "card", "old.json"]).code(0);
    home.run(&["--facts", "moved.json", "preset", "save", "card", "old.json", "--replace"]).code(0);
    let ran = home.run(&[&["--facts", "moved.json"], &CHECK[..]].concat());
    assert_eq!(findings(&ran, "PCI-MOVED").len() + findings(&ran, "GROUPS-CHANGED").len(), 0);
}

#[test]
fn without_a_host_an_address_is_kept_and_that_is_said() {
    let home = Home::new();
    home.write("card.json", r#"{ "pci_devices": [{ "host_address": "01:00.0" }] }"#);
    let save = ["-c", "qemu+unix:///system?socket=/nonexistent", "preset", "save", "card", "card.json"];
    let ran = home.run(&save).code(0);
    assert!(ran.err.contains("01:00.0 kept by address alone"), "{}", ran.err);
    assert!(home.run(&["preset", "show", "card"]).code(0).json()["pci_devices"][0].get("match").is_none());
}
