//! The modes of the terminal while the wizard has it, and their restoration whatever happens. Draws and reads nothing.
//!
//! crossterm sets the modes and knows the commands; it also keeps the mode of the terminal before. What is entered is
//! left in reverse order: on drop, before a suspension, and in the panic hook, which also runs where a panic then
//! aborts. The terminal is asked nothing, so that one that answers late or never costs nothing.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crossterm::cursor::{MoveTo, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::style::{Attribute, Print, SetAttribute};
use crossterm::terminal::{
    Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, SetTitle, disable_raw_mode,
    enable_raw_mode, window_size,
};
use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec};

use super::capability::TerminalCapabilities;

/// How long leaving waits for a terminal that takes no output, one stopped by `^S` for example.
const LEAVE_PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// A SIGCONT this soon after a suspension is the one that ended it.
const SAME_CONTINUATION: Duration = Duration::from_secs(1);

/// Why the terminal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// Output goes to a file or a pipe.
    #[error("standard output is not a terminal; run vmbuild without redirecting it, or use a headless command")]
    OutputRedirected,
    /// Input comes from elsewhere, and the process has no terminal of its own either.
    #[error("there is no terminal to read keys from; run vmbuild in one, or use a headless command")]
    NoInput(#[source] io::Error),
    /// According to `TERM` the terminal cannot move its cursor.
    #[error(
        "according to TERM, the terminal cannot show a full screen; set TERM to its real type, or use a headless command"
    )]
    NoFullScreen,
    /// There is one terminal, and it has been entered.
    #[error("the terminal is already in use by this process")]
    InUse,
    /// The system refused an operation on it.
    #[error("cannot {action} the terminal: {source}")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// The system's error.
        source: io::Error,
    },
}

/// The two ends of a terminal that belong to this process.
#[derive(Debug)]
pub struct Tty {
    input: OwnedFd,
    output: OwnedFd,
}

impl Tty {
    /// Standard output and standard input, or the process's own terminal where a spec comes from standard input. The
    /// input is the end whose modes crossterm sets.
    pub fn open() -> Result<Self, TerminalError> {
        let (stdin, stdout) = (io::stdin(), io::stdout());
        if !stdout.is_terminal() {
            return Err(TerminalError::OutputRedirected);
        }
        let input = if stdin.is_terminal() {
            stdin.as_fd().try_clone_to_owned()
        } else {
            File::options().read(true).write(true).open("/dev/tty").map(OwnedFd::from)
        };
        let output = stdout.as_fd().try_clone_to_owned().map_err(refused("open"))?;
        Ok(Self { input: input.map_err(TerminalError::NoInput)?, output })
    }
}

/// Writes to the terminal with one system call where the terminal takes all at once, past the standard library's
/// buffer, which would cut a frame into pieces of 1 KiB.
#[derive(Debug)]
pub struct TtyWriter(OwnedFd);

impl Write for TtyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(&self.0, bytes) {
                Ok(count) => return Ok(count),
                Err(rustix::io::Errno::INTR) => {}
                // Another program on this terminal made it non-blocking.
                Err(rustix::io::Errno::AGAIN) => wait_writable(self.0.as_fd(), None)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Saves the title of the window. crossterm has no command for it.
const SAVE_TITLE: Print<&str> = Print("\x1b[22;0t");
/// Sets the title that was saved.
const RESTORE_TITLE: Print<&str> = Print("\x1b[23;0t");

/// All that is needed to give the terminal back, beside what crossterm keeps: the mode before.
#[derive(Debug)]
struct Restoration {
    output: OwnedFd,
    sequence: Vec<u8>,
}

/// What the panic hook and the guard share: there is at most one terminal to give back.
static ENTERED: Mutex<Option<Restoration>> = Mutex::new(None);

/// The terminal, entered: raw, on its alternate screen, with pastes marked. Dropping it gives the terminal back.
#[derive(Debug)]
pub struct Terminal {
    tty: Tty,
    enter: Vec<u8>,
    leave: Vec<u8>,
    resumed: Option<Instant>,
}

impl Terminal {
    /// Enters `tty` and titles it `title`.
    pub fn enter(tty: Tty, terminal: &TerminalCapabilities, title: &str) -> Result<Self, TerminalError> {
        if !terminal.full_screen {
            return Err(TerminalError::NoFullScreen);
        }
        if entered().is_some() {
            return Err(TerminalError::InUse);
        }
        let (enter, leave) = if terminal.xterm { xterm(title) } else { old() }.map_err(refused("enter"))?;
        let terminal = Self { tty, enter, leave, resumed: None };
        terminal.take()?;
        Ok(terminal)
    }

    /// The terminal's size.
    pub fn size(&self) -> Result<Size, TerminalError> {
        size().map_err(refused("ask the size of"))
    }

    /// The end to read keys from.
    pub fn input(&self) -> Result<OwnedFd, TerminalError> {
        self.tty.input.try_clone().map_err(refused("open"))
    }

