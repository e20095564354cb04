//! What each action of a plan does on the host.

use super::run::{Made, Order, Run};
use super::{copy, read_back, recheck, seed, verify};
use crate::domain;
use crate::host::libvirt::{Connection, MadeDomain};
use crate::host::secret::{self, Secret};
use crate::host::{Cause, HostError};
use crate::plan::volume::seed_xml;
use crate::plan::{Action, BuildEvent, PasswordFile};
use crate::units::Bytes;

/// Why the steps end before the last one.
pub(super) enum Halt {
    /// The user cancelled.
    Cancelled,
    /// A step failed.
    Failed(HostError),
    /// The VM was started and is not as it must be.
    Unverified(Box<verify::Doubt>),
}

impl From<HostError> for Halt {
    fn from(error: HostError) -> Self {
        Self::Failed(error)
    }
}

/// Where and for what it is built.
pub(super) struct Site<'a> {
    pub(super) connection: &'a Connection,
    pub(super) order: &'a Order,
}

impl<'a> Site<'a> {
    pub(super) fn new(connection: &'a Connection, order: &'a Order) -> Self {
        Self { connection, order }
    }

    /// Does one action; what came of it, where the step's title does not say it all.
    pub(super) fn act(&self, action: &Action, run: &mut Run<'_>) -> Result<String, Halt> {
        match action {
            Action::Recheck { functions } => recheck::again(self.connection, functions, run),
            Action::CreateVolume { pool, xml, .. } => {
                let made = self.connection.create_volume(pool, xml)?;
                run.remember(Made::Volume(made));
                Ok(String::new())
            }
            Action::CloneVolume { pool, volume, xml, from, from_pool, grow_to } => {
                let job = copy::Job { pool, volume, xml, from, from_pool: from_pool.as_deref(), grow_to: *grow_to };
                job.run(self, run)
            }
            Action::WriteSeed { pool, volume } => self.write_seed(pool, volume, run),
            Action::Define { xml, passwords } => self.define(xml, passwords, run),
            Action::SetAutostart => {
                self.connection.set_autostart(made_domain(run)?)?;
                Ok(String::new())
            }
            Action::ReadBack { xml } => {
                let stored = self.connection.stored_xml(made_domain(run)?)?;
                let changes = read_back::changes(xml, &stored);
                let note = read_back::note(changes.as_deref());
                run.tell(BuildEvent::Stored { step: run.step, changes: changes.unwrap_or_default() });
                Ok(note)
            }
            Action::Start => {
                run.starts();
                self.connection.start(made_domain(run)?)?;
                Ok(String::new())
            }
            Action::VerifyPassthrough { passed, held } => verify::passthrough(self, passed, held, run),
        }
    }

    fn define(&self, xml: &str, passwords: &[PasswordFile], run: &mut Run<'_>) -> Result<String, Halt> {
        let (made, validated) = match passwords {
            [] => self.connection.define(xml)?,
            _ => self.define_protected(xml, passwords)?,
        };
        run.remember(Made::Domain(made.clone()));
        run.domain = Some(made);
        let note = if validated { "" } else { "this driver does not check the XML against libvirt's schema" };
        Ok(note.to_owned())
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

    fn write_seed(&self, pool: &str, volume: &str, run: &mut Run<'_>) -> Result<String, Halt> {
        let image = seed::image(&seed::documents(&self.order.plan.name, self.order.spec.cloud_init.as_ref()))?;
        let made = self.connection.create_volume(pool, &seed_xml(volume, Bytes(image.len() as u64)))?;
        run.remember(Made::Volume(made.clone()));
        match copy::bytes(self.connection, &made, &image, run) {
            Err(Halt::Failed(error)) if error.cause == Cause::Unsupported => {
                Ok("left empty: this driver does not store what volumes hold".into())
            }
            other => other.map(|()| String::new()),
        }
    }
}

/// The domain that this build defined.
pub(super) fn made_domain<'a>(run: &'a Run<'_>) -> Result<&'a MadeDomain, HostError> {
    let none =
        || HostError::new(Cause::Other, "The plan uses the domain before it defines it.", "Report this as a bug.");
    run.domain.as_ref().ok_or_else(none)
}
