//! Checks of host devices that a spec knows by more than their address: found, moved, chosen, with other company.

use super::note::{Topic, clause};
use super::row::TakenRow;
use super::text::{Arg, Joint, Text, text};
use super::wording::blank;
use super::{Check, Notes, Subject};
use crate::facts::PciDevice;
use crate::machine::selector::{Match, Wanted, group, outcomes};
use crate::spec::{self, PciMatch};
use crate::units::PciAddress;

pub(super) static CHECKS: &[&Check] = &[&PCI_MATCH, &PCI_MOVED, &PCI_CHOSEN, &GROUPS_CHANGED];

static PCI_MATCH: Check = Check {
    code: "PCI-MATCH",
    title: "device selectors find one device each",
    short: "not found",
    explain: "A preset identifies a device by vendor and device IDs, those of its board, its kind, and its former \
              address. On this host no device matches, or several do, or another device is at that address. vmbuild \
              does not guess between them. Choose the device yourself, add what distinguishes it, or accept any match \
              with \"any\": true.",
    run: Some(found),
    ..Check::DEVICE
};

static PCI_MOVED: Check = Check {
    code: "PCI-MOVED",
    title: "preset devices are at their old address",
    short: "moved",
    explain: "The device was found by its IDs at another address than the preset has. Addresses change when cards are \
              added or removed, or when firmware settings change. Everything continues with the new address; save the \
              preset again to keep it. What was given up for the old address is not given up for the new one.",
    run: Some(moved),
    ..Check::DEVICE
};

static PCI_CHOSEN: Check = Check {
    code: "PCI-CHOSEN",
    title: "free devices match the selectors",
    explain: "The spec requests any device that matches. The first one was chosen that no other VM has and that the \
              host can spare, preferably one on the card of another row. Devices in use by the host are skipped, and \
              so are those whose group contains one: its disks, its network, its display, ports with virtual \
              functions. The choice can differ from build to build.",
    run: Some(chosen),
    ..Check::DEVICE
};

/// The IOMMU group of a device of a preset has changed.
pub static GROUPS_CHANGED: Check = Check {
    code: "GROUPS-CHANGED",
    title: "IOMMU groups match the preset",
    short: "group changed",
    explain: "Since the preset was saved other devices have joined the device's IOMMU group, or left it: after an \
              update of the kernel or the firmware, a change of its ACS setting, or with another card. What must be \
              passed with the device has changed; check it again. Bridges are not compared, since they stay with the \
              host.",
    run: Some(groups),
    ..Check::DEVICE
};

/// The rows that look for a device, with where they do.
fn rows<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (usize, &'a spec::PciDevice, &'a PciMatch)> {
    let rows = subject.spec.pci_devices.iter().flatten().enumerate();
    rows.filter_map(|(at, row)| Some((at, row, row.selector.as_ref()?)))
}

fn named(row: &spec::PciDevice) -> Option<PciAddress> {
    row.host_address.as_deref()?.parse().ok()
}

fn at<'a>(subject: &Subject<'a>, address: PciAddress) -> Option<&'a PciDevice> {
    subject.facts.pci.items().iter().find(|device| device.address == address)
}

fn found(subject: &Subject, notes: &mut Notes) {
    let found = outcomes(subject.spec, subject.facts);
    for (at, asked, known_by) in rows(subject) {
        notes.looked();
        let row = TakenRow::Device(at);
        let Some(found) = &found else {
            let why = subject.facts.pci.why_not().unwrap_or_default();
            if blank(asked.host_address.as_ref()) {
                // Without an address nothing would be passed, and nobody would notice.
                let message = text!("cannot tell which device is meant ({why})", why);
                notes.blocker(topic(row), message, "connect to a host whose devices are known, or write host_address");
            } else {
                let was = asked.host_address.as_deref().unwrap_or_default();
                notes.unknown(row.place("match"), text!("whether {row} is still {was}", row, was), clause(why));
            }
            continue;
        };
        let Some(outcome) = found.get(&at) else { continue };
        match Wanted::read(known_by, named(asked)) {
            Ok(wanted) => judge(subject, notes, at, &wanted, outcome),
            Err(error) => {
                let remedy = "give ids such as 10de:2704, a kind or an address";
                notes.blocker(topic(row), text!("match: {error}", error), remedy);
            }
        }
    }
}

