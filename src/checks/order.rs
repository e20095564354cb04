//! The order of findings of one severity: that of the fields in the spec.

use crate::spec::{Place, Segment};

const FIELDS: &[&str] = &[
    "name",
    "template",
    "memory",
    "max_memory",
    "memory_hotplug",
    "memory_backing",
    "vcpus",
    "max_vcpus",
    "cpu",
    "iothreads",
    "numa",
    "storage",
    "os_type",
    "os_variant",
    "virtio_win",
    "architecture",
    "machine",
    "virt_type",
    "uefi",
    "secure_boot",
    "firmware",
    "enrolled_keys",
    "nvram",
    "tpm",
    "tpm_device",
    "video",
    "scsi_controller",
    "usb_controller",
    "tablet",
    "guest_agent",
    "rng",
    "sound",
    "watchdog",
    "usb_devices",
    "evdev",
    "looking_glass",
    "shares",
    "smbios",
    "boot",
    "networks",
    "graphics",
    "pci_devices",
    "mediated_devices",
    "cloud_init",
    "autostart",
    "custom_xml",
    "metadata",
];

const STORAGE: [&str; 3] = ["default_pool", "boot_iso", "disks"];

/// Where `place` stands: field, part of `storage`, row. Fields of one row keep the order of the table of checks.
pub(super) fn rank(place: &Place) -> (usize, usize, usize) {
    let key = |at: usize| match place.0.get(at) {
        Some(Segment::Key(key)) => key.as_str(),
        Some(Segment::Index(_)) | None => "",
    };
    let position = |list: &[&str], key: &str| list.iter().position(|field| *field == key).map_or(0, |at| at + 1);
    (position(FIELDS, key(0)), position(&STORAGE, key(1)), place.row_index().map_or(0, |row| row + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Spec;

    #[test]
    fn every_field_of_the_spec_has_its_place() {
        let schema = schemars::schema_for!(Spec);
        let fields = schema.get("properties").and_then(|p| p.as_object()).into_iter().flatten();
        for (field, _) in fields {
            assert_ne!(rank(&Place::root().key(field)).0, 0, "{field} is missing from the order of findings");
        }
    }

    #[test]
    fn rows_come_in_order_and_the_whole_spec_first() {
        let places =
            ["", "memory", "storage.boot_iso", "storage.disks[2].size", "storage.disks[10].size", "metadata.a"];
        let ranks: Vec<_> = places.iter().filter_map(|p| p.parse().ok()).map(|p: Place| rank(&p)).collect();
        assert!(ranks.is_sorted() && ranks.len() == places.len());
    }

    #[test]
    fn the_table_of_fields_has_the_same_order() {
        let places: Vec<Place> = crate::spec::field::FIELDS.iter().filter_map(|field| field.place([0, 1])).collect();
        let new = |place: &Place| (crate::spec::field::rank(place), place.row_index().map_or(0, |row| row + 1));
        for one in places.iter().chain([&Place::root()]) {
            for other in &places {
                assert_eq!(rank(one).cmp(&rank(other)), new(one).cmp(&new(other)), "{one} {other}");
            }
        }
    }
}
