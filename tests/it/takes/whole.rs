//! Machines of which the outcome is published: the verdict on each device, what becomes of which function, what must be said
//! and what must not.

use super::{hold, line, outcome, verdict};
use crate::support::whole_machine::WholeMachine;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use vmbuild::checks::{Finding, Severity, Taken, Wording, doctor, take};
use vmbuild::facts::{Facts, Part};
use vmbuild::host::{Source, Sysroot, observe};
use vmbuild::machine::Role;
use vmbuild::spec::Spec;
use vmbuild::units::PciAddress;

/// One device: machine, address, verdict, functions that the guest gets, what is said, what is not.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

const ROWS: &[Row] = &[
    ("am5-b650e-rx7900xt", "03:00.0", "ready", &["03:00.0", "03:00.1"], &["returns to amdgpu", "Navi 31"], &[]),
    (
        "am5-b650e-rx7900xt",
        "0f:00.0",
        "warnings",
        &["0f:00.0", "0f:00.1"],
        &["boot GPU", "video BIOS for 0000:0f:00.0", "AMDGopDriver.rom for 0000:0f:00.1"],
        &["rarely", "vendor-reset"],
    ),
    ("am5-b650e-rx7900xt", "0c:00.0", "ready", &["0c:00.0"], &[], &[]),
    ("am5-b650e-rx7900xt", "0d:00.0", "ready", &["0d:00.0"], &[], &[]),
    ("am5-b650e-rx7900xt", "07:00.0", "ready", &["07:00.0"], &[], &["driverctl"]),
    ("am5-b650e-rx7900xt", "0a:00.0", "blocked", &["0a:00.0"], &["default route"], &[]),
    (
        "nixos-rx7900xtx-ids-too-late",
        "03:00.0",
        "warnings",
        &["03:00.0", "03:00.1"],
        &[
            "boot.extraModprobeConfig",
            "options vfio-pci ids=1002:744c,1002:ab30",
            "softdep amdgpu pre: vfio-pci",
            "nixos-rebuild boot",
        ],
        &["/etc/modprobe.d", "driverctl"],
    ),
    (
        "hgx-h200-nvswitches-one-group",
        "05:00.0",
        "ready",
        &["05:00.0", "06:00.0", "07:00.0", "08:00.0"],
        &["fabric manager"],
        &["bridge"],
    ),
    (
        "hgx-h200-nvswitches-one-group",
        "5d:00.0",
        "warnings",
        &["5d:00.0"],
        &["nvidia", "0000:05:00.0, 0000:06:00.0, 0000:07:00.0 and 0000:08:00.0", "fabric manager"],
        &["same IDs", "has the IDs"],
    ),
    (
        "epyc-rtx-pro-6000-vgpu-segment1",
        "0001:04:00.2",
        "warnings",
        &["0001:04:00.2"],
        &["current_vgpu_type", "rebinding ends a vGPU"],
        &["driverctl", "persistenced", "will be rebound"],
    ),
    ("epyc-rtx-pro-6000-vgpu-segment1", "0001:04:00.0", "blocked", &["0001:04:00.0"], &["virtual functions"], &[]),
    ("epyc-rtx-pro-6000-vgpu-segment1", "42:00.0", "warnings", &["42:00.0"], &["nvidia", "BARs of 128 GiB"], &[]),
    (
        "am5-7950x3d-raphael-igpu",
        "11:00.0",
        "warnings",
        &["11:00.0", "11:00.1"],
        &["video BIOS for 0000:11:00.0", "AMDGopDriver.rom for 0000:11:00.1", "0000:11:00.6", "RadeonResetBugFix"],
        &["vendor-reset", "0000:11:00.3", "0000:11:00.4"],
    ),
    ("am5-7950x3d-raphael-igpu", "01:00.0", "warnings", &["01:00.0", "01:00.1"], &["nvidia"], &[]),
    (
        "thinkpad-e16-arl-igpu-vf",
        "00:02.1",
        "ready",
        &["00:02.1"],
        &[],
        &["a virtual function of it", "laptop", "ROM", "rom_file"],
    ),
    ("thinkpad-e16-arl-igpu-vf", "00:02.0", "blocked", &["00:02.0"], &["virtual functions"], &[]),
    (
        "thinkpad-p53-egpu",
        "09:00.0",
        "ready",
        &["09:00.0", "09:00.1"],
        &["can be unplugged", "narrower", "before the host boots"],
        &["laptop"],
    ),
    (
        "rpi5-gtx1050ti-no-iommu",
        "0001:01:00.0",
        "blocked",
        &["0001:01:00.0", "0001:01:00.1"],
        &["no IOMMU in front of PCI Express", "Nothing can be switched on"],
        &["VT-d", "AMD IOMMU", "firmware set-up", "x2APIC"],
    ),
    ("am4-5600g-arc-a770", "12:00.0", "ready", &["12:00.0"], &["0000:13:00.0"], &[]),
    (
        "b550-rx7800xt-reset",
        "2d:00.0",
        "warnings",
        &["2d:00.0", "2d:00.1"],
        &["Navi 32", "hang the host when the VM stops", "mixed"],
        &[],
    ),
    (
        "b450-rtx-group12-audio",
        "09:00.0",
        "warnings",
        &["09:00.0", "09:00.1"],
        &["ids=10de:1b81,10de:10f0", "softdep snd_hda_intel pre: vfio-pci"],
        &["ids=10de:10f0"],
    ),
    (
        "cezanne-dual-coral",
        "05:00.0",
        "warnings",
        &["05:00.0"],
        &["no way to reset", "may not work again"],
        &["06:00.0"],
    ),
];

