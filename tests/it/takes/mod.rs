//! Published machines: what taking each GPU, NIC, drive, USB and SATA controller means, as `tests/golden/takes/*.txt`.
//! `UPDATE_GOLDEN=1 cargo test --test it takes` writes them, to be read before they are committed. Drivers that the
//! listings leave out are those that the kernel would bind; the host's own use of the devices is injected in `variants.txt`.

mod judged;
mod plans;
mod variants;
mod whole;

use crate::support::machine::{Device, Machine};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};
use variants::{Variant, variants};
use vmbuild::checks::Wording;
use vmbuild::checks::{Finding, Severity, Taken, take};
use vmbuild::facts::pci_details::{HeaderType, Link, PowerState, ResetMethod, SrIov};
use vmbuild::facts::{
    BootChain, Displays, Fact, Facts, GroupDetails, HostBoot, HostCpu, HostStorage, Initramfs, Iommu, Kernel, Lockdown,
    ModuleState, Networking, PciClass, PciDetails, PciDevice, Provenance, Usb, Vfio,
};
use vmbuild::machine::{Role, card};
use vmbuild::units::PciAddress;

pub(crate) fn known<T>(value: T) -> Fact<T> {
    Fact::known(value, Provenance::Command("test".into()), 0)
}

/// Intel's controllers that hide NVMe drives.
const VMD: [&str; 2] = ["467f", "a77f"];

/// Thunderbolt's and USB4's own controllers, whose listings say no more than USB.
const NHI: [&str; 1] = ["1137"];

/// The driver that the kernel would bind.
fn guess(device: &Device) -> Option<String> {
    let vendor = device.vendor_id.as_str();
    Some(match (device.class.as_str(), vendor) {
        ("0604", _) => "pcieport".into(),
        ("0108", _) => "nvme".into(),
        ("0106", _) => "ahci".into(),
        ("0c03", "8086") if NHI.contains(&device.device_id.as_str()) => "thunderbolt".into(),
        ("0c03", _) => "xhci_hcd".into(),
        ("0403", _) => "snd_hda_intel".into(),
        ("0601", "8086") => "lpc_ich".into(),
        ("0c05", "8086") => "i801_smbus".into(),
        ("0104", "8086") if VMD.contains(&device.device_id.as_str()) => "vmd".into(),
        ("1080", "1022") => "ccp".into(),
        ("0300" | "0302" | "0380", "10de") => "nvidia".into(),
        ("0300" | "0302" | "0380", "1002") => "amdgpu".into(),
        ("0300" | "0302" | "0380", "8086") => "i915".into(),
        (class, _) if class.starts_with("02") => "nic".into(),
        _ => return None,
    })
}

fn device(group: u32, listed: &Device) -> PciDevice {
    let number = |text: &str| u16::from_str_radix(text, 16).unwrap();
    let nhi = listed.class == "0c03" && NHI.contains(&listed.device_id.as_str());
    let class = listed.full_class() + if nhi { 0x10 } else { 0 };
    PciDevice {
        address: listed.address.parse().unwrap(),
        class,
        vendor: number(&listed.vendor_id),
        device: number(&listed.device_id),
        subsystem: None,
        vendor_name: None,
        device_name: None,
        driver: listed.driver.clone().or_else(|| guess(listed)),
        iommu_group: Some(group),
        numa_node: None,
        boot_vga: (class >> 16 == 3).then_some(false),
        header: None,
    }
}

/// The virtual functions of the function at `address`, as the listing links them.
fn sriov(machine: &Machine, address: &str) -> Option<SrIov> {
    let own = machine.devices().filter(|(_, device)| device.physfn.as_deref() == Some(address));
    let functions: Vec<PciAddress> = own.map(|(_, device)| device.address.parse().unwrap()).collect();
    (!functions.is_empty()).then(|| SrIov { total: u32::try_from(functions.len()).unwrap(), functions })
}

