//! Specs at random: complete ones, as a user writes them, and partial ones with every kind of wrong value.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use vmbuild::spec::{
    Boot, BootDevice, CloudInit, Cpu, CpuCache, CpuLimit, CpuMode, CpuTopology, Disk, DiskAction, DiskBus, DiskDevice,
    DiskFormat, DiskSize, Graphics, GraphicsKind, GroupMember, HotplugKind, MemoryBacking, MemoryHotplug, MemorySize,
    Network, NetworkKind, NetworkModel, Numa, NumaCell, NumaMode, PciDevice, PciKind, PciMatch, PciRole, Pinning,
    RomBar, Spec, Storage, VirtType,
};

/// A run of so many cases, which leaves no file of failures behind.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A text that some field might hold: plain, strange or empty.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z][a-z0-9-]{0,8}", "\\PC{0,8}", Just(String::new()), "[ -~]{0,6}"]
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        "/(srv|dev)/[a-z&' ]{1,8}(\\.qcow2|\\.img|)",
        "[a-z]{1,6}\\.(iso|qcow2)",
        "(\\.\\./|/|a/b|~/)[a-z]{0,3}",
        text()
    ]
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof![4 => "(vd|sd|hd)[a-d]", 1 => text()]
}

prop_compose! {
    fn disk()(
        action in of(select(vec![DiskAction::Create, DiskAction::Attach, DiskAction::Clone])),
        size in of(prop_oneof![(0u64..100).prop_map(DiskSize::Number), text().prop_map(DiskSize::Text)]),
        format in of(select(vec![DiskFormat::Qcow2, DiskFormat::Raw, DiskFormat::Vmdk, DiskFormat::Vdi])),
        bus in of(select(vec![DiskBus::Virtio, DiskBus::Scsi, DiskBus::Sata, DiskBus::Ide, DiskBus::Usb])),
        storage_pool in of(select(vec!["default".to_owned(), "bulk-storage".to_owned(), "none".to_owned()])),
        target in of(target()),
        (path, clone_from) in (of(path()), of(path())),
        device in of(select(vec![DiskDevice::Disk, DiskDevice::Cdrom])),
        (readonly, root) in (of(any::<bool>()), of(any::<bool>())),
        boot_order in of(0u32..5),
        (host_address, namespace) in (prop::option::weighted(0.1, pci_address()), prop::option::weighted(0.1, 0u32..3)),
    ) -> Disk {
        Disk {
            action, size, format, bus, storage_pool, target, path, host_address, namespace, clone_from, device, readonly,
            root, boot_order, ..Disk::default()
        }
    }
}

fn pci_address() -> impl Strategy<Value = String> {
    prop_oneof![6 => "0000:0[0-3]:0[0-1]\\.[0-7]", 1 => "01:00\\.[0-3]", 1 => text()]
}

prop_compose! {
    fn selector()(
        address in of(pci_address()), ids in of(prop_oneof!["10de:(2704|22bb)", text()]),
        subsystem in prop::option::weighted(0.3, "1043:88e[0-9]"), any in of(any::<bool>()),
        kind in of(select(vec![PciKind::Gpu, PciKind::Audio, PciKind::Nic])),
        group in prop::option::weighted(0.3, prop::collection::vec(
            (of(pci_address()), of(text())).prop_map(|(address, ids)| GroupMember { address, ids }), 0..3)),
    ) -> PciMatch {
        PciMatch { address, ids, subsystem, kind, any, group }
    }
}

prop_compose! {
    fn pci()(
        selector in prop::option::weighted(0.2, selector().boxed()),
        host_address in of(pci_address()), guest_address in prop::option::weighted(0.2, pci_address()),
        rom_file in prop::option::weighted(0.2, path()),
        rom_bar in prop::option::weighted(0.2, select(RomBar::ALL)), multifunction in of(any::<bool>()), primary_gpu in of(any::<bool>()),
        role in of(select(vec![PciRole::Pass, PciRole::Hold])), boot_order in prop::option::weighted(0.2, 0u32..5),
    ) -> PciDevice {
        PciDevice {
            host_address, selector, role, guest_address, rom_file, rom_bar, multifunction, primary_gpu, boot_order,
        }
    }
}

