//! `custom_xml` merged over the generated domain. Same things change each other, new things are added, nothing is lost.
//!
//! The text is a whole `<domain>`, or one or several of its elements. An attribute `op` of our own namespace on an
//! element, written `vmbuild:op` with `xmlns:vmbuild='urn:vmbuild:domain:1'`, takes the generated one away (`remove`) or
//! puts this one in its place as it is (`replace`).

use super::change::{self, Around, CustomChange, Deed};
use super::identity::{self, Identity, identity};
use super::parse::{self, OPERATION};
use super::{Element, Node, XmlError};
use crate::spec::Place;

/// Merges the text of `custom_xml` into a domain; what it changed. Devices come last and all at once, so that two of the
/// text never become one.
pub(super) fn merge(domain: &mut Element, custom: &str) -> Result<Vec<CustomChange>, XmlError> {
    let mut merge = Merge::default();
    let around = Around::default();
    let mut devices = Vec::new();
    for mut top in parse::parse_fragment(custom)? {
        mark(&mut top);
        if top.name == "domain" {
            take_devices(&mut top, &mut devices);
            merge.overlay(domain, top, &around);
        } else {
            let mut domain_of_it = Element { children: vec![Node::Element(top)], ..Element::new("domain") };
            take_devices(&mut domain_of_it, &mut devices);
            merge.overlay(domain, domain_of_it, &around);
        }
    }
    if !devices.is_empty() {
        let devices = Element { children: devices, ..Element::new("devices") };
        merge.place_children(domain, vec![devices], &around);
    }
    Ok(merge.changes)
}

/// Moves the devices out of a domain, whether they stand among devices or by themselves.
fn take_devices(domain: &mut Element, out: &mut Vec<Node>) {
    domain.children.retain_mut(|node| {
        let Node::Element(child) = node else { return true };
        if child.name == "devices" && child.attributes.is_empty() {
            out.append(&mut child.children);
            return false;
        }
        let single = is_device(child);
        if single {
            out.push(Node::Element(std::mem::take(child)));
        }
        !single
    });
}

/// Notes where the elements come from.
fn mark(element: &mut Element) {
    element.origin = Some(Place::root().key("custom_xml"));
    element.elements_mut().for_each(mark);
}

/// True for what libvirt keeps under devices. A memory device has a model; the memory of the domain has none.
fn is_device(element: &Element) -> bool {
    const DEVICES: [&str; 31] = [
        "audio",
        "channel",
        "console",
        "controller",
        "crypto",
        "disk",
        "emulator",
        "filesystem",
        "graphics",
        "hostdev",
        "hub",
        "input",
        "interface",
        "iommu",
        "lease",
        "memballoon",
        "nvram",
        "panic",
        "parallel",
        "pstore",
        "redirdev",
        "redirfilter",
        "rng",
        "serial",
        "shmem",
        "smartcard",
        "sound",
        "tpm",
        "video",
        "vsock",
        "watchdog",
    ];
    DEVICES.contains(&element.name.as_ref()) || (element.name == "memory" && element.attribute("model").is_some())
}

/// A merge that keeps note of what it changes.
#[derive(Default)]
struct Merge {
    changes: Vec<CustomChange>,
}

impl Merge {
    /// Puts `upper` over `lower`, which is the same thing, or in its place.
    fn put(&mut self, lower: &mut Element, mut upper: Element, replace: bool, around: &Around) {
        if replace {
            self.clear(&mut upper, around);
            change::replaced(around, lower, &upper, &mut self.changes);
            *lower = upper;
        } else {
            self.overlay(lower, upper, around);
        }
    }

    /// Puts `upper` over `lower`, which is the same thing. A text counts in its own unit.
    fn overlay(&mut self, lower: &mut Element, upper: Element, around: &Around) {
        let mut changed = false;
        self.retype(lower, &upper, around);
        if !upper.own_text().is_empty() {
            self.changes.extend(change::text(around, lower, &upper));
            changed = lower.own_text() != upper.own_text();
            if upper.attribute("unit").is_none() {
                lower.attributes.retain(|(name, _)| name != "unit");
            }
        }
        for (name, value) in upper.attributes {
            self.changes.extend(change::attribute(around, lower, &name, &value));
            changed |= lower.set(name, value);
        }
        let (texts, elements): (Vec<Node>, Vec<Node>) =
            upper.children.into_iter().partition(|node| matches!(node, Node::Text(_)));
        if !texts.is_empty() {
            lower.children.retain(|node| !matches!(node, Node::Text(_)));
            lower.children.extend(texts);
        }
        if changed {
            lower.origin = upper.origin;
        }
        let elements = elements.into_iter().filter_map(|node| if let Node::Element(e) = node { Some(e) } else { None });
        self.place_children(lower, elements.collect(), around);
    }

