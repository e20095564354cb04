//! Step 2: name, guest system, CPUs, memory, machine and firmware.

use super::{Step, top};
use crate::app::App;
use crate::app::form::Field;
use crate::app::grammar::Grammar;
use crate::app::options::{OS_TYPES, Options, VIRT_TYPES};
use crate::machine::{Choice, Firmware};
use crate::spec::VirtType;

/// The step.
pub struct System;

impl Step for System {
    fn summary(&self, app: &App) -> String {
        let spec = app.spec();
        let cpus = spec.vcpus.map(|count| format!("{count}c"));
        let memory = app.derived.machine.memory.map(|bytes| bytes.to_string());
        [spec.os_variant.clone(), cpus, memory].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn subtitle(&self, _app: &App) -> String {
        "What the guest is and what it gets of this host.".into()
    }

    fn fields(&self, app: &App) -> Vec<Field> {
        let machine = &app.derived.machine;
        let uefi = machine.firmware.value.is_uefi();
        let secure = matches!(machine.firmware.value, Firmware::Uefi { secure_boot: true });
        let not_bios = (!uefi).then(|| "Secure Boot needs UEFI: switch UEFI on first".to_owned());
        vec![
            Field::text(top("name"), "Name", Grammar::Name)
                .help("Names the domain, its volumes and its log files. Letters, digits, '-', '_', '.' are safe."),
            Field::free(top("os_variant"), "Guest system", Options::Systems)
                .default("not given", "")
                .help("Short id as osinfo names it. Decides about drivers and clock; any id is possible."),
            Field::free(top("os_type"), "Family", Options::Fixed(OS_TYPES))
                .default(if machine.windows { "windows" } else { "linux" }, family_why(app)),
            Field::text(top("vcpus"), "CPUs", Grammar::Count).note(host_cpus(app)).help("Virtual CPUs of the guest."),
            Field::text(top("memory"), "Memory", Grammar::Memory)
                .note(host_memory(app))
                .help("A number counts MiB; write 32 GiB or 32G for more."),
            Field::free(top("architecture"), "Architecture", Options::Architectures)
                .default(machine.arch.value.clone(), why(&machine.arch)),
            Field::free(top("machine"), "Machine", Options::Machines(machine.arch.value.clone()))
                .default(machine.machine_type.value.clone(), why(&machine.machine_type))
                .help("q35 has PCI Express, which passthrough wants; pc is for old guests."),
            Field::choice(top("virt_type"), "Runs on", Options::Fixed(VIRT_TYPES))
                .default(virt_type(machine.virt_type.value), runs_on(app)),
            Field::toggle(top("uefi"), "UEFI")
                .default(yes(uefi), why(&machine.firmware))
                .help("Boot by OVMF, not SeaBIOS."),
            Field::toggle(top("secure_boot"), "Secure Boot")
                .default(yes(secure), "")
                .disabled(not_bios)
                .help("With the vendors' keys enrolled; Windows 11 asks for it."),
        ]
    }
}

/// Why the guest runs as it does. libvirt's test driver, on which the demo host lives, runs nothing.
fn runs_on(app: &App) -> String {
    if app.derived.machine.is_only_a_test() && app.facts.host.get().is_some() {
        return "as on real hosts; this is libvirt's test driver, which runs nothing".into();
    }
    why(&app.derived.machine.virt_type)
}

fn family_why(app: &App) -> &'static str {
    let given = app.spec().os_variant.as_deref().is_some_and(|variant| !variant.is_empty());
    if given { "from the guest system" } else { "assumed: no guest system is given" }
}

/// Why vmbuild chose a value; empty where the user did.
pub(super) fn why<T>(choice: &Choice<T>) -> String {
    choice.why().unwrap_or_default().to_owned()
}

/// A truth value as toggles show it.
pub(super) fn yes(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

fn virt_type(kind: VirtType) -> &'static str {
    match kind {
        VirtType::Kvm => "kvm",
        VirtType::Qemu => "qemu",
    }
}

fn host_cpus(app: &App) -> String {
    match app.facts.capabilities.get() {
        Some(found) if found.cpus > 0 => format!("the host has {}", found.cpus),
        _ => String::new(),
    }
}

fn host_memory(app: &App) -> String {
    app.facts
        .memory
        .get()
        .map(|memory| format!("free on the host: {} of {}", memory.free, memory.total))
        .unwrap_or_default()
}