prop_compose! {
    fn network()(
        kind in of(select(vec![NetworkKind::Network, NetworkKind::Bridge, NetworkKind::User, NetworkKind::Hostdev])),
        source in of(text()),
        model in of(select(vec![NetworkModel::Virtio, NetworkModel::E1000e, NetworkModel::E1000, NetworkModel::Rtl8139])),
        mac in of(prop_oneof!["52:54:00:[0-9a-f]{2}:[0-9A-F]{2}:01", text()]), boot_order in of(0u32..5),
        host_address in prop::option::weighted(0.2, pci_address()), vlan in prop::option::weighted(0.2, 0u32..5000),
    ) -> Network {
        Network { kind, source, host_address, vlan, model, mac, boot_order, ..Network::default() }
    }
}

prop_compose! {
    fn graphics()(
        kind in of(select(vec![GraphicsKind::Vnc, GraphicsKind::Spice, GraphicsKind::None])),
        listen in of(prop_oneof![Just("0.0.0.0".to_owned()), Just("::1".to_owned()), text()]), port in of(any::<u16>()),
        password_file in prop::option::weighted(0.2, path()),
    ) -> Graphics {
        Graphics { kind, listen, port, password_file }
    }
}

/// Small devices alone.
fn small() -> impl Strategy<Value = Spec> {
    use vmbuild::spec::devices::{ScsiModel, Smbios, SoundModel, VideoModel, Watchdog, WatchdogModel};
    let video = of(select(vec![VideoModel::Std, VideoModel::Virtio, VideoModel::Bochs, VideoModel::None]));
    let sound = of(select(vec![SoundModel::Ich9, SoundModel::Ac97, SoundModel::Usb, SoundModel::None]));
    let scsi_controller = of(select(vec![ScsiModel::VirtioScsi, ScsiModel::Lsi, ScsiModel::LsiSas]));
    let flags = (of(any::<bool>()), of(any::<bool>()), of(any::<bool>()));
    let parts = (video, sound, scsi_controller, flags, of("[a-z]{0,3}"), any::<bool>());
    parts.prop_map(|(video, sound, scsi_controller, (tablet, guest_agent, rng), serial, watched)| Spec {
        video,
        sound,
        scsi_controller,
        tablet,
        guest_agent,
        rng,
        smbios: serial.map(|serial| Smbios { serial: Some(serial), ..Smbios::default() }),
        watchdog: watched.then_some(Watchdog { model: Some(WatchdogModel::I6300esb), action: None }),
        ..Spec::default()
    })
}

prop_compose! {
    fn boot()(
        (kernel, initrd, args) in (of(path()), of(path()), of(text())), menu in of(any::<bool>()),
        order in of(prop::sample::subsequence(vec![BootDevice::Network, BootDevice::Disk, BootDevice::Cdrom], 0..3)),
    ) -> Boot {
        Boot { kernel, initrd, args, order, menu }
    }
}

prop_compose! {
    fn storage()(
        default_pool in of(select(vec!["default".to_owned(), "bulk-storage".to_owned(), "none".to_owned()])),
        boot_iso in of(path()), disks in of(prop::collection::vec(disk().boxed(), 0..6)),
    ) -> Storage {
        Storage { default_pool, boot_iso, disks }
    }
}

/// A set of CPUs, mostly.
fn set() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[0-9]{1,2}(-[0-9]{1,2})?(,[0-9])?", 1 => text()]
}

fn page() -> impl Strategy<Value = String> {
    prop_oneof![Just("auto".to_owned()), Just("1 GiB".to_owned()), Just("2 MiB".to_owned()), text()]
}

