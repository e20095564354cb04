//! Step 6: host PCI devices by IOMMU group.

mod chosen;
mod drive;
pub mod list;
pub mod search;
pub mod sheet;
mod taking;
pub mod uses;
pub mod verdict;
pub mod view;
mod watched;

pub use chosen::{role, row_in_spec};
pub(in crate::app) use drive::choose as choose_way;
pub use list::{devices, hidden, selected};
pub use view::{SHOWS, Show};
pub(in crate::app) use watched::on_screen;

use super::page::StepPage;
use crate::app::focus::Focus;
use crate::app::form::{Field, why, yes};
use crate::app::intent::Intent;
use crate::app::options::{KnownValues, ROM_BARS};
use crate::app::outcome::{Edit, Go, Outcome, Turn};
use crate::app::overlay::{Overlay, Sheet};
use crate::app::{App, Effect};
use crate::facts::{Part, PciClass, PciDevice};
use crate::machine::Role;
use crate::spec::Place;
use chosen::{address_at, is_held};
use std::collections::BTreeSet;
use view::PciView;

/// The step.
pub struct Passthrough;

impl StepPage for Passthrough {
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
        let Some(row) = row_in_spec(app, device.address).filter(|row| !is_held(app, *row)) else {
            return Vec::new();
        };
        fields(app, row)
    }

    fn row_of(&self, app: &App, place: &Place) -> Option<usize> {
        let address = address_at(app, place)?;
        devices(app).iter().position(|device| device.address == address)
    }

    fn reveal(&self, app: &App, place: &Place) -> Option<Turn> {
        let view = list::reveal(app, address_at(app, place)?)?;
        Some(Turn::Pci(view.into()))
    }

    fn open(&self, app: &App) -> Outcome {
        let sheet = |device: &PciDevice| Outcome::show(Overlay::Sheet(Sheet { address: device.address, top: 0 }));
        selected(app).map(sheet).unwrap_or_default()
    }

    fn toggle(&self, app: &App) -> Outcome {
        selected(app).map(|device| said(taking::toggle(app, device.address))).unwrap_or_default()
    }

    fn act(&self, app: &App, intent: Intent) -> Outcome {
        let device = selected(app).map(|device| device.address);
        match intent {
            Intent::Refresh => {
                let effect = Effect::observe([Part::Pci, Part::Domains, Part::Boot, Part::Uses]);
                Outcome { effects: vec![effect], ..Outcome::turn(Turn::AskDetails) }
            }
            Intent::KindFilter => {
                let view = PciView { narrowed: Some(app.pci.show().next()), ..app.pci.clone() };
                Outcome::turn(Turn::Pci(view.into()))
            }
            Intent::ChooseRom => {
                let go = Some(Go::At(0, Focus::Field { filling: false }));
                Outcome { go, ..Outcome::then(Intent::Open) }
            }
            Intent::DeleteRow => said(search::drop_open(app)),
            Intent::ChangeRole => device.map(|address| said(taking::change_role(app, address))).unwrap_or_default(),
            Intent::CompareWays => {
                let ask = |address| Outcome::show(Overlay::Ask(drive::question(app, address)));
                device.map(ask).unwrap_or_default()
            }
            _ => Outcome::default(),
        }
    }

    fn why_not(&self, app: &App, intent: Intent) -> Option<String> {
        if intent == Intent::DeleteRow {
            return search::why_nothing_to_drop(app);
        }
        let Some(device) = selected(app) else {
            let wants = matches!(
                intent,
                Intent::Toggle | Intent::Open | Intent::ChangeRole | Intent::ChooseRom | Intent::CompareWays
            );
            return wants.then(|| "there is no device in the list".into());
        };
        match intent {
            Intent::Toggle | Intent::ChangeRole if device.kind() == PciClass::Bridge => {
                Some("bridges stay with the host".into())
            }
            Intent::ChooseRom if role(app, device.address) != Some(Role::Pass) => {
                Some("it is not passed; press Space first".into())
            }
            Intent::CompareWays if device.kind() != PciClass::Nvme => Some("this is not an NVMe drive".into()),
            Intent::ChangeRole
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

    fn filtered(&self, app: &App, text: String) -> Outcome {
        Outcome::turn(Turn::Pci(PciView { text, ..app.pci.clone() }.into()))
    }
}

/// A change of the spec, with what follows from it.
fn said((edit, text): (Edit, String)) -> Outcome {
    Outcome { say: Some(text), ..Outcome::edit(edit) }
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
    let rom = Field::free(at("rom_file"), KnownValues::Roms(ids.0, ids.1))
        .default("the card's own", "")
        .help("An image to show the guest instead of the card's own ROM: from the list, or any absolute path.");
    let rom = if is_gpu { rom.called("vBIOS ROM") } else { rom };
    let primary = Field::toggle(at("primary_gpu")).default("no", "").help("The guest's first display.");
    let set = |field: &str| app.values.get(&at(field)).is_some();
    let bar = function.map_or(("auto", String::new()), |function| {
        (if function.rom_bar.value { "on" } else { "off" }, why(&function.rom_bar))
    });
    let bar = Field::choice(at("rom_bar"), KnownValues::Fixed(ROM_BARS))
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
