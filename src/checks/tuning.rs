//! Checks of how disks and interfaces are served: cache, threads, serial numbers, VLANs, queues.

use super::network::topic;
use super::note::without;
use super::subject::DiskRow;
use super::text::{Arg, text};
use super::{Check, Notes, Subject};
use crate::spec::{DiskBus, DiskCache, DiskIo, NetworkKind, NetworkModel};

pub(super) static CHECKS: &[&Check] = &[&DISK_IO, &DISK_SERIAL, &DISK_SSD, &NET_LIMITS];

static DISK_IO: Check = Check {
    code: "DISK-IO",
    title: "disk cache and I/O mode agree",
    explain: "io native is Linux AIO, which bypasses the host's cache: libvirt rejects it with any cache but none and \
              directsync. An I/O thread serves disks on virtio and virtio-scsi only. cache unsafe ignores what the \
              guest flushes: a power failure may destroy the file system.",
    run: Some(io),
    ..Check::VM
};

static DISK_SERIAL: Check = Check {
    code: "DISK-SERIAL",
    title: "disk serial numbers are valid",
    explain: "A serial number may contain letters, digits, spaces and _ . + - only. A virtio disk shows the guest its \
              first 20 characters, others 36. Linux finds the disk by it below /dev/disk/by-id.",
    run: Some(serial),
    ..Check::VM
};

static DISK_SSD: Check = Check {
    code: "DISK-SSD",
    title: "disk bus can report SSD to the guest",
    explain: "Only disks on scsi, sata and ide report to the guest whether they are solid-state. A virtio disk is \
              solid-state for every guest anyway; a USB disk does not report it.",
    run: Some(ssd),
    ..Check::VM
};

static NET_LIMITS: Check = Check {
    code: "NET-LIMITS",
    title: "MTU and queue count are in range",
    explain: "The MTU is 68 to 65535 bytes, and a virtio network card has at most 256 queues. More queues than vCPUs \
              have no benefit.",
    run: Some(limits),
    ..Check::VM
};

/// The rows that the machine has made something of.
fn rows<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (DiskRow<'a>, &'a crate::machine::Disk)> {
    subject.disks().filter_map(|row| row.made.map(|made| (row, made)))
}

fn io(subject: &Subject, notes: &mut Notes) {
    for (row, disk) in rows(subject) {
        let asked = &disk.tuning;
        if asked.cache.is_none() && asked.io.is_none() && asked.iothread.is_none() {
            continue;
        }
        notes.looked();
        let cache = asked.cache.or(row.makes_volume().then_some(DiskCache::None));
        if asked.io == Some(DiskIo::Native) && !cache.is_some_and(DiskCache::is_direct) {
            let cache = cache.map_or("the default cache", DiskCache::name);
            let message = text!("io native does not work with {cache}", cache);
            notes.blocker(row.topic("io"), message, "set cache to none, or io to threads or io_uring");
        }
        if asked.cache == Some(DiskCache::Unsafe) {
            let message = text!("cache unsafe loses what the guest has flushed when the host fails");
            notes.warning(row.topic("cache"), message, "use none, unless the disk may be lost");
        }
        if asked.iothread.is_some() && !matches!(disk.bus.value, DiskBus::Virtio | DiskBus::Scsi) {
            let message = text!("bus {bus} has no I/O threads", bus = disk.bus.value.name());
            notes.blocker(row.topic("iothread"), message, without("use bus virtio or scsi, or leave iothread out"));
        } else if asked.iothread == Some(0) {
            notes.blocker(row.topic("iothread"), text!("iothread 0, the first is 1"), "write 1");
        }
    }
}

fn serial(subject: &Subject, notes: &mut Notes) {
    for (row, disk) in rows(subject) {
        let Some(serial) = &disk.tuning.serial else { continue };
        notes.looked();
        let most = if disk.bus.value == DiskBus::Virtio { 20 } else { 36 };
        let fine = |c: char| c.is_ascii_alphanumeric() || " _.+-".contains(c);
        if !serial.chars().all(fine) {
            let message = text!("serial {serial} has characters that QEMU rejects", serial = Arg::quoted(serial));
            notes.blocker(row.topic("serial"), message, "use letters, digits, spaces and _ . + -");
        } else if serial.len() > most {
            let message = text!("the guest sees the first {most} of {count} characters", most, count = serial.len());
            notes.warning(row.topic("serial"), message, "shorten the serial number");
        }
    }
}

