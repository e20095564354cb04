//! Virtual functions of a NIC.

use super::guest::{Guest, pass, said};
use super::machine::{Lab, SRIOV_NIC};

/// Virtual functions while a scenario runs.
struct Functions<'a>(&'a Lab);

impl<'a> Functions<'a> {
    fn make(lab: &'a Lab, count: u32) -> (Self, Vec<String>) {
        let folder = format!("/sys/bus/pci/devices/{SRIOV_NIC}");
        lab.sh(&format!("echo {count} >{folder}/sriov_numvfs; udevadm settle"));
        let made = lab.sh(&format!("for f in {folder}/virtfn*; do basename \"$(readlink $f)\"; done"));
        (Self(lab), made.lines().map(str::to_owned).collect())
    }
}

impl Drop for Functions<'_> {
    fn drop(&mut self) {
        self.0.run(&format!("echo 0 >/sys/bus/pci/devices/{SRIOV_NIC}/sriov_numvfs"));
    }
}

pub(crate) fn virtual_functions(lab: &Lab) {
    let (_made, functions) = Functions::make(lab, 2);
    assert_eq!(functions.len(), 2);
    let listed = lab.vmbuild("pci").code(0).out;
    assert!(functions.iter().all(|function| listed.contains(function)), "{listed}");
    let function = functions[0].as_str();
    let before = lab.driver(function);
    let taken = lab.vmbuild(&format!("pci --json --take {function}")).code(0).json();
    assert_eq!(taken["members"].as_array().unwrap().len(), 1, "{taken:#}");

    let guest = Guest::new(lab, "virtual");
    guest.build(&pass(&[function])).code(0);
    assert_eq!(guest.state(), "running");
    assert_eq!(lab.driver(function), "vfio-pci");
    let taken = lab.vmbuild(&format!("pci --json --take {SRIOV_NIC}")).code(3).json();
    assert!(said(&taken, "NET-PF-WITH-VFS", "blocker").contains(SRIOV_NIC));
    guest.destroy();
    assert_eq!(lab.driver(function), before);
}