prop_compose! {
    fn pinning()(
        auto in of(any::<bool>()), reserve in of(0u32..4), emulator in of(set()),
        vcpus in of(prop::collection::vec(set(), 0..6)), iothreads in of(prop::collection::vec(set(), 0..3)),
    ) -> Pinning {
        Pinning { auto, reserve, vcpus, emulator, iothreads }
    }
}

prop_compose! {
    fn cpu()(
        mode in of(select(vec![CpuMode::HostPassthrough, CpuMode::HostModel, CpuMode::Custom, CpuMode::Maximum])),
        model in of(text()),
        features in of(prop::collection::vec(prop_oneof!["[+-][a-z]{2,6}", text()], 0..4)),
        cache in of(select(vec![CpuCache::Passthrough, CpuCache::Emulate, CpuCache::Disable])),
        (sockets, cores, threads) in (of(0u32..3), of(any::<u32>()), of(0u32..3)),
        limit in of(prop_oneof![(0u32..9).prop_map(CpuLimit::Number), text().prop_map(CpuLimit::Text)]),
        nested in of(any::<bool>()), pinning in of(pinning().boxed()), arranged in any::<bool>(),
    ) -> Cpu {
        let topology = CpuTopology { sockets, cores, threads, ..CpuTopology::default() };
        Cpu { mode, model, features, topology: arranged.then_some(topology), cache, limit, nested, pinning }
    }
}

prop_compose! {
    fn cell()(
        vcpus in of(set()), memory in of((0u64..9999).prop_map(MemorySize::Number)), node in of(0u32..3), hugepages in of(page()),
    ) -> NumaCell {
        NumaCell { vcpus, memory, node, hugepages }
    }
}

prop_compose! {
    fn numa()(
        mode in of(select(vec![NumaMode::Strict, NumaMode::Preferred, NumaMode::Interleave, NumaMode::Restrictive])),
        nodes in of(set()), cells in of(prop::collection::vec(cell(), 0..3)), expander_buses in of(any::<bool>()),
    ) -> Numa {
        Numa { mode, nodes, cells, expander_buses }
    }
}

prop_compose! {
    /// CPU and memory beside their amounts.
    fn resources()(
        (max_vcpus, iothreads, cpu, numa) in (of(any::<u32>()), of(0u32..4), of(cpu().boxed()), of(numa().boxed())),
        max_memory in of(any::<u64>().prop_map(MemorySize::Number)),
        by in of(select(vec![HotplugKind::Dimm, HotplugKind::VirtioMem])), slots in of(any::<u32>()),
        (hugepages, locked, shared) in (of(page()), of(any::<bool>()), of(any::<bool>())),
    ) -> Spec {
        let memory_hotplug = Some(MemoryHotplug { by, slots });
        let memory_backing = Some(MemoryBacking { hugepages, locked, shared });
        Spec { max_vcpus, iothreads, cpu, numa, max_memory, memory_hotplug, memory_backing, ..Spec::default() }
    }
}

