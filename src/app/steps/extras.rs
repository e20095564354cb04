//! Step 7: consoles, TPM, autostart, cloud-init, custom XML, metadata.

use super::system::{why, yes};
use super::{Step, edit_rows, row_gate, top};
use crate::app::action::Action;
use crate::app::form::Field;
use crate::app::grammar::Grammar;
use crate::app::options::{GRAPHICS_KINDS, Options};
use crate::app::{App, Effect};
use crate::machine::Console;
use crate::spec::{GraphicsKind, Place};
use serde_json::{Value, json};

/// The step.
pub struct Extras;

impl Step for Extras {
    fn summary(&self, app: &App) -> String {
        let spec = app.spec();
        let graphics = spec.graphics.is_some().then(|| match app.derived.machine.consoles.as_slice() {
            [] => "no console".to_owned(),
            consoles => consoles.iter().map(|console| kind(console.kind)).collect::<Vec<_>>().join(" + "),
        });
        let parts = [
            graphics,
            (spec.tpm == Some(true)).then(|| "TPM".to_owned()),
            (spec.autostart == Some(true)).then(|| "autostart".to_owned()),
            spec.cloud_init.is_some().then(|| "cloud-init".to_owned()),
            spec.custom_xml.is_some().then(|| "custom XML".to_owned()),
            spec.metadata.is_some().then(|| "metadata".to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn subtitle(&self, _app: &App) -> String {
        "Consoles, then what not every VM needs.".into()
    }

    fn rows(&self, app: &App) -> usize {
        match &app.spec().graphics {
            Some(rows) => rows.len(),
            None => app.derived.machine.consoles.len(),
        }
    }

    fn form_title(&self, app: &App) -> String {
        if self.rows(app) == 0 { String::new() } else { format!("Console {}", app.cursor().row) }
    }

    fn fields(&self, app: &App) -> Vec<Field> {
        let consoles = if self.rows(app) > 0 { console(app) } else { Vec::new() };
        consoles.into_iter().chain(guest(app)).collect()
    }

    fn row_of(&self, _app: &App, place: &Place) -> Option<usize> {
        place.row_index().filter(|_| place.within(&top("graphics")))
    }

    fn act(&self, app: &mut App, action: Action) -> Vec<Effect> {
        edit_rows(app, &top("graphics"), action, there(app), json!({"type": "vnc"}));
        Vec::new()
    }

    fn why_not(&self, app: &App, action: Action) -> Option<String> {
        let rows = self.rows(app);
        match action {
            Action::DeleteRow if rows == 0 => Some("there is no console".to_owned()),
            _ => row_gate(action, app.cursor().row, rows),
        }
    }
}

/// The console that is there by default, as a row.
fn there(app: &App) -> Option<Value> {
    match app.derived.machine.consoles.as_slice() {
        [Console { row: None, kind: of, .. }] => Some(json!({"type": kind(*of)})),
        _ => None,
    }
}

/// As the spec writes it.
pub fn kind(kind: GraphicsKind) -> &'static str {
    match kind {
        GraphicsKind::Vnc => "vnc",
        GraphicsKind::Spice => "spice",
        GraphicsKind::None => "none",
    }
}

/// The console of row `at`; `None` for a row that says there is none.
pub fn console_of(app: &App, at: usize) -> Option<&Console> {
    let consoles = &app.derived.machine.consoles;
    match &app.spec().graphics {
        Some(_) => consoles.iter().find(|console| console.row == Some(at)),
        None => consoles.get(at),
    }
}

fn console(app: &App) -> Vec<Field> {
    let row = app.cursor().row;
    let at = |field: &str| Place::row("graphics", row, field);
    let mut fields = vec![
        Field::choice(at("type"), "Console", Options::Fixed(GRAPHICS_KINDS))
            .default("vnc", "there by default, for this host alone"),
    ];
    if let Some(console) = console_of(app, row) {
        fields.push(
            Field::text(at("listen"), "Listens on", Grammar::Text)
                .default(console.listen.value.clone(), why(&console.listen))
                .help("0.0.0.0 opens it to the network without a password; better go through SSH."),
        );
        fields.push(Field::text(at("port"), "Port", Grammar::Port).default("chosen by libvirt", ""));
    }
    fields
}

fn guest(app: &App) -> Vec<Field> {
    let machine = &app.derived.machine;
    let cloud = |field: &str| top("cloud_init").key(field);
    vec![
        Field::toggle(top("tpm"), "TPM 2.0")
            .default(yes(machine.tpm.value), why(&machine.tpm))
            .help("Emulated; Windows 11 asks for it."),
        Field::toggle(top("autostart"), "Autostart").default("no", "").help("Start the VM when the host boots."),
        Field::text(cloud("hostname"), "Cloud-init name", Grammar::Text)
            .default("", "the name of the VM")
            .help("Name the guest gives itself."),
        Field::text(cloud("user"), "User", Grammar::Text).help("Account to create, with sudo rights."),
        Field::lines(cloud("ssh_authorized_keys"), "SSH keys", Grammar::List)
            .help("Public keys that may log in as the user, one per line."),
        Field::lines(cloud("user_data"), "user-data", Grammar::Text)
            .help("The document as it is; in place of user and keys. Esc leaves it."),
        Field::lines(cloud("network_config"), "network-config", Grammar::Text)
            .help("The document as it is. Esc leaves it."),
        Field::lines(top("custom_xml"), "Custom XML", Grammar::Text)
            .help("Domain XML merged over the generated one. Esc leaves it."),
        Field::lines(top("metadata"), "Metadata", Grammar::Pairs)
            .help("key = value, one per line; stored with the domain. No secrets."),
    ]
}
