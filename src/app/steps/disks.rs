//! Step 4: disks in the order of creation, and the installation medium as the last row.

use super::page::{StepPage, move_row, row_gate, top};
use super::storage;
use crate::app::form::{Field, why, yes};
use crate::app::intent::Intent;
use crate::app::options::{
    DETECT_ZEROES, DISK_ACTIONS, DISK_BUSES, DISK_CACHES, DISK_DEVICES, DISK_FORMATS, DISK_IO, KnownValues,
};
use crate::app::outcome::{Edit, Go, Outcome};
use crate::app::{App, Cursor, Effect, Model};
use crate::facts::Part;
use crate::machine::{self, Drivers, Guest, Location};
use crate::spec::{DetectZeroes, Disk, DiskAction, DiskDevice, DiskFormat, Place};
use crate::units::Bytes;
use serde_json::json;

/// The step.
pub struct Disks;

impl StepPage for Disks {
    fn summary(&self, app: &App) -> String {
        let (disks, iso) = (asked(app).len(), iso(app).is_some());
        let disks_text = match disks {
            0 => return if iso { "1 cd".into() } else { String::new() },
            1 => "1 disk".to_owned(),
            n => format!("{n} disks"),
        };
        if iso { disks_text + " + 1 cd" } else { disks_text }
    }

    fn look(&self, app: &App) -> String {
        // Without sizes: they may have to be searched for, and the rail asks at every drawing.
        let line = |disk: &machine::Disk| {
            let at = disk.location().map(location).unwrap_or_default();
            format!("{} {at} {} {}", disk.place, disk.bus.value.name(), disk.target.value)
        };
        app.case.machine.disks.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn subtitle(&self, _app: &App) -> String {
        "Created in this order; undone in reverse if the build fails.".into()
    }

    fn rows(&self, app: &App) -> usize {
        asked(app).len() + 1
    }

    fn form_title(&self, app: &App) -> String {
        match asked(app).get(app.cursor().row) {
            Some(_) => format!("Disk {}", app.cursor().row),
            None => "Installation medium".into(),
        }
    }

    fn form_note(&self, app: &App) -> String {
        asked(app).get(app.cursor().row).map(|disk| action(disk).to_owned()).unwrap_or_default()
    }

    fn fields(&self, app: &App) -> Vec<Field> {
        let row = app.cursor().row;
        let Some(disk) = asked(app).get(row) else { return medium_fields(app) };
        let resolved = resolved(app, &Place::root().key("storage").key("disks").index(row));
        let at = |field: &str| Place::disk(row, field);
        let first = Field::choice(at("action"), KnownValues::Fixed(DISK_ACTIONS)).default("", "what happens with it");
        let fields: Vec<Field> = match disk.action {
            None | Some(DiskAction::Create) => vec![first, size(app, disk, row), pool(app, row), format(row, resolved)],
            Some(DiskAction::Clone) => vec![first, source(disk, row), pool(app, row), grow(row), format(row, resolved)],
            Some(DiskAction::Attach) => attached(app, disk, row, resolved, first),
        };
        fields.into_iter().chain(seen_by_the_guest(row, resolved)).chain(tuning(row, resolved)).collect()
    }

    fn row_of(&self, app: &App, place: &Place) -> Option<usize> {
        if matches!(place.field(), Some("boot_iso" | "virtio_win")) {
            return Some(asked(app).len());
        }
        place.row_index()
    }

    fn act(&self, app: &App, intent: Intent) -> Outcome {
        let list = top("storage").key("disks");
        let at = app.cursor().row;
        let new = |row| {
            let (edit, at) = app.add_row(&list, row);
            (Some(edit), at)
        };
        let (edit, row) = match intent {
            Intent::AddRow => new(json!({"action": DiskAction::Create, "size": "20 GiB"})),
            Intent::CloneRow => new(json!({"action": DiskAction::Clone})),
            Intent::AttachRow => new(json!({"action": DiskAction::Attach})),
            Intent::DeleteRow => (delete(app, &list, at), at),
            Intent::RowUp | Intent::RowDown => move_row(app, &list, at, intent == Intent::RowDown),
            Intent::ChooseIso => (None, asked(app).len()),
            Intent::Refresh => return Outcome::effect(Effect::observe([Part::Pools])),
            _ => return Outcome::default(),
        };
        let cursor = Cursor { row, ..app.cursor() };
        let first = first_field(intent);
        let go = Some(first.map_or(Go::Cursor(cursor), |name| Go::Field(cursor, name)));
        // What is chosen from a list is offered at once.
        let then = first.filter(|_| intent != Intent::AddRow).map(|_| Intent::Open);
        Outcome { go, then, ..Outcome::edits(edit.into_iter().collect()) }
    }

    fn why_not(&self, app: &App, intent: Intent) -> Option<String> {
        let (row, disks) = (app.cursor().row, asked(app).len());
        let why = match intent {
            Intent::DeleteRow if row >= disks && iso(app).is_none() => "there is no medium",
            Intent::RowUp | Intent::RowDown if row >= disks => "the medium has no place in the order of creation",
            _ => return row_gate(intent, row, disks),
        };
        Some(why.to_owned())
    }
}

/// The disks of the spec.
pub fn asked(model: &Model) -> &[Disk] {
    model.spec().storage.as_ref().and_then(|storage| storage.disks.as_deref()).unwrap_or_default()
}

/// The installation medium, if one is set.
pub fn iso(model: &Model) -> Option<&str> {
    model.spec().storage.as_ref()?.boot_iso.as_deref()
}

/// The disk of the machine that `place` stands for.
pub fn resolved<'a>(app: &'a App, place: &Place) -> Option<&'a machine::Disk> {
    app.case.machine.disks.iter().find(|disk| disk.place == *place)
}

