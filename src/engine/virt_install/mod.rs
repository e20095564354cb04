//! virt-install: one command line that makes the same domain. It writes and builds nothing.
//!
//! The line is made from libvirt's own XML, so that the two cannot differ: what an option of virt-install expresses is
//! given by that option, the rest by paths in the XML (`--xml`, `xpath0.set`).

mod argument;
mod coverage;
mod leaf;
mod words;

use super::rendered::{RenderFault, RenderedDocument, RenderedLine};
use super::{Blueprint, Coverage, Engine, Rendered, libvirt};
use crate::domain::Element;
use crate::domain::identity::pci_address;
use crate::machine::{Disk, DiskOrigin, Location, Machine};
use crate::spec::Place;
use crate::units::{Bytes, CommandLine, GIB, shell_quote};
use argument::{Argument, OptionWords, by_path, leaves_of_domain, said};
use leaf::{Leaf, leaves};
use words::{FLAGS, Flag, Makes};

/// The engine.
pub struct VirtInstall;

/// What virt-install adds where nothing is said of it: the option that keeps it from that, by the device.
const UNASKED: [(&str, &str); 9] = [
    ("graphics", "--graphics=none"),
    ("video", "--video=none"),
    ("console", "--console=none"),
    ("channel", "--channel=none"),
    ("interface", "--network=none"),
    ("sound", "--sound=none"),
    ("tpm", "--tpm=none"),
    ("rng", "--rng=none"),
    ("disk", "--disk=none"),
];

/// Features that virt-install adds unless they are switched off.
const ADDED_FEATURES: [&str; 2] = ["acpi", "apic"];

impl Engine for VirtInstall {
    fn name(&self) -> &'static str {
        "virt-install"
    }

    fn coverage(&self) -> &'static Coverage {
        &coverage::COVERAGE
    }

    fn render(&self, blueprint: &Blueprint<'_>) -> Rendered {
        let rendered = libvirt::Libvirt.render(blueprint);
        let Some(domain) = rendered.document.xml() else { return rendered };
        let writer = Writer { domain, machine: blueprint.machine };
        let mut arguments = writer.head(blueprint);
        arguments.extend(writer.settings());
        arguments.extend(writer.devices());
        arguments.extend(writer.others());
        arguments.extend(writer.unasked());
        Rendered { fault: rendered.fault.or_else(|| writer.fault()), ..of(&arguments) }
    }
}

/// The command of these arguments, a line for each.
fn of(arguments: &[Argument]) -> Rendered {
    let command = CommandLine::of(["virt-install"]).and(arguments.iter().map(|argument| argument.text.as_str()));
    let last = arguments.len();
    let texts = std::iter::once("virt-install".to_owned())
        .chain(arguments.iter().map(|argument| format!("  {}", shell_quote(&argument.text))));
    let origins = std::iter::once(None).chain(arguments.iter().map(|argument| argument.origin.clone()));
    let lines = texts.zip(origins).enumerate().map(|(at, (text, origin))| {
        let text = if at < last { format!("{text} \\") } else { text };
        RenderedLine { text, origin }
    });
    Rendered { lines: lines.collect(), document: RenderedDocument::Command(command), fault: None }
}

/// Writes the arguments for a domain.
struct Writer<'a> {
    domain: &'a Element,
    machine: &'a Machine,
}

