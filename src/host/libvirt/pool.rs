//! Storage pools and their volumes. A pool is never refreshed here: that would block everybody who lists pools.

use super::Connection;
use super::error::calling;
use super::{volume_files, xml};
use crate::facts::{
    BackingFile, Fact, FileContent, ImageFormat, ImageHeader, MediaKind, Pool, PoolHost, PoolLogin, PoolSource,
    Provenance, Volume,
};
use crate::host::{Cause, HostError, now};
use crate::units::Bytes;
use roxmltree::Node;
use std::collections::HashSet;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};
use virt::error::Error;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;
use virt::sys;

/// How long the volumes of one pool are asked one by one for their sizes; what is left then keeps its name only.
const PATIENCE: Duration = Duration::from_millis(500);
/// More volumes than this libvirt's protocol does not carry.
const LONGEST_LIST: u32 = 16_384;

impl Connection {
    /// All pools, by name. `shares_files`: the pools' folders are those of this machine. Blocks while any pool is being
    /// refreshed, so it belongs on a thread of its own.
    pub fn pools(&self, shares_files: bool) -> Result<Vec<Pool>, HostError> {
        let list = |flags| self.inner().list_all_storage_pools(flags).map_err(|error| calling("list pools", &error));
        let ids =
            |pools: &[StoragePool]| pools.iter().filter_map(|pool| pool.uuid_string().ok()).collect::<HashSet<_>>();
        let [active, autostart, all] = self.lists(
            [sys::VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE, sys::VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART, 0],
            list,
        )?;
        let (active, autostart) = (ids(&active), ids(&autostart));
        let told = self.each(&all, |handle| {
            let is_active = handle.uuid_string().is_ok_and(|uuid| active.contains(&uuid));
            thread::scope(|scope| {
                // Over a network both are asked for together.
                let listed = (is_active && self.is_remote()).then(|| scope.spawn(|| handle.list_all_volumes(0)));
                let list = || match listed.map(ScopedJoinHandle::join) {
                    Some(Ok(listed)) => listed,
                    _ => handle.list_all_volumes(0),
                };
                // One that vanished since the list was made is no pool.
                let text = handle.xml_desc(0).ok()?;
                Some(read(&text).map(|mut pool| {
                    pool.active = is_active;
                    pool.autostart = autostart.contains(&pool.uuid);
                    pool.volumes = volumes(handle, &pool, shares_files, self.is_remote(), list);
                    pool
                }))
            })
        });
        let mut pools = told.into_iter().flatten().collect::<Result<Vec<_>, _>>()?;
        pools.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(pools)
    }

