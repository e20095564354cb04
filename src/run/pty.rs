//! A pseudo-terminal for the tests of this layer: the program's end, and the end of the person before it.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Pty {
    person: File,
    terminal: File,
}

impl Pty {
    /// A terminal of 80 columns and 24 rows, in the mode a shell leaves it in.
    pub(super) fn new() -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
        let terminal = File::options().read(true).write(true).open(name).unwrap();
        let pty = Self { person: person.into(), terminal };
        pty.resize(Size::new(80, 24));
        pty
    }

    /// The same, already raw.
    pub(super) fn raw() -> Self {
        let pty = Self::new();
        let mut mode = tcgetattr(&pty.terminal).unwrap();
        mode.make_raw();
        tcsetattr(&pty.terminal, OptionalActions::Now, &mode).unwrap();
        pty
    }

    /// The program's end.
    pub(super) fn terminal(&self) -> OwnedFd {
        self.terminal.try_clone().unwrap().into()
    }

    /// What is written here is typed.
    pub(super) fn keyboard(&self) -> &File {
        &self.person
    }

    /// What the program wrote, up to and with `end`.
    pub(super) fn shown_until(&self, end: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = String::new();
        while !shown.ends_with(end) {
            let mut polled = [PollFd::new(&self.person, PollFlags::IN)];
            let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).unwrap();
            assert_ne!(rustix::event::poll(&mut polled, Some(&left)).unwrap(), 0, "only {shown:?} came");
            let mut buffer = [0; 4096];
            let count = (&self.person).read(&mut buffer).unwrap();
            shown.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        shown
    }

    /// The modes of the terminal, all of them.
    pub(super) fn mode(&self) -> String {
        format!("{:?}", tcgetattr(&self.terminal).unwrap())
    }

    /// Makes the window larger or smaller.
    pub(super) fn resize(&self, size: Size) {
        let size = Winsize { ws_row: size.height, ws_col: size.width, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.person, size).unwrap();
    }
}
