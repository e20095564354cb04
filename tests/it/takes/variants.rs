//! What a published listing does not show: machines changed in one thing, and the code that must then be said.

use super::known;
use std::net::IpAddr;
use vmbuild::facts::display::{Framebuffer, Holder, Holders, KernelConsole};
use vmbuild::facts::networking::{HostInterface, Route, SshSession};
use vmbuild::facts::pci_details::{
    Bar, BarSpace, HeaderType, Link, LinkPort, MdevType, PowerState, ReservedRegion, ResetMethod, SrIov,
};
use vmbuild::facts::storage::{BlockDevice, Mount};
use vmbuild::facts::usb::Keyboard;
use vmbuild::facts::vfio::{ModprobeDirective, ModprobeLine};
use vmbuild::facts::{
    Domain, DomainState, Fact, Facts, Host, Iommu, Kernel, Lockdown, ModuleState, PciDetails, PciDevice, Sleep,
    Version, Vfio,
};
use vmbuild::units::{Bytes, CpuSet, PciAddress};

/// A machine with one change.
pub(crate) struct Variant {
    /// What must be said with the change, and must not without.
    pub(crate) code: &'static str,
    /// The change in words.
    pub(crate) shows: &'static str,
    /// The machine.
    pub(crate) slug: &'static str,
    /// What is taken.
    pub(crate) take: &'static [&'static str],
    /// The change.
    pub(crate) change: fn(&mut Facts),
}

const MACHINE: &str = "amd-x570-aorus-pro-wifi";
const GPU: &str = "0000:0b:00.0";
const SOUND: &str = "0000:0b:00.1";

fn at(text: &str) -> PciAddress {
    text.parse().unwrap()
}

fn kernel(facts: &mut Facts) -> &mut Kernel {
    facts.kernel.get_mut().unwrap()
}

fn vfio(facts: &mut Facts) -> &mut Vfio {
    facts.vfio.get_mut().unwrap()
}

fn words(facts: &mut Facts, words: &[&str]) {
    kernel(facts).command_line = known(words.iter().map(|word| (*word).into()).collect());
}

fn device<'a>(facts: &'a mut Facts, address: &str) -> &'a mut PciDevice {
    facts.pci.get_mut().unwrap().iter_mut().find(|device| device.address == at(address)).unwrap()
}

fn details<'a>(facts: &'a mut Facts, address: &str) -> &'a mut PciDetails {
    facts.details.get_mut(&at(address)).unwrap()
}

/// The first device of a class, by the class's upper 16 bits.
fn first(facts: &Facts, class: u32) -> PciAddress {
    facts.pci.items().iter().find(|device| device.class >> 8 == class).unwrap().address
}

fn mounted(facts: &mut Facts, class: u32, point: &str) {
    let function = first(facts, class);
    let disk = BlockDevice { name: "sda".into(), functions: vec![function], ..BlockDevice::default() };
    let storage = facts.storage.get_mut().unwrap();
    storage.devices.push(disk);
    let mount = Mount {
        point: point.into(),
        kind: "ext4".into(),
        source: "/dev/sda".into(),
        devices: vec!["sda".into()],
        server: None,
    };
    storage.mounts.get_mut().unwrap().push(mount);
}

fn wired(facts: &mut Facts) {
    let function = first(facts, 0x0200);
    let address: IpAddr = "192.0.2.7".parse().unwrap();
    let networking = facts.networking.get_mut().unwrap();
    let port = HostInterface { name: "eth0".into(), function: Some(function), ..HostInterface::default() };
    let bridge = HostInterface {
        name: "br0".into(),
        addresses: vec![address],
        below: vec!["eth0".into()],
        ..HostInterface::default()
    };
    networking.interfaces = vec![port, bridge];
}

fn modprobe(facts: &mut Facts, directive: ModprobeDirective) {
    vfio(facts).modprobe = known(vec![ModprobeLine { file: "/etc/modprobe.d/vfio.conf".into(), directive }]);
}

fn domain() -> Domain {
    Domain {
        name: "games".into(),
        uuid: "0d7d3f7e-0000-4000-8000-000000000001".into(),
        state: DomainState::Active,
        autostart: false,
        macs: Vec::new(),
        disks: Vec::new(),
        pci: vec![at(GPU)],
        vcpus: 0,
        memory: Bytes(0),
        pinned: CpuSet::default(),
        holdings: Vec::new(),
    }
}

