//! A proposal of pins, from the host's cores alone: nothing of specs. The same host and wish give the same lines.
//!
//! Virtual CPUs get whole cores, both threads of a core to a pair; cores of one cache if they suffice, the largest first, else
//! of one node, else of all; fast cores alone, unless there are too few of them. The core of CPU 0, where the host's own work
//! gathers, stays with the host; another one does where the guest needs that for cores of one kind or of one node, or would
//! miss the largest cache. QEMU's own threads run on what is left.

use crate::facts::{CoreKind, LogicalCpu};
use crate::units::CpuSet;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be placed.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    /// The node each virtual CPU must run on, if one.
    pub(super) nodes: Vec<Option<u32>>,
    /// The node that is better than others: that of the passed card.
    pub(super) near: Option<u32>,
    /// How many I/O threads there are.
    pub(super) iothreads: u32,
    /// How many cores stay with the host.
    pub(super) reserve: u32,
    /// CPUs that other virtual machines are pinned to: the last choice.
    pub(super) taken: CpuSet,
    /// CPUs that the user gave to threads by hand: no choice.
    pub(super) given: CpuSet,
}

/// Where one thread runs, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) cpus: CpuSet,
    pub(super) why: String,
}

/// All lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) vcpus: Vec<Placement>,
    pub(super) emulator: Option<Placement>,
    pub(super) iothreads: Vec<Placement>,
    /// CPUs that stay with the host.
    pub(super) reserve: CpuSet,
}

/// A core of the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostCore {
    /// Its CPUs, those that are online.
    pub cpus: CpuSet,
    /// Its NUMA node.
    pub node: u32,
    /// The first CPU that shares its cache: the name of the cache.
    pub cache: u32,
    /// Size of that cache, in bytes; 0 where it is not known.
    pub cache_size: u64,
    /// True for the frugal cores of a CPU that has two kinds.
    pub slow: bool,
}

/// Proposes a line for every thread, or says why that cannot be done.
pub(super) fn propose(wish: &Wish, cpus: &[LogicalCpu]) -> Result<Proposal, String> {
    let all = cores(cpus);
    let kept = usize::try_from(wish.reserve).unwrap_or(usize::MAX).min(all.len());
    if kept == all.len() && !wish.nodes.is_empty() {
        let have = if all.len() == 1 { "1 core".to_owned() } else { format!("{} cores", all.len()) };
        return Err(format!("the host has {have} and reserves {kept}: none is left for the guest"));
    }
    let mut best: Option<(Blemishes, Proposal)> = None;
    let mut failed = None;
    for host in reserves(&all, kept) {
        match on(wish, &all, &host) {
            Ok((PERFECT, proposal)) => return Ok(proposal),
            // Of equals the first: the core of CPU 0 stays with the host.
            Ok(found) if best.as_ref().is_none_or(|(least, _)| found.0 < *least) => best = Some(found),
            Ok(_) => {}
            Err(why) => failed = failed.or(Some(why)),
        }
    }
    match (best, failed) {
        (Some((_, proposal)), _) => Ok(proposal),
        (None, why) => Err(why.unwrap_or_else(|| "the host has no cores".into())),
    }
}

/// What is not as it should be: frugal cores where there are fast ones, several nodes, another node than the card's; where caches
/// differ in size, less than the largest for the guest, or the host in it.
type Blemishes = (usize, usize, bool, bool);
const PERFECT: Blemishes = (0, 1, false, false);

/// Cores that the host could keep: that of CPU 0 with those after it; frugal ones; those of the smallest cache; of each node
/// its first.
fn reserves(all: &[HostCore], kept: usize) -> Vec<Vec<HostCore>> {
    let first = |wanted: &dyn Fn(&HostCore) -> bool| -> Vec<HostCore> {
        all.iter().filter(|core| wanted(core)).take(kept).cloned().collect()
    };
    let smallest = all.iter().map(|core| core.cache_size).min().unwrap_or(0);
    let nodes: BTreeSet<u32> = all.iter().map(|core| core.node).collect();
    let mut reserves = vec![first(&|_| true), first(&|core| core.slow), first(&|core| core.cache_size == smallest)];
    reserves.extend(nodes.iter().map(|node| first(&|core| core.node == *node)));
    reserves.retain(|host| host.len() == kept);
    reserves.dedup();
    reserves
}

