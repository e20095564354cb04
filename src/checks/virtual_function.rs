//! Checks of virtual functions of network cards (SR-IOV): how a spec names them, and their VLANs.

use super::note::Topic;
use super::row::{RowName, TakenRow};
use super::subject::PciRow;
use super::text::{Arg, Text, text};
use super::{Check, Notes, Subject};
use crate::facts::{PciClass, PciDetails};
use crate::spec::{NetworkKind, Place};
use crate::units::PciAddress;

pub(super) static CHECKS: &[&Check] = &[&NET_VF_ONLY, &NET_VF_USE_INTERFACE, &NET_VLAN];

pub(super) static NET_VF_ONLY: Check = Check {
    code: "NET-VF-ONLY",
    title: "hostdev interfaces are virtual functions",
    explain: "libvirt sets the address and the VLAN of a virtual function through its physical function, so an \
              interface of type hostdev must be a virtual function: \"Interface type hostdev is currently supported on \
              SR-IOV Virtual Functions only\". Create virtual functions (sriov_numvfs), or pass the whole card in \
              pci_devices.",
    run: Some(only),
    ..Check::DEVICE
};

static NET_VF_USE_INTERFACE: Check = Check {
    code: "NET-VF-USE-INTERFACE",
    title: "NIC VFs are passed as interfaces",
    explain: "A virtual function that is passed as a plain PCI device gets another MAC address at each start of the \
              host, and no VLAN. For an interface of type hostdev, libvirt sets the address and the VLAN of the spec \
              at each start of the VM and resets them when it stops. A network with forward mode hostdev picks a free \
              one.",
    run: Some(interface),
    ..Check::DEVICE
};

static NET_VLAN: Check = Check {
    code: "NET-VLAN",
    title: "VLANs can be set",
    explain: "The card of a virtual function adds and removes the VLAN tag, 1 to 4094. For an interface on a bridge or \
              a libvirt network the bridge or the definition of the network does that.",
    run: Some(vlan),
    ..Check::DEVICE
};

fn physical<'a>(subject: &Subject<'a>, address: PciAddress) -> Option<&'a Option<PciAddress>> {
    subject.facts.details.get(&address)?.physical_function.get()
}

fn only(subject: &Subject, notes: &mut Notes) {
    for row in subject.pci.iter().filter(|row| matches!(row.row, TakenRow::Network(_))) {
        let Some(known) = row.device else { continue };
        notes.looked();
        let name = text!("{device} ({label})", device = row.name(), label = known.label());
        if known.kind() != PciClass::Nic {
            notes.blocker(row.place(), text!("{name} is not a network card", name), "pass it in pci_devices");
            continue;
        }
        match physical(subject, row.address) {
            Some(Some(_)) => {}
            Some(None) => {
                notes.blocker(row.place(), text!("{name} is not a virtual function", name), way_out(subject, row));
            }
            None => {
                let what = text!("whether {address} is a virtual function", address = row.address);
                notes.unknown(row.place(), &what, "the details of this function have not been read");
            }
        }
    }
}

/// What to do with a card that is named whole.
fn way_out(subject: &Subject, row: &PciRow) -> Text {
    let sriov = |details: &PciDetails| details.sriov.get().cloned().flatten();
    match subject.facts.details.get(&row.address).and_then(sriov) {
        Some(sriov) if !sriov.functions.is_empty() => {
            let names = Arg::all(sriov.functions.iter().take(4));
            text!("name one of its virtual functions, such as {names}", names)
        }
        Some(sriov) if sriov.total > 0 => {
            let address = row.address;
            text!(
                "create some: echo {min} > /sys/bus/pci/devices/{address}/sriov_numvfs",
                min = sriov.total.min(4),
                address
            )
        }
        _ => "it supports none: pass the whole card in pci_devices".into(),
    }
}

fn interface(subject: &Subject, notes: &mut Notes) {
    for row in subject.passed().filter(|row| matches!(row.row, TakenRow::Device(_))) {
        let Some(known) = row.device.filter(|known| known.kind() == PciClass::Nic) else { continue };
        // Hardly any card is one, so that nothing is said where it is not known.
        let Some(physical) = physical(subject, row.address) else { continue };
        notes.looked();
        if let Some(physical) = physical {
            let name = text!("{device} ({label})", device = row.name(), label = known.label());
            let row_instead = text!("{\"type\": \"hostdev\", \"host_address\": \"{address}\"}", address = row.address);
            notes.info(
                row.place(),
                text!("{name} is a virtual function of {physical}: its MAC address changes", name, physical),
                text!("write {row_instead} in networks instead, with mac and vlan as needed", row_instead),
            );
        }
    }
}

