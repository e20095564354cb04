//! Headless commands: whole processes from fork to exit, the same work by each.

use crate::measure::{ms, percentile};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// One command line.
pub struct Job {
    /// Name in the table.
    pub name: String,
    /// The command.
    pub argv: Vec<String>,
}

/// Median of `runs` runs in milliseconds, jobs interleaved; `None` where a job fails.
pub fn compare(jobs: &[Job], runs: usize) -> Result<Vec<Option<f64>>> {
    let mut times = vec![Some(vec![]); jobs.len()];
    for _ in 0..=runs {
        for (job, times) in jobs.iter().zip(&mut times) {
            let started = Instant::now();
            let status = Command::new(&job.argv[0])
                .args(&job.argv[1..])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .with_context(|| format!("cannot start {}", job.argv[0]))?;
            let time = ms(started.elapsed());
            match times {
                Some(times) if status.success() => times.push(time),
                _ => *times = None,
            }
        }
    }
    // The first run of each warms the caches.
    Ok(times.into_iter().map(|times| times.map(|times| percentile(&times[1..], 50))).collect())
}

/// `vmbuild xml` beside `virt-install --print-xml --dry-run` for the same machine: one new disk of 20 GiB in a pool,
/// no network, VNC. libvirt's test driver knows no firmware, so there it is a BIOS machine for both.
pub fn xml_jobs(vmbuild: &Path, bios: &Path, uefi: &Path, pool: &str) -> Vec<Job> {
    let job = |name: &str, argv: &[&str]| Job { name: name.into(), argv: argv.iter().map(|&a| a.to_owned()).collect() };
    let [vmbuild, bios, uefi] = [vmbuild, bios, uefi].map(Path::to_string_lossy);
    let virt_install = |uri: &'static str, pool: &str, firmware: &[&str]| {
        let mut argv = vec!["virt-install", "--connect", uri, "--print-xml", "--dry-run", "--name", "bench-ws"];
        let disk = format!("pool={pool},size=20");
        argv.extend(["--memory", "2048", "--vcpus", "2", "--disk", &disk, "--import", "--osinfo", "linux2022"]);
        argv.extend(["--network", "none", "--graphics", "vnc,listen=127.0.0.1"]);
        argv.extend(firmware);
        job(&format!("virt-install --print-xml, {uri}"), &argv)
    };
    vec![
        job("vmbuild xml --offline", &[&vmbuild, "xml", "--offline", &bios]),
        job("vmbuild xml, test:///default", &[&vmbuild, "--connect", "test:///default", "xml", &bios]),
        virt_install("test:///default", "default-pool", &[]),
        job("vmbuild xml, qemu:///system", &[&vmbuild, "--connect", "qemu:///system", "xml", &uefi]),
        virt_install("qemu:///system", pool, &["--boot", "uefi"]),
        job("virsh version (one round trip)", &["virsh", "-c", "qemu:///system", "version"]),
    ]
}

/// Size of a file in bytes.
pub fn size(file: &Path) -> Result<u64> {
    let size = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
    if size == 0 { bail!("{} is empty", file.display()) } else { Ok(size) }
}