/// A proposal in which the cores `host` stay with the host.
fn on(wish: &Wish, all: &[HostCore], host: &[HostCore]) -> Result<(Blemishes, Proposal), String> {
    let apart = |core: &&HostCore| !host.contains(core) && core.cpus.common(&wish.given).is_empty();
    let free: Vec<HostCore> = all.iter().filter(apart).cloned().collect();
    let untaken: Vec<HostCore> = free.iter().filter(|core| core.cpus.common(&wish.taken).is_empty()).cloned().collect();
    let busy: BTreeSet<(u32, u32)> = host.iter().map(|core| (core.node, core.cache)).collect();
    let (placed, pool) = match place(wish, &untaken, &busy) {
        Ok(placed) => (placed, &untaken),
        // Better beside another guest than anywhere.
        Err(_) => (place(wish, &free, &busy)?, &free),
    };
    let used = placed.iter().fold(CpuSet::default(), |all, line| all.with(&line.cpus));
    let left: Vec<&HostCore> = pool.iter().filter(|core| core.cpus.common(&used).is_empty()).collect();
    let home = placed.first().and_then(|line| node_of(all, line.cpus.first()?));
    let (emulator, iothreads) = service(wish, host, &left, home);
    let reserve = host.iter().fold(CpuSet::default(), |all, core| all.with(&core.cpus));
    let blemishes = blemishes(wish, all, host, &used);
    Ok((blemishes, Proposal { vcpus: placed, emulator, iothreads, reserve }))
}

fn blemishes(wish: &Wish, all: &[HostCore], host: &[HostCore], used: &CpuSet) -> Blemishes {
    let own: Vec<&HostCore> = all.iter().filter(|core| !core.cpus.common(used).is_empty()).collect();
    let slow = if all.iter().any(|core| !core.slow) { own.iter().filter(|core| core.slow).count() } else { 0 };
    let nodes: BTreeSet<u32> = own.iter().map(|core| core.node).collect();
    let far = wish.near.is_some_and(|near| !nodes.contains(&near));
    let fast = || all.iter().filter(|core| !core.slow);
    let largest = fast().map(|core| core.cache_size).max().unwrap_or(0);
    let differ = fast().any(|core| core.cache_size < largest);
    // A guest that has all of the largest cache and more is as well off as it can be.
    let room: usize = all.iter().filter(|core| core.cache_size == largest).map(|core| core.cpus.len()).sum();
    let small = used.len() <= room && own.iter().any(|core| core.cache_size < largest);
    let crowded = host.iter().any(|core| core.cache_size == largest);
    (slow, nodes.len().max(1), far, differ && (small || crowded))
}

/// The cores that are online, by their first CPU.
pub fn cores(cpus: &[LogicalCpu]) -> Vec<HostCore> {
    let online: CpuSet = cpus.iter().filter(|cpu| cpu.online).map(|cpu| cpu.number).collect();
    let mut cores: Vec<HostCore> = Vec::new();
    let mut seen = CpuSet::default();
    for cpu in cpus.iter().filter(|cpu| cpu.online) {
        if seen.contains(cpu.number) {
            continue;
        }
        let mut own = cpu.siblings.common(&online).without(&seen);
        own.insert(cpu.number);
        seen = seen.with(&own);
        let node = cpu.node.unwrap_or(0);
        cores.push(HostCore {
            cpus: own,
            node,
            cache: cpu.cache.first().unwrap_or(node),
            cache_size: cpu.cache_size.map_or(0, |size| size.0),
            slow: cpu.kind == Some(CoreKind::Efficiency),
        });
    }
    cores.sort();
    cores
}