fn bar(size: Bytes, assigned: bool) -> Bar {
    Bar {
        index: 1,
        start: u64::from(assigned) << 32,
        size,
        space: BarSpace::WideMemory,
        prefetchable: true,
        assigned,
        sizes: known(Vec::new()),
    }
}

/// Makes the network card a virtual function.
fn of_another(facts: &mut Facts) {
    details(facts, "0000:06:00.0").physical_function = known(Some(at("0000:04:00.0")));
}

fn link(width: u32, slot: u32) -> Link {
    let port = LinkPort { max_speed: 16_000, max_width: slot };
    Link { speed: 16_000, width, max_speed: 16_000, max_width: 16, port: Some(port) }
}

fn host(uri: &str) -> Host {
    let version = Version { major: 11, minor: 3, release: 0 };
    Host {
        uri: uri.into(),
        hostname: "hv".into(),
        libvirt: version,
        driver: "QEMU".into(),
        hypervisor: version,
        local: true,
    }
}

fn of(code: &'static str, shows: &'static str, change: fn(&mut Facts)) -> Variant {
    Variant { code, shows, slug: MACHINE, take: &[GPU], change }
}

fn taking(code: &'static str, shows: &'static str, take: &'static [&'static str], change: fn(&mut Facts)) -> Variant {
    Variant { code, shows, slug: MACHINE, take, change }
}

/// Every variant, in the order of the checks.
pub(crate) fn variants() -> Vec<Variant> {
    let mut all = of_the_host();
    all.extend(of_the_isolation());
    all.extend(of_the_use());
    all.extend(of_the_display());
    all.extend(of_the_binding());
    all.extend(of_the_device());
    all.extend(of_the_link());
    all
}

fn of_the_host() -> Vec<Variant> {
    vec![
        of("IOMMU-OFF", "no groups", |f| {
            f.iommu = known(Iommu::Off { cause: "VT-d is off.".into(), remedy: "Switch it on.".into() });
        }),
        of("IOMMU-INTREMAP", "no interrupt remapping", |f| kernel(f).interrupt_remapping = known(false)),
        of("IOMMU-UNSAFE-PARAM", "a guard off without need", |f| vfio(f).unsafe_interrupts = known(true)),
        of("IOMMU-NOIOMMU", "VFIO without isolation", |f| vfio(f).no_iommu = known(true)),
        of("VFIO-MODULE", "a kernel for the cloud", |f| {
            vfio(f).modules.insert("vfio_pci".into(), known(ModuleState::Missing));
        }),
        of("VFIO-BLACKLISTED", "a line that forbids", |f| {
            modprobe(f, ModprobeDirective::Blacklist { module: "vfio_pci".into() });
        }),
        of("HOST-LOCKDOWN", "Secure Boot", |f| kernel(f).lockdown = known(Lockdown::Integrity)),
        of("HOST-LOCKDOWN", "Secure Boot, and a card that only an unsigned module resets", |f| {
            kernel(f).lockdown = known(Lockdown::Integrity);
            let gpu = device(f, GPU);
            (gpu.vendor, gpu.device) = (0x1002, 0x687f);
        }),
        of("IOMMU-CMDLINE-TYPO", "swapped letters", |f| words(f, &["vifo-pci.ids=10de:2230"])),
        of("IOMMU-CMDLINE-TYPO", "an address in place of ids", |f| words(f, &["vfio-pci.ids=0b:00.0"])),
        of("IOMMU-PLACEBO", "a word that does nothing", |f| words(f, &["amd_iommu=on"])),
        of("IOMMU-PT", "the host's devices around the IOMMU", |f| words(f, &["iommu=pt"])),
        of("IOMMU-PT", "a group that is not translated", |f| {
            let group = device(f, GPU).iommu_group.unwrap();
            f.groups.get_mut(&group).unwrap().kind = known("identity".into());
        }),
        of("HOST-IDLE-SUSPEND", "a host that nobody uses", |f| {
            let sleep = Sleep { idle: "suspend".into(), ..Sleep::default() };
            kernel(f).sleep = known(sleep);
        }),
        of("HOST-IDLE-SUSPEND", "a laptop with its lid closed", |f| {
            let sleep = Sleep { idle: "ignore".into(), lid: "suspend".into(), forbidden: false };
            (kernel(f).sleep, kernel(f).chassis) = (known(sleep), known(10));
        }),
        Variant {
            code: "IOMMU-IGPU-BYPASSED",
            shows: "a kernel that leaves the GPU out",
            slug: "intel-z690-asus-prime-d4",
            take: &["0000:00:02.0"],
            change: |f| {
                let options = [("INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF".into(), "y".into())].into();
                kernel(f).options = known(options);
            },
        },
        of("ACS-OVERRIDE", "a patched kernel", |f| words(f, &["pcie_acs_override=downstream"])),
        of("ACS-RELAXED", "a port told to redirect less", |f| words(f, &["pci=disable_acs_redir=0000:00:03.1"])),
        of("PCI-SESSION", "a session connection", |f| f.host = known(host("qemu:///session"))),
        of("HOST-DMA-ENTRY-LIMIT", "a limit that was lowered", |f| vfio(f).dma_entry_limit = known(1024)),
        of("HOST-PHYSBITS", "a narrow IOMMU", |f| kernel(f).iommu_address_bits = known(39)),
    ]
}