/// What becomes of a disk, as the spec writes it.
pub fn action(disk: &Disk) -> &'static str {
    disk.action.map_or("?", DiskAction::name)
}

/// The pool of a disk: its own, or the default one.
fn pool_of(app: &App, row: usize) -> Option<&str> {
    asked(app).get(row).and_then(|disk| disk.storage_pool.as_deref()).or_else(|| storage::chosen(app))
}

/// The field that has to be filled after a row was added.
fn first_field(intent: Intent) -> Option<&'static str> {
    match intent {
        Intent::AddRow => Some("size"),
        Intent::CloneRow => Some("clone_from"),
        Intent::AttachRow => Some("path"),
        Intent::ChooseIso => Some("boot_iso"),
        _ => None,
    }
}

fn delete(model: &Model, list: &Place, row: usize) -> Option<Edit> {
    if row < asked(model).len() {
        return model.delete_row(list, row);
    }
    Some(Edit::Set(top("storage").key("boot_iso"), None))
}

/// The medium, and the CD with drivers beside it.
fn medium_fields(app: &App) -> Vec<Field> {
    let guest = &app.case.machine.guest;
    let (on, why) = match &guest.drivers {
        Drivers::Found(at) => ("yes", location(at)),
        Drivers::Attached => ("no", "attached as a disk of its own".to_owned()),
        Drivers::Missing => ("no", "no pool has virtio-win.iso".to_owned()),
        Drivers::NotWanted if guest.windows => ("no", "nothing here needs its drivers".to_owned()),
        Drivers::NotWanted => ("no", "only Windows needs it".to_owned()),
    };
    let drivers = Field::toggle(top("virtio_win"))
        .default(on, why)
        .help("A second CD with the virtio drivers that Windows lacks.");
    vec![iso_field(guest), drivers]
}

/// What a medium says of itself.
fn labelled(guest: &Guest) -> String {
    let Some(medium) = &guest.medium else { return String::new() };
    match medium.systems.as_slice() {
        [] => format!("'{}', not of a known system", medium.volume),
        [one] => one.name.clone(),
        [first, rest @ ..] => format!("{} or {} others: choose in step 2", first.name, rest.len()),
    }
}

