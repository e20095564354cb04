//! Two domain documents side by side: what one has that the other has not, told by the identity of things and not by
//! the order and the spelling that libvirt gives them. Which elements are the same thing is in `identity`, which values
//! mean the same in `same`, and what libvirt adds to every domain in `by_libvirt`.

use super::by_libvirt::{self, Own};
use super::difference::{Difference, Weight, What};
use super::element::Word;
use super::identity::step_of_path;
use super::pair::pairs;
use super::same::{TEXT, same, value};
use super::{Element, Node};
use std::collections::BTreeMap;

/// Another domain beside ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The other domain in the order of ours. Elements that are in both have the origin of ours.
    pub theirs: Element,
    /// Everything that is not the same letter by letter, in the order of ours.
    pub changes: Vec<Difference>,
    /// What `theirs` lacks of what libvirt adds.
    left_out: BTreeMap<Own, usize>,
}

/// How much of the other domain is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Detail {
    /// What differs in meaning: what means the same is written as in ours, and what libvirt adds to every domain is left
    /// out.
    #[default]
    Meaning,
    /// Everything, as it is written.
    Everything,
}

/// Compares `theirs` with `ours`. Secrets are not looked at: no password is in the result.
pub fn compare(ours: &Element, theirs: &Element, detail: Detail) -> Comparison {
    let (ours, theirs) = (&without_secrets(ours), &without_secrets(theirs));
    let mut comparer = Comparer { detail, orders_devices: orders_devices(ours), out: Comparison::default() };
    comparer.out.theirs = comparer.both(At { path: "", parent: "" }, ours, theirs);
    comparer.out
}

fn orders_devices(domain: &Element) -> bool {
    domain.find("devices").is_some_and(|devices| devices.elements().any(|device| device.find("boot").is_some()))
}

/// Without passwords, which are in the XML of a domain that is about to be defined.
fn without_secrets(element: &Element) -> Element {
    let mut out = element.clone();
    out.attributes.retain(|(name, _)| name != "passwd");
    out.elements_mut().for_each(|child| *child = without_secrets(child));
    out
}

impl Comparison {
    /// The differences in meaning.
    pub fn meanings(&self) -> impl Iterator<Item = &Difference> {
        self.changes.iter().filter(|change| change.weight == Weight::Meaning)
    }

    /// What `theirs` lacks, in words: "q35 is pc-q35-10.0 there, 31 guest addresses, 14 controllers"; empty for nothing.
    pub fn left_out(&self) -> String {
        let machine = self.changes.iter().find(|change| change.path == MACHINE && change.weight == Weight::Spelling);
        let machine = machine.and_then(|change| match &change.what {
            What::Changed { from, to } => Some(format!("{from} is {to} there")),
            What::Added { .. } | What::Dropped { .. } => None,
        });
        machine
            .into_iter()
            .chain(self.left_out.iter().map(|(own, count)| own.counted(*count)))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Where the version of a machine stands.
const MACHINE: &str = "os/type@machine";

/// The element that is compared: its path, and the name of what holds it.
#[derive(Clone, Copy)]
struct At<'a> {
    path: &'a str,
    parent: &'a str,
}

impl At<'_> {
    fn join(self, label: &str) -> String {
        if self.path.is_empty() { label.to_owned() } else { format!("{}/{label}", self.path) }
    }
}

struct Comparer {
    detail: Detail,
    /// True where ours says of devices when they boot: then libvirt chooses nothing to boot from.
    orders_devices: bool,
    out: Comparison,
}

impl Comparer {
    /// Compares what is the same thing in both; gives the other one.
    fn both(&mut self, at: At<'_>, ours: &Element, theirs: &Element) -> Element {
        let mut out = Element { origin: ours.origin.clone(), ..Element::new(theirs.name.clone()) };
        let added = theirs.attributes.iter().filter(|(name, _)| ours.attribute(name).is_none());
        for (name, _) in ours.attributes.iter().chain(added) {
            let kept = self.value(at, (ours, theirs), name);
            out.attributes.extend(kept.map(|kept| (name.clone(), kept)));
        }
        // Comments are for readers of ours; libvirt keeps none.
        out.children.extend(ours.children.iter().filter(|node| matches!(node, Node::Comment(_))).cloned());
        let text = self.value(at, (ours, theirs), TEXT);
        out.children.extend(text.map(Node::Text));
        self.children(at, (ours, theirs), &mut out);
        out
    }

