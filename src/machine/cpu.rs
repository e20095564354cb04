//! The virtual CPU: mode, features, arrangement, caches, share of the host's time.

use super::{Choice, Pinning};
use crate::facts::{DomainCapabilities, Facts};
use crate::spec::{self, CpuCache, CpuMode, Place, Spec, VirtType, filled};

/// The virtual CPU with nothing left to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Cpu {
    /// What the guest sees.
    pub mode: Choice<CpuMode>,
    /// True where the host does not offer that mode and nobody asked for it: QEMU's usual CPU is left as it is.
    pub usual: bool,
    /// Model of the mode custom.
    pub model: Option<String>,
    /// Features that are required or hidden, each once.
    pub features: Vec<CpuFeature>,
    /// Arrangement; `None` where the number of virtual CPUs is not given.
    pub topology: Option<Choice<Topology>>,
    /// Caches that are written out; `None` leaves them to QEMU.
    pub cache: Choice<Option<CpuCache>>,
    /// Most CPU time of the whole VM, in thousandths of a host CPU.
    pub limit: Option<u64>,
}

/// A feature that differs from what the mode gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuFeature {
    /// libvirt's name.
    pub name: String,
    /// True to require it, false to hide it.
    pub on: bool,
    /// Who wants it and why.
    pub reason: super::Reason,
    /// The field that made it or would change it.
    pub place: Place,
}

/// Sockets, dies, clusters, cores, threads: each within the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Sockets.
    pub sockets: u32,
    /// Dies per socket.
    pub dies: u32,
    /// Clusters per die.
    pub clusters: u32,
    /// Cores per cluster.
    pub cores: u32,
    /// Threads per core.
    pub threads: u32,
}

impl Topology {
    /// How many virtual CPUs it makes.
    pub fn cpus(self) -> u64 {
        [self.sockets, self.dies, self.clusters, self.cores, self.threads].map(u64::from).iter().product()
    }
}

/// Vendors whose CPUs differ in what they call their features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// GenuineIntel.
    Intel,
    /// AuthenticAMD, HygonGenuine.
    Amd,
    /// Another, or not known.
    Other,
}

/// The maker of the host's CPU.
pub fn vendor(facts: &Facts) -> Vendor {
    let kernel = facts.kernel.get().and_then(|kernel| kernel.cpu.get()).map(|cpu| cpu.vendor.as_str());
    let libvirt = facts.capabilities.get().and_then(|known| known.cpu_vendor.as_deref());
    match kernel.filter(|vendor| !vendor.is_empty()).or(libvirt) {
        Some("GenuineIntel" | "Intel") => Vendor::Intel,
        Some("AuthenticAMD" | "AMD" | "HygonGenuine" | "Hygon") => Vendor::Amd,
        _ => Vendor::Other,
    }
}

/// The feature by which a CPU of this maker runs guests.
pub fn virtualisation(vendor: Vendor) -> Option<&'static str> {
    match vendor {
        Vendor::Intel => Some("vmx"),
        Vendor::Amd => Some("svm"),
        Vendor::Other => None,
    }
}

/// The name and sign of `+name` or `-name`.
pub fn signed(text: &str) -> Option<(bool, &str)> {
    let text = text.trim();
    let on = text.strip_prefix('+').map(|name| (true, name));
    let (on, name) = on.or_else(|| text.strip_prefix('-').map(|name| (false, name)))?;
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (!name.is_empty() && name.chars().all(fine)).then_some((on, name))
}

