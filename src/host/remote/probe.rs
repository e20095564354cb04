//! The probe of one host: whether it may run, what it found, who waits for it.

use super::Login;
use crate::facts::{Facts, Part};
use crate::host::HostError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a run found, or why it found nothing.
pub(in crate::host) type Found = Result<Arc<Facts>, HostError>;

/// Parts of which libvirt's answer is completed, or that nobody else answers.
pub(in crate::host) const PARTS: [Part; 7] =
    [Part::Host, Part::Cpus, Part::Networks, Part::Pci, Part::Boot, Part::Uses, Part::Roms];

/// A probe that runs once, when it is first needed and the user agreed, and again when the user asks.
pub(in crate::host) struct Probe {
    login: Option<Result<Login, HostError>>,
    agreed: AtomicBool,
    given_up: AtomicBool,
    /// True from the end of a run until somebody is told.
    news: AtomicBool,
    found: Mutex<Option<Found>>,
}

impl Probe {
    /// Nothing runs yet.
    pub(in crate::host) fn new(login: Option<Result<Login, HostError>>, agreed: bool) -> Self {
        Self {
            login,
            agreed: AtomicBool::new(agreed),
            given_up: AtomicBool::new(false),
            news: AtomicBool::new(false),
            found: Mutex::new(None),
        }
    }

    /// True where ssh leads to the host.
    pub(in crate::host) fn is_possible(&self) -> bool {
        self.login.is_some()
    }

    /// What was found; blocks while the first run lasts. `None` where the user did not agree.
    pub(in crate::host) fn facts(&self) -> Option<Found> {
        // One that ssh cannot be given is told without a run.
        let agreed = |login: &&Result<Login, HostError>| login.is_err() || self.agreed.load(Ordering::Relaxed);
        let login = self.login.as_ref().filter(agreed)?;
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        Some(found.get_or_insert_with(|| self.run(login)).clone())
    }

    /// What was found so far, without waiting.
    pub(in crate::host) fn known(&self) -> Option<Found> {
        self.found.try_lock().ok()?.clone()
    }

    /// Runs, whatever was found before: the user asked for it.
    pub(in crate::host) fn renew(&self) {
        let Some(login) = &self.login else { return };
        self.agreed.store(true, Ordering::Relaxed);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        *found = Some(self.run(login));
    }

    /// Ends the run that lasts.
    pub(in crate::host) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// How the run ended that nobody was told of yet.
    pub(in crate::host) fn news(&self) -> Option<Result<(), HostError>> {
        if !self.news.swap(false, Ordering::Relaxed) {
            return None;
        }
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.as_ref().map(|found| found.as_ref().map(drop).map_err(Clone::clone))
    }

    fn run(&self, login: &Result<Login, HostError>) -> Found {
        self.given_up.store(false, Ordering::Relaxed);
        let found = login.clone().and_then(|login| super::facts(&login, &self.given_up)).map(Arc::new);
        self.news.store(login.is_ok(), Ordering::Relaxed);
        found
    }
}