fn of_the_isolation() -> Vec<Variant> {
    vec![
        Variant {
            code: "GRP-COMPANION-SYSTEM",
            shows: "an LPC bridge without a driver in the group of the sound",
            slug: "intel-z87-two-identical-r9-280x",
            take: &["0000:00:1b.0"],
            change: |f| {
                let group = device(f, "0000:00:1b.0").iommu_group;
                let bridge = device(f, "0000:00:1f.0");
                (bridge.iommu_group, bridge.driver) = (group, None);
            },
        },
        taking("TB-HOTPLUG", "the controller of Thunderbolt", &["0000:0e:00.3"], |f| {
            device(f, "0000:0e:00.3").class = 0x000c_0340;
        }),
        of("RMRR-DIRECT", "memory that the firmware keeps", |f| {
            let region = ReservedRegion { start: 0, end: 4095, kind: "direct".into() };
            let group = device(f, GPU).iommu_group.unwrap();
            f.groups.get_mut(&group).unwrap().reserved = known(vec![region]);
        }),
        taking("NET-PF-WITH-VFS", "virtual functions exist", &["0000:06:00.0"], |f| {
            let sriov = SrIov { total: 7, functions: vec![at("0000:06:10.0")] };
            details(f, "0000:06:00.0").sriov = known(Some(sriov));
        }),
        taking("NET-VF-NOT-PERSISTENT", "a virtual function", &["0000:06:00.0"], of_another),
        taking("NET-VF-USE-INTERFACE", "a virtual function", &["0000:06:00.0"], of_another),
        taking("NET-VF-MAC0", "a virtual function without an address", &["0000:06:00.0"], |f| {
            of_another(f);
            let port =
                HostInterface { name: "eth0v0".into(), function: Some(at("0000:06:00.0")), ..HostInterface::default() };
            f.networking.get_mut().unwrap().interfaces = vec![port];
        }),
        Variant {
            code: "GPU-SRIOV-IGPU",
            shows: "a GPU with virtual functions",
            slug: "intel-z690-asus-prime-d4",
            take: &["0000:00:02.0"],
            change: |f| details(f, "0000:00:02.0").sriov = known(Some(SrIov { total: 7, functions: Vec::new() })),
        },
        taking("NVME-VMD", "a drive in a domain of VMD", &["10000:01:00.0"], |f| {
            let mut drive = f.pci.items().iter().find(|device| device.class >> 8 == 0x0108).unwrap().clone();
            drive.address = at("10000:01:00.0");
            f.pci.get_mut().unwrap().push(drive);
        }),
        of("PCI-IN-USE", "a running VM has the card", |f| f.domains = known(vec![domain()])),
    ]
}