/// What a row looks for, with its name.
fn topic(row: TakenRow) -> Topic {
    Topic::from(row.place("match")).of(row.name())
}

fn judge(subject: &Subject, notes: &mut Notes, number: usize, wanted: &Wanted, outcome: &Match) {
    let row = TakenRow::Device(number);
    let settled = subject.pci.iter().find(|known| known.row == row);
    match outcome {
        Match::Ambiguous(fitting) => open(subject, notes, row, wanted, fitting),
        Match::Gone { over } => gone(subject, notes, row, wanted, over),
        Match::Twice(address) => {
            let message = text!("an earlier row also requests {address}", address);
            notes.blocker(topic(row), message, "remove one of them");
        }
        Match::Unreadable(_) => {}
        Match::Found(to) | Match::Moved { to, .. } | Match::Chosen { to, .. } => {
            if settled.is_some_and(|known| known.address == *to) {
                unsure(subject, notes, row, wanted, *to);
            } else {
                // Between the review and the build.
                let message = text!("{wanted} is now {device}", wanted, device = name(subject, *to));
                notes.blocker(topic(row), message, "run the checks again, and check what has changed");
            }
        }
    }
}

fn unsure(subject: &Subject, notes: &mut Notes, row: TakenRow, wanted: &Wanted, to: PciAddress) {
    let device = at(subject, to).filter(|device| !wanted.is_sure(device));
    if let (Some(_), Some(board)) = (device, wanted.board) {
        let what = text!("whether {to} is of board {board}", to, board);
        notes.unknown(row.place("match"), &what, "not available over this connection");
    }
    if let Some(why) = subject.facts.domains.why_not().filter(|_| wanted.any) {
        notes.unknown(row.place("match"), text!("whether another VM has {to}", to), clause(why));
    }
}

fn open(subject: &Subject, notes: &mut Notes, row: TakenRow, wanted: &Wanted, fitting: &[PciAddress]) {
    let label = |address: &PciAddress| {
        if let Some(device) = at(subject, *address) {
            text!("{address} ({label})", address, label = device.label())
        } else {
            text!("{address}", address)
        }
    };
    let named: Vec<Text> = fitting.iter().map(label).collect();
    let (message, remedy) = match named.as_slice() {
        [only] => {
            (text!("{only} also matches another row", only), "add what distinguishes the rows, or write host_address")
        }
        several => (
            text!(
                "{count} match {wanted}: {several}{was}",
                count = several.len(),
                wanted,
                several = Arg::all(several),
                was = was(subject, wanted)
            ),
            "choose one: write its address as host_address, or take the first free one with \"any\": true",
        ),
    };
    notes.blocker(topic(row), message, remedy);
}

fn gone(subject: &Subject, notes: &mut Notes, row: TakenRow, wanted: &Wanted, over: &[(PciAddress, String)]) {
    let over: Vec<Text> = over.iter().map(|(address, why)| text!("{address} ({why})", address, why)).collect();
    let near: Vec<Text> = near(subject, wanted).map(|device| name(subject, device.address)).take(3).collect();
    let message = match over.as_slice() {
        [] if wanted.is_address_alone() => {
            text!("no device that can be passed was found{was}", was = was(subject, wanted))
        }
        [] => text!("{wanted} is not on this host{was}", wanted, was = was(subject, wanted)),
        over => text!("{wanted} is not free on this host: {over}", wanted, over = Arg::all(over)),
    };
    let remedy = match near.as_slice() {
        [] => "choose the device yourself: vmbuild pci lists those of the host".into(),
        near => text!("choose the device yourself; similar devices: {near}", near = Arg::all(near)),
    };
    notes.blocker(topic(row), message, remedy);
}

