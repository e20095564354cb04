//! Which functions' details are on screen, and which of them are read again and again.

use super::list::selected;
use crate::app::{App, StepId};
use crate::facts::{PciClass, PciDevice};
use crate::machine::card;
use crate::units::PciAddress;
use std::collections::BTreeSet;

impl App {
    /// The functions of the card under the cursor while the step is open, of which details are known: what the kernel
    /// tells nobody of (power state, link, virtual functions) is read again for them, and for no others. Of a remote host
    /// nothing is: that would be a login every time.
    pub fn watched(&self) -> Vec<PciAddress> {
        let open = self.step == StepId::Pci && self.overlays.is_empty() && self.probe.is_none();
        let selected = selected(self).filter(|_| open);
        let functions = selected.into_iter().flat_map(|device| card::card(&self.facts, device));
        functions.map(|device| device.address).filter(|address| self.facts.details.contains_key(address)).collect()
    }
}

/// The functions whose details are looked at: those around the cursor while the step is open, as many as a screen shows, with
/// the rest of their groups.
pub(in crate::app) fn on_screen(app: &App) -> BTreeSet<PciAddress> {
    if app.step != StepId::Pci {
        return BTreeSet::new();
    }
    let all = app.facts.pci.items();
    let (at, page) = (app.cursor().row, app.page());
    let visible = app.pci.order.iter().skip(at.saturating_sub(page)).take(2 * page);
    let visible: Vec<&PciDevice> = visible.filter_map(|at| all.get(*at)).collect();
    let groups: BTreeSet<u32> = visible.iter().filter_map(|device| device.iommu_group).collect();
    let alone: Vec<PciAddress> = visible.iter().map(|device| device.address).collect();
    let with = all.iter().filter(move |device| device.iommu_group.is_some_and(|group| groups.contains(&group)));
    with.filter(|device| device.kind() != PciClass::Bridge).map(|device| device.address).chain(alone).collect()
}