fn details(machine: &Machine, listed: &Device) -> PciDetails {
    // The kernel does not try it on these, which it would break.
    let no_flr = listed.vendor_id == "1022" && ["149c", "1487", "148c"].contains(&listed.device_id.as_str());
    PciDetails {
        header: known(HeaderType::Endpoint),
        power_state: known(PowerState::D0),
        d3cold_allowed: known(true),
        resettable: known(true),
        reset_methods: known(if no_flr { vec![ResetMethod::Bus] } else { vec![ResetMethod::Flr, ResetMethod::Bus] }),
        bars: known(Vec::new()),
        rom: known(Some(vmbuild::units::Bytes::mib(1))),
        link: known(Some(Link { speed: 16_000, width: 16, max_speed: 16_000, max_width: 16, port: None })),
        msi: known(true),
        mdev_types: known(Vec::new()),
        sriov: known(sriov(machine, &listed.address)),
        physical_function: known(listed.physfn.as_ref().map(|address| address.parse().unwrap())),
        upstream: known(Vec::new()),
        ..PciDetails::default()
    }
}

/// A machine whose host uses nothing of what is taken, and where nothing is unknown that the checks need.
pub(crate) fn facts(machine: &Machine) -> Facts {
    let words = machine.cmdline.as_deref().unwrap_or("quiet").split_whitespace().map(String::from).collect();
    let mut pci: Vec<PciDevice> = machine.devices().map(|(group, listed)| device(group, listed)).collect();
    pci.sort_by_key(|device| device.address);
    let cpu = HostCpu { vendor: String::new(), address_bits: Some(48), virtualises: Some(true), is_virtual: false };
    let kernel = Kernel {
        release: known("6.12.38".into()),
        command_line: known(words),
        options: known(BTreeMap::new()),
        lockdown: known(Lockdown::None),
        interrupt_remapping: known(true),
        iommu_address_bits: known(48),
        cpu: known(cpu),
        ..Kernel::default()
    };
    let vfio = Vfio {
        modules: BTreeMap::from([("vfio_pci".into(), known(ModuleState::Available))]),
        unsafe_interrupts: known(false),
        no_iommu: known(false),
        modprobe: known(Vec::new()),
        ..Vfio::default()
    };
    let boot = HostBoot {
        chain: known(BootChain::UpdateGrub),
        initramfs: known(Initramfs::InitramfsTools),
        ..HostBoot::default()
    };
    let groups = machine
        .groups
        .iter()
        .map(|group| (group.id, GroupDetails { kind: known("DMA".into()), reserved: known(Vec::new()) }));
    Facts {
        iommu: known(Iommu::On { groups: u32::try_from(machine.groups.len()).unwrap() }),
        kernel: known(kernel),
        boot: known(boot),
        vfio: known(vfio),
        domains: known(Vec::new()),
        pools: known(Vec::new()),
        storage: known(HostStorage {
            mounts: known(Vec::new()),
            swaps: known(Vec::new()),
            zfs: known(Vec::new()),
            devices: Vec::new(),
        }),
        networking: known(Networking { routes: known(Vec::new()), ssh: known(Vec::new()), interfaces: Vec::new() }),
        displays: known(Displays {
            holders: known(vmbuild::facts::display::Holders::default()),
            ..Displays::default()
        }),
        usb: known(Usb { devices: known(Vec::new()), keyboards: known(Vec::new()) }),
        details: machine
            .devices()
            .map(|(_, listed)| (listed.address.parse().unwrap(), details(machine, listed)))
            .collect(),
        groups: groups.collect(),
        pci: known(pci),
        ..Facts::default()
    }
}

/// The devices that somebody would take.
fn offered(facts: &Facts) -> Vec<&PciDevice> {
    let wanted = |device: &&PciDevice| {
        let kinds = [PciClass::Gpu, PciClass::Nic, PciClass::Nvme, PciClass::Usb, PciClass::Storage];
        // The sound of the mainboard; that of a card goes with the card.
        kinds.contains(&device.kind()) || device.kind() == PciClass::Audio && device.address.bus == 0
    };
    facts.pci.items().iter().filter(wanted).collect()
}