/// Devices that would have fitted but for something: another board, another model of the vendor.
fn near<'a>(subject: &Subject<'a>, wanted: &Wanted) -> impl Iterator<Item = &'a PciDevice> {
    let kind = wanted.kind;
    let loose = Wanted { address: None, ids: None, board: None, kind, any: true };
    let Wanted { ids, board, .. } = *wanted;
    let rank = move |device: &PciDevice| {
        let same = ids.is_some_and(|ids| (ids.vendor, ids.device) == (device.vendor, device.device));
        let vendor = ids.is_some_and(|ids| ids.vendor == device.vendor);
        match (same, vendor && loose.fits(device)) {
            (true, _) if board.is_some() => Some(0),
            (false, true) => Some(1),
            _ => None,
        }
    };
    let mut near: Vec<(u8, &PciDevice)> =
        subject.facts.pci.items().iter().filter_map(|device| Some((rank(device)?, device))).collect();
    near.sort_by_key(|(rank, _)| *rank);
    near.into_iter().map(|(_, device)| device)
}

/// `0000:01:00.0 (NVIDIA AD103, 10de:2704, board 1043:88e2)`.
fn name(subject: &Subject, address: PciAddress) -> Text {
    let Some(device) = at(subject, address) else { return text!("{address}", address) };
    let (label, ids) = (device.label(), device.ids());
    // A device that the lists of names lack is called by its ids already.
    let ids = device.device_name.is_some().then_some(ids);
    let board = device.subsystem.map(|(vendor, device)| format!("board {vendor:04x}:{device:04x}"));
    let known = Arg::list(Joint::Comma, [Some(label), ids, board].into_iter().flatten());
    text!("{address} ({known})", address, known)
}

/// `; it was at 0000:01:00.0, where Intel I210 (8086:1533) is now`.
fn was(subject: &Subject, wanted: &Wanted) -> Text {
    wanted.address.map(|was| text!("; it was at {was}, {there}", was, there = there(subject, was))).unwrap_or_default()
}

fn there(subject: &Subject, address: PciAddress) -> Text {
    at(subject, address).map_or("where nothing is now".into(), |device| {
        text!("where {label} ({ids}) is now", label = device.label(), ids = device.ids())
    })
}

fn moved(subject: &Subject, notes: &mut Notes) {
    let found = outcomes(subject.spec, subject.facts).unwrap_or_default();
    let mut cards: Vec<(usize, PciAddress, PciAddress, Vec<PciAddress>)> = Vec::new();
    for (number, outcome) in &found {
        match outcome {
            Match::Found(_) => notes.looked(),
            Match::Moved { from, to } => {
                let mate = |card: &&mut (usize, PciAddress, PciAddress, Vec<PciAddress>)| {
                    from.bus != 0 && card.1.same_slot(*from) && card.2.same_slot(*to)
                };
                match cards.iter_mut().find(mate) {
                    Some((.., others)) => others.push(*to),
                    None => cards.push((*number, *from, *to, Vec::new())),
                }
            }
            _ => {}
        }
    }
    for (number, from, to, others) in cards {
        let label = at(subject, to).map(PciDevice::label).unwrap_or_default();
        let others = if others.is_empty() {
            Text::default()
        } else {
            text!("; {others} moved with it", others = Arg::all(others))
        };
        let there = there(subject, from);
        let message = text!(
            "{label} was at {from}, {there}; {reason}{others}",
            label,
            from,
            there,
            reason = reason(subject, number, to),
            others
        );
        let remedy = "check that it is the intended device, and save the preset again";
        let row = TakenRow::Device(number);
        notes.warning(Topic::from(row.place("host_address")).of(row.taking(to)), message, remedy);
    }
}