pub(super) fn cpu(
    spec: &Spec,
    facts: &Facts,
    host: Option<&DomainCapabilities>,
    kind: VirtType,
    x86: bool,
    pinning: &Pinning,
) -> Cpu {
    let asked = spec.cpu.as_ref();
    let mode = mode(asked, kind);
    let offered = host.map_or(&[][..], |host| &host.cpu_modes);
    let usual = mode.why().is_some() && !offered.is_empty() && offered.iter().all(|name| name != mode.value.name());
    let topology = topology(spec, pinning);
    let model = filled(asked.and_then(|cpu| cpu.model.as_deref()));
    let cache = match asked.and_then(|cpu| cpu.cache) {
        Some(cache) => Choice::asked(Some(cache), place("cache")),
        None if x86 && mode.value == CpuMode::HostPassthrough => {
            Choice::default(Some(CpuCache::Passthrough), "the guest's scheduler sees which CPUs share a cache")
        }
        None => Choice::default(None, "left to QEMU"),
    };
    Cpu {
        features: features(asked, facts, mode.value, topology.as_ref().map(|choice| choice.value)),
        model: model.filter(|_| mode.value == CpuMode::Custom).map(str::to_owned),
        limit: asked.and_then(|cpu| cpu.limit.as_ref()?.thousandths().ok()),
        mode,
        usual,
        topology,
        cache,
    }
}

fn place(field: &str) -> Place {
    Place::root().key("cpu").key(field)
}

/// The host's own CPU under KVM, everything that TCG can emulate otherwise: a model that names features may lack some.
fn mode(asked: Option<&spec::Cpu>, kind: VirtType) -> Choice<CpuMode> {
    let model = asked.and_then(|cpu| filled(cpu.model.as_deref()));
    match (asked.and_then(|cpu| cpu.mode), kind) {
        (Some(mode), _) => Choice::asked(mode, place("mode")),
        (None, _) if model.is_some() => Choice::asked(CpuMode::Custom, place("model")),
        (None, VirtType::Kvm) => Choice::default(CpuMode::HostPassthrough, "the host's CPU, all its features"),
        (None, VirtType::Qemu) => Choice::default(CpuMode::Maximum, "emulated: all features of QEMU"),
    }
}

/// One socket with all cores. libvirt's own choice is one socket per CPU, of which client editions of Windows use two.
fn topology(spec: &Spec, pinning: &Pinning) -> Option<Choice<Topology>> {
    let total = spec.max_vcpus.unwrap_or(0).max(spec.vcpus?);
    let asked = spec.cpu.as_ref().and_then(|cpu| cpu.topology.clone());
    let paired = pinning.pairs && total.is_multiple_of(2) && total > 0;
    let Some(asked) = asked else {
        let all = |cores, threads| Topology { sockets: 1, dies: 1, clusters: 1, cores, threads };
        if let Some(topology) = two_sockets(pinning, if paired { 2 } else { 1 }) {
            return Some(Choice::default(topology, "a socket for each node that the guest sees"));
        }
        return Some(if paired {
            Choice::default(all(total / 2, 2), "pairs of virtual CPUs run on the two threads of a core")
        } else {
            Choice::default(all(total, 1), "one socket: some systems use at most two")
        });
    };
    let one = |number: Option<u32>| number.unwrap_or(1);
    let (sockets, dies, clusters) = (one(asked.sockets), one(asked.dies), one(asked.clusters));
    let threads = asked.threads.unwrap_or(if paired && asked.cores.is_none() { 2 } else { 1 });
    let others = [sockets, dies, clusters, threads].iter().try_fold(1u32, |product, n| product.checked_mul(*n));
    let rest = others.filter(|others| *others > 0).map_or(1, |others| (total / others).max(1));
    let cores = asked.cores.unwrap_or(rest);
    Some(Choice::asked(Topology { sockets, dies, clusters, cores, threads }, place("topology")))
}

/// Two sockets where the guest sees two nodes of the same size, which no system refuses.
fn two_sockets(pinning: &Pinning, threads: u32) -> Option<Topology> {
    let [(first, _), (second, _)] = pinning.cells.as_slice() else { return None };
    let own = u32::try_from(first.len()).ok().filter(|own| own.is_multiple_of(threads))?;
    let equal = first.len() == second.len();
    equal.then(|| Topology { sockets: 2, dies: 1, clusters: 1, cores: own / threads, threads })
}

