//! Which PCI functions the step lists, and in which order: by what is wanted of them, by the text of the filter.

use super::uses;
use super::view::{PciView, Show, is_useful};
use crate::app::{App, Model, StepId};
use crate::facts::{PciClass, PciDevice};
use crate::units::PciAddress;
use std::collections::{BTreeMap, BTreeSet};

/// True where `device` is a function of the card that has `other`; what sits on bus 0 is no card.
fn of_card(device: &PciDevice, other: PciAddress) -> bool {
    device.address.bus != 0 && device.kind() != PciClass::Bridge && device.address.same_slot(other)
}

/// The devices in the list, group by group, those that the filters leave.
pub fn devices(app: &App) -> Vec<&PciDevice> {
    let all = app.facts.pci.items();
    app.pci.order.iter().filter_map(|at| all.get(*at)).collect()
}

/// How many devices the kind that is shown leaves out.
pub fn hidden(app: &App) -> usize {
    app.facts.pci.items().len().saturating_sub(app.pci.order.len())
}

/// The device that has the focus.
pub fn selected(app: &App) -> Option<&PciDevice> {
    let row = app.cursors.get(StepId::Pci.index())?.row;
    app.facts.pci.items().get(*app.pci.order.get(row)?)
}

/// The row of the device at `address`.
pub(in crate::app) fn row_at(app: &App, address: PciAddress) -> Option<usize> {
    devices(app).iter().position(|device| device.address == address)
}

/// The devices that `view` lists, as positions in the facts.
pub(in crate::app) fn order(model: &Model, view: &PciView) -> Vec<usize> {
    let needle = view.text.to_lowercase();
    let words: Vec<&str> = needle.split_whitespace().collect();
    let all = model.facts.pci.items();
    let show = view.show();
    let wanted: BTreeSet<PciAddress> =
        all.iter().filter(|device| show.wants(device)).map(|device| device.address.with_function(0)).collect();
    let whole =
        |device: &PciDevice| wanted.get(&device.address.with_function(0)).is_some_and(|of| of_card(device, *of));
    // Groups of bridges alone come last: there are many of them, and nothing to decide.
    let useful: BTreeSet<u32> =
        all.iter().filter(|device| is_useful(device)).filter_map(|device| device.iommu_group).collect();
    let mut rows: Vec<_> = (all.iter().enumerate())
        .filter(|(_, device)| show.wants(device) || whole(device))
        .filter(|(_, device)| words.is_empty() || matches(model, view, device, &words))
        .map(|(at, device)| {
            let nothing = device.iommu_group.is_some_and(|group| !useful.contains(&group));
            (device.iommu_group.is_none(), nothing, device.iommu_group, at)
        })
        .collect();
    rows.sort_unstable();
    rows.into_iter().map(|(.., at)| at).collect()
}

/// The devices of `now` that were not there, or not as they are.
pub(in crate::app) fn changed(before: &[PciDevice], now: &[PciDevice]) -> Vec<PciAddress> {
    let known: BTreeMap<PciAddress, &PciDevice> = before.iter().map(|device| (device.address, device)).collect();
    let new = now.iter().filter(|device| known.get(&device.address) != Some(device));
    new.map(|device| device.address).collect()
}

fn matches(model: &Model, view: &PciView, device: &PciDevice, words: &[&str]) -> bool {
    let driver = device.driver.as_deref().unwrap_or_default();
    let group = device.iommu_group.map(|group| format!("group {group}")).unwrap_or_default();
    let used = uses::notes(model, view, device).join(" ");
    let text = format!("{} {} {} {driver} {group} {used}", device.address, device.label(), device.ids()).to_lowercase();
    words.iter().all(|word| text.contains(word))
}

/// A view that lists the device at `address`; `None` where it is listed, or there is none.
pub(super) fn reveal(app: &App, address: PciAddress) -> Option<PciView> {
    let at = app.facts.pci.items().iter().position(|device| device.address == address)?;
    if app.pci.order.contains(&at) {
        return None;
    }
    let unfiltered = PciView { text: String::new(), ..app.pci.clone() };
    if order(app, &unfiltered).contains(&at) {
        return Some(unfiltered);
    }
    Some(PciView { narrowed: Some(Show::All), ..unfiltered })
}
