//! The virtual CPU: how many, what each is, and where they run.

use super::Element;
use crate::machine::{Choice, Feature, Machine, Reason, Topology, Width};
use crate::spec::{CpuMode, Place, VirtType};
use crate::units::CpuSet;

/// The length of a period in microseconds: the kernel's own.
const PERIOD: u64 = 100_000;

/// How many: at the start, and at most.
pub(super) fn count(machine: &Machine) -> Option<Element> {
    let now = machine.vcpus?;
    let vcpu = Element::new("vcpu").attr("placement", "static");
    Some(match machine.max_vcpus {
        Some(most) => vcpu.attr("current", now.to_string()).text(most.to_string()).field("max_vcpus"),
        None => vcpu.text(now.to_string()).field("vcpus"),
    })
}

/// Each virtual CPU where some can be plugged in later: those of the start stay.
pub(super) fn pluggable(machine: &Machine) -> Option<Element> {
    // More than any machine takes is refused; nobody needs to see it written out.
    let (now, most) = (machine.vcpus?, machine.max_vcpus.filter(|most| *most <= 4096)?);
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let each = |id: u32| {
        let vcpu = Element::new("vcpu").attr("id", id.to_string()).attr("enabled", yes(id < now));
        vcpu.attr("hotpluggable", yes(id >= now))
    };
    Some(Element::new("vcpus").children((0..most).map(each)).field("max_vcpus"))
}

/// The I/O threads.
pub(super) fn iothreads(machine: &Machine) -> Option<Element> {
    let count = machine.iothreads;
    (count > 0).then(|| Element::new("iothreads").text(count.to_string()).field("iothreads"))
}

/// Limit and pins.
pub(super) fn tuning(machine: &Machine) -> Option<Element> {
    let pinning = &machine.pinning;
    let limit = machine.cpu.limit.filter(|limit| *limit > 0);
    let quota = limit.map(|limit| (limit * (PERIOD / 1000)).max(1000));
    let limits = quota.into_iter().flat_map(|quota| {
        // Of the whole VM: libvirt's plain quota counts for each virtual CPU.
        [("global_period", PERIOD), ("global_quota", quota)]
            .map(|(name, value)| Element::new(name).text(value.to_string()).origin(place("limit")))
    });
    let vcpus = pinning.vcpus.iter().enumerate().filter_map(|(at, line)| Some((at, line.as_ref()?)));
    let vcpus = vcpus.map(|(at, line)| pin(Element::new("vcpupin").attr("vcpu", at.to_string()), line));
    let emulator = pinning.emulator.as_ref().map(|line| pin(Element::new("emulatorpin"), line));
    let threads = pinning.iothreads.iter().enumerate().filter_map(|(at, line)| Some((at + 1, line.as_ref()?)));
    let threads = threads.map(|(at, line)| pin(Element::new("iothreadpin").attr("iothread", at.to_string()), line));
    let all: Vec<Element> = limits.chain(vcpus).chain(emulator).chain(threads).collect();
    (!all.is_empty()).then(|| Element::new("cputune").children(all).field("cpu"))
}

fn pin(element: Element, line: &Choice<CpuSet>) -> Element {
    let origin = match &line.reason {
        Reason::Asked(place) => place.clone(),
        Reason::Default(_) => place("pinning"),
    };
    element.attr("cpuset", line.value.to_string()).origin(origin)
}

fn place(field: &str) -> Place {
    Place::root().key("cpu").key(field)
}

/// What each is.
pub(super) fn cpu(machine: &Machine) -> Element {
    let made = &machine.cpu;
    let cpu = Element::new("cpu");
    let cpu = if made.usual { cpu } else { cpu.attr("mode", made.mode.value.name()) };
    let cpu = match made.mode.value {
        _ if made.usual => cpu,
        CpuMode::HostPassthrough if machine.is_x86() && !machine.dropped.contains(&Feature::Migratable) => {
            cpu.attr("check", "none").attr("migratable", "off")
        }
        CpuMode::HostPassthrough | CpuMode::Maximum => cpu.attr("check", "none"),
        // libvirt compares a model with what QEMU really gives.
        CpuMode::HostModel | CpuMode::Custom => cpu.attr("check", "partial"),
    };
    let model = made
        .model
        .as_ref()
        .map(|model| Element::new("model").attr("fallback", "forbid").text(model.clone()).origin(place("model")));
    let cache = made.cache.value.map(|cache| {
        let element = Element::new("cache");
        // Emulated caches have a level; without one libvirt refuses them.
        let element = if cache == crate::spec::CpuCache::Emulate { element.attr("level", "3") } else { element };
        let element = element.attr("mode", cache.name());
        if machine.cpu.cache.why().is_none() { element.origin(place("cache")) } else { element }
    });
    let features = made.features.iter().map(|feature| {
        let policy = if feature.on { "require" } else { "disable" };
        Element::new("feature").attr("policy", policy).attr("name", feature.name.clone()).origin(feature.place.clone())
    });
    let cpu = cpu
        .child(model)
        .child(made.topology.as_ref().map(topology))
        .child(cache)
        .child(width(machine))
        .children(features);
    let cpu = cpu.child(super::memory::cells(machine));
    match &made.mode.reason {
        Reason::Asked(place) => cpu.origin(place.clone()),
        Reason::Default(_) => cpu.field("virt_type"),
    }
}

fn topology(choice: &Choice<Topology>) -> Element {
    let Topology { sockets, dies, clusters, cores, threads } = choice.value;
    let mut element = Element::new("topology").attr("sockets", sockets.to_string());
    for (name, count) in [("dies", dies), ("clusters", clusters)] {
        if count != 1 {
            element = element.attr(name, count.to_string());
        }
    }
    let element = element.attr("cores", cores.to_string()).attr("threads", threads.to_string());
    match &choice.reason {
        Reason::Asked(place) => element.origin(place.clone()),
        Reason::Default(_) => element.field("vcpus"),
    }
}

/// The width of the guest's addresses, where passed devices ask for one. A libvirt without limits is told the width
/// itself, and so is one that is asked for a model, as a model has a width of its own.
fn width(machine: &Machine) -> Option<Element> {
    let width = machine.address_space.width.filter(|_| !machine.dropped.contains(&Feature::AddressWidth))?;
    let alike = machine.cpu.mode.value == CpuMode::HostPassthrough;
    if !machine.is_x86() || machine.virt_type.value != VirtType::Kvm {
        return None;
    }
    let element = Element::new("maxphysaddr").field("pci_devices");
    match width {
        Width::Limit(bits) if !alike || machine.dropped.contains(&Feature::AddressLimit) => {
            Some(element.attr("mode", "emulate").attr("bits", bits.to_string()))
        }
        Width::Limit(bits) => Some(element.attr("mode", "passthrough").attr("limit", bits.to_string())),
        Width::Host => alike.then(|| element.attr("mode", "passthrough")),
    }
}
