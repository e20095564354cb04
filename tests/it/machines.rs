//! Real machines, as published, through the reader of sysfs: what it says must be what the listing says.

use crate::support::machine::{Layout, Machine};
use vmbuild::facts::{Facts, Iommu, Kvm, Part};
use vmbuild::host::{Source, Sysroot, observe};

/// Facts of a recorded tree; libvirt's test driver stands in for the daemon, which is not asked about devices.
fn facts(root: &std::path::Path) -> Facts {
    let source = Source::with_tree("test:///default", Sysroot::new(root));
    observe(&source, [Part::Host, Part::Pci]).facts
}

#[test]
fn every_machine_is_read_as_its_listing_says_in_both_layouts() {
    let machines = Machine::all();
    assert!(machines.len() >= 25);
    for (number, machine) in machines.iter().enumerate() {
        // Trees are dear: the second layout is the same code for all machines.
        let layouts: &[_] = if number % 8 == 0 { &[Layout::Kernel, Layout::Attributes] } else { &[Layout::Kernel] };
        for layout in layouts {
            let tree = machine.tree(*layout);
            let facts = facts(tree.path());
            let mut listed: Vec<_> = machine
                .devices()
                .map(|(group, device)| {
                    let ids = format!("{}:{}", device.vendor_id, device.device_id);
                    (device.address.parse().unwrap(), device.full_class(), ids, device.driver.clone(), Some(group))
                })
                .collect();
            listed.sort();
            let read = facts.pci.items().iter();
            let read: Vec<_> = read.map(|d| (d.address, d.class, d.ids(), d.driver.clone(), d.iommu_group)).collect();
            assert_eq!(read, listed, "{}", machine.slug);
            let groups = u32::try_from(machine.groups.len()).unwrap();
            assert_eq!(facts.iommu.get(), Some(&Iommu::On { groups }), "{}", machine.slug);
        }
    }
}

#[test]
fn memory_and_kvm_come_from_the_tree_and_not_from_this_machine() {
    let tree = Machine::load("amd-b550m-mortar").tree(Layout::Kernel);
    let facts = facts(tree.path());
    assert_eq!(facts.memory.get().unwrap().total.0, 65_536_000 * 1024);
    assert!(matches!(facts.kvm.get(), Some(Kvm::Absent { why }) if why.contains("kvm_amd")), "{:?}", facts.kvm);
}