    /// Compares one attribute, or the text; gives what is kept of it.
    fn value(&mut self, at: At<'_>, (ours, theirs): (&Element, &Element), name: &str) -> Option<Word> {
        let (from, to) = (value(ours, name), value(theirs, name));
        if from == to {
            return from.map(Word::from);
        }
        let own = if from.is_none() { by_libvirt::adds_attribute(at.parent, theirs, name) } else { None };
        let weight = match own {
            // A namespace means nothing without the elements that use it.
            _ if name.starts_with("xmlns") || same(ours, theirs, name) => Weight::Spelling,
            Some(_) => Weight::Own,
            None => Weight::Meaning,
        };
        let path = if name == TEXT { at.path.to_owned() } else { format!("{}@{name}", at.path) };
        self.tell(path, weight, own, (from.clone(), to.clone()));
        let kept = match (self.detail, weight) {
            (Detail::Meaning, Weight::Spelling) => from,
            (Detail::Meaning, Weight::Own) => None,
            (Detail::Everything, _) | (_, Weight::Meaning) => to,
        };
        kept.map(Word::from)
    }

    fn children(&mut self, at: At<'_>, (ours, theirs): (&Element, &Element), out: &mut Element) {
        let (our, their): (Vec<_>, Vec<_>) = (ours.elements().collect(), theirs.elements().collect());
        for pair in pairs(&ours.name, &our, &their) {
            let (one, other) = (pair.0.and_then(|at| our.get(at)), pair.1.and_then(|at| their.get(at)));
            let Some(shown) = one.or(other) else { continue };
            let path = at.join(&step_of_path(&ours.name, shown));
            let kept = match (one, other) {
                (Some(one), Some(other)) => {
                    let within = At { path: &path, parent: &ours.name };
                    Some(self.both(within, one, other))
                }
                (Some(one), None) => {
                    self.tell(path, Weight::Meaning, None, (Some(one.in_line()), None));
                    None
                }
                (None, Some(other)) => self.added(at, path, theirs, other),
                (None, None) => None,
            };
            out.children.extend(kept.map(Node::Element));
        }
    }

    /// An element that only the other one has.
    fn added(&mut self, at: At<'_>, path: String, parent: &Element, element: &Element) -> Option<Element> {
        let chosen = !(self.orders_devices && parent.name == "os" && element.name == "boot");
        let own = by_libvirt::adds(at.parent, parent, element).filter(|_| chosen);
        let weight = if own.is_some() { Weight::Own } else { Weight::Meaning };
        self.tell(path, weight, own, (None, Some(element.in_line())));
        match self.detail {
            Detail::Everything => Some(element.clone()),
            Detail::Meaning => own.is_none().then(|| self.asked_for(parent.name.as_ref(), element)),
        }
    }

    /// An element without what libvirt adds within it.
    fn asked_for(&mut self, parent: &str, element: &Element) -> Element {
        let mut out = Element { children: Vec::new(), ..element.clone() };
        for node in &element.children {
            match node {
                Node::Text(_) | Node::Comment(_) => out.children.push(node.clone()),
                Node::Element(child) => match by_libvirt::adds(parent, element, child) {
                    Some(own) => *self.out.left_out.entry(own).or_default() += 1,
                    None => out.children.push(Node::Element(self.asked_for(&element.name, child))),
                },
            }
        }
        out
    }

