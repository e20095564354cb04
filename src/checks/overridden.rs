//! Checks of what `custom_xml` does to the generated domain: operations that hit nothing, and values of the spec that it
//! overrides.

use super::text::{Arg, Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::domain::{CustomChange, Deed, Element};
use crate::spec::field::of_part;
use crate::spec::{Place, Segment, custom_xml};
use serde_json::Value;

pub(super) static CHECKS: &[&Check] = &[&XML_ADDS, &XML_OPERATION, &XML_OVERRIDES];

static XML_ADDS: Check = Check {
    code: "XML-ADDS",
    title: "custom XML says which device it means",
    explain: "A device of custom_xml changes the generated one that it names, and is added where it names none: a disk is \
              named by its target, an interface by its MAC address, a controller by type and index, a host device by its \
              source, a console by its type or port. To change a generated device, write what names it; an interface has \
              a MAC address only if networks[].mac sets one. To add a device, give it a name of its own.",
    run: Some(adds),
    ..Check::VM
};

static XML_OPERATION: Check = Check {
    code: "XML-OPERATION",
    title: "vmbuild:op finds its elements",
    explain: "vmbuild:op='remove' removes a generated element, vmbuild:op='replace' replaces it. The element is found \
              as the merge finds it: a disk by its target, an interface by its MAC address, a controller by type and \
              index, a host device by its address, a feature, timer or channel by its name, a single element by its \
              own name. An operation that finds nothing leaves the domain as it was, and a replacement is added. op \
              without the prefix is not an operation, and libvirt rejects it.",
    run: Some(operations),
    ..Check::VM
};

static XML_OVERRIDES: Check = Check {
    code: "XML-OVERRIDES",
    title: "custom XML and the fields agree",
    explain: "custom_xml is merged over the domain that the fields make, and it wins: if custom_xml contradicts a \
              field, the field has no effect, and checks that read it describe a VM that is not built. Set the value \
              in one of the two, preferably in the field. Where custom_xml changes a default, that is its purpose, and \
              it is only reported.",
    run: Some(overrides),
    ..Check::VM
};

fn changes<'a>(subject: &'a Subject) -> &'a [CustomChange] {
    subject.merged.as_ref().map_or(&[], |(_, changes)| changes)
}

fn operations(subject: &Subject, notes: &mut Notes) {
    let Some((tree, changes)) = &subject.merged else { return };
    notes.looked();
    for change in changes {
        let Deed::Missed { operation, there } = &change.deed else { continue };
        let others =
            if there.is_empty() { Text::default() } else { text!("; there is {there}", there = Arg::all(there)) };
        let CustomChange { element, .. } = change;
        let (message, remedy) = if operation == "remove" {
            (
                text!("custom_xml removes {element}, which does not exist{others}", element, others),
                "name an existing element, or remove the operation",
            )
        } else {
            let message =
                text!("custom_xml replaces {element}, which does not exist: it is added{others}", element, others);
            (message, "name an existing element, or leave vmbuild:op out")
        };
        notes.warning(field("custom_xml"), message, remedy);
    }
    if let Some((element, operation)) = bare_operation(tree) {
        let message = text!(
            "custom_xml: op={operation} at <{element}> lacks the prefix",
            operation = Arg::quoted(operation),
            element
        );
        let remedy = text!(
            "write vmbuild:op, and xmlns:vmbuild='{namespace}' at the same element",
            namespace = custom_xml::NAMESPACE
        );
        notes.blocker(field("custom_xml"), message, remedy);
    }
}

/// An operation in no namespace: libvirt has no attribute of that name.
fn bare_operation(element: &Element) -> Option<(&str, &str)> {
    let own = element.attribute("op").map(|operation| (element.name.as_ref(), operation));
    own.or_else(|| element.elements().find_map(bare_operation))
}

