//! `vmbuild isos`: installation media in the pools of one or several hosts.

use super::args::GlobalOptions;
use super::exit::CommandFailure;
use super::out::Out;
use super::source::sources;
use super::survey::{Survey, unreachable};
use super::table::Table;
use super::tone::Tone;
use crate::facts::{Facts, Part, SystemName};
use crate::host::{Observed, Source};
use serde::Serialize;
use serde_json::json;
use std::io;
use std::thread;

/// One installation medium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedIso {
    name: String,
    /// Bytes.
    size: u64,
    host: String,
    pool: String,
    path: String,
    /// Its volume id, where the file could be looked into.
    label: Option<String>,
    /// Why the file could not be looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// The guest systems that have such media; several where the labels do not tell.
    systems: Vec<SystemName>,
}

/// A host that did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Silent {
    /// Its name.
    pub host: String,
    /// Why.
    pub error: String,
}

/// Asks all hosts at once and prints what they have. One that is silent is named; only if all are, it is a failure.
pub fn run(options: &GlobalOptions, out: &mut Out) -> Result<(), CommandFailure> {
    let sources = sources(options)?;
    let seen: Vec<(Option<String>, Observed)> = thread::scope(|scope| {
        let ask = |(name, source)| scope.spawn(move || (name, looked_into(source)));
        let asked: Vec<_> = sources.into_iter().map(ask).collect();
        asked.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let mut isos = Vec::new();
    let mut silent = Vec::new();
    let mut failure = None;
    let hosts = seen.len();
    for (name, observed) in seen {
        if let Some(error) = &observed.unreachable {
            silent.push(Silent { host: name.unwrap_or_else(|| "-".into()), error: error.to_string() });
            failure.get_or_insert(unreachable(error));
            continue;
        }
        let name = name.or_else(|| observed.facts.host.get().map(|host| host.hostname.clone()));
        isos.append(&mut of(&observed.facts, name.as_deref().unwrap_or("-")));
    }
    match failure {
        Some(failure) if silent.len() == hosts => Err(failure),
        _ => Ok(print(&isos, &silent, out)?),
    }
}

/// What a host has, each medium looked into.
fn looked_into(source: Source) -> Observed {
    let mut survey = Survey::of(source);
    let mut facts = survey.facts([Part::Host, Part::Pools]);
    survey.look_into_media(&mut facts);
    Observed { facts, unreachable: survey.unreachable.take() }
}

/// The installation media in the pools of `facts`, which are those of the host called `host`.
pub fn of(facts: &Facts, host: &str) -> Vec<ListedIso> {
    let mut isos = Vec::new();
    for pool in facts.pools.items() {
        for volume in pool.volumes.items().iter().filter(|volume| volume.is_iso()) {
            let file = facts.files.get(&volume.path).and_then(|file| file.get());
            let told = file.and_then(|file| file.iso.as_ref());
            isos.push(ListedIso {
                label: told.map(|iso| iso.volume.clone()),
                why: file.and_then(|file| file.iso_why_not.clone()),
                systems: told.map(|iso| iso.systems.clone()).unwrap_or_default(),
                name: volume.name.clone(),
                size: volume.capacity.0.max(volume.allocation.0),
                host: host.into(),
                pool: pool.name.clone(),
                path: volume.path.clone(),
            });
        }
    }
    isos
}

impl ListedIso {
    /// What it installs, in the ids of `os_variant`.
    fn system(&self) -> String {
        const MOST: usize = 3;
        let ids: Vec<&str> = self.systems.iter().map(|system| system.id.as_str()).collect();
        match (ids.as_slice(), &self.label) {
            ([], Some(label)) if label.to_ascii_lowercase().starts_with("virtio-win") => "drivers for Windows".into(),
            ([], Some(_)) => "not known".into(),
            ([], None) if self.why.is_some() => "not read".into(),
            ([], None) => "-".into(),
            (ids, _) if ids.len() <= MOST => ids.join(" or "),
            ([first, second, rest @ ..], _) => format!("{first}, {second} or {} others", rest.len()),
            ([one], _) => (*one).into(),
        }
    }
}

/// Prints them with the hosts that did not answer.
pub fn print(isos: &[ListedIso], silent: &[Silent], out: &mut Out) -> io::Result<()> {
    if out.is_json() {
        return out.json(&json!({ "isos": isos, "unreachable": silent }));
    }
    if isos.is_empty() {
        out.spans(&[(Tone::Warn, "No ISO in any active pool.")])?;
    } else {
        let mut table = Table::new(&["NAME", ">SIZE", "HOST", "POOL", "SYSTEM", "PATH"]);
        for iso in isos {
            let size = crate::units::Bytes(iso.size).to_string();
            let (host, pool) = (iso.host.clone(), iso.pool.clone());
            table.row([iso.name.clone(), size, host, pool, iso.system(), iso.path.clone()]);
        }
        table.print(out)?;
        for (name, why) in isos.iter().filter_map(|iso| Some((&iso.name, iso.why.as_ref()?))) {
            out.complain(&[(Tone::Warn, name), (Tone::Plain, ": "), (Tone::Plain, why)]);
        }
    }
    for host in silent {
        out.complain(&[(Tone::Warn, &host.host), (Tone::Plain, ": "), (Tone::Plain, &host.error)]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Fact, Pool, Provenance, Volume};
    use crate::units::Bytes;

    fn volume(name: &str, format: Option<&str>) -> Volume {
        let (capacity, allocation) = (Bytes(7), Bytes(9));
        Volume {
            name: name.into(),
            path: format!("/p/{name}"),
            capacity,
            allocation,
            format: format.map(Into::into),
            ..Volume::default()
        }
    }

    #[test]
    fn a_volume_is_an_iso_by_its_format_or_its_name() {
        let volumes = vec![volume("a.ISO", Some("raw")), volume("b.img", Some("iso")), volume("iso.qcow2", None)];
        let source = Provenance::Libvirt("virStoragePoolListAllVolumes".into());
        let pool = Pool {
            name: "isos".into(),
            uuid: String::new(),
            kind: "dir".into(),
            active: true,
            autostart: true,
            path: Some("/p".into()),
            capacity: Bytes(0),
            allocation: Bytes(0),
            available: Bytes(0),
            volumes: Fact::known(volumes, source.clone(), 0),
            ..Pool::default()
        };
        let facts = Facts { pools: Fact::known(vec![pool], source, 0), ..Facts::default() };
        let isos = of(&facts, "hv03");
        assert_eq!(isos.iter().map(|iso| iso.name.as_str()).collect::<Vec<_>>(), ["a.ISO", "b.img"]);
        assert!(isos.iter().all(|iso| iso.size == 9 && iso.host == "hv03" && iso.pool == "isos"));
    }
}
