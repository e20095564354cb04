//! Which files of the host a machine names, so that whoever observes knows where to look.

use super::share::{Share, VIRTIOFSD};
use super::{DiskOrigin, Location, Machine};
use crate::facts::media;
use crate::spec::devices::TpmBackend;

/// Absolute paths, each once, in the order of the machine: images that are attached or copied, the places of new ones
/// (a pool that was not refreshed does not list what lies there), kernels and their RAM disks, video BIOS files, devices,
/// folders that the guest mounts and the program that serves them. Then files of this machine, by [`media::local`].
pub fn files(machine: &Machine) -> Vec<String> {
    let images = machine.disks.iter().flat_map(|disk| match &disk.origin {
        DiskOrigin::New { at, .. } | DiskOrigin::Seed { at } => [Some(at), None],
        DiskOrigin::Clone { at, from, .. } => [Some(at), from.as_ref()],
        DiskOrigin::Existing(at) => [at.as_ref(), None],
        DiskOrigin::Drive { .. } => [None, None],
    });
    let direct = machine.direct_boot.iter().flat_map(|boot| [boot.kernel.as_ref(), boot.initrd.as_ref()]);
    let images = images.chain(direct);
    let functions = machine.slots.iter().flat_map(|slot| &slot.functions);
    let roms = functions.filter_map(|function| function.rom_file.as_deref());
    let tpm = (machine.tpm.value && machine.devices.tpm.backend == TpmBackend::Passthrough)
        .then_some(machine.devices.tpm.path.as_str());
    let devices = machine.devices.evdev.iter().map(String::as_str).chain(tpm);
    let virtiofsd = VIRTIOFSD.iter().copied().filter(|_| machine.shares.iter().any(Share::is_virtiofs));
    let folders = machine.shares.iter().map(|share| share.path.as_str()).chain(virtiofsd);
    let passwords = machine.consoles.iter().filter_map(|console| console.password_file.as_deref());
    let passwords = passwords.filter(|path| path.starts_with('/')).map(media::local);
    let mut files: Vec<String> = Vec::new();
    for path in images
        .flatten()
        .filter_map(Location::path)
        .chain(roms)
        .chain(devices)
        .chain(folders)
        .filter(|path| path.starts_with('/'))
    {
        if !files.iter().any(|known| known == path) {
            files.push(path.to_owned());
        }
    }
    files.extend(passwords);
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::spec::Spec;

    #[test]
    fn every_named_file_is_listed_once() {
        let spec: Spec = serde_json::from_value(serde_json::json!({
            "name": "a",
            "boot": { "kernel": "/boot/vmlinuz", "initrd": "/boot/initrd" },
            "storage": { "boot_iso": "/iso/a.iso", "disks": [
                { "action": "attach", "path": "/img/a.qcow2" },
                { "action": "clone", "clone_from": "/img/a.qcow2" }
            ]},
            "pci_devices": [{ "host_address": "01:00.0", "rom_file": "/rom/a.rom" }, { "rom_file": "relative.rom" }]
        }))
        .unwrap_or_default();
        let files = files(&super::super::machine(&spec, &Facts::default()));
        assert_eq!(files, ["/img/a.qcow2", "/iso/a.iso", "/boot/vmlinuz", "/boot/initrd", "/rom/a.rom"]);
    }
}
