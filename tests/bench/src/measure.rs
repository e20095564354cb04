//! The measurements themselves. Times are taken at the pty's master side.

use crate::process::{self, Cost};
use crate::program::Program;
use crate::pty::{Answers, Output, Session};
use anyhow::{Context, Result, bail};
use std::time::{Duration, Instant};

/// How long without output counts as settled.
const QUIET: Duration = Duration::from_millis(60);
/// How long a start may take.
const START: Duration = Duration::from_secs(20);

/// What one start cost.
pub struct Start {
    /// exec to the first frame, in milliseconds.
    pub first_frame_ms: f64,
    /// exec to the first frame that shows what the program is for, in milliseconds.
    pub ready_ms: f64,
    /// Bytes until the output fell quiet.
    pub bytes: usize,
    /// Resident memory right after the first frame, in KiB.
    pub rss_first_kib: u64,
    /// Keys to process gone, in milliseconds; `None` if it had to be killed.
    pub leave_ms: Option<f64>,
}

/// Starts the program once and ends it.
pub fn start(program: &Program) -> Result<Start> {
    let mut session = program.start(Answers::AtOnce)?;
    let mut first = session.paint(START)?.with_context(|| format!("{} painted nothing", program.name))?;
    let painted = first.painted.unwrap_or(session.started);
    let rss_first_kib = process::rss_kib(session.pid().context("no pid")?)?;
    let ready = session.shows(program.ready, START, &mut first)?;
    let ready_ms =
        ms(ready.with_context(|| format!("{} never showed '{}'", program.name, program.ready))? - session.started);
    let rest = session.collect(Duration::from_millis(300), Duration::from_secs(3))?;
    let first_frame_ms = ms(painted - session.started);
    let leave_ms = session.leave(program.leave)?.map(ms);
    Ok(Start { first_frame_ms, ready_ms, bytes: first.bytes + rest.bytes, rss_first_kib, leave_ms })
}

/// exec to the first frame, in milliseconds, in a terminal that answers like this.
pub fn first_frame(program: &Program, answers: Answers) -> Result<f64> {
    let mut session = program.start(answers)?;
    let first = session.paint(START)?.with_context(|| format!("{} painted nothing", program.name))?;
    Ok(ms(first.painted.unwrap_or(session.started) - session.started))
}

/// What keys cost.
#[derive(Default)]
pub struct Keys {
    /// Write to first changed cell, one per key, in milliseconds.
    pub paint_ms: Vec<f64>,
    /// Bytes per key.
    pub bytes: Vec<f64>,
}

/// A program that is started, ready, and led to where `path` leads.
fn ready(program: &Program, path: &[&[u8]]) -> Result<Session> {
    let mut session = program.start(Answers::AtOnce)?;
    if session.shows(program.ready, START, &mut Output::default())?.is_none() {
        bail!("{} never showed '{}':\n{}", program.name, program.ready, session.text());
    }
    // Facts of the host may still come in: measure when it is quiet.
    session.collect(Duration::from_millis(700), Duration::from_secs(4))?;
    for keys in path {
        session.send(keys)?;
        session.collect(QUIET, Duration::from_secs(1))?;
    }
    Ok(session)
}

/// Sends each of `keys` by itself and waits for its answer.
pub fn keys(program: &Program, path: &[&[u8]], keys: &[&[u8]]) -> Result<Keys> {
    let mut session = ready(program, path)?;
    let mut cost = Keys::default();
    for key in keys {
        let sent = session.send(key)?;
        let output = session.collect(QUIET, Duration::from_millis(700))?;
        if let Some(painted) = output.painted {
            cost.paint_ms.push(ms(painted - sent));
            #[allow(clippy::cast_precision_loss)] // Bytes of one key are far below 2^52.
            cost.bytes.push(output.bytes as f64);
        }
    }
    if cost.paint_ms.is_empty() {
        bail!("{}: no key changed the screen:\n{}", program.name, session.text());
    }
    Ok(cost)
}

/// Bytes and reads that 50 keys in one write cause.
pub fn burst(program: &Program) -> Result<(usize, usize)> {
    let mut session = ready(program, program.to_list)?;
    session.send(&program.down.repeat(50))?;
    let output = session.collect(Duration::from_millis(200), Duration::from_secs(3))?;
    Ok((output.bytes, output.chunks))
}

/// What standing still costs.
pub struct Idle {
    /// Bytes written.
    pub bytes: usize,
    /// CPU time and wakeups.
    pub cost: Cost,
    /// Resident memory at the end, in KiB: everything is connected by then.
    pub rss_kib: u64,
}

/// Leaves the program alone for `time`.
pub fn idle(program: &Program, time: Duration) -> Result<Idle> {
    let mut session = ready(program, program.to_list)?;
    let pid = session.pid().context("no pid")?;
    let before = process::cost(pid)?;
    let output = session.collect(time, time)?;
    // The collection ends early where output came and then stopped: stand still for all of the time.
    let mut bytes = output.bytes;
    let end = Instant::now() + time.saturating_sub(output.last.map_or(time, |_| Duration::ZERO));
    while Instant::now() < end {
        bytes += session.collect(end - Instant::now(), end - Instant::now())?.bytes;
    }
    let after = process::cost(pid)?;
    let cost = Cost { cpu_ns: after.cpu_ns - before.cpu_ns, switches: after.switches - before.switches };
    Ok(Idle { bytes, cost, rss_kib: process::rss_kib(pid)? })
}

/// A time in milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The value below which `percent` of `values` lie.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len().saturating_sub(1) * percent).div_ceil(100);
    sorted.get(index).copied().unwrap_or(f64::NAN)
}
