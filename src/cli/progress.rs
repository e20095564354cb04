//! A running build as text: a log line per begin and end of a step, or on a terminal one line per step, rewritten.

use super::out::Out;
use super::tone::Tone;
use crate::checks::Diagnosis;
use crate::domain::Difference;
use crate::plan::{BuildEvent, Plan, Verdict};
use crate::units::Bytes;
use std::io;
use std::time::{Duration, Instant};

/// Prints the events of one build.
pub struct Progress<'a> {
    plan: &'a Plan,
    began_ms: u64,
    shown: Option<(Instant, u64)>,
    /// When a log last heard of a copy, and of how many percent.
    logged: Option<(Instant, u64)>,
    undoing: bool,
}

impl<'a> Progress<'a> {
    /// For the build of `plan`.
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, began_ms: 0, shown: None, logged: None, undoing: false }
    }

    /// Prints one event.
    pub fn event(&mut self, event: &BuildEvent, out: &mut Out) -> io::Result<()> {
        match event {
            BuildEvent::StepBegan { step, at_ms, .. } => {
                (self.began_ms, self.shown, self.logged) = (*at_ms, None, None);
                if out.is_terminal() { self.busy(*step, "", out) } else { out.line(&self.title(*step)) }
            }
            BuildEvent::Progress { step, done, total } => self.moved(*step, *done, *total, out),
            BuildEvent::StepDone { step, at_ms, note } => {
                let took = took(at_ms.saturating_sub(self.began_ms));
                self.end(*step, (Tone::Good, out.marks().good), "done in", &took, note, out)
            }
            BuildEvent::StepFailed { step, at_ms, message, original, diagnosis, .. } => {
                let took = took(at_ms.saturating_sub(self.began_ms));
                self.end(*step, (Tone::Bad, out.marks().bad), "failed after", &took, message, out)?;
                let original = Some(original.as_str()).filter(|original| !message.contains(original));
                reason(original, diagnosis.as_ref(), out)
            }
            BuildEvent::Stored { changes, .. } => lost(changes, out),
            BuildEvent::Verified { what, verdict, note, original, diagnosis, .. } => {
                verified(what, *verdict, note, out)?;
                let original = Some(original.as_str()).filter(|original| !original.is_empty());
                reason(original, diagnosis.as_ref(), out)
            }
            BuildEvent::Undone { what, .. } => {
                self.undo_heading(out)?;
                out.spans(&[(Tone::Good, &format!("  {} ", out.marks().good)), (Tone::Plain, what)])
            }
            BuildEvent::NotUndone { what, why, by_hand, .. } => {
                self.undo_heading(out)?;
                let mark = format!("  {} not undone: ", out.marks().bad);
                out.spans(&[(Tone::Bad, &mark), (Tone::Plain, &format!("{what}: {why}"))])?;
                out.line(&format!("      by hand: {by_hand}"))
            }
            BuildEvent::Began { .. }
            | BuildEvent::Made(_)
            | BuildEvent::Blocked { .. }
            | BuildEvent::Described { .. }
            | BuildEvent::Ended { .. } => Ok(()),
        }?;
        out.flush()
    }

    /// `[2/6] Create volume: gpu-ws-01-vda.qcow2, 200 GiB`.
    fn title(&self, step: usize) -> String {
        let number = format!("[{}/{}]", step + 1, self.plan.steps.len());
        match self.plan.steps.get(step) {
            Some(it) if it.detail.is_empty() => format!("{number} {}", it.title),
            Some(it) => format!("{number} {}: {}", it.title, it.detail),
            None => number,
        }
    }

    fn busy(&self, step: usize, rest: &str, out: &mut Out) -> io::Result<()> {
        out.status(&format!("{} {}{rest}", out.marks().busy, self.title(step)))
    }

    /// A terminal is told each time, a log where it is worth a line.
    fn moved(&mut self, step: usize, done: u64, total: u64, out: &mut Out) -> io::Result<()> {
        let now = Instant::now();
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100).min(100);
        if !out.is_terminal() {
            let (since, last) = *self.logged.get_or_insert((now, 0));
            if !worth_a_line(now.duration_since(since), last, percent) {
                return Ok(());
            }
            self.logged = Some((now, percent));
            let number = format!("[{}/{}]", step + 1, self.plan.steps.len());
            return out.line(&format!("{number} {percent} %  {} of {}", Bytes(done), Bytes(total)));
        }
        let (since, from) = *self.shown.get_or_insert((now, done));
        let seconds = now.duration_since(since).as_secs_f64();
        let rate = if seconds > 0.2 { per_second(done.saturating_sub(from), seconds) } else { String::new() };
        self.busy(step, &format!("  {percent} %  {} of {}{rate}", Bytes(done), Bytes(total)), out)
    }

    fn end(
        &self,
        step: usize,
        mark: (Tone, &str),
        word: &str,
        took: &str,
        note: &str,
        out: &mut Out,
    ) -> io::Result<()> {
        let note = if note.is_empty() { String::new() } else { format!(": {note}") };
        let text = format!("{word} {took}{note}");
        if out.is_terminal() {
            out.status("")?;
            out.spans(&[(mark.0, mark.1), (Tone::Plain, &format!(" {}  {text}", self.title(step)))])
        } else {
            out.line(&format!("[{}/{}] {text}", step + 1, self.plan.steps.len()))
        }
    }

    fn undo_heading(&mut self, out: &mut Out) -> io::Result<()> {
        if std::mem::replace(&mut self.undoing, true) { Ok(()) } else { out.line("Undoing what this build made:") }
    }
}