fn of_the_use() -> Vec<Variant> {
    let nvme: &[&str] = &["0000:01:00.0"];
    let nic: &[&str] = &["0000:06:00.0"];
    vec![
        taking("USE-ROOT-DISK", "the root file system", nvme, |f| mounted(f, 0x0108, "/")),
        taking("USE-SATA-HOST", "a mounted file system", &["0000:04:00.0"], |f| mounted(f, 0x0106, "/srv")),
        taking("USE-DISK-UNKNOWN", "a remote host whose files were not read", nvme, |f| {
            f.host = known(Host { local: false, ..host("qemu+ssh://root@hv/system") });
            f.storage = Fact::unknown("Over ssh nobody has looked.");
        }),
        taking("USE-DISK-UNKNOWN", "a controller of a host that is reached by tcp", &["0000:04:00.0"], |f| {
            f.host = known(Host { local: false, ..host("qemu+tcp://hv/system") });
            f.storage = Fact::unknown("libvirt does not tell it.");
        }),
        taking("USE-NET-SSH", "the session goes through a bridge", nic, |f| {
            wired(f);
            let (client, server) = ("192.0.2.9".parse().unwrap(), "192.0.2.7".parse().unwrap());
            f.networking.get_mut().unwrap().ssh = known(vec![SshSession { client, server, own: true }]);
        }),
        taking("USE-NET-ROUTE", "the default route", nic, |f| {
            wired(f);
            let network = "0.0.0.0".parse().unwrap();
            let route = Route { network, prefix: 0, gateway: true, interface: "br0".into() };
            f.networking.get_mut().unwrap().routes = known(vec![route]);
        }),
        taking("USE-NET-ROUTE", "the way to the disks of another machine", nic, |f| {
            wired(f);
            let (network, server) = ("192.0.2.0".parse().unwrap(), "192.0.2.50".parse().unwrap());
            let route = Route { network, prefix: 24, gateway: false, interface: "br0".into() };
            f.networking.get_mut().unwrap().routes = known(vec![route]);
            let mount = Mount {
                point: "/srv/isos".into(),
                kind: "nfs4".into(),
                source: "nas:/isos".into(),
                devices: Vec::new(),
                server: Some(server),
            };
            f.storage.get_mut().unwrap().mounts.get_mut().unwrap().push(mount);
        }),
        taking("USE-USB-INPUT", "the only keyboard", &["0000:0e:00.3"], |f| {
            let keyboard = Keyboard { name: "Model M".into(), function: Some(at("0000:0e:00.3")) };
            f.usb.get_mut().unwrap().keyboards = known(vec![keyboard]);
        }),
    ]
}

fn of_the_display() -> Vec<Variant> {
    vec![
        of("USE-GPU-DISPLAY", "the console of the host", |f| {
            let framebuffer = Framebuffer { name: "fb0".into(), driver: None, function: Some(at(GPU)) };
            f.displays.get_mut().unwrap().framebuffers = vec![framebuffer];
        }),
        of("USE-GPU-DISPLAY", "a desktop has it open", |f| {
            let holder =
                Holder { pid: 812, program: "Xorg".into(), device: "/dev/nvidia0".into(), function: Some(at(GPU)) };
            f.displays.get_mut().unwrap().holders = known(Holders { seen: vec![holder], hidden: 0 });
        }),
        of("HOST-VTCON", "the kernel's console on a frame buffer", |f| {
            let displays = f.displays.get_mut().unwrap();
            displays.framebuffers = vec![Framebuffer { name: "fb0".into(), driver: None, function: Some(at(GPU)) }];
            displays.consoles =
                vec![KernelConsole { name: "vtcon1".into(), on: "(M) frame buffer device".into(), bound: true }];
        }),
        of("HOST-CONSOLE-DRIVER", "the firmware's frame buffer on an old kernel", |f| {
            kernel(f).release = known("5.15.0-91-generic".into());
            details(f, GPU).bars = known(vec![bar(Bytes::mib(256), true)]);
            f.displays.get_mut().unwrap().firmware_framebuffer = known(Some((1 << 32, (1 << 32) + 0x7f_ffff)));
        }),
        of("PCI-BOOT-GPU", "the firmware's display", |f| device(f, GPU).boot_vga = Some(true)),
    ]
}

fn of_the_binding() -> Vec<Variant> {
    vec![
        of("BIND-IDS-CAPTURES-HOST", "the ids of the host's drive", |f| {
            mounted(f, 0x0108, "/");
            let id = format!("vfio-pci.ids={}", f.pci.items().iter().find(|d| d.class >> 8 == 0x0108).unwrap().ids());
            words(f, &[&id]);
        }),
        of("BIND-EARLY-FAILED", "nvidia was faster", |f| {
            let ids = format!("ids={},{}", device(f, GPU).ids(), device(f, SOUND).ids());
            modprobe(f, ModprobeDirective::Options { module: "vfio_pci".into(), options: vec![ids] });
        }),
        of("BIND-IDS-PARTIAL", "sound forgotten", |f| {
            let id = format!("vfio-pci.ids={}", device(f, GPU).ids());
            words(f, &[&id]);
        }),
        of("BIND-RETURN", "a driver that may hang in a card that comes back", |f| {
            device(f, GPU).driver = Some("nouveau".into());
        }),
        of("BIND-IDENTICAL", "a second card of the model", |f| {
            let (vendor, id) = (device(f, GPU).vendor, device(f, GPU).device);
            let other = device(f, "0000:0c:00.0");
            (other.vendor, other.device) = (vendor, id);
        }),
    ]
}

