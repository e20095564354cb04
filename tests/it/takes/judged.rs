//! What an expert says of taking the devices of the published machines, written down by hand: the rules are held to it, not
//! to what they happen to say.

use super::{facts, known, verdict};
use crate::support::machine::Machine;
use std::net::IpAddr;
use vmbuild::checks::Wording;
use vmbuild::checks::{Finding, Level, Severity, Taken, take, take_holding};
use vmbuild::facts::Facts;
use vmbuild::facts::networking::{HostInterface, SshSession};
use vmbuild::facts::storage::{BlockDevice, Mount};
use vmbuild::facts::usb::Keyboard;
use vmbuild::units::PciAddress;

/// GPUs of the published machines, and whether taking the card by itself must be refused.
const GPUS: [(&str, &str, bool, &[&str]); 42] = [
    ("amd-b550-aorus-acs-off", "04:00.0", true, &["IOMMU-GROUP"]),
    ("amd-b550-aorus-acs-off", "0b:00.0", false, &[]),
    ("amd-b550-aorus-rx6950xt", "04:00.0", true, &["IOMMU-GROUP"]),
    ("amd-b550-aorus-rx6950xt", "08:00.0", false, &[]),
    ("amd-b550m-mortar", "04:00.0", true, &["IOMMU-GROUP"]),
    ("amd-b550m-mortar", "2b:00.0", false, &[]),
    ("amd-m75s-gen2-acs-override", "0c:00.0", false, &["GPU-APU"]),
    ("amd-m75s-gen2-before-acs-override", "0c:00.0", true, &["GPU-APU"]),
    ("amd-trx40-two-identical-a6000", "61:00.0", false, &["BIND-IDENTICAL"]),
    ("amd-trx40-two-identical-a6000", "41:00.0", false, &[]),
    ("amd-trx40-two-identical-a6000", "42:00.0", false, &["BIND-IDENTICAL"]),
    ("amd-x399-threadripper-1950x", "0d:00.0", false, &["RESET-AMD-BUG"]),
    ("amd-x399-threadripper-1950x", "43:00.0", false, &["RESET-AMD-BUG"]),
    ("amd-x570-aorus-pro-wifi", "0b:00.0", false, &[]),
    ("amd-x570-aorus-pro-wifi", "0c:00.0", false, &[]),
    ("epyc-six-v100-shared-groups", "27:00.0", true, &["GRP-GPUS", "BIND-IDENTICAL"]),
    ("epyc-six-v100-shared-groups", "28:00.0", true, &["GRP-GPUS", "BIND-IDENTICAL"]),
    ("epyc-six-v100-shared-groups", "44:00.0", false, &["BIND-IDENTICAL"]),
    ("epyc-six-v100-shared-groups", "a3:00.0", false, &["BIND-IDENTICAL"]),
    ("epyc-six-v100-shared-groups", "c3:00.0", true, &["GRP-GPUS", "BIND-IDENTICAL"]),
    ("epyc-six-v100-shared-groups", "c4:00.0", true, &["GRP-GPUS", "BIND-IDENTICAL"]),
    ("intel-atom-c3000-drivers", "04:00.0", true, &["USE-BMC-VGA"]),
    ("intel-c246-supermicro-i350-shared", "06:00.0", true, &["USE-BMC-VGA"]),
    ("intel-spr-dual-socket", "03:00.0", true, &["USE-BMC-VGA"]),
    ("intel-z170-asrock-itx", "01:00.0", false, &[]),
    ("intel-z170-asrock-itx", "00:02.0", false, &["GPU-IGD"]),
    ("intel-z370-gt1030", "00:02.0", false, &["GPU-IGD"]),
    ("intel-z370-gt1030", "01:00.0", false, &[]),
    ("intel-z390-rtx2080s-four-functions", "01:00.0", false, &[]),
    ("intel-z390-rtx2080s-four-functions", "00:02.0", false, &["GPU-IGD"]),
    ("intel-z690-ashtonian-full", "00:02.0", false, &["GPU-IGD"]),
    ("intel-z690-ashtonian-full", "03:00.0", false, &[]),
    ("intel-z690-ashtonian-full", "04:00.0", false, &["RESET-AMD-BUG"]),
    ("intel-z690-asus-prime-d4", "00:02.0", false, &["GPU-IGD"]),
    ("intel-z690-asus-prime-d4", "01:00.0", false, &[]),
    ("intel-z790-msi-sriov-vfs", "01:00.0", false, &[]),
    ("intel-z87-two-identical-r9-280x", "01:00.0", true, &["GRP-GPUS", "BIND-IDENTICAL"]),
    ("intel-z87-two-identical-r9-280x", "02:00.0", true, &["GRP-GPUS", "BIND-IDENTICAL"]),
    ("laptop-amd-cezanne-one-group", "04:00.0", true, &["GPU-APU"]),
    ("laptop-haswell-gtx765m-optimus", "01:00.0", false, &["GPU-NO-DISPLAY"]),
    ("xeon-e5-hp-dl380p-gen8", "01:00.1", true, &["USE-BMC-VGA"]),
    ("intel-z790-msi-sriov-vfs", "00:02.0", false, &["GPU-IGD"]),
];