fn iso_field(guest: &Guest) -> Field {
    Field::free(top("storage").key("boot_iso"), KnownValues::Isos)
        .default("none", "Enter lists the images of all pools")
        .note(labelled(guest))
        .help("Becomes a read-only CD-ROM that boots first. A path, or a name in the default pool.")
}

fn size(app: &App, disk: &Disk, row: usize) -> Field {
    let _ = disk;
    let pool = pool_of(app, row).and_then(|name| app.facts.pools.items().iter().find(|pool| pool.name == name));
    let note = pool.map(|pool| format!("free in {}: {}", pool.name, pool.available)).unwrap_or_default();
    Field::text(Place::disk(row, "size")).note(note).help("A number counts GiB; write 500 GB or 1.5T as well.")
}

fn grow(row: usize) -> Field {
    Field::text(Place::disk(row, "size"))
        .called("Grow to")
        .default("as the source", "")
        .help("Larger than the source; the guest's partitions stay as they are.")
}

fn source(disk: &Disk, row: usize) -> Field {
    Field::free(Place::disk(row, "clone_from"), KnownValues::Volumes(disk.storage_pool.clone()))
        .help("An image to copy: a path, or a name in the pool of this disk.")
}

/// The fields of an image that exists, or of a drive of the host.
fn attached(app: &App, disk: &Disk, row: usize, made: Option<&machine::Disk>, first: Field) -> Vec<Field> {
    if disk.host_address.is_none() || disk.path.is_some() {
        return vec![first, path(disk, row), pool(app, row), format(row, made), device(row), readonly(row, made)];
    }
    let drive = Field::text(Place::disk(row, "host_address"))
        .help("Address of the controller; v in step 6 compares the ways of giving a drive to a guest.");
    let namespace = Field::text(Place::disk(row, "namespace")).default("1", "");
    vec![first, drive, namespace, readonly(row, made)]
}

fn path(disk: &Disk, row: usize) -> Field {
    Field::free(Place::disk(row, "path"), KnownValues::Volumes(disk.storage_pool.clone()))
        .help("An image that exists: a path, or a name in the pool of this disk. It is never deleted by an undo.")
}

fn pool(app: &App, row: usize) -> Field {
    let field = Field::free(Place::disk(row, "storage_pool"), KnownValues::Pools);
    match storage::chosen(app) {
        Some(name) => field.default(name, "default pool of this VM"),
        None => field.default("none", "choose one here, or one for all disks in step 3"),
    }
}

fn format(row: usize, disk: Option<&machine::Disk>) -> Field {
    let default = disk.and_then(machine::Disk::driver_format).unwrap_or_default();
    let note = if default == DiskFormat::Qcow2.name() { "grows on demand, allows snapshots" } else { "" };
    Field::choice(Place::disk(row, "format"), KnownValues::Fixed(DISK_FORMATS)).default(default, note)
}

fn device(row: usize) -> Field {
    Field::choice(Place::disk(row, "device"), KnownValues::Fixed(DISK_DEVICES))
        .default(DiskDevice::Disk.name(), "hard disk")
}

fn readonly(row: usize, disk: Option<&machine::Disk>) -> Field {
    let on = disk.is_some_and(|disk| disk.readonly);
    let cdrom = disk.is_some_and(|disk| disk.device == DiskDevice::Cdrom);
    Field::toggle(Place::disk(row, "readonly"))
        .default(yes(on), "")
        .disabled(cdrom.then(|| "a CD-ROM is always read-only".to_owned()))
}

fn seen_by_the_guest(row: usize, disk: Option<&machine::Disk>) -> [Field; 3] {
    let bus_default = disk.map(|disk| (disk.bus.value.name(), why(&disk.bus))).unwrap_or_default();
    let target = disk.map(|disk| (disk.target.value.clone(), why(&disk.target))).unwrap_or_default();
    let order = disk.and_then(|disk| disk.boot_order).map_or("not booted from".to_owned(), |order| order.to_string());
    [
        Field::choice(Place::disk(row, "bus"), KnownValues::Fixed(DISK_BUSES)).default(bus_default.0, bus_default.1),
        Field::text(Place::disk(row, "target"))
            .default(target.0, target.1)
            .help("Name of the device in the XML: vda, sdb; the guest may name it otherwise."),
        Field::text(Place::disk(row, "boot_order"))
            .default(order, "")
            .help("Place among disks and interfaces, from 1."),
    ]
}