impl Writer<'_> {
    /// Where, what it is called, and what virt-install must not do of its own accord.
    fn head(&self, blueprint: &Blueprint<'_>) -> Vec<Argument> {
        let place = |field: &str| Place::root().key(field);
        let mut all = Vec::new();
        if let Some(host) = blueprint.facts.host.get() {
            all.push(Argument::new(format!("--connect={}", host.uri), None));
        }
        let name = self.domain.find("name").map(Element::own_text).unwrap_or_default();
        all.push(Argument::new(format!("--name={name}"), Some(&place("name"))));
        // Everything that virt-install would choose by the operating system is given.
        all.push(Argument::new("--osinfo=detect=off,require=off", None));
        if let Some(kind) = self.domain.attribute("type") {
            all.push(Argument::new(format!("--virt-type={kind}"), Some(&place("virt_type"))));
        }
        all.extend(["--import", "--noreboot", "--noautoconsole"].map(|text| Argument::new(text, None)));
        if self.machine.autostart {
            all.push(Argument::new("--autostart", Some(&place("autostart"))));
        }
        all
    }

    /// The children of the domain that an option makes.
    fn settings(&self) -> Vec<Argument> {
        let mut all = Vec::new();
        for flag in FLAGS {
            let (children, inside): (Vec<&Element>, bool) = match flag.makes {
                Makes::Device(_) => continue,
                Makes::Setting(name) => (self.domain.find(name).into_iter().collect(), true),
                Makes::Settings(names) => (names.iter().filter_map(|name| self.domain.find(name)).collect(), false),
            };
            let Some(first) = children.first() else { continue };
            let origin = first.origin.as_ref();
            let found = children.iter().flat_map(|child| if inside { leaves(child) } else { leaves_of_domain(child) });
            let found: Vec<Leaf> = found.collect();
            let words = OptionWords::of(flag, &found, |leaf| inside && is_implied(&first.name, leaf));
            let absent = if first.name == "features" { absent_features(first) } else { Vec::new() };
            let below = |leaf: Leaf| if inside { leaf.below(&first.name) } else { leaf };
            let unsaid: Vec<Leaf> = words.unsaid.into_iter().map(below).collect();
            let said = words.said.into_iter().chain(absent).collect();
            all.extend(OptionWords { said, ..OptionWords::default() }.argument(flag.option, origin));
            all.extend(by_path(&unsaid, origin));
        }
        all
    }

    /// The devices that an option makes, in the order of the document.
    fn devices(&self) -> Vec<Argument> {
        let devices = self.domain.find("devices").into_iter().flat_map(Element::elements);
        devices.filter_map(|device| self.device(device)).collect()
    }

    fn device(&self, device: &Element) -> Option<Argument> {
        let flag = flag_of(device)?;
        let origin = device.origin.as_ref();
        match device.name.as_ref() {
            "disk" => self.disk(flag, device)?.argument(flag.option, origin),
            "hostdev" => host_device(flag, device).argument(flag.option, origin),
            _ => OptionWords { unasked: unasked_of(device), ..OptionWords::of(flag, &leaves(device), |_| false) }
                .argument(flag.option, origin),
        }
    }

    /// A disk that virt-install creates where it is a new one. A seed is left out: virt-install makes none of documents
    /// that are in no file.
    fn disk(&self, flag: &Flag, element: &Element) -> Option<OptionWords> {
        let target = element.find("target").and_then(|target| target.attribute("dev"));
        let disk = self.machine.disks.iter().find(|disk| Some(disk.target.value.as_str()) == target);
        if disk.is_some_and(Disk::is_seed) {
            return None;
        }
        let mut words = OptionWords::of(flag, &leaves(element), |leaf| leaf.is_at("type"));
        // The type decides how virt-install reads the rest.
        let kind = element.attribute("type").map(|kind| said("type", Some(kind)));
        words.said.splice(0..0, kind);
        words.said.extend(disk.into_iter().flat_map(creation));
        words.unasked = unasked_of(element);
        Some(words)
    }

    /// Children of the domain and devices that no option makes.
    fn others(&self) -> Vec<Argument> {
        let made = |child: &&Element| {
            FLAGS.iter().any(|flag| match flag.makes {
                Makes::Settings(names) => names.contains(&child.name.as_ref()),
                Makes::Setting(name) => name == child.name,
                Makes::Device(_) => false,
            })
        };
        let children = self.domain.elements().filter(|child| !made(child));
        // What only vmbuild keeps with a domain is lost, and said to be.
        let children = children.filter(|child| !["name", "metadata", "devices"].contains(&child.name.as_ref()));
        let devices = self.domain.find("devices").into_iter().flat_map(Element::elements);
        let devices = devices.filter(|device| flag_of(device).is_none());
        let system = self.domain.find("metadata").and_then(|metadata| metadata.find("libosinfo:libosinfo"));
        let by_parent = system.into_iter().map(|system| (Some("metadata"), system));
        let by_parent = by_parent.chain(children.map(|child| (None, child)));
        let by_parent = by_parent.chain(devices.map(|device| (Some("devices"), device)));
        let leaves_of = |(parent, element): (Option<&str>, &Element)| {
            let leaves = leaves_of_domain(element).into_iter();
            let leaves: Vec<Leaf> = leaves.map(|leaf| parent.into_iter().fold(leaf, Leaf::below)).collect();
            by_path(&leaves, element.origin.as_ref()).collect::<Vec<_>>()
        };
        by_parent.flat_map(leaves_of).collect()
    }

    /// What keeps virt-install from adding what the domain does not have.
    fn unasked(&self) -> Vec<Argument> {
        let devices: Vec<&Element> = self.domain.find("devices").into_iter().flat_map(Element::elements).collect();
        let has = |name: &str| devices.iter().any(|device| device.name == name);
        let of_type = |name: &str, kind: &str| {
            devices.iter().any(|device| device.name == name && device.attribute("type") == Some(kind))
        };
        let mut all: Vec<String> =
            UNASKED.iter().filter(|(device, _)| !has(device)).map(|(_, text)| (*text).to_owned()).collect();
        if self.domain.find("features").is_none() {
            all.push(format!("--features={}", ADDED_FEATURES.map(|name| format!("{name}=off")).join(",")));
        }
        if self.machine.is_x86() && self.domain.find("pm").is_none() {
            all.push("--xml=xpath.delete=./pm".into());
        }
        if !of_type("controller", "pci") {
            all.push("--controller=num_pcie_root_ports=0".into());
        }
        if has("graphics") && !has("input") {
            all.push("--xml=xpath.delete=./devices/input".into());
        }
        if of_type("graphics", "spice") {
            all.push("--redirdev=none".into());
        }
        all.into_iter().map(|text| Argument::new(text, None)).collect()
    }

    /// What virt-install does not take.
    fn fault(&self) -> Option<RenderFault> {
        let name = self.domain.find("name").map(Element::own_text).unwrap_or_default();
        let place = Place::root().key("name");
        let own = name.contains(' ').then(|| RenderFault {
            message: format!(
                "{place}: '{name}' contains a space, which virt-install does not accept: use another name"
            ),
            place,
        });
        own.or_else(|| self.machine.disks.iter().find_map(fault_of))
    }
}