/// Why it is the one at `to`.
fn reason(subject: &Subject, number: usize, to: PciAddress) -> Text {
    let row = rows(subject).find(|(at, ..)| *at == number);
    let Some(wanted) = row.and_then(|(_, asked, known_by)| Wanted::read(known_by, named(asked)).ok()) else {
        return Text::default();
    };
    let fits: Vec<_> = subject.facts.pci.items().iter().filter(|device| wanted.fits(device)).collect();
    match fits.len() {
        0 | 1 => text!("here is the only {wanted} of this host", wanted),
        n if fits.iter().all(|device| device.address.same_slot(to)) => {
            text!("here is the same function of the only card with {n} that are {wanted}", n, wanted)
        }
        n => text!("of {n} that are {wanted} this is the one chosen by hand, or with the rest of its card", n, wanted),
    }
}

fn chosen(subject: &Subject, notes: &mut Notes) {
    let found = outcomes(subject.spec, subject.facts).unwrap_or_default();
    for (number, asked, known_by) in rows(subject) {
        let (Some(Match::Chosen { to, over }), Ok(wanted)) = (found.get(&number), Wanted::read(known_by, named(asked)))
        else {
            continue;
        };
        let over: Vec<Text> = over.iter().map(|(address, why)| text!("{address} ({why})", address, why)).collect();
        let over = if over.is_empty() { Text::default() } else { text!("; skipped: {over}", over = Arg::all(over)) };
        let label = at(subject, *to).map(PciDevice::label).unwrap_or_default();
        let message = text!("{label} is used for {wanted}{over}", label, wanted, over);
        notes.info(
            Topic::from(TakenRow::Device(number).place("match")).of(TakenRow::Device(number).taking(*to)),
            message,
            "to fix the device, write host_address",
        );
    }
}

fn groups(subject: &Subject, notes: &mut Notes) {
    let mut said = Vec::new();
    for known in &subject.pci {
        let before = known.asked.selector.as_ref().and_then(|known_by| known_by.group.as_ref());
        let (Some(before), Some(number)) = (before, known.device.and_then(|device| device.iommu_group)) else {
            continue;
        };
        notes.looked();
        let changes = changes(before, &group(subject.facts, number).collect::<Vec<_>>());
        // Rows of one group tell it once.
        if changes.is_empty() || said.contains(&(number, changes.clone())) {
            continue;
        }
        let message = text!("in its IOMMU group, {number} now, {changes}", number, changes);
        notes.warning(
            Topic::from(known.place()).of(known.name()),
            message,
            "check what must be passed with the device now, and save the preset again",
        );
        said.push((number, changes));
    }
}

