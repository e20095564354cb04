//! libvirt's names for CPU features, which no call of libvirt lists: from its map on the host.

use crate::host::Sysroot;
use std::collections::BTreeMap;

const FOLDER: &str = "/usr/share/libvirt/cpu_map";
/// Kinds of CPU with names of libvirt's own.
const KINDS: [&str; 2] = ["x86", "arm"];

/// Features by kind of CPU, each with the names that others give it.
pub fn read(sysroot: &Sysroot) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let map = |kind: &str| {
        let text = sysroot.read(&format!("{FOLDER}/{kind}_features.xml")).ok()?;
        Some((kind.to_owned(), features(&text)?))
    };
    KINDS.into_iter().filter_map(map).collect()
}

fn features(text: &str) -> Option<BTreeMap<String, Vec<String>>> {
    let document = roxmltree::Document::parse(text).ok()?;
    let all = document.root_element().children().filter(|node| node.has_tag_name("feature"));
    let named = all.filter_map(|feature| {
        let aliases = feature.children().filter(|child| child.has_tag_name("alias"));
        let aliases = aliases.filter_map(|alias| alias.attribute("name").map(str::to_owned)).collect();
        Some((feature.attribute("name")?.to_owned(), aliases))
    });
    Some(named.collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn features_are_read_with_their_other_names() {
        let text = "<cpus><feature name='pni'><alias name='sse3' source='qemu'/><cpuid eax_in='1' ecx='1'/></feature>
            <feature name='vmx'><cpuid/></feature></cpus>";
        let read = features(text).unwrap();
        assert_eq!((read["pni"].as_slice(), read["vmx"].len()), (&["sse3".to_owned()][..], 0));
        assert_eq!(features("<cpus"), None);
    }
}
