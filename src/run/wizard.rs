//! The wizard from start to end: takes the terminal, shows the first frame, lets the event loop work, gives the terminal
//! back. Owns the order of these; what happens in between is the event loop's business.

use super::capability::{Capabilities, ColourChoiceError, LookFlags};
use super::event_loop::{Session, Sources, live};
use super::input::Input;
use super::look::look;
use super::news;
use super::screen::Screen;
use super::shelves::Shelves;
use super::signals::Signals;
use super::terminal::{Terminal, TerminalError, Tty, install_panic_hook};
use crate::app::state::{DEMO, Start};
use crate::app::{App, Exit, Probe, ProbeState};
use crate::host::{Target, remote};
use crate::spec::Layer;
use crate::store::{Drafts, Folders};
use crate::ui::ThemeError;
use std::io;

/// What the wizard starts with.
#[derive(Clone, Debug, Default)]
pub struct WizardOptions {
    /// The host.
    pub target: Target,
    /// Presets below what the user types, the lowest first.
    pub layers: Vec<Layer>,
    /// Where our own files are; `None` where the user has no home: then nothing is kept.
    pub folders: Option<Folders>,
    /// Colours and characters that were asked for.
    pub look: LookFlags,
    /// Theme that was asked for.
    pub theme: Option<String>,
}

/// Why the wizard could not run, or not go on.
#[derive(Debug, thiserror::Error)]
pub enum WizardError {
    /// There is no terminal to run in.
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    /// `VMBUILD_COLOR` is wrong.
    #[error(transparent)]
    Colour(#[from] ColourChoiceError),
    /// The theme is not there.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// The system refused something that the event loop needs.
    #[error("the wizard cannot start: {0}")]
    System(#[from] io::Error),
}

/// Runs the wizard until the user leaves. The terminal is given back before this returns.
pub fn wizard(options: WizardOptions) -> Result<Exit, WizardError> {
    // Variables that are no text decide nothing here.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let capabilities = Capabilities::decide(&environment.collect(), options.look)?;
    let look = look(&capabilities, options.theme.as_deref())?;
    let tty = Tty::open()?;
    let drafts = options.folders.as_ref().map(Drafts::new);
    panic_hook(drafts.as_ref());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before the terminal is entered: no signal may end the process while it is.
        let signals = Signals::new()?;
        let terminal = Terminal::enter(tty, &capabilities, "vmbuild")?;
        let size = terminal.size()?;
        let input = Input::new(terminal.input()?, size, capabilities.escape_hold)?;
        let screen = Screen::new(terminal.output()?, size, &capabilities);
        let (teller, news) = news::channel();
        let uri = if options.target.demo { DEMO.to_owned() } else { options.target.uri() };
        let start = Start {
            uri,
            layers: options.layers,
            size: (size.width, size.height),
            clock: super::event_loop::clock(),
            record: options.target.facts_file.is_some(),
            probe: probe(&options.target),
        };
        let (app, effects) = App::new(start);
        let mut session = Session::new(
            app,
            look,
            terminal,
            screen,
            options.target,
            Shelves::new(options.folders, drafts, teller.clone()),
            teller,
        );
        session.clipboard = capabilities.xterm;
        // The first frame comes before anything that could be slow, or missing.
        session.draw_now();
        session.begin(effects);
        // The state of the session is large to be moved about.
        Ok(Box::pin(live(session, Sources { signals, input, news })).await)
    })
}

/// The probe of the host, where ssh leads to it.
fn probe(target: &Target) -> Option<Probe> {
    let login = target.login()?.ok()?;
    let state = if target.probe { ProbeState::Running } else { ProbeState::Offered };
    Some(Probe { command: login.shown(), host: login.host, script: remote::SCRIPT, state })
}

/// After a panic the user learns where the work of the session is.
fn panic_hook(drafts: Option<&Drafts>) {
    let draft = drafts.map(|drafts| drafts.path().to_owned());
    install_panic_hook(move || {
        let draft = draft.as_deref().filter(|draft| draft.exists())?;
        Some(format!("vmbuild: the draft is kept in {}; vmbuild offers it at the next start.", draft.display()))
    });
}
