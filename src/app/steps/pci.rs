//! Step 6: host PCI devices by IOMMU group.

use super::system::{why, yes};
use super::{Step, top};
use crate::app::action::Action;
use crate::app::form::Field;
use crate::app::grammar::Grammar;
use crate::app::{App, Effect};
use crate::facts::{Part, PciClass, PciDevice};
use crate::spec::Place;
use crate::units::PciAddress;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The step.
pub struct Passthrough;

/// What the list shows and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PciView {
    /// Only devices of this kind.
    pub kind: Option<PciClass>,
    /// Only devices whose address, name or driver holds this.
    pub text: String,
    /// Devices that changed, and until when they are marked, in seconds since 1970-01-01 UTC.
    pub changed: BTreeMap<PciAddress, u64>,
    /// The devices in the list, as positions in the facts: group by group, those that the filters leave.
    order: Vec<usize>,
}

/// Kinds that the list can be narrowed to, with their names.
pub const KINDS: [(Option<PciClass>, &str); 5] = [
    (Some(PciClass::Gpu), "GPUs"),
    (Some(PciClass::Nic), "NICs"),
    (Some(PciClass::Nvme), "NVMe"),
    (Some(PciClass::Usb), "USB"),
    (None, "all"),
];

/// How long a changed row is marked.
const MARKED_SECONDS: u64 = 3;

impl PciView {
    /// The focus and the devices as they are before facts arrive.
    pub(in crate::app) fn before(app: &App) -> Before {
        let devices = app.facts.pci.items();
        let known = devices.iter().map(|device| (device.address, device.clone())).collect();
        Before { current: selected(app).map(|device| device.address), known, asked: !app.facts.pci.is_pending() }
    }

    /// Marks fade.
    pub(in crate::app) fn forget_changes(&mut self, now: u64) {
        self.changed.retain(|_, until| *until > now);
    }
}

/// See [`PciView::before`].
pub(in crate::app) struct Before {
    current: Option<PciAddress>,
    known: BTreeMap<PciAddress, PciDevice>,
    asked: bool,
}

impl App {
    /// Keeps the cursor on its device and marks what changed.
    pub(in crate::app) fn pci_after(&mut self, before: &Before) {
        relist(self);
        if before.asked {
            let until = self.clock + MARKED_SECONDS;
            let changed: Vec<PciAddress> = self
                .facts
                .pci
                .items()
                .iter()
                .filter(|device| before.known.get(&device.address) != Some(device))
                .map(|device| device.address)
                .collect();
            self.pci.changed.extend(changed.into_iter().map(|address| (address, until)));
        }
        let Some(address) = before.current else { return };
        let row = devices(self).iter().position(|device| device.address == address);
        let index = crate::app::StepId::Pci.index();
        if let (Some(row), Some(cursor)) = (row, self.cursors.get_mut(index)) {
            cursor.row = row;
        }
    }
}

impl Step for Passthrough {
    fn summary(&self, app: &App) -> String {
        let chosen = app.spec().pci_devices.as_deref().unwrap_or_default();
        let mut groups: Vec<u32> = app
            .facts
            .pci
            .items()
            .iter()
            .filter(|device| row_in_spec(app, device.address).is_some())
            .filter_map(|device| device.iommu_group)
            .collect();
        groups.sort_unstable();
        groups.dedup();
        let groups = groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match (chosen.len(), groups.is_empty()) {
            (0, _) => String::new(),
            (n, true) => format!("{n} dev{}", if n == 1 { "" } else { "s" }),
            (n, false) => format!("{n} dev{}, group {groups}", if n == 1 { "" } else { "s" }),
        }
    }

    fn rows(&self, app: &App) -> usize {
        app.pci.order.len()
    }

    fn form_title(&self, app: &App) -> String {
        selected(app).map(|device| device.address.short()).unwrap_or_default()
    }

    fn fields(&self, app: &App) -> Vec<Field> {
        let Some(row) = selected(app).and_then(|device| row_in_spec(app, device.address)) else { return Vec::new() };
        let at = |field: &str| Place::row("pci_devices", row, field);
        let functions = app.derived.machine.slots.iter().flat_map(|slot| &slot.functions);
        let function = functions.into_iter().find(|function| function.place.row_index() == Some(row));
        let guest =
            function.map(|function| (function.guest.value.to_string(), why(&function.guest))).unwrap_or_default();
        let multi = function.is_some_and(|function| function.multifunction);
        vec![
            Field::text(at("rom_file"), "vBIOS ROM", Grammar::Text)
                .default("the card's own", "")
                .help("Absolute path of a video BIOS image to show the guest instead of the card's own."),
            Field::toggle(at("primary_gpu"), "Primary GPU").default("no", "").help("The guest's first display."),
            Field::text(at("guest_address"), "Guest address", Grammar::Pci).default(guest.0, guest.1),
            Field::toggle(at("multifunction"), "Multifunction").default(yes(multi), ""),
        ]
    }

    fn row_of(&self, app: &App, place: &Place) -> Option<usize> {
        let asked = app.spec().pci_devices.as_ref()?.get(place.row_index()?)?;
        let address: PciAddress = asked.host_address.as_ref()?.parse().ok()?;
        devices(app).iter().position(|device| device.address == address)
    }

