//! Checks of the host as such.

use super::{Check, Notes, Subject};
use crate::spec::Place;

pub(super) static CHECKS: &[&Check] = &[&HOST_CONNECTION];

static HOST_CONNECTION: Check = Check {
    code: "HOST-CONNECTION",
    title: "host can be reached",
    explain: "Nearly every other check needs facts about the host. While libvirt on the host does not answer, a VM can \
              be described and saved, but not checked. Make sure that the daemon runs, that the connection URI is \
              right and that you are a member of the group that may use its socket.",
    run: Some(connection),
    ..Check::VM
};

fn connection(subject: &Subject, notes: &mut Notes) {
    notes.known(&subject.facts.host, Place::root, "the host itself");
}
