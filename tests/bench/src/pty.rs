//! A program in a pty, seen from the terminal's side: every chunk it writes with the time it was read.

use anyhow::{Context, Result};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Columns and rows of every measurement.
pub const SIZE: (NonZero<u16>, NonZero<u16>) = (NonZero::new(120).unwrap(), NonZero::new(40).unwrap());

/// A piece of output as one read(2) returned it.
pub struct Chunk {
    /// When it was read.
    pub at: Instant,
    /// What it was.
    pub bytes: Vec<u8>,
}

/// How the terminal answers what programs ask it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// At once, as a local terminal.
    AtOnce,
    /// Later, as over a slow link.
    After(Duration),
    /// Never, as a serial console.
    Never,
}

/// A running program.
pub struct Session {
    child: Box<dyn Child + Send + Sync>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    answers: Answers,
    chunks: Receiver<Chunk>,
    screen: vt100::Parser,
    /// Just before fork.
    pub started: Instant,
    // Kept: the pty closes with it.
    _master: Box<dyn MasterPty + Send>,
}

/// What came in while waiting.
#[derive(Default)]
pub struct Output {
    /// Bytes in all.
    pub bytes: usize,
    /// Reads; a program that writes once per frame has one per frame.
    pub chunks: usize,
    /// When the first byte came.
    pub first: Option<Instant>,
    /// When a cell of the screen first changed.
    pub painted: Option<Instant>,
    /// When the last byte came.
    pub last: Option<Instant>,
}

impl Session {
    /// Starts `argv` with a clean environment for terminals.
    pub fn start(argv: &[String], env: &[(String, String)], answers: Answers) -> Result<Self> {
        let size = PtySize { cols: SIZE.0.get(), rows: SIZE.1.get(), pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(&argv[0]);
        command.args(&argv[1..]);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in env {
            command.env(name, value);
        }
        let mut reader = pair.master.try_clone_reader()?;
        let writer = Arc::new(Mutex::new(pair.master.take_writer()?));
        let (sender, chunks) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(n) = reader.read(&mut buffer) {
                let chunk = Chunk { at: Instant::now(), bytes: buffer[..n].to_vec() };
                if n == 0 || sender.send(chunk).is_err() {
                    break;
                }
            }
        });
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).with_context(|| format!("cannot start {}", argv[0]))?;
        drop(pair.slave);
        let screen = vt100::Parser::new(SIZE.1, SIZE.0, 0);
        Ok(Self { child, writer, answers, chunks, screen, started, _master: pair.master })
    }

    /// Process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.process_id()
    }

    /// The screen's text.
    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Sends `keys` in one write.
    pub fn send(&mut self, keys: &[u8]) -> Result<Instant> {
        let at = Instant::now();
        write(&self.writer, keys)?;
        Ok(at)
    }

    /// Collects output until it was quiet for `quiet` or `limit` has passed. Queries of the terminal are answered.
    pub fn collect(&mut self, quiet: Duration, limit: Duration) -> Result<Output> {
        let end = Instant::now() + limit;
        let mut output = Output::default();
        loop {
            let wait = if output.first.is_some() { quiet } else { limit };
            let wait = wait.min(end.saturating_duration_since(Instant::now()));
            match self.chunks.recv_timeout(wait) {
                Ok(chunk) => self.take(&chunk, &mut output)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(output),
            }
            if Instant::now() >= end {
                return Ok(output);
            }
        }
    }

    /// Collects until `text` is on the screen; when the read that brought it returned, `None` after `limit`.
    pub fn shows(&mut self, text: &str, limit: Duration, output: &mut Output) -> Result<Option<Instant>> {
        let end = Instant::now() + limit;
        loop {
            if !self.text().trim().is_empty() && self.text().contains(text) {
                return Ok(output.last);
            }
            match self.chunks.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(chunk) => self.take(&chunk, output)?,
                Err(_) => return Ok(None),
            }
        }
    }

    /// Collects until a cell of the screen changed; `None` if none did within `limit`.
    pub fn paint(&mut self, limit: Duration) -> Result<Option<Output>> {
        let end = Instant::now() + limit;
        let mut output = Output::default();
        while output.painted.is_none() {
            match self.chunks.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(chunk) => self.take(&chunk, &mut output)?,
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(output))
    }

    fn take(&mut self, chunk: &Chunk, output: &mut Output) -> Result<()> {
        let before = self.screen.screen().contents_formatted();
        self.screen.process(&chunk.bytes);
        if output.painted.is_none() && self.screen.screen().contents_formatted() != before {
            output.painted = Some(chunk.at);
        }
        output.first.get_or_insert(chunk.at);
        output.last = Some(chunk.at);
        output.bytes += chunk.bytes.len();
        output.chunks += 1;
        self.answer(&chunk.bytes)
    }

    /// Answers cursor position and device attribute queries as a terminal would: some peers wait 2 s for them.
    fn answer(&mut self, bytes: &[u8]) -> Result<()> {
        for (query, reply) in
            [(&b"\x1b[6n"[..], &b"\x1b[1;1R"[..]), (b"\x1b[c", b"\x1b[?62;22c"), (b"\x1b[0c", b"\x1b[?62;22c")]
        {
            if bytes.windows(query.len()).any(|window| window == query) {
                match self.answers {
                    Answers::AtOnce => write(&self.writer, reply)?,
                    Answers::Never => {}
                    Answers::After(delay) => {
                        let writer = self.writer.clone();
                        std::thread::spawn(move || {
                            std::thread::sleep(delay);
                            // The program may have ended by now.
                            let _ = write(&writer, reply);
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends `keys` and waits for the process to end; how long that took.
    pub fn leave(mut self, keys: &[u8]) -> Result<Option<Duration>> {
        let at = self.send(keys)?;
        while at.elapsed() < Duration::from_secs(3) {
            if self.child.try_wait()?.is_some() {
                return Ok(Some(at.elapsed()));
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(None)
    }
}

/// Writes to the program in one piece.
fn write(writer: &Mutex<Box<dyn Write + Send>>, bytes: &[u8]) -> Result<()> {
    let mut writer = writer.lock().map_err(|_| anyhow::anyhow!("a write to the pty has panicked"))?;
    writer.write_all(bytes)?;
    Ok(writer.flush()?)
}

impl Drop for Session {
    fn drop(&mut self) {
        // Best effort: it may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
