//! The probe of one host: whether it may run, what it found, who waits for it.

use super::Login;
use crate::facts::{Facts, Part};
use crate::host::HostError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a run found, or why it found nothing.
pub(in crate::host) type Found = Result<Arc<Facts>, HostError>;

/// Parts of which libvirt's answer is completed.
pub(in crate::host) const COMPLETED: [Part; 4] = [Part::Host, Part::Cpus, Part::Networks, Part::Pci];
/// The same, and those that nobody else answers.
pub(in crate::host) const PARTS: [Part; 7] =
    [Part::Host, Part::Cpus, Part::Networks, Part::Pci, Part::Boot, Part::Uses, Part::Roms];

/// A probe that runs once, when it is first needed and the user agreed, and again when the user asks.
pub(in crate::host) struct Probe {
    login: Option<Result<Login, HostError>>,
    agreed: AtomicBool,
    /// Ends the run that lasts, and any that begins.
    given_up: Arc<AtomicBool>,
    /// Held while one runs.
    running: Mutex<()>,
    /// Held for a moment.
    state: Mutex<ProbeState>,
}

#[derive(Default)]
struct ProbeState {
    found: Option<Found>,
    /// How the last run ended, until somebody is told.
    news: Option<Result<(), HostError>>,
}

impl Probe {
    /// Nothing runs yet.
    pub(in crate::host) fn new(
        login: Option<Result<Login, HostError>>,
        agreed: bool,
        given_up: Arc<AtomicBool>,
    ) -> Self {
        Self { login, agreed: AtomicBool::new(agreed), given_up, running: Mutex::default(), state: Mutex::default() }
    }

    /// True where ssh leads to the host.
    pub(in crate::host) fn is_possible(&self) -> bool {
        self.login.is_some()
    }

    /// What was found; blocks while the first run lasts. `None` where the user did not agree.
    pub(in crate::host) fn facts(&self) -> Option<Found> {
        let login = self.login.as_ref()?.as_ref();
        let login = match login {
            Ok(login) if self.agreed.load(Ordering::Relaxed) => login,
            Ok(_) => return None,
            Err(error) => return Some(Err(error.clone())),
        };
        let _running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if self.known().is_none() {
            self.run(login);
        }
        self.known()
    }

    /// What was found so far, without waiting.
    pub(in crate::host) fn known(&self) -> Option<Found> {
        self.state().found.clone()
    }

    /// The user wants it to run, whatever was given up before.
    pub(in crate::host) fn agree(&self) {
        self.agreed.store(true, Ordering::Relaxed);
        self.given_up.store(false, Ordering::Relaxed);
    }

    /// Runs, whatever was found before: the user asked for it.
    pub(in crate::host) fn renew(&self) {
        let Some(Ok(login)) = &self.login else { return };
        let _running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        self.run(login);
    }

    /// Ends the run that lasts; none begins until the user agrees again.
    pub(in crate::host) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// How the run ended that nobody was told of yet.
    pub(in crate::host) fn news(&self) -> Option<Result<(), HostError>> {
        self.state().news.take()
    }

    fn run(&self, login: &Login) {
        let found = super::facts(login, &self.given_up).map(Arc::new);
        let mut state = self.state();
        state.news = Some(found.as_ref().map(drop).map_err(Clone::clone));
        // What was read before is older, and better than nothing.
        if found.is_ok() || !matches!(state.found, Some(Ok(_))) {
            state.found = Some(found);
        }
    }

    fn state(&self) -> MutexGuard<'_, ProbeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
