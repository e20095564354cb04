//! Two partial specs laid over each other, and what differs between them.
//!
//! The rules of the creation API: simple fields override if given, lists replace as a whole, objects merge member by
//! member one level deep, metadata merges by key.

use super::devices::{LookingGlass, Smbios, TpmDevice, Watchdog};
use super::{Boot, CloudInit, Cpu, MemoryBacking, MemoryHotplug, Numa, Place, Segment, Spec, Storage, edit, nulls};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// `over` laid over `base`. What is null in `over` is not set, whatever `base` has.
#[must_use]
pub fn merge(base: &Spec, over: &Spec) -> Spec {
    let base = without(base, &over.nulls);
    let nulls = if base.nulls.is_empty() {
        over.nulls.clone()
    } else {
        nulls::merged(&base.nulls, &over.nulls, &serde_json::to_value(over).unwrap_or_default())
    };
    Spec { nulls, ..laid_over(base, over.clone()) }
}

/// `spec` without the fields at these places.
fn without(spec: &Spec, places: &BTreeSet<Place>) -> Spec {
    let mut spec = spec.clone();
    for place in places {
        // A field that exists can be taken out.
        let _ = edit::set(&mut spec, place, None);
    }
    spec
}

/// The fields of `over` where they are set, else those of `base`. The literals name every field, so that a new one cannot be
/// forgotten here.
fn laid_over(base: Spec, over: Spec) -> Spec {
    Spec {
        name: over.name.or(base.name),
        template: over.template.or(base.template),
        memory: over.memory.or(base.memory),
        vcpus: over.vcpus.or(base.vcpus),
        max_vcpus: over.max_vcpus.or(base.max_vcpus),
        cpu: both(base.cpu, over.cpu, cpu),
        iothreads: over.iothreads.or(base.iothreads),
        max_memory: over.max_memory.or(base.max_memory),
        memory_hotplug: both(base.memory_hotplug, over.memory_hotplug, |base, over| MemoryHotplug {
            by: over.by.or(base.by),
            slots: over.slots.or(base.slots),
        }),
        memory_backing: both(base.memory_backing, over.memory_backing, memory_backing),
        numa: both(base.numa, over.numa, numa),
        storage: both(base.storage, over.storage, storage),
        os_type: over.os_type.or(base.os_type),
        os_variant: over.os_variant.or(base.os_variant),
        virtio_win: over.virtio_win.or(base.virtio_win),
        architecture: over.architecture.or(base.architecture),
        machine: over.machine.or(base.machine),
        virt_type: over.virt_type.or(base.virt_type),
        uefi: over.uefi.or(base.uefi),
        secure_boot: over.secure_boot.or(base.secure_boot),
        firmware: over.firmware.or(base.firmware),
        enrolled_keys: over.enrolled_keys.or(base.enrolled_keys),
        nvram: over.nvram.or(base.nvram),
        tpm: over.tpm.or(base.tpm),
        tpm_device: both(base.tpm_device, over.tpm_device, tpm_device),
        video: over.video.or(base.video),
        scsi_controller: over.scsi_controller.or(base.scsi_controller),
        usb_controller: over.usb_controller.or(base.usb_controller),
        tablet: over.tablet.or(base.tablet),
        guest_agent: over.guest_agent.or(base.guest_agent),
        rng: over.rng.or(base.rng),
        sound: over.sound.or(base.sound),
        watchdog: both(base.watchdog, over.watchdog, watchdog),
        usb_devices: over.usb_devices.or(base.usb_devices),
        evdev: over.evdev.or(base.evdev),
        looking_glass: both(base.looking_glass, over.looking_glass, looking_glass),
        shares: over.shares.or(base.shares),
        smbios: both(base.smbios, over.smbios, smbios),
        boot: both(base.boot, over.boot, boot),
        networks: over.networks.or(base.networks),
        graphics: over.graphics.or(base.graphics),
        pci_devices: over.pci_devices.or(base.pci_devices),
        mediated_devices: over.mediated_devices.or(base.mediated_devices),
        cloud_init: both(base.cloud_init, over.cloud_init, cloud_init),
        autostart: over.autostart.or(base.autostart),
        custom_xml: over.custom_xml.or(base.custom_xml),
        metadata: both(base.metadata, over.metadata, |mut base, over| {
            base.extend(over);
            base
        }),
        nulls: BTreeSet::new(),
    }
}