pub(crate) fn verdict(taken: &Taken) -> &'static str {
    match taken.findings.iter().filter(|finding| !is_quiet(finding)).map(vmbuild::checks::Finding::severity).min() {
        Some(Severity::Blocker) => "blocked",
        Some(Severity::Warning) => "warnings",
        _ => "ready",
    }
}

/// libvirt is not asked for these machines.
fn is_quiet(finding: &Finding) -> bool {
    finding.severity() == Severity::Unknown && ["IOMMU-VFIO", "PCI-SESSION"].contains(&finding.code())
}

/// What concerns the host as such is the same for all its devices, and printed once.
fn is_of_host(finding: &Finding) -> bool {
    let codes = ["IOMMU-PLACEBO", "IOMMU-PT", "IOMMU-CMDLINE-TYPO", "ACS-OVERRIDE", "IOMMU-UNSAFE-PARAM"];
    codes.contains(&finding.code())
}

fn line(finding: &Finding) -> String {
    let mark = match finding.severity() {
        Severity::Blocker => "X",
        Severity::Warning => "!",
        Severity::Unknown => "?",
        Severity::Info => "i",
    };
    format!("{mark} {}: {}", finding.code(), finding.message(Wording::Taking))
}

/// One device's outcome, with its members.
fn outcome(facts: &Facts, asked: &[PciAddress], apart: fn(&Finding) -> bool) -> String {
    let taken = take(facts, asked);
    let mut text = String::new();
    for member in &taken.members {
        let role = serde_json::to_value(member.role).unwrap();
        writeln!(text, "  {} {}: {}", role.as_str().unwrap(), member.address, member.reason).unwrap();
    }
    for finding in taken.findings.iter().filter(|finding| !is_quiet(finding) && !apart(finding)) {
        writeln!(text, "  {}", line(finding)).unwrap();
    }
    text
}

fn listing(machine: &Machine) -> String {
    let facts = facts(machine);
    let devices = offered(&facts);
    let mut text = format!("{}\n", machine.slug);
    let about_host: BTreeSet<String> = devices
        .iter()
        .flat_map(|device| take(&facts, &[device.address]).findings)
        .filter(is_of_host)
        .map(|finding| line(&finding))
        .collect();
    for line in &about_host {
        writeln!(text, "{line}").unwrap();
    }
    for device in devices {
        let kind = serde_json::to_value(device.kind()).unwrap();
        let verdict = verdict(&take(&facts, &[device.address]));
        writeln!(text, "\n{} {} {}: {verdict}", device.address, kind.as_str().unwrap(), device.ids()).unwrap();
        text += &outcome(&facts, &[device.address], is_of_host);
    }
    text
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/takes")
}

/// Compares with the record, or writes it.
fn hold(name: &str, now: &str, wrong: &mut String) {
    let path = folder().join(format!("{name}.txt"));
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::create_dir_all(folder()).unwrap();
        fs::write(&path, now).unwrap();
        return;
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    if recorded != now {
        let diff = similar::TextDiff::from_lines(&recorded, now);
        writeln!(wrong, "{name}\n{}", diff.unified_diff()).unwrap();
    }
}

#[test]
fn taking_the_devices_of_every_machine_comes_out_as_recorded() {
    let mut wrong = String::new();
    let machines = Machine::all();
    assert!(machines.len() >= 25);
    for machine in &machines {
        hold(&machine.slug, &listing(machine), &mut wrong);
    }
    let mut text = String::new();
    for Variant { code, shows, slug, take, change } in variants() {
        let mut facts = facts(&Machine::load(slug));
        change(&mut facts);
        let asked: Vec<PciAddress> = take.iter().map(|address| address.parse().unwrap()).collect();
        writeln!(text, "{code}: {shows} ({slug}, {})", take.join(" ")).unwrap();
        text += &outcome(&facts, &asked, |_| false);
        text.push('\n');
    }
    hold("variants", &text, &mut wrong);
    assert!(
        wrong.is_empty(),
        "{wrong}\nIf this is meant: UPDATE_GOLDEN=1 cargo test --test it takes, and read the diff."
    );
}

