//! Checks of who owns the devices: ids that several share, and what was set up to bind them at boot.

use super::super::note::Topic;
use super::super::subject::{Leaving, PciRow};
use super::super::text::{Arg, Text, text};
use super::super::{Check, Notes, Scope, Subject};
use super::{DEVICE, host_place, remedy};
use crate::facts::{Facts, PciClass, PciDevice, Use, uses};
use crate::machine::card;
use crate::units::PciAddress;

pub(in super::super) static CHECKS: &[&Check] =
    &[&BIND_IDS_CAPTURES_HOST, &BIND_IDENTICAL, &BIND_EARLY_FAILED, &BIND_IDS_PARTIAL, &BIND_RETURN];

static BIND_IDS_CAPTURES_HOST: Check = Check {
    code: "BIND-IDS-CAPTURES-HOST",
    title: "vfio-pci.ids matches no host device",
    explain: "vfio-pci.ids names models, not single devices: every function with these IDs is taken at boot, including \
              the twin of a passed drive from which the host boots. Remove the IDs and bind by address instead, or let \
              libvirt bind at the start of the VM.",
    scope: Scope::Host(15),
    run: Some(captures),
    ..DEVICE
};

static BIND_IDENTICAL: Check = Check {
    code: "BIND-IDENTICAL",
    title: "device IDs are unique",
    short: "has a twin",
    explain: "Another function of the host has the same vendor and device ID, such as a second card or drive of the \
              same model. Binding by ID takes both; only the address distinguishes them. libvirt binds by address, so that \
              there is nothing to do unless vfio-pci is told the ID.",
    run: Some(identical),
    ..DEVICE
};

static BIND_EARLY_FAILED: Check = Check {
    code: "BIND-EARLY-FAILED",
    title: "early-bound devices are on vfio-pci",
    explain: "vfio-pci is configured to take this device at boot, but another driver was faster: vfio-pci is not in \
              the initramfs, no softdep loads it first, or it is built into the kernel and does not read modprobe's \
              configuration.",
    run: Some(early),
    ..DEVICE
};

static BIND_IDS_PARTIAL: Check = Check {
    code: "BIND-IDS-PARTIAL",
    title: "vfio-pci.ids lists whole cards",
    explain: "vfio-pci.ids has some functions of the card, but not the others, which their own drivers then take: \
              sound, USB, USB-C. Add their IDs, or let libvirt bind all of them at the start of the VM.",
    run: Some(partial),
    ..DEVICE
};

static BIND_RETURN: Check = Check {
    code: "BIND-RETURN",
    title: "host drivers can rebind their devices",
    explain: "When the VM stops, libvirt returns each device to its previous driver (managed='yes'); a device that was \
              on vfio-pci before the start stays there. Most drivers can rebind their device. Those of some graphics \
              cards cannot always, after a guest has used the card: amdgpu, radeon and nouveau may hang, and with them \
              the host's display, sometimes the host. i915 and xe rebind, but without the host's console. If the host \
              does not need the card, bind it to vfio-pci at boot, and it stays there.",
    run: Some(give_back),
    ..DEVICE
};

/// Drivers of graphics cards, and what they do with a card that comes back from a guest.
const COMING_BACK: [(&str, &str); 5] = [
    ("amdgpu", "may hang on a card that a guest has used"),
    ("radeon", "may hang on a card that a guest has used"),
    ("nouveau", "may hang on a card that a guest has used"),
    ("i915", "rebinds without the host's console"),
    ("xe", "rebinds without the host's console"),
];

/// The ids that vfio-pci takes at boot, and where they are written.
fn ids(facts: &Facts) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut add = |value: &str, source: &str| {
        // vendor:device, and possibly subsystem and class after that, which are narrower than what is compared here.
        found.extend(value.split(',').map(|id| (id.to_ascii_lowercase(), source.to_owned())));
    };
    if let Some(kernel) = facts.kernel.get() {
        for word in kernel.words("vfio-pci.ids") {
            add(word.split_once('=').map_or("", |(_, value)| value), "the kernel command line");
        }
    }
    if let Some(vfio) = facts.vfio.get() {
        vfio.options("vfio_pci", "ids").for_each(|(file, value)| add(value, file));
    }
    found
}

