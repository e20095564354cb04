//! Checks of single features of the virtual CPU.

use super::text::{Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::domain::Element;
use crate::facts::Capabilities;
use crate::machine::cpu::signed;
use crate::spec::suggest::nearest;
use crate::spec::{Place, VirtType};

pub(super) static CHECKS: &[&Check] = &[&CPU_FEATURE];

pub(super) static CPU_FEATURE: Check = Check {
    code: "CPU-FEATURE",
    title: "host CPU has the required features",
    explain: "\"+name\" requires a feature and \"-name\" hides it, by libvirt's names (/usr/share/libvirt/cpu_map on the \
              host). These are not always the names of QEMU or of the kernel: pni, not sse3. A name that libvirt does \
              not have is accepted when the domain is defined, and its start fails. If the host's CPU lacks a required \
              feature, the start fails, too.",
    run: Some(features),
    ..Check::VM
};

/// One feature that the spec or `custom_xml` names.
struct NamedFeature<'a> {
    name: &'a str,
    place: Place,
    /// True where the guest has to have it.
    required: bool,
}

fn features(subject: &Subject, notes: &mut Notes) {
    let rows = subject.spec.cpu.as_ref().and_then(|cpu| cpu.features.as_ref()).into_iter().flatten().enumerate();
    for (row, text) in rows {
        let place = field("cpu").key("features").index(row);
        notes.looked();
        if let Some((required, name)) = signed(text) {
            feature(subject, notes, &NamedFeature { name, place, required });
        } else {
            let message = text!("'{text}' is not a feature with a sign", text = text.trim());
            notes.blocker(place, message, "write +name to require it, or -name to hide it");
        }
    }
    for name in custom(subject) {
        feature(subject, notes, &NamedFeature { name, place: field("custom_xml"), required: false });
    }
}

/// Names of features that `custom_xml` adds.
fn custom<'a>(subject: &'a Subject) -> impl Iterator<Item = &'a str> {
    let tree = subject.merged.as_ref().and_then(|(tree, _)| tree.find("cpu"));
    let custom_xml = field("custom_xml");
    let own = move |feature: &&Element| feature.name == "feature" && feature.origin.as_ref() == Some(&custom_xml);
    tree.into_iter().flat_map(Element::elements).filter(own).filter_map(|feature| feature.attribute("name"))
}

fn feature(subject: &Subject, notes: &mut Notes, named: &NamedFeature<'_>) {
    notes.looked();
    // Emulated CPUs have what QEMU makes up, and not what the host's has.
    if is_of_libvirt(subject, notes, named) && named.required && subject.machine.virt_type.value == VirtType::Kvm {
        of_host(subject, notes, named);
    }
}

/// True where libvirt has a feature of this name, as far as its map is known.
fn is_of_libvirt(subject: &Subject, notes: &mut Notes, named: &NamedFeature<'_>) -> bool {
    let NamedFeature { name, place, .. } = named;
    let what = text!("whether libvirt has the CPU feature {name}", name);
    let Some(known) = notes.known(&subject.facts.capabilities, || place.clone(), &what) else { return true };
    let Some(kind) = Capabilities::cpu_kind(&subject.machine.arch.value) else { return true };
    let Some(map) = known.cpu_map.get(kind) else {
        notes.unknown(place.clone(), &what, "libvirt's CPU map cannot be read");
        return true;
    };
    if map.contains_key(*name) {
        return true;
    }
    let alias =
        map.iter().find(|(_, others)| others.iter().any(|other| other == name)).map(|(known, _)| known.as_str());
    let near = alias.or_else(|| nearest(name, map.keys().map(String::as_str)));
    let remedy = near.map_or(Text::from("leave it out"), |near| text!("write {near}, or leave it out", near));
    notes.blocker(place.clone(), text!("libvirt has no CPU feature {name}", name), remedy);
    false
}

fn of_host(subject: &Subject, notes: &mut Notes, named: &NamedFeature<'_>) {
    let NamedFeature { name, place, .. } = named;
    let at = || place.clone();
    let what = text!("whether the host's CPU has {name}", name);
    let Some(kernel) = notes.known(&subject.facts.kernel, at, &what) else { return };
    let Some(known) = notes.known(&kernel.cpu_features, at, &what) else { return };
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    if known.iter().all(|known| plain(known) != plain(kernels(name))) {
        let near = nearest(name, known.iter().map(String::as_str)).filter(|near| plain(near) != plain(name));
        let remedy = near.map_or("leave it out".into(), |near| text!("leave it out, or did you mean {near}?", near));
        notes.warning(at(), text!("the host's CPU does not report the feature {name}", name), remedy);
    }
}

/// The kernel's name for a feature, where libvirt's is another.
fn kernels(name: &str) -> &str {
    match name {
        "cmt" => "cqm",
        "pclmuldq" => "pclmulqdq",
        same => same,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]
    use crate::checks::fixture::{Asked, known};
    use crate::facts::{Fact, Kernel};
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    fn cpu(features: Value) -> Asked {
        let kernel: BTreeSet<String> = ["aes", "sse4_1", "vmx", "pni"].map(String::from).into();
        let map = ["aes", "sse4.1", "vmx", "pni", "avx2"].map(|name| (name.to_owned(), Vec::new()));
        Asked::with(json!({"cpu": {"features": features}})).facts(|facts| {
            facts.kernel = known(Kernel { cpu_features: known(kernel), nested: known(true), ..Kernel::default() });
            let mut map: std::collections::BTreeMap<_, _> = map.into();
            map.insert("pni".into(), vec!["sse3".into()]);
            facts.capabilities.get_mut().unwrap().cpu_map.insert("x86".into(), map);
        })
    }

    #[test]
    fn features_have_a_sign_and_are_there() {
        cpu(json!(["+aes", "+sse4.1", "+pni", "-avx2"])).passes("CPU-FEATURE");
        let want = "'aes' is not a feature with a sign";
        cpu(json!(["aes"])).blocks("CPU-FEATURE", "cpu.features[0]", want);
        let want = "the host's CPU does not report the feature avx2";
        cpu(json!(["+aes", "+avx2"])).warns("CPU-FEATURE", "cpu.features[1]", want);
        cpu(json!(["+aes"])).facts(|facts| facts.kernel = Fact::default()).unknown("CPU-FEATURE");
    }

    #[test]
    fn libvirt_has_each_name() {
        for text in ["-nosuch", "+nosuch"] {
            cpu(json!([text])).blocks("CPU-FEATURE", "cpu.features[0]", "libvirt has no CPU feature nosuch");
        }
        assert_eq!(cpu(json!(["-sse3"])).said("CPU-FEATURE").blocker().remedy, "write pni, or leave it out");
        assert_eq!(cpu(json!(["-avx3"])).said("CPU-FEATURE").blocker().remedy, "write avx2, or leave it out");
        let silent = |facts: &mut crate::facts::Facts| facts.capabilities.get_mut().unwrap().cpu_map.clear();
        cpu(json!(["-nosuch"])).facts(silent).unknown("CPU-FEATURE");
        let custom = json!({"custom_xml": "<cpu><feature policy='disable' name='nosuch'/></cpu>", "cpu": null});
        let mut asked = cpu(json!(["-avx2"]));
        asked.patch(custom);
        asked.blocks("CPU-FEATURE", "custom_xml", "libvirt has no CPU feature nosuch");
    }
}
