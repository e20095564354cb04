//! Presets: partial specs to start from. Those shipped name no pool, path or PCI address, which only a host can know.

use super::shelf::{Shelf, Shipped};
use super::{Folders, StoreError, StoredKind};
use crate::spec::{Layer, Origin};

/// The presets inside the program, in the order of their names.
pub const SHIPPED: &[Shipped] = &[
    Shipped {
        name: "cloud-image",
        description: "Copy of a cloud image, set up by cloud-init; choose the image and add your SSH key",
        json: include_str!("../../presets/cloud-image.json"),
    },
    Shipped {
        name: "gpu-workstation-linux",
        description: "Linux on a passed-through GPU: much memory, raw disk, no emulated display; choose the card",
        json: include_str!("../../presets/gpu-workstation-linux.json"),
    },
    Shipped {
        name: "gpu-workstation-windows",
        description: "Windows 11 on a passed-through GPU; VNC shows the installation until the GPU's driver is in",
        json: include_str!("../../presets/gpu-workstation-windows.json"),
    },
    Shipped {
        name: "linux-desktop",
        description: "Linux with a graphical session over SPICE",
        json: include_str!("../../presets/linux-desktop.json"),
    },
    Shipped {
        name: "linux-server",
        description: "Linux server with UEFI that starts with the host",
        json: include_str!("../../presets/linux-server.json"),
    },
    Shipped {
        name: "minimal",
        description: "The least that boots an installer: 1 CPU, 512 MiB, 4 GiB, BIOS",
        json: include_str!("../../presets/minimal.json"),
    },
    Shipped {
        name: "windows-11",
        description: "Windows 11 with Secure Boot and TPM, on devices for which its installer has drivers",
        json: include_str!("../../presets/windows-11.json"),
    },
];

/// The user's presets and the shipped ones.
pub fn presets(folders: &Folders) -> Shelf {
    Shelf::new(StoredKind::Preset, folders.data.join("presets"), SHIPPED)
}

/// The presets `names` as layers in that order, the lowest first.
pub fn layers(presets: &Shelf, names: &[String]) -> Result<Vec<Layer>, StoreError> {
    let layer = |name: &String| Ok(Layer { origin: Origin::Preset(name.clone()), spec: presets.load(name)?.spec });
    names.iter().map(layer).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::spec::{self, Place, edit};
    use std::collections::BTreeSet;

    #[test]
    fn shipped_presets_parse_are_described_and_leave_the_host_to_the_user() {
        let names: Vec<&str> = SHIPPED.iter().map(|preset| preset.name).collect();
        assert!(names.is_sorted());
        let mut texts = BTreeSet::new();
        for preset in SHIPPED {
            let spec = spec::parse(preset.json).unwrap_or_else(|problems| panic!("{}", problems.in_file(preset.name)));
            assert!(texts.insert(serde_json::to_string(&spec).unwrap()), "{} is like another one", preset.name);
            assert!(!preset.description.is_empty() && preset.description.len() < 110, "{}", preset.name);
            assert!(spec.memory.is_some() && spec.vcpus.is_some());
            assert!(spec.name.is_none() && spec.template.is_none() && spec.pci_devices.is_none());
            for place in ["storage.default_pool", "storage.boot_iso", "storage.disks[0].path"] {
                assert_eq!(edit::get(&spec, &place.parse().unwrap()), None, "{}", preset.name);
            }
            assert!(edit::get(&spec, &Place::disk(0, "size")).is_some());
        }
    }

    #[test]
    fn later_presets_win() {
        let root = tempfile::tempdir().unwrap();
        let presets = presets(&Folders::below(root.path()));
        let layers = layers(&presets, &["linux-server".into(), "minimal".into()]).unwrap();
        let stacked = spec::Stacked::of(&layers);
        assert_eq!((stacked.spec.vcpus, stacked.spec.autostart), (Some(1), Some(true)));
        assert_eq!(stacked.origin(&"uefi".parse().unwrap()).unwrap().to_string(), "preset linux-server");
        assert!(super::layers(&presets, &["nil".into()]).is_err());
    }
}