fn vlan(subject: &Subject, notes: &mut Notes) {
    for interface in &subject.machine.interfaces {
        let (Some(vlan), Some(row)) = (interface.vlan, interface.row) else { continue };
        notes.looked();
        let place = Place::row("networks", row, "vlan");
        if !(1..=4094).contains(&vlan) {
            notes.blocker(
                Topic::from(place).of(RowName::numbered("network", row)),
                text!("vlan {vlan} is out of range; VLANs are 1 to 4094", vlan),
                "write a number from 1 to 4094",
            );
        } else if !interface.passes && interface.kind != NetworkKind::Bridge {
            let message = text!("vlan has no effect for type {kind}", kind = interface.kind.name());
            notes.warning(
                Topic::from(place).of(RowName::numbered("network", row)),
                message,
                "use a virtual function (type hostdev), or a bridge of that VLAN",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::checks::fixture::{Asked, known};
    use crate::facts::pci_details::SrIov;
    use crate::facts::{PciDetails, PciDevice};
    use serde_json::{Value, json};

    /// The fixture's network card has become a virtual function of `physical`, or a card with `sriov`.
    fn with(patch: Value, physical: Option<&str>, sriov: Option<SrIov>) -> Asked {
        Asked::with(patch).facts(|facts| {
            facts.pci.get_mut().unwrap().iter_mut().for_each(|device: &mut PciDevice| {
                if device.address.bus == 4 {
                    device.iommu_group = Some(70);
                }
            });
            let details = PciDetails {
                physical_function: known(physical.map(|address| address.parse().unwrap())),
                sriov: known(sriov),
                ..PciDetails::default()
            };
            facts.details.insert("04:00.0".parse().unwrap(), details);
        })
    }

    fn row() -> Value {
        json!({"networks": [{"type": "hostdev", "host_address": "0000:04:00.0", "vlan": 42}]})
    }

    #[test]
    fn an_interface_is_a_virtual_function() {
        let vf = with(row(), Some("05:00.0"), None);
        vf.passes("NET-VF-ONLY")
            .passes("NET-VLAN")
            .passes("NET-SOURCE")
            .passes("IOMMU-GROUP")
            .quiet("NET-VF-USE-INTERFACE");
        let want = "network 0 (0000:04:00.0) (Intel I225-V) is not a virtual function";
        let pf = with(row(), None, Some(SrIov { total: 8, functions: vec!["04:10.0".parse().unwrap()] }));
        pf.blocks("NET-VF-ONLY", "networks[0].host_address", want);
        assert!(pf.said("NET-VF-ONLY").remedy.ends_with("such as 0000:04:10.0"));
        let unmade = with(row(), None, Some(SrIov { total: 8, functions: vec![] }));
        assert!(unmade.said("NET-VF-ONLY").remedy.ends_with("/sys/bus/pci/devices/0000:04:00.0/sriov_numvfs"));
        assert!(with(row(), None, None).said("NET-VF-ONLY").remedy.contains("pci_devices"));
        Asked::with(row()).unknown("NET-VF-ONLY");
        Asked::with(json!({"networks": [{"type": "hostdev", "host_address": "01:00.0"}]}))
            .said("NET-VF-ONLY")
            .blocker();
    }

    #[test]
    fn a_virtual_function_leaves_the_host_like_any_device() {
        let missing = json!({"networks": [{"type": "hostdev", "host_address": "0000:09:00.0"}]});
        let want = "network 0 (0000:09:00.0) not found: PCI device not found";
        Asked::with(missing).blocks("PCI-MISSING", "networks[0].host_address", want);
        let twice = json!({"pci_devices": [{"host_address": "04:00.0"}], "networks": row()["networks"]});
        let want = "network 0 (0000:04:00.0) repeats device 0";
        with(twice, Some("05:00.0"), None).blocks("PCI-SAME", "networks[0].host_address", want);
    }

    #[test]
    fn a_plain_device_that_is_one_is_pointed_out() {
        let plain = json!({"pci_devices": [{"host_address": "04:00.0"}]});
        with(plain.clone(), Some("05:00.0"), None).said("NET-VF-USE-INTERFACE").info();
        with(plain, None, None).passes("NET-VF-USE-INTERFACE");
        Asked::pass(&["04:00.0"]).quiet("NET-VF-USE-INTERFACE");
    }

    #[test]
    fn a_vlan_has_a_number_and_a_card_that_tags() {
        let tagged =
            |kind: &str, vlan: u32| json!({"networks": [{"type": kind, "host_address": "04:00.0", "vlan": vlan}]});
        for vlan in [0, 4095] {
            with(tagged("hostdev", vlan), Some("05:00.0"), None).said("NET-VLAN").blocker();
        }
        for vlan in [1, 4094] {
            with(tagged("hostdev", vlan), Some("05:00.0"), None).passes("NET-VLAN");
        }
        Asked::with(json!({"networks": [{"type": "user", "vlan": 4}]})).said("NET-VLAN").warning();
        Asked::good().quiet("NET-VLAN");
    }

    #[test]
    fn a_row_says_what_it_is() {
        let of = |row: Value| Asked::with(json!({"networks": [row]}));
        let want = "network 0: host_address is required for type hostdev";
        of(json!({"type": "hostdev"})).blocks("NET-SOURCE", "networks[0].host_address", want);
        of(json!({"type": "hostdev", "host_address": "4:0"})).said("NET-SOURCE").blocker();
        let want = "network 0: model has no effect for type hostdev";
        of(json!({"type": "hostdev", "host_address": "04:00.0", "model": "e1000"})).warns(
            "NET-SOURCE",
            "networks[0].model",
            want,
        );
        of(json!({"type": "user", "host_address": "04:00.0"})).said("NET-SOURCE").warning();
    }
}
