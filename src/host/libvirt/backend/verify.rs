//! The look after the start of a VM with passed functions: what the expert does next. Item by item; what cannot be seen
//! is said to be so, and nothing is undone on account of it.

use super::watch::LogWatch;
use super::{LibvirtBackend, defined};
use crate::checks::failure::unforeseen::{VM_PAUSED, VM_STOPPED};
use crate::checks::{Diagnosis, Finding, PCI_DRIVER, diagnose};
use crate::host::backend::{Doubt, Halt, Work};
use crate::host::libvirt::Life;
use crate::host::messages::{KernelMessages, QemuLog};
use crate::host::sysfs;
use crate::machine::card::holds_for_guests;
use crate::plan::{BuildEvent, Verdict};
use crate::units::PciAddress;
use std::time::{Duration, Instant};

/// A VM that cannot run with its devices mostly ends, or stands still, within this time.
const TRIAL: Duration = Duration::from_secs(10);
/// How often it is looked at meanwhile.
const PACE: Duration = Duration::from_millis(250);

/// One line of the check list.
struct Item {
    what: String,
    verdict: Verdict,
    note: String,
    original: String,
    diagnosis: Option<Diagnosis>,
}

impl Item {
    fn new(what: impl Into<String>, verdict: Verdict, note: impl Into<String>) -> Self {
        Self { what: what.into(), verdict, note: note.into(), original: String::new(), diagnosis: None }
    }

    fn failed(what: impl Into<String>, note: impl Into<String>, diagnosis: Diagnosis) -> Self {
        Self { diagnosis: Some(diagnosis), ..Self::new(what, Verdict::Failed, note) }
    }
}

impl LibvirtBackend {
    /// Looks at everything; fails with [`Halt::Unverified`] where something is not as it must be.
    pub(super) fn verify(
        &mut self,
        passed: &[PciAddress],
        held: &[PciAddress],
        work: &mut Work<'_, '_>,
    ) -> Result<String, Halt> {
        let mut watch = self.watch.take();
        let mut list = List { work, failed: Vec::new(), counts: [0; 4] };
        for (address, role) in passed.iter().map(|address| (address, "")).chain(held.iter().map(|it| (it, "held, "))) {
            let what = format!("{address} is {role}on vfio-pci");
            list.put(self.bound(*address, what));
        }
        let life = self.lives(watch.as_ref(), list.work)?;
        list.put(life);
        let functions: Vec<_> = passed.iter().chain(held).copied().collect();
        let (qemu, kernel) = said(watch.as_mut(), list.work.findings, &functions);
        list.put(qemu);
        list.put(kernel);
        list.outcome()
    }

    /// Whether a function is where libvirt should have put it: by a fresh node device, and by sysfs where that is the host's.
    fn bound(&self, address: PciAddress, what: String) -> Item {
        if self.connection.is_test() {
            return Item::new(what, Verdict::NotChecked, "the test driver has no devices to bind");
        }
        let source = &self.source;
        let told = self.connection.pci_driver(address);
        let driver = match (told, source.shares_files()) {
            (_, true) => sysfs::pci::driver(&source.sysroot(), address),
            (Ok(driver), false) => driver,
            (Err(error), false) => return Item::new(what, Verdict::NotChecked, error.message.trim_end_matches('.')),
        };
        // Some cards have a variant of their own: mlx5_vfio_pci, nvgrace_gpu_vfio_pci.
        if driver.as_deref().is_some_and(holds_for_guests) {
            let note = driver.filter(|driver| driver != "vfio-pci").unwrap_or_default();
            return Item::new(what, Verdict::Passed, note);
        }
        let holder = driver.map_or("no driver holds it".to_owned(), |driver| format!("{driver} holds it"));
        let diagnosis = Diagnosis {
            code: PCI_DRIVER.code.into(),
            cause: "libvirt should have bound it to vfio-pci before the start.".into(),
            remedy: "Look for the reason with 'dmesg | grep vfio', and for hooks or udev rules that bind it back."
                .into(),
            stops: true,
        };
        Item::failed(what, holder, diagnosis)
    }

    /// Whether the VM still runs some time after its start.
    fn lives(&self, watch: Option<&LogWatch>, work: &Work<'_, '_>) -> Result<Item, Halt> {
        let what = format!("the VM runs {} s after its start", TRIAL.as_secs());
        if self.connection.is_test() {
            return Ok(Item::new(what, Verdict::NotChecked, "the test driver runs nothing"));
        }
        let domain = defined(work)?;
        let began = watch.map_or_else(Instant::now, |watch| watch.began);
        loop {
            if work.is_cancelled() {
                return Err(Halt::Cancelled);
            }
            let (note, check) = match self.connection.life(&domain)? {
                Life::Running if began.elapsed() >= TRIAL => return Ok(Item::new(what, Verdict::Passed, "")),
                Life::Running => {
                    std::thread::sleep(PACE);
                    continue;
                }
                Life::Paused(why) => (format!("it is paused: {why}"), &VM_PAUSED),
                Life::Stopped(why) => (format!("it has stopped: {why}"), &VM_STOPPED),
            };
            let name = &domain.name;
            let remedy = format!(
                "QEMU's messages are in /var/log/libvirt/qemu/{name}.log on the host; 'virsh start {name}' tries again."
            );
            let cause = "A VM that was started with host devices did not keep running.".to_owned();
            return Ok(Item::failed(what, note, Diagnosis { code: check.code.into(), cause, remedy, stops: true }));
        }
    }
}

