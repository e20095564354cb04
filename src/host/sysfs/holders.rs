//! Programs that hold a GPU or a VFIO group open, from the open files of every process.

use super::attribute::known;
use crate::facts::Fact;
use crate::facts::display::{Holder, Holders};
use crate::host::Sysroot;
use crate::host::sysroot::is_refusal;
use crate::units::PciAddress;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

const PROCESSES: &str = "/proc";

/// Holders of devices; `functions` names the PCI function of each device file that has one.
pub(super) fn read(sysroot: &Sysroot, functions: &BTreeMap<String, PciAddress>) -> Fact<Holders> {
    let mut holders = Holders::default();
    let mut looked = false;
    for pid in sysroot.names(PROCESSES).iter().filter_map(|name| name.parse::<u32>().ok()) {
        match devices(sysroot, pid) {
            Ok(devices) => {
                looked = true;
                let program = || {
                    let name = sysroot.read(&format!("{PROCESSES}/{pid}/comm")).unwrap_or_default();
                    name.trim().to_owned()
                };
                holders.seen.extend(devices.into_iter().map(|device| Holder {
                    pid,
                    program: program(),
                    function: functions.get(&device).copied(),
                    device,
                }));
            }
            Err(error) if is_refusal(&error) => holders.hidden += 1,
            // It ended meanwhile.
            Err(_) => {}
        }
    }
    match (looked, holders.hidden) {
        (false, 0) => Fact::unknown("There is no list of processes."),
        (false, _) => Fact::Denied { why: "Only root can read which files other users' processes have open.".into() },
        _ => known(holders, PROCESSES),
    }
}

/// The devices of interest that a process holds open.
fn devices(sysroot: &Sysroot, pid: u32) -> io::Result<BTreeSet<String>> {
    let folder = sysroot.path(&format!("{PROCESSES}/{pid}/fd"));
    let entries = std::fs::read_dir(folder)?;
    let targets = entries.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let names = targets.filter_map(|target| target.into_os_string().into_string().ok());
    Ok(names.filter(|name| is_of_interest(name)).collect())
}

fn is_of_interest(path: &str) -> bool {
    let Some(name) = path.strip_prefix("/dev/") else { return false };
    let group = |name: &str| name.strip_prefix("vfio/").is_some_and(|name| name != "vfio");
    name.starts_with("dri/") || name.starts_with("nvidia") || name.starts_with("fb") || name == "kfd" || group(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_devices_that_stand_in_the_way_are_of_interest() {
        for path in
            ["/dev/dri/card0", "/dev/dri/renderD128", "/dev/nvidia-modeset", "/dev/fb0", "/dev/vfio/16", "/dev/kfd"]
        {
            assert!(is_of_interest(path), "{path}");
        }
        for path in ["/dev/vfio/vfio", "/dev/null", "/home/dri/card0", "socket:[12]", "/dev/pts/0"] {
            assert!(!is_of_interest(path), "{path}");
        }
    }
}