fn features(asked: Option<&spec::Cpu>, facts: &Facts, mode: CpuMode, topology: Option<Topology>) -> Vec<CpuFeature> {
    let mut features: Vec<CpuFeature> = Vec::new();
    let rows = asked.and_then(|cpu| cpu.features.as_ref()).into_iter().flatten().enumerate();
    for (row, text) in rows {
        let Some((on, name)) = signed(text) else { continue };
        if features.iter().all(|known| known.name != name) {
            let place = place("features").index(row);
            let reason = super::Reason::Asked(place.clone());
            features.push(CpuFeature { name: name.to_owned(), on, reason, place });
        }
    }
    let nested = asked.and_then(|cpu| cpu.nested).zip(virtualisation(vendor(facts)));
    let nested = nested.map(|(on, name)| (name, on, super::Reason::Asked(place("nested")), place("nested")));
    let threads = topology.is_some_and(|topology| topology.threads > 1);
    let pairs = threads && mode == CpuMode::HostPassthrough && vendor(facts) == Vendor::Amd;
    let why = "the guest sees the threads of an AMD CPU only with it";
    let topoext = pairs.then(|| ("topoext", true, super::Reason::Default(why.into()), place("topology")));
    for (name, on, reason, place) in nested.into_iter().chain(topoext) {
        if features.iter().all(|known| known.name != name) {
            features.push(CpuFeature { name: name.to_owned(), on, reason, place });
        }
    }
    features
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{Capabilities, Fact, Provenance};
    use serde_json::json;

    fn of(vendor: &str, spec: serde_json::Value, pairs: bool) -> Cpu {
        let known = Capabilities { cpu_vendor: Some(vendor.into()), ..Capabilities::default() };
        let capabilities = Fact::known(known, Provenance::Command("test".into()), 0);
        let facts = Facts { capabilities, ..Facts::default() };
        let pinning = Pinning { pairs, ..Pinning::default() };
        cpu(&serde_json::from_value(spec).unwrap(), &facts, None, VirtType::Kvm, true, &pinning)
    }

    fn names(cpu: &Cpu) -> Vec<(&str, bool)> {
        cpu.features.iter().map(|feature| (feature.name.as_str(), feature.on)).collect()
    }

    #[test]
    fn the_arrangement_follows_from_what_was_asked() {
        let of = |spec, pairs| of("Intel", spec, pairs).topology.unwrap().value;
        let all = |sockets, cores, threads| Topology { sockets, dies: 1, clusters: 1, cores, threads };
        assert_eq!(of(json!({"vcpus": 6}), false), all(1, 6, 1));
        assert_eq!(of(json!({"vcpus": 6}), true), all(1, 3, 2));
        assert_eq!(of(json!({"vcpus": 7}), true), all(1, 7, 1));
        assert_eq!(of(json!({"vcpus": 2, "max_vcpus": 8}), false), all(1, 8, 1));
        assert_eq!(of(json!({"vcpus": 8, "cpu": {"topology": {"sockets": 2, "threads": 2}}}), false), all(2, 2, 2));
        assert_eq!(of(json!({"vcpus": 8, "cpu": {"topology": {"sockets": 0}}}), false).cpus(), 0);
    }

    #[test]
    fn threads_need_topoext_on_amd_and_never_on_intel() {
        let threads = json!({"vcpus": 4, "cpu": {"topology": {"threads": 2}}});
        assert_eq!(names(&of("AMD", threads.clone(), false)), [("topoext", true)]);
        assert_eq!(names(&of("Intel", threads, false)), []);
        assert_eq!(names(&of("AMD", json!({"vcpus": 4}), false)), []);
        let model = json!({"vcpus": 4, "cpu": {"mode": "host-model", "topology": {"threads": 2}}});
        assert_eq!(names(&of("AMD", model, false)), []);
    }

    #[test]
    fn what_is_asked_stands_before_what_follows() {
        let asked = json!({"vcpus": 2, "cpu": {"features": ["-svm", "+aes", "nonsense"], "nested": true}});
        assert_eq!(names(&of("AMD", asked, false)), [("svm", false), ("aes", true)]);
        assert_eq!(names(&of("Intel", json!({"vcpus": 2, "cpu": {"nested": false}}), false)), [("vmx", false)]);
        let model = of("AMD", json!({"vcpus": 2, "cpu": {"model": "EPYC"}}), false);
        assert_eq!((model.mode.value, model.model.as_deref()), (CpuMode::Custom, Some("EPYC")));
    }
}
