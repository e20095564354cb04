//! Details of single PCI functions and their groups.

use super::{GPU, at, config, facts_of, gpu};
use crate::support::tree::Tree;
use std::sync::mpsc::channel;
use std::time::Duration;
use vmbuild::facts::pci_details::{BarSpace, HeaderType, Link, LinkPort, PowerState, ResetMethod};
use vmbuild::units::Bytes;

#[test]
fn an_awake_function_tells_everything() {
    let tree = gpu(&[
        ("current_link_speed", "2.5 GT/s PCIe\n"),
        ("current_link_width", "8\n"),
        ("max_link_speed", "16.0 GT/s PCIe\n"),
        ("max_link_width", "16\n"),
        ("resource1_resize", "0000000000004100\n"),
        ("vfio-dev/vfio0/dev", "510:0\n"),
    ]);
    let tree = tree.bytes(&format!("/sys/devices/{GPU}/config"), &config());
    let above = "/sys/devices/pci0000:00/0000:00:01.0";
    let tree = tree.file(&format!("{above}/max_link_speed"), "8.0 GT/s PCIe\n");
    let tree = tree.file(&format!("{above}/max_link_width"), "8\n");
    let facts = facts_of(&tree, None);
    let gpu = &facts.details[&at("01:00.0")];
    assert_eq!(gpu.header.get(), Some(&HeaderType::Endpoint));
    assert_eq!((gpu.revision.get(), gpu.power_state.get()), (Some(&0xa1), Some(&PowerState::D0)));
    assert_eq!(gpu.reset_methods.items(), [ResetMethod::DeviceSpecific, ResetMethod::Bus]);
    assert_eq!((gpu.resettable.get(), gpu.d3cold_allowed.get()), (Some(&true), Some(&true)));
    let bars: Vec<_> = gpu.bars.items().iter().map(|bar| (bar.index, bar.size, bar.space)).collect();
    let (memory, wide) = (BarSpace::Memory, BarSpace::WideMemory);
    assert_eq!(
        bars,
        [
            (0, Bytes(16 << 20), memory),
            (1, Bytes(16 << 30), wide),
            (3, Bytes(32 << 20), wide),
            (5, Bytes(128), BarSpace::Io)
        ]
    );
    assert_eq!(gpu.bars.items()[1].sizes.items(), [Bytes(256 << 20), Bytes(16 << 30)]);
    assert_eq!(gpu.bars.items()[0].sizes.get(), Some(&Vec::new()), "it cannot be resized");
    assert_eq!(gpu.wide_memory(), Bytes((16 << 30) + (32 << 20)));
    assert_eq!(gpu.rom.get(), Some(&Some(Bytes(14))));
    let port = LinkPort { max_speed: 8000, max_width: 8 };
    let link = Link { speed: 2500, width: 8, max_speed: 16000, max_width: 16, port: Some(port) };
    assert_eq!(gpu.link.get(), Some(&Some(link)));
    assert_eq!((gpu.vfio.get(), gpu.msi.get(), gpu.removable.get()), (Some(&true), Some(&true), Some(&false)));
    assert_eq!(gpu.upstream.get(), Some(&vec![at("00:01.0")]));
    assert_eq!(gpu.label.get(), Some(&Some("PCIEX16(G5)".into())));
    assert_eq!(gpu.slot.get(), Some(&Some("7".into())));
    assert_eq!((gpu.driver_override.get(), gpu.sriov.get()), (Some(&None), Some(&None)));
    assert_eq!(facts.details[&at("00:01.0")].header.get(), Some(&HeaderType::Bridge));
    let group = &facts.groups[&16];
    assert_eq!(group.kind.get().map(String::as_str), Some("DMA-FQ"));
    assert!(group.is_held_by_firmware());
}

