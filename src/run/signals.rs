//! The signals the program handles, as plain data. Does not handle them.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// What was asked of the program from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutsideEvent {
    /// SIGTERM or SIGQUIT: leave, with the draft saved.
    Terminate,
    /// SIGHUP: the terminal is gone. Leave, unless a build is running.
    HangUp,
    /// SIGINT: another process sent it, since a raw terminal sends `^C` as a key. In plain output it is `^C` itself.
    Interrupt,
    /// SIGCONT: the program was stopped and may run again; the screen shows something else by now.
    Continue,
}

/// The signals as they arrive.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    quit: unix::Signal,
    hang_up: unix::Signal,
    interrupt: unix::Signal,
    resume: unix::Signal,
}

impl Signals {
    /// From now on these signals no longer end the process, not even after this value is dropped.
    ///
    /// SIGTSTP is left alone: it must still stop the process.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            quit: unix::signal(SignalKind::quit())?,
            hang_up: unix::signal(SignalKind::hangup())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            resume: unix::signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    /// Waits for the next signal. May be dropped at any time without losing one. Several of a kind can be one.
    pub async fn next(&mut self) -> OutsideEvent {
        tokio::select! {
            _ = self.terminate.recv() => OutsideEvent::Terminate,
            _ = self.quit.recv() => OutsideEvent::Terminate,
            _ = self.hang_up.recv() => OutsideEvent::HangUp,
            _ = self.interrupt.recv() => OutsideEvent::Interrupt,
            _ = self.resume.recv() => OutsideEvent::Continue,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rustix::process::{Signal as Number, getpid, kill_process};
    use std::time::Duration;

    // One test, because every test of the process would get the signals of the others.
    #[tokio::test(flavor = "current_thread")]
    async fn each_signal_is_told_apart() {
        let mut signals = Signals::new().unwrap();
        let cases = [
            (Number::TERM, OutsideEvent::Terminate),
            (Number::QUIT, OutsideEvent::Terminate),
            (Number::HUP, OutsideEvent::HangUp),
            (Number::INT, OutsideEvent::Interrupt),
            (Number::CONT, OutsideEvent::Continue),
        ];
        for (number, expected) in cases {
            kill_process(getpid(), number).unwrap();
            let signal = tokio::time::timeout(Duration::from_secs(20), signals.next()).await.unwrap();
            assert_eq!(signal, expected);
        }
    }
}