/// What virt-install does not take of a volume that it would create.
fn fault_of(disk: &Disk) -> Option<RenderFault> {
    let DiskOrigin::New { at, .. } = &disk.origin else { return None };
    let Location::Volume { pool, volume, path, .. } = at else { return None };
    let why = if at.network().is_some() {
        format!("virt-install creates no volume in pool '{pool}': create it with virsh vol-create-as, and attach it")
    } else if path.is_none() {
        format!("virt-install needs the path of the new volume, and pool '{pool}' was not read: connect to the host")
    } else if volume.contains(' ') {
        format!("the volume '{volume}' contains a space, which virt-install does not accept: use another name")
    } else {
        return None;
    };
    Some(RenderFault { place: disk.place.clone(), message: format!("{}: {why}", disk.place) })
}

/// What virt-install adds to a device: paths of that which this one does not have.
fn unasked_of(device: &Element) -> Vec<&'static str> {
    let is = |name: &str, value: &str| device.attribute(name) == Some(value);
    let lacks =
        |child: &str, attribute: &str| device.find(child).is_none_or(|child| child.attribute(attribute).is_none());
    match device.name.as_ref() {
        "disk" if is("type", "block") && is("device", "disk") => {
            let driver = [("cache", "./driver/@cache"), ("io", "./driver/@io"), ("discard", "./driver/@discard")];
            driver.into_iter().filter(|(name, _)| lacks("driver", name)).map(|(_, path)| path).collect()
        }
        "interface" if device.find("model").is_none() => vec!["./model"],
        "graphics" if is("type", "spice") && device.find("image").is_none() => vec!["./image"],
        _ => Vec::new(),
    }
}

/// What virt-install is told so that it creates a volume.
fn creation(disk: &Disk) -> Vec<String> {
    let DiskOrigin::New { size: Some(Bytes(bytes)), at } = &disk.origin else { return Vec::new() };
    let whole = bytes.is_multiple_of(GIB).then(|| (bytes / GIB).to_string());
    #[allow(clippy::cast_precision_loss, reason = "virt-install reads a number of GiB with a fraction")]
    let size = whole.unwrap_or_else(|| (*bytes as f64 / GIB as f64).to_string());
    let format = (!at.is_block()).then(|| said("format", disk.driver_format()));
    [said("size", Some(&size))].into_iter().chain(format).collect()
}

/// A device of the host. virt-install looks up one with a PCI address and fills in the rest.
fn host_device(flag: &Flag, device: &Element) -> OptionWords {
    let address = device.find("source").and_then(|source| source.find("address")).and_then(pci_address);
    let is_plain = device.attribute("type") == Some("pci") && device.attribute("managed") == Some("yes");
    let Some(address) = address.filter(|_| is_plain) else {
        let mut words = OptionWords::of(flag, &leaves(device), |leaf| leaf.is_at("type"));
        words.said.splice(0..0, device.attribute("type").map(|kind| said("type", Some(kind))));
        return words;
    };
    let implied = ["mode", "type", "managed"];
    let of_source = |leaf: &Leaf| {
        ["domain", "bus", "slot", "function"].iter().any(|part| leaf.is_at(&format!("source.address.{part}")))
    };
    let mut words =
        OptionWords::of(flag, &leaves(device), |leaf| of_source(leaf) || implied.iter().any(|name| leaf.is_at(name)));
    words.said.insert(0, address.to_string());
    words
}

/// Those of the features that virt-install would add to a domain that has others.
fn absent_features(features: &Element) -> Vec<String> {
    ADDED_FEATURES.iter().filter(|name| features.find(name).is_none()).map(|name| format!("{name}=off")).collect()
}

/// The option that makes a device.
fn flag_of(device: &Element) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| matches!(flag.makes, Makes::Device(name) if name == device.name))
}

/// What virt-install writes without being told.
fn is_implied(element: &str, leaf: &Leaf) -> bool {
    element == "os" && leaf.is_at("type")
}
