//! Checks of the virtual CPUs.

use super::note::without;
use super::text::{Arg, Joint, Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::DomainState;
use crate::machine::Topology;
use crate::machine::cpu::{Vendor, vendor, virtualisation};
use crate::machine::platform::is_x86;
use crate::spec::suggest::nearest;
use crate::spec::{CpuMode, Place, VirtType};
use crate::units::CpuSet;

pub(super) static CHECKS: &[&Check] = &[
    &CPU_MISSING,
    &CPU_COUNT,
    &CPU_HOST,
    &CPU_BUSY,
    &CPU_MAX,
    &CPU_TOPOLOGY,
    &CPU_MODE,
    &CPU_MODEL,
    &CPU_NESTED,
    &CPU_LIMIT,
];

static CPU_MISSING: Check = Check {
    code: "CPU-MISSING",
    title: "vCPU count is given",
    explain: "There is no sensible default for the number of vCPUs of a VM. Write a number of 1 or more; the number of \
              cores that the host can spare is a good upper limit.",
    contract: Some(6),
    run: Some(missing),
    ..Check::VM
};

static CPU_COUNT: Check = Check {
    code: "CPU-COUNT",
    title: "machine type supports this many vCPUs",
    explain: "QEMU has a largest number of vCPUs per machine type, which libvirt reports. A domain with more, or with \
              none, cannot be defined.",
    run: Some(count),
    ..Check::VM
};

static CPU_HOST: Check = Check {
    code: "CPU-HOST",
    title: "host has this many CPUs",
    explain: "If one VM has more vCPUs than the host has logical CPUs, they never run at the same time. The guest \
              waits for its own locks and becomes slower than with fewer vCPUs.",
    run: Some(host),
    ..Check::VM
};

static CPU_BUSY: Check = Check {
    code: "CPU-BUSY",
    title: "host CPU load leaves room for this VM",
    explain: "vCPUs of idle guests cost nothing, so it is usual to have more of them than the host has CPUs. Beyond \
              three per host CPU they wait for each other under load. A guest with pinned vCPUs is slowed down by \
              every other vCPU on the same CPUs.",
    run: Some(busy),
    ..Check::VM
};

static CPU_MAX: Check = Check {
    code: "CPU-MAX",
    title: "max_vcpus is in range",
    explain: "max_vcpus is the most vCPUs that the running guest can have; it starts with vcpus of them. It must be at \
              least vcpus, and not more than the machine type supports.",
    run: Some(most),
    ..Check::VM
};

static CPU_TOPOLOGY: Check = Check {
    code: "CPU-TOPOLOGY",
    title: "CPU topology matches the vCPU count",
    explain: "Sockets times dies times clusters times cores times threads must equal the number of vCPUs, including \
              those that can be hot-plugged; libvirt rejects anything else (\"CPU topology doesn't match maximum vcpu \
              count\"). Leave out cores, and the number is calculated. Dies exist on x86 only, clusters on Arm only, \
              from libvirt 10.1 on: QEMU starts no other machine with more than one of them.",
    run: Some(topology),
    ..Check::VM
};

static CPU_MODE: Check = Check {
    code: "CPU-MODE",
    title: "host supports the CPU mode",
    explain: "host-passthrough is the host's CPU as it is and works with KVM only; host-model and custom are named \
              models that other hosts can also offer; maximum is everything that QEMU supports. libvirt reports which \
              of them work on this host.",
    run: Some(mode),
    ..Check::VM
};

static CPU_MODEL: Check = Check {
    code: "CPU-MODEL",
    title: "host supports the CPU model",
    explain: "With the mode custom the guest sees a named model. libvirt reports which models exist and which of them \
              this host supports completely; with another one the start fails (\"the CPU is incompatible with host \
              CPU\"). Choose a supported model.",
    run: Some(model),
    ..Check::VM
};

static CPU_NESTED: Check = Check {
    code: "CPU-NESTED",
    title: "nested virtualisation is available",
    explain: "For nested virtualisation the host's CPU needs hardware virtualisation, and its kvm_intel or kvm_amd \
              module must be loaded with nested=1, which is the default today. The guest then sees vmx or svm.",
    run: Some(nested),
    ..Check::VM
};

static CPU_LIMIT: Check = Check {
    code: "CPU-LIMIT",
    title: "CPU limit is a valid amount",
    explain: "cpu.limit is the CPU time that the whole VM may use, in host CPUs: 2, \"1.5\" or \"150 %\". The kernel \
              cannot enforce less than a hundredth of a CPU, and a limit above the number of vCPUs has no effect.",
    run: Some(limit),
    ..Check::VM
};

fn missing(subject: &Subject, notes: &mut Notes) {
    notes.looked();
    if subject.spec.vcpus.is_none() {
        notes.blocker(field("vcpus"), "vcpus is required", "write the number of vCPUs, such as 4");
    }
}

fn count(subject: &Subject, notes: &mut Notes) {
    let Some(vcpus) = subject.spec.vcpus else { return };
    if vcpus == 0 {
        return notes.blocker(field("vcpus"), "vcpus is 0", "give the VM at least one vCPU");
    }
    let what = "how many vCPUs the machine type supports";
    let Some(_) = notes.known(&subject.facts.domain_capabilities, || field("vcpus"), what) else { return };
    let Some(known) = subject.capabilities().and_then(|known| Some((known, known.max_vcpus?))) else {
        return notes.unknown(field("vcpus"), what, "libvirt does not report it for this machine type");
    };
    let (known, most) = known;
    if vcpus > most {
        let message = text!(
            "{vcpus} vCPUs requested; machine type {machine} supports at most {most}",
            vcpus,
            machine = known.machine,
            most
        );
        notes.blocker(field("vcpus"), message, text!("use {most} or fewer", most));
    }
}

fn host(subject: &Subject, notes: &mut Notes) {
    let Some(vcpus) = subject.spec.vcpus.filter(|vcpus| *vcpus > 0) else { return };
    let what = "how many CPUs the host has";
    let Some(host) = notes.known(&subject.facts.capabilities, || field("vcpus"), what) else { return };
    if host.cpus == 0 {
        notes.unknown(field("vcpus"), what, "libvirt does not report it");
    } else if vcpus > host.cpus {
        let message = text!("{vcpus} vCPUs requested; the host has {cpus} logical CPUs", vcpus, cpus = host.cpus);
        notes.warning(field("vcpus"), message, text!("use {cpus} or fewer", cpus = host.cpus));
    }
}

fn place(name: &str) -> Place {
    Place::root().key("cpu").key(name)
}

fn busy(subject: &Subject, notes: &mut Notes) {
    const PER_CPU: u32 = 3;
    let Some(vcpus) = subject.spec.vcpus.filter(|vcpus| *vcpus > 0) else { return };
    let (Some(host), Some(domains)) = (subject.facts.capabilities.get(), subject.facts.domains.get()) else { return };
    notes.looked();
    let running: Vec<_> = domains.iter().filter(|domain| domain.state == DomainState::Active).collect();
    let all = running.iter().map(|domain| domain.vcpus).fold(vcpus, u32::saturating_add);
    if host.cpus > 0 && all > vcpus && all > host.cpus.saturating_mul(PER_CPU) {
        let message = text!("with this VM, {all} vCPUs run on the host's {cpus} CPUs", all, cpus = host.cpus);
        notes.warning(field("vcpus"), message, "use fewer, or stop another VM");
    }
    let pinned =
        subject.machine.pinning.vcpus.iter().flatten().fold(CpuSet::default(), |all, line| all.with(&line.value));
    for domain in running {
        let both = domain.pinned.common(&pinned);
        if !both.is_empty() {
            let message =
                text!("the running domain '{domain}' is also pinned to CPU {both}", domain = domain.name, both);
            notes.warning(place("pinning"), message, "pin to other CPUs, or stop it");
        }
    }
}

fn most(subject: &Subject, notes: &mut Notes) {
    let Some(most) = subject.spec.max_vcpus else { return };
    notes.looked();
    let vcpus = subject.spec.vcpus.unwrap_or(0);
    let limit = subject.capabilities().and_then(|known| Some((known, known.max_vcpus?)));
    if most < vcpus {
        let message = text!("max_vcpus is {most}, vcpus is {vcpus}", most, vcpus);
        notes.blocker(field("max_vcpus"), message, text!("use {vcpus} or more, or leave it out", vcpus));
    } else if let Some((known, limit)) = limit.filter(|(_, limit)| most > *limit) {
        let message = text!(
            "max_vcpus is {most}; machine type {machine} supports at most {limit}",
            most,
            machine = known.machine,
            limit
        );
        notes.blocker(field("max_vcpus"), message, text!("use {limit} or fewer", limit));
    }
}

fn topology(subject: &Subject, notes: &mut Notes) {
    let asked = subject.machine.cpu.topology.as_ref().filter(|topology| topology.why().is_none());
    let Some(topology) = asked.map(|topology| topology.value) else { return };
    notes.looked();
    let Topology { sockets, dies, clusters, cores, threads } = topology;
    let total = subject.machine.max_vcpus.or(subject.machine.vcpus).unwrap_or(0);
    if topology.cpus() != u64::from(total) {
        let parts = [
            (sockets, "socket", "sockets"),
            (dies, "die", "dies"),
            (clusters, "cluster", "clusters"),
            (cores, "core", "cores"),
            (threads, "thread", "threads"),
        ];
        let parts: Vec<Text> = parts
            .iter()
            .filter(|(count, one, _)| *count != 1 || !matches!(*one, "die" | "cluster"))
            .map(|(count, one, many)| text!("{count} {unit}", count, unit = if *count == 1 { one } else { many }))
            .collect();
        let message = text!(
            "{parts} make {cpus} vCPUs; the VM has {total}",
            parts = Arg::list(Joint::Times, parts),
            cpus = topology.cpus(),
            total
        );
        notes.blocker(place("topology"), message, "leave out cores, or change the number of vCPUs");
    }
    known_to_machine(subject, topology, notes);
}

/// QEMU's x86 machines know dies and no clusters, its others the reverse. libvirt defines both, and the start fails.
fn known_to_machine(subject: &Subject, topology: Topology, notes: &mut Notes) {
    let arch = &subject.machine.arch.value;
    let (count, name, instead) =
        if is_x86(arch) { (topology.clusters, "clusters", "dies") } else { (topology.dies, "dies", "clusters") };
    if count > 1 {
        let message = text!("{count} {name} requested; machines of {arch} have none", count, name, arch);
        notes.blocker(place("topology").key(name), message, text!("leave them out, or use {instead}", instead));
    }
}

fn mode(subject: &Subject, notes: &mut Notes) {
    let Some(mode) = subject.spec.cpu.as_ref().and_then(|cpu| cpu.mode) else { return };
    notes.looked();
    let model = subject.spec.cpu.as_ref().and_then(|cpu| cpu.model.as_deref()).filter(|model| !model.trim().is_empty());
    if mode == CpuMode::HostPassthrough
        && subject.machine.virt_type.value == VirtType::Qemu
        && !subject.machine.is_only_a_test()
    {
        let message = "cpu.mode is host-passthrough, but the guest is emulated";
        return notes.blocker(place("mode"), message, "leave it out, or use maximum");
    }
    match (mode, model) {
        (CpuMode::Custom, None) => {
            notes.blocker(place("model"), "cpu.mode is custom, but cpu.model is missing", "name a model");
        }
        (CpuMode::Custom, _) | (_, None) => {}
        (_, Some(model)) => {
            let message = text!("cpu.model is '{model}', but the mode {name} has no model", model, name = mode.name());
            notes.warning(place("model"), message, without("leave it out, or use the mode custom"));
        }
    }
    let what = "which kinds of CPU the host offers";
    if subject.machine.is_only_a_test()
        || notes.known(&subject.facts.domain_capabilities, || place("mode"), what).is_none()
    {
        return;
    }
    let offered = subject.capabilities().map(|known| known.cpu_modes.as_slice()).unwrap_or_default();
    if !offered.is_empty() && offered.iter().all(|known| known != mode.name()) {
        let message = text!("this host does not offer the mode {name}", name = mode.name());
        notes.blocker(place("mode"), message, text!("use {offered}", offered = Arg::all(offered)));
    }
}

fn model(subject: &Subject, notes: &mut Notes) {
    let Some(model) = &subject.machine.cpu.model else { return };
    let what = text!("whether the host offers the CPU model {model}", model);
    let Some(_) = notes.known(&subject.facts.domain_capabilities, || place("model"), &what) else { return };
    let models = subject.capabilities().map(|known| &known.cpu_models).filter(|models| !models.is_empty());
    let Some(models) = models else {
        return notes.unknown(place("model"), &what, "libvirt lists no models");
    };
    match models.get(model) {
        Some(true) => {}
        Some(false) => {
            let message = text!("this host lacks features of the CPU model {model}", model);
            notes.blocker(place("model"), message, "use an older model, or the mode host-model");
        }
        None => {
            let near = nearest(model, models.keys().map(String::as_str));
            let remedy = near.map_or("use the mode host-model".into(), |near| text!("did you mean {near}?", near));
            notes.blocker(place("model"), text!("libvirt has no CPU model {model}", model), remedy);
        }
    }
}

fn nested(subject: &Subject, notes: &mut Notes) {
    if subject.spec.cpu.as_ref().and_then(|cpu| cpu.nested) != Some(true) {
        return;
    }
    let what = "whether KVM supports nested guests";
    if virtualisation(vendor(subject.facts)).is_none() {
        return notes.unknown(place("nested"), what, "the vendor of the host's CPU is not known");
    }
    if subject.machine.virt_type.value == VirtType::Qemu && !subject.machine.is_only_a_test() {
        let message = "nested virtualisation requested, but the guest is emulated";
        return notes.blocker(place("nested"), message, "leave it out, or choose a host that runs KVM guests");
    }
    let Some(kernel) = notes.known(&subject.facts.kernel, || place("nested"), what) else { return };
    if notes.known(&kernel.nested, || place("nested"), what) == Some(&false) {
        let module = if vendor(subject.facts) == Vendor::Intel { "kvm_intel" } else { "kvm_amd" };
        let message = text!("nested virtualisation requested, but {module} was loaded with nested=0", module);
        let remedy =
            text!("write 'options {module} nested=1' to a file in /etc/modprobe.d and reload the module", module);
        notes.blocker(place("nested"), message, remedy);
    }
}

fn limit(subject: &Subject, notes: &mut Notes) {
    let Some(limit) = subject.spec.cpu.as_ref().and_then(|cpu| cpu.limit.as_ref()) else { return };
    notes.looked();
    match limit.thousandths() {
        Err(error) => notes.blocker(place("limit"), text!("{error}", error), "write 2, \"1.5\" or \"150 %\""),
        Ok(amount) if amount < 10 => {
            notes.blocker(
                place("limit"),
                "cpu.limit is below a hundredth of a CPU",
                without("use 0.01 or more, or leave it out"),
            );
        }
        Ok(amount) => {
            let most = u64::from(subject.machine.max_vcpus.or(subject.machine.vcpus).unwrap_or(0)) * 1000;
            if most > 0 && amount > most {
                let message = text!("cpu.limit is more than the VM's {most} vCPUs can use", most = most / 1000);
                notes.info(place("limit"), message, without("leave it out"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]
    use crate::checks::fixture::{Asked, Said, domain, known};
    use crate::facts::{Domain, DomainState, Fact, Facts, Kernel};
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    #[test]
    fn virtual_cpus_are_required() {
        Asked::with(json!({"vcpus": null})).blocks("CPU-MISSING", "vcpus", "vcpus is required").quiet("CPU-COUNT");
        Asked::with(json!({"vcpus": 0})).blocks("CPU-COUNT", "vcpus", "vcpus is 0").passes("CPU-MISSING");
    }

    #[test]
    fn qemu_has_a_largest_number() {
        let want = "289 vCPUs requested; machine type pc-q35-10.0 supports at most 288";
        Asked::with(json!({"vcpus": 289})).blocks("CPU-COUNT", "vcpus", want);
        Asked::with(json!({"vcpus": 288})).passes("CPU-COUNT");
        Asked::good().facts(|facts| facts.domain_capabilities = Fact::default()).unknown("CPU-COUNT");
    }

    #[test]
    fn more_than_the_host_has_is_a_warning() {
        Asked::with(json!({"vcpus": 25})).said("CPU-HOST").warning();
        Asked::with(json!({"vcpus": 24})).passes("CPU-HOST");
        Asked::good().facts(|facts| facts.capabilities = Fact::default()).unknown("CPU-HOST");
    }

    fn cpu(patch: Value) -> Asked {
        let features: BTreeSet<String> = ["aes", "sse4_1", "vmx", "pni"].map(String::from).into();
        Asked::with(json!({"cpu": patch})).facts(|facts| {
            let kernel = Kernel { cpu_features: known(features), nested: known(true), ..Kernel::default() };
            facts.kernel = known(kernel);
            facts.capabilities.get_mut().unwrap().cpu_vendor = Some("Intel".into());
        })
    }

    #[test]
    fn other_guests_take_cpu_time_too() {
        let other = |vcpus| Domain { vcpus, state: DomainState::Active, ..domain("web") };
        let want = "with this VM, 73 vCPUs run on the host's 24 CPUs";
        Asked::good().beside(other(69)).warns("CPU-BUSY", "vcpus", want);
        Asked::good().beside(other(68)).passes("CPU-BUSY");
        let pinned = Domain { pinned: "2-3".parse().unwrap(), ..other(2) };
        let want = "the running domain 'web' is also pinned to CPU 3";
        cpu(json!({"pinning": {"vcpus": ["3"]}})).beside(pinned).warns("CPU-BUSY", "cpu.pinning", want);
    }

    #[test]
    fn virtual_cpus_are_plugged_in_up_to_what_the_machine_takes() {
        Asked::with(json!({"max_vcpus": 8})).passes("CPU-MAX");
        Asked::with(json!({"max_vcpus": 2})).blocks("CPU-MAX", "max_vcpus", "max_vcpus is 2, vcpus is 4");
        let want = "max_vcpus is 300; machine type pc-q35-10.0 supports at most 288";
        Asked::with(json!({"max_vcpus": 300})).blocks("CPU-MAX", "max_vcpus", want);
    }

    #[test]
    fn the_arrangement_makes_the_number_of_virtual_cpus() {
        cpu(json!({"topology": {"sockets": 2, "threads": 2}})).passes("CPU-TOPOLOGY");
        let want = "1 socket x 3 cores x 1 thread make 3 vCPUs; the VM has 4";
        cpu(json!({"topology": {"cores": 3}})).blocks("CPU-TOPOLOGY", "cpu.topology", want);
        let arm = |topology: Value| Asked::with(json!({"architecture": "aarch64", "cpu": {"topology": topology}}));
        arm(json!({"clusters": 2})).passes("CPU-TOPOLOGY");
        cpu(json!({"topology": {"dies": 2}})).passes("CPU-TOPOLOGY");
        let want = "2 clusters requested; machines of x86_64 have none";
        cpu(json!({"topology": {"clusters": 2}})).blocks("CPU-TOPOLOGY", "cpu.topology.clusters", want);
        let want = "2 dies requested; machines of aarch64 have none";
        arm(json!({"dies": 2})).blocks("CPU-TOPOLOGY", "cpu.topology.dies", want);
        Asked::good().quiet("CPU-TOPOLOGY");
    }

    #[test]
    fn modes_and_models_are_those_of_the_host() {
        let models = |asked: Asked| {
            asked.offering(|known| {
                known.cpu_modes = ["host-passthrough", "custom"].map(String::from).into();
                known.cpu_models = [("EPYC".into(), false), ("Skylake-Server".into(), true)].into();
            })
        };
        models(cpu(json!({"mode": "host-passthrough"}))).passes("CPU-MODE").quiet("CPU-MODEL");
        let want = "this host does not offer the mode host-model";
        models(cpu(json!({"mode": "host-model"}))).blocks("CPU-MODE", "cpu.mode", want);
        models(cpu(json!({"mode": "custom"}))).said("CPU-MODE").blocker();
        let emulated = json!({"virt_type": "qemu", "cpu": {"mode": "host-passthrough"}});
        Asked::with(emulated).said("CPU-MODE").blocker();
        models(cpu(json!({"model": "Skylake-Server"}))).passes("CPU-MODEL").quiet("CPU-MODE");
        models(cpu(json!({"model": "EPYC"}))).said("CPU-MODEL").blocker();
        let Said { remedy, .. } = models(cpu(json!({"model": "Skylake-Sever"}))).said("CPU-MODEL").blocker();
        assert_eq!(remedy, "did you mean Skylake-Server?");
        cpu(json!({"model": "EPYC"})).facts(|facts| facts.domain_capabilities = Fact::default()).unknown("CPU-MODEL");
    }

    #[test]
    fn nesting_needs_the_module_to_allow_it() {
        cpu(json!({"nested": true})).passes("CPU-NESTED");
        cpu(json!({"nested": false})).quiet("CPU-NESTED");
        let off = |facts: &mut Facts| facts.kernel.get_mut().unwrap().nested = known(false);
        let want = "nested virtualisation requested, but kvm_intel was loaded with nested=0";
        cpu(json!({"nested": true})).facts(off).blocks("CPU-NESTED", "cpu.nested", want);
        cpu(json!({"nested": true})).facts(|facts| facts.kernel = Fact::default()).unknown("CPU-NESTED");
    }

    #[test]
    fn limits_are_amounts_that_limit_something() {
        cpu(json!({"limit": "1.5"})).passes("CPU-LIMIT");
        cpu(json!({"limit": "much"})).said("CPU-LIMIT").blocker();
        cpu(json!({"limit": 0})).said("CPU-LIMIT").blocker();
        assert_eq!(
            cpu(json!({"limit": 5})).said("CPU-LIMIT").message,
            "cpu.limit is more than the VM's 4 vCPUs can use"
        );
    }
}
