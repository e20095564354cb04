//! Checks of the kernel and its VFIO: interrupt remapping, modules, lockdown.

use super::super::subject::Leaving;
use super::super::text::text;
use super::super::{Check, Notes, Scope, Subject};
use super::{DEVICE, host_place, of_host, remedy};
use crate::facts::vfio::ModprobeDirective;
use crate::facts::{Iommu, Lockdown, ModuleState};
use crate::machine::radeon_family;

pub(in super::super) static CHECKS: &[&Check] = &[
    &IOMMU_INTREMAP,
    &IOMMU_UNSAFE_PARAM,
    &IOMMU_NOIOMMU,
    &VFIO_MODULE,
    &VFIO_BLACKLISTED,
    &HOST_LOCKDOWN,
    &HOST_IDLE_SUSPEND,
];

pub(in super::super) static IOMMU_INTREMAP: Check = Check {
    code: "IOMMU-INTREMAP",
    title: "interrupts are remapped",
    short: "no interrupt remapping",
    explain: "On x86 a guest could raise any interrupt of the host without interrupt translation by the IOMMU. VFIO then \
              rejects devices (\"Operation not permitted\", \"No interrupt remapping support\"). Update the firmware, \
              enable x2APIC there, and remove intremap=off from the kernel command line. The option \
              allow_unsafe_interrupts=1 passes devices anyway, which is acceptable only for fully trusted guests. Other \
              architectures are not asked: the interrupt controllers of ARM servers distinguish devices themselves.",
    scope: Scope::Host(6),
    run: Some(interrupt_remapping),
    ..DEVICE
};

static IOMMU_UNSAFE_PARAM: Check = Check {
    code: "IOMMU-UNSAFE-PARAM",
    title: "allow_unsafe_interrupts is off",
    explain: "vfio_iommu_type1.allow_unsafe_interrupts=1 lets guests inject interrupts into the host. If the IOMMU \
              remaps interrupts, the option is not needed, and it weakens every VM. Remove it.",
    scope: Scope::Host(8),
    run: Some(unsafe_interrupts),
    ..DEVICE
};

static IOMMU_NOIOMMU: Check = Check {
    code: "IOMMU-NOIOMMU",
    title: "VFIO no-IOMMU mode is off",
    explain: "VFIO's no-IOMMU mode gives devices to programs without any isolation of their memory accesses. QEMU \
              cannot use it. Remove enable_unsafe_noiommu_mode=1 from the kernel command line or modprobe's \
              configuration.",
    scope: Scope::Host(7),
    run: Some(no_iommu),
    ..DEVICE
};

pub(in super::super) static VFIO_MODULE: Check = Check {
    code: "VFIO-MODULE",
    title: "kernel has vfio-pci",
    explain: "The driver vfio-pci passes devices to guests. libvirt loads the module when a VM starts. Some kernels \
              for cloud guests come without it; it is then in a separate package (Ubuntu: linux-modules-extra).",
    scope: Scope::Host(11),
    run: Some(module),
    ..DEVICE
};

pub(in super::super) static VFIO_BLACKLISTED: Check = Check {
    code: "VFIO-BLACKLISTED",
    title: "vfio-pci may be loaded",
    explain: "A line of modprobe's configuration prevents loading vfio-pci. libvirt then reports \"Failed to load PCI \
              driver module vfio_pci: administratively prohibited\". Remove the line.",
    scope: Scope::Host(12),
    run: Some(blacklisted),
    ..DEVICE
};

static HOST_LOCKDOWN: Check = Check {
    code: "HOST-LOCKDOWN",
    title: "kernel is not locked down",
    explain: "With Secure Boot the kernel is locked down. VFIO works, but unsigned modules (vendor-reset, NVIDIA by \
              DKMS, kvmfr) are rejected, and so is writing to BARs and configuration space through sysfs. Sign them \
              with a machine owner key, or turn Secure Boot off.",
    scope: Scope::Host(16),
    run: Some(lockdown),
    ..DEVICE
};

