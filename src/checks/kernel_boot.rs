//! Checks of a kernel that is started without a boot loader: its files, its RAM disk, its root disk.

use super::image::{where_to_look, written};
use super::note::{Topic, clause, without};
use super::row::RowName;
use super::subject::Image;
use super::text::{Arg, Text, text};
use super::wording::{blank, field};
use super::{Check, Notes, Subject};
use crate::facts::MediaKind;
use crate::machine::{DirectBoot, Disk, Firmware, Location};
use crate::spec::{DiskBus, DiskDevice};

pub(super) static CHECKS: &[&Check] = &[
    &KERNEL_MISSING,
    &KERNEL_UNREADABLE,
    &KERNEL_PLACE,
    &KERNEL_ALONE,
    &KERNEL_ARGS,
    &KERNEL_ROOT,
    &KERNEL_SECURE_BOOT,
];

static KERNEL_ARGS: Check = Check {
    code: "KERNEL-ARGS",
    title: "kernel arguments fit the machine",
    explain: "Kernel arguments are often copied from another kind of VM. pci=off is for small virtual machines without a PCI \
              bus; on a machine that has one the kernel then finds neither disks nor network cards. acpi=off and nolapic \
              take interrupts and the shutdown away from a PC. The serial console has another name on each architecture, \
              and 8250.nr_uarts=0 removes that of a PC. root= must name a disk as Linux does: vda on virtio, sda on \
              SCSI, SATA, IDE and USB.",
    run: Some(arguments),
    ..Check::VM
};

static KERNEL_MISSING: Check = Check {
    code: "KERNEL-MISSING",
    title: "kernel and RAM disk exist",
    explain: "boot.kernel and boot.initrd are files of the host that QEMU loads into the guest's memory at every \
              start. They must exist, be regular files and not be empty. x86 needs a bzImage (vmlinuz); an \
              uncompressed vmlinux works only if it is built for PVH (CONFIG_PVH).",
    run: Some(missing),
    ..Check::VM
};

static KERNEL_UNREADABLE: Check = Check {
    code: "KERNEL-UNREADABLE",
    title: "QEMU can read kernel and RAM disk",
    explain: "QEMU runs as a user of its own. libvirt gives it access to the file itself, but not to the folders \
              above: if other users may not enter one of them, the VM does not start. Move the files to a pool, or to \
              a folder below /srv or /var/lib/libvirt/boot.",
    run: Some(unreadable),
    ..Check::VM
};

static KERNEL_PLACE: Check = Check {
    code: "KERNEL-PLACE",
    title: "kernel and RAM disk have a path",
    explain: "QEMU loads kernel and RAM disk from files. A volume of a pool without a directory (RBD, iSCSI and the \
              like) has no path for the domain. Copy the file to the host.",
    run: Some(place),
    ..Check::VM
};

static KERNEL_ALONE: Check = Check {
    code: "KERNEL-ALONE",
    title: "kernel options come with boot.kernel",
    explain: "boot.initrd, boot.args and the mark `root` on a disk apply to a directly started kernel. Without \
              boot.kernel the firmware boots, and they have no effect.",
    run: Some(alone),
    ..Check::VM
};

static KERNEL_ROOT: Check = Check {
    code: "KERNEL-ROOT",
    title: "kernel has one root disk",
    explain: "The kernel gets one root file system by root= on its command line: that of boot.args if it has one, else \
              the disk that is marked as root, else the first disk. Two marks contradict each other, and a disk's \
              `root` mark is ignored when boot.args has root=.",
    run: Some(root),
    ..Check::VM
};

static KERNEL_SECURE_BOOT: Check = Check {
    code: "KERNEL-SECURE-BOOT",
    title: "direct kernel boot is without Secure Boot",
    explain: "With Secure Boot the firmware starts signed programs only. A kernel that QEMU loads is not verified by \
              the shim of its distribution, so firmware with enrolled keys rejects it. Start it without Secure Boot, \
              or boot from a disk.",
    run: Some(secure_boot),
    ..Check::VM
};