    /// Merges children into `parent`. No child of `parent` is met twice, so that two new elements of one identity both
    /// stay.
    fn place_children(&mut self, parent: &mut Element, uppers: Vec<Element>, around: &Around) {
        let name = parent.name.clone();
        let mut met = vec![false; parent.children.len()];
        for mut upper in uppers {
            let op = take_op(&mut upper);
            match (find(parent, &upper, &met), op.as_deref()) {
                (Some(at), Some("remove")) => {
                    if let Node::Element(lower) = parent.children.remove(at) {
                        self.changes.push(change::removed(&around.child(&name, &lower), &lower));
                    }
                    met.remove(at);
                }
                (None, Some("remove")) => self.miss(parent, &upper, "remove", around),
                (Some(at), op) => {
                    if let Some(Node::Element(lower)) = parent.children.get_mut(at) {
                        let around = around.child(&name, lower);
                        self.put(lower, upper, op == Some("replace"), &around);
                    }
                    if let Some(met) = met.get_mut(at) {
                        *met = true;
                    }
                }
                (None, op) => {
                    match op {
                        Some(op) => self.miss(parent, &upper, op, around),
                        None => self.add(parent, &upper, around),
                    }
                    let around = around.child(&name, &upper);
                    self.clear(&mut upper, &around);
                    let at = place_of(parent, &upper);
                    parent.children.insert(at, Node::Element(upper));
                    met.insert(at.min(met.len()), true);
                }
            }
        }
    }

    /// Notes a device that comes beside generated ones of its name.
    fn add(&mut self, parent: &Element, upper: &Element, around: &Around) {
        let generated = |lower: &&Element| lower.name == upper.name && lower.origin != upper.origin;
        let beside: Vec<String> =
            parent.elements().filter(generated).map(|lower| identity::label(&parent.name, lower)).collect();
        if parent.name != "devices" || beside.is_empty() {
            return;
        }
        let is_keyed = identity(&parent.name, upper) != Identity::None;
        let lacks = identity::told_by(&upper.name).filter(|_| !is_keyed);
        self.changes.push(around.child(&parent.name, upper).change(Deed::Added { beside, lacks }));
    }

    /// Takes the source away from a device that becomes one of another type: what it named means nothing there.
    fn retype(&mut self, lower: &mut Element, upper: &Element, around: &Around) {
        let (Some(from), Some(to)) = (lower.attribute("type"), upper.attribute("type")) else { return };
        let is_device = ["disk", "interface", "hostdev", "serial", "console", "channel", "filesystem"];
        if from == to || !is_device.contains(&lower.name.as_ref()) {
            return;
        }
        let is_source = |node: &Node| matches!(node, Node::Element(child) if child.name == "source");
        let Some(at) = lower.children.iter().position(is_source) else { return };
        if let Node::Element(source) = lower.children.remove(at) {
            self.changes.push(change::removed(&around.child(&lower.name, &source), &source));
        }
    }

    /// Notes an operation that found nothing in `parent`.
    fn miss(&mut self, parent: &Element, upper: &Element, operation: &str, around: &Around) {
        let alike = parent.elements().filter(|lower| lower.name == upper.name);
        let there = alike.map(|lower| identity::label(&parent.name, lower)).collect();
        let deed = Deed::Missed { operation: operation.to_owned(), there };
        self.changes.push(around.child(&parent.name, upper).change(deed));
    }

    /// Takes the operations out of what has nothing generated to work on.
    fn clear(&mut self, element: &mut Element, around: &Around) {
        let name = element.name.clone();
        let empty = Element::new(name.clone());
        element.children.retain_mut(|node| {
            let Node::Element(child) = node else { return true };
            let operation = take_op(child);
            if let Some(operation) = &operation {
                self.miss(&empty, child, operation, around);
            }
            let around = around.child(&name, child);
            self.clear(child, &around);
            operation.as_deref() != Some("remove")
        });
    }
}

/// Where in `parent` the element stands that `upper` is about, among those that are not met yet.
fn find(parent: &Element, upper: &Element, met: &[bool]) -> Option<usize> {
    let key = identity(&parent.name, upper);
    if key == Identity::None {
        return None;
    }
    let same = |node: &Node| matches!(node, Node::Element(lower) if lower.name == upper.name && identity(&parent.name, lower) == key);
    let free = |at: &usize| !met.get(*at).is_some_and(|met| *met);
    (0..parent.children.len()).filter(free).find(|at| parent.children.get(*at).is_some_and(same))
}

