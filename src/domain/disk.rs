//! Disks and CD-ROMs.

use super::Element;
use super::device::{address, boot};
use crate::facts::PoolLogin;
use crate::machine::{Disk, DiskOrigin, Location, NetworkVolume};
use crate::spec::{DiskCache, DiskDevice, DiskIo};

/// One disk. Its image is named by path wherever the path is known: AppArmor's profile generator does not follow a
/// volume name. An image that the spec does not name is left out, which is an empty drive for a CD-ROM.
pub(super) fn disk(disk: &Disk) -> Element {
    let kind = match disk.location() {
        _ if matches!(disk.origin, DiskOrigin::Drive { .. }) => "nvme",
        Some(location) if location.network().is_some() => "network",
        Some(Location::Volume { path: None, .. }) => "volume",
        Some(location) if location.is_block() => "block",
        _ => "file",
    };
    let target = Element::new("target").attr("dev", disk.target.value.clone()).attr("bus", disk.bus.value.name());
    let target = target.origin(disk.place.clone().key("target"));
    let readonly = disk.readonly.then(|| Element::new("readonly").origin(disk.place.clone().key("readonly")));
    let place = |field: &str| disk.place.clone().key(field);
    let target = if disk.tuning.ssd && disk.has_rotation() { target.attr("rotation_rate", "1") } else { target };
    let serial = disk.tuning.serial.clone();
    let serial = serial.map(|serial| Element::new("serial").text(serial).origin(place("serial")));
    Element::new("disk")
        .attr("type", kind)
        .attr("device", disk.device.name())
        .child(driver(disk))
        .child(disk.location().and_then(Location::network).and_then(|network| network.login.as_ref()).map(login))
        .child(disk.location().map(|location| source(disk, location)).or(drive(disk)))
        .child(target)
        .child(serial)
        .child(readonly)
        .child(disk.boot_order.map(|order| boot(order).origin(disk.place.clone().key("boot_order"))))
        .origin(disk.place.clone())
}

/// Images that the build makes bypass the host's cache, which a guest has anyway, and hand freed blocks back. What an
/// attached image lies on is not known: it keeps QEMU's cautious defaults.
fn driver(disk: &Disk) -> Element {
    let driver = Element::new("driver").attr("name", "qemu");
    let driver = disk.driver_format().into_iter().fold(driver, |driver, format| driver.attr("type", format));
    let driver = driver.origin(disk.place.clone().key("format"));
    let tuning = &disk.tuning;
    let made = !disk.readonly && matches!(disk.origin, DiskOrigin::New { .. } | DiskOrigin::Clone { .. });
    let cache = tuning.cache.or(made.then_some(DiskCache::None));
    // Linux AIO works past the cache only, and on files of the host.
    let local = disk.location().is_none_or(|location| location.network().is_none());
    let native = made && local && cache.is_some_and(DiskCache::is_direct);
    let io = tuning.io.or(native.then_some(DiskIo::Native));
    let given_back = !disk.readonly && !matches!(disk.origin, DiskOrigin::Seed { .. });
    let discard = tuning.discard.or(given_back.then_some(true));
    let attributes = [
        ("cache", cache.map(|cache| cache.name().to_owned())),
        ("io", io.map(|io| io.name().to_owned())),
        ("discard", discard.map(|discard| if discard { "unmap" } else { "ignore" }.to_owned())),
        ("detect_zeroes", tuning.detect_zeroes.map(|zeroes| zeroes.name().to_owned())),
        ("iothread", tuning.iothread.map(|thread| thread.to_string())),
    ];
    let set = attributes.into_iter().filter_map(|(name, value)| Some((name, value?)));
    set.fold(driver, |driver, (name, value)| driver.attr(name, value))
}

/// A drive of the host: libvirt takes its controller from the kernel at start and gives it back at stop.
fn drive(disk: &Disk) -> Option<Element> {
    let DiskOrigin::Drive { host, namespace } = disk.origin else { return None };
    let source = Element::new("source").attr("type", "pci").attr("managed", "yes");
    let source = source.attr("namespace", namespace.to_string()).child(address(host, false));
    Some(source.origin(disk.place.clone().key("host_address")))
}

/// The account of a volume on other machines; its password is a secret that libvirt has.
fn login(login: &PoolLogin) -> Element {
    let secret = Element::new("secret").attr("type", login.kind.clone());
    let secret = match (&login.uuid, &login.usage) {
        (Some(uuid), _) => secret.attr("uuid", uuid.clone()),
        (None, usage) => secret.attr("usage", usage.clone().unwrap_or_default()),
    };
    Element::new("auth").attr("username", login.user.clone()).child(secret)
}

fn network_source(network: &NetworkVolume) -> Element {
    let source = Element::new("source").attr("protocol", network.protocol).attr("name", network.name.clone());
    network.hosts.iter().fold(source, |source, host| {
        let element = Element::new("host").attr("name", host.name.clone());
        source.child(match host.port {
            Some(port) => element.attr("port", port.to_string()),
            None => element,
        })
    })
}

/// A CD-ROM whose image has gone must not keep the VM from starting.
fn source(disk: &Disk, location: &Location) -> Element {
    // Of images on other machines libvirt does not look whether they are there.
    if let Some(network) = location.network() {
        return network_source(network);
    }
    let source = Element::new("source");
    let source = match location {
        Location::Volume { path: None, pool, volume, .. } => {
            source.attr("pool", pool.clone()).attr("volume", volume.clone())
        }
        Location::Volume { path: Some(path), block, .. } | Location::Path { path, block } => {
            source.attr(if *block { "dev" } else { "file" }, path.clone())
        }
    };
    match disk.device {
        DiskDevice::Cdrom => source.attr("startupPolicy", "optional"),
        DiskDevice::Disk => source,
    }
}