    /// The volume at `path` with what it is; `None` where no started pool has one there.
    pub fn volume_at(&self, path: &str) -> Result<Option<(Volume, MediaKind)>, HostError> {
        let found = self.inner().lookup_storage_vol_by_path(path).and_then(|volume| volume.xml_desc(0));
        match found.map_err(|error| calling(&format!("look for {path}"), &error)) {
            Ok(text) => Ok(read_volume(&text).map(|volume| (volume, kind(&text)))),
            Err(error) if error.cause == Cause::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A pool as its XML tells, without state and volumes.
fn read(text: &str) -> Result<Pool, HostError> {
    let document = xml::parse("pool", text)?;
    let root = document.root_element();
    let amount = |name| xml::amount(root, &[name]).unwrap_or_default();
    Ok(Pool {
        name: xml::text(root, &["name"]).unwrap_or_default(),
        uuid: xml::text(root, &["uuid"]).unwrap_or_default(),
        kind: root.attribute("type").unwrap_or_default().to_owned(),
        active: false,
        autostart: false,
        path: xml::text(root, &["target", "path"]),
        source: xml::child(root, "source").map(source).unwrap_or_default(),
        capacity: amount("capacity"),
        allocation: amount("allocation"),
        available: amount("available"),
        volumes: Fact::default(),
        places: Vec::new(),
    })
}

/// What a pool is made of, as far as a volume is named or reached by it.
fn source(source: Node<'_, '_>) -> PoolSource {
    let host = |host: Node<'_, '_>| {
        let port = host.attribute("port").and_then(|port| port.parse().ok()).filter(|port| *port != 0);
        Some(PoolHost { name: host.attribute("name")?.to_owned(), port })
    };
    let login = xml::child(source, "auth").map(|auth| PoolLogin {
        user: auth.attribute("username").unwrap_or_default().to_owned(),
        kind: auth.attribute("type").unwrap_or_default().to_owned(),
        uuid: xml::attribute(auth, &["secret"], "uuid"),
        usage: xml::attribute(auth, &["secret"], "usage"),
    });
    PoolSource {
        name: xml::text(source, &["name"]),
        folder: xml::attribute(source, &["dir"], "path"),
        device: xml::attribute(source, &["device"], "path"),
        format: xml::attribute(source, &["format"], "type"),
        hosts: xml::children(source, "host").filter_map(host).collect(),
        login,
    }
}

/// The volumes of a pool, from its folder or with `list`.
fn volumes(
    handle: &StoragePool,
    pool: &Pool,
    shares_files: bool,
    remote: bool,
    list: impl FnOnce() -> Result<Vec<StorageVol>, Error>,
) -> Fact<Vec<Volume>> {
    if !pool.active {
        return Fact::unknown(format!("The pool is not started: 'virsh pool-start {}'.", pool.name));
    }
    if let Some(folder) = pool.path.as_deref().filter(|_| shares_files && pool.holds_files()) {
        match volume_files::list(folder) {
            Ok(mut volumes) => {
                ask_for_unreadable(handle, &mut volumes);
                return Fact::known(volumes, Provenance::File(folder.into()), now());
            }
            Err(error) => tracing::debug!(folder, %error, "pool folder not readable, asking libvirt"),
        }
    }
    match list() {
        Ok(listed) => Fact::known(
            from_libvirt(&listed, pool, remote),
            Provenance::Libvirt("virStoragePoolListAllVolumes".into()),
            now(),
        ),
        Err(error) => match handle.num_of_volumes() {
            Ok(count) if count > LONGEST_LIST => Fact::unknown(format!(
                "The pool holds {count} volumes; libvirt lists at most {LONGEST_LIST}. Type the volume's name, or run \
                 vmbuild on the host itself."
            )),
            _ => calling(&format!("list the volumes of pool {}", pool.name), &error).fact(),
        },
    }
}

/// Of files that this user may not read, as those of other VMs, libvirt tells what they are; one call each, so that not all
/// of a large pool are asked for.
fn ask_for_unreadable(handle: &StoragePool, volumes: &mut [Volume]) {
    let began = Instant::now();
    for volume in volumes.iter_mut().filter(|volume| volume.format.is_none()) {
        if began.elapsed() > PATIENCE {
            return;
        }
        let told = handle.lookup_storage_vol_by_name(&volume.name).and_then(|volume| volume.xml_desc(0));
        if let Some(told) = told.ok().and_then(|text| read_volume(&text)) {
            (volume.capacity, volume.format, volume.image) = (told.capacity, told.format, told.image);
        }
    }
}

/// Names come with the list; sizes and formats cost one call each, which a network makes too dear.
fn from_libvirt(listed: &[StorageVol], pool: &Pool, remote: bool) -> Vec<Volume> {
    let began = Instant::now();
    let mut volumes = Vec::with_capacity(listed.len());
    for handle in listed {
        let Ok(name) = handle.name() else { continue };
        let told = if remote || began.elapsed() > PATIENCE { None } else { handle.xml_desc(0).ok() };
        let volume = told.and_then(|text| read_volume(&text)).unwrap_or_else(|| only_named(handle, pool, &name));
        volumes.push(Volume { name, ..volume });
    }
    volumes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    volumes
}

/// Its path follows from the pool's where volumes appear below it; the key is the last resort.
fn only_named(handle: &StorageVol, pool: &Pool, name: &str) -> Volume {
    let below = pool.path.as_ref().map(|path| format!("{}/{name}", path.trim_end_matches('/')));
    let path = below.or_else(|| handle.key().ok()).unwrap_or_default();
    Volume { name: name.to_owned(), path, ..Volume::default() }
}

fn read_volume(text: &str) -> Option<Volume> {
    let document = xml::parse("volume", text).ok()?;
    let root = document.root_element();
    let capacity = xml::amount(root, &["capacity"])?;
    let format = xml::attribute(root, &["target", "format"], "type").filter(|format| format != "unknown");
    Some(Volume {
        name: xml::text(root, &["name"])?,
        path: xml::text(root, &["target", "path"]).or_else(|| xml::text(root, &["key"]))?,
        capacity,
        allocation: xml::amount(root, &["allocation"]).unwrap_or_default(),
        image: format.as_deref().and_then(|format| image(root, format, capacity)).map(Box::new),
        format,
        target: None,
    })
}

/// What a volume is; every pool's volumes are of one kind, but for folders and links to devices in a folder.
fn kind(text: &str) -> MediaKind {
    let document = xml::parse("volume", text).ok();
    let kind = document.as_ref().and_then(|document| document.root_element().attribute("type"));
    match kind {
        Some("block") => MediaKind::BlockDevice,
        Some("dir" | "netdir") => MediaKind::Folder,
        _ => MediaKind::File,
    }
}

/// What libvirt says of the image in a volume: it has looked at the file itself, and tells the path of a base in full.
fn image(root: Node<'_, '_>, format: &str, capacity: Bytes) -> Option<ImageHeader> {
    let name = xml::text(root, &["backingStore", "path"]).filter(|name| !name.is_empty());
    let base = xml::attribute(root, &["backingStore", "format"], "type");
    let encrypted = xml::at(root, &["target", "encryption"]).is_some();
    Some(ImageHeader {
        format: ImageFormat::of(format)?,
        virtual_size: Some(capacity),
        backing: name.map(|name| BackingFile { name, format: base.as_deref().and_then(ImageFormat::of) }),
        encrypted,
        content: if format == "iso" { FileContent::Disc } else { FileContent::Unknown },
        ..ImageHeader::default()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pools_and_volumes_are_read_with_their_amounts() {
        let pool = read(
            "<pool type='logical'><name>vg0</name><uuid>u</uuid><capacity unit='bytes'>1000</capacity>
             <allocation unit='bytes'>400</allocation><available unit='bytes'>600</available>
             <source><name>vg0</name></source><target><path>/dev/vg0</path></target></pool>",
        );
        let pool = pool.unwrap();
        assert_eq!((pool.kind.as_str(), pool.path.as_deref()), ("logical", Some("/dev/vg0")));
        assert_eq!((pool.capacity, pool.available), (Bytes(1000), Bytes(600)));
        let volume = read_volume(
            "<volume type='file'><name>a.qcow2</name><key>/p/a.qcow2</key><capacity unit='bytes'>20</capacity>
             <allocation unit='bytes'>3</allocation><target><path>/p/a.qcow2</path><format type='qcow2'/></target></volume>",
        );
        let volume = volume.unwrap();
        assert_eq!((volume.capacity, volume.format.as_deref()), (Bytes(20), Some("qcow2")));
        assert_eq!((volume.packing(), volume.backing()), (Some(ImageFormat::Qcow2), None));
        let over = read_volume(
            "<volume type='file'><name>o</name><capacity unit='bytes'>20</capacity><target><path>/p/o</path>
             <format type='qcow2'/></target><backingStore><path>/p/b</path><format type='raw'/></backingStore></volume>",
        );
        let base = BackingFile { name: "/p/b".into(), format: Some(ImageFormat::Raw) };
        assert_eq!(over.unwrap().backing(), Some(&base));
    }
}
