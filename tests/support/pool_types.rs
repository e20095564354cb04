//! The table of pool types against what libvirt prints of its own (`virsh pool-capabilities`).

use std::collections::BTreeSet;
use vmbuild::domain::{Element, parse};
use vmbuild::facts::POOL_TYPES;

/// Each type has a row and each row a type, and formats are the same.
pub(crate) fn agree(capabilities: &str) {
    let tree = parse(capabilities).unwrap();
    let types: Vec<&Element> = tree.elements().filter(|pool| pool.name == "pool").collect();
    let name = |pool: &&Element| pool.attribute("type").unwrap().to_owned();
    let listed: BTreeSet<String> = types.iter().map(name).collect();
    let known: BTreeSet<String> = POOL_TYPES.iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(listed.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "types without a row");
    for pool in types {
        let row = POOL_TYPES.iter().find(|row| row.name == name(&pool)).unwrap();
        let formats: Vec<String> = pool
            .find("volOptions")
            .into_iter()
            .flat_map(Element::elements)
            .filter(|part| part.attribute("name") == Some("targetFormatType"))
            .flat_map(Element::elements)
            .map(Element::own_text)
            .collect();
        assert_eq!(row.holds_images(), formats.iter().any(|format| format == "qcow2"), "{}: {formats:?}", row.name);
    }
}
