//! Which children of one element are the same things as which of another. Owns no rule of identity.

use super::Element;
use super::identity::{Identity, identity};
use std::collections::BTreeSet;

/// Position in ours and in theirs, where it is in one.
pub(super) type Pair = (Option<usize>, Option<usize>);

/// The children of two elements named `parent` in the order of ours; what only theirs have stands where it stands there.
pub(super) fn pairs(parent: &str, ours: &[&Element], theirs: &[&Element]) -> Vec<Pair> {
    let found = if ours.iter().any(|element| is_ordered(parent, element)) {
        in_order(ours, theirs)
    } else {
        let mut found = by_identity(parent, ours, theirs);
        by_likeness(parent, ours, theirs, &mut found);
        found
    };
    let mut out: Vec<Pair> = found.iter().enumerate().map(|(at, other)| (Some(at), *other)).collect();
    for other in (0..theirs.len()).filter(|other| !found.contains(&Some(*other))) {
        let at = place_of(&out, other);
        out.insert(at, (None, Some(other)));
    }
    out
}

/// Behind the nearest one before it, else before the nearest one behind it.
fn place_of(out: &[Pair], other: usize) -> usize {
    let positions = out.iter().enumerate().filter_map(|(at, (_, there))| Some(((*there)?, at)));
    let (before, behind): (Vec<_>, Vec<_>) = positions.partition(|(there, _)| *there < other);
    match (before.iter().max(), behind.iter().min()) {
        (Some((_, at)), _) => at + 1,
        (None, Some((_, at))) => *at,
        (None, None) => out.len(),
    }
}

/// True where the order says something by itself.
fn is_ordered(parent: &str, element: &Element) -> bool {
    matches!((parent, element.name.as_ref()), ("qemu:commandline", _) | ("os", "boot" | "initarg"))
}

/// Each one with the next one that is equal.
fn in_order(ours: &[&Element], theirs: &[&Element]) -> Vec<Option<usize>> {
    let mut from = 0;
    let next = |one: &&Element| {
        let at = (from..theirs.len()).find(|at| theirs.get(*at).is_some_and(|other| facts(other) == facts(one)))?;
        from = at + 1;
        Some(at)
    };
    ours.iter().map(next).collect()
}

fn by_identity(parent: &str, ours: &[&Element], theirs: &[&Element]) -> Vec<Option<usize>> {
    let known: Vec<_> = theirs.iter().map(|other| identity(parent, other)).collect();
    let mut met = vec![false; theirs.len()];
    let mut find = |one: &&Element| {
        let key = identity(parent, one);
        if key == Identity::None {
            return None;
        }
        let same = |at: &usize| {
            met.get(*at) == Some(&false)
                && known.get(*at) == Some(&key)
                && theirs.get(*at).is_some_and(|other| other.name == one.name)
        };
        let at = (0..theirs.len()).find(same)?;
        if let Some(met) = met.get_mut(at) {
            *met = true;
        }
        Some(at)
    };
    ours.iter().map(&mut find).collect()
}

/// What has no identity, or changed it, goes with what is most like it.
fn by_likeness(parent: &str, ours: &[&Element], theirs: &[&Element], found: &mut [Option<usize>]) {
    for at in 0..ours.len() {
        let (Some(one), Some(None)) = (ours.get(at), found.get(at)) else { continue };
        let free = (0..theirs.len()).filter(|other| !found.contains(&Some(*other)));
        let rated = free.filter_map(|other| Some((likeness(parent, one, theirs.get(other)?)?, other)));
        // Of several that are as much alike, the first.
        let best = rated.max_by_key(|(likeness, other)| (*likeness, std::cmp::Reverse(*other)));
        if let Some(partner) = found.get_mut(at) {
            *partner = best.map(|(_, other)| other);
        }
    }
}

/// How many facts of `one` hold for `other`, where these are enough to take them for the same thing.
fn likeness(parent: &str, one: &Element, other: &Element) -> Option<usize> {
    if one.name != other.name {
        return None;
    }
    let keyed = [one, other].iter().all(|element| identity(parent, element) != Identity::None);
    let alike = match one.name.as_ref() {
        "disk" | "filesystem" => one.find("source").map(facts) == other.find("source").map(facts),
        "interface" => true,
        _ => !keyed,
    };
    let (facts, others) = (facts(one), facts(other));
    let shared = facts.intersection(&others).count();
    (alike && shared * 2 > facts.len()).then_some(shared)
}

/// Every attribute and text within an element, with its path.
fn facts(element: &Element) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    collect("", element, &mut out);
    out
}

fn collect(path: &str, element: &Element, out: &mut BTreeSet<String>) {
    let path = format!("{path}/{}", element.name);
    out.extend(element.attributes.iter().map(|(name, value)| format!("{path}@{name}={value}")));
    out.insert(format!("{path}={}", element.own_text().trim()));
    element.elements().for_each(|child| collect(&path, child, out));
}
