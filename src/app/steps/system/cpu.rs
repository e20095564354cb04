//! The virtual CPU: what the guest sees, how much of the host it may use, and where its threads run.

use super::super::page::top;
use crate::app::Model;
use crate::app::form::{Field, why};
use crate::app::options::{CPU_CACHES, CPU_MODES, KnownValues};
use crate::machine::{Choice, Topology};
use crate::spec::Place;
use crate::units::CpuSet;

/// The fields, with their headings.
pub(super) fn fields(model: &Model) -> impl Iterator<Item = Field> {
    let cpu = seen(model).into_iter().chain(topology(model)).chain(share(model));
    cpu.map(Field::more).chain(pinning(model))
}

fn at(field: &str) -> Place {
    top("cpu").key(field)
}

fn seen(model: &Model) -> Vec<Field> {
    let cpu = &model.case.machine.cpu;
    let cache = cpu.cache.value.map_or("as the model has it", crate::spec::CpuCache::name);
    vec![
        Field::choice(at("mode"), KnownValues::Fixed(CPU_MODES))
            .default(cpu.mode.value.name(), why(&cpu.mode))
            .help("What the guest sees of the host's CPU."),
        Field::free(at("model"), KnownValues::CpuModels)
            .default("none", "only with CPU mode custom")
            .help("For CPU mode custom, by libvirt's name."),
        Field::lines(at("features"))
            .default(features(model), "")
            .help("One per line: +name requires it, -name hides it."),
        Field::choice(at("cache"), KnownValues::Fixed(CPU_CACHES)).default(cache, why(&cpu.cache)),
        Field::toggle(at("nested")).default("as the host", "").help("Whether the guest can run guests."),
    ]
}

/// Those that vmbuild sets by itself.
fn features(model: &Model) -> String {
    let features = &model.case.machine.cpu.features;
    let sign = |on: bool| if on { '+' } else { '-' };
    let names: Vec<String> = features.iter().map(|feature| format!("{}{}", sign(feature.on), feature.name)).collect();
    if names.is_empty() { "none".into() } else { names.join(" ") }
}

fn topology(model: &Model) -> Vec<Field> {
    let known = model.case.machine.cpu.topology.as_ref();
    let part = |name: &str, of: fn(&Topology) -> u32| {
        let value = known.map(|known| of(&known.value).to_string()).unwrap_or_default();
        Field::text(at("topology").key(name)).default(value, known.map(why).unwrap_or_default())
    };
    vec![
        part("sockets", |known| known.sockets),
        part("dies", |known| known.dies).help("Per socket."),
        part("clusters", |known| known.clusters).help("Per die."),
        part("cores", |known| known.cores).help("Per cluster."),
        part("threads", |known| known.threads).help("Per core."),
    ]
}

fn share(model: &Model) -> Vec<Field> {
    let count = model.spec().vcpus.map(|count| count.to_string()).unwrap_or_default();
    vec![
        Field::text(top("max_vcpus")).default(count, "").help("How many the guest can be given while it runs."),
        Field::text(at("limit")).default("none", "").help("Time of the whole VM: 2, 1.5 or 150 % of a host CPU."),
        Field::text(top("iothreads"))
            .default("none", "")
            .help("Threads of QEMU that serve disks: each disk names its own."),
    ]
}

/// Whether threads are pinned, and each line: its proposal stands in it as the default, with the reason.
fn pinning(model: &Model) -> Vec<Field> {
    let pinning = &model.case.machine.pinning;
    let at = |field: &str| at("pinning").key(field);
    let auto = Field::toggle(at("auto"))
        .default("no", "")
        .note(pinning.failed.clone().unwrap_or_default())
        .help("Proposes a host CPU for each thread, from cores, caches and nodes; M shows them all.");
    let mut fields = vec![auto.more()];
    if !pinning.auto && !pinning.is_some() {
        return fields;
    }
    let reserve = Field::text(at("reserve"))
        .default("1 core", if pinning.auto { format!("CPU {}", pinning.reserve) } else { String::new() })
        .help("Cores that the proposal leaves to the host, from that of CPU 0 up.");
    fields.push(reserve.more());
    fields.push(line(at("emulator"), pinning.emulator.as_ref()).more());
    let threads = [("vcpus", &pinning.vcpus, 0), ("iothreads", &pinning.iothreads, 1)];
    for (list, lines, first) in threads {
        let rows = lines.iter().enumerate();
        fields.extend(rows.map(|(row, choice)| line(at(list).index(row), choice.as_ref()).numbered(row + first)));
    }
    fields
}

fn line(place: Place, choice: Option<&Choice<CpuSet>>) -> Field {
    let field = Field::text(place).help("Host CPUs: 2 or 0-3,8. Del goes back to the proposal.");
    match choice {
        Some(choice) => field.default(choice.value.to_string(), why(choice)),
        None => field.default("any", ""),
    }
}
