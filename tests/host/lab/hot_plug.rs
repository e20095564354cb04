//! Devices that come and go while somebody looks at the list.

use super::machine::{EMPTY_SLOT, IDLE_NIC, Lab, SRIOV_NIC};
use super::wizard::{go_to_device, is_on, show};
use crate::support::pty::Person;

pub(crate) fn devices_appear_and_vanish(lab: &Lab) {
    let mut person = lab.person("");
    person.wait_for("libvirt ");
    person.keys("6");
    person.wait_for("IOMMU on");
    show(&mut person, "[NICs]");
    go_to_device(&mut person, SRIOV_NIC);
    assert!(!shows(&person.screen(), EMPTY_SLOT) && shows(&person.screen(), IDLE_NIC), "{}", person.screen());

    lab.monitor("device_add e1000e,id=late,bus=port7");
    lab.wait_until(&format!("test -e /sys/bus/pci/devices/{EMPTY_SLOT}/driver"));
    wait(&person, "row", |screen| shows(screen, EMPTY_SLOT));
    wait(&person, "cursor where it was", |screen| is_on(screen, SRIOV_NIC));

    // The cursor stays on its device when the row of another one above goes.
    go_to_device(&mut person, EMPTY_SLOT);
    lab.monitor("device_del idle");
    lab.wait_until(&format!("test ! -e /sys/bus/pci/devices/{IDLE_NIC}"));
    wait(&person, "list without it", |screen| !shows(screen, IDLE_NIC));
    wait(&person, "cursor where it was", |screen| is_on(screen, EMPTY_SLOT));

    lab.monitor("device_del late");
    lab.wait_until(&format!("test ! -e /sys/bus/pci/devices/{EMPTY_SLOT}"));
    wait(&person, "list without it", |screen| !shows(screen, EMPTY_SLOT));
    lab.monitor("device_add e1000e,id=idle,bus=port5");
    wait(&person, "row of what came back", |screen| shows(screen, IDLE_NIC));
    person.keys("q");
    assert!(person.ended_restored().success());
}

fn shows(screen: &str, address: &str) -> bool {
    screen.contains(address.strip_prefix("0000:").unwrap())
}

#[track_caller]
fn wait(person: &Person, what: &str, fits: impl Fn(&str) -> bool) {
    person.wait_until(what, |screen| fits(&screen.contents()));
}