fn of_the_device() -> Vec<Variant> {
    vec![
        of("DEV-DEAD", "it reads as ones", |f| details(f, GPU).header = known(HeaderType::Dead)),
        of("RESET-NONE", "no way to reset", |f| {
            details(f, GPU).reset_methods = known(Vec::new());
            details(f, SOUND).reset_methods = known(Vec::new());
        }),
        of("RESET-PREFERRED", "sleep before a function's own reset", |f| {
            details(f, GPU).reset_methods = known(vec![ResetMethod::Pm, ResetMethod::Flr]);
        }),
        taking("RESET-PREFERRED", "USB of AMD that breaks with it", &["0000:0e:00.3"], |f| {
            details(f, "0000:0e:00.3").reset_methods = known(vec![ResetMethod::Flr, ResetMethod::Bus]);
            device(f, "0000:0e:00.3").device = 0x149c;
        }),
        of("RESET-BUS-ONLY", "another card below the bridge", |f| {
            details(f, GPU).reset_methods = known(vec![ResetMethod::Bus]);
            let bridge = vec![at("0000:00:03.1")];
            details(f, GPU).upstream = known(bridge.clone());
            details(f, "0000:0c:00.0").upstream = known(bridge);
        }),
        of("ACCEL-PHYSICAL", "an accelerator that can be shared", |f| {
            device(f, GPU).class = 0x12_00_00;
            details(f, GPU).sriov = known(Some(SrIov { total: 8, functions: Vec::new() }));
        }),
        of("RESET-KERNEL", "a kernel that broke it", |f| kernel(f).release = known("6.14.2-zen1".into())),
        of("RESET-NAVI", "a Navi 32", |f| {
            let gpu = device(f, GPU);
            (gpu.vendor, gpu.device) = (0x1002, 0x747e);
        }),
        of("RESET-AMD-BUG", "a Vega", |f| {
            let gpu = device(f, GPU);
            (gpu.vendor, gpu.device) = (0x1002, 0x687f);
        }),
        of("POWER-D3COLD", "asleep on vfio-pci", |f| {
            device(f, GPU).driver = Some("vfio-pci".into());
            details(f, GPU).power_state = known(PowerState::D3Cold);
        }),
        of("TB-HOTPLUG", "behind Thunderbolt", |f| details(f, GPU).removable = known(true)),
        of("USE-ONLY-GPU", "no other display", |f| {
            f.pci.get_mut().unwrap().retain(|d| d.address != at("0000:0c:00.0"));
        }),
        of("GPU-LAPTOP", "a laptop", |f| kernel(f).chassis = known(10)),
        of("ROM-ABSENT", "no ROM", |f| details(f, GPU).rom = known(None)),
        of("BAR-NOT-ASSIGNED", "no place above 4 GiB", |f| {
            details(f, GPU).bars = known(vec![bar(Bytes::gib(16), false)]);
        }),
        of("BAR-LARGE", "a card of a data centre", |f| details(f, GPU).bars = known(vec![bar(Bytes::gib(80), true)])),
        taking("NUMA-SPAN", "cards of two nodes", &[GPU, "0000:0c:00.0"], |f| {
            device(f, GPU).numa_node = Some(0);
            device(f, "0000:0c:00.0").numa_node = Some(1);
        }),
    ]
}

fn of_the_link() -> Vec<Variant> {
    vec![
        of("BAR-REBAR", "a window that could be larger", |f| {
            let sizes = known(vec![Bytes::mib(256), Bytes::gib(16)]);
            details(f, GPU).bars = known(vec![Bar { sizes, ..bar(Bytes::mib(256), true) }]);
        }),
        of("PCIE-DOWNTRAINED", "four lanes of sixteen", |f| details(f, GPU).link = known(Some(link(4, 16)))),
        of("PCIE-DOWNTRAINED", "a slot of four lanes", |f| details(f, GPU).link = known(Some(link(4, 4)))),
        of("INTX-SHARED", "one line for two", |f| {
            for address in [GPU, "0000:06:00.0"] {
                details(f, address).msi = known(false);
                details(f, address).interrupt_line = known(Some(16));
            }
        }),
        of("DEV-ALIAS-BRIDGE", "conventional cards behind one bridge", |f| {
            details(f, GPU).link = known(None);
            details(f, GPU).upstream = known(vec![at("0000:00:03.1")]);
        }),
        of("MDEV-PARENT", "vGPUs", |f| {
            let kind = MdevType { id: "nvidia-63".into(), name: None, available: Some(2) };
            details(f, GPU).mdev_types = known(vec![kind]);
        }),
    ]
}
