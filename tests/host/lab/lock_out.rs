//! What the host lives on: the port of the SSH session, the drive of the root file system, the display of the console.

use super::cards::roles;
use super::guest::{Guest, pass, said};
use super::machine::{CONSOLE, IDLE_DRIVE, IDLE_NIC, Lab, ROOT_DRIVE, SSH_NIC};

pub(crate) fn what_the_host_lives_on_is_refused(lab: &Lab) {
    for (address, code, words) in [
        (SSH_NIC, "USE-NET-SSH", "SSH session"),
        (SSH_NIC, "USE-NET-ROUTE", "default route"),
        (ROOT_DRIVE, "USE-ROOT-DISK", "root file system"),
        (CONSOLE, "USE-GPU-DISPLAY", "console"),
    ] {
        let taken = lab.vmbuild(&format!("pci --json --take {address}")).code(3).json();
        let message = said(&taken, code, "blocker");
        assert!(message.contains(words) && message.contains(address), "{message}");
    }
    // A drive of the same make that nothing uses is free.
    lab.vmbuild(&format!("pci --take {IDLE_DRIVE}")).code(0);
    as_companions(lab);
}

/// An idle NIC that shares its group with both.
fn as_companions(lab: &Lab) {
    let group = lab.group(IDLE_NIC);
    assert!([SSH_NIC, ROOT_DRIVE].iter().all(|address| group.contains(&(*address).to_owned())), "{group:?}");
    let taken = lab.vmbuild(&format!("pci --json --take {IDLE_NIC}")).code(3).json();
    let roles = roles(&taken);
    assert_eq!((roles[SSH_NIC], roles[ROOT_DRIVE]), ("hold", "hold"), "{taken:#}");
    for (address, code) in [(SSH_NIC, "USE-NET-SSH"), (ROOT_DRIVE, "USE-ROOT-DISK")] {
        let message = said(&taken, code, "blocker");
        assert!(message.contains(address) && message.contains(IDLE_NIC), "{message}");
    }
    let guest = Guest::new(lab, "lost");
    guest.build(&pass(&[IDLE_NIC])).code(3);
    assert_ne!(lab.run("virsh dominfo lost").code, Some(0));
    yields_to_the_typed_address(lab, &guest);
}

/// What is given up by its address, each of them, is planned. It is never started here.
fn yields_to_the_typed_address(lab: &Lab, guest: &Guest) {
    let spec = guest.spec(&pass(&[IDLE_NIC, SSH_NIC, ROOT_DRIVE]));
    let one = format!("--give-up {SSH_NIC}");
    let both = format!("{one} --give-up {ROOT_DRIVE}");
    lab.vmbuild(&format!("plan --start {spec} {one}")).code(3);
    let plan = lab.vmbuild(&format!("plan --start {spec} {both}")).code(0);
    assert!(plan.out.contains("virDomainCreate"), "{}", plan.out);
    let report = lab.vmbuild(&format!("check --json {spec} {both}")).code(0).json();
    assert!(said(&report, "USE-NET-SSH", "warning").contains("GIVEN UP"), "{report:#}");
}
