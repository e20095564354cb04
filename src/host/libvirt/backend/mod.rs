//! What each call of a plan does on the host, and what takes it back.

mod conversion;
mod copy;
mod describe;
mod partition;
mod read_back;
mod reconnect;
mod same;
mod seed;
mod verify;
mod volume_file;
mod watch;

use super::{Connection, MadeDomain, MadeVolume};
use crate::domain;
use crate::engine::libvirt::{Libvirt, LibvirtCall, LibvirtRemoval, PasswordFile};
use crate::engine::{Builder as _, BuiltVm, Call as AnyCall, Made, MadeFile, MadeId, ReviewedFile, Thing, undo};
use crate::facts::{FactsPart, Query};
use crate::host::backend::{Backend, Halt, Removed, Trace, Work};
use crate::host::secret::{self, Secret};
use crate::host::{Cause, HostError, Observer, Source};
use crate::plan::BuildEvent;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use watch::LogWatch;

/// An open connection to libvirt that builds.
pub(crate) struct LibvirtBackend {
    connection: Connection,
    source: Source,
    /// The session of SSH by which the user came.
    ssh: Option<String>,
    /// Kept between questions, so that the files of a remote host are read once.
    observer: Option<Observer>,
    /// What QEMU and the kernel write since the domain was about to be started.
    watch: Option<LogWatch>,
}

impl LibvirtBackend {
    /// Opens the connection. Blocks.
    pub(crate) fn open(source: &Source, ssh: Option<&str>) -> Result<Self, HostError> {
        let connection = Connection::open(source)?;
        Ok(Self { connection, source: source.clone(), ssh: ssh.map(str::to_owned), observer: None, watch: None })
    }

    /// Does one call; what came of it, where the step's title does not say it all.
    fn call(&mut self, call: &LibvirtCall, work: &mut Work<'_, '_>) -> Result<String, Halt> {
        match call {
            LibvirtCall::CreateVolume { pool, xml, .. } => {
                let made = self.connection.create_volume(pool, xml)?;
                work.made(&made.key, self.file_of(&made));
                Ok(String::new())
            }
            LibvirtCall::CloneVolume { pool, volume, xml, from, from_pool, grow_to, file } => {
                let (from_pool, grow_to, file) = (from_pool.as_deref(), *grow_to, file.as_ref());
                let here = self.source.shares_files();
                let job = copy::Job { pool, volume, xml, from, from_pool, grow_to, file, here };
                job.run(&self.connection, work)
            }
            LibvirtCall::WriteSeed { pool, volume } => self.write_seed(pool, volume, work),
            LibvirtCall::Define { xml, passwords, files, .. } => {
                self.unchanged(files)?;
                let (made, validated) = self.define(xml, passwords)?;
                work.made(&made.uuid, None);
                let note = if validated { "" } else { "this driver does not validate XML against libvirt's schema" };
                Ok(note.to_owned())
            }
            LibvirtCall::SetAutostart => {
                self.connection.set_autostart(&defined(work)?)?;
                Ok(String::new())
            }
            LibvirtCall::ReadBack { xml } => {
                let stored = self.connection.stored_xml(&defined(work)?)?;
                let changes = read_back::changes(xml, &stored);
                let note = read_back::note(changes.as_deref());
                work.tell(BuildEvent::Stored { step: work.number, changes: changes.unwrap_or_default() });
                Ok(note)
            }
            LibvirtCall::Start { watched, files, .. } => {
                self.unchanged(files)?;
                self.watch = watched.then(|| LogWatch::begin(&self.source, work.name));
                let domain = defined(work)?;
                self.connection.start(&domain)?;
                work.made(&domain.uuid, None);
                Ok(String::new())
            }
            LibvirtCall::VerifyPassthrough { passed, held } => self.verify(passed, held, work),
        }
    }

    /// Fails where a file is not the one that was checked, as far as this machine can tell.
    fn unchanged(&self, files: &[ReviewedFile]) -> Result<(), HostError> {
        let here = self.source.shares_files();
        files.iter().filter(|_| here).try_for_each(same::at_path)
    }