/// True where both sources of ids are known; the note that they are not otherwise.
fn ids_known(subject: &Subject, notes: &mut Notes, what: &'static str) -> bool {
    let at = || host_place(subject);
    let words = notes.known(&subject.facts.kernel, at, what);
    let words = words.and_then(|kernel| notes.known(&kernel.command_line, at, what));
    let modprobe = notes.known(&subject.facts.vfio, at, what);
    let modprobe = modprobe.and_then(|vfio| notes.known(&vfio.modprobe, at, what));
    words.is_some() && modprobe.is_some()
}

fn captures(subject: &Subject, notes: &mut Notes) {
    if !subject.wants_passthrough() {
        return;
    }
    let _ = ids_known(subject, notes, "which ids vfio-pci takes at boot");
    let ids = ids(subject.facts);
    if ids.is_empty() {
        return;
    }
    let own = if subject.uses.is_empty() { uses(subject.facts) } else { subject.uses.clone() };
    let asked = |device: &PciDevice| subject.pci.iter().any(|row| row.address == device.address);
    for (id, source) in &ids {
        let twins: Vec<_> = subject.facts.pci.items().iter().filter(|device| device.ids() == *id).collect();
        let needed = |used: &Use| used.stands_on().is_some();
        let used = |device: &PciDevice| own.get(&device.address).is_some_and(|used| used.iter().any(needed));
        // A drive that is still on nvme while its twin is set up for a guest was rescued by luck.
        let kept = |device: &PciDevice| {
            twins.len() > 1 && device.kind() == PciClass::Nvme && card::is_bound(device) && !asked(device)
        };
        let in_use = twins.iter().find(|device| used(device));
        let Some(device) = in_use.or_else(|| twins.iter().find(|device| kept(device))) else { continue };
        let concerned = subject.host_alone || twins.iter().any(|twin| asked(twin));
        if in_use.is_none() && !concerned {
            continue;
        }
        let name = text!("{address} ({label})", address = device.address, label = device.label());
        let message = text!("{source} binds {id} to vfio-pci, which also takes {name} from the host", source, id, name);
        let way_out = if let Some(twin) = twins.iter().find(|twin| asked(twin)) {
            text!("remove {id} from it and {bind}", id, bind = remedy::bind_address(subject.facts, twin.address))
        } else {
            text!("remove {id} from it, and leave the binding of what a guest gets to libvirt", id)
        };
        if in_use.is_some() && concerned {
            notes.blocker(Topic::from(host_place(subject)).about(device.address), message, way_out);
        } else {
            notes.warning(Topic::from(host_place(subject)).about(device.address), message, way_out);
        }
    }
}

fn identical(subject: &Subject, notes: &mut Notes) {
    let mut seen: Vec<PciAddress> = Vec::new();
    for row in &subject.pci {
        let telling = |device: &&PciDevice| telling(device) && !card::is_virtual(subject.facts, device.address);
        let Some(device) = row.device.filter(telling) else { continue };
        notes.looked();
        let twins = twins(subject, device);
        if twins.is_empty() || seen.iter().any(|slot| slot.same_slot(row.address)) {
            continue;
        }
        seen.push(row.address);
        let (address, ids) = (row.address, device.ids());
        if configured(subject, device).is_some() {
            let twins = Arg::all(twins);
            let message = text!(
                "{address} has the IDs {ids}, which vfio-pci takes at boot, also from {twins}",
                address,
                ids,
                twins
            );
            notes.warning(row.place(), message, remedy::bind_address(subject.facts, address));
        } else if let [twin] = twins.as_slice() {
            // libvirt binds by address, and of many of one model anybody knows.
            let message = text!("{twin} has the same IDs ({ids}) as {address}", twin = *twin, ids, address);
            notes.info(row.place(), message, "make sure that it is the right one; libvirt binds by address");
        }
    }
}

/// Other cards of the same model that stay with the host.
fn twins(subject: &Subject, device: &PciDevice) -> Vec<PciAddress> {
    let asked = |other: &PciDevice| subject.pci.iter().any(|row| row.address == other.address);
    let same = |other: &&PciDevice| {
        other.ids() == device.ids()
            && !other.address.same_slot(device.address)
            && !asked(other)
            && !card::is_virtual(subject.facts, other.address)
    };
    subject.facts.pci.items().iter().filter(same).map(|other| other.address).collect()
}

/// Kinds of which a host may have two where one is meant.
fn telling(device: &PciDevice) -> bool {
    let plain = matches!(device.kind(), PciClass::Nvme | PciClass::Nic | PciClass::Usb | PciClass::Storage);
    plain || device.computes()
}