    fn tell(&mut self, path: String, weight: Weight, own: Option<Own>, values: (Option<String>, Option<String>)) {
        let what = match values {
            (Some(from), Some(to)) => What::Changed { from, to },
            (None, Some(to)) => What::Added { to },
            (from, None) => What::Dropped { from: from.unwrap_or_default() },
        };
        if let (Some(own), Weight::Own) = (own, weight) {
            *self.out.left_out.entry(own).or_default() += 1;
        }
        self.out.changes.push(Difference { path, what, weight });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::parse;
    use crate::spec::Place;

    const OURS: &str = "<domain type='kvm'><name>a</name><memory unit='GiB'>2</memory><os><type machine='q35'>hvm</type></os><devices>\
        <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/p/a.qcow2'/><target dev='vda' bus='virtio'/></disk>\
        <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/p/b.raw'/><target dev='vdb' bus='virtio'/></disk>\
        <interface type='network'><source network='default'/><model type='virtio'/></interface>\
        <hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x0a' slot='0x00' function='0x0'/></source></hostdev>\
        </devices></domain>";
    /// What libvirt makes of it, in another order.
    const STORED: &str = "<domain type='kvm'><name>a</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><memory unit='KiB'>2097152</memory>\
        <currentMemory unit='KiB'>2097152</currentMemory><os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os><devices>\
        <emulator>/usr/bin/qemu-system-x86_64</emulator>\
        <hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='10' slot='0x00' function='0x0'/></source>\
          <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/></hostdev>\
        <controller type='pci' index='0' model='pcie-root'/><controller type='sata' index='0'/>\
        <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/><model type='virtio'/></interface>\
        <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/p/b.raw'/><target dev='vdb' bus='virtio'/></disk>\
        <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/p/a.qcow2'/><target dev='vda' bus='virtio'/>\
          <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/></disk></devices></domain>";

    fn between(ours: &str, theirs: &str) -> Comparison {
        compare(&parse(ours).unwrap(), &parse(theirs).unwrap(), Detail::Meaning)
    }

    fn told(comparison: &Comparison) -> Vec<String> {
        let tell = |change: &Difference| match &change.what {
            What::Added { to } => format!("+{} {to}", change.path),
            What::Changed { from, to } => format!("~{} {from}>{to}", change.path),
            What::Dropped { from } => format!("-{} {from}", change.path),
        };
        comparison.meanings().map(tell).collect()
    }

    #[test]
    fn what_libvirt_stored_is_what_was_sent() {
        let comparison = between(OURS, STORED);
        assert_eq!(told(&comparison), [""; 0]);
        assert_eq!(comparison.theirs, parse(OURS).unwrap());
        let words = "q35 is pc-q35-10.0 there, 2 guest addresses, 2 for controllers, 1 MAC address, 4 defaults";
        assert_eq!(comparison.left_out(), words);
    }

    #[test]
    fn everything_is_there_for_who_wants_it() {
        let (ours, theirs) = (parse(OURS).unwrap(), parse(STORED).unwrap());
        let whole = compare(&ours, &theirs, Detail::Everything).theirs.to_xml();
        for text in ["<uuid>", "machine='pc-q35-10.0'", "<memory unit='KiB'>2097152<", "bus='10'", "'pcie-root'"] {
            assert!(whole.contains(text), "{text} in {whole}");
        }
        assert!(whole.find("vda").unwrap() < whole.find("vdb").unwrap(), "in our order");
        assert_eq!(whole.lines().count(), theirs.to_xml().lines().count());
    }

    #[test]
    fn what_only_the_other_has_is_shown_as_it_was_asked_for() {
        let sound = "<sound model='ich9'><codec type='micro'/><address type='pci' bus='0x00' slot='0x1b'/></sound>";
        let comparison = between(OURS, &STORED.replace("</devices>", &format!("{sound}</devices>")));
        let shown = comparison.theirs.to_xml();
        assert!(shown.contains("<codec type='micro'/>") && !shown.contains("slot='0x1b'"), "{shown}");
        assert!(comparison.left_out().contains("3 guest addresses"), "{}", comparison.left_out());
    }

    #[test]
    fn one_changed_value_is_one_difference_with_its_path() {
        let theirs =
            STORED.replace("type='raw'/>", "type='raw' cache='none'/>").replace("hostdev mode", "hostdev x='1' mode");
        let ours = OURS.replace("type='qcow2'/>", "type='qcow2' io='native'/>");
        assert_eq!(
            told(&between(&ours, &theirs)),
            [
                "-devices/disk vda/driver@io native",
                "+devices/disk vdb/driver@cache none",
                "+devices/hostdev 0000:0a:00.0@x 1"
            ]
        );
    }

    #[test]
    fn a_disk_on_another_bus_is_changed_and_another_disk_is_another() {
        let moved = STORED.replace("<target dev='vdb' bus='virtio'/>", "<target dev='sda' bus='sata'/>");
        assert_eq!(
            told(&between(OURS, &moved)),
            ["~devices/disk vdb/target@dev vdb>sda", "~devices/disk vdb/target@bus virtio>sata"]
        );
        let other = moved.replace("/p/b.raw", "/p/c.raw");
        let told = told(&between(OURS, &other));
        assert!(told.len() == 2 && told.iter().any(|it| it.starts_with("-devices/disk vdb <disk ")), "{told:?}");
    }

    #[test]
    fn what_somebody_wished_is_never_taken_for_libvirts() {
        let wishes = [
            "<controller type='pci' index='9' model='pcie-expander-bus'><target busNr='250'><node>1</node></target></controller>",
            "<controller type='scsi' index='0' model='virtio-scsi'/>",
            "<controller type='pci' index='4' model='pcie-root-port'><target hotplug='off'/></controller>",
            "<emulator>/opt/qemu/bin/qemu-system-x86_64</emulator>",
            "<watchdog model='itco' action='poweroff'/>",
            "<audio id='1' type='pulseaudio' serverName='/run/p'/>",
            "<input type='tablet' bus='usb'/>",
            "<memballoon model='none'/>",
        ];
        for wish in wishes {
            let theirs = OURS.replace("</devices>", &format!("{wish}</devices>"));
            assert_eq!(told(&between(OURS, &theirs)).len(), 1, "{wish}");
        }
        for alias in ["<alias name='ua-disk'/>", "<mac address='02:00:00:00:00:01'/>"] {
            let theirs = OURS.replace("<model type='virtio'/>", &format!("<model type='virtio'/>{alias}"));
            assert_eq!(told(&between(OURS, &theirs)).len(), 1, "{alias}");
        }
    }

    #[test]
    fn the_order_counts_where_it_says_something() {
        let domain =
            |inner: &str| format!("<domain><qemu:commandline xmlns:qemu='q'>{inner}</qemu:commandline></domain>");
        let (one, other) =
            ("<qemu:arg value='-a'/><qemu:arg value='-b'/>", "<qemu:arg value='-b'/><qemu:arg value='-a'/>");
        assert_eq!(told(&between(&domain(one), &domain(one))), [""; 0]);
        assert_eq!(told(&between(&domain(one), &domain(other))).len(), 2);
        let (hd, cd) = ("<os><boot dev='hd'/><boot dev='cdrom'/></os>", "<os><boot dev='cdrom'/><boot dev='hd'/></os>");
        assert!(!told(&between(&format!("<domain>{hd}</domain>"), &format!("<domain>{cd}</domain>"))).is_empty());
    }

    #[test]
    fn passwords_are_in_no_result() {
        let graphics =
            |passwd: &str| format!("<domain><devices><graphics type='vnc' passwd='{passwd}'/></devices></domain>");
        let comparison = between(&graphics("secret1"), &graphics("secret2"));
        assert!(comparison.changes.is_empty() && !format!("{comparison:?}").contains("secret"));
        let only = between("<domain><devices/></domain>", &graphics("secret2"));
        assert!(!only.changes.is_empty() && !format!("{only:?}").contains("secret"));
    }

    #[test]
    fn what_is_in_both_has_the_field_that_made_ours() {
        let mut ours = parse("<domain><vcpu>2</vcpu></domain>").unwrap();
        ours.elements_mut().for_each(|vcpu| vcpu.origin = Some(Place::root().key("cpus")));
        let theirs = compare(&ours, &parse("<domain><vcpu>4</vcpu><x/></domain>").unwrap(), Detail::Meaning).theirs;
        let origins: Vec<_> =
            theirs.elements().map(|element| element.origin.as_ref().map(ToString::to_string)).collect();
        assert_eq!(origins, [Some("cpus".to_owned()), None]);
    }
}
