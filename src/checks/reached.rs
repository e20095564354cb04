//! One file, device or folder of the host that a guest comes to, and what the host has there.

use super::note::Topic;
use super::text::Text;
use crate::facts::{BlockDevice, Facts, MediaFile, MediaKind};
use crate::machine::location;
use crate::spec::host_paths::Access;
use crate::spec::paths::{PathError, resolve};
use std::borrow::Cow;

/// One path, as the spec names it.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    /// The field that names it.
    pub(super) topic: Topic,
    /// What the field is called, or what leads to the path.
    pub(super) name: Text,
    /// Absolute, with links not followed.
    pub(super) path: String,
    /// How the guest comes to it.
    pub(super) access: Access,
    /// True for an image of a disk, which libvirt gives to QEMU's user as it is.
    pub(super) given: bool,
}

impl Reached {
    /// What was seen at the path.
    fn file<'a>(&self, facts: &'a Facts) -> Option<&'a MediaFile> {
        facts.files.get(&self.path)?.get()
    }

    /// Every path by which the host has what is there, as far as it was looked at; else the path without `//` and `..`.
    pub(super) fn places<'s>(&'s self, facts: &'s Facts) -> Vec<Cow<'s, str>> {
        let known = self.file(facts).map(|file| file.places.as_slice()).unwrap_or_default();
        if known.is_empty() { vec![self.plain()] } else { known.iter().map(|place| place.as_str().into()).collect() }
    }

    /// The path as a text that begins with the folder that it is in: the kernel takes `//etc/x` and `/a/../etc/x` for `/etc/x`.
    fn plain(&self) -> Cow<'_, str> {
        match resolve(&self.path, None) {
            Ok(resolved) if resolved.text() != self.path => resolved.text().to_owned().into(),
            Err(PathError::Folder(_)) => "/".into(),
            _ => self.path.as_str().into(),
        }
    }

    /// The block device that is there; `None` where it is not one, or the host's are not known.
    pub(super) fn device<'a>(&self, facts: &'a Facts) -> Option<&'a BlockDevice> {
        let storage = facts.storage.get()?;
        let number = self.file(facts).and_then(|file| file.number.as_deref());
        let numbered = number.and_then(|number| storage.device_numbered(number));
        numbered.or_else(|| self.places(facts).iter().find_map(|place| storage.device_at(place)))
    }

    /// True for a block device, and for what can only be one by its name.
    pub(super) fn is_block(&self, facts: &Facts) -> bool {
        match self.file(facts) {
            // A recorded host has its devices, and not the files below /dev.
            Some(file) if file.kind == MediaKind::Missing => self.device(facts).is_some(),
            Some(file) => file.kind == MediaKind::BlockDevice,
            None => location::is_block_path(&self.plain(), facts),
        }
    }
}
