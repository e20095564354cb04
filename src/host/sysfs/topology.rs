//! The host's CPUs and NUMA nodes as the kernel lists them below /sys/devices/system.

use super::attribute::{failed, known, odd};
use crate::facts::{CoreKind, Fact, FactsPart, HugePages, LogicalCpu, NumaNode};
use crate::host::Sysroot;
use crate::units::{Bytes, CpuSet, KIB};
use std::collections::BTreeMap;

const CPUS: &str = "/sys/devices/system/cpu";
const NODES: &str = "/sys/devices/system/node";
const PAGES: &str = "/sys/kernel/mm/hugepages";

/// CPUs and nodes.
pub fn read(sysroot: &Sysroot) -> FactsPart {
    let nodes = nodes(sysroot);
    FactsPart::Cpus { cpus: cpus(sysroot, nodes.items()), nodes }
}

fn set(sysroot: &Sysroot, path: &str) -> Option<CpuSet> {
    sysroot.read(path).ok()?.parse().ok()
}

fn number<T: std::str::FromStr>(sysroot: &Sysroot, path: &str) -> Option<T> {
    sysroot.read(path).ok()?.trim().parse().ok()
}

fn cpus(sysroot: &Sysroot, nodes: &[NumaNode]) -> Fact<Vec<LogicalCpu>> {
    let path = format!("{CPUS}/present");
    let present: CpuSet = match sysroot.read(&path).map(|text| text.parse()) {
        Ok(Ok(present)) => present,
        Ok(Err(_)) => return Fact::unknown(odd(path)),
        Err(error) => return failed(&path, &error),
    };
    let online = set(sysroot, &format!("{CPUS}/online")).unwrap_or_else(|| present.clone());
    let mut cpus: Vec<LogicalCpu> = present.iter().map(|number| cpu(sysroot, number, &online, nodes)).collect();
    tell_kinds(sysroot, &mut cpus);
    known(cpus, CPUS)
}

fn cpu(sysroot: &Sysroot, number: u32, online: &CpuSet, nodes: &[NumaNode]) -> LogicalCpu {
    if !online.contains(number) {
        return LogicalCpu { number, ..LogicalCpu::default() };
    }
    let folder = format!("{CPUS}/cpu{number}");
    let topology = |name: &str| format!("{folder}/topology/{name}");
    let siblings =
        set(sysroot, &topology("thread_siblings_list")).or_else(|| set(sysroot, &topology("core_cpus_list")));
    // The kernel numbers caches from the smallest; index 0 and 1 are those of the core itself.
    let shared = |index: &&str| set(sysroot, &format!("{folder}/cache/{index}/shared_cpu_list"));
    let last = ["index3", "index2"].into_iter().find_map(|index| Some((index, shared(&index)?)));
    let size = |index: &str| sysroot.read(&format!("{folder}/cache/{index}/size")).ok();
    LogicalCpu {
        number,
        online: true,
        siblings: siblings.unwrap_or_else(|| CpuSet::one(number)),
        cache_size: last.as_ref().and_then(|(index, _)| cache_size(&size(index)?)),
        cache: last.map(|(_, cpus)| cpus).unwrap_or_default(),
        socket: self::number(sysroot, &topology("physical_package_id")),
        die: self::number(sysroot, &topology("die_id")),
        core: self::number(sysroot, &topology("core_id")),
        node: nodes.iter().find(|node| node.cpus.contains(number)).map(|node| node.number),
        kind: None,
        max_mhz: self::number(sysroot, &format!("{folder}/cpufreq/cpuinfo_max_freq")).map(|khz: u32| khz / 1000),
    }
}

/// `98304K`.
fn cache_size(text: &str) -> Option<Bytes> {
    let kib: u64 = text.trim().strip_suffix('K')?.parse().ok()?;
    Some(Bytes(kib.saturating_mul(KIB)))
}

