//! `vmbuild preset` and `vmbuild template`: partial specs under names.

use super::args::{GlobalOptions, PresetCommand, SaveArgs, TemplateCommand};
use super::case::{read_described, reason};
use super::exit::CommandFailure;
use super::out::Out;
use super::source::source;
use super::store::{folders, refused};
use super::survey::Survey;
use super::table::Table;
use super::tone::Tone;
use crate::facts::Part;
use crate::machine;
use crate::spec::{Described, PciDevice, Spec};
use crate::store::{Owner, Shelf, ShelfEntry, StoreError, StoredKind, Templates, presets};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Presets or templates of the user.
enum UserShelf {
    Presets(Shelf),
    Templates(Templates),
}

/// Does what was asked with presets.
pub fn preset(command: PresetCommand, options: &GlobalOptions, out: &mut Out) -> Result<(), CommandFailure> {
    let stored = UserShelf::Presets(presets(&folders()?));
    match command {
        PresetCommand::List => stored.list(out),
        PresetCommand::Show { name } | PresetCommand::Export { name, file: None } => stored.show(&name, out),
        PresetCommand::Save(args) => stored.save(&args, options, out),
        PresetCommand::Delete { name } => stored.delete(&name, out),
        PresetCommand::Export { name, file: Some(file) } => stored.export(&name, &file, out),
    }
}

/// Does what was asked with templates.
pub fn template(command: TemplateCommand, options: &GlobalOptions, out: &mut Out) -> Result<(), CommandFailure> {
    let stored = UserShelf::Templates(Templates::new(&folders()?));
    match command {
        TemplateCommand::List => stored.list(out),
        TemplateCommand::Show { name } => stored.show(&name, out),
        TemplateCommand::Save(args) => stored.save(&args, options, out),
        TemplateCommand::Delete { name } => stored.delete(&name, out),
    }
}

impl UserShelf {
    fn list(&self, out: &mut Out) -> Result<(), CommandFailure> {
        let (word, entries) = match self {
            Self::Presets(all) => ("presets", all.list()),
            Self::Templates(templates) => ("templates", templates.list()),
        };
        let entries = entries.map_err(|error| refused(&error))?;
        if out.is_json() {
            let list: Vec<Value> = entries.iter().map(document).collect();
            return Ok(out.json(&json!({ word: list }))?);
        }
        if entries.is_empty() {
            return Ok(out.line(&format!("No {word} yet. Save one with: vmbuild {} save NAME SPEC", self.kind()))?);
        }
        let mut table = Table::new(&["NAME", "FROM", "DESCRIPTION"]);
        for entry in entries {
            let text = match &entry.spec {
                Ok(_) => entry.description,
                Err(why) => format!("cannot be read: {why}"),
            };
            table.row([entry.name, from(entry.owner).into(), text]);
        }
        Ok(table.print(out)?)
    }

    fn show(&self, name: &str, out: &mut Out) -> Result<(), CommandFailure> {
        Ok(out.document(&self.text(name)?)?)
    }

    fn save(&self, args: &SaveArgs, options: &GlobalOptions, out: &mut Out) -> Result<(), CommandFailure> {
        let mut content = read_described(&args.spec)?;
        if let Some(description) = &args.description {
            content.description.clone_from(description);
        }
        // It is the name of one VM; the next one that starts from here would collide with it.
        let dropped = content.spec.name.take();
        content.spec = portable(content.spec, options, out)?;
        let saved = match self {
            Self::Presets(all) => all.save(&args.name, &content, args.replace),
            Self::Templates(templates) => templates.save(&args.name, &content, args.replace),
        };
        saved.map_err(|error| match error {
            StoreError::Exists { .. } => refused(&error).remedy("Choose another name, or add --replace."),
            error => refused(&error),
        })?;
        if let Some(name) = dropped.filter(|_| !out.is_json()) {
            let text = format!("without the name '{name}', which is for one VM");
            out.complain(&[(Tone::Muted, &text)]);
        }
        self.done("saved", &args.name, out)
    }

    fn delete(&self, name: &str, out: &mut Out) -> Result<(), CommandFailure> {
        let deleted = match self {
            Self::Presets(all) => all.delete(name),
            Self::Templates(templates) => templates.delete(name),
        };
        deleted.map_err(|error| refused(&error))?;
        self.done("deleted", name, out)
    }

    fn export(&self, name: &str, file: &Path, out: &mut Out) -> Result<(), CommandFailure> {
        let text = self.text(name)?;
        // It may hold secrets of cloud-init: whoever passes it on decides who reads it.
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        written.and_then(|mut written| written.write_all(text.as_bytes())).map_err(|error| {
            CommandFailure::usage(format!("cannot write {}: {}", file.display(), reason(&error)))
                .remedy("Name a file that does not exist yet, in a folder that does.")
        })?;
        self.done("exported", name, out)
    }

    fn text(&self, name: &str) -> Result<String, CommandFailure> {
        self.load(name)?.to_json().map_err(|error| anyhow::anyhow!(error).into())
    }

    fn load(&self, name: &str) -> Result<Described, CommandFailure> {
        let loaded = match self {
            Self::Presets(all) => all.load(name),
            Self::Templates(templates) => templates.load(name),
        };
        loaded.map_err(|error| refused(&error))
    }

    fn done(&self, what: &str, name: &str, out: &mut Out) -> Result<(), CommandFailure> {
        if out.is_json() {
            return Ok(out.json(&json!({ what: name }))?);
        }
        Ok(out.line(&format!("{what} {} {name}", self.kind()))?)
    }

    fn kind(&self) -> StoredKind {
        match self {
            Self::Presets(_) => StoredKind::Preset,
            Self::Templates(_) => StoredKind::Template,
        }
    }
}

/// The spec with what its host devices are known by on the host that the options mean. Without one they are kept by their
/// addresses alone, which is said and is no failure.
fn portable(spec: Spec, options: &GlobalOptions, out: &mut Out) -> Result<Spec, CommandFailure> {
    let named = |row: &PciDevice| row.host_address.is_some();
    if !spec.pci_devices.iter().flatten().any(named) {
        return Ok(spec);
    }
    let facts = Survey::of(source(options)?).facts([Part::Pci, Part::Domains]);
    let kept = machine::portable(&spec, &facts);
    let alone: Vec<&str> = kept
        .pci_devices
        .iter()
        .flatten()
        .filter(|row| row.selector.is_none())
        .filter_map(|row| row.host_address.as_deref())
        .collect();
    if !alone.is_empty() && !out.is_json() {
        let why = facts.pci.why_not().map_or("not on this host".to_owned(), str::to_owned);
        let text = format!("{} kept by address alone: {why}", alone.join(", "));
        out.complain(&[(Tone::Warn, &text)]);
    }
    Ok(kept)
}

fn document(entry: &ShelfEntry) -> Value {
    let (spec, error) = match &entry.spec {
        Ok(spec) => (json!(spec), Value::Null),
        Err(why) => (Value::Null, json!(why)),
    };
    json!({ "name": entry.name, "from": from(entry.owner), "description": entry.description, "spec": spec, "error": error })
}

fn from(owner: Owner) -> &'static str {
    match owner {
        Owner::Shipped => "vmbuild",
        Owner::User { hides_shipped: false } => "user",
        Owner::User { hides_shipped: true } => "user, hides vmbuild's",
    }
}