/// What was looked at so far.
struct List<'a, 'b, 'c> {
    work: &'a mut Work<'b, 'c>,
    failed: Vec<Item>,
    /// By verdict, in the order of [`Verdict`].
    counts: [usize; 4],
}

impl List<'_, '_, '_> {
    fn put(&mut self, item: Item) {
        let Item { what, verdict, note, original, diagnosis } = &item;
        if let Some(count) = self.counts.get_mut(*verdict as usize) {
            *count += 1;
        }
        self.work.tell(BuildEvent::Verified {
            step: self.work.number,
            what: what.clone(),
            verdict: *verdict,
            note: note.clone(),
            original: original.clone(),
            diagnosis: diagnosis.clone(),
        });
        if item.verdict == Verdict::Failed {
            self.failed.push(item);
        }
    }

    fn outcome(self) -> Result<String, Halt> {
        let [passed, warned, failed, not_checked] = self.counts;
        let count = |count: usize, word: &str| (count > 0).then(|| format!("{count} {word}"));
        let counts = [count(passed, "passed"), count(warned, "with a warning"), count(failed, "failed")];
        let counts =
            counts.into_iter().flatten().chain(count(not_checked, "not checked")).collect::<Vec<_>>().join(", ");
        let Some(first) = self.failed.into_iter().next() else { return Ok(counts) };
        let name = self.work.name;
        let note = if first.note.is_empty() { String::new() } else { format!(": {}", first.note) };
        let message =
            format!("{name} was started, but some checks failed ({counts}). First failure: {}{note}.", first.what);
        Err(Halt::Unverified(Box::new(Doubt { message, original: first.original, diagnosis: first.diagnosis })))
    }
}

/// What QEMU and the kernel said since the start.
fn said(watch: Option<&mut LogWatch>, findings: &[Finding], functions: &[PciAddress]) -> (Item, Item) {
    let (qemu, kernel) = match watch {
        Some(watch) => (
            watch.qemu.as_ref().map_err(Clone::clone).and_then(QemuLog::fresh),
            watch.kernel.as_mut().map_err(|why| why.clone()).and_then(KernelMessages::fresh),
        ),
        None => (
            Err("it was not recorded from before the start".into()),
            Err("it was not recorded from before the start".into()),
        ),
    };
    // The kernel tells of everything that happens on the host.
    let names: Vec<String> = functions.iter().map(|address| address.short()).collect();
    let kernel = kernel.map(|lines| {
        let ours = |line: &String| names.iter().any(|name| line.contains(name));
        lines.into_iter().filter(ours).collect()
    });
    (
        judged("QEMU reports no trouble", qemu, findings),
        judged("the kernel reports no trouble with the devices", kernel, findings),
    )
}

/// The first of the lines that stops the VM, else the first that is known at all.
fn judged(what: &str, lines: Result<Vec<String>, String>, findings: &[Finding]) -> Item {
    let lines = match lines {
        Ok(lines) => lines,
        Err(why) => return Item::new(what, Verdict::NotChecked, why),
    };
    let mut known: Vec<_> = lines.into_iter().filter_map(|line| Some((diagnose(&line, findings)?, line))).collect();
    known.sort_by_key(|(diagnosis, _)| !diagnosis.stops);
    let Some((diagnosis, original)) = known.into_iter().next() else { return Item::new(what, Verdict::Passed, "") };
    let verdict = if diagnosis.stops { Verdict::Failed } else { Verdict::Warned };
    let note = diagnosis.cause.trim_end_matches('.').to_owned();
    Item { original, diagnosis: Some(diagnosis), ..Item::new(what, verdict, note) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_line_decides_and_its_words_are_kept() {
        let slow = "qemu-system-x86_64: Failed to mmap 0000:01:00.0 BAR 2. Performance may be slow";
        let write =
            "qemu-system-x86_64: vfio_region_write(0000:01:00.0:region1+0x9c, 0x0,4) failed: Device or resource busy";
        let item = |lines: &[&str]| judged("q", Ok(lines.iter().map(|line| (*line).to_owned()).collect()), &[]);
        assert_eq!(item(&["char device redirected to /dev/pts/1"]).verdict, Verdict::Passed);
        assert_eq!(item(&[slow]).verdict, Verdict::Warned);
        let both = item(&[slow, write]);
        assert_eq!((both.verdict, both.original.as_str()), (Verdict::Failed, write));
        assert_eq!(both.diagnosis.map(|diagnosis| diagnosis.code).as_deref(), Some("VFIO-WRITE"));
    }

    #[test]
    fn what_cannot_be_read_is_not_checked() {
        let item = judged("q", Err("this user may not read /dev/kmsg".into()), &[]);
        assert_eq!((item.verdict, item.note.as_str()), (Verdict::NotChecked, "this user may not read /dev/kmsg"));
    }
}