fn facts(machine: &WholeMachine) -> Facts {
    let tree = machine.tree();
    let source = Source::with_tree("test:///default", Sysroot::new(tree.path()));
    observe(&source, [Part::Host, Part::Pci, Part::Boot, Part::Uses, Part::Details]).facts
}

/// All that is said of a device, remedies as well.
fn said(taken: &Taken) -> String {
    let told = taken.findings.iter().filter(|finding| finding.severity() != Severity::Unknown);
    let told = told.map(|found| {
        format!("{}: {} {}\n", found.code(), found.message(Wording::Taking), found.remedy(Wording::Taking))
    });
    told.collect()
}

fn passed(taken: &Taken) -> BTreeSet<PciAddress> {
    taken.members.iter().filter(|member| member.role == Role::Pass).map(|member| member.address).collect()
}

#[test]
fn machines_with_a_known_outcome_are_judged_by_it() {
    let mut wrong = Vec::new();
    for (slug, address, want, pass, must, must_not) in ROWS {
        let facts = facts(&WholeMachine::load(slug));
        let taken = take(&facts, &[address.parse().unwrap()]);
        let text = said(&taken);
        let mut complain = |what: String| wrong.push(format!("{slug} {address}: {what}\n{text}"));
        if verdict(&taken) != *want {
            complain(format!("{} and not {want}", verdict(&taken)));
        }
        let pass: BTreeSet<PciAddress> = pass.iter().map(|address| address.parse().unwrap()).collect();
        if passed(&taken) != pass {
            complain(format!("passes {:?}", passed(&taken)));
        }
        if let Some(held) = taken.members.iter().find(|member| member.role == Role::Hold) {
            complain(format!("holds {held:?}"));
        }
        for words in must.iter().filter(|words| !text.contains(*words)) {
            complain(format!("does not say: {words}"));
        }
        for words in must_not.iter().filter(|words| text.contains(*words)) {
            complain(format!("says: {words}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_outcome_of_every_device_is_recorded() {
    let mut wrong = String::new();
    for machine in WholeMachine::all() {
        let facts = facts(&machine);
        let mut text = format!("{}\n", machine.slug);
        for finding in
            doctor(&facts).iter().filter(|line| line.code == "HOST-BOOT-CHAIN").flat_map(|line| &line.findings)
        {
            writeln!(text, "{}", line(finding)).unwrap();
        }
        for (_, address, ..) in ROWS.iter().filter(|row| row.0 == machine.slug) {
            let asked: [PciAddress; 1] = [address.parse().unwrap()];
            writeln!(text, "\n{address}: {}", verdict(&take(&facts, &asked))).unwrap();
            let unknown = |finding: &Finding| finding.severity() == Severity::Unknown;
            text += &outcome(&facts, &asked, unknown);
        }
        hold(&format!("whole-{}", machine.slug), &text, &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong}\nIf this is meant: UPDATE_GOLDEN=1, and read the diff.");
}

#[test]
fn the_ports_of_a_card_with_a_switch_of_its_own_stay_with_the_host() {
    let facts = facts(&WholeMachine::load("am4-5600g-arc-a770"));
    let taken = take(&facts, &["12:00.0".parse().unwrap()]);
    let left: Vec<String> = taken.members.iter().filter(|m| m.role == Role::Leave).map(|m| m.address.short()).collect();
    assert_eq!(left, ["10:00.0", "11:01.0", "11:04.0"]);
}

/// The domain of a Windows VM that takes these functions.
fn domain(slug: &str, functions: &[&str]) -> String {
    let rows: Vec<_> = functions.iter().map(|address| json!({"host_address": address})).collect();
    let spec = json!({"name": "taking", "memory": 8192, "vcpus": 4, "uefi": true, "os_type": "windows", "virt_type": "kvm",
        "pci_devices": rows});
    let spec: Spec = serde_json::from_value(spec).unwrap();
    vmbuild::case::preview(&spec, &facts(&WholeMachine::load(slug))).text()
}

#[test]
fn the_domain_has_what_these_devices_need() {
    let navi = domain("b550-rx7800xt-reset", &["2d:00.0", "2d:00.1"]);
    assert_eq!(navi.matches("<rom bar='off'/>").count(), 2, "{navi}");
    assert!(navi.contains("<vendor_id state='on' value='AuthenticAMD'/>"), "{navi}");
    let vgpu = domain("epyc-rtx-pro-6000-vgpu-segment1", &["0001:04:00.2"]);
    assert!(vgpu.contains("managed='no'") && !vgpu.contains("managed='yes'"), "{vgpu}");
    let whole = domain("epyc-rtx-pro-6000-vgpu-segment1", &["42:00.0"]);
    assert!(whole.contains("managed='yes'") && whole.contains("pcihole64"), "{whole}");
    let part = domain("thinkpad-e16-arl-igpu-vf", &["00:02.1"]);
    assert!(part.contains("<rom bar='off'/>") && part.contains("<video>"), "{part}");
    assert!(part.contains("<maxphysaddr mode='passthrough' limit='42'/>"), "{part}");
}

#[test]
fn a_remedy_is_for_the_boot_chain_of_the_machine() {
    let remedy = |os: &str| {
        let facts = facts(&WholeMachine::load("nixos-rx7900xtx-ids-too-late").booting(os));
        let taken = take(&facts, &["03:00.0".parse().unwrap()]);
        let found = taken.findings.iter().find(|finding| finding.code() == "BIND-EARLY-FAILED").unwrap();
        assert_ne!(found.severity(), Severity::Unknown, "{found:?}");
        found.remedy(Wording::Taking)
    };
    let ids = "1002:744c,1002:ab30";
    for (os, words) in [
        ("debian-grub", vec![format!("'options vfio-pci ids={ids} disable_vga=1'"), "update-initramfs -u".into()]),
        ("silverblue", vec![format!("--append=rd.driver.pre=vfio-pci --append=vfio-pci.ids={ids}")]),
        ("unraid", vec![format!("vfio-pci.ids={ids}"), "/boot/syslinux/syslinux.cfg".into()]),
        ("cachyos-limine", vec!["'softdep amdgpu pre: vfio-pci'".into(), "run 'limine-mkinitcpio'".into()]),
        ("fedora", vec!["dracut -f".into()]),
    ] {
        let said = remedy(os);
        assert!(words.iter().all(|words| said.contains(words.as_str())), "{os}: {said}");
    }
    for os in ["silverblue", "unraid", "nixos"] {
        assert!(!remedy(os).contains("/etc/modprobe.d"), "{os}: {}", remedy(os));
    }
}

#[test]
fn the_doctor_names_the_boot_chain_and_has_nothing_good_to_say_without_an_iommu() {
    let lines = doctor(&facts(&WholeMachine::load("b550-rx7800xt-reset").booting("cachyos-limine")));
    let told: String =
        lines.iter().flat_map(|line| &line.findings).map(|finding| finding.message(Wording::Full)).collect();
    assert!(told.contains("Limine (/boot/limine.conf); initramfs mkinitcpio (/usr/bin/mkinitcpio)"), "{told}");
    let lines = doctor(&facts(&WholeMachine::load("rpi5-gtx1050ti-no-iommu").booting("debian-grub")));
    assert!(lines.iter().all(|line| !line.findings.is_empty()), "{lines:#?}");
}

/// A server with ARM processors, whose interrupts are named after their devices.
const ARM_SERVER: &str = r#"{"slug": "arm", "arch": "aarch64", "table": "IORT", "kernel": "6.12.0", "groups": [
    {"id": 1, "devices": [{"address": "0001:00:00.0", "class": "0604", "vendor_id": "1def", "device_id": "e100"}]},
    {"id": 2, "devices": [{"address": "0001:01:00.0", "class": "0302", "vendor_id": "10de", "device_id": "20b0",
        "parent": "0001:00:00.0"}]}]}"#;

#[test]
fn interrupt_remapping_is_a_question_of_x86() {
    let taken = take(&facts(&WholeMachine::parse(ARM_SERVER)), &["0001:01:00.0".parse().unwrap()]);
    let text = said(&taken);
    assert!(verdict(&taken) != "blocked" && !text.contains("remap") && !text.contains("x2APIC"), "{text}");
}
