//! What a build has made and not undone, told by its events alone: what is there to undo at any of them.

use super::BuildEvent;
use crate::engine::{EngineId, Foreseen, Made, Thing, Undo, builder};

/// The things of a build. Whoever reads the same events has the same ledger: the build itself, its screen, and a program
/// that finds them on disk after the build was killed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    engine: EngineId,
    host: Option<String>,
    /// Oldest first.
    made: Vec<Made>,
    begun: Option<Begun>,
}

/// A thing that a step was about to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The step, from 0.
    pub step: usize,
    /// What; the engine has not told its identity.
    pub thing: Thing,
    /// What was known of it before.
    pub foreseen: Foreseen,
}

impl Ledger {
    /// The ledger after these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a BuildEvent>) -> Self {
        let mut ledger = Self::default();
        events.into_iter().for_each(|event| ledger.read(event));
        ledger
    }

    /// Takes one more event in.
    pub fn read(&mut self, event: &BuildEvent) {
        match event {
            BuildEvent::Began { engine, host, .. } => {
                (self.engine, self.host) = (*engine, host.clone());
            }
            BuildEvent::StepBegan { step, thing, foreseen, .. } => {
                self.begin(*step, thing.as_ref(), foreseen.clone().unwrap_or_default());
            }
            BuildEvent::Made(made) => {
                self.begun = self.begun.take().filter(|begun| begun.step != made.step);
                self.made.push(made.clone());
            }
            BuildEvent::StepDone { step, .. } | BuildEvent::StepFailed { step, unanswered: false, .. } => {
                self.begun = self.begun.take().filter(|begun| begun.step != *step);
            }
            BuildEvent::Undone { made, .. } => self.made.retain(|kept| kept.id != made.id || kept.step != made.step),
            _ => {}
        }
    }

    /// From the moment that the start is asked for, the files beside a domain are its own.
    fn begin(&mut self, step: usize, thing: Option<&Thing>, foreseen: Foreseen) {
        let foreign = foreseen.foreign_files;
        self.begun = thing.map(|thing| Begun { step, thing: thing.clone(), foreseen });
        let Some(Thing::Running { domain }) = thing.filter(|_| !foreign) else { return };
        for made in &mut self.made {
            if matches!(&made.thing, Thing::Domain { name, .. } if name == domain) {
                made.thing = made.thing.clone().once_started();
            }
        }
    }

    /// What exists, newest first: the order in which it is undone.
    pub fn newest_first(&self) -> impl Iterator<Item = &Made> {
        self.made.iter().rev()
    }

    /// What the last step was about to make and was not heard of since. It may exist or not: the host must be asked.
    pub fn begun(&self) -> Option<&Begun> {
        self.begun.as_ref()
    }

    /// The definition of the VM, once it exists.
    pub fn domain(&self) -> Option<&Made> {
        self.made.iter().find(|made| matches!(made.thing, Thing::Domain { .. }))
    }

    /// What removes a thing.
    pub fn undo(&self, made: &Made) -> Undo {
        builder(made.engine).undo(&made.thing, Some(&made.id), self.host.as_deref())
    }

    /// What removes a thing of which only the name is known.
    pub fn undo_by_name(&self, thing: &Thing) -> Undo {
        builder(self.engine).undo(thing, None, self.host.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{MadeId, StepKey};

    fn began(step: usize, thing: &Thing) -> BuildEvent {
        let key = StepKey(step.to_string());
        BuildEvent::StepBegan { step, at_ms: 0, key, thing: Some(thing.clone()), foreseen: None }
    }

    fn made(step: usize, thing: &Thing, id: &str) -> Made {
        Made { engine: EngineId::Libvirt, step, thing: thing.clone(), id: MadeId(id.into()), file: None }
    }

    fn things() -> [Thing; 3] {
        [
            Thing::Volume { pool: "p".into(), name: "a".into() },
            Thing::Domain { name: "ws".into(), variables: true, tpm: false, started: false },
            Thing::Running { domain: "ws".into() },
        ]
    }

    #[test]
    fn a_thing_is_begun_then_made_then_gone() {
        let [volume, ..] = things();
        let made = made(1, &volume, "/p/a");
        let mut ledger = Ledger::of([&began(1, &volume)]);
        assert_eq!(ledger.begun(), Some(&Begun { step: 1, thing: volume, foreseen: Foreseen::default() }));
        assert_eq!(ledger.newest_first().next(), None);
        ledger.read(&BuildEvent::Made(made.clone()));
        assert_eq!((ledger.begun(), ledger.newest_first().next()), (None, Some(&made)));
        ledger.read(&BuildEvent::Undone { step: 1, what: String::new(), made });
        assert_eq!(ledger, Ledger::default());
    }

    #[test]
    fn a_domain_keeps_the_files_of_another_until_its_start_is_asked_for() {
        let [volume, domain, running] = things();
        let mut ledger = Ledger::of([
            &BuildEvent::Made(made(0, &volume, "/p/a")),
            &began(1, &domain),
            &BuildEvent::Made(made(1, &domain, "u")),
        ]);
        let command = |ledger: &Ledger| {
            ledger.newest_first().map(|made| ledger.undo(made).command.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(command(&ledger), ["virsh undefine --keep-nvram u", "virsh vol-delete /p/a"]);
        ledger.read(&began(2, &running));
        assert_eq!(command(&ledger), ["virsh undefine --nvram u", "virsh vol-delete /p/a"]);
        ledger.read(&BuildEvent::Made(made(2, &running, "u")));
        assert_eq!(command(&ledger), ["virsh destroy u", "virsh undefine --nvram u", "virsh vol-delete /p/a"]);
        ledger.read(&BuildEvent::Undone { step: 2, what: String::new(), made: made(2, &running, "u") });
        assert_eq!(ledger.newest_first().count(), 2, "the definition has the same identity and is still there");
    }
}