/// The smallest layer that, laid over `base`, gives `edited`: what a user changed by hand. A field that `edited` lacks is
/// null in it.
#[must_use]
pub fn difference(base: &Spec, edited: &Spec) -> Spec {
    let (Ok(Value::Object(old)), Ok(Value::Object(new))) = (serde_json::to_value(base), serde_json::to_value(edited))
    else {
        return edited.clone();
    };
    let changed = new.into_iter().filter_map(|(key, value)| match (old.get(&key), value) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            let inner: Map<_, _> = new.into_iter().filter(|(name, value)| old.get(name) != Some(value)).collect();
            (!inner.is_empty()).then_some((key, Value::Object(inner)))
        }
        (old, value) => (old != Some(&value)).then_some((key, value)),
    });
    let mut changed: Spec = serde_json::from_value(Value::Object(changed.collect())).unwrap_or_else(|_| edited.clone());
    let set: BTreeSet<Place> = fields(edited).into_iter().collect();
    let gone: Vec<Place> =
        fields(base).into_iter().filter(|place| !set.contains(place) && !changed.takes_away(place)).collect();
    changed.nulls.extend(gone);
    changed
}

fn cpu(base: Cpu, over: Cpu) -> Cpu {
    Cpu {
        mode: over.mode.or(base.mode),
        model: over.model.or(base.model),
        features: over.features.or(base.features),
        topology: over.topology.or(base.topology),
        cache: over.cache.or(base.cache),
        limit: over.limit.or(base.limit),
        nested: over.nested.or(base.nested),
        pinning: over.pinning.or(base.pinning),
    }
}

fn numa(base: Numa, over: Numa) -> Numa {
    Numa {
        mode: over.mode.or(base.mode),
        nodes: over.nodes.or(base.nodes),
        cells: over.cells.or(base.cells),
        expander_buses: over.expander_buses.or(base.expander_buses),
    }
}

fn memory_backing(base: MemoryBacking, over: MemoryBacking) -> MemoryBacking {
    MemoryBacking {
        hugepages: over.hugepages.or(base.hugepages),
        locked: over.locked.or(base.locked),
        shared: over.shared.or(base.shared),
    }
}

fn storage(base: Storage, over: Storage) -> Storage {
    Storage {
        default_pool: over.default_pool.or(base.default_pool),
        boot_iso: over.boot_iso.or(base.boot_iso),
        disks: over.disks.or(base.disks),
    }
}

fn boot(base: Boot, over: Boot) -> Boot {
    Boot {
        kernel: over.kernel.or(base.kernel),
        initrd: over.initrd.or(base.initrd),
        args: over.args.or(base.args),
        order: over.order.or(base.order),
        menu: over.menu.or(base.menu),
    }
}

fn tpm_device(base: TpmDevice, over: TpmDevice) -> TpmDevice {
    TpmDevice {
        version: over.version.or(base.version),
        backend: over.backend.or(base.backend),
        path: over.path.or(base.path),
    }
}

fn watchdog(base: Watchdog, over: Watchdog) -> Watchdog {
    Watchdog { model: over.model.or(base.model), action: over.action.or(base.action) }
}

fn looking_glass(base: LookingGlass, over: LookingGlass) -> LookingGlass {
    LookingGlass { resolution: over.resolution.or(base.resolution) }
}

fn smbios(base: Smbios, over: Smbios) -> Smbios {
    Smbios {
        manufacturer: over.manufacturer.or(base.manufacturer),
        product: over.product.or(base.product),
        version: over.version.or(base.version),
        serial: over.serial.or(base.serial),
        oem_strings: over.oem_strings.or(base.oem_strings),
    }
}