static HOST_IDLE_SUSPEND: Check = Check {
    code: "HOST-IDLE-SUSPEND",
    title: "host stays awake when idle",
    explain: "A passed device rarely survives the sleep of its host: the guest's driver is not notified, and the card \
              has lost its memory. systemd suspends an idle host if IdleAction says so, and a laptop whose lid is \
              closed. Forbid it ('systemctl mask sleep.target suspend.target', undone by unmask) or set IdleAction and \
              HandleLidSwitch to ignore in /etc/systemd/logind.conf. A desktop can also suspend the host, by settings \
              of each user that are not checked here.",
    scope: Scope::Host(17),
    run: Some(sleep),
    ..DEVICE
};

fn is_on(subject: &Subject) -> bool {
    matches!(subject.facts.iommu.get(), Some(Iommu::On { .. }))
}

fn interrupt_remapping(subject: &Subject, notes: &mut Notes) {
    if !is_on(subject) {
        return;
    }
    let what = "whether interrupts are remapped";
    let Some(kernel) = of_host(subject, notes, &subject.facts.kernel, what) else { return };
    if kernel.is_x86() == Some(false) {
        return;
    }
    let Some(false) = of_host(subject, notes, &kernel.interrupt_remapping, what) else { return };
    let allowed = subject.facts.vfio.get().and_then(|vfio| vfio.unsafe_interrupts.get()) == Some(&true);
    let off = kernel.words("intremap").find(|word| word.contains("off"));
    let way_out = off.map_or_else(
        || "update the firmware, or enable x2APIC in its setup".into(),
        |word| remedy::remove(subject.facts, word),
    );
    let message = "the IOMMU does not remap interrupts";
    if allowed {
        let message = text!("{message}; allow_unsafe_interrupts=Y passes devices anyway", message);
        notes.warning(host_place(subject), message, way_out);
    } else {
        notes.blocker(host_place(subject), text!("{message}: VFIO will reject every device", message), way_out);
    }
}

fn unsafe_interrupts(subject: &Subject, notes: &mut Notes) {
    let what = "whether VFIO passes devices without interrupt remapping";
    let Some(vfio) = of_host(subject, notes, &subject.facts.vfio, what) else { return };
    let remaps = subject.facts.kernel.get().and_then(|kernel| kernel.interrupt_remapping.get()) == Some(&true);
    let asked = subject.facts.kernel.get().and_then(|kernel| {
        kernel.words("vfio_iommu_type1.allow_unsafe_interrupts").find(|word| word.ends_with(['1', 'Y', 'y']))
    });
    // A parameter of a module that is not loaded has no value yet; the command line tells what it will have.
    let Some(on) = vfio.unsafe_interrupts.get().copied().or(asked.map(|_| true)) else {
        let Some(_) = of_host(subject, notes, &vfio.unsafe_interrupts, what) else { return };
        return;
    };
    notes.looked();
    if on && remaps {
        let way_out = asked.map_or_else(
            || text!("remove allow_unsafe_interrupts from {place}", place = remedy::module_settings(subject.facts)),
            |word| remedy::remove(subject.facts, word),
        );
        let message = "allow_unsafe_interrupts is on although the IOMMU remaps interrupts: unnecessary and dangerous";
        notes.warning(host_place(subject), message, way_out);
    }
}

fn no_iommu(subject: &Subject, notes: &mut Notes) {
    let what = "whether VFIO is in no-IOMMU mode";
    let Some(vfio) = of_host(subject, notes, &subject.facts.vfio, what) else { return };
    let Some(true) = of_host(subject, notes, &vfio.no_iommu, what) else { return };
    let message = "VFIO is in its no-IOMMU mode (enable_unsafe_noiommu_mode=Y), which QEMU cannot use";
    let words = subject.facts.kernel.get().and_then(|kernel| kernel.words("vfio.enable_unsafe_noiommu_mode").last());
    let way_out = words.map_or_else(
        || {
            let place = remedy::module_settings(subject.facts);
            text!("remove enable_unsafe_noiommu_mode from {place} and reboot", place)
        },
        |word| remedy::remove(subject.facts, word),
    );
    notes.blocker(host_place(subject), message, way_out);
}

