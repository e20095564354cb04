//! The IOMMU scan of large hosts beside `lspci -nnk`, both on the same generated sysfs tree.

use crate::commands::{Job, compare};
use crate::program::find;
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Class and driver of the functions, taken in turn.
const KINDS: [(u32, &str); 8] = [
    (0x01_0802, "nvme"),
    (0x03_0000, "vfio-pci"),
    (0x03_0000, "nvidia"),
    (0x0c_0330, "xhci_hcd"),
    (0x06_0400, "pcieport"),
    (0x01_0601, "ahci"),
    (0x04_0300, "snd_hda_intel"),
    (0x02_0000, "igb"),
];

/// A folder in memory, as sysfs is: a disk would be measured otherwise. It leaves with its value.
pub struct InMemory(pub PathBuf);

impl InMemory {
    /// Below `home` where there is no /dev/shm.
    pub fn new(home: &Path, name: &str) -> Result<Self> {
        let memory = Path::new("/dev/shm").join(format!("vmbuild-bench-{name}-{}", std::process::id()));
        let folder = if fs::create_dir(&memory).is_ok() { memory } else { home.join(name) };
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self(folder))
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        // Best effort.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Prints times and system calls for hosts of 512 and 4,096 functions, then what is computed for the smaller one.
pub fn run(vmbuild: &Path, home: &Path, runs: usize) -> Result<()> {
    println!("\nIOMMU scan, whole process, medians of {runs} interleaved runs on one generated tree");
    let folder = InMemory::new(home, "scan")?;
    both(vmbuild, &folder.0, runs)?;
    inside(&folder.0.join("512"))
}

/// What is computed, measured by a program of its own that has vmbuild in it.
fn inside(tree: &Path) -> Result<()> {
    println!("\nComputed inside one process, medians");
    let program = std::env::current_exe()?.with_file_name("inside");
    // run.sh starts this at the root of the package.
    let status = Command::new(&program).arg(tree).arg("tests/golden").status();
    if status.with_context(|| program.display().to_string())?.success() { Ok(()) } else { bail!("it failed") }
}

fn both(vmbuild: &Path, folder: &Path, runs: usize) -> Result<()> {
    let mut calls = vec![];
    for count in [512_u32, 4096] {
        let root = tree(folder, count)?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let pci = vec![text(vmbuild), "--sysroot".into(), text(&root), "pci".into()];
        let mut jobs = vec![Job { name: format!("vmbuild pci, {count} functions"), argv: pci.clone() }];
        if find("lspci").is_some() {
            let path = format!("sysfs.path={}", root.join("sys/bus/pci").display());
            let argv = ["lspci", "-O", &path, "-nnk"].map(str::to_owned).to_vec();
            jobs.push(Job { name: format!("lspci -nnk, {count} functions"), argv });
        }
        let times = compare(&jobs, runs)?;
        for (job, time) in jobs.iter().zip(&times) {
            println!("{:44} {:10.2} ms", job.name, time.unwrap_or(f64::NAN));
        }
        if let [Some(ours), Some(lspci)] = times[..] {
            println!("{:44} {:10.1} times faster", "", lspci / ours);
        }
        calls.push((count, system_calls(&pci)?));
    }
    match calls[..] {
        [(few, Some((a, _))), (many, Some((b, configs)))] => println!(
            "system calls per function: {:.2}; reads of config: {configs}",
            f64::from(b - a) / f64::from(many - few)
        ),
        _ => println!("system calls per function: not counted, strace is not installed"),
    }
    Ok(())
}

/// System calls of a command, and how many of them name a `config` file; `None` without strace.
fn system_calls(argv: &[String]) -> Result<Option<(u32, usize)>> {
    if find("strace").is_none() {
        return Ok(None);
    }
    let traced = Command::new("strace").args(["-f", "-qq"]).args(argv).stdout(Stdio::null()).output()?;
    let trace = String::from_utf8_lossy(&traced.stderr);
    if !traced.status.success() {
        bail!("strace failed: {}", trace.lines().last().unwrap_or_default());
    }
    let calls = trace.lines().filter(|line| line.contains('(')).count();
    Ok(Some((u32::try_from(calls)?, trace.lines().filter(|line| line.contains("/config\"")).count())))
}

/// A tree of `count` functions, two to a group, with what both programs read.
pub fn tree(folder: &Path, count: u32) -> Result<PathBuf> {
    let root = folder.join(count.to_string());
    let bus = root.join("sys/bus/pci/devices");
    fs::create_dir_all(&bus)?;
    for (_, driver) in KINDS {
        fs::create_dir_all(root.join("sys/bus/pci/drivers").join(driver))?;
    }
    for (number, (class, driver)) in (0..count).zip(KINDS.into_iter().cycle()) {
        let address = format!("0000:{:02x}:{:02x}.{}", number >> 8, (number >> 3) & 31, number & 7);
        let device = root.join("sys/devices/pci0000:00").join(&address);
        fs::create_dir_all(&device)?;
        let id = 0x2200 + number % 512;
        let uevent = format!(
            "DRIVER={driver}\nPCI_CLASS={class:X}\nPCI_ID=10DE:{id:04X}\nPCI_SUBSYS_ID=1043:87B4\nPCI_SLOT_NAME={address}\n"
        );
        let attributes = [
            ("uevent", uevent),
            ("vendor", "0x10de\n".into()),
            ("device", format!("{id:#06x}\n")),
            ("class", format!("{class:#08x}\n")),
            ("subsystem_vendor", "0x1043\n".into()),
            ("subsystem_device", "0x87b4\n".into()),
            ("irq", "24\n".into()),
            ("resource", "0x00000000f6000000 0x00000000f6ffffff 0x0000000000040200\n".repeat(13)),
            ("config", "\0".repeat(256)),
        ];
        for (name, content) in attributes {
            fs::write(device.join(name), content)?;
        }
        if class == 0x03_0000 {
            // The firmware shows itself on one of them.
            fs::write(device.join("boot_vga"), if number == 1 { "1\n" } else { "0\n" })?;
        }
        let group = format!("kernel/iommu_groups/{}", number / 2);
        fs::create_dir_all(root.join("sys").join(&group))?;
        symlink(format!("../../../{group}"), device.join("iommu_group"))?;
        symlink(format!("../../../bus/pci/drivers/{driver}"), device.join("driver"))?;
        symlink(format!("../../../devices/pci0000:00/{address}"), bus.join(&address))?;
    }
    Ok(root)
}
