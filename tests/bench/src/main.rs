//! `make bench`: vmbuild beside the bare ratatui floor and whatever peers are installed, in one run.
//! Read the ratios; the absolute times are those of this machine and this hour.
//!
//! vmbuild-bench VMBUILD FLOOR HOME [--quick] [--only PART]

mod commands;
mod crowd;
mod daemon;
mod live;
mod measure;
mod process;
mod program;
mod pty;
mod scan;
mod stalled;
mod volumes;
#[path = "../../support/wire.rs"]
mod wire;

use anyhow::{Context, Result};
use measure::percentile;
use program::Program;
use pty::Answers;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The machine of the headless jobs in `pool`. The host of libvirt's test driver has 3 GiB.
fn spec(pool: &str, uefi: bool) -> String {
    format!(
        r#"{{"name": "bench-ws", "memory": 2048, "vcpus": 2, "uefi": {uefi}, "networks": [],
        "graphics": [{{"type": "vnc"}}],
        "storage": {{"default_pool": "{pool}", "disks": [{{"action": "create", "size": 20}}]}}}}"#
    )
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let mut path = |what: &str| {
        args.next()
            .with_context(|| format!("argument missing: {what}"))
            .and_then(|path| Ok(PathBuf::from(path).canonicalize()?))
    };
    let (vmbuild, floor, home) = (path("VMBUILD")?, path("FLOOR")?, path("HOME")?);
    let flag = |name: &str| std::env::args().any(|arg| arg == name);
    let quick = flag("--quick");
    let few = |quick_runs: usize, runs: usize| if quick { quick_runs } else { runs };
    let only = std::env::args().skip_while(|arg| arg != "--only").nth(1);
    let (programs, mut missing) = program::programs(&vmbuild, &floor, &home)?;
    missing.extend(TOOLS.into_iter().filter(|tool| program::find(tool).is_none()));
    let (columns, rows) = pty::SIZE;
    println!("Terminal {columns}x{rows}, TERM=xterm-256color. Not installed, so not compared or not used: {missing:?}");
    let seconds = Duration::from_secs(if quick { 5 } else { 60 });
    let parts: [(&str, &dyn Fn() -> Result<()>); 10] = [
        ("starts", &|| starts(&programs, few(3, 9))),
        ("answers", &|| slow_answers(&programs, few(3, 5))),
        ("library", &|| large_library(&home)),
        ("keys", &|| keys(&programs, &vmbuild, &home)),
        ("idle", &|| idle(&programs, &vmbuild, &home, seconds)),
        ("headless", &|| headless(&vmbuild, &home, few(3, 15))),
        ("scan", &|| scan::run(&vmbuild, &home, few(3, 11))),
        ("live", &|| live::run(&vmbuild, &home, few(2, 7))),
        ("stalled", &|| stalled::run(&vmbuild, quick)),
        ("crowd", &|| crowd::run(&vmbuild, &home, quick)),
    ];
    let mut failed = vec![];
    for (name, part) in parts.into_iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == name)) {
        // A peer that does not do what is expected of it spoils no other part.
        if let Err(error) = part() {
            println!("failed: {error:#}");
            failed.push(name);
        }
    }
    println!("\nBinary of vmbuild: {} bytes", commands::size(&vmbuild)?);
    if let Some(peer) = program::find("vm-curator") {
        println!("Binary of vm-curator: {} bytes", commands::size(&peer)?);
    }
    if failed.is_empty() { Ok(()) } else { anyhow::bail!("parts that failed: {failed:?}") }
}

/// What is measured beside vmbuild, or measured with, without a screen.
const TOOLS: [&str; 7] = ["virt-install", "virsh", "lspci", "strace", "libvirtd", "setpriv", "unshare"];

fn starts(programs: &[Program], runs: usize) -> Result<()> {
    println!("\nStart and end, medians of {runs} interleaved runs (first frame: fork to first painted cell)");
    println!(
        "{:12} {:>14} {:>10} {:>12} {:>16} {:>10}",
        "program", "first frame ms", "ready ms", "start bytes", "RSS at frame KiB", "leave ms"
    );
    let mut all: Vec<Vec<measure::Start>> = programs.iter().map(|_| vec![]).collect();
    for run in 0..=runs {
        for (program, starts) in programs.iter().zip(&mut all) {
            let start = measure::start(program)?;
            // The first run warms the caches.
            if run > 0 {
                starts.push(start);
            }
        }
    }
    for (program, starts) in programs.iter().zip(&all) {
        let median = |value: fn(&measure::Start) -> f64| percentile(&starts.iter().map(value).collect::<Vec<_>>(), 50);
        println!(
            "{:12} {:14.2} {:10.2} {:12.0} {:16.0} {:10.2}",
            program.name,
            median(|start| start.first_frame_ms),
            median(|start| start.ready_ms),
            median(|start| start.bytes as f64),
            median(|start| start.rss_first_kib as f64),
            median(|start| start.leave_ms.unwrap_or(f64::NAN)),
        );
    }
    Ok(())
}