prop_compose! {
    /// Anything that the type can hold, within reason.
    pub(crate) fn any_spec()(
        (name, template, os_type, os_variant) in (of(text()), of(text()), of(text()), of(text())),
        memory in of(prop_oneof![any::<u64>().prop_map(MemorySize::Number), text().prop_map(MemorySize::Text)]),
        (vcpus, resources) in (of(any::<u32>()), resources().boxed()), storage in of(storage().boxed()),
        architecture in of(prop_oneof![Just("aarch64".to_owned()), text()]),
        machine in of(prop_oneof![Just("pc".to_owned()), Just("q35".to_owned()), text()]),
        virt_type in of(select(vec![VirtType::Kvm, VirtType::Qemu])),
        (uefi, secure_boot, tpm, autostart) in (of(any::<bool>()), of(any::<bool>()), of(any::<bool>()), of(any::<bool>())),
        networks in of(prop::collection::vec(network().boxed(), 0..4)), graphics in of(prop::collection::vec(graphics(), 0..3)),
        pci_devices in of(prop::collection::vec(pci().boxed(), 0..10)),
        user in of(text()), boot in of(boot().boxed()), small in small().boxed(),
        metadata in prop::collection::vec((text(), text()), 0..3),
    ) -> Spec {
        let metadata = metadata.into_iter().map(|(key, value)| (key, value.into()));
        let cloud_init = user.map(|user| CloudInit { user: Some(user), ..CloudInit::default() });
        Spec {
            name, template, memory, vcpus, storage, os_type, os_variant, architecture, machine, virt_type, uefi, secure_boot,
            tpm, boot, networks, graphics, pci_devices, mediated_devices: None, cloud_init, autostart, custom_xml: None, metadata: Some(metadata.collect()),
            max_vcpus: resources.max_vcpus, iothreads: resources.iothreads, cpu: resources.cpu, numa: resources.numa,
            max_memory: resources.max_memory, memory_hotplug: resources.memory_hotplug, memory_backing: resources.memory_backing,
            ..small
        }
    }
}

/// The cards of the workstation in `tests/golden/facts`, each whole.
const CARDS: [&[&str]; 6] = [
    &["0000:01:00.0", "0000:01:00.1", "0000:01:00.2", "0000:01:00.3"],
    &["0000:04:00.0"],
    &["0000:05:00.0", "0000:05:00.1"],
    &["0000:0a:00.0", "0000:0a:00.1"],
    &["0000:0e:00.3"],
    &["0001:01:00.0"],
];

/// A spec as a user writes it: everything required is there and nothing is malformed.
pub(crate) fn complete_spec() -> BoxedStrategy<Spec> {
    let cards = prop::sample::subsequence(CARDS.to_vec(), 0..=CARDS.len());
    let parts = (any_spec().boxed(), "[a-z][a-z0-9-]{0,8}", 1u32..32, cards);
    parts.prop_map(|(spec, name, vcpus, cards)| completed(spec, name, vcpus, &cards.concat())).boxed()
}

fn completed(spec: Spec, name: String, vcpus: u32, addresses: &[&str]) -> Spec {
    // Secure Boot needs SMM, which q35 alone has; the pc machine alone has IDE, for four drives with the boot ISO.
    let machine = spec.machine.filter(|machine| machine == "pc" && spec.secure_boot != Some(true));
    let mut ide = if machine.is_some() { 2 } else { 0 };
    let mut storage = spec.storage.unwrap_or_default();
    storage.boot_iso = storage.boot_iso.map(|_| "debian-12.iso".to_owned());
    storage.default_pool = storage.default_pool.filter(|pool| pool == "bulk-storage").or(Some("default".to_owned()));
    storage.boot_iso = storage.boot_iso.filter(|_| storage.default_pool.as_deref() == Some("default"));
    let disks = storage.disks.get_or_insert_default();
    disks.push(Disk { action: Some(DiskAction::Create), ..Disk::default() });
    for disk in disks {
        *disk = repaired(disk, &mut ide);
    }
    let mut networks = spec.networks;
    for network in networks.iter_mut().flatten() {
        *network = Network {
            source: Some("br0".to_owned()),
            kind: Some(NetworkKind::Bridge),
            mac: None,
            boot_order: None,
            host_address: None,
            vlan: None,
            ..network.clone()
        };
    }
    let mut graphics = spec.graphics;
    for graphics in graphics.iter_mut().flatten() {
        graphics.listen = graphics.listen.take().filter(|listen| listen == "0.0.0.0");
        (graphics.port, graphics.password_file) = (None, None);
    }
    if let Some(graphics) = &mut graphics {
        graphics.truncate(1);
    }
    let device = |address: &&str| PciDevice { host_address: Some((*address).to_owned()), ..PciDevice::default() };
    Spec {
        name: Some(name),
        memory: Some(MemorySize::Number(1024)),
        max_vcpus: None,
        cpu: None,
        max_memory: None,
        memory_hotplug: None,
        memory_backing: None,
        numa: None,
        vcpus: Some(vcpus),
        uefi: spec.uefi.map(|uefi| uefi || spec.secure_boot == Some(true)),
        storage: Some(storage),
        architecture: None,
        machine,
        pci_devices: Some(addresses.iter().map(device).collect()),
        networks,
        graphics,
        cloud_init: spec.cloud_init.map(|_| CloudInit { user: Some("admin".to_owned()), ..CloudInit::default() }),
        os_type: spec.os_type.map(|text| if text.len() > 3 { "windows".to_owned() } else { "linux".to_owned() }),
        os_variant: None,
        boot: spec.boot.map(|boot| Boot { kernel: None, initrd: None, args: None, ..boot }),
        template: None,
        metadata: None,
        ..spec
    }
}

