//! When two values of a domain document mean the same, however they are written. Owns no list of defaults.

use super::Element;
use super::identity::number;
use crate::units::{Bytes, CpuSet, KIB};

/// What attributes and text of an element are called in a comparison: the text has no name.
pub(super) const TEXT: &str = "";

/// True where `name` says the same in both elements: amounts in any unit, numbers of addresses in any base, sets of
/// CPUs in any order, a machine type and the alias that stands for it.
pub(super) fn same(ours: &Element, theirs: &Element, name: &str) -> bool {
    let (Some(our), Some(their)) = (value(ours, name), value(theirs, name)) else {
        return unsaid(ours, theirs, name);
    };
    if our == their {
        return true;
    }
    match (ours.name.as_ref(), name) {
        (_, "unit") => amounts_agree(ours, theirs),
        (_, TEXT | "size" | "memory") if is_amount(ours) || is_amount(theirs) => {
            amount(ours, &our).zip(amount(theirs, &their)).is_some_and(|(ours, theirs)| rounded(ours, theirs))
        }
        ("type", "machine") => is_alias(&our, &their) || is_alias(&their, &our),
        (_, "cpuset" | "nodeset" | "cpus" | "vcpus" | "iothreads") | ("nodemask", TEXT) => {
            our.parse::<CpuSet>().is_ok_and(|set| their.parse() == Ok(set))
        }
        ("address" | "mac", "address" | "uuid") | ("uuid", TEXT) => our.eq_ignore_ascii_case(&their),
        ("address" | "vendor" | "product" | "target", _) => {
            number(&our).is_some_and(|number_of_ours| Some(number_of_ours) == number(&their))
        }
        _ => false,
    }
}

/// True where it says nothing more to name it than not to: a unit is part of the amount beside it, and a port of -1 is
/// one that is chosen at the start.
fn unsaid(ours: &Element, theirs: &Element, name: &str) -> bool {
    let said = value(ours, name).or(value(theirs, name));
    match (ours.name.as_ref(), name) {
        (_, "unit") => amounts_agree(ours, theirs),
        ("graphics", "port" | "tlsPort") => said.as_deref() == Some("-1"),
        _ => false,
    }
}

/// An attribute, or the text without the blanks around it.
pub(super) fn value(element: &Element, name: &str) -> Option<String> {
    if name == TEXT { text(element) } else { element.attribute(name).map(ToOwned::to_owned) }
}

fn text(element: &Element) -> Option<String> {
    Some(element.own_text().trim().to_owned()).filter(|text| !text.is_empty())
}

/// True for an element that counts in a unit; libvirt counts these three in KiB where none is named.
fn is_amount(element: &Element) -> bool {
    matches!(element.name.as_ref(), "memory" | "currentMemory" | "maxMemory") || element.attribute("unit").is_some()
}

/// What `number` counts in the unit of the element; in KiB where it names none.
pub(super) fn amount(element: &Element, number: &str) -> Option<Bytes> {
    match element.attribute("unit") {
        Some(unit) => Bytes::parse_in(&format!("{number}{unit}"), KIB).ok(),
        None => Bytes::parse_in(number, KIB).ok(),
    }
}

/// True where both count something in a unit of bytes, and all that they count agrees.
fn amounts_agree(ours: &Element, theirs: &Element) -> bool {
    let counted = |element: &Element| {
        let values = [TEXT, "size", "memory"].map(|name| value(element, name));
        values.into_iter().flatten().map(|number| amount(element, &number)).collect::<Option<Vec<_>>>()
    };
    let (Some(ours), Some(theirs)) = (counted(ours), counted(theirs)) else { return false };
    !ours.is_empty()
        && ours.len() == theirs.len()
        && ours.into_iter().zip(theirs).all(|(ours, theirs)| rounded(ours, theirs))
}

/// libvirt counts memory in whole KiB, cell by cell; a guest has it in pages.
fn rounded(ours: Bytes, theirs: Bytes) -> bool {
    ours.0.abs_diff(theirs.0) < 4 * KIB
}

/// True where libvirt writes `full` for the alias: the newest version of that machine.
fn is_alias(alias: &str, full: &str) -> bool {
    let family = match alias {
        "q35" => "pc-q35-",
        "pc" => "pc-i440fx-",
        "virt" => "virt-",
        "s390-ccw-virtio" => "s390-ccw-virtio-",
        "pseries" => "pseries-",
        _ => return false,
    };
    full.starts_with(family)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::parse;

    fn agree(ours: &str, theirs: &str, name: &str) -> bool {
        let (ours, theirs) = (parse(ours).unwrap(), parse(theirs).unwrap());
        let (there, back) = (same(&ours, &theirs, name), same(&theirs, &ours, name));
        assert_eq!(there, back, "it is the same both ways");
        there
    }

    #[test]
    fn an_amount_is_the_same_in_any_unit() {
        let (ours, theirs) = ("<memory unit='GiB'>2</memory>", "<memory unit='KiB'>2097152</memory>");
        assert!(agree(ours, theirs, TEXT) && agree(ours, theirs, "unit"));
        assert!(agree("<memory>2097152</memory>", ours, TEXT) && agree("<memory>2097152</memory>", ours, "unit"));
        assert!(!agree(ours, "<memory unit='GB'>2</memory>", "unit"), "the unit alone makes another amount");
        assert!(agree("<cell memory='1000000000' unit='bytes'/>", "<cell memory='976563' unit='KiB'/>", "memory"));
        assert!(agree("<page size='1' unit='G'/>", "<page size='1048576' unit='KiB'/>", "size"));
    }

    #[test]
    fn the_unit_of_a_drive_is_a_number_and_no_amount() {
        let (ours, theirs) = ("<address type='drive' unit='0'/>", "<address type='drive' unit='1'/>");
        assert!(!agree(ours, theirs, "unit"));
    }

    #[test]
    fn addresses_sets_and_aliases_have_many_spellings() {
        assert!(agree("<address bus='0x0a'/>", "<address bus='10'/>", "bus"));
        assert!(!agree("<address bus='0x0a'/>", "<address bus='0x10'/>", "bus"));
        assert!(agree("<vcpupin cpuset='0,1,2'/>", "<vcpupin cpuset='0-2'/>", "cpuset"));
        assert!(agree("<mac address='52:54:00:AA:00:01'/>", "<mac address='52:54:00:aa:00:01'/>", "address"));
        assert!(agree("<type machine='q35'/>", "<type machine='pc-q35-10.0'/>", "machine"));
        assert!(!agree("<type machine='pc-q35-9.2'/>", "<type machine='pc-q35-10.0'/>", "machine"));
        assert!(!agree("<type machine='pc'/>", "<type machine='pc-q35-10.0'/>", "machine"));
        assert!(!agree("<serial>010</serial>", "<serial>8</serial>", TEXT), "a serial number is a word");
    }
}