/// What came and what went. A member that moved, as the whole card may have, is known by its ids.
fn changes(before: &[spec::GroupMember], now: &[&PciDevice]) -> Text {
    let address = |member: &spec::GroupMember| member.address.as_deref()?.parse::<PciAddress>().ok();
    let same = |member: &spec::GroupMember, device: &PciDevice| {
        member.ids.as_ref().is_none_or(|ids| ids.trim().eq_ignore_ascii_case(&device.ids()))
    };
    let mut came: Vec<&PciDevice> = now.to_vec();
    let mut left: Vec<&spec::GroupMember> = before.iter().collect();
    left.retain(|member| {
        let stays = came.iter().position(|device| address(member) == Some(device.address) && same(member, device));
        stays.map(|at| came.remove(at)).is_none()
    });
    left.retain(|member| {
        let known = member.ids.is_some();
        let moved = came.iter().position(|device| known && same(member, device));
        moved.map(|at| came.remove(at)).is_none()
    });
    let came: Vec<Text> = came
        .iter()
        .map(|device| text!("{address} ({label})", address = device.address, label = device.label()))
        .collect();
    let left: Vec<Text> = left
        .iter()
        .map(|member| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            text!("{address} ({ids})", address = text(&member.address), ids = text(&member.ids))
        })
        .collect();
    let part = |items: &[Text], one, many| {
        let verb = if items.len() == 1 { one } else { many };
        (!items.is_empty()).then(|| text!("{items} {verb} since it was saved", items = Arg::all(items), verb))
    };
    let parts = [part(&came, "has come", "have joined"), part(&left, "has gone", "have left")];
    let parts: Vec<Text> = parts.into_iter().flatten().collect();
    if parts.is_empty() { Text::default() } else { text!("{parts}", parts = Arg::list(Joint::Semicolon, parts)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::checks::fixture::{Asked, domain, facts, known};
    use crate::checks::{Allowed, HostDevice, report};
    use crate::facts::display::{Holder, Holders};
    use crate::facts::{Displays, Fact};
    use crate::machine::{machine, resolve};
    use serde_json::{Value, json};

    const MATCH: &str = "pci_devices[0].match";

    fn asked(row: &Value) -> Asked {
        Asked::with(json!({"pci_devices": [row, {"host_address": "0000:01:00.1"}]})).devices(|device| {
            // The fixture's devices all have the same ids.
            device.device = u16::from(device.address.bus) << 8 | u16::from(device.address.function);
        })
    }

    fn saved(address: &str) -> Value {
        let group =
            json!([{"address": "0000:01:00.0", "ids": "10de:0100"}, {"address": "0000:01:00.1", "ids": "10de:0101"}]);
        json!({"host_address": address, "match": {"address": address, "ids": "10de:0100", "kind": "gpu", "group": group}})
    }

    #[test]
    fn what_is_where_it_was_is_passed_over_in_silence() {
        let same = asked(&saved("0000:01:00.0"));
        same.passes("PCI-MATCH").passes("PCI-MOVED").passes("GROUPS-CHANGED").quiet("PCI-CHOSEN");
        for code in ["PCI-MATCH", "PCI-MOVED", "PCI-CHOSEN", "GROUPS-CHANGED"] {
            Asked::pass(&["01:00.0", "01:00.1"]).quiet(code);
        }
    }

    #[test]
    fn what_moved_is_told_with_its_reason() {
        let want = "device 0 (0000:01:00.0): NVIDIA AD103 RTX 4080 was at 0000:02:00.0, where AMD Navi 23 (10de:0200) is \
                    now; here is the only GPU 10de:0100 of this host";
        asked(&saved("0000:02:00.0")).warns("PCI-MOVED", "pci_devices[0].host_address", want).passes("PCI-MATCH");
    }

    #[test]
    fn what_cannot_be_found_blocks() {
        let gone = |known_by: Value| asked(&json!({"match": known_by}));
        let want =
            "device 0: GPU 10de:2684 is not on this host; it was at 0000:02:00.0, where AMD Navi 23 (10de:0200) is now";
        let missing = gone(json!({"ids": "10de:2684", "kind": "gpu", "address": "0000:02:00.0"}));
        missing.blocks("PCI-MATCH", MATCH, want).passes("PCI-ADDRESS").quiet("PCI-MOVED");
        assert!(
            missing
                .said("PCI-MATCH")
                .remedy
                .contains("similar devices: 0000:01:00.0 (NVIDIA AD103 RTX 4080, 10de:0100)")
        );
        gone(json!({"kind": "gpu"})).said("PCI-MATCH").blocker();
        gone(json!({})).said("PCI-MATCH").blocker();
        gone(json!({"ids": "nvidia"})).said("PCI-MATCH").blocker();
        gone(json!({"ids": "10de:0101"})).said("PCI-MATCH").blocker();
        gone(json!({"ids": "10de:0100"})).passes("PCI-MATCH");
    }

    #[test]
    fn without_the_list_of_devices_nothing_is_found_good() {
        let unread = |row: Value| asked(&row).facts(|facts| facts.pci = Fact::default());
        unread(saved("0000:01:00.0")).unknown("PCI-MATCH");
        assert!(
            unread(json!({"match": {"ids": "10de:0100"}}))
                .said("PCI-MATCH")
                .blocker()
                .message
                .contains("not asked yet")
        );
        let board = json!({"host_address": "0000:01:00.0", "match": {"ids": "10de:0100", "subsystem": "1043:88e2"}});
        asked(&board).unknown("PCI-MATCH");
    }

    #[test]
    fn what_was_chosen_is_told_with_what_was_passed_over() {
        let any = || asked(&json!({"match": {"kind": "gpu", "any": true}}));
        let vm = |name: &str, address: &str| {
            let mut vm = domain(name);
            vm.pci = vec![address.parse().unwrap()];
            vm
        };
        let hidden = any().devices(|device| device.boot_vga = device.boot_vga.map(|_| false));
        let said = hidden.beside(vm("games", "01:00.0")).said("PCI-CHOSEN").info();
        assert!(
            said.message.contains("(0000:02:00.0)")
                && said.message.contains("0000:01:00.0 (assigned to VM 'games' (shut off))")
        );
        let said = any().beside(vm("a", "01:00.0")).said("PCI-MATCH").blocker();
        assert!(said.message.contains("0000:02:00.0 (of the card with the host's own display)"), "{}", said.message);
        let said = any().beside(vm("a", "01:00.0")).beside(vm("b", "02:00.0")).said("PCI-MATCH").blocker();
        assert!(
            said.message.contains("is not free on this host: 0000:01:00.0 (assigned to VM 'a'"),
            "{}",
            said.message
        );
        any().facts(|facts| facts.domains = Fact::default()).unknown("PCI-MATCH");
    }

    #[test]
    fn other_company_is_told() {
        let with = asked(&saved("0000:01:00.0")).devices(|device| {
            if device.address.bus == 3 {
                device.iommu_group = Some(14);
            }
        });
        let want = "device 0 (0000:01:00.0): in its IOMMU group, 14 now, 0000:03:00.0 (Samsung 990 PRO) has come since it was \
                    saved";
        with.warns("GROUPS-CHANGED", "pci_devices[0].host_address", want);
        let without = asked(&saved("0000:01:00.0")).devices(|device| {
            if device.address.function == 1 {
                device.iommu_group = Some(15);
            }
        });
        assert!(
            without
                .said("GROUPS-CHANGED")
                .warning()
                .message
                .ends_with("0000:01:00.1 (10de:0101) has gone since it was saved")
        );
    }

    #[test]
    fn what_was_reviewed_is_not_exchanged_for_another_before_the_build() {
        let any = json!({"pci_devices": [{"match": {"kind": "gpu", "any": true}}]});
        let (before, mut after) = (facts(), facts());
        let spec = resolve(&serde_json::from_value(any).unwrap(), &before);
        let codes = |facts: &crate::facts::Facts| {
            let report = report(&spec, facts, &machine(&spec, facts), &Allowed::default());
            report.blockers().filter(|finding| finding.code() == "PCI-MATCH").count()
        };
        assert_eq!(codes(&before), 0);
        let mut vm = domain("games");
        vm.pci = vec!["01:00.0".parse().unwrap()];
        after.domains.get_mut().unwrap().push(vm);
        assert_eq!(codes(&after), 1, "another is free, and was not reviewed");
    }

    #[test]
    fn what_is_given_up_at_one_address_is_not_given_up_at_another() {
        let mut facts = facts();
        let seen = ["02:00.0", "01:00.0"].map(|address| Holder {
            pid: 7,
            program: "Xorg".into(),
            device: "/dev/dri/card0".into(),
            function: address.parse().ok(),
        });
        let holders = Holders { seen: seen.into(), hidden: 0 };
        facts.displays = known(Displays { holders: known(holders), ..Displays::default() });
        let spec = serde_json::from_value(json!({"pci_devices": [saved("0000:02:00.0")]})).unwrap();
        for device in facts.pci.get_mut().into_iter().flatten() {
            device.device = u16::from(device.address.bus) << 8;
        }
        let spec = resolve(&spec, &facts);
        let device = |address: &str| address.parse().map(HostDevice::Function).unwrap();
        let judged = |address: &str| {
            let allowed: Allowed = [device(address)].into_iter().collect();
            let report = report(&spec, &facts, &machine(&spec, &facts), &allowed);
            report.lock_outs().into_iter().cloned().collect::<Vec<_>>()
        };
        assert_eq!(judged("02:00.0"), [device("01:00.0")], "typed for where it was");
        assert!(judged("01:00.0").is_empty(), "typed for where it is");
    }
}