fn configured(subject: &Subject, device: &PciDevice) -> Option<(String, String)> {
    ids(subject.facts).into_iter().find(|(id, _)| *id == device.ids())
}

/// One finding for all: there is one list of ids, and one file to write.
fn early(subject: &Subject, notes: &mut Notes) {
    if subject.pci.is_empty() || !ids_known(subject, notes, "what vfio-pci is configured to take at boot") {
        return;
    }
    let missed = |row: &PciRow| {
        let device = row.device.filter(|device| card::is_bound(device))?;
        let (id, source) = configured(subject, device)?;
        Some((row.address, id, source, device.driver.clone().unwrap_or_default()))
    };
    let missed: Vec<_> = subject.pci.iter().filter_map(|row| Some((row, missed(row)?))).collect();
    let Some((first, (_, _, source, _))) = missed.first() else { return };
    let devices = missed
        .iter()
        .map(|(_, (address, id, _, driver))| text!("{address} ({id}, held by {driver})", address, id, driver));
    let message = text!(
        "{source} binds {devices} to vfio-pci, but the host's drivers were faster",
        source,
        devices = Arg::all(devices)
    );
    let mut drivers: Vec<String> = Vec::new();
    for (_, (_, _, _, driver)) in &missed {
        if !drivers.contains(driver) {
            drivers.push(driver.clone());
        }
    }
    let cards = missed.iter().filter_map(|(row, _)| row.device).flat_map(|device| card::card(subject.facts, device));
    notes.warning(first.place(), message, remedy::bind_ids(subject.facts, &all_ids(subject, cards), &drivers));
}

/// The ids that are configured now, and those of the whole cards: what is written anew replaces all of them.
fn all_ids<'a>(subject: &Subject, cards: impl Iterator<Item = &'a PciDevice>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let known = ids(subject.facts).into_iter().map(|(id, _)| id).filter(|id| id.contains(':'));
    for id in known.chain(cards.map(PciDevice::ids)) {
        if !all.contains(&id) {
            all.push(id);
        }
    }
    all
}

fn partial(subject: &Subject, notes: &mut Notes) {
    if subject.pci.is_empty() || !ids_known(subject, notes, "whether vfio-pci is configured for whole cards") {
        return;
    }
    for row in &subject.pci {
        let Some(device) = row.device else { continue };
        if configured(subject, device).is_none() || is_later(subject, row) {
            continue;
        }
        let left = card::card(subject.facts, device).into_iter().filter(|other| configured(subject, other).is_none());
        let left: Vec<&PciDevice> = left.filter(|other| card::is_bound(other)).collect();
        if !left.is_empty() {
            let names: Vec<Text> = left
                .iter()
                .map(|other| text!("{address} ({ids})", address = other.address, ids = other.ids()))
                .collect();
            let message = text!(
                "vfio-pci takes {address} at boot, but not {names} of the same card",
                address = row.address,
                names = Arg::all(names)
            );
            let way_out = text!(
                "let libvirt bind the whole card at the start, or add {ids} to the list of IDs",
                ids = Arg::all(left.iter().map(|other| other.ids()))
            );
            notes.warning(row.place(), message, way_out);
        }
    }
}

/// True where an earlier row with configured ids is of the same card, and has said it.
fn is_later(subject: &Subject, row: &PciRow) -> bool {
    let earlier = subject.pci.iter().take_while(|other| other.row < row.row);
    earlier
        .filter(|other| other.address.same_slot(row.address))
        .any(|other| other.device.is_some_and(|device| configured(subject, device).is_some()))
}

fn give_back(subject: &Subject, notes: &mut Notes) {
    // What is held was used by nobody meanwhile.
    let gpu = |leaving: &Leaving| leaving.device.kind() == PciClass::Gpu && !leaving.held;
    for leaving in subject.leaving().into_iter().filter(gpu) {
        let address = leaving.device.address;
        notes.looked();
        let driver = leaving.device.driver.as_deref().unwrap_or_default();
        let Some((_, what)) = COMING_BACK.iter().find(|(name, _)| *name == driver) else { continue };
        let message = text!("{address} returns to {driver} when the VM stops; {driver} {what}", address, driver, what);
        let way_out = text!(
            "to keep it off the host permanently, {bind_address}",
            bind_address = remedy::bind_address(subject.facts, address)
        );
        notes.info(Topic::from(leaving.row.place()).about(address), message, way_out);
    }
}
