//! Step 2: the guest, its virtual CPU, its memory, its firmware and how it boots.

mod cpu;
mod firmware;
pub mod map;
mod memory;

use super::page::{StepPage, top};
use crate::app::App;
use crate::app::form::{Field, why};
use crate::app::intent::Intent;
use crate::app::options::{KnownValues, OS_TYPES};
use crate::app::outcome::Outcome;
use crate::app::overlay::{CpuMap, Overlay};
use crate::facts::Resources;
use crate::spec::OsFamily;

/// The step.
pub struct System;

impl StepPage for System {
    fn summary(&self, app: &App) -> String {
        let spec = app.spec();
        let cpus = spec.vcpus.map(|count| format!("{count}c"));
        let memory = app.case.machine.memory.map(|bytes| bytes.to_string());
        let system = app.case.machine.guest.system.as_ref().map(|system| system.value.clone());
        [system, cpus, memory].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn subtitle(&self, _app: &App) -> String {
        "The guest and its share of this host.".into()
    }

    fn fields(&self, app: &App) -> Vec<Field> {
        let guest = guest(app).into_iter();
        let machine = guest.chain(firmware::machine(app));
        machine.chain(cpu::fields(app)).chain(memory::fields(app)).chain(firmware::fields(app)).collect()
    }

    fn act(&self, _app: &App, intent: Intent) -> Outcome {
        if intent == Intent::CpuMap { Outcome::show(Overlay::CpuMap(CpuMap::default())) } else { Outcome::default() }
    }

    fn why_not(&self, app: &App, intent: Intent) -> Option<String> {
        (intent == Intent::CpuMap).then(|| map::why_not(app)).flatten()
    }
}

/// Name and kind of the guest, and how much it gets.
fn guest(app: &App) -> Vec<Field> {
    let windows = app.case.machine.windows;
    let (system, told) = system(app);
    vec![
        Field::text(top("name"))
            .help("Names the domain, its volumes and its log files. Letters, digits, '-', '_', '.' are safe."),
        Field::free(top("os_variant"), KnownValues::Systems)
            .default(system, told)
            .note(system_name(app))
            .help("Short id as osinfo names it. Decides about drivers, firmware and clock; any id is possible."),
        Field::free(top("os_type"), KnownValues::Fixed(OS_TYPES))
            .default(if windows { OsFamily::Windows } else { OsFamily::Linux }.name(), family_why(app)),
        Field::text(top("vcpus"))
            .note(beside(host_cpus(app), wanted(app, |needs| needs.cpus.map(|count| count.to_string()))))
            .help("Virtual CPUs of the guest."),
        Field::text(top("memory"))
            .note(beside(host_memory(app), wanted(app, |needs| needs.memory.map(|memory| memory.to_string()))))
            .help("A number counts MiB; write 32 GiB or 32G for more."),
    ]
}

/// What holds where no guest system is given, and why: what the boot ISO is known to be, never a guess.
fn system(app: &App) -> (String, String) {
    let guest = &app.case.machine.guest;
    let several = guest.medium.as_ref().map_or(0, |medium| medium.systems.len());
    match &guest.system {
        Some(system) => (system.value.clone(), why(system)),
        None if several > 1 => {
            ("not given".into(), format!("the boot ISO may be one of {several}: Enter lists them first"))
        }
        None => ("not given".into(), String::new()),
    }
}

fn system_name(app: &App) -> String {
    let guest = &app.case.machine.guest;
    guest.profile.as_ref().map(|profile| profile.name.clone()).unwrap_or_default()
}

/// What the system needs, and what is recommended for it.
fn wanted(app: &App, amount: impl Fn(&Resources) -> Option<String>) -> String {
    let machine = &app.case.machine;
    let needs = machine.guest.profile.as_ref().map(|profile| profile.needs(&machine.arch.value)).unwrap_or_default();
    match (amount(&needs.minimum), amount(&needs.recommended)) {
        (Some(least), Some(good)) if least != good => format!("min {least}, recommended {good}"),
        (Some(least), _) => format!("min {least}"),
        (None, Some(good)) => format!("recommended {good}"),
        (None, None) => String::new(),
    }
}

fn beside(one: String, other: String) -> String {
    [one, other].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
}

fn family_why(app: &App) -> &'static str {
    let given = app.case.machine.guest.system.is_some();
    if given { "from the guest system" } else { "assumed: no guest system is given" }
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
