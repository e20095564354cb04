//! Step 7: consoles, TPM, autostart, cloud-init, custom XML, metadata.

use super::page::{StepPage, edit_rows, row_gate, top};
use crate::app::App;
use crate::app::form::{Field, why, yes};
use crate::app::intent::Intent;
use crate::app::options::{
    GRAPHICS_KINDS, KnownValues, SCSI_MODELS, SOUND_MODELS, TPM_BACKENDS, TPM_VERSIONS, USB_CONTROLLERS,
    WATCHDOG_ACTIONS, WATCHDOGS,
};
use crate::app::outcome::Outcome;
use crate::machine::{Choice, Console};
use crate::spec::devices::{SoundModel, UsbController, VideoModel, WatchdogAction, WatchdogModel};
use crate::spec::{GraphicsKind, Place};
use serde_json::{Value, json};

/// The step.
pub struct Extras;

impl StepPage for Extras {
    fn summary(&self, app: &App) -> String {
        let spec = app.spec();
        let graphics = spec.graphics.is_some().then(|| match app.case.machine.consoles.as_slice() {
            [] => "no console".to_owned(),
            consoles => consoles.iter().map(|console| console.kind.name()).collect::<Vec<_>>().join(" + "),
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
        "Consoles, then options that few VMs need.".into()
    }

    fn rows(&self, app: &App) -> usize {
        match &app.spec().graphics {
            Some(rows) => rows.len(),
            None => app.case.machine.consoles.len(),
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

    fn act(&self, app: &App, intent: Intent) -> Outcome {
        edit_rows(app, &top("graphics"), intent, there(app), json!({"type": GraphicsKind::Vnc}))
    }

    fn why_not(&self, app: &App, intent: Intent) -> Option<String> {
        let rows = self.rows(app);
        match intent {
            Intent::DeleteRow if rows == 0 => Some("there is no console".to_owned()),
            _ => row_gate(intent, app.cursor().row, rows),
        }
    }
}

/// The console that is there by default, as a row.
fn there(app: &App) -> Option<Value> {
    match app.case.machine.consoles.as_slice() {
        [Console { row: None, kind: of, .. }] => Some(json!({"type": of})),
        _ => None,
    }
}

/// The console of row `at`; `None` for a row that says there is none.
pub fn console_of(app: &App, at: usize) -> Option<&Console> {
    let consoles = &app.case.machine.consoles;
    match &app.spec().graphics {
        Some(_) => consoles.iter().find(|console| console.row == Some(at)),
        None => consoles.get(at),
    }
}

fn console(app: &App) -> Vec<Field> {
    let row = app.cursor().row;
    let at = |field: &str| Place::row("graphics", row, field);
    let mut fields = vec![
        Field::choice(at("type"), KnownValues::Fixed(GRAPHICS_KINDS))
            .default(GraphicsKind::Vnc.name(), "there by default, for this host only"),
    ];
    if let Some(console) = console_of(app, row) {
        fields.push(
            Field::text(at("listen"))
                .default(console.listen.value.clone(), why(&console.listen))
                .help("0.0.0.0 opens it to the network without a password; better go through SSH."),
        );
        fields.push(Field::text(at("port")).default("chosen by libvirt", ""));
        let password = Field::text(at("password_file")).default("none", "");
        let help = "A file on this machine; its first line is read when the VM is built. VNC takes 8 characters.";
        fields.push(password.help(help).more());
    }
    fields
}

/// What belongs to no single console.
fn guest(app: &App) -> impl Iterator<Item = Field> {
    let tpm = [tpm(app), Field::toggle(top("autostart")).default("no", "").help("Start the VM when the host boots.")];
    let first = tpm.into_iter().chain(tpm_device(app).map(Field::more));
    let devices = devices(app).into_iter().chain(input()).chain(of_the_host(app));
    first.chain(devices.map(Field::more)).chain(identity().map(Field::more)).chain(cloud_init()).chain(besides())
}

fn tpm(app: &App) -> Field {
    let tpm = &app.case.machine.tpm;
    Field::toggle(top("tpm")).default(yes(tpm.value), why(tpm)).help("Emulated; Windows 11 requires it.")
}

fn tpm_device(app: &App) -> [Field; 3] {
    let at = |field: &str| top("tpm_device").key(field);
    let tpm = &app.case.machine.devices.tpm;
    let off = (!app.case.machine.tpm.value).then(|| "switch the TPM on first".to_owned());
    [
        Field::choice(at("version"), KnownValues::Fixed(TPM_VERSIONS)).default(tpm.version.name(), ""),
        Field::choice(at("backend"), KnownValues::Fixed(TPM_BACKENDS)).default(tpm.backend.name(), ""),
        Field::text(at("path")).default(tpm.path.clone(), "").help("The host's TPM, if it is passed."),
    ]
    .map(|field| field.disabled(off.clone()))
}

fn devices(app: &App) -> Vec<Field> {
    let machine = &app.case.machine;
    let devices = &machine.devices;
    let video = machine.video.value.clone().unwrap_or_else(|| VideoModel::None.name().to_owned());
    let usb = devices.usb_controller.value.map_or(UsbController::None.name(), UsbController::name);
    let sound = devices.sound.map_or(SoundModel::None.name(), SoundModel::name);
    let watchdog = devices.watchdog.as_ref().map(|(model, action)| (model.name(), action.as_str()));
    let (watchdog, action) = watchdog.unwrap_or((WatchdogModel::None.name(), WatchdogAction::Reset.name()));
    let toggle = |name: &str, choice: &Choice<bool>| Field::toggle(top(name)).default(yes(choice.value), why(choice));
    vec![
        Field::choice(top("video"), KnownValues::VideoModels).default(video, why(&machine.video)),
        Field::choice(top("sound"), KnownValues::Fixed(SOUND_MODELS)).default(sound, ""),
        Field::choice(top("scsi_controller"), KnownValues::Fixed(SCSI_MODELS))
            .default(devices.scsi.value.name(), why(&devices.scsi))
            .help("The controller of disks on the bus scsi."),
        toggle("guest_agent", &devices.guest_agent).help("A channel for qemu-guest-agent in the guest."),
        toggle("rng", &devices.rng).help("Entropy of the host, for guests that start without any."),
        Field::choice(top("watchdog").key("model"), KnownValues::Fixed(WATCHDOGS)).default(watchdog, ""),
        Field::choice(top("watchdog").key("action"), KnownValues::Fixed(WATCHDOG_ACTIONS)).default(action, ""),
        Field::choice(top("usb_controller"), KnownValues::Fixed(USB_CONTROLLERS))
            .default(usb, why(&devices.usb_controller)),
        toggle("tablet", &devices.tablet).help("The pointer of a console follows that of the viewer."),
    ]
}

fn input() -> [Field; 2] {
    [
        Field::lines(top("evdev"))
            .default("none", "")
            .help("Keyboards and mice of the host that the guest shares, one /dev/input/by-id path per line; both Ctrl keys switch."),
        Field::text(top("looking_glass").key("resolution"))
            .default("none", "")
            .help("Shared memory for frames up to this size: 2560x1440. Its viewer runs on the host's own desktop."),
    ]
}

fn of_the_host(app: &App) -> [Field; 3] {
    let known = app.facts.usb.get().map_or(0, |usb| usb.devices.items().len());
    let note = if known > 0 { format!("the host has {known}: lsusb") } else { String::new() };
    let mediated = Field::lines(top("mediated_devices")).default("none", "").help(
        "Parts of a device, such as virtual GPUs: a UUID per line (mdevctl list), then display and ramfb as wanted.",
    );
    let usb = Field::lines(top("usb_devices")).default("none", "").note(note).help(
        "Host USB devices, one per line: 046d:c52b, or bus 1 device 4; mandatory, requisite or optional may follow.",
    );
    let shares = Field::lines(top("shares"))
        .default("none", "")
        .help("Host folders for the guest to mount, one per line: /srv/data, a tag, then virtiofs, 9p or read-only.");
    [usb, mediated, shares]
}

fn identity() -> [Field; 5] {
    let at = |field: &str| top("smbios").key(field);
    let text = |field: &str| Field::text(at(field)).default("QEMU's", "");
    [
        text("manufacturer").help("What the guest reads in SMBIOS."),
        text("product"),
        text("version"),
        text("serial"),
        Field::lines(at("oem_strings"))
            .default("none", "")
            .help("Texts that the guest can read, one per line. No secrets."),
    ]
}

fn cloud_init() -> [Field; 15] {
    let at = |field: &str| top("cloud_init").key(field);
    [
        Field::text(at("hostname")).default("", "the name of the VM").help("Host name that the guest sets."),
        Field::text(at("user")).help("Account to create, with sudo rights."),
        Field::lines(at("ssh_authorized_keys")).help("Public keys that may log in as the user, one per line."),
        Field::text(at("password_file"))
            .help("A file on this machine; its first line is read at the build, and hashed."),
        Field::text(at("password_hash")).help("As mkpasswd --method=SHA-512 prints it; in place of the file.").more(),
        Field::lines(at("packages")).help("Packages to install at the first boot, one per line."),
        Field::lines(at("runcmd")).help("Commands for root's shell at the first boot, one per line."),
        Field::text(at("timezone")).default("", "that of the image").help("Such as Europe/Paris."),
        Field::text(at("locale")).default("", "that of the image").help("Such as en_GB.UTF-8."),
        Field::lines(at("addresses"))
            .default("", "by DHCP")
            .help("Fixed addresses of the first card, such as 192.168.1.5/24, one per line."),
        Field::text(at("gateway")).help("Default gateway, with fixed addresses."),
        Field::lines(at("nameservers")).help("Name servers, with fixed addresses, one per line."),
        Field::lines(at("user_data")).help("The document as it is; in place of the fields above. Esc leaves it."),
        Field::lines(at("meta_data")).help("The document as it is. Esc leaves it.").more(),
        Field::lines(at("network_config")).help("The document as it is; in place of addresses. Esc leaves it."),
    ]
}

fn besides() -> [Field; 2] {
    [
        Field::lines(top("custom_xml")).help("Domain XML merged over the generated one. Esc leaves it."),
        Field::lines(top("metadata")).help("key = value, one per line; stored with the domain. No secrets."),
    ]
}