#[test]
fn gpus_of_published_machines_are_judged_as_experts_do() {
    let mut wrong = Vec::new();
    for (slug, address, blocked, codes) in GPUS {
        let facts = facts(&Machine::load(slug));
        let taken = take(&facts, &[address.parse().unwrap()]);
        let said: Vec<&str> = taken.findings.iter().map(vmbuild::checks::Finding::code).collect();
        if (verdict(&taken) == "blocked") != blocked || !codes.iter().all(|code| said.contains(code)) {
            wrong.push(format!("{slug} {address}: {} {said:?}", verdict(&taken)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Network cards, drives, USB and SATA controllers and the sound of mainboards: the verdict, and what must be said for it.
/// Every kind of situation that the machines show is here at least once.
const OTHERS: [(&str, &str, &str, &[&str]); 71] = [
    // The chipset of B550 in one group: nothing of it can be taken alone.
    ("amd-b550-aorus-acs-off", "01:00.0", "blocked", &["IOMMU-GROUP", "GRP-ROOT-PORT"]),
    ("amd-b550-aorus-acs-off", "02:00.0", "blocked", &["IOMMU-GROUP"]),
    ("amd-b550-aorus-acs-off", "02:00.1", "blocked", &["IOMMU-GROUP"]),
    ("amd-b550-aorus-acs-off", "07:00.0", "blocked", &["IOMMU-GROUP"]),
    // USB of the processor, which has a group of its own and no reset of its own.
    ("amd-b550-aorus-acs-off", "0d:00.3", "warnings", &["RESET-BUS-ONLY"]),
    // With ACS the drive at the processor is free; the chipset is not.
    ("amd-b550-aorus-rx6950xt", "01:00.0", "ready", &[]),
    ("amd-b550-aorus-rx6950xt", "02:00.1", "blocked", &["IOMMU-GROUP"]),
    ("amd-b550-aorus-rx6950xt", "05:00.0", "blocked", &["IOMMU-GROUP"]),
    ("amd-b550m-mortar", "2a:00.0", "blocked", &["IOMMU-GROUP"]),
    // USB of a graphics card is the card.
    ("amd-b550m-mortar", "2b:00.2", "warnings", &["PCI-DRIVER"]),
    // Groups that a patched kernel has split: all of them are to be heeded.
    ("amd-m75s-gen2-acs-override", "01:00.0", "warnings", &["ACS-OVERRIDE"]),
    ("amd-m75s-gen2-acs-override", "0b:00.0", "warnings", &["ACS-OVERRIDE"]),
    ("amd-m75s-gen2-acs-override", "0c:00.3", "warnings", &["ACS-OVERRIDE"]),
    // The same before it: USB of the processor shares with its GPU and its security processor.
    ("amd-m75s-gen2-before-acs-override", "0c:00.3", "blocked", &["IOMMU-GROUP", "GRP-COMPANION-SYSTEM"]),
    ("laptop-amd-cezanne-one-group", "04:00.0", "blocked", &["IOMMU-GROUP", "GRP-COMPANION-SYSTEM"]),
    ("laptop-amd-cezanne-one-group", "04:00.3", "blocked", &["IOMMU-GROUP", "GRP-COMPANION-SYSTEM"]),
    // Two controllers of one chip in one group; twins; drives of one model.
    ("amd-trx40-two-identical-a6000", "04:00.1", "blocked", &["IOMMU-GROUP"]),
    ("amd-trx40-two-identical-a6000", "05:00.0", "warnings", &["BIND-IDENTICAL", "GRP-ROOT-PORT"]),
    ("amd-trx40-two-identical-a6000", "08:00.3", "warnings", &["BIND-IDENTICAL", "RESET-BUS-ONLY"]),
    ("amd-trx40-two-identical-a6000", "21:00.0", "warnings", &["BIND-IDENTICAL"]),
    ("amd-x399-threadripper-1950x", "01:00.0", "blocked", &["IOMMU-GROUP"]),
    ("amd-x399-threadripper-1950x", "05:00.0", "blocked", &["IOMMU-GROUP"]),
    ("amd-x399-threadripper-1950x", "09:00.0", "warnings", &["BIND-IDS-CAPTURES-HOST", "BIND-IDENTICAL"]),
    ("amd-x399-threadripper-1950x", "0e:00.3", "ready", &["BIND-IDENTICAL"]),
    ("amd-x399-threadripper-1950x", "0f:00.2", "ready", &["BIND-IDENTICAL"]),
    ("amd-x399-threadripper-1950x", "44:00.0", "warnings", &["BIND-EARLY-FAILED"]),
    ("amd-x570-aorus-pro-wifi", "01:00.0", "ready", &[]),
    ("amd-x570-aorus-pro-wifi", "04:00.0", "ready", &[]),
    ("amd-x570-aorus-pro-wifi", "05:00.0", "ready", &[]),
    ("amd-x570-aorus-pro-wifi", "08:00.3", "blocked", &["IOMMU-GROUP", "BIND-IDENTICAL"]),
    ("amd-x570-aorus-pro-wifi", "0e:00.3", "warnings", &["RESET-BUS-ONLY"]),
    ("amd-x570-aorus-pro-wifi", "0f:00.0", "ready", &[]),
    // Ports and controllers of a server's processor, each with a group of its own.
    ("intel-atom-c3000-drivers", "00:13.0", "ready", &[]),
    ("intel-atom-c3000-drivers", "00:15.0", "ready", &[]),
    ("intel-atom-c3000-drivers", "05:00.0", "ready", &[]),
    // Virtual functions that cannot be told from their physical one, and the physical one itself.
    ("intel-c246-connectx4-vfs-one-group", "01:00.0", "blocked", &["IOMMU-GROUP", "NET-PF-WITH-VFS"]),
    ("intel-c246-connectx4-vfs-one-group", "01:00.2", "blocked", &["IOMMU-GROUP", "NET-VF-SAME-GROUP"]),
    ("intel-z790-msi-sriov-vfs", "07:00.0", "blocked", &["NET-PF-WITH-VFS"]),
    ("intel-z790-msi-sriov-vfs", "07:10.0", "ready", &["NET-VF-USE-INTERFACE", "NET-VF-NOT-PERSISTENT"]),
    // Both ports of a card behind one root port; cards of one model; USB beside memory of the chipset.
    ("intel-c246-supermicro-i350-shared", "01:00.0", "ready", &["GRP-ROOT-PORT"]),
    ("intel-c246-supermicro-i350-shared", "02:00.0", "ready", &["BIND-IDENTICAL"]),
    ("intel-c246-supermicro-i350-shared", "00:14.0", "ready", &[]),
    ("intel-c246-supermicro-i350-shared", "07:00.0", "ready", &[]),
    ("intel-spr-dual-socket", "00:17.0", "ready", &[]),
    ("intel-spr-dual-socket", "01:00.0", "ready", &[]),
    // A kernel that merged the groups of a switch.
    ("intel-x99-kernel58-before", "09:00.0", "ready", &["GRP-ROOT-PORT"]),
    ("intel-x99-kernel58-before", "0c:00.0", "ready", &[]),
    ("intel-x99-kernel59-regression-after", "09:00.0", "blocked", &["IOMMU-GROUP"]),
    ("intel-x99-kernel59-regression-after", "0c:00.0", "blocked", &["IOMMU-GROUP"]),
    ("intel-x99-kernel59-regression-after", "0d:00.0", "blocked", &["IOMMU-GROUP"]),
    // Network in the chipset's last slot: with a group of its own, and in that of the LPC bridge.
    ("intel-z170-asrock-itx", "00:1f.6", "ready", &[]),
    ("intel-z390-rtx2080s-four-functions", "00:1f.6", "blocked", &["IOMMU-GROUP", "GRP-COMPANION-SYSTEM"]),
    ("intel-z390-rtx2080s-four-functions", "03:00.0", "ready", &["BIND-IDENTICAL"]),
    ("intel-z390-rtx2080s-four-functions", "01:00.2", "warnings", &["BIND-EARLY-FAILED"]),
    ("intel-z390-rtx2080s-four-functions", "00:14.3", "warnings", &["BIND-EARLY-FAILED"]),
    // Sound in the group of the LPC bridge, and with one of its own.
    ("intel-z170-asrock-itx", "00:1f.3", "blocked", &["GRP-COMPANION-SYSTEM"]),
    ("intel-z690-asus-prime-d4", "00:1f.3", "blocked", &["GRP-COMPANION-SYSTEM"]),
    ("intel-spr-dual-socket", "00:1f.3", "blocked", &["GRP-COMPANION-SYSTEM"]),
    ("intel-z87-two-identical-r9-280x", "00:1b.0", "ready", &[]),
    // Disks in the group of the LPC bridge.
    ("intel-z87-two-identical-r9-280x", "00:1f.2", "blocked", &["GRP-COMPANION-SYSTEM"]),
    ("laptop-haswell-gtx765m-optimus", "00:1f.2", "blocked", &["GRP-COMPANION-SYSTEM"]),
    ("xeon-e5-hp-dl380p-gen8", "00:1f.2", "blocked", &["GRP-COMPANION-SYSTEM"]),
    // Controllers that stand for what is behind them: VMD, Thunderbolt; the USB of Thunderbolt is plain USB.
    ("intel-z690-ashtonian-full", "00:0e.0", "warnings", &["NVME-VMD"]),
    ("intel-z690-ashtonian-full", "0d:00.0", "warnings", &["TB-HOTPLUG"]),
    ("intel-z690-ashtonian-full", "41:00.0", "ready", &[]),
    ("intel-z690-ashtonian-full", "06:00.0", "ready", &[]),
    ("intel-z87-two-identical-r9-280x", "0c:00.0", "ready", &["GRP-ROOT-PORT"]),
    ("laptop-haswell-gtx765m-optimus", "04:00.0", "ready", &[]),
    // USB of the management controller; a RAID controller; one of four ports.
    ("xeon-e5-hp-dl380p-gen8", "01:00.4", "blocked", &["USE-BMC-VGA"]),
    ("xeon-e5-hp-dl380p-gen8", "02:00.0", "ready", &[]),
    ("xeon-e5-hp-dl380p-gen8", "03:00.1", "ready", &[]),
];

#[test]
fn other_devices_of_published_machines_are_judged_as_experts_do() {
    let mut wrong = Vec::new();
    for (slug, address, want, codes) in OTHERS {
        let facts = facts(&Machine::load(slug));
        let taken = take(&facts, &[address.parse().unwrap()]);
        let said: Vec<&str> = taken.findings.iter().map(vmbuild::checks::Finding::code).collect();
        if verdict(&taken) != want || !codes.iter().all(|code| said.contains(code)) {
            wrong.push(format!("{slug} {address}: {} {said:?}", verdict(&taken)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A machine whose chipset is one group, and the host on a part of it.
fn host_on(change: impl Fn(&mut Facts)) -> (Taken, Taken) {
    let mut facts = facts(&Machine::load("amd-b550-aorus-acs-off"));
    change(&mut facts);
    let gpu: [PciAddress; 1] = ["04:00.0".parse().unwrap()];
    (take(&facts, &gpu), take_holding(&facts, &gpu))
}

fn refuses(code: &str, companion: &str, (taken, holding): &(Taken, Taken)) {
    let address: PciAddress = companion.parse().unwrap();
    for taken in [taken, holding] {
        let named = taken.findings.iter().find(|finding| finding.code() == code).unwrap_or_else(|| panic!("no {code}"));
        assert_eq!((&named.level, named.function()), (&Level::LockOut(address.into()), Some(address)), "{named:?}");
    }
}

#[test]
fn what_the_host_stands_on_is_refused_as_a_companion_whether_held_or_not() {
    let mounted = |address: &str, facts: &mut Facts| {
        let disk =
            BlockDevice { name: "sda".into(), functions: vec![address.parse().unwrap()], ..BlockDevice::default() };
        let mount = Mount {
            point: "/".into(),
            kind: "ext4".into(),
            source: "/dev/sda".into(),
            devices: vec!["sda".into()],
            server: None,
        };
        let storage = facts.storage.get_mut().unwrap();
        storage.devices.push(disk);
        storage.mounts.get_mut().unwrap().push(mount);
    };
    refuses("USE-SATA-HOST", "02:00.1", &host_on(|facts| mounted("02:00.1", facts)));
    refuses("USE-ROOT-DISK", "01:00.0", &host_on(|facts| mounted("01:00.0", facts)));
    let keyboard = |facts: &mut Facts| {
        let keyboard = Keyboard { name: "Model M".into(), function: Some("02:00.0".parse().unwrap()) };
        facts.usb.get_mut().unwrap().keyboards = known(vec![keyboard]);
    };
    refuses("USE-USB-INPUT", "02:00.0", &host_on(keyboard));
    let session = |facts: &mut Facts| {
        let server: IpAddr = "192.0.2.7".parse().unwrap();
        let function = Some("07:00.0".parse().unwrap());
        let port = HostInterface { name: "eth0".into(), function, addresses: vec![server], ..HostInterface::default() };
        let networking = facts.networking.get_mut().unwrap();
        networking.interfaces = vec![port];
        networking.ssh = known(vec![SshSession { client: "192.0.2.9".parse().unwrap(), server, own: true }]);
    };
    refuses("USE-NET-SSH", "07:00.0", &host_on(session));
    // The near miss: the same machine, on which the host stands nowhere.
    let (_, holding) = host_on(|_| ());
    assert!(holding.findings.iter().all(|finding| finding.lock_out().is_none()), "{:#?}", holding.findings);
}

#[test]
fn buses_of_the_chipset_are_refused_held_as_well_and_free_of_drivers_as_well() {
    for slug in ["intel-z170-asrock-itx", "intel-z690-asus-prime-d4", "intel-z390-rtx2080s-four-functions"] {
        let mut facts = facts(&Machine::load(slug));
        let sound: [PciAddress; 1] = ["00:1f.3".parse().unwrap()];
        assert_eq!(verdict(&take_holding(&facts, &sound)), "blocked", "{slug} held");
        for device in facts.pci.get_mut().unwrap().iter_mut().filter(|device| device.address.slot == 0x1f) {
            device.driver = None;
        }
        for taken in [take(&facts, &sound), take_holding(&facts, &sound)] {
            let said = taken.findings.iter().find(|finding| finding.code() == "GRP-COMPANION-SYSTEM").unwrap();
            assert!(said.lock_out().is_some() && said.concerns("0000:00:1f.0".parse().unwrap()), "{slug}: {said:?}");
            assert!(said.remedy(Wording::Full).contains("USB sound card"), "{slug}: {}", said.remedy(Wording::Full));
        }
        // The near miss: a group of its own.
        for device in facts.pci.get_mut().unwrap().iter_mut().filter(|device| device.address == sound[0]) {
            device.iommu_group = Some(999);
        }
        assert_eq!(verdict(&take(&facts, &sound)), "ready", "{slug} alone");
    }
}

#[test]
fn what_could_not_be_judged_is_told_in_one_sentence_with_its_reasons() {
    let mut facts = facts(&Machine::load("intel-z370-gt1030"));
    let gpu: [PciAddress; 1] = ["01:00.0".parse().unwrap()];
    let unknown = |findings: &[Finding]| findings.iter().filter(|known| known.severity() == Severity::Unknown).count();
    let before = take(&facts, &gpu);
    facts.details.clear();
    let taken = take(&facts, &gpu);
    assert!(unknown(&taken.findings) > unknown(&before.findings) + 3, "{:#?}", taken.findings);
    let told = taken.lines();
    let of_unknown = || told.iter().filter(|line| line.severity == Severity::Unknown);
    let one = of_unknown().next().unwrap();
    assert_eq!((of_unknown().count(), one.more + 1), (1, unknown(&taken.findings)));
    assert_eq!(told.len() + one.more, taken.findings.len());
    let both = "the header of 0000:01:00.0 and 0000:01:00.1 (the details of this function have not been read)";
    assert!(one.message.starts_with("not checked: ") && one.message.contains(both), "{}", one.message);
    for finding in &taken.findings {
        let Level::Unknown { why, .. } = &finding.level else { continue };
        assert!(one.message.contains(&why.say(Wording::Taking)), "{why:?} is not in: {}", one.message);
    }
}
