//! The kernel's own news of PCI functions: added, removed, bound to a driver or unbound. A thread that sleeps until there
//! is some; nothing is polled.

use kobject_uevent::{ActionType, UEvent};
use netlink_sys::constants::NETLINK_KOBJECT_UEVENT;
use netlink_sys::{Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::pipe::{PipeFlags, pipe_with};
use std::io;

/// News come in bursts: a driver that takes a card, sixty virtual functions at once. The first is told at once, all that
/// follow it as one change; the burst is over when nothing came for this long.
const QUIET: Timespec = Timespec { tv_sec: 0, tv_nsec: 40_000_000 };
/// A burst that does not end is told all the same after this many pieces of news.
const LONGEST_BURST: usize = 2000;
/// The kernel's own messages are below 4 KiB.
const LARGEST: usize = 8192;

/// A running watch; dropping it ends its thread.
pub(super) struct Watch {
    /// Closing the writing end wakes the thread.
    _stop: OwnedFd,
}

impl Watch {
    /// Calls `changed` from a thread of its own at the first of a burst of news about PCI functions, and after the burst
    /// if there was more.
    pub(super) fn start(changed: impl Fn() + Send + 'static) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_KOBJECT_UEVENT)?;
        // Group 1 is the kernel's; udev repeats its news in group 2.
        socket.bind(&SocketAddr::new(0, 1))?;
        let (stopped, stop) = pipe_with(PipeFlags::CLOEXEC)?;
        let run = move || listen(&socket, &stopped, &changed);
        std::thread::Builder::new().name("host-uevents".into()).spawn(run)?;
        Ok(Self { _stop: stop })
    }
}

fn listen(socket: &Socket, stopped: &OwnedFd, changed: &dyn Fn()) {
    while let Some(first) = next(socket, stopped, None) {
        if first {
            changed();
        }
        let mut more = false;
        for _ in 0..LONGEST_BURST {
            match next(socket, stopped, Some(&QUIET)) {
                Some(relevant) => more |= relevant,
                None => break,
            }
        }
        if more {
            changed();
        }
    }
}

/// Whether the next piece of news is about a PCI function; `None` after `patience`, or when the watch ended.
fn next(socket: &Socket, stopped: &OwnedFd, patience: Option<&Timespec>) -> Option<bool> {
    let mut waiting = [PollFd::new(socket, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
    loop {
        match poll(&mut waiting, patience) {
            Ok(0) => return None,
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    if waiting.get(1).is_none_or(|stop| !stop.revents().is_empty()) {
        return None;
    }
    let mut packet = Vec::with_capacity(LARGEST);
    match socket.recv_from(&mut packet, 0) {
        // Only the kernel has port 0: another sender's news are not news.
        Ok((_, sender)) => Some(sender.port_number() == 0 && is_relevant(&packet)),
        // The kernel dropped news because too many waited: something changed.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error()) => Some(true),
        Err(_) => None,
    }
}

fn is_relevant(packet: &[u8]) -> bool {
    let about = [ActionType::Add, ActionType::Remove, ActionType::Change, ActionType::Bind, ActionType::Unbind];
    UEvent::from_netlink_packet(packet).is_ok_and(|news| news.subsystem == "pci" && about.contains(&news.action))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn news(action: &str, subsystem: &str) -> Vec<u8> {
        let path = "/devices/pci0000:00/0000:00:05.0";
        format!("{action}@{path}\0ACTION={action}\0DEVPATH={path}\0SUBSYSTEM={subsystem}\0SEQNUM=17\0").into_bytes()
    }

    #[test]
    fn driver_changes_of_pci_functions_are_news_and_other_subsystems_are_not() {
        for action in ["add", "remove", "bind", "unbind", "change"] {
            assert!(is_relevant(&news(action, "pci")), "{action}");
        }
        assert!(!is_relevant(&news("bind", "usb")));
        assert!(!is_relevant(&news("move", "pci")));
        assert!(!is_relevant(b"libudev\0\xfe\xed"));
    }

    #[test]
    fn the_thread_ends_with_its_watch() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        // A container may forbid the socket; then there is nothing to end.
        let Ok(watch) = Watch::start(move || sender.send(()).unwrap_or_default()) else { return };
        drop(watch);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        // The sender goes with the thread; news that came before are drained.
        while receiver.recv_timeout(deadline - std::time::Instant::now()).is_ok() {}
        assert!(std::time::Instant::now() < deadline, "the thread still runs");
    }
}
