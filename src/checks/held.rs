//! Checks of the host functions that a VM holds and its guest does not see.

use super::note::without;
use super::subject::PciRow;
use super::text::text;
use super::{Check, Notes, Subject};
use crate::machine::card;

pub(super) static CHECKS: &[&Check] = &[&HOLD_FIELD, &HOLD_ALONE];

static HOLD_FIELD: Check = Check {
    code: "HOLD-FIELD",
    title: "held devices have no guest settings",
    explain: "A device with role hold is bound to vfio-pci while the VM runs, and the guest does not see it. A guest \
              address, a ROM file, rom_bar, primary_gpu, multifunction and boot_order have no effect there. Remove \
              them, or pass the device (role pass).",
    run: Some(fields),
    ..Check::DEVICE
};

static HOLD_ALONE: Check = Check {
    code: "HOLD-ALONE",
    title: "held devices belong to a passed one",
    explain: "Role hold is for the rest of an IOMMU group: VFIO passes a group only while no host driver is bound to \
              any of its devices. A held device that shares neither group nor card nor bus with a passed one is taken \
              from the host without need.",
    run: Some(alone),
    ..Check::DEVICE
};

fn fields(subject: &Subject, notes: &mut Notes) {
    for row in held(subject) {
        notes.looked();
        let asked = row.asked;
        let set = [
            ("guest_address", asked.guest_address.is_some()),
            ("rom_file", asked.rom_file.is_some()),
            ("rom_bar", asked.rom_bar.is_some()),
            ("multifunction", asked.multifunction == Some(true)),
            ("primary_gpu", asked.primary_gpu == Some(true)),
            ("boot_order", asked.boot_order.is_some()),
        ];
        for (field, _) in set.into_iter().filter(|(_, set)| *set) {
            let message = text!("{device} has role hold, so {field} has no effect", device = row.name(), field);
            let place = row.row.place(field);
            notes.blocker(place, message, without(text!("remove {field}, or pass the device (role pass)", field)));
        }
    }
}

fn alone(subject: &Subject, notes: &mut Notes) {
    let passed: Vec<&PciRow> = subject.passed().collect();
    for row in held(subject) {
        let Some(known) = row.device else { continue };
        notes.looked();
        let tied = passed.iter().any(|other| {
            let Some(passed) = other.device else { return true };
            let group = passed.iommu_group.is_some() && passed.iommu_group == known.iommu_group;
            let reset = || card::reset_with(subject.facts, passed.address).iter().any(|hit| hit.address == row.address);
            group || card::card(subject.facts, passed).iter().any(|of| of.address == row.address) || reset()
        });
        let drawn = || subject.pci.iter().any(|other| other.asked.is_held() && shares_group(other, row));
        let needed = tied || !passed.is_empty() && drawn();
        if !needed {
            let message = text!("{device} has role hold, but no passed device needs it", device = row.name());
            let place = row.row.place("role");
            notes.warning(place, message, "remove the row, or pass the device (role pass)");
        }
    }
}

/// Another held function of the same group, which may be tied by its bus.
fn shares_group(other: &PciRow, row: &PciRow) -> bool {
    let group = |row: &PciRow| row.device.and_then(|device| device.iommu_group);
    other.address != row.address && group(other).is_some() && group(other) == group(row)
}

fn held<'s>(subject: &'s Subject) -> impl Iterator<Item = &'s PciRow<'s>> {
    subject.pci.iter().filter(|row| row.asked.is_held())
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::{Value, json};

    fn rows(rows: &Value) -> Asked {
        Asked::with(json!({"pci_devices": rows}))
    }

    fn companion() -> Value {
        json!([{"host_address": "03:00.0"}, {"host_address": "04:00.0", "role": "hold"}])
    }

    #[test]
    fn a_held_device_covers_its_group() {
        let asked = rows(&companion());
        asked.passes("IOMMU-GROUP").passes("HOLD-FIELD").passes("HOLD-ALONE").passes("PCI-FUNCTIONS");
        rows(&json!([{"host_address": "03:00.0", "role": "hold"}])).said("IOMMU-GROUP").blocker();
        Asked::pass(&["01:00.0", "01:00.1"]).quiet("HOLD-FIELD").quiet("HOLD-ALONE");
    }

    #[test]
    fn what_only_a_guest_sees_is_refused() {
        for (field, value) in [
            ("guest_address", json!("05:00.0")),
            ("rom_file", json!("/usr/share/vgabios/a.rom")),
            ("rom_bar", json!("off")),
            ("multifunction", json!(true)),
            ("primary_gpu", json!(true)),
            ("boot_order", json!(7)),
        ] {
            let mut all = companion();
            all[1][field] = value.clone();
            let want = format!("device 1 (0000:04:00.0) has role hold, so {field} has no effect");
            rows(&all).blocks("HOLD-FIELD", &format!("pci_devices[1].{field}"), &want).quiet("PCI-PRIMARY");
            let mut passed = companion();
            passed[0][field] = value;
            rows(&passed).passes("HOLD-FIELD");
        }
    }

    #[test]
    fn nothing_is_held_for_nothing() {
        let far = json!([{"host_address": "01:00.0"}, {"host_address": "01:00.1"}, {"host_address": "00:1f.3", "role": "hold"}]);
        let want = "device 2 (0000:00:1f.3) has role hold, but no passed device needs it";
        rows(&far).warns("HOLD-ALONE", "pci_devices[2].role", want);
        let want = "device 0 (0000:00:1f.3) has role hold, but no passed device needs it";
        rows(&json!([{"host_address": "00:1f.3", "role": "hold"}])).warns("HOLD-ALONE", "pci_devices[0].role", want);
    }

    #[test]
    fn a_card_is_not_split_by_holding_a_part() {
        let split = rows(&json!([{"host_address": "01:00.0"}, {"host_address": "01:00.1", "role": "hold"}]));
        let want = "device 0 (0000:01:00.0): of the same card 0000:01:00.1 is held";
        split.passes("IOMMU-GROUP").warns("PCI-FUNCTIONS", "pci_devices[0].host_address", want);
    }
}