fn node_of(cores: &[HostCore], cpu: u32) -> Option<u32> {
    cores.iter().find(|core| core.cpus.contains(cpu)).map(|core| core.node)
}

/// True where virtual CPUs 2n and 2n+1 always run on the two threads of one core.
pub(super) fn in_pairs(pins: &[Option<&CpuSet>], cpus: &[LogicalCpu]) -> bool {
    let together = |pair: &[Option<&CpuSet>]| {
        let [Some(first), Some(second)] = pair else { return false };
        let both = first.with(second);
        let alone = first.len() == 1 && second.len() == 1 && both.len() == 2;
        alone && cpus.iter().any(|cpu| both.within(&cpu.siblings))
    };
    !pins.is_empty() && pins.chunks(2).all(together)
}

/// The lines of all virtual CPUs: those that must run on one node together, one group after another.
fn place(wish: &Wish, free: &[HostCore], busy: &BTreeSet<(u32, u32)>) -> Result<Vec<Placement>, String> {
    let mut groups: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
    for (vcpu, node) in wish.nodes.iter().enumerate() {
        groups.entry(*node).or_default().push(vcpu);
    }
    let mut pool = free.to_vec();
    let mut lines = vec![Placement { cpus: CpuSet::default(), why: String::new() }; wish.nodes.len()];
    // Those without a node come last: they find room anywhere.
    for (node, vcpus) in groups.into_iter().rev() {
        let chosen = choose(&pool, vcpus.len(), node, wish.near, busy)?;
        let mut threads = chosen.cores.iter().flat_map(|core| core.cpus.iter().map(move |cpu| (core, cpu)));
        for vcpu in vcpus {
            let Some((core, cpu)) = threads.next() else { break };
            if let Some(line) = lines.get_mut(vcpu) {
                *line = Placement { cpus: CpuSet::one(cpu), why: why(core, cpu, &chosen.why) };
            }
        }
        pool.retain(|core| !chosen.cores.contains(core));
    }
    Ok(lines)
}

fn why(core: &HostCore, cpu: u32, choice: &str) -> String {
    let others = core.cpus.without(&CpuSet::one(cpu));
    let shared =
        if others.is_empty() { "a core of its own".to_owned() } else { format!("shares its core with CPU {others}") };
    format!("{shared}, {choice}")
}

/// Cores and the reason for them.
struct Chosen {
    cores: Vec<HostCore>,
    why: String,
}

/// Cores for `count` virtual CPUs from the fewest caches and nodes.
fn choose(
    pool: &[HostCore],
    count: usize,
    node: Option<u32>,
    near: Option<u32>,
    busy: &BTreeSet<(u32, u32)>,
) -> Result<Chosen, String> {
    let bound: Vec<HostCore> = pool.iter().filter(|core| node.is_none_or(|node| core.node == node)).cloned().collect();
    let has_slow = bound.iter().any(|core| core.slow);
    let fast: Vec<HostCore> = bound.iter().filter(|core| !core.slow).cloned().collect();
    let found = within(&fast, count, near, busy).map(|mut chosen| {
        if has_slow {
            chosen.why.push_str(", a fast core");
        }
        chosen
    });
    let mixed = || within(&ordered_by_kind(&bound), count, near, busy);
    let found = found.or_else(mixed);
    let found = found.map(|mut chosen| {
        if let Some(node) = node {
            chosen.why = format!("{}, on node {node} as requested", chosen.why);
        }
        chosen
    });
    found.ok_or_else(|| {
        let have: usize = bound.iter().map(|core| core.cpus.len()).sum();
        let place = node.map_or_else(String::new, |node| format!(" on node {node}"));
        format!("{count} vCPUs requested; {have} host CPUs{place} are left besides those reserved for the host")
    })
}

/// Fast cores first.
fn ordered_by_kind(cores: &[HostCore]) -> Vec<HostCore> {
    let (slow, fast): (Vec<HostCore>, Vec<HostCore>) = cores.iter().cloned().partition(|core| core.slow);
    [fast, slow].concat()
}