#[test]
fn a_sleeping_function_is_not_woken_and_its_rom_is_never_read() {
    let asleep = |state| {
        let tree = gpu(&[("power_state", state)]);
        std::fs::remove_file(tree.path(&format!("/sys/devices/{GPU}/rom"))).unwrap();
        ["config", "rom", "current_link_speed", "current_link_width", "max_link_speed", "resource1_resize"]
            .into_iter()
            .fold(tree, |tree, name| tree.trap(&format!("/sys/devices/{GPU}/{name}")))
    };
    for state in ["D3cold\n", "D3hot\n", "unknown\n"] {
        let tree = asleep(state);
        let (sender, receiver) = channel();
        std::thread::spawn(move || sender.send(facts_of(&tree, None)).is_ok());
        let facts = receiver.recv_timeout(Duration::from_secs(20)).expect("somebody opened what wakes the device");
        let gpu = &facts.details[&at("01:00.0")];
        assert_eq!(gpu.header.get(), Some(&HeaderType::Endpoint), "by its class");
        for why in [gpu.link.why_not(), gpu.msi.why_not(), gpu.bars.items()[1].sizes.why_not()] {
            assert!(why.is_some_and(|why| why.contains("wake")), "{why:?}");
        }
        assert_eq!(gpu.rom.get(), Some(&Some(Bytes(0))), "by its size alone");
    }
}

#[test]
fn what_a_partial_tree_lacks_is_unknown_and_what_a_kernel_does_not_show_is_absent() {
    let facts = facts_of(&gpu(&[]), None);
    let whole = &facts.details[&at("01:00.0")];
    assert_eq!((whole.sriov.get(), whole.link.get(), whole.vfio.get()), (Some(&None), Some(&None), Some(&false)));
    let folder = "/sys/devices/pci0000:00/0000:00:02.0";
    let partial = Tree::new()
        .link("/sys/bus/pci/devices/0000:00:02.0", folder)
        .file(&format!("{folder}/uevent"), "PCI_CLASS=30000\nPCI_ID=8086:4680\n");
    let facts = facts_of(&partial, None);
    let details = &facts.details[&at("00:02.0")];
    assert!(details.sriov.why_not().is_some() && details.reset_methods.why_not().is_some());
    assert!(details.vfio.why_not().is_some() && details.rom.why_not().is_some() && details.bars.why_not().is_some());
}

#[test]
fn a_device_that_fell_off_the_bus_is_dead() {
    let tree = gpu(&[]).bytes(&format!("/sys/devices/{GPU}/config"), &[0xff; 64]);
    assert_eq!(facts_of(&tree, None).details[&at("01:00.0")].header.get(), Some(&HeaderType::Dead));
}

#[test]
fn virtual_functions_and_their_physical_function_name_each_other() {
    let port = "pci0000:00/0000:00:1c.0";
    let mut tree = Tree::new().function(
        &format!("{port}/0000:07:00.0"),
        "20000",
        &[("sriov_totalvfs", "7\n"), ("sriov_numvfs", "2\n")],
    );
    // Their numbers are no order of names: 10 comes after 9.
    for (number, address) in [(0, "0000:07:10.0"), (1, "0000:07:10.2"), (10, "0000:07:12.4"), (9, "0000:07:12.2")] {
        let folder = format!("/sys/devices/{port}/{address}");
        tree = tree
            .function(&format!("{port}/{address}"), "20000", &[])
            .link(&format!("{folder}/physfn"), &format!("/sys/devices/{port}/0000:07:00.0"))
            .link(&format!("/sys/devices/{port}/0000:07:00.0/virtfn{number}"), &folder);
    }
    let facts = facts_of(&tree, None);
    let sriov = facts.details[&at("07:00.0")].sriov.get().unwrap().clone().expect("it has virtual functions");
    assert_eq!(sriov.total, 7);
    assert_eq!(sriov.functions, ["07:10.0", "07:10.2", "07:12.2", "07:12.4"].map(at));
    assert_eq!(facts.details[&at("07:10.2")].physical_function.get(), Some(&Some(at("07:00.0"))));
    assert_eq!(facts.details[&at("07:00.0")].physical_function.get(), Some(&None));
}
