//! The wizard over a real SSH session.

use super::guest::Guest;
use super::machine::{BRIDGED, CARD, Lab};
use crate::support::pty::Person;

/// The devices that the cursor's mark stands at. Not their whole rows: those change by themselves when facts come in.
fn under_cursor(screen: &str) -> Vec<String> {
    let marked = screen.lines().filter_map(|line| line.split_once('▸'));
    let address = |word: &&str| word.contains(':') && word.contains('.');
    marked.filter_map(|(_, row)| row.split_whitespace().find(address)).map(str::to_owned).collect()
}

/// True where the cursor stands on the row of a device.
pub(crate) fn is_on(screen: &str, address: &str) -> bool {
    let short = address.strip_prefix("0000:").unwrap();
    under_cursor(screen).iter().any(|device| device == short)
}

/// Narrows the list to a kind of devices, named as when it is chosen: `[NICs]`.
pub(crate) fn show(person: &mut Person, kind: &str) {
    let filters = |screen: &str| screen.lines().find(|line| line.contains("show:")).map(str::to_owned);
    while !person.screen().contains(kind) {
        let before = filters(&person.screen());
        person.keys("f");
        person.wait_until("another filter", |screen| filters(&screen.contents()) != before);
    }
}

/// Moves down to the row of a device.
#[track_caller]
pub(crate) fn go_to_device(person: &mut Person, address: &str) {
    for _ in 0..100 {
        let screen = person.screen();
        if is_on(&screen, address) {
            return;
        }
        let before = under_cursor(&screen);
        person.keys("Down");
        person.wait_until("another device", |screen| under_cursor(&screen.contents()) != before);
    }
    panic!("no row {address} on:\n{}", person.screen());
}

/// Somebody in the wizard over SSH, at the devices of a small VM with the guest's name.
fn at_the_devices(lab: &Lab, guest: &Guest) -> Person {
    let (name, preset) = (guest.name, guest.spec(&serde_json::json!([])));
    lab.sh(&format!("sed -i 's/\"name\":\"{name}\",//' {preset}; vmbuild preset save {name} {preset}"));
    let mut person = lab.person(&format!("--preset {name}"));
    person.wait_for("libvirt ");
    person.names(name);
    person.keys("6");
    person.wait_for("IOMMU on");
    person
}

/// Builds the VM and starts it.
fn build_and_start(person: &mut Person) {
    person.keys("8");
    person.wait_for("[Summary]");
    person.keys("s");
    person.builds();
}

pub(crate) fn a_card_by_keys_over_ssh(lab: &Lab) {
    let guest = Guest::new(lab, "keys");
    let before = CARD.map(|address| lab.driver(address));
    let mut person = at_the_devices(lab, &guest);
    go_to_device(&mut person, CARD[0]);
    person.keys("Space");
    person.wait_for("2 devs");
    build_and_start(&mut person);
    assert_eq!(guest.state(), "running", "{}", person.screen());
    assert_eq!(CARD.map(|address| lab.driver(address)), ["vfio-pci", "vfio-pci"]);
    // The screen follows what happens elsewhere.
    person.keys("q");
    assert!(person.ended_restored().success());
    person.wait_for("Built keys");
    guest.destroy();
    assert_eq!(CARD.map(|address| lab.driver(address)), before);
}

pub(crate) fn a_companion_held_by_a_key_over_ssh(lab: &Lab) {
    let [passed, held] = BRIDGED;
    let guest = Guest::new(lab, "byhand");
    let before = BRIDGED.map(|address| lab.driver(address));
    let mut person = at_the_devices(lab, &guest);
    show(&mut person, "[cards]");
    // The cursor stayed with a device on the way here.
    person.keys("g");
    person.wait_until("the first device", |screen| is_on(&screen.contents(), "0000:00:01.0"));
    go_to_device(&mut person, passed);
    person.keys("Space");
    person.wait_for("is held");
    // Round all the roles, to the one that is meant.
    go_to_device(&mut person, held);
    for role in ["stays with the host", "is passed to the guest", "not passed to the guest"] {
        person.keys("h");
        person.wait_for(role);
    }
    build_and_start(&mut person);
    assert_eq!(guest.state(), "running", "{}", person.screen());
    assert_eq!(BRIDGED.map(|address| lab.driver(address)), ["vfio-pci", "vfio-pci"]);
    let tree = lab.sh("virsh qemu-monitor-command byhand --hmp 'info qtree'");
    let host = |address| tree.contains(&format!("host = \"{address}\""));
    assert!(host(passed) && !host(held), "{tree}");
    person.keys("q");
    assert!(person.ended_restored().success());
    person.wait_for("Built byhand");
    guest.destroy();
    assert_eq!(BRIDGED.map(|address| lab.driver(address)), before);
}
