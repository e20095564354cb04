//! The look at the host between review and build: what was free then may be taken now.

use super::Order;
use crate::case::{self, CaseInput, QueryScope};
use crate::checks::{Finding, Report, Wording};
use crate::engine::{Made, Reviewed, ReviewedFile, Thing};
use crate::facts::{Facts, FactsPart, MediaKind, Volume};
use crate::host::backend::Halt;
use crate::host::{Backend, Cause, HostError};
use crate::plan::Refused;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the second look found.
pub(super) struct SecondLook {
    /// What the checks found.
    pub(super) findings: Vec<Finding>,
    /// How many checks passed, in words; or what stands in the way now.
    pub(super) verdict: Result<String, HostError>,
    /// The answer of a check that finds the same, where findings stand in the way.
    pub(super) refused: Option<Refused>,
}

/// Observes the host anew, compares the functions that the VM takes with what was reviewed, and runs the checks again; what
/// differs, or a finding that blocks, ends the build before anything is made.
pub(super) fn again(
    backend: &mut dyn Backend,
    (order, own): (&Order, &[Made]),
    (functions, files): (&[Reviewed], &[ReviewedFile]),
    cancel: &Arc<AtomicBool>,
) -> Result<SecondLook, Halt> {
    let (facts, report) = judged(backend, (order, own), cancel);
    if cancel.load(Ordering::SeqCst) {
        return Err(Halt::Cancelled);
    }
    let changed = functions.iter().filter_map(|reviewed| change(reviewed, &facts));
    let changed = changed.chain(files.iter().filter_map(|reviewed| file_change(reviewed, &facts)));
    let blocking = report.blockers().map(|finding| format!("{}: {}", finding.code(), finding.message(Wording::Full)));
    let against: Vec<_> = changed.chain(blocking).collect();
    let verdict = match against.as_slice() {
        [] => Ok(format!("{} checks passed", report.passed.len())),
        [only] => Err(blocked(only)),
        [first, rest @ ..] => Err(blocked(&format!("{first} (and {} more)", rest.len()))),
    };
    let refused = Refused::by_findings(&report);
    Ok(SecondLook { findings: report.findings, verdict, refused })
}

/// What stands in the way now; `None` where nothing does.
pub(super) fn refused(backend: &mut dyn Backend, order: &Order, cancel: &Arc<AtomicBool>) -> Option<Refused> {
    Refused::by_findings(&judged(backend, (order, &[]), cancel).1)
}

/// The host as it is now without what is the build's `own`, and what the checks say of the spec on it.
fn judged(backend: &mut dyn Backend, (order, own): (&Order, &[Made]), cancel: &Arc<AtomicBool>) -> (Facts, Report) {
    let input = CaseInput::reviewed(order.spec.clone()).allowing(&order.allowed).starting(order.plan.starts());
    let mut facts = Facts::default();
    let case = case::complete(&input, &mut facts, &QueryScope::default(), |queries| {
        let mut parts = backend.facts(&queries, cancel);
        for part in &mut parts {
            leave_out(part, own);
        }
        parts
    });
    (facts, case.report)
}

/// Takes out of `part` what a build that is taken up again has made.
fn leave_out(part: &mut FactsPart, own: &[Made]) {
    let is_own = |thing: &dyn Fn(&Made) -> bool| own.iter().any(thing);
    match part {
        FactsPart::Pools(pools) => {
            for pool in pools.get_mut().into_iter().flatten() {
                let name = pool.name.clone();
                let is_ours = |volume: &Volume| {
                    is_own(
                        &|made| matches!(&made.thing, Thing::Volume { pool, name: own } if *pool == name && *own == volume.name),
                    )
                };
                pool.volumes.get_mut().into_iter().for_each(|volumes| volumes.retain(|volume| !is_ours(volume)));
            }
        }
        FactsPart::Domains(domains) => {
            let domains = domains.get_mut().into_iter();
            domains.for_each(|domains| domains.retain(|domain| !is_own(&|made| made.id.0 == domain.uuid)));
        }
        FactsPart::Files(files) => files.retain(|path, _| !is_own(&|made| made.id.0 == *path)),
        _ => {}
    }
}

/// How a function differs from what the user agreed to take: another card in its place, another group, other company.
/// `None` where it does not, or where the list of functions cannot be read: that is for the checks to say.
fn change(reviewed: &Reviewed, facts: &Facts) -> Option<String> {
    let all = facts.pci.get()?;
    let Reviewed { address, ids, label, .. } = reviewed;
    let same = |ids_now: String, subsystem: Option<(u16, u16)>| {
        // Node devices of libvirt tell no subsystem.
        ids_now == *ids && subsystem.zip(reviewed.subsystem).is_none_or(|(now, then)| now == then)
    };
    let is_it = |device: &&crate::facts::PciDevice| same(device.ids(), device.subsystem);
    let elsewhere = || {
        let now = all.iter().filter(is_it).map(|device| device.address.to_string()).collect::<Vec<_>>();
        if now.is_empty() { String::new() } else { format!("; {label} is at {} now", now.join(", ")) }
    };
    let Some(device) = all.iter().find(|device| device.address == *address) else {
        return Some(format!("{address} ({label}) is no longer present{}.", elsewhere()));
    };
    if !is_it(&device) {
        return Some(format!(
            "{address} was {label} ({ids}) and is {} ({}){}.",
            device.label(),
            device.ids(),
            elsewhere()
        ));
    }
    let group = |group: Option<u32>| group.map_or("no IOMMU group".into(), |number| format!("IOMMU group {number}"));
    if device.iommu_group != reviewed.group {
        return Some(format!(
            "{address} ({label}) was in {} and is in {}.",
            group(reviewed.group),
            group(device.iommu_group)
        ));
    }
    let mates = all.iter().filter(|other| other.iommu_group.is_some() && other.iommu_group == device.iommu_group);
    let new: Vec<_> = mates
        .filter(|mate| mate.address != *address && !reviewed.companions.contains(&mate.address))
        .map(|mate| format!("{} ({})", mate.address, mate.label()))
        .collect();
    (!new.is_empty()).then(|| format!("The group of {address} ({label}) has new members: {}.", new.join(", ")))
}

