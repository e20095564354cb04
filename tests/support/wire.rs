//! A wire between vmbuild and a libvirt daemon that takes its time and counts round trips: a TCP port, which makes the host
//! a remote one, before the daemon's socket.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What went over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Calls that were answered.
    pub(crate) calls: usize,
    /// Bytes that came back.
    pub(crate) bytes: usize,
    /// Round trips that had to wait for one another: the calls on the longest way on which each was made only after the
    /// answer to the one before had come.
    pub(crate) trips: usize,
}

#[derive(Default)]
struct State {
    tally: Tally,
    /// Trips on the way to each open call, by its connection and number.
    open: HashMap<(usize, u32), usize>,
}

/// A wire; its threads end with the process.
pub(crate) struct Wire {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Wire {
    /// To the daemon behind `socket`. Whatever is said takes half of `round_trip` to arrive.
    pub(crate) fn to(socket: &Path, round_trip: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (port, socket) = (listener.local_addr()?.port(), socket.to_owned());
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        thread::spawn(move || {
            for (number, client) in listener.incoming().flatten().enumerate() {
                // Who finds nobody is told so by the end of the connection.
                let _ = join(number, &client, &socket, round_trip / 2, &shared);
            }
        });
        Ok(Self { port, state })
    }

    /// What was counted so far.
    pub(crate) fn tally(&self) -> Tally {
        lock(&self.state).tally
    }

    /// `qemu+tcp://127.0.0.1:PORT/system`, for the driver `qemu` and the path `/system`.
    pub(crate) fn uri(&self, driver: &str, path: &str) -> String {
        format!("{driver}+tcp://127.0.0.1:{}{path}", self.port)
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Joins a client with the daemon.
fn join(
    number: usize,
    client: &TcpStream,
    socket: &PathBuf,
    late: Duration,
    state: &Arc<Mutex<State>>,
) -> io::Result<()> {
    let daemon = UnixStream::connect(socket)?;
    client.set_nodelay(true)?;
    let asked = state.clone();
    let call = move |serial| {
        let mut state = lock(&asked);
        let trips = state.tally.trips + 1;
        state.open.insert((number, serial), trips);
    };
    let answered = state.clone();
    let reply = move |serial| {
        let mut state = lock(&answered);
        if let Some(trips) = state.open.remove(&(number, serial)) {
            state.tally.calls += 1;
            state.tally.trips = state.tally.trips.max(trips);
        }
    };
    let (from, to, ended) = (client.try_clone()?, daemon.try_clone()?, daemon.try_clone()?);
    // A call counts when it is made, a reply when it arrives.
    carry(from, to, late, Frames::of(CALL, call), Frames::of(CALL, |_| {}), move || {
        drop(ended.shutdown(Shutdown::Both));
    });
    let (to, ended, counted) = (client.try_clone()?, client.try_clone()?, state.clone());
    let daemon = Counted(daemon, move |length| lock(&counted).tally.bytes += length);
    carry(daemon, to, late, Frames::of(REPLY, |_| {}), Frames::of(REPLY, reply), move || {
        drop(ended.shutdown(Shutdown::Both));
    });
    Ok(())
}

/// Carries bytes one way, late; `seen` sees them as they set off, `come` as they arrive.
fn carry(
    mut from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    late: Duration,
    mut seen: Frames<impl FnMut(u32) + Send + 'static>,
    mut come: Frames<impl FnMut(u32) + Send + 'static>,
    end: impl FnOnce() + Send + 'static,
) {
    let (sender, under_way) = channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let bytes = buffer[..length].to_vec();
            seen.take(&bytes);
            if sender.send((Instant::now() + late, bytes)).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in under_way {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            // Counted first: by the next call the answer was there.
            come.take(&bytes);
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        end();
    });
}

/// A reader whose bytes are told.
struct Counted<R, F>(R, F);

impl<R: Read, F: FnMut(usize)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buffer)?;
        (self.1)(length);
        Ok(length)
    }
}

const CALL: u32 = 0;
const REPLY: u32 = 1;
/// The signs of life, which are no calls.
const KEEPALIVE: u32 = 0x6b65_6570;

/// Finds libvirt's messages in a stream: length, program, version, procedure, type, number, status; each of four bytes.
struct Frames<F> {
    kind: u32,
    rest: Vec<u8>,
    found: F,
}

impl<F: FnMut(u32)> Frames<F> {
    /// Tells `found` the numbers of the messages of this type.
    fn of(kind: u32, found: F) -> Self {
        Self { kind, rest: Vec::new(), found }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(head) = self.rest.get(at..at + 28) {
            let word = |number: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| head[number * 4 + byte]));
            let Some(end) = Some(at + word(0) as usize).filter(|end| *end <= self.rest.len()) else { break };
            if word(1) != KEEPALIVE && word(4) == self.kind {
                (self.found)(word(5));
            }
            at = end.max(at + 28);
        }
        self.rest.drain(..at);
    }
}
