//! Folders of the host that the guest mounts.

use super::Element;
use crate::machine::{Machine, Share};
use crate::spec::{Place, ShareDriver};

/// One `<filesystem>` each. QEMU's own user is not root, so 9p keeps the guest's owners and modes beside the files.
pub(super) fn filesystems(machine: &Machine) -> impl Iterator<Item = Element> {
    machine.shares.iter().map(|share| {
        let mode = if share.is_virtiofs() { "passthrough" } else { "mapped" };
        Element::new("filesystem")
            .attr("type", "mount")
            .attr("accessmode", mode)
            .child(share.is_virtiofs().then(|| Element::new("driver").attr("type", ShareDriver::Virtiofs.name())))
            .child(Element::new("source").attr("dir", share.path.clone()))
            .child(Element::new("target").attr("dir", share.tag.value.clone()))
            .child(share.readonly.then(|| Element::new("readonly")))
            .origin(place(share))
    })
}

fn place(share: &Share) -> Place {
    Place::root().key("shares").index(share.row)
}