/// Behind the last of its name; at the end else, and before the devices in a domain, where libvirt writes settings.
fn place_of(parent: &Element, child: &Element) -> usize {
    let position =
        |name: &str| parent.children.iter().rposition(|node| matches!(node, Node::Element(e) if e.name == name));
    let end = parent.children.len();
    match position(&child.name) {
        Some(last) => last + 1,
        None if parent.name == "domain" && !child.name.contains(':') => position("devices").unwrap_or(end),
        None => end,
    }
}

/// Takes the operation off an element, and the declaration of our namespace where nothing else needs it.
fn take_op(element: &mut Element) -> Option<String> {
    let at = element.attributes.iter().position(|(name, _)| name == OPERATION)?;
    let operation = element.attributes.remove(at).1.into_owned();
    if !names_our_namespace(element) {
        element.attributes.retain(|(name, _)| name != "xmlns:vmbuild");
    }
    Some(operation)
}

fn names_our_namespace(element: &Element) -> bool {
    let ours = |name: &str| name.starts_with("vmbuild:");
    ours(&element.name)
        || element.attributes.iter().any(|(name, _)| ours(name))
        || element.elements().any(names_our_namespace)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const BASE: &str = "<domain type='kvm'><memory unit='GiB'>2</memory><features><acpi/></features>\
        <clock offset='utc'><timer name='rtc' tickpolicy='catchup'/></clock><devices>\
        <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><target dev='vda' bus='virtio'/></disk>\
        <controller type='usb' index='0' model='qemu-xhci'/>\
        <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/></interface>\
        <memballoon model='virtio'/></devices></domain>";

    fn merged(custom: &str) -> String {
        let mut domain = parse::parse(BASE).unwrap();
        merge(&mut domain, custom).unwrap();
        domain.to_xml()
    }

    #[test]
    fn a_disk_is_recognised_by_its_target() {
        let xml = merged("<disk><driver cache='writeback'/><target dev='vda'/></disk>");
        assert!(xml.contains("<driver name='qemu' type='qcow2' cache='writeback'/>"));
        assert_eq!(xml.matches("<disk").count(), 1);
        assert_eq!(merged("<disk><target dev='vdb'/></disk>").matches("<disk").count(), 2);
    }

    #[test]
    fn a_device_of_another_type_has_the_source_of_that_type_alone() {
        let mut domain = parse::parse(
            "<domain><devices><disk type='file'><source file='/a.qcow2'/><target dev='vda'/></disk></devices></domain>",
        )
        .unwrap();
        let custom = "<disk type='network'><source protocol='rbd' name='p/a'/><target dev='vda'/></disk>";
        let changes = merge(&mut domain, custom).unwrap();
        let xml = domain.to_xml();
        assert!(xml.contains("<source protocol='rbd' name='p/a'/>") && !xml.contains("/a.qcow2"), "{xml}");
        assert!(changes.iter().any(|change| matches!(change.deed, Deed::Removed { .. })), "{changes:?}");
    }

    #[test]
    fn a_device_that_comes_beside_generated_ones_says_so() {
        let added = |custom: &str| -> Vec<(Vec<String>, Option<String>)> {
            let changes = merge(&mut parse::parse(BASE).unwrap(), custom).unwrap().into_iter();
            let added = changes.filter_map(|change| match change.deed {
                Deed::Added { beside, lacks } => Some((beside, lacks)),
                _ => None,
            });
            added.collect()
        };
        let card = || vec!["<interface> 52:54:00:00:00:01".to_owned()];
        assert_eq!(added("<interface type='bridge'/>"), [(card(), Some("address of <mac>".to_owned()))]);
        assert_eq!(added("<interface><mac address='52:54:00:00:00:02'/></interface>"), [(card(), None)]);
        assert_eq!(
            added("<disk device='cdrom'/>"),
            [(vec!["<disk> vda".to_owned()], Some("dev of <target>".to_owned()))]
        );
        assert_eq!(added("<sound model='ich9'/><disk><target dev='vda'/></disk>"), []);
        // Two new ones are beside the generated one, not beside each other.
        assert_eq!(added("<interface/><interface/>").len(), 2);
        assert_eq!(added("<hub type='usb'/><hub type='usb'/>"), []);
    }

    #[test]
    fn a_whole_domain_merges_from_the_top() {
        let xml = merged(
            "<domain><memory>4</memory><devices><interface><mac address='52:54:00:00:00:01'/>\
                          <mtu size='9000'/></interface></devices></domain>",
        );
        // Without a unit it is what libvirt reads: KiB.
        assert!(xml.contains("<memory>4</memory>"));
        assert_eq!(xml.matches("<interface").count(), 1);
        assert!(xml.contains("<mtu size='9000'/>"));
    }

    #[test]
    fn settings_and_devices_find_their_place_without_a_root() {
        let xml =
            merged("<iothreads>2</iothreads>\n<clock><timer name='hpet' present='no'/></clock>\n<sound model='ich9'/>");
        assert!(xml.find("<iothreads>").unwrap() < xml.find("<devices>").unwrap());
        assert!(xml.find("<devices>").unwrap() < xml.find("<sound").unwrap());
        assert_eq!(xml.matches("<clock").count(), 1);
        assert_eq!(xml.matches("<timer").count(), 2);
    }

    #[test]
    fn namespaces_of_the_root_are_kept() {
        let xml = merged(
            "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:commandline>\
                          <qemu:arg value='-x'/><qemu:arg value='-x'/></qemu:commandline></domain>",
        );
        assert!(xml.starts_with("<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"));
        assert_eq!(xml.matches("<qemu:arg value='-x'/>").count(), 2);
    }

    #[test]
    fn the_same_new_thing_twice_stays_twice() {
        assert_eq!(
            merged("<disk><target dev='vdb'/></disk><hub type='usb'/><hub type='usb'/>").matches("<hub").count(),
            2
        );
        assert_eq!(
            merged("<devices><memballoon model='none'/><memballoon model='none'/></devices>")
                .matches("<memballoon")
                .count(),
            2
        );
    }

    #[test]
    fn generated_elements_can_be_removed_and_replaced() {
        let declared = "xmlns:vmbuild='urn:vmbuild:domain:1'";
        let xml = merged("<memballoon xmlns:v='urn:vmbuild:domain:1' v:op='remove'/>");
        assert!(!xml.contains("memballoon"));
        let xml = merged(&format!("<clock {declared} vmbuild:op='replace' offset='localtime'/>"));
        assert!(xml.contains("offset='localtime'/>") && !xml.contains("timer") && !xml.contains("vmbuild:op"));
    }

    #[test]
    fn an_error_names_the_field_with_line_and_column() {
        let mut domain = parse::parse(BASE).unwrap();
        let error = merge(&mut domain, "<devices>\n  <disk>\n</devices>").unwrap_err();
        assert!(matches!(&error, XmlError::Custom(fault) if (fault.row, fault.column) == (3, 1)), "{error}");
        assert_eq!(error.place().to_string(), "custom_xml");
    }

    #[test]
    fn what_custom_xml_changed_says_so() {
        let mut domain = parse::parse(BASE).unwrap();
        merge(&mut domain, "<memory unit='GiB'>2</memory><features><pae/></features>").unwrap();
        assert_eq!(domain.find("memory").unwrap().origin, None);
        let features = domain.find("features").unwrap();
        assert_eq!(
            (features.origin.clone(), features.find("pae").unwrap().origin.clone()),
            (None, Some(Place::root().key("custom_xml")))
        );
    }

    fn element() -> impl Strategy<Value = Element> {
        let name = prop::sample::select(vec!["disk", "controller", "timer", "cpu", "target", "devices", "x"]);
        let attribute = (prop::sample::select(vec!["type", "dev", "name", "index"]), "[a-c0-1]");
        let leaf = (name.clone(), prop::option::of(attribute.clone())).prop_map(|(name, attribute)| {
            attribute.into_iter().fold(Element::new(name), |e, (name, value)| e.attr(name, value))
        });
        leaf.prop_recursive(4, 24, 5, move |inner| {
            (name.clone(), prop::collection::vec(inner, 0..5)).prop_map(|(name, all)| Element::new(name).children(all))
        })
    }

    fn tags(element: &Element) -> usize {
        1 + element.elements().map(tags).sum::<usize>()
    }

    proptest! {
        #[test]
        fn no_element_is_lost_and_the_result_parses_back(upper in prop::collection::vec(element(), 0..5)) {
            let text: String = upper.iter().map(Element::to_xml).collect();
            let mut domain = parse::parse(BASE).unwrap();
            let before = tags(&domain);
            merge(&mut domain, &text).unwrap();
            prop_assert!(tags(&domain) >= before);
            let once = domain.to_xml();
            prop_assert_eq!(parse::parse(&once).unwrap().to_xml(), once);
            for top in &upper {
                let wanted = top.elements().chain([top]).filter(|e| e.name == "x").count();
                prop_assert!(domain.to_xml().matches("<x").count() >= wanted.min(1));
            }
        }
    }
}
