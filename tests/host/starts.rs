//! What QEMU says to the golden domains: libvirt defines what QEMU then refuses at the start, such as clusters in a PC.
//! Each that needs nothing of a host but QEMU is started, in small and paused, without the devices of its host.

use crate::support;
use crate::support::golden::{LACKING, recorded, workstation};
use crate::support::specs;
use proptest::prelude::*;
use std::borrow::Cow;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use virt::connect::Connect;
use virt::sys;
use vmbuild::checks;
use vmbuild::domain::{Element, Node, domain, parse};
use vmbuild::machine::machine;

/// What this host may lack besides, by libvirt's own words.
const NOT_HERE: [&str; 2] = [
    // Named models: emulation lacks features of theirs.
    "the CPU is incompatible with host CPU",
    "Unable to find 'efi' firmware that is compatible",
];

fn is_lacking(error: &virt::error::Error) -> bool {
    LACKING.iter().chain(&NOT_HERE).any(|words| error.message().contains(words))
}

// ---- what is left out -------------------------------------------------------------------------------------------------

fn drop_children(element: &mut Element, names: &[&str]) {
    element.children.retain(|node| !matches!(node, Node::Element(child) if names.contains(&child.name.as_ref())));
}

/// GiB become a sixteenth of it, so that many fit.
fn shrink(element: &mut Element) {
    if element.attribute("unit") == Some("GiB") {
        let smaller = |text: &str| (text.parse::<u64>().unwrap() * 64).to_string();
        match element.attribute("memory").map(smaller) {
            Some(memory) => drop(element.set("memory".into(), memory.into())),
            None => element.children = vec![Node::Text(smaller(&element.own_text()).into())],
        }
        element.set("unit".into(), "MiB".into());
    }
    element.elements_mut().for_each(shrink);
}

/// The CPU as emulation has it: without what only the CPU of a host can give.
fn emulate(cpu: &mut Element) {
    if matches!(cpu.attribute("mode"), Some("host-passthrough" | "host-model")) {
        cpu.attributes = vec![("mode".into(), "maximum".into())];
        drop_children(cpu, &["cache", "maxphysaddr", "feature"]);
    }
}

/// True for a device that stands for one of the host, or for a program beside QEMU that is not everywhere.
fn is_of_the_host(device: &Element) -> bool {
    let kind = device.attribute("type");
    let within =
        |child: &str, kind: &str| device.find(child).is_some_and(|child| child.attribute("type") == Some(kind));
    match device.name.as_ref() {
        "hostdev" => true,
        "interface" => kind == Some("hostdev"),
        "disk" => kind == Some("nvme"),
        "input" => kind == Some("evdev"),
        "filesystem" => within("driver", "virtiofs"),
        "tpm" => within("backend", "passthrough"),
        _ => false,
    }
}

/// A disk's source becomes an empty image, a network one that needs no rights, a folder an empty one.
fn replace_source(device: &mut Element, own: &Path) {
    match device.name.as_ref() {
        "disk" => {
            let format = device.find("driver").and_then(|driver| driver.attribute("type")).unwrap_or("raw").to_owned();
            device.set("type".into(), "file".into());
            drop_children(device, &["auth"]);
            for source in device.elements_mut().filter(|child| child.name == "source") {
                // Hosts and accounts of a disk on the network.
                source.children.clear();
                let made = Command::new("qemu-img").args(["create", "-q", "-f", &format]).arg(own).arg("8M").status();
                assert!(made.unwrap().success());
                source.attributes = vec![("file".into(), Cow::Owned(own.to_str().unwrap().to_owned()))];
            }
        }
        "interface" => {
            device.set("type".into(), "user".into());
            // Queues, MTU and VLAN are those of a tap device.
            drop_children(device, &["source", "vlan", "mtu", "target", "virtualport", "driver"]);
        }
        "filesystem" => {
            fs::create_dir_all(own).unwrap();
            for source in device.elements_mut().filter(|child| child.name == "source") {
                source.attributes = vec![("dir".into(), Cow::Owned(own.to_str().unwrap().to_owned()))];
            }
        }
        _ => {}
    }
}