/// A complete spec of which one part may be anything: what no check objects to must still work.
pub(crate) fn nearly_complete_spec() -> BoxedStrategy<Spec> {
    let parts = (complete_spec(), any_spec().boxed(), 0..12u8);
    parts.prop_map(|(spec, any, part)| mixed(spec, any, part)).boxed()
}

fn mixed(spec: Spec, any: Spec, part: u8) -> Spec {
    match part {
        0 => Spec { name: any.name, memory: any.memory, ..spec },
        1 => Spec { storage: any.storage, ..spec },
        2 => Spec { architecture: any.architecture, machine: any.machine, ..spec },
        3 => Spec { networks: any.networks, ..spec },
        4 => Spec { graphics: any.graphics, ..spec },
        5 => Spec { pci_devices: any.pci_devices, ..spec },
        6 => Spec { boot: any.boot, ..spec },
        7 => Spec { vcpus: any.vcpus, cloud_init: any.cloud_init, ..spec },
        8 => Spec { max_vcpus: any.max_vcpus, cpu: any.cpu, ..spec },
        9 => Spec { numa: any.numa, memory_backing: any.memory_backing, ..spec },
        10 => Spec { max_memory: any.max_memory, memory_hotplug: any.memory_hotplug, ..spec },
        _ => Spec {
            os_type: any.os_type,
            os_variant: any.os_variant,
            metadata: any.metadata,
            template: any.template,
            ..spec
        },
    }
}

fn repaired(disk: &Disk, ide: &mut u32) -> Disk {
    let device = disk.device.unwrap_or(DiskDevice::Disk);
    let bus = disk.bus.filter(|bus| device == DiskDevice::Disk && (*bus != DiskBus::Ide || *ide > 0));
    *ide = ide.saturating_sub(u32::from(bus == Some(DiskBus::Ide) || device == DiskDevice::Cdrom));
    let action =
        if device == DiskDevice::Cdrom { DiskAction::Attach } else { disk.action.unwrap_or(DiskAction::Create) };
    Disk {
        action: Some(action),
        size: (action == DiskAction::Create).then_some(DiskSize::Number(8)),
        format: disk.format.filter(|_| action != DiskAction::Create),
        path: (action == DiskAction::Attach).then(|| {
            if device == DiskDevice::Cdrom { "/srv/fast/ubuntu-desktop.iso" } else { "/mnt/shared/data.qcow2" }
                .to_owned()
        }),
        clone_from: (action == DiskAction::Clone).then(|| "/var/lib/libvirt/images/golden.qcow2".to_owned()),
        storage_pool: disk.storage_pool.clone().filter(|pool| pool != "none"),
        bus,
        device: Some(device),
        target: None,
        root: None,
        boot_order: None,
        host_address: None,
        namespace: None,
        readonly: disk.readonly.filter(|_| !matches!(bus, Some(DiskBus::Sata | DiskBus::Ide))),
        ..Disk::default()
    }
}
