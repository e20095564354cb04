//! Step 5: network interfaces.

use super::page::{StepPage, edit_rows, row_gate, top};
use crate::app::App;
use crate::app::form::{Field, why};
use crate::app::intent::Intent;
use crate::app::options::{DIRECT_MODES, KnownValues, NETWORK_KINDS, NETWORK_MODELS};
use crate::app::outcome::Outcome;
use crate::machine::Interface;
use crate::spec::{NetworkKind, Place};
use serde_json::{Value, json};

/// The step.
pub struct Networks;

impl StepPage for Networks {
    fn summary(&self, app: &App) -> String {
        let sources = app.case.machine.interfaces.iter().map(|interface| match interface.kind {
            NetworkKind::User => "user NAT".to_owned(),
            _ => interface.source.value.clone(),
        });
        let list = sources.collect::<Vec<_>>().join(", ");
        if list.is_empty() { "none".into() } else { list }
    }

    fn subtitle(&self, app: &App) -> String {
        match app.case.machine.interfaces.as_slice() {
            [Interface { row: None, .. }] => {
                "One interface is there by default; change it, or delete it with d.".into()
            }
            _ => "The guest numbers them in this order.".into(),
        }
    }

    fn rows(&self, app: &App) -> usize {
        app.case.machine.interfaces.len()
    }

    fn form_title(&self, app: &App) -> String {
        if self.rows(app) == 0 { String::new() } else { format!("Interface {}", app.cursor().row) }
    }

    fn fields(&self, app: &App) -> Vec<Field> {
        let row = app.cursor().row;
        let Some(interface) = app.case.machine.interfaces.get(row) else { return Vec::new() };
        let at = |field: &str| Place::row("networks", row, field);
        let source = match interface.kind {
            NetworkKind::Network => Some(
                Field::free(at("source"), KnownValues::Networks)
                    .default(interface.source.value.clone(), why(&interface.source))
                    .help("A libvirt network: virsh net-list."),
            ),
            NetworkKind::Bridge => Some(
                Field::free(at("source"), KnownValues::Bridges)
                    .called("Bridge")
                    .help("A bridge of this host; the guest is on the LAN like the host."),
            ),
            NetworkKind::Hostdev => Some(
                Field::text(at("host_address"))
                    .help("Address of a virtual function of a network card: vmbuild pci lists them."),
            ),
            NetworkKind::Direct => Some(
                Field::free(at("source"), KnownValues::Bridges)
                    .called("Host interface")
                    .help("An interface of this host, such as eno1; host and guest do not reach each other."),
            ),
            NetworkKind::User => None,
        };
        let tagged = matches!(interface.kind, NetworkKind::Hostdev | NetworkKind::Bridge);
        let vlan = tagged.then(|| Field::text(at("vlan")).default("none", "").help("1 to 4094."));
        let mode = (interface.kind == NetworkKind::Direct)
            .then(|| Field::choice(at("mode"), KnownValues::Fixed(DIRECT_MODES)).default(interface.mode.name(), ""));
        let kind =
            Field::choice(at("type"), KnownValues::Fixed(NETWORK_KINDS)).default(interface.kind.name(), "the default");
        let others = [
            Field::choice(at("model"), KnownValues::Fixed(NETWORK_MODELS))
                .default(interface.model.value.name(), why(&interface.model)),
            Field::text(at("mac")).default("set by libvirt", "").help("52:54:00:12:34:56"),
            Field::text(at("boot_order"))
                .default("not booted from", "")
                .help("Place among disks and interfaces, from 1."),
        ];
        let tuning = [
            Field::text(at("mtu")).default("as the network", "").help("Largest packet in bytes."),
            Field::text(at("queues")).default("1", "").help("For a virtio card: at most one per CPU."),
        ];
        let first = [kind].into_iter().chain(source).chain(vlan).chain(mode);
        first.chain(others).chain(tuning.map(Field::more)).collect()
    }

    fn row_of(&self, _app: &App, place: &Place) -> Option<usize> {
        place.row_index()
    }

    fn act(&self, app: &App, intent: Intent) -> Outcome {
        edit_rows(app, &top("networks"), intent, there(app), json!({"type": NetworkKind::Network}))
    }

    fn why_not(&self, app: &App, intent: Intent) -> Option<String> {
        let rows = self.rows(app);
        match intent {
            Intent::DeleteRow | Intent::Open if rows == 0 => Some("there is no interface".to_owned()),
            _ => row_gate(intent, app.cursor().row, rows),
        }
    }
}

/// The interface that is there by default, as a row.
fn there(app: &App) -> Option<Value> {
    match app.case.machine.interfaces.as_slice() {
        [Interface { row: None, kind: of, .. }] => Some(json!({"type": of})),
        _ => None,
    }
}