    /// The end to draw on.
    pub fn output(&self) -> Result<TtyWriter, TerminalError> {
        self.tty.output.try_clone().map(TtyWriter).map_err(refused("open"))
    }

    /// Gives the terminal back, stops the process until it is continued, and enters the terminal again. The next frame
    /// must be drawn from nothing, at the size the terminal has by then.
    ///
    /// The whole process group is stopped, as the terminal itself would do at `^Z`: a `sudo` or `make` in front must
    /// stop as well or the shell never comes back. Where no shell could continue the process, the system ignores the
    /// request, and this returns at once. Not to be called while something runs that must not stop.
    pub fn suspend(&mut self) -> Result<(), TerminalError> {
        give_back();
        // On the main thread, which gets the signal before this call returns.
        let stopped = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
        self.resumed = Some(Instant::now());
        self.take()?;
        stopped.map_err(refused("suspend"))
    }

    /// Handles SIGCONT: enters the terminal again after another process stopped and continued this one. True if the
    /// next frame must be drawn from nothing, false if [`Terminal::suspend`] has seen to it already.
    pub fn continued(&mut self) -> Result<bool, TerminalError> {
        if self.resumed.take().is_some_and(|resumed| resumed.elapsed() < SAME_CONTINUATION) {
            return Ok(false);
        }
        // Leaving first keeps the title and the alternate screen in pairs.
        give_back();
        self.take()?;
        Ok(true)
    }
    /// Enters the terminal.
    fn take(&self) -> Result<(), TerminalError> {
        let output = self.tty.output.try_clone().map_err(refused("open"))?;
        // From here on it is given back, even if only the first step succeeds.
        *entered() = Some(Restoration { output, sequence: self.leave.clone() });
        enable_raw_mode().map_err(refused("enter"))?;
        self.output()?.write_all(&self.enter).map_err(refused("enter"))
    }
}

/// The terminal's size; one that does not know its size is taken to have 80 columns and 24 rows.
pub(super) fn size() -> io::Result<Size> {
    let size = window_size()?;
    Ok(if size.columns == 0 || size.rows == 0 { Size::new(80, 24) } else { Size::new(size.columns, size.rows) })
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// The one terminal, also after a panic with it in hand.
fn entered() -> std::sync::MutexGuard<'static, Option<Restoration>> {
    ENTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the terminal back, if it is entered. Never waits long, and ignores errors: nothing can be done about them.
fn give_back() {
    if let Some(restoration) = entered().take() {
        restore(&restoration);
    }
}

/// Undoes what was entered.
fn restore(restoration: &Restoration) {
    let output = restoration.output.as_fd();
    if wait_writable(output, Some(&LEAVE_PATIENCE)).is_ok() {
        let _ = rustix::io::write(output, &restoration.sequence);
    }
    let _ = disable_raw_mode();
}

/// What enters the alternate screen, titled `title`, and what leaves it: a frame that was cut short is ended, the rest
/// undone in reverse order, and the cursor shown.
fn xterm(title: &str) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut enter, mut leave) = (Vec::new(), Vec::new());
    let title = SetTitle(title.replace(char::is_control, ""));
    queue!(enter, SAVE_TITLE, title, EnterAlternateScreen, EnableBracketedPaste)?;
    queue!(leave, EndSynchronizedUpdate, SetAttribute(Attribute::Reset))?;
    queue!(leave, DisableBracketedPaste, LeaveAlternateScreen, Show, RESTORE_TITLE)?;
    Ok((enter, leave))
}

/// The same for a terminal without another screen to go back to: its only one is left clean.
fn old() -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut leave = Vec::new();
    queue!(leave, SetAttribute(Attribute::Reset), MoveTo(0, 0), Clear(ClearType::FromCursorDown), Show)?;
    Ok((Vec::new(), leave))
}

/// Makes a panic give the terminal back before its message is printed, so that the message stays readable.
///
/// After the message, `last_words` are printed if there are any: where the draft was saved, for example.
pub fn install_panic_hook(last_words: impl Fn() -> Option<String> + Send + Sync + 'static) {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // A panic while the terminal is being entered or left must not wait for itself.
        let slot = match ENTERED.try_lock() {
            Ok(slot) => Some(slot),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(restoration) = slot.and_then(|mut slot| slot.take()) {
            restore(&restoration);
        }
        print(panic);
        if let Some(words) = last_words() {
            let _ = writeln!(io::stderr(), "{words}");
        }
    }));
}

/// Waits until `tty` takes output, for `patience` or without limit.
fn wait_writable(tty: BorrowedFd<'_>, patience: Option<&Timespec>) -> io::Result<()> {
    let mut polled = [PollFd::from_borrowed_fd(tty, PollFlags::OUT)];
    loop {
        match rustix::event::poll(&mut polled, patience) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Wraps the system's error of `action`.
fn refused<E: Into<io::Error>>(action: &'static str) -> impl Fn(E) -> TerminalError {
    move |source| TerminalError::Refused { action, source: source.into() }
}