    /// The file of a new volume, where it is one of this machine.
    fn file_of(&self, made: &MadeVolume) -> Option<MadeFile> {
        self.source.shares_files().then(|| volume_file::look(&made.key)).flatten()
    }

    /// Deletes a volume that is still in the file that was made for it; `false` where it is gone.
    fn delete(&self, volume: &MadeVolume, file: Option<&MadeFile>) -> Result<bool, HostError> {
        let Some(file) = file.filter(|_| self.source.shares_files()) else {
            return self.connection.delete_volume(volume);
        };
        volume_file::is_ours(&volume.key, file)?;
        let was_there = self.connection.delete_volume(volume)?;
        volume_file::is_gone(&volume.key, file)?;
        Ok(was_there)
    }

    fn define(&self, xml: &str, passwords: &[PasswordFile]) -> Result<(MadeDomain, bool), HostError> {
        match passwords {
            [] => self.connection.define(xml),
            _ => self.define_protected(xml, passwords),
        }
    }

    /// The passwords go to libvirt and nowhere else, not even in libvirt's own words.
    fn define_protected(&self, xml: &str, files: &[PasswordFile]) -> Result<(MadeDomain, bool), HostError> {
        let mut tree = domain::parse(xml)
            .map_err(|error| HostError::new(Cause::Other, error.to_string(), "Report this as a bug."))?;
        let mut secrets = Vec::new();
        for file in files {
            let password = secret::password(&file.path)?;
            domain::graphics::protect(&mut tree, file.console, password.expose());
            secrets.push(password);
        }
        let protected = Secret::new(tree.to_xml());
        self.connection.define(protected.expose()).map_err(|error| {
            let hide = |text: String| secrets.iter().fold(text, |text, secret| secret.hidden_in(&text));
            HostError { message: hide(error.message), original: hide(error.original), ..error }
        })
    }
}

impl Backend for LibvirtBackend {
    fn facts(&mut self, queries: &[Query], given_up: &Arc<AtomicBool>) -> Vec<FactsPart> {
        let (connection, source, ssh) = (&self.connection, &self.source, self.ssh.as_deref());
        let observer = self.observer.get_or_insert_with(|| Observer::over(connection, source, ssh, given_up));
        queries.iter().map(|query| observer.answer(query)).collect()
    }

    fn perform(&mut self, work: &mut Work<'_, '_>) -> Result<String, Halt> {
        let step = work.step;
        let done = match &step.call {
            AnyCall::Libvirt(call) => self.call(call, work),
            AnyCall::Any(_) => Err(misplaced("The plan asks libvirt for a step that is not libvirt's.").into()),
        };
        if let Err(Halt::Failed(error)) = &done {
            partition::tell_left(&self.connection, error, work);
        }
        done
    }

    fn undo(&mut self, made: &Made) -> Result<Removed, HostError> {
        let undo::Removal::Libvirt(removal) = Libvirt.undo(&made.thing, Some(&made.id), None).removal;
        let id = made.id.0.clone();
        let was_there = match removal {
            LibvirtRemoval::DeleteVolume { pool, name } => {
                self.delete(&MadeVolume { pool, name, key: id }, made.file.as_ref())
            }
            LibvirtRemoval::Undefine { name, with_files, .. } => {
                self.connection.undefine(&MadeDomain { name, uuid: id }, with_files)
            }
            LibvirtRemoval::Destroy { name } => self.connection.destroy(&MadeDomain { name, uuid: id }),
        }?;
        Ok(if was_there { Removed::Now } else { Removed::Before })
    }

    fn observe(&mut self, thing: &Thing) -> Trace {
        let found = match thing {
            Thing::Volume { pool, name } => self.connection.source_in_pool(pool, name).map(|_| true),
            Thing::Domain { name, .. } => self.connection.find_domain(name).map(|()| true),
            Thing::Running { domain } => self.connection.is_running_by_name(domain),
        };
        match found {
            Ok(true) => Trace::There,
            Ok(false) => Trace::Absent,
            Err(error) if error.cause == Cause::NotFound => Trace::Absent,
            Err(error) => Trace::Unknown(error.to_string()),
        }
    }

