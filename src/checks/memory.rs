//! Checks of the VM's memory.

use super::text::{Arg, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::Memory;
use crate::units::Bytes;

pub(super) static CHECKS: &[&Check] = &[&MEM_MISSING, &MEM_SIZE, &MEM_SMALL, &MEM_HOST, &MEM_LOW, &MEM_PINNED];

static MEM_MISSING: Check = Check {
    code: "MEM-MISSING",
    title: "memory is given",
    explain: "There is no sensible default for the memory of a VM. Write a number of MiB (2048) or a text with a unit \
              (\"32 GiB\").",
    contract: Some(5),
    run: Some(missing),
    ..Check::VM
};

static MEM_SIZE: Check = Check {
    code: "MEM-SIZE",
    title: "memory is a valid size",
    explain: "Memory is a number of MiB or a text with a unit: 2048, \"2 GiB\", \"2048 MiB\". GB and MB are decimal, \
              GiB and MiB (and G and M alone) binary. Zero and sizes above the limit of the machine type are rejected.",
    run: Some(size),
    ..Check::VM
};

static MEM_SMALL: Check = Check {
    code: "MEM-SMALL",
    title: "memory is enough for an operating system",
    explain: "No current operating system boots below 64 MiB, and the firmware itself may fail. A number counts MiB, \
              so \"memory\": 8 requests 8 MiB, not 8 GiB.",
    run: Some(small),
    ..Check::VM
};

pub(super) static MEM_HOST: Check = Check {
    code: "MEM-HOST",
    title: "memory fits the host",
    explain: "A guest with more memory than is installed does not start, because the kernel does not give QEMU that \
              much at once. With much swap it starts, but then both become very slow or QEMU is killed.",
    run: Some(host),
    ..Check::VM
};

static MEM_LOW: Check = Check {
    code: "MEM-LOW",
    title: "host has this much free memory",
    explain: "The guest may use all of its memory. If the host has less free (or reclaimable at once), other VMs are \
              swapped out. For a guest with passed PCI devices see MEM-PINNED instead.",
    run: Some(low),
    ..Check::VM
};

pub(super) static MEM_PINNED: Check = Check {
    code: "MEM-PINNED",
    title: "memory can be pinned for PCI passthrough",
    explain: "A passed device can access guest memory by DMA at any time, so VFIO pins all of it when the VM starts: \
              it cannot be swapped, ballooned or shared. If that much is not free, the start fails. Request less, stop \
              other VMs, or add memory.",
    run: Some(pinned),
    ..Check::VM
};

const SMALLEST: Bytes = Bytes::mib(64);

fn missing(subject: &Subject, notes: &mut Notes) {
    notes.looked();
    if subject.spec.memory.is_none() {
        notes.blocker(field("memory"), "memory is required", "write a number of MiB, or a text such as \"32 GiB\"");
    }
}

fn size(subject: &Subject, notes: &mut Notes) {
    let Some(memory) = &subject.spec.memory else { return };
    notes.looked();
    match memory.bytes() {
        Err(error) => notes.blocker(field("memory"), text!("memory: {error}", error), "write 2048 (MiB) or \"2 GiB\""),
        Ok(Bytes(0)) => notes.blocker(field("memory"), "memory is 0", "give the VM at least 64 MiB"),
        Ok(memory) => {
            let most = subject.capabilities().and_then(|known| known.max_memory);
            if let Some(most) = most.filter(|most| memory > *most) {
                let message = text!(
                    "{memory} of memory requested; QEMU supports at most {most}",
                    memory = Arg::Gib(memory),
                    most = Arg::Gib(most)
                );
                notes.blocker(field("memory"), message, text!("use {most} or less", most = Arg::Gib(most)));
            }
        }
    }
}

/// The memory asked for, where it is a size above zero.
fn asked(subject: &Subject) -> Option<Bytes> {
    subject.machine.memory.filter(|memory| memory.0 > 0)
}

/// The same where it comes from usual pages: huge pages are set apart already, and HUGEPAGE-FREE looks at them.
fn unpaged(subject: &Subject) -> Option<Bytes> {
    asked(subject).filter(|_| subject.machine.backing.page.is_none())
}

fn small(subject: &Subject, notes: &mut Notes) {
    let Some(memory) = asked(subject) else { return };
    notes.looked();
    if memory < SMALLEST {
        let message = text!(
            "memory {memory} is below {smallest}, too little for any current OS to boot",
            memory = Arg::Gib(memory),
            smallest = Arg::Gib(SMALLEST)
        );
        notes.warning(field("memory"), message, "a number counts MiB: write 2048 or \"2 GiB\" for 2 GiB");
    }
}

fn host_memory<'a>(subject: &Subject<'a>, notes: &mut Notes, what: &'static str) -> Option<&'a Memory> {
    notes.known(&subject.facts.memory, || field("memory"), what)
}

fn host(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = asked(subject) else { return };
    let Some(memory) = host_memory(subject, notes, "memory of the host") else { return };
    if asked > memory.total {
        let message = text!(
            "{asked} of memory requested; the host has {total} in total",
            asked = Arg::Gib(asked),
            total = Arg::Gib(memory.total)
        );
        notes.blocker(field("memory"), message, text!("use less than {total}", total = Arg::Gib(memory.total)));
    }
}

fn low(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = unpaged(subject).filter(|_| !subject.machine.passes_devices()) else { return };
    let Some(memory) = host_memory(subject, notes, "free memory of the host") else { return };
    if asked > memory.free && asked <= memory.total {
        let message = text!(
            "{asked} of memory requested; the host has {free} free",
            asked = Arg::Gib(asked),
            free = Arg::Gib(memory.free)
        );
        notes.warning(
            field("memory"),
            message,
            text!("use {free} or less, or stop another VM", free = Arg::Gib(memory.free)),
        );
    }
}

fn pinned(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = unpaged(subject).filter(|_| subject.machine.passes_devices()) else { return };
    let Some(memory) = host_memory(subject, notes, "free memory of the host; all of the guest's memory is pinned")
    else {
        return;
    };
    let message =
        text!("VFIO will pin {asked}; the host has {free} free", asked = Arg::Gib(asked), free = Arg::Gib(memory.free));
    if asked > memory.free {
        notes.blocker(
            field("memory"),
            message,
            text!("use less than {free}, or stop another VM", free = Arg::Gib(memory.free)),
        );
    } else if asked.0 > memory.free.0 / 10 * 9 {
        notes.warning(field("memory"), message, "leave the host a tenth of its free memory");
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said, known};
    use crate::facts::{Fact, Memory};
    use crate::units::Bytes;
    use serde_json::json;

    fn on_a_host_with(asked: Asked, total: u64, free: u64) -> Asked {
        asked.facts(|facts| facts.memory = known(Memory { total: Bytes::gib(total), free: Bytes::gib(free) }))
    }

    #[test]
    fn memory_is_required_and_a_size() {
        Asked::with(json!({"memory": null})).blocks("MEM-MISSING", "memory", "memory is required").quiet("MEM-SIZE");
        Asked::with(json!({"memory": "lots"})).said("MEM-SIZE").blocker();
        Asked::with(json!({"memory": 0})).blocks("MEM-SIZE", "memory", "memory is 0");
        Asked::with(json!({"memory": "2 GiB"})).passes("MEM-MISSING").passes("MEM-SIZE");
    }

    #[test]
    fn memory_beyond_what_qemu_takes_is_refused() {
        let limit = |most| Asked::with(json!({"memory": "8 GiB"})).offering(|known| known.max_memory = Some(most));
        limit(Bytes::gib(4)).blocks("MEM-SIZE", "memory", "8 GiB of memory requested; QEMU supports at most 4 GiB");
        limit(Bytes::gib(8)).passes("MEM-SIZE");
    }

    #[test]
    fn gib_written_as_mib_are_noticed() {
        let Said { message, .. } = Asked::with(json!({"memory": 32})).said("MEM-SMALL").warning();
        assert_eq!(message, "memory 32 MiB is below 64 MiB, too little for any current OS to boot");
        Asked::with(json!({"memory": 64})).passes("MEM-SMALL");
    }

    #[test]
    fn more_than_is_installed_is_refused() {
        on_a_host_with(Asked::with(json!({"memory": "33 GiB"})), 32, 20).said("MEM-HOST").blocker();
        on_a_host_with(Asked::with(json!({"memory": "32 GiB"})), 32, 32).passes("MEM-HOST").passes("MEM-LOW");
        Asked::good().facts(|facts| facts.memory = Fact::default()).unknown("MEM-HOST").unknown("MEM-LOW");
    }

    #[test]
    fn free_memory_matters_more_with_passed_devices() {
        let gpu = json!({"memory": "30 GiB", "pci_devices": [{"host_address": "0000:01:00.0"}]});
        let Said { message, .. } = on_a_host_with(Asked::with(gpu.clone()), 64, 20).said("MEM-PINNED").blocker();
        assert_eq!(message, "VFIO will pin 30 GiB; the host has 20 GiB free");
        on_a_host_with(Asked::with(gpu.clone()), 64, 31).quiet("MEM-LOW").said("MEM-PINNED").warning();
        on_a_host_with(Asked::with(gpu.clone()), 64, 40).passes("MEM-PINNED");
        Asked::with(gpu).facts(|facts| facts.memory = Fact::default()).unknown("MEM-PINNED");
        on_a_host_with(Asked::with(json!({"memory": "30 GiB"})), 64, 20).quiet("MEM-PINNED").said("MEM-LOW").warning();
    }
}