/// One cache, else one node, else everything.
fn within(pool: &[HostCore], count: usize, near: Option<u32>, busy: &BTreeSet<(u32, u32)>) -> Option<Chosen> {
    let nodes: BTreeMap<u32, Vec<HostCore>> = grouped(pool, |core| core.node);
    let far = |node: u32| near.is_some_and(|near| near != node);
    let near_words = |node: u32| match near {
        Some(near) if near == node => format!("on node {node} of the passed card"),
        _ if nodes.len() > 1 => format!("on node {node}"),
        _ => String::new(),
    };
    let words = |parts: [String; 2]| parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let caches: BTreeMap<(u32, u32), Vec<HostCore>> = grouped(pool, |core| (core.node, core.cache));
    let one_cache =
        caches.iter().filter_map(|(key, cores)| Some((key.0, first_cores(cores, count)?, order(*key, cores, busy))));
    // The largest cache is what such CPUs are bought for. The host's own work would push the guest's data out of a cache that
    // both use. The cache with the fewest cores that suffice leaves the others for a larger guest.
    let one_cache = one_cache.min_by_key(|(node, _, order)| (far(*node), *order));
    if let Some((node, cores, _)) = one_cache.filter(|(node, ..)| !far(*node) || !fits(&nodes, near, count)) {
        let sizes: BTreeSet<u64> = caches.values().flatten().map(|core| core.cache_size).collect();
        let largest = sizes.len() > 1 && cores.first().map(|core| core.cache_size) == sizes.last().copied();
        let cache = match caches.len() > 1 {
            true if largest => "in the largest cache with the others",
            true => "in one cache with the others",
            false => "",
        };
        let cache = cache.to_owned();
        let why = words([cache, near_words(node)]);
        return Some(Chosen { cores, why: if why.is_empty() { "away from the host's own".into() } else { why } });
    }
    let one_node = nodes.iter().filter_map(|(node, cores)| Some((*node, first_cores(&by_cache(cores), count)?)));
    if let Some((node, cores)) = one_node.min_by_key(|(node, _)| (far(*node), *node)) {
        return Some(Chosen {
            cores,
            why: words(["over several caches, as no single one has enough".into(), near_words(node)]),
        });
    }
    let mut ordered: Vec<(bool, HostCore)> = pool.iter().map(|core| (far(core.node), core.clone())).collect();
    ordered.sort();
    let ordered: Vec<HostCore> = ordered.into_iter().map(|(_, core)| core).collect();
    let cores = first_cores(&ordered, count)?;
    Some(Chosen { cores, why: "over several nodes, as no single one has enough".into() })
}

fn order(key: (u32, u32), cores: &[HostCore], busy: &BTreeSet<(u32, u32)>) -> (Reverse<u64>, bool, usize) {
    let size = cores.first().map_or(0, |core| core.cache_size);
    (Reverse(size), busy.contains(&key), cores.len())
}

fn fits(nodes: &BTreeMap<u32, Vec<HostCore>>, near: Option<u32>, count: usize) -> bool {
    near.and_then(|near| nodes.get(&near)).is_some_and(|cores| first_cores(cores, count).is_some())
}

fn grouped<K: Ord>(cores: &[HostCore], key: impl Fn(&HostCore) -> K) -> BTreeMap<K, Vec<HostCore>> {
    let mut groups: BTreeMap<K, Vec<HostCore>> = BTreeMap::new();
    for core in cores {
        groups.entry(key(core)).or_default().push(core.clone());
    }
    groups
}

/// Cores of the largest cache first, so that the fewest caches are touched.
fn by_cache(cores: &[HostCore]) -> Vec<HostCore> {
    let mut groups: Vec<Vec<HostCore>> = grouped(cores, |core| core.cache).into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups.concat()
}