/// Kernel and RAM disk where they are known: field with its name, location.
fn files(boot: &DirectBoot) -> impl Iterator<Item = (Topic, Text, &Location)> {
    let both = [("kernel", boot.kernel.as_ref()), ("initrd", boot.initrd.as_ref())];
    both.into_iter().filter_map(|(key, at)| {
        let at = at?;
        let name = if key == "kernel" { "boot.kernel" } else { "boot.initrd" };
        Some((Topic::from(field("boot").key(key)).of(RowName::only(name)), written(at), at))
    })
}

fn missing(subject: &Subject, notes: &mut Notes) {
    for (topic, name, at) in subject.machine.direct_boot.iter().flat_map(files) {
        notes.looked();
        let what = || text!("whether {name} exists", name);
        match subject.image(at) {
            Image::Missing => {
                notes.blocker(topic, text!("{name} not found: no such file", name), where_to_look(subject, at));
            }
            Image::Unknown(why) => notes.unknown(topic, what(), clause(why)),
            Image::NoPool => notes.unknown(topic, what(), "its storage pool does not exist"),
            Image::File(file) if file.kind != MediaKind::File => {
                notes.blocker(topic, text!("{name} is not a file", name), "name the file itself");
            }
            Image::File(file) if file.size.0 == 0 => {
                notes.blocker(topic, text!("{name} is empty (0 bytes)", name), "copy it again");
            }
            Image::Volume(..) | Image::File(_) => {}
        }
    }
}

fn unreadable(subject: &Subject, notes: &mut Notes) {
    for (topic, name, at) in subject.machine.direct_boot.iter().flat_map(files) {
        let Image::File(file) = subject.image(at) else { continue };
        if file.kind != MediaKind::File {
            continue;
        }
        notes.looked();
        if !file.world_readable {
            let message = text!("{name} is not readable by every user; QEMU's user may not reach it", name);
            notes.warning(topic, message, "move it to a storage pool, or make it and its parent folders readable");
        }
    }
}

fn place(subject: &Subject, notes: &mut Notes) {
    for (topic, name, at) in subject.machine.direct_boot.iter().flat_map(files) {
        let Location::Volume { pool, path: None, .. } = at else { continue };
        // A pool that nobody has seen may well be a folder.
        if subject.pool(pool).is_some() {
            let message = text!("{name} has no path: pool '{pool}' is not a directory pool", name, pool);
            notes.blocker(topic, message, "copy it to the host and name its absolute path");
        } else {
            notes.unknown(topic, text!("where {name} is", name), "its storage pool does not exist");
        }
    }
}

fn alone(subject: &Subject, notes: &mut Notes) {
    if subject.machine.direct_boot.is_some() {
        return notes.looked();
    }
    let boot = subject.spec.boot.as_ref();
    for (key, text) in [("initrd", boot.and_then(|b| b.initrd.as_ref())), ("args", boot.and_then(|b| b.args.as_ref()))]
    {
        if !blank(text) {
            let message = text!("boot.{key} has no effect: there is no boot.kernel", key);
            notes.warning(field("boot").key(key), message, without("name the kernel in boot.kernel, or leave it out"));
        }
    }
    for row in subject.disks().filter(|row| row.asked.root == Some(true)) {
        let message = text!("the mark as root has no effect: there is no boot.kernel");
        notes.warning(row.topic("root"), message, without("name the kernel in boot.kernel, or leave the mark out"));
    }
}

fn arguments(subject: &Subject, notes: &mut Notes) {
    let Some(boot) = &subject.machine.direct_boot else { return };
    notes.looked();
    for word in boot.args.value.split_whitespace() {
        if let Some((why, remedy)) = misplaced(word, &boot.args.value, subject) {
            let message = text!("boot.args has {word}, but {why}", word = Arg::quoted(word), why);
            notes.warning(field("boot").key("args"), message, remedy);
        }
    }
}