fn cloud_init(base: CloudInit, over: CloudInit) -> CloudInit {
    CloudInit {
        hostname: over.hostname.or(base.hostname),
        user: over.user.or(base.user),
        ssh_authorized_keys: over.ssh_authorized_keys.or(base.ssh_authorized_keys),
        password_file: over.password_file.or(base.password_file),
        password_hash: over.password_hash.or(base.password_hash),
        packages: over.packages.or(base.packages),
        runcmd: over.runcmd.or(base.runcmd),
        timezone: over.timezone.or(base.timezone),
        locale: over.locale.or(base.locale),
        addresses: over.addresses.or(base.addresses),
        gateway: over.gateway.or(base.gateway),
        nameservers: over.nameservers.or(base.nameservers),
        user_data: over.user_data.or(base.user_data),
        meta_data: over.meta_data.or(base.meta_data),
        network_config: over.network_config.or(base.network_config),
    }
}

fn both<T>(base: Option<T>, over: Option<T>, merge: impl FnOnce(T, T) -> T) -> Option<T> {
    match (base, over) {
        (Some(base), Some(over)) => Some(merge(base, over)),
        (base, over) => over.or(base),
    }
}

/// The places that a merge decides on: members of objects, everything else as a whole.
pub(super) fn fields(spec: &Spec) -> Vec<Place> {
    let Ok(Value::Object(members)) = serde_json::to_value(spec) else { return Vec::new() };
    members.iter().filter(|(_, value)| !value.is_null()).flat_map(|(key, value)| places(key, value)).collect()
}

