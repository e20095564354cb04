//! Step 6: host PCI devices by IOMMU group.

pub mod in_words;
pub mod list;
pub mod sheet;
pub mod sought;
pub mod verdict;
mod watched;

mod drive;
mod taking;

pub(in crate::app) use drive::choose as choose_way;
pub(in crate::app) use list::relist;
pub use list::{SHOWS, Show, devices, hidden};
pub(in crate::app) use watched::on_screen;

use super::Step;
use super::system::{why, yes};
use crate::app::action::Action;
use crate::app::form::Field;
use crate::app::options::{Options, ROM_BARS};
use crate::app::overlay::Overlay;
use crate::app::{App, Effect, StepId, Zone};
use crate::facts::{Part, PciClass, PciDevice, Use, uses};
use crate::spec::Place;
use crate::units::PciAddress;
use std::collections::{BTreeMap, BTreeSet};

/// The step.
pub struct Passthrough;

/// What the list shows and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PciView {
    /// What the user narrowed the list to; `None` while it follows from the host.
    pub(in crate::app) narrowed: Option<Show>,
    /// Only devices whose address, name, driver or use holds this.
    pub text: String,
    /// Devices that changed, and until when they are marked, in seconds since 1970-01-01 UTC.
    pub changed: BTreeMap<PciAddress, u64>,
    /// The devices in the list, as positions in the facts: group by group, those that the filters leave.
    order: Vec<usize>,
    /// What the list shows where nobody narrowed it.
    first: Show,
    /// What the host does with its functions.
    uses: BTreeMap<PciAddress, BTreeSet<Use>>,
    /// What taking cards would mean, as far as somebody looked.
    verdicts: verdict::Memory,
}

/// How long a changed row is marked.
const MARKED_SECONDS: u64 = 3;

impl PciView {
    /// What the list is narrowed to.
    pub fn show(&self) -> Show {
        self.narrowed.unwrap_or(self.first)
    }

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
        self.pci.first = Show::first(self.facts.pci.items());
        self.pci.uses = uses(&self.facts);
        self.pci.verdicts.take();
        relist(self);
        let devices = self.facts.pci.items();
        let changed = devices.iter().filter(|device| before.known.get(&device.address) != Some(device));
        let changed: Vec<PciAddress> = changed.map(|device| device.address).collect();
        // A new driver brings another power state, other ways of reset, virtual functions.
        self.asked.forget_details(|address| changed.contains(&address));
        if before.asked {
            let until = self.clock + MARKED_SECONDS;
            self.pci.changed.extend(changed.into_iter().map(|address| (address, until)));
        }
        let row = before.current.and_then(|address| self::devices(self).iter().position(|d| d.address == address));
        if let (Some(row), Some(cursor)) = (row, self.cursors.get_mut(StepId::Pci.index())) {
            cursor.row = row;
        }
    }
}

impl Step for Passthrough {
    fn summary(&self, app: &App) -> String {
        let chosen = app.spec().pci_devices.as_deref().unwrap_or_default();
        let taken = app.facts.pci.items().iter().filter(|device| row_in_spec(app, device.address).is_some());
        let groups: BTreeSet<u32> = taken.filter_map(|device| device.iommu_group).collect();
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
        let Some(device) = selected(app) else { return Vec::new() };
        let Some(row) = row_in_spec(app, device.address).filter(|row| !taking::is_held(app, *row)) else {
            return Vec::new();
        };
        fields(app, row)
    }

    fn row_of(&self, app: &App, place: &Place) -> Option<usize> {
        let address = address_at(app, place)?;
        devices(app).iter().position(|device| device.address == address)
    }

    fn reveal(&self, app: &mut App, place: &Place) {
        if let Some(address) = address_at(app, place) {
            list::reveal(app, address);
        }
    }

    fn open(&self, app: &mut App) -> Vec<Effect> {
        if let Some(address) = selected(app).map(|device| device.address) {
            app.overlays.push(Overlay::Sheet(sheet::Sheet { address, top: 0 }));
        }
        Vec::new()
    }

    fn toggle(&self, app: &mut App) -> Vec<Effect> {
        if let Some(address) = selected(app).map(|device| device.address) {
            app.toast = Some(taking::toggle(app, address));
        }
        Vec::new()
    }