/// Whether the first frame waits for what the terminal is asked.
fn slow_answers(programs: &[Program], runs: usize) -> Result<()> {
    println!("\nFirst frame ms by how the terminal answers queries, medians of {runs}");
    println!("{:12} {:>10} {:>14} {:>10}", "program", "at once", "after 200 ms", "never");
    let ways = [Answers::AtOnce, Answers::After(Duration::from_millis(200)), Answers::Never];
    for program in programs {
        let mut times = [vec![], vec![], vec![]];
        for _ in 0..runs {
            for (way, times) in ways.iter().zip(&mut times) {
                times.push(measure::first_frame(program, *way)?);
            }
        }
        let [now, late, never] = times.map(|times| percentile(&times, 50));
        println!("{:12} {now:10.2} {late:14.2} {never:10.2}", program.name);
    }
    Ok(())
}

/// The peer whose start grows with the host, at 1,000 machines.
fn large_library(home: &Path) -> Result<()> {
    let Some(path) = program::find("vm-curator") else { return Ok(()) };
    let library = program::library(home, 1000)?;
    let argv = vec![path.to_string_lossy().into_owned(), "--library".into(), library.to_string_lossy().into_owned()];
    let none: &[&[u8]] = &[];
    let program = Program {
        name: "vm-curator",
        argv,
        env: vec![],
        ready: "VMs",
        to_list: none,
        down: b"j",
        to_field: none,
        leave: b"q",
        state: home.join("state"),
    };
    println!("vm-curator with 1,000 machines: ready after {:.0} ms", measure::start(&program)?.ready_ms);
    Ok(())
}

fn keys(programs: &[Program], vmbuild: &Path, home: &Path) -> Result<()> {
    let tree = scan::InMemory::new(home, "keys")?;
    let large = program::large(vmbuild, home, &scan::tree(&tree.0, 512)?);
    println!(
        "\nKeys: write to first changed cell; bytes per key; 50 moves in one write; vmbuild-512: a host of 512 functions"
    );
    println!(
        "{:12} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>12} {:>8}",
        "program", "move p50", "p99", "bytes", "type p50", "p99", "bytes", "burst bytes", "reads"
    );
    for program in programs.iter().chain([&large]) {
        let moves = measure::keys(program, program.to_list, &[program.down; 40]);
        let letters: Vec<&[u8]> = b"gpu-ws-01-abcdefghijkl".chunks(1).collect();
        let typed =
            (!program.to_field.is_empty()).then(|| measure::keys(program, program.to_field, &letters)).transpose()?;
        let burst = measure::burst(program)?;
        print!("{:12}", program.name);
        for keys in [moves.ok(), typed] {
            match keys {
                Some(keys) => print!(
                    " {:8.2} {:8.2} {:8.0}",
                    percentile(&keys.paint_ms, 50),
                    percentile(&keys.paint_ms, 99),
                    percentile(&keys.bytes, 50)
                ),
                None => print!(" {:>8} {:>8} {:>8}", "-", "-", "-"),
            }
        }
        println!(" {:12} {:8}", burst.0, burst.1);
    }
    Ok(())
}

fn idle(programs: &[Program], vmbuild: &Path, home: &Path, time: Duration) -> Result<()> {
    let tree = scan::InMemory::new(home, "idle")?;
    let (large, at_start) =
        (program::large(vmbuild, home, &scan::tree(&tree.0, 512)?), program::at_start(vmbuild, home));
    let programs: Vec<&Program> = programs.iter().chain([&large, &at_start]).collect();
    println!("\nStanding still for {} s on the list, host connected; vmbuild-1: on step 1", time.as_secs());
    println!("{:12} {:>8} {:>12} {:>12} {:>10}", "program", "bytes", "switches/s", "CPU ms/s", "RSS KiB");
    // Beside each other: what is measured is no time.
    let costs: Vec<Result<measure::Idle>> = std::thread::scope(|scope| {
        let threads: Vec<_> = programs.iter().map(|program| scope.spawn(|| measure::idle(program, time))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a thread panicked"))).collect()
    });
    for (program, idle) in programs.iter().zip(costs) {
        let idle = idle?;
        println!(
            "{:12} {:8} {:12.3} {:12.4} {:10}",
            program.name,
            idle.bytes,
            idle.cost.switches as f64 / time.as_secs_f64(),
            idle.cost.cpu_ns as f64 / 1e6 / time.as_secs_f64(),
            idle.rss_kib
        );
    }
    Ok(())
}

fn headless(vmbuild: &Path, home: &Path, runs: usize) -> Result<()> {
    // run.sh makes a pool where a daemon answers, because a fresh one has none.
    let pool = std::env::var("VMBUILD_BENCH_POOL").unwrap_or_else(|_| "default".to_owned());
    let (bios, uefi) = (home.join("bios.json"), home.join("uefi.json"));
    std::fs::write(&bios, spec("default-pool", false))?;
    std::fs::write(&uefi, spec(&pool, true))?;
    let jobs: Vec<_> = commands::xml_jobs(vmbuild, &bios, &uefi, &pool)
        .into_iter()
        .filter(|job| program::find(&job.argv[0]).is_some() || job.argv[0].contains('/'))
        .collect();
    println!("\nHeadless, whole process, medians of {runs} interleaved runs");
    for (job, time) in jobs.iter().zip(commands::compare(&jobs, runs)?) {
        match time {
            Some(time) => println!("{:44} {time:10.2} ms", job.name),
            None => println!("{:44} {:>10}", job.name, "failed"),
        }
    }
    Ok(())
}
