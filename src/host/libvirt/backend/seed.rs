//! The cloud-init seed of a domain that is defined: libvirt has chosen its UUID and the addresses of its cards.

use super::describe::unread;
use super::{LibvirtBackend, copy, defined};
use crate::domain::{self, Element};
use crate::engine::libvirt::volume::seed_xml;
use crate::host::backend::{Halt, Work};
use crate::host::seed::{SeedGuest, documents, image};
use crate::host::{Cause, HostError, crypt, secret};
use crate::spec::{CloudInit, filled};
use crate::units::Bytes;

impl LibvirtBackend {
    /// Writes the documents into a new volume.
    pub(super) fn write_seed(&self, pool: &str, volume: &str, work: &mut Work<'_, '_>) -> Result<String, Halt> {
        let wanted = work.spec.cloud_init.as_ref();
        let domain = defined(work)?;
        let stored = domain::parse(&self.connection.stored_xml(&domain)?).map_err(|error| unread(&error))?;
        let cards = cards(&stored);
        let hash = wanted.map(hash).transpose()?.flatten();
        let guest = SeedGuest { name: work.name, instance: &domain.uuid, cards: &cards, password: hash.as_deref() };
        let image = image(&documents(&guest, wanted))?;
        let made = self.connection.create_volume(pool, &seed_xml(volume, Bytes(image.len() as u64)))?;
        work.made(&made.key, self.file_of(&made));
        match copy::bytes(&self.connection, &made, &image, work) {
            Err(Halt::Failed(error)) if error.cause == Cause::Unsupported => {
                Ok("left empty: this driver does not store volume contents".into())
            }
            other => other.map(|()| String::new()),
        }
    }
}

/// The hash of the password that the fields set.
fn hash(wanted: &CloudInit) -> Result<Option<String>, HostError> {
    if let Some(path) = filled(wanted.password_file.as_deref()) {
        return crypt::hash(&secret::password(path)?).map(Some);
    }
    Ok(filled(wanted.password_hash.as_deref()).map(|hash| hash.trim().to_owned()))
}

/// The addresses of the network cards, in the order of the domain.
fn cards(domain: &Element) -> Vec<String> {
    let devices = domain.find("devices").into_iter().flat_map(Element::elements);
    let cards = devices.filter(|device| device.name == "interface");
    cards.filter_map(|card| card.find("mac")?.attribute("address").map(str::to_ascii_lowercase)).collect()
}
