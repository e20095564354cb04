//! Findings: what a check noted, with the check. Here they become sentences and JSON.

use super::check::Check;
use super::host_device::HostDevice;
use super::note::{Level, Note, Notes, Remedy, Topic};
use super::row::RowName;
use super::subject::Subject;
use super::text::{Arg, Text, Wording};
use crate::spec::Place;
use crate::spec::suggest::one_line;
use crate::units::PciAddress;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// One thing that a check has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: &'static Check,
    /// How bad it is.
    pub level: Level,
    /// What it is about.
    pub topic: Topic,
    /// What is wrong: the thing, the value, the limit. Of what is not known: what would have been looked at.
    pub message: Text,
    /// What to do about it.
    pub remedy: Remedy,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is built while it stands.
    Blocker,
    /// The VM can be built; it may not do what the user expects.
    Warning,
    /// A fact that the check needs is not known: "not checked", never "passed".
    Unknown,
    /// Worth knowing.
    Info,
}

impl Finding {
    /// What `check` noted.
    pub fn new(check: &'static Check, note: Note) -> Self {
        let Note { level, topic, message, remedy } = note;
        Self { check, level, topic, message, remedy }
    }

    /// Stable name: DISK-SIZE, POOL-MISSING, ...
    pub fn code(&self) -> &'static str {
        self.check.code
    }

    /// How bad it is, without its particulars.
    pub fn severity(&self) -> Severity {
        match self.level {
            Level::Blocker | Level::LockOut(_) => Severity::Blocker,
            Level::Warning | Level::GivenUp(_) => Severity::Warning,
            Level::Unknown { .. } => Severity::Unknown,
            Level::Info => Severity::Info,
        }
    }

    /// The field that it is about.
    pub fn place(&self) -> &Place {
        &self.topic.place
    }

    /// The host's PCI function that it is about, where that is not the one at its place.
    pub fn function(&self) -> Option<PciAddress> {
        self.topic.function
    }

    /// True where it is about the function `address`, or its message names it.
    pub fn concerns(&self, address: PciAddress) -> bool {
        let own = Arg::Address(address);
        let row = self.topic.row.as_ref().and_then(RowName::address);
        [self.topic.function, self.lock_out().and_then(HostDevice::function), row].contains(&Some(address))
            || self.message.names(&own)
    }

    /// The device that the host uses, given up or not.
    pub fn lock_out(&self) -> Option<&HostDevice> {
        match &self.level {
            Level::LockOut(device) | Level::GivenUp(device) => Some(device),
            _ => None,
        }
    }

    /// What is wrong, as a sentence.
    pub fn message(&self, wording: Wording) -> String {
        let unknown = matches!(self.level, Level::Unknown { .. });
        let row = self.topic.row.as_ref().filter(|_| wording != Wording::Field && !unknown);
        let row = row.map(|row| format!("{}: ", row.say(wording == Wording::Taking))).unwrap_or_default();
        let message = self.message.map(&within_a_line).say(wording);
        match &self.level {
            Level::Unknown { why, folded: 0 } => format!("not checked: {message} ({})", why.say(wording)),
            Level::Unknown { why, folded } => {
                format!("not checked: {message}, and {folded} more of passthrough ({})", why.say(wording))
            }
            Level::GivenUp(HostDevice::Function(_)) => format!("{row}{message}: GIVEN UP by typed address"),
            Level::GivenUp(HostDevice::Drive(_)) => format!("{row}{message}: GIVEN UP by typed path"),
            _ => format!("{row}{message}"),
        }
    }

    /// What to do about it, as a sentence; empty where there is nothing to do.
    pub fn remedy(&self, wording: Wording) -> String {
        match self.level {
            Level::GivenUp(_) => "the host loses it when the VM starts, whatever depends on it".into(),
            _ => self.remedy.text.say(wording),
        }
    }
}

/// What the user or the host wrote at greater length than a message has, cut.
fn within_a_line(arg: &Arg) -> Option<Arg> {
    const LONGEST: usize = 200;
    match arg {
        Arg::Words(words) if words.len() > LONGEST => Some(Arg::Words(one_line(words).into())),
        _ => None,
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (function, lock_out) = (self.function(), self.lock_out().is_some());
        let members = 5 + usize::from(function.is_some()) + usize::from(lock_out);
        let mut json = serializer.serialize_struct("Finding", members)?;
        json.serialize_field("code", self.code())?;
        json.serialize_field("severity", &self.severity())?;
        json.serialize_field("place", self.place())?;
        json.serialize_field("message", &self.message(Wording::Full))?;
        json.serialize_field("remedy", &self.remedy(Wording::Full))?;
        if let Some(function) = function {
            json.serialize_field("address", &function)?;
        }
        if lock_out {
            json.serialize_field("lock_out", &true)?;
        }
        json.end()
    }
}

/// What `check` finds, and whether it looked and found nothing.
pub(super) fn look(check: &'static Check, subject: &Subject) -> (Vec<Finding>, bool) {
    let mut notes = Notes::default();
    if let Some(run) = check.run {
        run(subject, &mut notes);
    }
    let passed = notes.passed();
    (notes.said.into_iter().map(|note| Finding::new(check, note)).collect(), passed)
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::json;

    #[test]
    fn a_value_longer_than_a_line_is_cut_in_a_message() {
        let long = "x".repeat(5000);
        let pool = Asked::with(json!({"storage": {"default_pool": long}})).said("POOL-MISSING");
        assert!(pool.message.len() < 200 && pool.message.contains("xxx…' not found"), "{}", pool.message);
        let target = json!([{"action": "create", "size": 1, "target": long, "format": "vdi"}]);
        let format = Asked::disks(target).said("POOL-FORMAT");
        assert!(format.message.len() < 200, "{}", format.message);
    }
}
