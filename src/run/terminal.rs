//! The modes of the terminal while the wizard has it, and their restoration whatever happens. Draws and reads nothing.
//!
//! What is entered is left in reverse order: on drop, before a suspension, and in the panic hook, which also runs where
//! a panic then aborts. The terminal is asked nothing, so that one that answers late or never costs nothing.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

use super::capability::Capabilities;
use super::input::size_of;

/// How long leaving waits for a terminal that takes no output, one stopped by `^S` for example.
const LEAVE_PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// A suspension that ended this recently is what the SIGCONT was for.
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
    /// `TERM` says that the terminal cannot move its cursor.
    #[error("TERM says the terminal cannot show a full screen; set TERM to its real type, or use a headless command")]
    NoFullScreen,
    /// There is one terminal, and it has been entered.
    #[error("the terminal is already in use by this process")]
    InUse,
    /// The terminal refused.
    #[error("cannot {action} the terminal: {source}")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// What the system said.
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
    /// Standard output and standard input, or the process's own terminal where a spec comes from standard input.
    pub fn open() -> Result<Self, TerminalError> {
        let (stdin, stdout) = (io::stdin(), io::stdout());
        if !isatty(&stdout) {
            return Err(TerminalError::OutputRedirected);
        }
        let input = if isatty(&stdin) {
            stdin.as_fd().try_clone_to_owned()
        } else {
            File::options().read(true).write(true).open("/dev/tty").map(OwnedFd::from)
        };
        let output = stdout.as_fd().try_clone_to_owned().map_err(refused("open"))?;
        Ok(Self { input: input.map_err(TerminalError::NoInput)?, output })
    }

    fn duplicate(&self) -> io::Result<Self> {
        Ok(Self { input: self.input.try_clone()?, output: self.output.try_clone()? })
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
                // Someone who shares the terminal made it non-blocking.
                Err(rustix::io::Errno::AGAIN) => wait_writable(self.0.as_fd(), None)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that is needed to give the terminal back.
#[derive(Debug)]
struct Restoration {
    tty: Tty,
    mode: Termios,
    sequence: &'static [u8],
}

/// What the panic hook and the guard share: there is at most one terminal to give back.
static ENTERED: Mutex<Option<Restoration>> = Mutex::new(None);

/// The terminal, entered: raw, on its alternate screen, with pastes marked. Dropping it gives the terminal back.
#[derive(Debug)]
pub struct Terminal {
    tty: Tty,
    /// The mode before this program, as far as is known.
    original: Termios,
    xterm: bool,
    title: String,
    resumed: Option<Instant>,
}

impl Terminal {
    /// Enters `tty` and titles it `title`.
    pub fn enter(tty: Tty, terminal: &Capabilities, title: &str) -> Result<Self, TerminalError> {
        if !terminal.full_screen {
            return Err(TerminalError::NoFullScreen);
        }
        let original = tcgetattr(&tty.input).map_err(refused("read the mode of"))?;
        let title = title.chars().filter(|c| !c.is_control()).collect();
        let mut entered = Self { tty, original, xterm: terminal.xterm, title, resumed: None };
        entered.take()?;
        Ok(entered)
    }

    /// The terminal's size.
    pub fn size(&self) -> Result<Size, TerminalError> {
        size_of(self.tty.output.as_fd()).map_err(refused("ask the size of"))
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

    /// Answers SIGCONT: enters the terminal again after someone else stopped and continued the process. True if the
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
    fn take(&mut self) -> Result<(), TerminalError> {
        let mut slot = entered();
        if slot.is_some() {
            return Err(TerminalError::InUse);
        }
        let mode = tcgetattr(&self.tty.input).map_err(refused("read the mode of"))?;
        // A shell that continues a stopped job can have put our own mode back, which is not the one to leave behind.
        if mode.local_modes.contains(LocalModes::ICANON) {
            self.original = mode.clone();
        }
        let mut raw = mode;
        raw.make_raw();
        let tty = self.tty.duplicate().map_err(refused("open"))?;
        // From here on it is given back, even if only the first step succeeds.
        let sequence = if self.xterm { LEAVE_XTERM } else { LEAVE_OLD };
        *slot = Some(Restoration { tty, mode: self.original.clone(), sequence });
        drop(slot);
        tcsetattr(&self.tty.input, OptionalActions::Now, &raw)
            .map_err(io::Error::from)
            .and_then(|()| if self.xterm { self.enter_xterm() } else { Ok(()) })
            .inspect_err(|_| give_back())
            .map_err(refused("enter"))
    }

    /// Saves and sets the title, goes to the alternate screen, has pastes marked.
    fn enter_xterm(&self) -> io::Result<()> {
        let sequence = format!("\x1b[22;0t\x1b]2;{}\x07\x1b[?1049h\x1b[?2004h", self.title);
        TtyWriter(self.tty.output.try_clone()?).write_all(sequence.as_bytes())
    }
}

/// Ends a frame that was cut short, then what [`Terminal::enter_xterm`] did, last first; the cursor is seen again.
const LEAVE_XTERM: &[u8] = b"\x1b[?2026l\x1b[m\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b[23;0t";
/// There is no other screen to go back to, so this one is left clean.
const LEAVE_OLD: &[u8] = b"\x1b[m\x1b[H\x1b[J\x1b[?25h";

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// The one terminal, also after a panic with it in hand.
fn entered() -> std::sync::MutexGuard<'static, Option<Restoration>> {
    ENTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the terminal back, if it is entered. Never waits long and never fails: there is nobody to tell.
fn give_back() {
    if let Some(restoration) = entered().take() {
        restore(&restoration);
    }
}

/// Undoes what was entered.
fn restore(restoration: &Restoration) {
    let output = restoration.tty.output.as_fd();
    if wait_writable(output, Some(&LEAVE_PATIENCE)).is_ok() {
        let _ = rustix::io::write(output, restoration.sequence);
    }
    let _ = tcsetattr(&restoration.tty.input, OptionalActions::Now, &restoration.mode);
}

/// Has a panic give the terminal back before its message is printed, so that the message stays readable.
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

/// Waits until `tty` takes output, for `patience` or for ever.
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

/// Wraps what the system said about `action`.
fn refused<E: Into<io::Error>>(action: &'static str) -> impl Fn(E) -> TerminalError {
    move |source| TerminalError::Refused { action, source: source.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::run::capability::{Charset, Colours};
    use crate::run::pty::Pty;
    use std::panic::{catch_unwind, set_hook, take_hook};
    use std::sync::{Arc, MutexGuard};

    /// There is one terminal to a process, so these tests take turns.
    static TURN: Mutex<()> = Mutex::new(());

    fn turn() -> MutexGuard<'static, ()> {
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const XTERM: Capabilities = Capabilities {
        colours: Colours::Ansi16,
        charset: Charset::Unicode,
        ssh: false,
        escape_hold: Duration::ZERO,
        full_screen: true,
        xterm: true,
    };

    fn enter(pty: &Pty, terminal: &Capabilities) -> Result<Terminal, TerminalError> {
        Terminal::enter(Tty { input: pty.terminal(), output: pty.terminal() }, terminal, "vm\x07build")
    }

    #[test]
    fn what_is_entered_is_left_in_reverse_order() {
        let _turn = turn();
        let pty = Pty::new();
        let before = pty.mode();
        let terminal = enter(&pty, &XTERM).unwrap();
        assert_eq!(pty.shown_until("\x1b[?2004h"), "\x1b[22;0t\x1b]2;vmbuild\x07\x1b[?1049h\x1b[?2004h");
        assert!(!tcgetattr(pty.terminal()).unwrap().local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO));
        drop(terminal);
        assert_eq!(pty.shown_until("\x1b[23;0t"), "\x1b[?2026l\x1b[m\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b[23;0t");
        assert_eq!(pty.mode(), before);
    }

    #[test]
    fn an_old_terminal_gets_nothing_it_could_print() {
        let _turn = turn();
        let pty = Pty::new();
        let before = pty.mode();
        let terminal = enter(&pty, &Capabilities { xterm: false, ..XTERM }).unwrap();
        terminal.output().unwrap().write_all(b"frame").unwrap();
        drop(terminal);
        assert_eq!(pty.shown_until("\x1b[?25h"), "frame\x1b[m\x1b[H\x1b[J\x1b[?25h");
        assert_eq!(pty.mode(), before);
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_printed() {
        let _turn = turn();
        let pty = Pty::new();
        let before = pty.mode();
        let terminal = enter(&pty, &XTERM).unwrap();
        let printed_on = Arc::new(Mutex::new(String::new()));
        let (note, seen_by) = (Arc::clone(&printed_on), pty.terminal());
        let default = take_hook();
        set_hook(Box::new(move |_| *note.lock().unwrap() = format!("{:?}", tcgetattr(&seen_by).unwrap())));
        install_panic_hook(|| None);
        let panicked = catch_unwind(|| panic!("on purpose"));
        set_hook(default);
        assert!(panicked.is_err());
        assert_eq!(*printed_on.lock().unwrap(), before);
        assert!(pty.shown_until("\x1b[23;0t").contains("\x1b[?1049l"));
        drop(terminal);
        // Nothing is left twice.
        let _again = enter(&pty, &XTERM).unwrap();
        assert!(pty.shown_until("\x1b[?2004h").starts_with("\x1b[22;0t"));
    }

    #[test]
    fn being_continued_by_someone_else_enters_again_and_keeps_the_shells_mode() {
        let _turn = turn();
        let pty = Pty::new();
        let before = pty.mode();
        let mut terminal = enter(&pty, &XTERM).unwrap();
        pty.shown_until("\x1b[?2004h");
        let ours = pty.mode();
        assert!(terminal.continued().unwrap());
        assert_eq!(pty.shown_until("\x1b[?2004h").matches("\x1b[22;0t").count(), 1);
        assert_eq!(pty.mode(), ours);
        drop(terminal);
        assert_eq!(pty.mode(), before);
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_a_way_out() {
        let _turn = turn();
        let pty = Pty::new();
        let error = enter(&pty, &Capabilities { full_screen: false, ..XTERM }).unwrap_err();
        assert!(error.to_string().contains("headless"), "{error}");
        let _terminal = enter(&pty, &XTERM).unwrap();
        assert!(matches!(enter(&pty, &XTERM), Err(TerminalError::InUse)));
        let file = File::open("/dev/null").unwrap();
        let nowhere = Tty { input: file.try_clone().unwrap().into(), output: file.into() };
        let error = Terminal::enter(nowhere, &XTERM, "").unwrap_err();
        assert!(error.to_string().starts_with("cannot read the mode of the terminal:"), "{error}");
    }
}