/// Intel names the CPUs of each kind, ARM tells their capacity; elsewhere only a clearly lower clock tells dense cores.
fn tell_kinds(sysroot: &Sysroot, cpus: &mut [LogicalCpu]) {
    let fast = set(sysroot, "/sys/devices/cpu_core/cpus");
    let frugal = set(sysroot, "/sys/devices/cpu_atom/cpus");
    if let (Some(fast), Some(frugal)) = (fast, frugal) {
        for cpu in cpus {
            cpu.kind = match cpu.number {
                number if fast.contains(number) => Some(CoreKind::Performance),
                number if frugal.contains(number) => Some(CoreKind::Efficiency),
                _ => None,
            };
        }
        return;
    }
    let capacity = |cpu: &LogicalCpu| number::<u32>(sysroot, &format!("{CPUS}/cpu{}/cpu_capacity", cpu.number));
    let mut measures: Vec<Option<u32>> = cpus.iter().map(|cpu| cpu.online.then(|| capacity(cpu)).flatten()).collect();
    if measures.iter().all(Option::is_none) {
        measures = cpus.iter().map(|cpu| cpu.max_mhz).collect();
    }
    let most = measures.iter().flatten().max().copied().unwrap_or(0);
    // Boost clocks of equal cores differ by some percent, those of different kinds by a third.
    let is_slow = |measure: u32| measure < most / 5 * 4;
    if measures.iter().flatten().any(|measure| is_slow(*measure)) {
        for (cpu, measure) in cpus.iter_mut().zip(measures) {
            cpu.kind =
                measure.map(|measure| if is_slow(measure) { CoreKind::Efficiency } else { CoreKind::Performance });
        }
    }
}

fn nodes(sysroot: &Sysroot) -> Fact<Vec<NumaNode>> {
    let path = format!("{NODES}/online");
    match sysroot.read(&path).map(|text| text.parse::<CpuSet>()) {
        Ok(Ok(numbers)) => known(numbers.iter().map(|number| node(sysroot, number)).collect(), NODES),
        Ok(Err(_)) => Fact::unknown(odd(path)),
        // A kernel without NUMA.
        Err(_) if sysroot.exists(PAGES) && !sysroot.exists(NODES) => known(vec![alone(sysroot)], PAGES),
        Err(error) => failed(&path, &error),
    }
}

fn node(sysroot: &Sysroot, number: u32) -> NumaNode {
    let folder = format!("{NODES}/node{number}");
    let memory = sysroot.read(&format!("{folder}/meminfo")).unwrap_or_default();
    let online = set(sysroot, &format!("{NODES}/online")).unwrap_or_default();
    let distances = sysroot.read(&format!("{folder}/distance")).unwrap_or_default();
    let distances = distances.split_whitespace().filter_map(|distance| distance.parse().ok());
    NumaNode {
        number,
        cpus: set(sysroot, &format!("{folder}/cpulist")).unwrap_or_default(),
        memory: amount(&memory, "MemTotal"),
        free: amount(&memory, "MemFree"),
        huge_pages: huge_pages(sysroot, &format!("{folder}/hugepages")),
        distances: online.iter().zip(distances).collect::<BTreeMap<_, _>>(),
    }
}

/// The whole machine, where the kernel knows no nodes.
fn alone(sysroot: &Sysroot) -> NumaNode {
    let memory = sysroot.read("/proc/meminfo").unwrap_or_default();
    NumaNode {
        cpus: set(sysroot, &format!("{CPUS}/online")).unwrap_or_default(),
        memory: amount(&memory, "MemTotal"),
        free: amount(&memory, "MemFree"),
        huge_pages: huge_pages(sysroot, PAGES),
        ..NumaNode::default()
    }
}

/// `Node 0 MemTotal:  65798340 kB`, in /proc/meminfo without the node.
fn amount(text: &str, key: &str) -> Option<Bytes> {
    let line = text.lines().find_map(|line| line.split_once(key)?.1.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| Bytes(kib.saturating_mul(KIB)))
}

