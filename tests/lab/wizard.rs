//! The wizard over a real SSH session.

use crate::guest::Guest;
use crate::machine::{CARD, Lab};
use crate::pty::Person;

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

pub(crate) fn a_card_by_keys_over_ssh(lab: &Lab) {
    let guest = Guest::new(lab, "keys");
    let before = CARD.map(|address| lab.driver(address));
    let preset = guest.spec(&serde_json::json!([]));
    lab.sh(&format!("sed -i 's/\"name\":\"keys\",//' {preset}; vmbuild preset save small {preset}"));

    let mut person = lab.person("--preset small");
    person.wait_for("libvirt ");
    person.keys("2");
    person.wait_for("Names the domain");
    person.keys("Enter 'keys' Enter");
    person.wait_for("filling in the form");
    // What came right behind the Esc would be Alt with it.
    person.keys("Esc");
    person.wait_gone("filling in the form");
    assert!(person.screen().starts_with(" vmbuild   keys"), "{}", person.screen());
    person.keys("6");
    person.wait_for("IOMMU on");
    go_to_device(&mut person, CARD[0]);
    person.keys("Space");
    person.wait_for("2 devs");
    person.keys("8");
    person.wait_for("[Summary]");
    person.keys("s B");
    person.wait_until("a question or the build", |screen| {
        let shown = screen.contents();
        shown.contains("Build with") || shown.contains("Built")
    });
    if person.screen().contains("Build with") {
        person.keys("Enter");
    }
    person.wait_for("UUID");
    assert_eq!(guest.state(), "running", "{}", person.screen());
    assert_eq!(CARD.map(|address| lab.driver(address)), ["vfio-pci", "vfio-pci"]);
    // The screen follows what happens elsewhere.
    person.keys("q");
    assert!(person.ended_restored().success());
    person.wait_for("Built keys");
    guest.destroy();
    assert_eq!(CARD.map(|address| lab.driver(address)), before);
}