/// The domain in small, under a name of its own, with what it needs in `folder`.
fn in_small(mut domain: Element, name: &str, folder: &Path) -> Element {
    domain.set("type".into(), "qemu".into());
    drop_children(&mut domain, &["uuid", "numatune", "cputune", "memtune"]);
    for part in domain.elements_mut() {
        match part.name.as_ref() {
            "name" => part.children = vec![Node::Text(name.to_owned().into())],
            "cpu" => emulate(part),
            "memoryBacking" => drop_children(part, &["hugepages", "locked"]),
            // `boots` starts real kernels.
            "os" => drop_children(part, &["kernel", "initrd", "cmdline"]),
            "devices" => {
                part.children.retain(|node| !matches!(node, Node::Element(device) if is_of_the_host(device)));
                for (number, device) in part.elements_mut().enumerate() {
                    replace_source(device, &folder.join(format!("{name}-{number}")));
                }
            }
            _ => {}
        }
    }
    shrink(&mut domain);
    domain
}

// ---- the start --------------------------------------------------------------------------------------------------------

/// Defines, starts paused, and takes all back; what libvirt or QEMU said where it failed.
fn start(connection: &Connect, xml: &str) -> Result<(), virt::error::Error> {
    let domain = connection.define_domain_xml(xml)?;
    let started = domain.create_with_flags(sys::VIR_DOMAIN_START_PAUSED);
    if started.is_ok() {
        domain.destroy()?;
    }
    domain.undefine_flags(sys::VIR_DOMAIN_UNDEFINE_NVRAM | sys::VIR_DOMAIN_UNDEFINE_TPM)?;
    started
}

/// Starts some of them; the number that ran, and what was said of those that should have.
fn start_all(uri: &str, domains: &[(String, Element)], folder: &Path) -> (usize, Vec<String>) {
    let connection = Connect::open(Some(uri)).unwrap();
    let (mut ran, mut wrong) = (0, Vec::new());
    for (case, domain) in domains {
        let name = format!("vmbuild-start-{}-{case}", std::process::id());
        match start(&connection, &in_small(domain.clone(), &name, folder).to_xml()) {
            Ok(()) => ran += 1,
            Err(error) if is_lacking(&error) => {}
            Err(error) => wrong.push(format!("{case}: {error}")),
        }
    }
    (ran, wrong)
}

/// A folder that QEMU, which runs as a user of its own, can enter.
fn folder() -> tempfile::TempDir {
    virt::error::clear_error_callback();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn qemu_starts_every_golden_domain() {
    let Some(uri) = support::system_uri() else { return };
    // The domains of other cases are sound, too, but need what they show as missing.
    let sound = recorded().into_iter().filter(|(name, ..)| !name.starts_with("faults-"));
    let all: Vec<_> = sound.map(|(name, _, text)| (name, parse(&text).unwrap())).collect();
    let folder = folder();
    let outcomes = std::thread::scope(|scope| {
        let (uri, folder) = (&uri, folder.path());
        let start = |part| scope.spawn(move || start_all(uri, part, folder));
        let parts: Vec<_> = all.chunks(all.len().div_ceil(2)).map(start).collect();
        parts.into_iter().map(|part| part.join().unwrap()).collect::<Vec<_>>()
    });
    let wrong: Vec<_> = outcomes.iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let ran: usize = outcomes.iter().map(|(ran, _)| ran).sum();
    assert!(ran >= 80, "only {ran} of {} ran", all.len());
}

#[test]
fn qemu_starts_what_the_checks_permit() {
    let Some(uri) = support::system_uri() else { return };
    let folder = folder();
    let connection = Connect::open(Some(&uri)).unwrap();
    let facts = workstation();
    let name = format!("vmbuild-start-{}-any", std::process::id());
    // Each start takes a second: few specs a run, others in the next.
    let config =
        ProptestConfig { cases: 12, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(spec in prop_oneof![specs::complete_spec(), specs::nearly_complete_spec()])| {
        let machine = machine(&spec, &facts);
        let report = checks::report(&spec, &facts, &machine, &checks::Allowed::default());
        if report.blockers().next().is_some() {
            return Ok(());
        }
        let xml = in_small(domain(&spec, &machine).unwrap(), &name, folder.path()).to_xml();
        if let Err(error) = start(&connection, &xml) {
            prop_assert!(is_lacking(&error), "{error}\n{xml}");
        }
    });
}
