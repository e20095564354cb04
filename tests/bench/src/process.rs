//! What a process costs, read from procfs.

use anyhow::{Context, Result};
use std::fs;

/// Counters of one process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// CPU time of all threads, in nanoseconds.
    pub cpu_ns: u64,
    /// Context switches of all threads: each sleep that ends is one.
    pub switches: u64,
}

/// CPU time and context switches of `pid` until now.
pub fn cost(pid: u32) -> Result<Cost> {
    let mut cost = Cost::default();
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("the program has ended")? {
        let task = task?.path();
        let schedstat = fs::read_to_string(task.join("schedstat"))?;
        cost.cpu_ns += schedstat.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        let status = fs::read_to_string(task.join("status"))?;
        let switches = status.lines().filter(|line| line.contains("ctxt_switches"));
        cost.switches += switches.filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok()).sum::<u64>();
    }
    Ok(cost)
}

/// Resident memory of `pid` in KiB.
pub fn rss_kib(pid: u32) -> Result<u64> {
    memory_kib(pid, "VmRSS:")
}

/// The most resident memory that `pid` had so far, in KiB.
pub fn peak_kib(pid: u32) -> Result<u64> {
    memory_kib(pid, "VmHWM:")
}

fn memory_kib(pid: u32, what: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(what)).with_context(|| format!("no {what}"))?;
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).with_context(|| format!("{what} is no number"))
}