fn ssd(subject: &Subject, notes: &mut Notes) {
    for (row, disk) in rows(subject).filter(|(_, disk)| disk.tuning.ssd) {
        notes.looked();
        if !disk.has_rotation() {
            let message = text!("ssd has no effect on bus {bus}", bus = disk.bus.value.name());
            notes.info(row.topic("ssd"), message, without("leave it out, or use bus scsi or sata"));
        }
    }
}

fn limits(subject: &Subject, notes: &mut Notes) {
    let asked = |row: usize| subject.spec.networks.as_ref().and_then(|rows| rows.get(row));
    for interface in &subject.machine.interfaces {
        let mode = interface.row.and_then(asked).and_then(|network| network.mode);
        if mode.is_some() && interface.kind != NetworkKind::Direct {
            let message = text!("mode has no effect for type {kind}", kind = interface.kind.name());
            notes.warning(topic(interface, "mode"), message, without("leave it out, or use type direct"));
        }
        if let Some(mtu) = interface.mtu {
            notes.looked();
            if !(68..=65535).contains(&mtu) {
                let message = text!("mtu {mtu} is out of range", mtu);
                notes.blocker(topic(interface, "mtu"), message, "write 68 to 65535; 1500 is usual, 9000 for storage");
            }
        }
        if let Some(queues) = interface.queues {
            notes.looked();
            if interface.model.value != NetworkModel::Virtio || interface.kind == NetworkKind::User {
                let message = text!("only virtio network cards outside of user mode have queues",);
                notes.blocker(topic(interface, "queues"), message, without("leave queues out, or use model virtio"));
            } else if !(1..=256).contains(&queues) {
                notes.blocker(
                    topic(interface, "queues"),
                    text!("{queues} queues requested; 1 to 256 are possible", queues),
                    "write 1 to 256",
                );
            } else if subject.machine.vcpus.is_some_and(|vcpus| queues > vcpus) {
                let message = text!("{queues} queues for fewer vCPUs", queues);
                notes.info(topic(interface, "queues"), message, "use at most one queue per vCPU");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::{Value, json};

    fn disk(fields: &Value) -> Asked {
        let mut disk = json!({"action": "create", "size": 1});
        disk.as_object_mut().into_iter().for_each(|all| all.extend(fields.as_object().cloned().unwrap_or_default()));
        Asked::disks(json!([disk]))
    }

    fn network(fields: &Value) -> Asked {
        Asked::with(json!({"networks": [fields]}))
    }

    #[test]
    fn native_input_and_output_passes_the_cache_by() {
        let want = "disk 0 (vda): io native does not work with writeback";
        disk(&json!({"io": "native", "cache": "writeback"})).blocks("DISK-IO", "storage.disks[0].io", want);
        disk(&json!({"io": "native"})).passes("DISK-IO");
        disk(&json!({"cache": "unsafe"})).said("DISK-IO").warning();
        disk(&json!({"iothread": 1, "bus": "sata"})).said("DISK-IO").blocker();
        disk(&json!({"iothread": 0})).said("DISK-IO").blocker();
        Asked::good().quiet("DISK-IO");
    }

    #[test]
    fn serial_numbers_are_short_and_plain() {
        disk(&json!({"serial": "data,1"})).said("DISK-SERIAL").blocker();
        disk(&json!({"serial": "a-serial-that-is-too-long"})).said("DISK-SERIAL").warning();
        disk(&json!({"serial": "a-serial-that-is-too-long", "bus": "sata"})).passes("DISK-SERIAL");
        Asked::good().quiet("DISK-SERIAL");
    }

    #[test]
    fn virtio_disks_do_not_turn_anyway() {
        disk(&json!({"ssd": true})).said("DISK-SSD").info();
        disk(&json!({"ssd": true, "bus": "scsi"})).passes("DISK-SSD");
        Asked::good().quiet("DISK-SSD");
    }

    #[test]
    fn tags_packets_and_queues_have_limits() {
        for bad in [json!({"mtu": 10}), json!({"queues": 2, "model": "e1000"}), json!({"queues": 0})] {
            network(&bad).said("NET-LIMITS").blocker();
        }
        network(&json!({"queues": 64})).said("NET-LIMITS").info();
        network(&json!({"mode": "vepa"})).said("NET-LIMITS").warning();
        network(&json!({"type": "bridge", "source": "br0", "mtu": 9000, "queues": 2})).passes("NET-LIMITS");
        Asked::good().quiet("NET-LIMITS");
    }
}
