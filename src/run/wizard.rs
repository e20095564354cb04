//! The wizard from start to end: enters the terminal, draws the first frame, runs the event loop, gives the terminal back.
//! Owns this order; what happens in between belongs to the event loop.

use super::capability::{ColourChoiceError, LookFlags, TerminalCapabilities};
use super::event_loop::{Sources, WizardSession, live};
use super::files::FileThread;
use super::input::Input;
use super::look::look;
use super::news;
use super::screen::Screen;
use super::signals::Signals;
use super::terminal::{Terminal, TerminalError, Tty, install_panic_hook};
use crate::app::model::{DEMO, Start};
use crate::app::{App, Probe, ProbeState, WizardExit};
use crate::host::{Source, remote};
use crate::journal::Builds;
use crate::spec::Layer;
use crate::store::{Drafts, Folders};
use crate::ui::ThemeError;
use std::io;

/// What the wizard starts with.
#[derive(Clone, Debug, Default)]
pub struct WizardOptions {
    /// The host.
    pub source: Source,
    /// The session of SSH by which the user came, in the form of SSH_CONNECTION.
    pub ssh: Option<String>,
    /// Presets below what the user types, the lowest first.
    pub layers: Vec<Layer>,
    /// Where our own files are; `None` where the user has no home: then nothing is kept, and nothing built.
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
    /// The theme does not exist, or is wrong.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// The system refused something that the event loop needs.
    #[error("the wizard cannot start: {0}")]
    System(#[from] io::Error),
}

/// Runs the wizard until the user leaves. The terminal is given back before this returns.
pub fn wizard(options: WizardOptions) -> Result<WizardExit, WizardError> {
    // Variables that are not UTF-8 decide nothing here.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let capabilities = TerminalCapabilities::decide(&environment.collect(), options.look)?;
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
        let (sender, news) = news::channel();
        let uri = match &options.source {
            Source::Demo => DEMO.to_owned(),
            source => source.name(),
        };
        let builds = options.folders.as_ref().map(Builds::new);
        let start = Start {
            uri,
            layers: options.layers,
            size: (size.width, size.height),
            clock: super::event_loop::clock(),
            no_build: options.source.why_no_build(),
            left: builds.as_ref().map(|builds| builds.left(&options.source)).unwrap_or_default(),
            probe: probe(&options.source),
        };
        let (app, effects) = App::new(start);
        let mut session = WizardSession::new(
            app,
            look,
            (screen, terminal),
            options.source,
            options.ssh,
            FileThread::new(options.folders, drafts, sender.clone()),
            sender,
        );
        (session.clipboard, session.builds) = (capabilities.xterm, builds);
        // The first frame comes before anything that could be slow, or missing.
        session.draw_now();
        session.begin(effects);
        // Boxed, because the state of the session is large.
        Ok(Box::pin(live(session, Sources { signals, input, news })).await)
    })
}

/// The probe of a host that is reached by SSH.
fn probe(source: &Source) -> Option<Probe> {
    let login = source.login()?.ok()?;
    let state = if source.is_probed() { ProbeState::Running } else { ProbeState::Offered };
    Some(Probe { command: login.shown(), host: login.host, script: remote::SCRIPT, state })
}

/// After a panic the message names the draft of the session.
fn panic_hook(drafts: Option<&Drafts>) {
    let draft = drafts.map(|drafts| drafts.path().to_owned());
    install_panic_hook(move || {
        let draft = draft.as_deref().filter(|draft| draft.exists())?;
        Some(format!("vmbuild: the draft is kept in {}; vmbuild offers it at the next start.", draft.display()))
    });
}