fn module(subject: &Subject, notes: &mut Notes) {
    let what = "whether the kernel has vfio-pci";
    let Some(vfio) = of_host(subject, notes, &subject.facts.vfio, what) else { return };
    match vfio.module("vfio_pci") {
        Some(ModuleState::Missing) => {
            let release = subject.facts.kernel.get().and_then(|kernel| kernel.release.get());
            let release = release.map_or("$(uname -r)", String::as_str);
            let message = text!("kernel {release} has no module vfio-pci", release);
            let way_out =
                text!("install the rest of the kernel's modules (Ubuntu: linux-modules-extra-{release})", release);
            notes.blocker(host_place(subject), message, way_out);
        }
        Some(_) => notes.looked(),
        None => notes.unknown(host_place(subject), what, "it was not looked for"),
    }
}

fn blacklisted(subject: &Subject, notes: &mut Notes) {
    let what = "whether modprobe may load vfio-pci";
    let Some(vfio) = of_host(subject, notes, &subject.facts.vfio, what) else { return };
    let Some(lines) = of_host(subject, notes, &vfio.modprobe, what) else { return };
    let stops = |directive: &ModprobeDirective| match directive {
        ModprobeDirective::Blacklist { module } => module == "vfio_pci",
        ModprobeDirective::Install { module, command } => {
            module == "vfio_pci" && (command.ends_with("/false") || command.ends_with("/true"))
        }
        _ => false,
    };
    if let Some(line) = lines.iter().find(|line| stops(&line.directive)) {
        let message = text!("{file} forbids the module vfio-pci", file = line.file);
        notes.blocker(host_place(subject), message, text!("remove its line from {file}", file = line.file));
    }
}

fn lockdown(subject: &Subject, notes: &mut Notes) {
    let what = "whether the kernel is locked down";
    let Some(kernel) = of_host(subject, notes, &subject.facts.kernel, what) else { return };
    let Some(level) = of_host(subject, notes, &kernel.lockdown, what) else { return };
    if *level > Lockdown::None {
        let level = if *level == Lockdown::Integrity { "integrity" } else { "confidentiality" };
        let message =
            text!("the kernel is locked down ({level}): unsigned modules such as vendor-reset are rejected", level);
        let way_out = "VFIO itself works; sign such modules, or turn Secure Boot off";
        // Nothing of the VM depends on such modules, unless a card needs one to be reset.
        let needs = |leaving: &Leaving| radeon_family::family(leaving.device).is_some();
        if subject.host_alone || subject.leaving().iter().any(needs) {
            notes.warning(host_place(subject), message, way_out);
        } else {
            notes.info(host_place(subject), message, way_out);
        }
    }
}

fn sleep(subject: &Subject, notes: &mut Notes) {
    // Worth a note where it is known, and no more: nothing fails at the start.
    let Some(kernel) = subject.facts.kernel.get().filter(|_| subject.wants_passthrough()) else { return };
    let Some(sleep) = kernel.sleep.get() else { return };
    notes.looked();
    let (idle, lid) = (sleep.sleeps(&sleep.idle), kernel.is_portable() == Some(true) && sleep.sleeps(&sleep.lid));
    let (when, setting) = match (idle, lid) {
        (true, _) => ("it is idle", text!("IdleAction={idle}", idle = sleep.idle)),
        (_, true) => ("its lid is closed", text!("HandleLidSwitch={lid}", lid = sleep.lid)),
        _ => return,
    };
    let message =
        text!("the host goes to sleep when {when} ({setting}), which passed devices rarely survive", when, setting);
    let way_out = "forbid it: systemctl mask sleep.target suspend.target";
    notes.info(host_place(subject), message, way_out);
}
