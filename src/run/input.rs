//! Keys, pastes and sizes from the terminal, all that is pending at a time. Binds no key and draws nothing.
//!
//! The terminal is read on the one thread of the event loop when the kernel says that there is something to read. There
//! is no reader thread, so a key takes no detour to it and back, nothing wakes up while no key is pressed, and after
//! leaving or suspending nothing is left that takes the shell's input.
//!
//! crossterm 0.29 has a reader, which `tests/it/reader.rs` compares with this one. It hands out only the first 1,024 bytes
//! of a burst until the next key comes (pull request 1057), makes `Esc [ A` of an arrow that the network split, and
//! uses a processor in full once the terminal is gone (issue 793), which is just when a build must be able to go on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::decoder::Decoder;
use super::input_event::InputEvent;
use super::terminal::size;

/// The most that is read before what was read is handed on.
const MOST_AT_ONCE: usize = 1 << 18;

/// The terminal's input.
#[derive(Debug)]
pub struct Input {
    tty: AsyncFd<OwnedFd>,
    decoder: Decoder,
    resized: Signal,
    size: Size,
    events: Vec<InputEvent>,
    closed: bool,
}

impl Input {
    /// Reads `tty`, which must be in raw mode, from within a tokio runtime.
    ///
    /// `size` is the size the screen was set up with; `escape_hold` see
    /// [`TerminalCapabilities`](super::capability::TerminalCapabilities::escape_hold).
    pub fn new(tty: OwnedFd, size: Size, escape_hold: Duration) -> io::Result<Self> {
        // The constructor is deprecated for types that can lie about their descriptor, in favour of an unsafe one. An
        // OwnedFd cannot lie.
        #[allow(deprecated)]
        let tty = AsyncFd::with_interest(tty, tokio::io::Interest::READABLE)?;
        Ok(Self {
            tty,
            decoder: Decoder::new(escape_hold),
            resized: signal(SignalKind::window_change())?,
            size,
            events: Vec::new(),
            closed: false,
        })
    }

    /// Waits until there is something, then returns all that is pending, in order; never an empty list.
    ///
    /// Several sizes in a row are one. May be dropped at any time without losing anything, as `select!` does.
    pub async fn next(&mut self) -> Vec<InputEvent> {
        while self.events.is_empty() {
            if self.closed {
                // Closed was reported, and nothing follows it.
                std::future::pending::<()>().await;
            }
            let deadline = self.decoder.deadline();
            let expired = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ready = self.tty.readable() => match ready {
                    Ok(mut ready) => if drain(self.tty.get_ref().as_fd(), &mut self.decoder, &mut self.events) {
                        ready.clear_ready();
                    } else {
                        self.closed = true;
                    },
                    Err(_) => self.closed = true,
                },
                _ = self.resized.recv() => self.measure(),
                () = expired => self.decoder.expire(Instant::now(), &mut self.events),
            }
            if self.closed {
                self.events.push(InputEvent::Closed);
            }
        }
        std::mem::take(&mut self.events)
    }

    /// Notes a size that was read elsewhere, so that it is not reported.
    pub fn set_size(&mut self, size: Size) {
        self.size = size;
    }

    /// Reports the terminal's size if it is a new one.
    fn measure(&mut self) {
        if let Ok(size) = size()
            && size != self.size
        {
            self.size = size;
            self.events.push(InputEvent::Resize(size));
        }
    }
}

/// Reads what there is to read without waiting. False if the terminal is gone.
fn drain(tty: BorrowedFd<'_>, decoder: &mut Decoder, events: &mut Vec<InputEvent>) -> bool {
    let mut buffer = [0; 4096];
    let mut total = 0;
    while total < MOST_AT_ONCE {
        match readable(tty) {
            Ok(true) => {}
            Ok(false) => break,
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return false,
        }
        match rustix::io::read(tty, &mut buffer) {
            Ok(0) => return false,
            Ok(count) => {
                total += count;
                decoder.feed(buffer.get(..count).unwrap_or_default(), Instant::now(), events);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => break,
            Err(_) => return false,
        }
    }
    true
}

/// Whether reading `tty` would not wait. It is asked before each read because the terminal's file is shared with the
/// shell, so that it cannot be made non-blocking for this program alone.
fn readable(tty: BorrowedFd<'_>) -> rustix::io::Result<bool> {
    let mut polled = [PollFd::from_borrowed_fd(tty, PollFlags::IN)];
    rustix::event::poll(&mut polled, Some(&Timespec::default()))?;
    // A hang-up counts as well: the read reports it.
    Ok(polled.iter().any(|polled| !polled.revents().is_empty()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::app::key::{Key, KeyCode};
    use crate::run::pty::Pty;
    use std::io::Write as _;

    /// Fails a test that waits for what never comes.
    async fn soon<T>(what: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), what).await.unwrap()
    }

    fn input(pty: &Pty, hold: Duration) -> Input {
        Input::new(pty.terminal(), Size::new(80, 24), hold).unwrap()
    }

    fn keys(text: &str) -> Vec<InputEvent> {
        text.chars().map(Key::char).map(InputEvent::Key).collect()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_burst_is_handed_out_whole_without_another_key() {
        let pty = Pty::raw();
        let mut input = input(&pty, Duration::ZERO);
        pty.keyboard().write_all(&[b'a'; 3000]).unwrap();
        let mut events = Vec::new();
        while events.len() < 3000 {
            events.extend(soon(input.next()).await);
        }
        assert_eq!(events, keys(&"a".repeat(3000)));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_pending_comes_together() {
        let pty = Pty::raw();
        let mut input = input(&pty, Duration::ZERO);
        pty.keyboard().write_all(b"ab\x1b[A\x1b[200~x\ry\x1b[201~").unwrap();
        let expected =
            [keys("ab"), vec![InputEvent::Key(Key::plain(KeyCode::Up)), InputEvent::Paste("x\ny".to_owned())]];
        assert_eq!(soon(input.next()).await, expected.concat());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_held_esc_comes_when_its_time_is_up() {
        let pty = Pty::raw();
        let mut input = input(&pty, Duration::from_millis(1));
        pty.keyboard().write_all(b"\x1b").unwrap();
        assert_eq!(soon(input.next()).await, [InputEvent::Key(Key::plain(KeyCode::Esc))]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_terminal_that_hangs_up_is_reported_once_and_never_spins() {
        let pty = Pty::raw();
        let mut input = input(&pty, Duration::ZERO);
        drop(pty);
        assert_eq!(soon(input.next()).await, [InputEvent::Closed]);
        let more = tokio::time::timeout(Duration::from_millis(20), input.next()).await;
        assert!(more.is_err(), "nothing comes after the end");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn giving_up_the_wait_loses_nothing() {
        let pty = Pty::raw();
        let mut input = input(&pty, Duration::ZERO);
        for _ in 0..20 {
            tokio::select! {
                biased;
                () = tokio::task::yield_now() => {}
                events = input.next() => assert_eq!(events, []),
            }
        }
        pty.keyboard().write_all(b"z").unwrap();
        assert_eq!(soon(input.next()).await, keys("z"));
    }
}