fn adds(subject: &Subject, notes: &mut Notes) {
    if subject.merged.is_none() {
        return;
    }
    notes.looked();
    let mut named = Vec::new();
    for CustomChange { element, deed, .. } in changes(subject) {
        let Deed::Added { beside, lacks } = deed else { continue };
        let Some(lacks) = lacks else {
            named.push(element);
            continue;
        };
        let message = text!(
            "custom_xml adds {element} beside {beside}: it has no {lacks} of one of these",
            element,
            beside = Arg::all(beside),
            lacks
        );
        let remedy = text!("write {lacks} as the generated one has it to change that one, or a new one to add", lacks);
        notes.warning(field("custom_xml"), message, remedy);
    }
    if !named.is_empty() {
        let message = text!("custom_xml adds {named} beside generated devices of that name", named = Arg::all(named));
        notes.info(field("custom_xml"), message, "nothing to do if it is meant to be one more");
    }
}

/// How many of the changed defaults are told.
const TOLD: usize = 3;

fn overrides(subject: &Subject, notes: &mut Notes) {
    let all = changes(subject);
    if subject.merged.is_none() {
        return;
    }
    notes.looked();
    let spec = serde_json::to_value(subject.spec).unwrap_or_default();
    let (mut said, mut defaults) = (Vec::<Place>::new(), Vec::new());
    for change in all.iter().filter(|change| !is_identity(change)) {
        let Some(what) = told(change) else { continue };
        match asked(change, &spec) {
            Some(place) if said.contains(&place) => {}
            Some(place) => {
                let (message, remedy) = contradiction(change, &what, &place);
                notes.warning(place.clone(), message, remedy);
                said.push(place);
            }
            None => defaults.push(what),
        }
    }
    if !defaults.is_empty() {
        let more = defaults.len().saturating_sub(TOLD);
        defaults.truncate(TOLD);
        if more > 0 {
            defaults.push(text!("{more} more", more));
        }
        let message = text!("custom_xml changes defaults: {defaults}", defaults = Arg::all(defaults));
        notes.info(field("custom_xml"), message, "nothing to do if this is intended; the domain XML shows the result");
    }
}

/// Name and UUID have a check of their own.
fn is_identity(change: &CustomChange) -> bool {
    matches!(change.element.as_str(), "<name>" | "<uuid>")
}

/// The change in a few words; `None` where nothing was changed.
fn told(change: &CustomChange) -> Option<Text> {
    let element = &change.element;
    match &change.deed {
        Deed::Attribute { name, from, to } if to.is_empty() => {
            Some(text!("{name} of {element} ({from}) is gone", name, element, from))
        }
        Deed::Attribute { name, from, to } => {
            Some(text!("{name} of {element} from {from} to {to}", name, element, from, to))
        }
        Deed::Text { from, to } => Some(text!("{element} from {from} to {to}", element, from, to)),
        Deed::Removed { .. } => Some(text!("{element} is gone", element)),
        Deed::Added { .. } | Deed::Missed { .. } => None,
    }
}

fn contradiction(change: &CustomChange, what: &Text, place: &Place) -> (Text, Text) {
    let message = if let Deed::Removed { .. } = &change.deed {
        text!("custom_xml removes {element}, which {place} requests", element = change.element, place)
    } else {
        text!("custom_xml overrides {place}: {what}", place, what)
    };
    (message, text!("set it in one of the two: custom_xml wins, and {place} has no effect", place))
}

/// The field that a user set and that the change contradicts.
fn asked(change: &CustomChange, spec: &Value) -> Option<Place> {
    let set = |place: &Place| value_at(spec, place).filter(|value| !value.is_null());
    let Deed::Removed { fields } = &change.deed else {
        let place = field_of(change)?;
        let scalar = set(&place).is_some_and(|value| !value.is_object() && !value.is_array());
        return (scalar && !is_derived(&place, &change.element)).then_some(place);
    };
    // A row that is taken away, or a single field; what was refused is not missed.
    let whole = |place: &&Place| {
        let row = matches!(place.0.last(), Some(Segment::Index(_)));
        let asks = |value: &Value| row || !(value.is_object() || value.is_array() || value == &Value::Bool(false));
        set(place).is_some_and(asks) && !is_derived(place, &change.element)
    };
    change.origin.iter().chain(fields).find(whole).cloned()
}