    fn act(&self, app: &mut App, action: Action) -> Vec<Effect> {
        match action {
            Action::Refresh => {
                app.asked.forget_details(|_| true);
                return vec![Effect::observe([Part::Pci, Part::Domains, Part::Boot, Part::Uses])];
            }
            Action::KindFilter => {
                list::keeping_cursor(app, |app| app.pci.narrowed = Some(app.pci.show().next()));
            }
            Action::ChooseRom => {
                app.zone = Zone::Fields;
                app.cursor_mut().field = 0;
                app.open_field();
            }
            Action::DeleteRow => app.toast = Some(sought::drop_open(app)),
            Action::ChangeRole => {
                if let Some(address) = selected(app).map(|device| device.address) {
                    app.toast = Some(taking::change_role(app, address));
                }
            }
            Action::CompareWays => {
                if let Some(address) = selected(app).map(|device| device.address) {
                    app.overlays.push(Overlay::Ask(drive::question(app, address)));
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn why_not(&self, app: &App, action: Action) -> Option<String> {
        if action == Action::DeleteRow {
            return sought::why_nothing_to_drop(app);
        }
        let Some(device) = selected(app) else {
            let wants = matches!(
                action,
                Action::Toggle | Action::Open | Action::ChangeRole | Action::ChooseRom | Action::CompareWays
            );
            return wants.then(|| "there is no device in the list".into());
        };
        match action {
            Action::Toggle | Action::ChangeRole if device.kind() == PciClass::Bridge => {
                Some("bridges stay with the host".into())
            }
            Action::ChooseRom if role(app, device.address) != Some(crate::machine::Role::Pass) => {
                Some("it is not passed; press Space first".into())
            }
            Action::CompareWays if device.kind() != PciClass::Nvme => Some("this is not an NVMe drive".into()),
            Action::ChangeRole
                if row_in_spec(app, device.address).is_none() && !taking::is_selected_with(app, device) =>
            {
                Some("nothing of its card or group is passed; press Space first".into())
            }
            _ => None,
        }
    }

    fn filter(&self, app: &App) -> String {
        app.pci.text.clone()
    }

    fn set_filter(&self, app: &mut App, text: String) {
        list::keeping_cursor(app, |app| app.pci.text = text);
    }
}

/// The fields of a row of the spec.
fn fields(app: &App, row: usize) -> Vec<Field> {
    let at = |field: &str| Place::row("pci_devices", row, field);
    let functions = app.case.machine.slots.iter().flat_map(|slot| &slot.functions);
    let function = functions.into_iter().find(|function| function.place.row_index() == Some(row));
    let guest = function.map(|function| (function.guest.value.to_string(), why(&function.guest))).unwrap_or_default();
    let multi = function.is_some_and(|function| function.multifunction);
    let device = selected(app);
    let ids = device.map_or((0, 0), |device| (device.vendor, device.device));
    let is_gpu = device.is_some_and(|device| device.kind() == PciClass::Gpu);
    let rom = Field::free(at("rom_file"), Options::Roms(ids.0, ids.1))
        .default("the card's own", "")
        .help("An image to show the guest instead of the card's own ROM: from the list, or any absolute path.");
    let rom = if is_gpu { rom.called("vBIOS ROM") } else { rom };
    let primary = Field::toggle(at("primary_gpu")).default("no", "").help("The guest's first display.");
    let set = |field: &str| app.values.get(&at(field)).is_some();
    let bar = function.map_or(("auto", String::new()), |function| {
        (if function.rom_bar.value { "on" } else { "off" }, why(&function.rom_bar))
    });
    let bar = Field::choice(at("rom_bar"), Options::Fixed(ROM_BARS))
        .default(bar.0, bar.1)
        .help("Whether the guest sees the ROM of the device; a ROM can hang the guest's firmware, or the host.");
    let mut fields = vec![rom];
    fields.extend(Some(primary).filter(|_| is_gpu || set("primary_gpu")));
    fields.push(Field::text(at("guest_address")).default(guest.0, guest.1));
    let boots =
        device.is_some_and(|device| matches!(device.kind(), PciClass::Nvme | PciClass::Storage | PciClass::Nic));
    let order = Field::text(at("boot_order")).default("not booted from", "");
    fields.extend(Some(order).filter(|_| boots || set("boot_order")));
    fields.push(bar);
    fields.push(Field::toggle(at("multifunction")).default(yes(multi), ""));
    fields
}

/// The host address that the row of `place` asks for.
fn address_at(app: &App, place: &Place) -> Option<PciAddress> {
    let asked = app.spec().pci_devices.as_ref()?.get(place.row_index()?)?;
    asked.host_address.as_ref()?.parse().ok()
}

/// The device that has the focus.
pub fn selected(app: &App) -> Option<&PciDevice> {
    let row = app.cursors.get(StepId::Pci.index())?.row;
    app.facts.pci.items().get(*app.pci.order.get(row)?)
}

/// The row of the spec that asks for this device.
pub fn row_in_spec(app: &App, address: PciAddress) -> Option<usize> {
    let asked = app.spec().pci_devices.as_deref()?;
    asked.iter().position(|row| row.host_address.as_ref().and_then(|text| text.parse().ok()) == Some(address))
}

/// What becomes of a device that the spec names: passed or held.
pub fn role(app: &App, address: PciAddress) -> Option<crate::machine::Role> {
    use crate::machine::Role;
    let row = row_in_spec(app, address)?;
    Some(if taking::is_held(app, row) { Role::Hold } else { Role::Pass })
}