    fn settle(&mut self, thing: &Thing, given_up: &AtomicBool) -> Result<(), HostError> {
        match thing {
            Thing::Volume { pool, .. } => self.connection.settle_pool(pool, given_up),
            Thing::Domain { .. } | Thing::Running { .. } => Ok(()),
        }
    }

    fn is_there(&mut self, made: &Made) -> Result<bool, HostError> {
        let found = match &made.thing {
            Thing::Volume { pool, name } => {
                if let Some(file) = made.file.filter(|_| self.source.shares_files()) {
                    volume_file::is_ours(&made.id.0, &file)?;
                }
                self.connection.source_in_pool(pool, name).map(|_| true)
            }
            Thing::Domain { .. } => self.connection.is_running(&made.id.0).map(|_| true),
            Thing::Running { .. } => self.connection.is_running(&made.id.0),
        };
        match found {
            Err(error) if error.cause == Cause::NotFound => Ok(false),
            found => found,
        }
    }

    fn file(&mut self, path: &str) -> Option<MadeFile> {
        self.source.shares_files().then(|| volume_file::look(path)).flatten()
    }

    fn is_running(&mut self, domain: &MadeId) -> Result<bool, HostError> {
        self.connection.is_running(&domain.0)
    }

    fn describe(&mut self, domain: &MadeId) -> Result<BuiltVm, HostError> {
        self.describe_domain(&MadeDomain { name: String::new(), uuid: domain.0.clone() })
    }

    fn has_foreign_files(&mut self, domain: &MadeId) -> bool {
        let stored = self.connection.stored_xml(&MadeDomain { name: String::new(), uuid: domain.0.clone() });
        let variables =
            stored.ok().and_then(|stored| Some(domain::parse(&stored).ok()?.find("os")?.find("nvram")?.own_text()));
        self.source.shares_files() && variables.is_some_and(|path| !path.is_empty() && Path::new(&path).exists())
    }

    fn reconnect(&mut self) {
        if let Some(connection) = reconnect::again(&self.connection, &self.source) {
            self.connection = connection;
        }
    }
}

/// The domain that this build defined.
fn defined(work: &Work<'_, '_>) -> Result<MadeDomain, HostError> {
    let domain =
        work.teller.ledger.domain().ok_or_else(|| misplaced("The plan uses the domain before it defines it."))?;
    Ok(MadeDomain { name: work.name.to_owned(), uuid: domain.id.0.clone() })
}

/// A plan that no engine makes.
fn misplaced(message: &str) -> HostError {
    HostError::new(Cause::Other, message, "Report this as a bug.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{Facts, Part};
    use std::sync::atomic::Ordering;
    use std::time::Instant;

    #[test]
    fn the_probe_of_a_host_that_hangs_ends_with_the_build() {
        // Takes connections and never says a word; ssh waits for ten seconds.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("qemu+ssh://127.0.0.1:{}/system?no_verify=1", silent.local_addr().unwrap().port());
        let mut backend = LibvirtBackend {
            connection: Connection::open(&Source::at("test:///default")).unwrap(),
            source: Source::Libvirt { uri, probe: true, tree: None },
            ssh: None,
            observer: None,
            watch: None,
        };
        let cancel = Arc::new(AtomicBool::new(false));
        let flag = cancel.clone();
        let cancelling = std::thread::spawn(move || {
            let asked = silent.accept().unwrap();
            flag.store(true, Ordering::SeqCst);
            (asked, Instant::now())
        });
        let mut facts = Facts::default();
        backend.facts(&[Part::Boot.into()], &cancel).into_iter().for_each(|part| facts.absorb(part));
        let (_asked, at) = cancelling.join().unwrap();
        let waited = at.elapsed();
        assert!(facts.kernel.why_not().unwrap().contains("stopped"), "{:?}", facts.kernel);
        assert!(waited.as_secs() < 8, "{waited:?}");
    }
}