/// What libvirt did not keep as it was sent. What it added needs no words here: `--json` has all of it.
fn lost(changes: &[Difference], out: &mut Out) -> io::Result<()> {
    if out.is_terminal() {
        out.status("")?;
    }
    for change in changes.iter().filter(|change| change.is_lost()) {
        let mark = format!("      {} warning: ", out.marks().warn);
        out.spans(&[(Tone::Warn, &mark), (Tone::Plain, &format!("libvirt {change}"))])?;
    }
    Ok(())
}

/// A line of the check list: what holds needs no words but its own.
fn verified(what: &str, verdict: Verdict, note: &str, out: &mut Out) -> io::Result<()> {
    if out.is_terminal() {
        out.status("")?;
    }
    let (mark, tone) = match verdict {
        Verdict::Passed => (out.marks().good, Tone::Good),
        Verdict::Failed => (out.marks().bad, Tone::Bad),
        Verdict::Warned => (out.marks().warn, Tone::Warn),
        Verdict::NotChecked => (out.marks().unknown, Tone::Plain),
    };
    let word = if verdict == Verdict::Passed { String::new() } else { format!("{}: ", verdict.word()) };
    let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
    out.spans(&[(tone, &format!("      {mark} {word}")), (Tone::Plain, &format!("{what}{note}"))])
}

/// The words of others, and what stands behind them.
fn reason(original: Option<&str>, diagnosis: Option<&Diagnosis>, out: &mut Out) -> io::Result<()> {
    for line in original.into_iter().flat_map(str::lines) {
        out.line(&format!("      {line}"))?;
    }
    let Some(Diagnosis { code, cause, remedy, .. }) = diagnosis else { return Ok(()) };
    out.line(&format!("      {code}: {cause}"))?;
    out.line(&format!("      {remedy}"))
}

/// A tenth further, or some way further after ten seconds; the end has a line of its own.
fn worth_a_line(since: Duration, last: u64, percent: u64) -> bool {
    let further = percent.saturating_sub(last);
    percent < 100 && (further >= 10 || (further > 0 && since >= Duration::from_secs(10)))
}

fn took(ms: u64) -> String {
    match ms {
        0..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
// A rate for the eye: three digits of it are read.
fn per_second(bytes: u64, seconds: f64) -> String {
    format!("  {}/s", Bytes((bytes as f64 / seconds) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_hears_of_each_tenth_and_of_slow_copies() {
        let after = Duration::from_secs;
        assert!(worth_a_line(after(0), 0, 10) && !worth_a_line(after(0), 10, 19));
        assert!(worth_a_line(after(10), 10, 11) && !worth_a_line(after(60), 10, 10));
        assert!(!worth_a_line(after(60), 90, 100));
    }

    #[test]
    fn times_are_short_and_exact_enough() {
        assert_eq!(took(40), "0.0 s");
        assert_eq!(took(1_950), "1.9 s");
        assert_eq!(took(102_000), "1 min 42 s");
    }
}