/// How the image is served; what not every disk needs.
fn tuning(row: usize, disk: Option<&machine::Disk>) -> [Field; 8] {
    let at = |name: &str| Place::disk(row, name);
    let cdrom = disk.is_some_and(|disk| disk.device == DiskDevice::Cdrom);
    [
        Field::choice(at("cache"), KnownValues::Fixed(DISK_CACHES)).default("chosen by QEMU", ""),
        Field::choice(at("io"), KnownValues::Fixed(DISK_IO)).default("chosen by QEMU", ""),
        Field::toggle(at("discard")).default(yes(!cdrom), "").help("Blocks that the guest frees go back to the host."),
        Field::choice(at("detect_zeroes"), KnownValues::Fixed(DETECT_ZEROES))
            .default(DetectZeroes::Off.name(), "they are written"),
        Field::text(at("iothread"))
            .default("none", "")
            .help("Number of the thread that serves it, from 1; step 2 says how many there are."),
        Field::text(at("serial")).default("none", "").help("At most 36 characters."),
        Field::toggle(at("ssd")).default("no", "").help("On scsi, sata and ide."),
        Field::toggle(at("root")).default("no", "").help("Where the kernel of step 2 has its root."),
    ]
    .map(Field::more)
}

/// What the table shows of one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskRow {
    /// Number from 0 as in the spec and in what checks say, or `cd`.
    pub number: String,
    /// create, clone, attach; empty for no medium.
    pub action: String,
    /// Pool and volume, or the path.
    pub source: String,
    /// Size, where known.
    pub size: Option<Bytes>,
    /// Bus.
    pub bus: String,
    /// Target.
    pub target: String,
}

/// The row `at` of the table.
pub fn row(app: &App, at: usize) -> DiskRow {
    let disks = asked(app);
    let (place, number, action) = match disks.get(at) {
        Some(disk) => (top("storage").key("disks").index(at), at.to_string(), action(disk)),
        None => (
            top("storage").key("boot_iso"),
            "cd".to_owned(),
            if iso(app).is_some() { DiskAction::Attach.name() } else { "" },
        ),
    };
    let Some(disk) = resolved(app, &place) else {
        let source = if at < disks.len() { String::new() } else { "no installation medium".into() };
        return DiskRow { number, action: action.to_owned(), source, ..DiskRow::default() };
    };
    let size = match &disk.origin {
        machine::DiskOrigin::New { size, .. } => *size,
        machine::DiskOrigin::Clone { from, size, .. } => {
            size.or_else(|| from.as_ref().and_then(|from| storage::capacity(app, from)))
        }
        machine::DiskOrigin::Existing(at) => at.as_ref().and_then(|at| storage::capacity(app, at)),
        machine::DiskOrigin::Seed { .. } | machine::DiskOrigin::Drive { .. } => None,
    };
    let shown = match &disk.origin {
        machine::DiskOrigin::Clone { from, .. } => from.as_ref(),
        _ => disk.location(),
    };
    let source = match disk.origin {
        machine::DiskOrigin::Drive { host, namespace } => format!("NVMe {host}, namespace {namespace}"),
        _ => shown.map_or_else(|| "not given".to_owned(), location),
    };
    let (bus, target) = (disk.bus.value.name().to_owned(), disk.target.value.clone());
    DiskRow { number, action: action.to_owned(), source, size, bus, target }
}

/// `pool/volume`, or the path.
pub fn location(at: &Location) -> String {
    match at {
        Location::Volume { pool, volume, .. } => format!("{pool}/{volume}"),
        Location::Path { path, .. } => path.clone(),
    }
}
