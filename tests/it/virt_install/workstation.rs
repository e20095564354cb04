//! The host of a golden case for libvirt's test driver: the pools, images, networks and devices that virt-install looks up.

use super::read;
use crate::golden::Case;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use vmbuild::domain::Element;
use vmbuild::facts::Version;
use vmbuild::machine::DiskOrigin;

/// A folder that describes the host.
pub(super) struct Workstation {
    folder: tempfile::TempDir,
    libvirt: Version,
}

impl Workstation {
    /// The host of `case`, which has all that its `domain` names.
    pub(super) fn of(case: &Case, domain: &Element) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write("node.xml", format!("<node>\n{}{}{}</node>\n", networks(case), pools(case, domain), devices(case)));
        write("capabilities.xml", capabilities(case));
        write("domain_capabilities.xml", read(&super::root().join("host/domain_capabilities.xml")));
        let libvirt = case.facts.host.get().map_or(Version { major: 11, minor: 3, release: 0 }, |host| host.libvirt);
        Self { folder, libvirt }
    }

    /// Its address for virt-install: libvirt's test driver, that says it is QEMU.
    pub(super) fn connection(&self) -> String {
        let (folder, Version { major, minor, release }) = (self.folder.path().display(), self.libvirt);
        format!(
            "__virtinst_test__test://{folder}/node.xml,predictable,fakeuri=qemu:///system,connver=10000002,\
             libver={},caps={folder}/capabilities.xml,domcaps={folder}/domain_capabilities.xml",
            major * 1_000_000 + minor * 1000 + release
        )
    }
}

/// Those of the recorded host, with the kind and the machine type of the case.
fn capabilities(case: &Case) -> String {
    let (machine, arch, kind) = (&case.machine.machine_type.value, &case.machine.arch.value, &case.machine.domain_type);
    read(&super::root().join("host/capabilities.xml"))
        .replace("<domain type='kvm'/>", &format!("<domain type='kvm'/><domain type='{kind}'/>"))
        .replace(
            "<arch name='x86_64'>",
            &format!("<arch name='{arch}'>\n      <machine maxCpus='255'>{machine}</machine>"),
        )
}

fn networks(case: &Case) -> String {
    let known = case.facts.networks.items().iter().map(|network| &network.name);
    let asked = case.machine.interfaces.iter().map(|interface| &interface.source.value);
    let names: BTreeSet<&String> = known.chain(asked).filter(|name| !name.is_empty()).collect();
    names.into_iter().map(|name| network(name)).collect()
}

fn network(name: &str) -> String {
    format!("<network><name>{}</name></network>\n", escaped(name))
}

/// A pool for each folder that is one or has an image; images that the command makes are not there yet.
fn pools(case: &Case, domain: &Element) -> String {
    let new = |path: &str| {
        let of_new = |disk: &&vmbuild::machine::Disk| matches!(disk.origin, DiskOrigin::New { .. });
        case.machine.disks.iter().filter(of_new).any(|disk| disk.location().and_then(|at| at.path()) == Some(path))
    };
    let sources = domain.find("devices").unwrap().elements().filter_map(|device| device.find("source"));
    let paths: BTreeSet<&str> =
        sources.filter_map(|source| source.attribute("file").or_else(|| source.attribute("dev"))).collect();
    let known = case.facts.pools.items().iter().filter_map(|pool| Some((pool.path.clone()?, pool.name.clone())));
    let mut pools: BTreeMap<String, (String, String)> =
        known.map(|(path, name)| (path, (name, String::new()))).collect();
    for path in paths.into_iter().filter(|path| path.starts_with('/')) {
        let (folder, name) = path.rsplit_once('/').unwrap();
        let (_, images) = pools.entry(folder.to_owned()).or_insert_with(|| (folder.replace('/', "_"), String::new()));
        if !new(path) {
            images.push_str(&image(name, path));
        }
    }
    pools.into_iter().map(|(folder, (name, images))| pool(&folder, &name, &images)).collect()
}

fn pool(folder: &str, name: &str, images: &str) -> String {
    let (name, folder) = (escaped(name), escaped(folder));
    format!(
        "<pool type='dir'><name>{name}</name><capacity unit='TiB'>900</capacity><available unit='TiB'>900</available>\
         <target><path>{folder}</path></target>{images}</pool>\n"
    )
}

fn image(name: &str, path: &str) -> String {
    let (name, path) = (escaped(name), escaped(path));
    format!(
        "<volume><name>{name}</name><capacity unit='GiB'>1</capacity><allocation unit='GiB'>1</allocation>\
         <target><path>{path}</path><format type='raw'/></target></volume>"
    )
}

fn devices(case: &Case) -> String {
    let one = |device: &vmbuild::facts::PciDevice| {
        let at = device.address;
        let (domain, bus, slot, function) = (at.domain, at.bus, at.slot, at.function);
        format!(
            "<device><name>pci_{domain:04x}_{bus:02x}_{slot:02x}_{function:x}</name><parent>computer</parent>\
             <capability type='pci'><class>0x030000</class><domain>{domain}</domain><bus>{bus}</bus><slot>{slot}</slot>\
             <function>{function}</function><product id='0x1'/><vendor id='0x2'/></capability></device>\n"
        )
    };
    case.facts.pci.items().iter().map(one).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