fn huge_pages(sysroot: &Sysroot, folder: &str) -> Vec<HugePages> {
    let of = |name: &String| {
        let kib: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        Some(HugePages {
            size: Bytes(kib.saturating_mul(KIB)),
            total: number(sysroot, &format!("{folder}/{name}/nr_hugepages"))?,
            free: number(sysroot, &format!("{folder}/{name}/free_hugepages")),
        })
    };
    let mut pages: Vec<HugePages> = sysroot.names(folder).iter().filter_map(of).collect();
    pages.sort_unstable_by_key(|pages| pages.size);
    pages
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Sysroot) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let sysroot = Sysroot::new(folder.path());
        (folder, sysroot)
    }

    fn read_all(files: &[(&str, &str)]) -> (Vec<LogicalCpu>, Vec<NumaNode>) {
        let (_folder, sysroot) = tree(files);
        let FactsPart::Cpus { cpus, nodes } = read(&sysroot) else { unreachable!() };
        (cpus.items().to_vec(), nodes.items().to_vec())
    }

    #[test]
    fn cores_caches_nodes_and_pages_are_read() {
        let (cpus, nodes) = read_all(&[
            ("/sys/devices/system/cpu/present", "0-2\n"),
            ("/sys/devices/system/cpu/online", "0,2\n"),
            ("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,2\n"),
            ("/sys/devices/system/cpu/cpu0/topology/physical_package_id", "1\n"),
            ("/sys/devices/system/cpu/cpu0/cache/index3/shared_cpu_list", "0-2\n"),
            ("/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "0,2\n"),
            ("/sys/devices/system/node/online", "0-1\n"),
            ("/sys/devices/system/node/node0/cpulist", "0\n"),
            ("/sys/devices/system/node/node0/meminfo", "Node 0 MemTotal: 2048 kB\nNode 0 MemFree: 1024 kB\n"),
            ("/sys/devices/system/node/node0/distance", "10 21\n"),
            ("/sys/devices/system/node/node1/cpulist", "2\n"),
            ("/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages", "16\n"),
            ("/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/free_hugepages", "12\n"),
        ]);
        assert_eq!((cpus[0].siblings.to_string(), cpus[0].cache.to_string()), ("0,2".into(), "0-2".into()));
        assert_eq!((cpus[0].socket, cpus[0].node, cpus[2].node), (Some(1), Some(0), Some(1)));
        assert_eq!(cpus[1], LogicalCpu { number: 1, ..LogicalCpu::default() });
        assert_eq!((nodes[0].memory, nodes[0].free), (Some(Bytes::mib(2)), Some(Bytes::mib(1))));
        assert_eq!(nodes[0].distances, BTreeMap::from([(0, 10), (1, 21)]));
        assert_eq!(nodes[1].pages(Bytes::gib(1)).map(|pages| (pages.total, pages.free)), Some((16, Some(12))));
    }

    #[test]
    fn kinds_of_cores_are_told_by_name_by_capacity_or_by_a_much_lower_clock() {
        let with = |files: &[(&str, &str)]| {
            let all = [&[("/sys/devices/system/cpu/present", "0-1")], files].concat();
            let (cpus, _) = read_all(&all);
            (cpus[0].kind, cpus[1].kind)
        };
        let told = (Some(CoreKind::Performance), Some(CoreKind::Efficiency));
        assert_eq!(with(&[("/sys/devices/cpu_core/cpus", "0"), ("/sys/devices/cpu_atom/cpus", "1")]), told);
        let capacity = |first, second| {
            with(&[
                ("/sys/devices/system/cpu/cpu0/cpu_capacity", first),
                ("/sys/devices/system/cpu/cpu1/cpu_capacity", second),
            ])
        };
        assert_eq!((capacity("1024", "446"), capacity("1024", "1024")), (told, (None, None)));
        let clock = |first, second| {
            with(&[
                ("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", first),
                ("/sys/devices/system/cpu/cpu1/cpufreq/cpuinfo_max_freq", second),
            ])
        };
        assert_eq!((clock("5100000", "3300000"), clock("5800000", "5500000")), (told, (None, None)));
    }

    #[test]
    fn what_the_tree_lacks_is_unknown() {
        let (_folder, sysroot) = tree(&[("/proc/cpuinfo", "")]);
        let FactsPart::Cpus { cpus, nodes } = read(&sysroot) else { unreachable!() };
        assert_eq!(cpus.why_not(), Some("/sys/devices/system/cpu/present does not exist."));
        assert!(nodes.get().is_none());
    }

    #[test]
    fn a_kernel_without_numa_is_one_node() {
        let (_, nodes) = read_all(&[
            ("/sys/devices/system/cpu/present", "0-1"),
            ("/sys/devices/system/cpu/online", "0-1"),
            ("/proc/meminfo", "MemTotal: 4096 kB\nMemFree: 2048 kB\n"),
            ("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "3"),
        ]);
        assert_eq!((nodes.len(), nodes[0].cpus.len(), nodes[0].memory), (1, 2, Some(Bytes::mib(4))));
        assert_eq!(nodes[0].pages(Bytes::mib(2)).map(|pages| (pages.total, pages.free)), Some((3, None)));
    }
}