#[test]
fn each_variant_says_its_code_and_the_same_machine_without_it_does_not() {
    for Variant { code, shows, slug, take, change } in variants() {
        let asked: Vec<PciAddress> = take.iter().map(|address| address.parse().unwrap()).collect();
        let mut facts = facts(&Machine::load(slug));
        let says = |facts: &Facts| {
            let said = |finding: &Finding| finding.code() == code && finding.severity() != Severity::Unknown;
            vmbuild::checks::take(facts, &asked).findings.iter().any(said)
        };
        assert!(!says(&facts), "{code} without: {shows}");
        change(&mut facts);
        assert!(says(&facts), "{code} with: {shows}");
    }
}

#[test]
fn a_card_of_which_the_kernel_shows_the_reset_at_its_first_function_alone_is_reset_whole() {
    let mut facts = facts(&Machine::load("amd-x570-aorus-pro-wifi"));
    let card = ["0000:0b:00.0", "0000:0b:00.1"].map(|address| address.parse::<PciAddress>().unwrap());
    for (address, methods) in card.into_iter().zip([vec![ResetMethod::Bus], Vec::new()]) {
        facts.details.get_mut(&address).unwrap().reset_methods = known(methods);
    }
    let taken = take(&facts, &card[..1]);
    assert!(taken.findings.iter().all(|finding| !finding.code().starts_with("RESET-")), "{:#?}", taken.findings);
    // What shares the bus and stays behind is hit all the same.
    facts.pci.get_mut().unwrap().iter_mut().find(|device| device.address.short() == "0c:00.0").unwrap().address =
        "0000:0b:01.0".parse().unwrap();
    let taken = take(&facts, &card[1..]);
    assert!(taken.findings.iter().any(|finding| finding.code() == "RESET-BUS-ONLY"), "{:#?}", taken.findings);
}

#[test]
fn every_function_of_every_machine_is_taken_by_the_rules() {
    for machine in Machine::all() {
        let facts = facts(&machine);
        let by_address: BTreeMap<_, _> = facts.pci.items().iter().map(|device| (device.address, device)).collect();
        for device in facts.pci.items() {
            let taken = card::taking(&facts, &[device.address]);
            let role = |address| taken.iter().find(|member| member.address == address).map(|member| member.role);
            for member in &taken {
                let device = by_address[&member.address];
                let bridge = device.kind() == PciClass::Bridge;
                assert!(!bridge || member.role == Role::Leave, "{} passes the bridge {device:?}", machine.slug);
                let left = member.role == Role::Leave && !bridge && card::is_bound(device);
                assert!(!left, "{} leaves {device:?} to its driver", machine.slug);
                if member.role == Role::Pass {
                    let card = card::card(&facts, device);
                    assert!(
                        card.iter().all(|other| role(other.address) == Some(Role::Pass)),
                        "{} splits {device:?}",
                        machine.slug
                    );
                    let zero = card.iter().any(|other| other.address.function == 0);
                    assert!(
                        !zero || role(device.address.with_function(0)) == Some(Role::Pass),
                        "{} lacks function 0",
                        machine.slug
                    );
                }
                let mates = facts.pci.items().iter().filter(|mate| mate.iommu_group == device.iommu_group);
                let whole = member.role == Role::Leave || mates.into_iter().all(|mate| role(mate.address).is_some());
                assert!(whole, "{} forgets a mate of {device:?}", machine.slug);
            }
        }
    }
}