/// Why an argument does not fit this machine, and what to do.
fn misplaced(word: &str, all: &str, subject: &Subject) -> Option<(Text, Text)> {
    let machine = subject.machine;
    let (arch, kind) = (machine.arch.value.as_str(), machine.machine_type.value.as_str());
    let drop = || Text::from("remove the word");
    match word {
        "pci=off" if machine.has_pci() => {
            let why = text!("machine {kind} has its disks and network cards on PCI, so the kernel finds none", kind);
            Some((why, drop()))
        }
        "acpi=off" | "acpi=noirq" | "nolapic" | "noapic" if machine.is_x86() && machine.has_pci() => {
            let why = text!("machine {kind} routes interrupts and the shutdown by ACPI and APIC", kind);
            Some((why, drop()))
        }
        "8250.nr_uarts=0" if machine.is_x86() && all.contains("console=ttyS") => {
            Some(("the serial console that console= names is then gone".into(), drop()))
        }
        _ if word.starts_with("virtio_mmio.device=") && machine.has_pci() => {
            Some((text!("machine {kind} has no virtio-mmio devices", kind), drop()))
        }
        _ => console(word, arch).or_else(|| root_disk(word, subject)),
    }
}

/// The serial console of each architecture, as Linux calls it.
const CONSOLES: [(&str, &str); 9] = [
    ("x86_64", "ttyS0"),
    ("i686", "ttyS0"),
    ("riscv64", "ttyS0"),
    ("loongarch64", "ttyS0"),
    ("aarch64", "ttyAMA0"),
    ("armv7l", "ttyAMA0"),
    ("s390x", "ttysclp0"),
    ("ppc64", "hvc0"),
    ("ppc64le", "hvc0"),
];

fn console(word: &str, arch: &str) -> Option<(Text, Text)> {
    let named = word.strip_prefix("console=")?.split(',').next()?;
    let (_, usual) = CONSOLES.iter().find(|(known, _)| *known == arch)?;
    let serial = CONSOLES.iter().any(|(_, console)| *console == named) || named.starts_with("ttyS");
    // A virtual console of virtio is there on every machine.
    let other = serial && named != "hvc0" && !(*usual == "ttyS0" && named.starts_with("ttyS"));
    (other && named != *usual).then(|| {
        let why = text!("the serial console of {arch} is {usual}", arch, usual);
        (why, text!("write console={usual}", usual))
    })
}

/// root= with the name of a disk on a bus that no disk is on.
fn root_disk(word: &str, subject: &Subject) -> Option<(Text, Text)> {
    let device = word.strip_prefix("root=/dev/")?;
    let prefix = ["vd", "sd", "hd"].into_iter().find(|prefix| device.starts_with(prefix))?;
    let disks = || subject.machine.disks.iter().filter(|disk| disk.device == DiskDevice::Disk && !disk.is_seed());
    // Linux calls disks on IDE and SATA sd.
    let name = |disk: &Disk| if disk.bus.value == DiskBus::Virtio { "vd" } else { "sd" };
    if disks().next().is_none() || disks().any(|disk| name(disk) == prefix) {
        return None;
    }
    let other = disks().map(name).next().unwrap_or("vd");
    let why =
        text!("no disk of the VM has a name that begins with {prefix}: they are {other}a and so on", prefix, other);
    Some((why, text!("write root=/dev/{other}a, with the number of the partition if there is one", other)))
}

fn root(subject: &Subject, notes: &mut Notes) {
    let Some(boot) = &subject.machine.direct_boot else { return };
    notes.looked();
    let marked: Vec<_> = subject.disks().filter(|row| row.asked.root == Some(true)).collect();
    if let [first, others @ ..] = marked.as_slice() {
        for row in others {
            let message = text!("{row} is marked as root, and so is {first}", row = row.name(), first = first.name());
            notes.blocker(row.place("root"), message, "mark one of them");
        }
        let heard = subject.machine.disks.iter().find(|disk| Some(&disk.place) == boot.root.as_ref());
        if others.is_empty() && heard.is_none_or(|disk| Some(disk) != first.made) {
            let message = text!("{row} is marked as root, but boot.args has root=", row = first.name());
            notes.warning(first.place("root"), message, "remove root= from boot.args, and mark a hard disk");
        }
    }
}

