//! The host's CPUs and NUMA nodes as libvirt's capabilities tell them: without the kinds of cores, without what is free.

use super::Connection;
use super::error::calling;
use super::xml;
use crate::facts::{HugePages, LogicalCpu, NumaNode};
use crate::host::HostError;
use crate::units::{Bytes, CpuSet};
use roxmltree::Node;

impl Connection {
    /// CPUs that are online, and nodes.
    pub fn topology(&self) -> Result<(Vec<LogicalCpu>, Vec<NumaNode>), HostError> {
        let text = self.inner().capabilities().map_err(|error| calling("read the host's capabilities", &error))?;
        read(&text)
    }
}

fn read(text: &str) -> Result<(Vec<LogicalCpu>, Vec<NumaNode>), HostError> {
    let document = xml::parse("capabilities", text)?;
    let Some(host) = xml::child(document.root_element(), "host") else { return Ok(Default::default()) };
    let caches = caches(host);
    let (mut cpus, mut nodes) = (Vec::new(), Vec::new());
    let cells = xml::at(host, &["topology", "cells"]);
    for cell in cells.into_iter().flat_map(|cells| xml::children(cells, "cell")) {
        let Some(number) = number(cell, "id") else { continue };
        let list = xml::child(cell, "cpus");
        let own: Vec<LogicalCpu> = list
            .into_iter()
            .flat_map(|list| xml::children(list, "cpu"))
            .filter_map(|node| cpu(node, number, &caches))
            .collect();
        nodes.push(NumaNode {
            number,
            cpus: own.iter().map(|cpu| cpu.number).collect(),
            memory: xml::amount(cell, &["memory"]),
            free: None,
            huge_pages: xml::children(cell, "pages").filter_map(huge_pages).collect(),
            distances: xml::child(cell, "distances")
                .into_iter()
                .flat_map(|distances| xml::children(distances, "sibling"))
                .filter_map(|sibling| Some((self::number(sibling, "id")?, self::number(sibling, "value")?)))
                .collect(),
        });
        cpus.extend(own);
    }
    cpus.sort_unstable_by_key(|cpu| cpu.number);
    Ok((cpus, nodes))
}

fn number(node: Node<'_, '_>, name: &str) -> Option<u32> {
    node.attribute(name)?.parse().ok()
}

/// `<cpu id='0' socket_id='0' die_id='0' core_id='0' siblings='0,16'/>`; the test driver gives the number alone.
fn cpu(node: Node<'_, '_>, cell: u32, caches: &[(CpuSet, Option<Bytes>)]) -> Option<LogicalCpu> {
    let own = number(node, "id")?;
    let cache = caches.iter().find(|(cpus, _)| cpus.contains(own));
    let siblings = node.attribute("siblings").and_then(|siblings| siblings.parse().ok());
    Some(LogicalCpu {
        number: own,
        online: true,
        siblings: siblings.unwrap_or_else(|| CpuSet::one(own)),
        cache: cache.map(|(cpus, _)| cpus.clone()).unwrap_or_default(),
        cache_size: cache.and_then(|(_, size)| *size),
        socket: number(node, "socket_id"),
        die: number(node, "die_id"),
        core: number(node, "core_id"),
        node: Some(cell),
        ..LogicalCpu::default()
    })
}

/// The last level alone: `<cache><bank id='0' level='3' type='both' size='96' unit='MiB' cpus='0-7'/>`.
fn caches(host: Node<'_, '_>) -> Vec<(CpuSet, Option<Bytes>)> {
    let banks = || xml::child(host, "cache").into_iter().flat_map(|cache| xml::children(cache, "bank"));
    let last = banks().filter_map(|bank| number(bank, "level")).max();
    banks()
        .filter(|bank| number(*bank, "level") == last)
        .filter_map(|bank| Some((bank.attribute("cpus")?.parse().ok()?, cache_size(bank))))
        .collect()
}

fn cache_size(bank: Node<'_, '_>) -> Option<Bytes> {
    format!("{} {}", bank.attribute("size")?, bank.attribute("unit")?).parse().ok()
}

/// `<pages unit='KiB' size='2048'>16</pages>`; pages of the usual size are just memory.
fn huge_pages(node: Node<'_, '_>) -> Option<HugePages> {
    const USUAL: Bytes = Bytes::mib(1);
    let size: Bytes = format!("{} {}", node.attribute("size")?, node.attribute("unit")?).parse().ok()?;
    let total = node.text()?.trim().parse().ok()?;
    (size > USUAL).then_some(HugePages { size, total, free: None })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn cells_cpus_caches_and_pages_are_read() {
        let text = "<capabilities><host><cpu><arch>x86_64</arch></cpu><topology><cells num='2'>
            <cell id='0'><memory unit='KiB'>1048576</memory><pages unit='KiB' size='4'>9</pages>
              <pages unit='KiB' size='2048'>16</pages><distances><sibling id='0' value='10'/><sibling id='1' value='21'/></distances>
              <cpus num='2'><cpu id='0' socket_id='0' die_id='0' core_id='0' siblings='0,2'/><cpu id='2' siblings='0,2'/></cpus></cell>
            <cell id='1'><cpus num='1'><cpu id='1'/></cpus></cell></cells></topology>
            <cache><bank id='0' level='2' cpus='0'/><bank id='0' level='3' type='both' size='96' unit='MiB' cpus='0,2'/></cache></host></capabilities>";
        let (cpus, nodes) = read(text).unwrap();
        let told: Vec<_> = cpus.iter().map(|cpu| (cpu.number, cpu.siblings.to_string(), cpu.node)).collect();
        assert_eq!(told, [(0, "0,2".into(), Some(0)), (1, "1".into(), Some(1)), (2, "0,2".into(), Some(0))]);
        assert_eq!((cpus[0].cache.to_string(), cpus[1].cache.is_empty()), ("0,2".into(), true));
        assert_eq!((cpus[0].cache_size, cpus[1].cache_size), (Some(Bytes::mib(96)), None));
        assert_eq!((nodes[0].memory, nodes[0].huge_pages.len()), (Some(Bytes::gib(1)), 1));
        assert_eq!((nodes[0].distances[&1], nodes[1].cpus.to_string()), (21, "1".into()));
    }
}
