//! What the kernel tells nobody of is seen all the same while its card is looked at.

use crate::support::program::Home;
use crate::support::pty::Session;

#[test]
fn a_card_that_falls_asleep_under_the_cursor_is_seen_to() {
    let (tree, home) = (super::gpu(&[]), Home::new());
    let root = tree.path("/").display().to_string();
    let mut person = Session::new(home.path(), &["--sysroot", &root, "-c", "test:///default"]).size(120, 40).start();
    person.wait_for("libvirt ");
    person.keys("6");
    person.wait_for("01:00.0");
    person.keys("Enter");
    person.wait_for("Power state");
    person.keys("Esc");
    person.wait_gone("Power state");
    std::fs::write(tree.path("/sys/bus/pci/devices/0000:01:00.0/power_state"), "D3hot\n").unwrap();
    person.wait_for("asleep (D3hot)");
    person.keys("^C");
    assert_eq!(person.ended_restored().exit_code(), 0);
}