fn secure_boot(subject: &Subject, notes: &mut Notes) {
    if subject.machine.direct_boot.is_none() || !subject.machine.firmware.value.is_uefi() {
        return;
    }
    notes.looked();
    if subject.machine.firmware.value == (Firmware::Uefi { secure_boot: true }) {
        let message = "firmware with Secure Boot rejects a kernel that QEMU loads";
        notes.warning(field("boot").key("kernel"), message, "leave secure_boot out, or boot from a disk");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::needless_pass_by_value)]
    use crate::checks::fixture::{Asked, file};
    use crate::facts::{MediaFile, MediaKind};
    use crate::units::Bytes;
    use serde_json::{Value, json};

    fn kernel(patch: Value) -> Asked {
        let mut spec = json!({"boot": {"kernel": "/srv/vmlinuz", "initrd": "/srv/initrd"}});
        spec.as_object_mut().into_iter().for_each(|all| all.extend(patch.as_object().cloned().unwrap_or_default()));
        Asked::with(spec).known_file("/srv/initrd", file())
    }

    fn with(change: impl Fn(&mut MediaFile)) -> Asked {
        let mut found = file();
        change(&mut found);
        kernel(json!({})).known_file("/srv/vmlinuz", found)
    }

    #[test]
    fn the_kernel_must_be_a_file_with_something_in_it() {
        let want = "boot.kernel: /srv/vmlinuz not found: no such file";
        let gone = with(|file| file.kind = MediaKind::Missing);
        gone.blocks("KERNEL-MISSING", "boot.kernel", want).passes("KERNEL-UNREADABLE");
        with(|file| file.kind = MediaKind::Folder).said("KERNEL-MISSING").blocker();
        with(|file| file.size = Bytes(0)).said("KERNEL-MISSING").blocker();
        with(|_| {}).passes("KERNEL-MISSING").passes("KERNEL-UNREADABLE").quiet("KERNEL-PLACE");
        with(|file| file.world_readable = false).said("KERNEL-UNREADABLE").warning();
        kernel(json!({})).unknown("KERNEL-MISSING");
        Asked::good().quiet("KERNEL-MISSING").quiet("KERNEL-UNREADABLE");
    }

    #[test]
    fn a_volume_of_a_network_pool_has_no_path() {
        let asked = || Asked::with(json!({"boot": {"kernel": "vmlinuz"}}));
        let rbd = asked().pools(|pool| (pool.kind, pool.path) = ("rbd".into(), None));
        rbd.blocks(
            "KERNEL-PLACE",
            "boot.kernel",
            "boot.kernel: fast-nvme/vmlinuz has no path: pool 'fast-nvme' is not a directory pool",
        );
        asked().quiet("KERNEL-PLACE");
    }

    #[test]
    fn what_belongs_to_a_kernel_needs_one() {
        Asked::with(json!({"boot": {"args": "quiet"}})).said("KERNEL-ALONE").warning();
        Asked::disks(json!([{"action": "create", "size": 1, "root": true}])).said("KERNEL-ALONE").warning();
        kernel(json!({})).passes("KERNEL-ALONE");
        Asked::good().quiet("KERNEL-ALONE");
    }

    #[test]
    fn arguments_of_another_kind_of_vm_are_pointed_out() {
        let with = |args: &str, more: Value| {
            let mut spec = json!({"boot": {"kernel": "/k", "args": args}});
            spec.as_object_mut().into_iter().for_each(|all| all.extend(more.as_object().cloned().unwrap_or_default()));
            Asked::with(spec)
        };
        let off = "console=ttyS0 reboot=k panic=1 pci=off root=/dev/vda rw";
        let want =
            "boot.args has 'pci=off', but machine q35 has its disks and network cards on PCI, so the kernel finds none";
        with(off, json!({})).warns("KERNEL-ARGS", "boot.args", want);
        with(off, json!({"machine": "microvm"})).passes("KERNEL-ARGS");
        with("console=ttyS0 root=/dev/vda rw quiet", json!({})).passes("KERNEL-ARGS");
        with("acpi=off", json!({})).said("KERNEL-ARGS").warning();
        with("virtio_mmio.device=4K@0xd0000000:5", json!({})).said("KERNEL-ARGS").warning();
        let sata = json!({"storage": {"disks": [{"action": "create", "size": 1, "bus": "sata"}]}});
        let want = "boot.args has 'root=/dev/vda1', but no disk of the VM has a name that begins with vd: they are sda and so on";
        with("root=/dev/vda1", sata).warns("KERNEL-ARGS", "boot.args", want);
        let arm = json!({"architecture": "aarch64", "virt_type": "qemu"});
        let want = "boot.args has 'console=ttyS0', but the serial console of aarch64 is ttyAMA0";
        with("console=ttyS0", arm.clone()).warns("KERNEL-ARGS", "boot.args", want);
        with("console=ttyAMA0 console=hvc0", arm).passes("KERNEL-ARGS");
        let on = |arch: &str, console: &str| with(&format!("console={console}"), json!({"architecture": arch}));
        on("armv7l", "ttyAMA0").passes("KERNEL-ARGS");
        on("armv7l", "ttyS0").said("KERNEL-ARGS").warning();
        on("ppc64", "hvc0").passes("KERNEL-ARGS");
        on("riscv64", "ttyAMA0").said("KERNEL-ARGS").warning();
        // Which console such a machine has is not known here.
        on("sparc64", "ttyAMA0").passes("KERNEL-ARGS");
        kernel(json!({})).passes("KERNEL-ARGS");
        Asked::good().quiet("KERNEL-ARGS");
    }

    #[test]
    fn there_is_one_root() {
        let disks = |second: bool, args: &str| {
            let rows =
                json!([{"action": "create", "size": 1, "root": second}, {"action": "create", "size": 1, "root": true}]);
            Asked::with(json!({"boot": {"kernel": "/k", "args": args}, "storage": {"disks": rows}}))
        };
        let want = "disk 1 (vdb) is marked as root, and so is disk 0 (vda)";
        disks(true, "").blocks("KERNEL-ROOT", "storage.disks[1].root", want);
        let want = "disk 1 (vdb) is marked as root, but boot.args has root=";
        disks(false, "root=/dev/sda").warns("KERNEL-ROOT", "storage.disks[1].root", want);
        disks(false, "").passes("KERNEL-ROOT");
        Asked::good().quiet("KERNEL-ROOT");
    }

    #[test]
    fn secure_boot_refuses_what_qemu_loads() {
        kernel(json!({"secure_boot": true})).said("KERNEL-SECURE-BOOT").warning();
        kernel(json!({"uefi": true})).passes("KERNEL-SECURE-BOOT");
        kernel(json!({})).quiet("KERNEL-SECURE-BOOT");
    }

    #[test]
    fn a_kernel_needs_neither_pool_nor_disk() {
        let alone = Asked::with(json!({"boot": {"kernel": "/srv/vmlinuz"}, "storage": null}));
        alone.passes("STORAGE-MISSING").quiet("DISK-NONE");
        let disks = json!({"default_pool": null, "disks": [{"action": "attach", "path": "/srv/root.ext4"}]});
        kernel(json!({"storage": disks})).passes("POOL-REQUIRED");
        let disks = json!({"default_pool": null, "disks": [{"action": "create", "size": 1}]});
        kernel(json!({"storage": disks})).said("POOL-REQUIRED").blocker();
        let none = json!({"disks": []});
        kernel(json!({"storage": none})).passes("DISK-NONE");
    }
}
