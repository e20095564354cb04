//! Checks of server boards whose GPUs are joined by switches of their own: GPUs and switches depend on each other.

use super::super::note::Topic;
use super::super::text::{Arg, text};
use super::super::{Check, Notes, Subject};
use super::DEVICE;
use crate::facts::PciDevice;
use crate::facts::pci::NVIDIA;
use crate::machine::card;
use crate::units::PciAddress;

pub(in super::super) static CHECKS: &[&Check] = &[&GPU_NVSWITCH];

pub(in super::super) static GPU_NVSWITCH: Check = Check {
    code: "GPU-NVSWITCH",
    title: "GPUs of a board keep their NVSwitches",
    explain: "On SXM boards (HGX, DGX) NVSwitches join the GPUs. A guest with a GPU of such a board sees it, but CUDA does \
              not initialise (\"system not yet initialized\") before its links are set up. There are two ways: pass all \
              NVSwitches of the board with its GPUs and run the fabric manager in the guest, or leave the NVSwitches to \
              the host, whose fabric manager then activates a partition with the GPUs of this VM before it starts. \
              NVSwitches of one IOMMU group go together.",
    run: Some(board),
    ..DEVICE
};

fn board(subject: &Subject, notes: &mut Notes) {
    let switches: Vec<PciAddress> =
        subject.facts.pci.items().iter().filter(|device| device.is_nvswitch()).map(|device| device.address).collect();
    if switches.is_empty() {
        return;
    }
    let taken = |address: &PciAddress| subject.passed().any(|row| row.address == *address);
    let of_board = |device: &PciDevice| {
        device.vendor == NVIDIA && device.class >> 8 == 0x0302 && !card::is_virtual(subject.facts, device.address)
    };
    let gpus: Vec<_> = subject.passed().filter(|row| row.device.is_some_and(of_board)).collect();
    if let Some(first) = gpus.first() {
        notes.looked();
        let left: Vec<PciAddress> = switches.iter().copied().filter(|address| !taken(address)).collect();
        if !left.is_empty() {
            let message = text!(
                "CUDA does not initialise on {gpus} in a guest before the NVSwitches {left} of the board are set up",
                gpus = Arg::all(gpus.iter().map(|row| row.address)),
                left = Arg::all(left)
            );
            let way_out = "also pass the NVSwitches and all GPUs of the board; or leave the NVSwitches to the host and \
                           have its fabric manager activate a partition with these GPUs before the VM starts";
            notes.warning(first.place(), message, way_out);
        }
    }
    let passed: Vec<PciAddress> = switches.iter().copied().filter(taken).collect();
    let first = subject.passed().find(|row| passed.contains(&row.address));
    if let Some(first) = first.filter(|_| gpus.is_empty()) {
        let message = text!("the NVSwitches {passed} join the GPUs of the board", passed = Arg::all(passed));
        let way_out =
            "pass them with the GPUs of the board; NVSwitches that stay with the host need its fabric manager";
        notes.info(Topic::from(first.place()), message, way_out);
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use crate::facts::{PciClass, PciDevice};

    const CODE: &str = "GPU-NVSWITCH";

    /// The machine of the tests with a GPU of a board at 01:00.0, and an NVSwitch in place of the drive.
    fn board(asked: Asked) -> Asked {
        asked.devices(|device: &mut PciDevice| match device.address.to_string().as_str() {
            "0000:01:00.0" => device.class = 0x03_02_00,
            "0000:03:00.0" => (device.vendor, device.class) = (0x10de, 0x06_80_00),
            _ => {}
        })
    }

    #[test]
    fn a_gpu_of_a_board_needs_its_switches_or_the_fabric_manager() {
        let said = board(Asked::pass(&["01:00.0", "01:00.1"])).said(CODE).warning();
        assert!(said.message.contains("0000:03:00.0") && said.remedy.contains("fabric manager"), "{}", said.message);
        board(Asked::pass(&["01:00.0", "01:00.1", "03:00.0"])).passes(CODE);
        let said = board(Asked::pass(&["03:00.0"])).said(CODE).info();
        assert!(said.remedy.contains("fabric manager"), "{}", said.remedy);
        Asked::pass(&["01:00.0", "01:00.1"]).quiet(CODE);
    }

    #[test]
    fn a_switch_is_an_endpoint_that_may_be_passed() {
        board(Asked::pass(&["03:00.0"])).passes("PCI-BRIDGE");
        let bridge = Asked::pass(&["03:00.0"]).devices(|device| {
            if device.address.bus == 3 {
                (device.class, device.header) = (0x06_80_00, Some(crate::facts::pci_details::HeaderType::Bridge));
                assert_eq!(device.kind(), PciClass::Bridge);
            }
        });
        bridge.said("PCI-BRIDGE").blocker();
    }
}