    fn toggle(&self, app: &mut App) -> Vec<Effect> {
        let Some(device) = selected(app) else { return Vec::new() };
        let group = group_of(app, device);
        toggle_group(app, &group);
        Vec::new()
    }

    fn act(&self, app: &mut App, action: Action) -> Vec<Effect> {
        match action {
            Action::Refresh => return vec![Effect::Observe(vec![Part::Pci, Part::Domains])],
            Action::KindFilter => {
                let at = KINDS.iter().position(|(kind, _)| *kind == app.pci.kind).unwrap_or(KINDS.len() - 1);
                let next = KINDS.get((at + 1) % KINDS.len()).and_then(|(kind, _)| *kind);
                app.pci.kind = next;
                relist(app);
                app.clamp();
            }
            _ => {}
        }
        Vec::new()
    }

    fn why_not(&self, app: &App, action: Action) -> Option<String> {
        let device = selected(app);
        match (action, device) {
            (Action::Toggle | Action::Open, None) => Some("there is no device in the list".into()),
            (Action::Toggle, Some(device)) if group_of(app, device).is_empty() => {
                Some("bridges stay with the host".into())
            }
            (Action::Open, Some(device)) if row_in_spec(app, device.address).is_none() => {
                Some("select it first with Space".into())
            }
            _ => None,
        }
    }

    fn filter(&self, app: &App) -> String {
        app.pci.text.clone()
    }

    fn set_filter(&self, app: &mut App, text: String) {
        app.pci.text = text;
        relist(app);
        app.clamp();
    }
}

/// The devices in the list, group by group, those that the filters leave.
pub fn devices(app: &App) -> Vec<&PciDevice> {
    let all = app.facts.pci.items();
    app.pci.order.iter().filter_map(|at| all.get(*at)).collect()
}

/// Lists anew after facts or filters changed.
pub(in crate::app) fn relist(app: &mut App) {
    let needle = app.pci.text.to_lowercase();
    let words: Vec<&str> = needle.split_whitespace().collect();
    // Groups of bridges alone come last: there are many of them, and nothing to decide.
    let passable = app.facts.pci.items().iter().filter(|device| device.kind() != PciClass::Bridge);
    let useful: BTreeSet<u32> = passable.filter_map(|device| device.iommu_group).collect();
    let mut rows: Vec<_> = (app.facts.pci.items().iter().enumerate())
        .filter(|(_, device)| matches(device, app.pci.kind, &words))
        .map(|(at, device)| {
            let nothing = device.iommu_group.is_some_and(|group| !useful.contains(&group));
            (device.iommu_group.is_none(), nothing, device.iommu_group, at)
        })
        .collect();
    rows.sort_unstable();
    app.pci.order = rows.into_iter().map(|(.., at)| at).collect();
}

fn matches(device: &PciDevice, kind: Option<PciClass>, words: &[&str]) -> bool {
    if kind.is_some_and(|kind| device.kind() != kind) {
        return false;
    }
    if words.is_empty() {
        return true;
    }
    let driver = device.driver.as_deref().unwrap_or_default();
    let group = device.iommu_group.map(|group| format!("group {group}")).unwrap_or_default();
    let text = format!("{} {} {} {driver} {group}", device.address, device.label(), device.ids()).to_lowercase();
    words.iter().all(|word| text.contains(word))
}

/// The device that has the focus.
pub fn selected(app: &App) -> Option<&PciDevice> {
    let row = app.cursors.get(crate::app::StepId::Pci.index())?.row;
    app.facts.pci.items().get(*app.pci.order.get(row)?)
}

/// The row of the spec that asks for this device.
pub fn row_in_spec(app: &App, address: PciAddress) -> Option<usize> {
    let asked = app.spec().pci_devices.as_deref()?;
    asked.iter().position(|row| row.host_address.as_ref().and_then(|text| text.parse().ok()) == Some(address))
}

/// The devices that go to the guest together with `device`: its group without bridges; without groups, itself.
fn group_of(app: &App, device: &PciDevice) -> Vec<PciAddress> {
    let all = app.facts.pci.items().iter();
    let together = all.filter(|other| match device.iommu_group {
        Some(group) => other.iommu_group == Some(group),
        None => other.address == device.address,
    });
    together.filter(|other| other.kind() != PciClass::Bridge).map(|other| other.address).collect()
}

/// Selects all of `group`, or clears it where all are selected.
fn toggle_group(app: &mut App, group: &[PciAddress]) {
    let list = top("pci_devices");
    let rows = app.derived.rows(&list).to_vec();
    let asked = |row: &Value| -> Option<PciAddress> { row.get("host_address")?.as_str()?.parse().ok() };
    let have: Vec<Option<PciAddress>> = rows.iter().map(asked).collect();
    let all = group.iter().all(|address| have.contains(&Some(*address)));
    let (mut new, mut from) = (Vec::new(), Vec::new());
    for (at, row) in rows.into_iter().enumerate() {
        let in_group = have.get(at).copied().flatten().is_some_and(|address| group.contains(&address));
        if !(all && in_group) {
            new.push(row);
            from.push(Some(at));
        }
    }
    if !all {
        for address in group.iter().filter(|address| !have.contains(&Some(**address))) {
            new.push(json!({"host_address": address.to_string()}));
            from.push(None);
        }
    }
    app.set_rows(&list, new, &from);
}
