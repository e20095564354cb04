//! What the host and its VMs do with a PCI function, in a few words each.

use super::chosen::row_in_spec;
use super::search;
use super::view::PciView;
use crate::app::Model;
use crate::facts::{DomainState, PciDevice, Use};

/// Who has the function now: VMs first, then what the host does with it, the most important first.
pub fn notes(model: &Model, view: &PciView, device: &PciDevice) -> Vec<String> {
    let domains = model.facts.domains.items().iter().filter(|domain| domain.pci.contains(&device.address));
    let mut notes: Vec<String> = domains
        .map(|domain| match domain.state {
            DomainState::Active => format!("VM {}", domain.name),
            DomainState::Inactive => format!("VM {}, off", domain.name),
        })
        .collect();
    let driven = |disk: &crate::spec::Disk| {
        disk.host_address.as_deref().and_then(|text| text.parse().ok()) == Some(device.address)
    };
    let disks = model.spec().storage.iter().flat_map(|storage| storage.disks.iter().flatten());
    notes.extend(disks.enumerate().find(|(_, disk)| driven(disk)).map(|(at, _)| format!("disk {} of this VM", at + 1)));
    if row_in_spec(model, device.address).is_some() {
        notes.extend(search::note(model, device.address));
    }
    for used in view.uses.get(&device.address).into_iter().flatten() {
        let word = word(used);
        if !notes.contains(&word) {
            notes.push(word);
        }
    }
    notes
}

/// One use, as short as it can be told.
fn word(used: &Use) -> String {
    match used {
        Use::Root { .. } => "mounted /".into(),
        Use::Boot { point } | Use::Mount { point } => format!("mounted {point}"),
        Use::Swap { .. } => "swap".into(),
        Use::Pool { name } => format!("pool {name}"),
        Use::Zfs { name } => format!("ZFS {name}"),
        Use::VolumeGroup { name } => format!("LVM {name}"),
        Use::Raid { name } => format!("array {name}"),
        Use::Mapping { name } => format!("mapping {name}"),
        Use::Member { kind } => kind.clone(),
        Use::OwnSession { .. } => "your SSH session".into(),
        Use::Session { .. } => "an SSH session".into(),
        Use::DefaultRoute { interface } => format!("default route, {interface}"),
        Use::Addresses { interface } => format!("address on {interface}"),
        Use::Remote { point, .. } => format!("way to {point}"),
        Use::BootDisplay => "boot GPU".into(),
        Use::Monitor { connector } => format!("monitor on {connector}"),
        Use::Console { .. } => "console".into(),
        Use::HeldBy { program, .. } => format!("open in {program}"),
        Use::Keyboard { only: true, .. } => "the only keyboard".into(),
        Use::Keyboard { name, .. } | Use::Usb { name, .. } => name.clone(),
    }
}

/// The first notes that fit in about `room` letters, and how many more there are.
pub fn shortened(notes: &[String], room: usize) -> String {
    let mut text = String::new();
    for (at, note) in notes.iter().enumerate() {
        let longer = if text.is_empty() { note.clone() } else { format!("{text}, {note}") };
        if at > 0 && longer.chars().count() > room {
            return format!("{text} +{}", notes.len() - at);
        }
        text = longer;
    }
    text
}