/// The first cores that have `count` CPUs together: those with two threads alone where they suffice, so that pairs stay
/// pairs.
fn first_cores(cores: &[HostCore], count: usize) -> Option<Vec<HostCore>> {
    let double: Vec<&HostCore> = cores.iter().filter(|core| core.cpus.len() > 1).collect();
    let enough = |cores: &[&HostCore]| {
        let mut have = 0;
        let needed = cores.iter().take_while(|core| {
            let more = have < count;
            have += if more { core.cpus.len() } else { 0 };
            more
        });
        let needed: Vec<HostCore> = needed.map(|core| (*core).clone()).collect();
        (have >= count).then_some(needed)
    };
    enough(&double).or_else(|| enough(&cores.iter().collect::<Vec<_>>()))
}

/// QEMU's own threads: on frugal cores, else on the host's own if they are of the same node, else on others that are left.
fn service(
    wish: &Wish,
    host: &[HostCore],
    left: &[&HostCore],
    home: Option<u32>,
) -> (Option<Placement>, Vec<Placement>) {
    let local = |core: &HostCore| home.is_none_or(|home| core.node == home);
    let slow: Vec<&HostCore> = left.iter().copied().filter(|core| core.slow && local(core)).collect();
    let own: Vec<&HostCore> = host.iter().filter(|core| local(core)).collect();
    let near: Vec<&HostCore> = left.iter().copied().filter(|core| local(core)).collect();
    let any: Vec<&HostCore> = host.iter().chain(left.iter().copied()).collect();
    let size = if wish.nodes.len() > 8 { 2 } else { 1 };
    let union = |cores: &[&HostCore]| cores.iter().fold(CpuSet::default(), |all, core| all.with(&core.cpus));
    let options: [(&[&HostCore], &str); 4] = [
        (&slow, "efficiency cores are enough for it, away from the vCPUs"),
        (&own, "beside the host's own work, away from the virtual CPUs"),
        (&near, "a core that no virtual CPU uses"),
        (&any, "no core of the same node is left, away from the virtual CPUs"),
    ];
    let Some((cores, why)) = options.into_iter().find(|(cores, _)| !cores.is_empty()) else {
        return (None, Vec::new());
    };
    let count = if cores.iter().all(|core| core.cpus.len() == 1) { size * 2 } else { size };
    let chosen: Vec<&HostCore> = cores.iter().copied().take(count).collect();
    let emulator = Placement { cpus: union(&chosen), why: why.to_owned() };
    // The rest in the same order, so that frugal cores come before the fast ones that another guest may want.
    let rest: Vec<&HostCore> =
        slow.iter().chain(&near).copied().filter(|core| core.cpus.common(&emulator.cpus).is_empty()).collect();
    let rest = if slow.len() > count { &rest[..slow.len() - count] } else { &rest[..] };
    let line = |thread: usize| match rest.get(thread % rest.len().max(1)) {
        Some(core) => Placement { cpus: core.cpus.clone(), why: "a core that no virtual CPU uses".to_owned() },
        None => {
            Placement { cpus: emulator.cpus.clone(), why: "with QEMU's own threads: no other core is left".to_owned() }
        }
    };
    let iothreads = (0..usize::try_from(wish.iothreads).unwrap_or(0)).map(line).collect();
    (Some(emulator), iothreads)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// `sockets` nodes of `caches` caches of `cores` cores of `threads` threads; siblings are numbered far apart.
    fn host(sockets: u32, caches: u32, cores: u32, threads: u32) -> Vec<LogicalCpu> {
        let total = sockets * caches * cores;
        let cpu = |number: u32| {
            let core = number % total;
            let cache = core / cores;
            let of_cache = |other: &u32| other % total / cores == cache;
            LogicalCpu {
                number,
                online: true,
                siblings: (0..threads).map(|thread| thread * total + core).collect(),
                cache: (0..total * threads).filter(of_cache).collect(),
                node: Some(cache / caches),
                ..LogicalCpu::default()
            }
        };
        (0..total * threads).map(cpu).collect()
    }

    fn hybrid() -> Vec<LogicalCpu> {
        let mut cpus = host(1, 1, 4, 2);
        for (at, cpu) in cpus.iter_mut().enumerate() {
            let at = u32::try_from(at).unwrap();
            cpu.kind = Some(CoreKind::Performance);
            cpu.siblings = (at / 2 * 2..at / 2 * 2 + 2).collect();
        }
        let slow = (8..16).map(|number| LogicalCpu {
            number,
            online: true,
            siblings: CpuSet::one(number),
            node: Some(0),
            kind: Some(CoreKind::Efficiency),
            ..LogicalCpu::default()
        });
        cpus.extend(slow);
        cpus
    }

    fn wish(vcpus: usize) -> Wish {
        Wish { nodes: vec![None; vcpus], reserve: 1, iothreads: 1, ..Wish::default() }
    }

    fn pairs(proposal: &Proposal, cpus: &[LogicalCpu]) -> bool {
        in_pairs(&proposal.vcpus.iter().map(|line| Some(&line.cpus)).collect::<Vec<_>>(), cpus)
    }

    fn sets(lines: &[Placement]) -> Vec<String> {
        lines.iter().map(|line| line.cpus.to_string()).collect()
    }

    #[test]
    fn pairs_share_a_core_of_the_cache_that_the_host_does_not_use() {
        let proposal = propose(&wish(8), &host(1, 2, 8, 2)).unwrap();
        assert_eq!(sets(&proposal.vcpus), ["8", "24", "9", "25", "10", "26", "11", "27"]);
        assert!(pairs(&proposal, &host(1, 2, 8, 2)));
        assert_eq!(proposal.reserve.to_string(), "0,16");
        assert_eq!(proposal.emulator.unwrap().cpus.to_string(), "0,16");
        assert_eq!(sets(&proposal.iothreads), ["1,17"]);
        let larger = propose(&wish(16), &host(1, 2, 8, 2)).unwrap();
        assert_eq!(larger.vcpus[15].cpus.to_string(), "31", "{larger:?}");
        assert!(larger.vcpus[0].why.contains("in one cache"), "{larger:?}");
    }

    #[test]
    fn the_node_of_the_card_comes_first_and_a_given_node_is_kept() {
        let near = Wish { near: Some(1), ..wish(4) };
        let proposal = propose(&near, &host(2, 1, 4, 2)).unwrap();
        assert_eq!(sets(&proposal.vcpus), ["4", "12", "5", "13"]);
        assert!(proposal.vcpus[0].why.ends_with("on node 1 of the passed card"), "{proposal:?}");
        assert_eq!(proposal.emulator.unwrap().cpus.to_string(), "6,14");
        let cells = Wish { nodes: vec![Some(0), Some(0), Some(1), Some(1)], ..wish(0) };
        assert_eq!(sets(&propose(&cells, &host(2, 1, 4, 2)).unwrap().vcpus), ["1", "9", "4", "12"]);
        let many = Wish { nodes: vec![Some(1); 10], ..wish(0) };
        let why = propose(&many, &host(2, 1, 4, 2)).unwrap_err();
        assert_eq!(why, "10 vCPUs requested; 8 host CPUs on node 1 are left besides those reserved for the host");
    }

    #[test]
    fn fast_cores_run_the_guest_and_frugal_ones_the_rest() {
        let proposal = propose(&wish(6), &hybrid()).unwrap();
        assert_eq!(sets(&proposal.vcpus), ["2", "3", "4", "5", "6", "7"]);
        assert_eq!(
            (proposal.emulator.unwrap().cpus.to_string(), sets(&proposal.iothreads)),
            ("8-9".into(), vec!["10".into()])
        );
        let all = propose(&wish(8), &hybrid()).unwrap();
        assert_eq!(sets(&all.vcpus), ["0", "1", "2", "3", "4", "5", "6", "7"], "the host keeps a frugal core");
        assert!(pairs(&all, &hybrid()) && all.reserve.to_string() == "8");
        let more = propose(&wish(10), &hybrid()).unwrap();
        assert_eq!(sets(&more.vcpus)[8..], ["9", "10"]);
        assert!(!pairs(&more, &hybrid()));
    }

    #[test]
    fn what_other_guests_are_pinned_to_is_left_to_them_where_possible() {
        let taken: CpuSet = "1-2,5-6".parse().unwrap();
        let proposal = propose(&Wish { taken, ..wish(2) }, &host(1, 1, 4, 2)).unwrap();
        assert_eq!(sets(&proposal.vcpus), ["3", "7"]);
    }

    #[test]
    fn what_was_given_by_hand_is_not_given_again() {
        let given: CpuSet = "1,6".parse().unwrap();
        let proposal = propose(&Wish { given, ..wish(2) }, &host(1, 1, 4, 2)).unwrap();
        assert_eq!(sets(&proposal.vcpus), ["3", "7"]);
    }

    #[test]
    fn a_host_without_a_core_to_spare_gets_no_proposal() {
        let why = propose(&wish(1), &host(1, 1, 1, 1)).unwrap_err();
        assert_eq!(why, "the host has 1 core and reserves 1: none is left for the guest");
        assert!(propose(&wish(8), &host(1, 1, 4, 2)).is_err());
    }

    prop_compose! {
        fn any_host()(sockets in 1u32..3, caches in 1u32..3, cores in 1u32..5, threads in 1u32..3, off in prop::collection::vec(0u32..16, 0..3), slow in any::<bool>()) -> Vec<LogicalCpu> {
            let mut cpus = host(sockets, caches, cores, threads);
            for cpu in &mut cpus {
                if off.contains(&cpu.number) && cpu.number > 0 {
                    *cpu = LogicalCpu { number: cpu.number, ..LogicalCpu::default() };
                } else if slow && threads == 1 && cpu.number % 2 == 1 {
                    cpu.kind = Some(CoreKind::Efficiency);
                }
            }
            cpus
        }
    }

    fn fits_in_a_node(all: &[HostCore], count: usize, reserve: usize) -> bool {
        let free = grouped(&all[reserve.min(all.len())..], |core| core.node);
        free.values().any(|cores| cores.iter().map(|core| core.cpus.len()).sum::<usize>() >= count)
    }

    proptest! {
        #[test]
        fn every_proposal_is_sound(cpus in any_host(), count in 1usize..20, iothreads in 0u32..3, reserve in 0u32..3) {
            let wish = Wish { iothreads, reserve, ..wish(count) };
            let proposal = propose(&wish, &cpus);
            prop_assert_eq!(&proposal, &propose(&wish, &cpus));
            let Ok(proposal) = proposal else { return Ok(()) };
            let all = cores(&cpus);
            let online: CpuSet = cpus.iter().filter(|cpu| cpu.online).map(|cpu| cpu.number).collect();
            let used = proposal.vcpus.iter().fold(CpuSet::default(), |all, line| all.with(&line.cpus));
            prop_assert_eq!(used.len(), count, "each on a CPU of its own");
            prop_assert!(used.within(&online));
            prop_assert!(used.common(&proposal.reserve).is_empty());
            for line in proposal.emulator.iter().chain(&proposal.iothreads) {
                prop_assert!(!line.cpus.is_empty() && line.cpus.within(&online) && line.cpus.common(&used).is_empty());
            }
            // A core is entered only when the one before is full, so at most one is shared with nobody of the guest.
            let partly = all.iter().filter(|core| !core.cpus.common(&used).is_empty() && !core.cpus.within(&used)).count();
            prop_assert!(partly <= 1, "siblings stay together: {:?}", proposal);
            let nodes: BTreeSet<u32> = used.iter().filter_map(|cpu| node_of(&all, cpu)).collect();
            let has_slow = all.iter().any(|core| core.slow);
            prop_assert!(has_slow || nodes.len() == 1 || !fits_in_a_node(&all, count, usize::try_from(reserve).unwrap()));
            prop_assert!(proposal.vcpus.iter().all(|line| !line.why.is_empty()));
        }
    }
}
