//! A preset goes from one host to another by the wizard alone, in a terminal.

use super::presets::{HOME, MOVED, host};
use crate::support::program::Home;
use crate::support::pty::{Person, Session};
use crate::support::tree::Tree;

fn wizard(tree: &Tree, home: &Home) -> Person {
    let root = tree.path("/").display().to_string();
    let session = Session::new(home.path(), &["--sysroot", &root, "-c", "test:///default"]).size(120, 40);
    let person = session.start();
    person.wait_for("libvirt ");
    person
}

#[test]
fn a_card_saved_here_is_found_there() {
    let (home, before, after) = (Home::new(), host(&HOME), host(&MOVED));
    let mut person = wizard(&before, &home);
    person.keys("6");
    person.wait_for("01:00.0");
    person.keys("Space");
    person.wait_for("01:00.1 is added");
    person.keys("w Enter");
    person.wait_for("Save as preset");
    person.keys("^U");
    person.types("workstation");
    person.keys("Enter");
    person.wait_for("saved as preset workstation");
    person.keys("^C");
    person.wait_for("Leave, delete the draft");
    person.keys("j j Enter");
    assert_eq!(person.ended_restored().exit_code(), 0);

    let mut person = wizard(&after, &home);
    person.wait_for("workstation");
    person.keys("G");
    person.keys("Space");
    person.keys("6");
    person.wait_for("03:00.0 was at 01:00.0 when it was saved, and its IOMMU group changed");
    person.wait_for("[x] 03:00.0");
    person.wait_for("was 01:00.0");
    person.keys("c");
    person.wait_for("PCI-MOVED");
    person.wait_for("GROUPS-CHANGED");
    person.keys("^C ^C");
    assert_eq!(person.ended_restored().exit_code(), 0);
}
