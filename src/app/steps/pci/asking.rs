//! Which functions' details are asked for: those that the spec takes with all that they draw with them, and those that
//! are on screen. Never those of a whole host: a server has hundreds.

use super::{PciView, row_in_spec};
use crate::app::{App, Effect, StepId};
use crate::facts::{PciClass, PciDevice, Query};
use crate::machine::card;
use crate::units::PciAddress;
use std::collections::BTreeSet;

impl App {
    /// Asks for the details that are missing.
    pub(in crate::app) fn ask_details(&mut self) -> Option<Effect> {
        let all = self.facts.pci.items();
        let mut wanted: BTreeSet<PciAddress> =
            all.iter().map(|device| device.address).filter(|address| row_in_spec(self, *address).is_some()).collect();
        let chosen: Vec<PciAddress> = wanted.iter().copied().collect();
        if !chosen.is_empty() {
            wanted.extend(card::companions(&self.facts, &chosen).into_iter().map(|member| member.address));
        }
        if self.step == StepId::Pci {
            wanted.extend(on_screen(self));
        }
        wanted.retain(|address| !self.pci.asked.contains(address));
        self.pci.asked.extend(&wanted);
        (!wanted.is_empty()).then(|| Effect::Ask(vec![Query::Details(wanted.into_iter().collect())]))
    }
}

impl App {
    /// The functions of the card under the cursor while the step is open, of which details are known: what the kernel
    /// tells nobody of (power state, link, virtual functions) is read again for them, and for no others. Of a remote host
    /// nothing is: that would be a login every time.
    pub fn watched(&self) -> Vec<PciAddress> {
        let open = self.step == StepId::Pci && self.overlays.is_empty() && self.probe.is_none();
        let selected = super::selected(self).filter(|_| open);
        let functions = selected.into_iter().flat_map(|device| card::card(&self.facts, device));
        functions.map(|device| device.address).filter(|address| self.facts.details.contains_key(address)).collect()
    }
}

/// The devices around the cursor, as many as a screen shows, with the rest of their groups.
fn on_screen(app: &App) -> impl Iterator<Item = PciAddress> {
    let all = app.facts.pci.items();
    let (at, page) = (app.cursor().row, app.page());
    let visible = app.pci.order.iter().skip(at.saturating_sub(page)).take(2 * page);
    let visible: Vec<&PciDevice> = visible.filter_map(|at| all.get(*at)).collect();
    let groups: BTreeSet<u32> = visible.iter().filter_map(|device| device.iommu_group).collect();
    let alone: Vec<PciAddress> = visible.iter().map(|device| device.address).collect();
    let with = all.iter().filter(move |device| device.iommu_group.is_some_and(|group| groups.contains(&group)));
    with.filter(|device| device.kind() != PciClass::Bridge).map(|device| device.address).chain(alone)
}

impl PciView {
    /// More can be told of each function now: what is on screen is asked for again.
    pub(in crate::app) fn forget_details(&mut self) {
        self.asked.clear();
    }

    /// Another host: nothing was asked of it.
    pub(in crate::app) fn forget_host(&mut self) {
        *self = Self::default();
    }
}