/// How a file differs from the one that was reviewed: another one in its place, another format. `None` where it does not,
/// or cannot be looked at.
fn file_change(reviewed: &ReviewedFile, facts: &Facts) -> Option<String> {
    let ReviewedFile { path, identity, format } = reviewed;
    let file = facts.files.get(path)?.get()?;
    if file.kind == MediaKind::Missing {
        return Some(format!("{path} no longer exists."));
    }
    if file.identity.is_some_and(|now| now != *identity) {
        return Some(format!("{path} is no longer the file that was checked."));
    }
    let (then, now) = ((*format)?, file.image().ok()?.format);
    (then != now).then(|| format!("{path} was {} and is {}.", then.name(), now.name()))
}

fn blocked(findings: &str) -> HostError {
    let message = format!("The host has changed since the review. {findings}");
    HostError::new(Cause::Other, message, "Run the checks again and correct what they find.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{Fact, FileId, ImageFormat, ImageHeader, MediaFile, PciDevice, Provenance};

    fn device(address: &str, ids: (u16, u16), group: Option<u32>) -> PciDevice {
        let empty = crate::host::sysfs::pci::empty(address.parse().unwrap(), 0x03_0000, ids.0, ids.1);
        PciDevice { iommu_group: group, subsystem: Some((0x1043, 1)), device_name: Some("card".into()), ..empty }
    }

    /// What is told of 01:00.0, reviewed as 10de:2704 in group 16 beside 01:00.1, on a host with these functions.
    fn told(devices: Vec<PciDevice>) -> Option<String> {
        let reviewed = Reviewed {
            address: "01:00.0".parse().unwrap(),
            ids: "10de:2704".into(),
            subsystem: Some((0x1043, 1)),
            label: "AD103".into(),
            group: Some(16),
            companions: vec!["01:00.1".parse().unwrap()],
        };
        let pci = Fact::known(devices, Provenance::File("/sys".into()), 0);
        change(&reviewed, &Facts { pci, ..Facts::default() })
    }

    #[test]
    fn what_moved_vanished_or_changed_its_group_is_told() {
        let gpu = (0x10de, 0x2704);
        let sound = || device("01:00.1", (0x10de, 0x22bb), Some(16));
        assert_eq!(told(vec![device("01:00.0", gpu, Some(16)), sound()]), None);
        assert_eq!(told(vec![device("01:00.0", gpu, Some(16))]), None, "a companion less is no worse");
        let vanished = told(vec![sound()]).unwrap();
        assert!(vanished.contains("0000:01:00.0 (AD103) is no longer present."), "{vanished}");
        let moved = told(vec![device("01:00.0", (0x8086, 0x1533), Some(3)), device("02:00.0", gpu, Some(16))]).unwrap();
        assert!(moved.contains("is card (8086:1533)") || moved.contains("(8086:1533)"), "{moved}");
        assert!(moved.ends_with("AD103 is at 0000:02:00.0 now."), "{moved}");
        let group = told(vec![device("01:00.0", gpu, Some(17))]).unwrap();
        assert!(group.contains("was in IOMMU group 16 and is in IOMMU group 17"), "{group}");
        let off = told(vec![device("01:00.0", gpu, None)]).unwrap();
        assert!(off.contains("is in no IOMMU group"), "{off}");
        let company = told(vec![device("01:00.0", gpu, Some(16)), device("05:00.0", (1, 1), Some(16))]).unwrap();
        assert!(company.contains("new members: 0000:05:00.0"), "{company}");
    }

    #[test]
    fn another_file_or_another_format_is_told() {
        let image = |format| ImageHeader { format, ..ImageHeader::default() };
        let source = || Provenance::File("/a".into());
        let seen = |inode, format| MediaFile {
            kind: MediaKind::File,
            identity: Some(FileId { device: 1, inode }),
            image: Some(Fact::known(image(format), source(), 0)),
            ..MediaFile::default()
        };
        let (raw, qcow2) = (ImageFormat::Raw, ImageFormat::Qcow2);
        let identity = FileId { device: 1, inode: 7 };
        let reviewed = ReviewedFile { path: "/a".into(), identity, format: Some(raw) };
        let told = |file: MediaFile| {
            let files = [("/a".to_owned(), Fact::known(file, source(), 0))].into();
            file_change(&reviewed, &Facts { files, ..Facts::default() })
        };
        assert_eq!(told(seen(7, raw)), None);
        assert_eq!(told(seen(8, raw)).unwrap(), "/a is no longer the file that was checked.");
        assert_eq!(told(seen(7, qcow2)).unwrap(), "/a was raw and is qcow2.");
        assert_eq!(told(MediaFile::default()).unwrap(), "/a no longer exists.");
        assert_eq!(file_change(&reviewed, &Facts::default()), None);
    }

    #[test]
    fn another_maker_of_the_same_chip_is_another_card_and_an_unread_list_no_answer() {
        let other = PciDevice { subsystem: Some((0x1462, 9)), ..device("01:00.0", (0x10de, 0x2704), Some(16)) };
        assert!(told(vec![other]).is_some());
        let remote = PciDevice { subsystem: None, ..device("01:00.0", (0x10de, 0x2704), Some(16)) };
        assert_eq!(told(vec![remote]), None, "libvirt tells no subsystem");
    }
}