fn places(key: &str, value: &Value) -> Vec<Place> {
    let place = Place(vec![Segment::Key(key.to_owned())]);
    match value {
        Value::Object(inner) => {
            let set = inner.iter().filter(|(_, value)| !value.is_null());
            set.map(|(name, _)| place.clone().key(name)).collect()
        }
        _ => vec![place],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::spec::{Layer, Origin, Stacked};
    use proptest::prelude::*;
    use serde_json::json;

    fn spec(value: Value) -> Spec {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn lists_replace_objects_merge_and_metadata_merges_by_key() {
        let template = spec(json!({
            "memory": 2048, "vcpus": 2, "os_variant": "ubuntu22.04",
            "storage": {"default_pool": "default", "boot_iso": "a.iso", "disks": [{"size": 10}, {"size": 20}]},
            "networks": [{"type": "bridge", "source": "br0"}],
            "metadata": {"owner": "ops", "tier": {"a": 1}},
        }));
        let request = spec(json!({
            "name": "my-vm", "memory": 8192,
            "storage": {"default_pool": "fast-ssd", "disks": [{"action": "create", "size": 100}]},
            "networks": [],
            "metadata": {"tier": {"b": 2}, "new": 1},
        }));
        let want = spec(json!({
            "name": "my-vm", "memory": 8192, "vcpus": 2, "os_variant": "ubuntu22.04",
            "storage": {"default_pool": "fast-ssd", "boot_iso": "a.iso", "disks": [{"action": "create", "size": 100}]},
            "networks": [],
            "metadata": {"owner": "ops", "tier": {"b": 2}, "new": 1},
        }));
        assert_eq!(merge(&template, &request), want);
    }

    /// Stands for a member that is not there.
    const ABSENT: &str = "absent";

    /// A member that is not there, null, or set.
    fn optional(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
        prop_oneof![2 => Just(Value::from(ABSENT)), 1 => Just(Value::Null), 3 => value].boxed()
    }

    /// Without the members that are not there, and objects that have no others: an object of nulls alone reads as none.
    fn present(value: Value) -> Value {
        let Value::Object(members) = value else { return value };
        let members = members.into_iter().map(|(name, value)| (name, present(value)));
        members.filter(|(_, value)| value != ABSENT && value != &json!({})).collect()
    }

    fn list(field: &'static str) -> BoxedStrategy<Value> {
        let row = "[a-z]{1,2}".prop_map(move |text| json!({ field: text }));
        optional(prop::collection::vec(row, 0..3).prop_map(Value::from))
    }

    fn text() -> BoxedStrategy<Value> {
        optional("[a-z]{1,2}".prop_map(Value::from))
    }

    /// Partial specs with at least one field of every kind.
    fn specs() -> impl Strategy<Value = Spec> {
        let storage = (text(), text(), list("path"))
            .prop_map(|(pool, iso, disks)| json!({"default_pool": pool, "boot_iso": iso, "disks": disks}));
        let cloud = (text(), text()).prop_map(|(user, data)| json!({"user": user, "user_data": data}));
        let metadata = prop::collection::btree_map("[a-c]", text(), 0..3).prop_map(|map| json!(map));
        let number = optional((0u32..4).prop_map(Value::from));
        // What is null as a whole and then filled by keys of the user's own leaves no trace of the null.
        let metadata = prop_oneof![Just(Value::from(ABSENT)), metadata];
        (text(), number, optional(storage), list("mac"), optional(cloud), metadata, list("host_address")).prop_map(
            |(name, vcpus, storage, networks, cloud_init, metadata, pci)| {
                spec(present(json!({"name": name, "vcpus": vcpus, "storage": storage, "networks": networks,
                    "cloud_init": cloud_init, "metadata": metadata, "pci_devices": pci})))
            },
        )
    }

    fn at(spec: &Spec, place: &Place) -> Option<Value> {
        crate::spec::edit::get(spec, place)
    }

    proptest! {
        #[test]
        fn the_empty_spec_changes_nothing_on_either_side(a in specs()) {
            prop_assert_eq!(&merge(&a, &Spec::default()), &a);
            prop_assert_eq!(&merge(&Spec::default(), &a), &a);
            prop_assert_eq!(&merge(&a, &a), &a);
        }

        #[test]
        fn merging_is_associative(a in specs(), b in specs(), c in specs()) {
            prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
        }

        #[test]
        fn each_field_is_wholly_the_upper_ones_or_the_lower_ones(a in specs(), b in specs()) {
            let merged = merge(&a, &b);
            for place in fields(&merged) {
                let lower = || at(&a, &place).filter(|_| !b.takes_away(&place));
                prop_assert_eq!(at(&merged, &place), at(&b, &place).or_else(lower));
            }
            for place in fields(&a).iter().filter(|place| !b.takes_away(place)).chain(&fields(&b)) {
                prop_assert!(at(&merged, place).is_some(), "{}", place);
            }
            prop_assert!(b.nulls.iter().all(|place| at(&merged, place).is_none() && merged.takes_away(place)));
        }

        #[test]
        fn the_difference_is_what_was_changed_and_no_more(a in specs(), b in specs()) {
            let merged = merge(&a, &b);
            let change = difference(&a, &merged);
            prop_assert_eq!(&merge(&a, &change), &merged);
            prop_assert!(fields(&change).iter().all(|place| at(&a, place) != at(&merged, place)));
            prop_assert_eq!(difference(&a, &a), Spec::default());
        }

        #[test]
        fn origins_tell_the_truth(a in specs(), b in specs(), c in specs()) {
            let origins = [Origin::Template("a".into()), Origin::Preset("b".into()), Origin::User];
            let layers: Vec<Layer> = origins.into_iter().zip([a, b, c])
                .map(|(origin, spec)| Layer { origin, spec }).collect();
            let stacked = Stacked::of(&layers);
            let places = fields(&stacked.spec);
            prop_assert_eq!(places.len(), stacked.origins.len());
            for place in places {
                let origin = stacked.origin(&place).unwrap();
                let layer = layers.iter().find(|layer| layer.origin == *origin).unwrap();
                prop_assert_eq!(at(&layer.spec, &place), at(&stacked.spec, &place));
            }
        }
    }
}
