//! Undo of what a build made: newest first, by identity, never by name alone.

use super::run::{Made, Run};
use crate::host::HostError;
use crate::host::libvirt::Connection;
use crate::plan::BuildEvent;
use crate::units::shell_quote;

/// Undoes everything that `run` made; `true` where nothing is left behind.
pub(super) fn all(run: &mut Run<'_>, connection: &Connection) -> bool {
    let mut clean = true;
    while let Some((step, made)) = run.made.pop() {
        let event = match one(connection, &made) {
            Ok(true) => BuildEvent::Undone { step, what: made.removed() },
            Ok(false) => BuildEvent::Undone { step, what: format!("{} was gone already", made.name()) },
            Err(error) => {
                clean = false;
                let planned = run.order.plan.steps.get(step).and_then(|step| step.by_hand.clone());
                let by_hand = planned.unwrap_or_else(|| made.by_hand());
                BuildEvent::NotUndone { step, what: made.name(), why: error.to_string(), by_hand }
            }
        };
        run.tell(event);
    }
    clean
}

/// `false` where it was gone already.
fn one(connection: &Connection, made: &Made) -> Result<bool, HostError> {
    match made {
        Made::Volume(volume) => connection.delete_volume(volume),
        Made::Domain(domain) => connection.remove_domain(domain),
    }
}

impl Made {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Volume(volume) => format!("volume {} in pool {}", volume.name, volume.pool),
            Self::Domain(domain) => format!("domain {}", domain.name),
        }
    }

    fn removed(&self) -> String {
        match self {
            Self::Volume(_) => format!("deleted {}", self.name()),
            Self::Domain(_) => format!("removed {}", self.name()),
        }
    }

    /// The command that does it where the plan names none. Quoted for a shell: names may hold blanks and quotes.
    fn by_hand(&self) -> String {
        match self {
            Self::Volume(volume) => {
                format!("virsh vol-delete --vol {} --pool {}", shell_quote(&volume.name), shell_quote(&volume.pool))
            }
            Self::Domain(domain) => format!("virsh undefine --nvram --tpm {}", domain.uuid),
        }
    }
}
