//! A pseudo-terminal for the tests of this layer: the program's end, and the end of the person before it.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

pub(super) struct Pty {
    person: File,
    terminal: File,
}

impl Pty {
    /// A raw terminal.
    pub(super) fn raw() -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
        let terminal = File::options().read(true).write(true).open(name).unwrap();
        let mut mode = tcgetattr(&terminal).unwrap();
        mode.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &mode).unwrap();
        Self { person: person.into(), terminal }
    }

    /// The program's end.
    pub(super) fn terminal(&self) -> OwnedFd {
        self.terminal.try_clone().unwrap().into()
    }

    /// What is written here is typed.
    pub(super) fn keyboard(&self) -> &File {
        &self.person
    }
}