/// The field that an attribute is of, in the row that made its element; else the field that made the element.
fn field_of(change: &CustomChange) -> Option<Place> {
    let Deed::Attribute { name, .. } = &change.deed else { return change.origin.clone() };
    let slash = if change.path.is_empty() { "" } else { "/" };
    let own = of_part(&format!("{}{slash}@{name}", change.path), change.origin.as_ref());
    own.or_else(|| change.origin.clone())
}

/// Fields from which vmbuild derives defaults; to change one of these is not to contradict the field.
fn is_derived(place: &Place, element: &str) -> bool {
    const FROM: [&str; 3] = ["os_type", "os_variant", "virt_type"];
    let derived = place.field().is_some_and(|field| FROM.contains(&field)) || element.starts_with("<topology>");
    element != "<domain>" && place.0.len() == 1 && derived
}

fn value_at<'a>(spec: &'a Value, place: &Place) -> Option<&'a Value> {
    place.0.iter().try_fold(spec, |value, segment| match segment {
        Segment::Key(key) => value.get(key),
        Segment::Index(index) => value.get(index),
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::{Value, json};

    fn asked(xml: &str) -> Asked {
        let xml = xml.replace(" op=", " xmlns:v='urn:vmbuild:domain:1' v:op=");
        Asked::with(json!({ "custom_xml": xml }))
    }

    #[test]
    fn an_operation_finds_its_element() {
        for (xml, want) in [
            (
                "<disk op='remove'><target dev='vdb'/></disk>",
                "custom_xml removes <disk> vdb, which does not exist; there is <disk> vda",
            ),
            ("<hub op='remove' type='usb'/>", "custom_xml removes <hub>, which does not exist"),
            (
                "<disk op='replace'><target dev='vdb'/></disk>",
                "custom_xml replaces <disk> vdb, which does not exist: it is added; there is <disk> vda",
            ),
            (
                "<disk><target dev='vda'/><serial op='remove'/></disk>",
                "custom_xml removes <serial> of <disk> vda, which does not exist",
            ),
            (
                "<disk><target dev='vdz'/><serial op='remove'/></disk>",
                "custom_xml removes <serial> of <disk> vdz, which does not exist",
            ),
        ] {
            asked(xml).warns("XML-OPERATION", "custom_xml", want);
        }
        for xml in ["<disk op='remove'><target dev='vda'/></disk>", "<memballoon op='replace' model='none'/>", "<hub/>"]
        {
            asked(xml).passes("XML-OPERATION");
        }
        Asked::good().quiet("XML-OPERATION");
    }

    #[test]
    fn a_device_that_is_added_says_so() {
        let bridge = "<interface type='bridge'><source bridge='br0'/><vlan><tag id='42'/></vlan></interface>";
        let want = "custom_xml adds <interface> beside <interface>: it has no address of <mac> of one of these";
        asked(bridge).warns("XML-ADDS", "custom_xml", want);
        let said = asked("<disk><target dev='vdb'/></disk>").said("XML-ADDS").info();
        assert_eq!(said.message, "custom_xml adds <disk> vdb beside generated devices of that name");
        asked("<disk><driver io='threads'/><target dev='vda'/></disk>").passes("XML-ADDS");
        asked("<redirdev bus='usb' type='spicevmc'/>").passes("XML-ADDS");
        Asked::good().quiet("XML-ADDS");
    }

    #[test]
    fn an_operation_has_its_prefix() {
        let bare = Asked::with(json!({"custom_xml": "<memballoon op='remove'/>"}));
        let said = bare.said("XML-OPERATION").blocker();
        assert_eq!(said.message, "custom_xml: op='remove' at <memballoon> lacks the prefix");
        assert!(said.remedy.contains("xmlns:vmbuild='urn:vmbuild:domain:1'"), "{}", said.remedy);
    }

    /// The custom XML beside fields that a user set.
    fn beside_fields(xml: &str) -> Asked {
        let storage = json!({"disks": [{"action": "create", "size": 9, "bus": "virtio", "cache": "none"}]});
        let mut fields = json!({
            "memory": 4096, "vcpus": 4, "machine": "q35", "architecture": "x86_64", "tpm": true, "virt_type": "kvm", "storage": storage,
            "networks": [{"mac": "52:54:00:00:00:01", "model": "virtio"}], "graphics": [{"type": "vnc", "port": 5901}],
        });
        fields["custom_xml"] = Value::from(xml.replace(" op=", " xmlns:v='urn:vmbuild:domain:1' v:op="));
        Asked::with(fields)
    }

    #[test]
    fn a_field_that_was_set_is_not_overridden_in_silence() {
        let cases = [
            ("<vcpu>2</vcpu>", "vcpus", "custom_xml overrides vcpus: <vcpu> from 4 to 2"),
            ("<memory unit='GiB'>8</memory>", "memory", "custom_xml overrides memory: <memory> from 4 GiB to 8 GiB"),
            ("<memory>8</memory>", "memory", "custom_xml overrides memory: <memory> from 4 GiB to 8 KiB"),
            ("<domain type='qemu'/>", "virt_type", "custom_xml overrides virt_type: type of <domain> from kvm to qemu"),
            (
                "<os><type machine='pc'/></os>",
                "machine",
                "custom_xml overrides machine: machine of <type> of <os> from q35 to pc",
            ),
            (
                "<os><type arch='i686'/></os>",
                "architecture",
                "custom_xml overrides architecture: arch of <type> of <os> from x86_64 to i686",
            ),
            (
                "<disk><target dev='vda' bus='scsi'/></disk>",
                "storage.disks[0].bus",
                "custom_xml overrides storage.disks[0].bus: bus of <target> of <disk> vda from virtio to scsi",
            ),
            (
                "<disk><driver cache='writeback'/><target dev='vda'/></disk>",
                "storage.disks[0].cache",
                "custom_xml overrides storage.disks[0].cache: cache of <driver> of <disk> vda from none to writeback",
            ),
            (
                "<disk op='remove'><target dev='vda'/></disk>",
                "storage.disks[0]",
                "custom_xml removes <disk> vda, which storage.disks[0] requests",
            ),
            ("<tpm op='remove'/>", "tpm", "custom_xml removes <tpm>, which tpm requests"),
            (
                "<graphics type='vnc' port='5902'/>",
                "graphics[0].port",
                "custom_xml overrides graphics[0].port: port of <graphics> vnc from 5901 to 5902",
            ),
        ];
        for (xml, place, want) in cases {
            beside_fields(xml).warns("XML-OVERRIDES", place, want);
        }
    }

    #[test]
    fn a_row_that_was_asked_for_does_not_go_in_silence_and_what_says_the_same_does() {
        let mac = "<mac address='52:54:00:00:00:01'/>";
        let model = format!("<interface>{mac}<model type='e1000e'/></interface>");
        beside_fields(&model).said("XML-OVERRIDES").warning();
        beside_fields(&format!("<interface op='remove'>{mac}</interface>")).said("XML-OVERRIDES").warning();
        let replaced = format!("<interface op='replace' type='user'>{mac}</interface>");
        beside_fields(&replaced).said("XML-OVERRIDES").warning();
        for same in [
            "<memory unit='MiB'>4096</memory>",
            "<vcpu>4</vcpu>",
            "<sound model='ich9'/>",
            "<name>b</name>",
            "<interface><mac address='52:54:00:00:00:01'/><model type='virtio'/><mtu size='9000'/></interface>",
        ] {
            beside_fields(same).passes("XML-OVERRIDES");
        }
    }

    #[test]
    fn a_default_may_be_changed_and_is_told() {
        let said = asked("<memballoon op='replace' model='none'/>").said("XML-OVERRIDES").info();
        assert_eq!(said.message, "custom_xml changes defaults: model of <memballoon> from virtio to none");
        let many = "<on_crash>restart</on_crash><on_reboot>destroy</on_reboot><memballoon model='none'/>\
                    <rng op='remove'/><disk><driver io='threads'/><target dev='vda'/></disk>";
        let said = asked(many).said("XML-OVERRIDES").info();
        assert!(said.message.ends_with(" and 2 more"), "{}", said.message);
        Asked::good().quiet("XML-OVERRIDES");
    }
}
