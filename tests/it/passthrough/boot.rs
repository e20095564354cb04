//! The kernel, its modules and the boot chain.

use super::facts_of;
use crate::support::tree::Tree;
use vmbuild::facts::{BootChain, Initramfs, IommuTable, Lockdown, ModuleState};

#[test]
fn the_kernel_its_modules_and_what_modprobe_is_told() {
    let release = "6.12.38+deb13-amd64";
    let tree = Tree::new()
        .file("/proc/sys/kernel/osrelease", &format!("{release}\n"))
        .file("/proc/cmdline", "BOOT_IMAGE=/vmlinuz quiet intel_iommu=on\n")
        .file("/proc/interrupts", "  0: 1 IR-IO-APIC 2-edge timer\n")
        .file(
            "/proc/cpuinfo",
            "vendor_id : GenuineIntel\nflags : fpu vmx\naddress sizes : 46 bits physical, 48 bits virtual\n",
        )
        .file(&format!("/boot/config-{release}"), "CONFIG_INTEL_IOMMU_DEFAULT_ON=y\n# CONFIG_IOMMUFD is not set\n")
        .file("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
        .bytes("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", &[6, 0, 0, 0, 1])
        .file("/sys/firmware/acpi/tables/DMAR", "")
        // Bits 21 to 16 are 0x26: 39 bits.
        .file("/sys/class/iommu/dmar0/intel-iommu/cap", "1c0000c40660462\n")
        .file("/sys/class/iommu/dmar1/intel-iommu/cap", "d2008c222f0686\n")
        .file("/sys/class/dmi/id/chassis_type", "10\n")
        .file("/sys/module/nouveau/initstate", "live\n")
        .file("/sys/module/vfio_iommu_type1/initstate", "live\n")
        .file("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N\n")
        .file("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "65535\n")
        .file(&format!("/lib/modules/{release}/modules.builtin"), "kernel/drivers/nvme/host/nvme.ko\n")
        .file(
            &format!("/lib/modules/{release}/modules.dep"),
            "kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/vfio.ko.xz\nupdates/dkms/vendor-reset.ko:\n",
        )
        .file("/etc/modprobe.d/vfio.conf", "options vfio-pci ids=10de:2704,10de:22bb\nsoftdep nouveau pre: vfio-pci\n")
        .file("/usr/lib/modprobe.d/vfio.conf", "options vfio-pci ids=dead:beef\n")
        .file("/usr/lib/modprobe.d/fbdev.conf", "blacklist arkfb\n");
    let facts = facts_of(&tree, None);
    let kernel = facts.kernel.get().unwrap();
    assert_eq!(kernel.version(), Some((6, 12)));
    assert_eq!(kernel.words("intel_iommu").collect::<Vec<_>>(), ["intel_iommu=on"]);
    assert_eq!(kernel.options.get().unwrap().keys().collect::<Vec<_>>(), ["INTEL_IOMMU_DEFAULT_ON"]);
    assert_eq!((kernel.lockdown.get(), kernel.secure_boot.get()), (Some(&Lockdown::Integrity), Some(&true)));
    assert_eq!(kernel.iommu_table.get(), Some(&Some(IommuTable::Dmar)));
    assert_eq!((kernel.interrupt_remapping.get(), kernel.iommu_address_bits.get()), (Some(&true), Some(&39)));
    assert_eq!(kernel.cpu.get().and_then(|cpu| cpu.address_bits), Some(46));
    assert_eq!(kernel.is_portable(), Some(true));
    let vfio = facts.vfio.get().unwrap();
    let states = ["nouveau", "nvme", "vfio-pci", "vendor_reset", "amdgpu"].map(|name| vfio.module(name));
    let (loaded, builtin) = (ModuleState::Loaded, ModuleState::Builtin);
    let (available, missing) = (ModuleState::Available, ModuleState::Missing);
    assert_eq!(states, [loaded, builtin, available, available, missing].map(Some));
    assert_eq!((vfio.unsafe_interrupts.get(), vfio.dma_entry_limit.get()), (Some(&false), Some(&65535)));
    assert_eq!(vfio.no_iommu.get(), Some(&false), "vfio is not loaded, and nothing will switch it on");
    let ids: Vec<_> = vfio.options("vfio_pci", "ids").collect();
    assert_eq!(ids, [("/etc/modprobe.d/vfio.conf", "10de:2704,10de:22bb")], "the file of the same name is hidden");
    assert_eq!(vfio.modprobe.items().len(), 2, "what is shipped about other things is left out");
}

#[test]
fn a_switch_of_vfio_is_what_the_module_will_be_told() {
    let release = "6.1.0-50-amd64";
    let on = || {
        Tree::new()
            .file("/proc/sys/kernel/osrelease", &format!("{release}\n"))
            .file("/proc/cmdline", "quiet\n")
            .folder("/sys/module")
            .file(&format!("/lib/modules/{release}/modules.dep"), "kernel/drivers/vfio/vfio.ko:\n")
            .file("/etc/modprobe.d/old.conf", "options vfio enable_unsafe_noiommu_mode=1\n")
    };
    let no_iommu = |tree: &Tree| facts_of(tree, None).vfio.get().unwrap().no_iommu.get().copied();
    assert_eq!(no_iommu(&on()), Some(true), "by modprobe's configuration");
    let off = on().file("/proc/cmdline", "quiet vfio.enable_unsafe_noiommu_mode=0\n");
    assert_eq!(no_iommu(&off), Some(false), "by the kernel's command line");
    let loaded = on().file("/sys/module/vfio/initstate", "live\n");
    assert_eq!(no_iommu(&loaded), Some(false), "built without it, as Debian does");
    assert_eq!(no_iommu(&Tree::new().folder("/sys/module")), None, "nobody knows whether the module is there");
}

#[test]
fn a_kernel_that_remaps_no_interrupts_and_a_machine_without_efi_say_no() {
    let tree =
        Tree::new().file("/proc/interrupts", " 24: 0 PCI-MSI 1-edge nvme0q0\n").folder("/sys/firmware/acpi/tables");
    let facts = facts_of(&tree, None);
    let kernel = facts.kernel.get().unwrap();
    assert_eq!((kernel.interrupt_remapping.get(), kernel.secure_boot.get()), (Some(&false), Some(&false)));
    assert_eq!(kernel.iommu_table.get(), Some(&None));
    assert!(kernel.options.why_not().is_some() && kernel.lockdown.why_not().is_some());
}

#[test]
fn the_boot_chain_is_the_one_that_decides_the_command_line() {
    let id = "0123456789abcdef0123456789abcdef";
    let files = |paths: &[&str]| paths.iter().fold(Tree::new(), |tree, path| tree.file(path, ""));
    let entries = || BootChain::SystemdBootEntries { entries: vec!["/boot/loader/entries/arch.conf".into()] };
    let grub = |output: &str| BootChain::GrubMkconfig { output: output.into() };
    let loader = |tree: Tree, name: &str| {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let path = "/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
        tree.bytes(path, &[vec![6, 0, 0, 0], name].concat())
    };
    let cases = [
        (files(&["/usr/sbin/update-grub"]), BootChain::UpdateGrub),
        (files(&["/usr/sbin/update-grub", "/etc/kernel/proxmox-boot-uuids"]), BootChain::ProxmoxBootTool),
        (files(&["/usr/sbin/grubby", "/usr/sbin/grub2-mkconfig"]), BootChain::Grubby),
        (files(&["/usr/sbin/grubby", "/run/ostree-booted"]), BootChain::RpmOstree),
        (files(&["/usr/bin/grub-mkconfig", "/boot/grub/grub.cfg"]), grub("/boot/grub/grub.cfg")),
        (files(&["/usr/sbin/grub2-mkconfig"]), BootChain::Grub2Mkconfig { output: "/boot/grub2/grub.cfg".into() }),
        (files(&["/boot/loader/entries/arch.conf", "/boot/loader/entries/old.txt"]), entries()),
        (
            files(&[&format!("/efi/loader/entries/{id}-6.12.conf"), "/etc/kernel/cmdline"])
                .file("/etc/machine-id", &format!("{id}\n")),
            BootChain::KernelInstall,
        ),
        (
            files(&["/etc/kernel/cmdline"]).file("/etc/mkinitcpio.d/linux.preset", "default_uki=\"/efi/linux.efi\"\n"),
            BootChain::MkinitcpioImage,
        ),
        (files(&["/etc/NIXOS", "/boot/loader/entries/nixos.conf"]), BootChain::Nixos),
        (files(&["/etc/kernelstub/configuration", "/usr/sbin/update-grub"]), BootChain::Kernelstub),
        (loader(files(&["/usr/sbin/update-grub", "/boot/loader/entries/arch.conf"]), "systemd-boot 257"), entries()),
        (
            loader(files(&["/usr/sbin/update-grub", "/boot/loader/entries/arch.conf"]), "GRUB 2.12"),
            BootChain::UpdateGrub,
        ),
    ];
    for (tree, chain) in cases {
        assert_eq!(facts_of(&tree, None).boot.get().unwrap().chain.get(), Some(&chain));
    }
    assert!(facts_of(&Tree::new(), None).boot.get().unwrap().chain.why_not().is_some());
}

#[test]
fn the_initramfs_names_its_maker_and_its_modules() {
    let tree = Tree::new()
        .file("/usr/bin/mkinitcpio", "")
        .file("/etc/mkinitcpio.conf", "# MODULES=(no)\nMODULES=(vfio_pci vfio)\nHOOKS=(base)\n")
        .file("/etc/mkinitcpio.conf.d/gpu.conf", "MODULES+=(amdgpu)\n")
        .file("/etc/os-release", "NAME=\"Arch Linux\"\nID=arch\nPRETTY_NAME='Arch Linux'\n");
    let facts = facts_of(&tree, None);
    let boot = facts.boot.get().unwrap();
    assert_eq!(boot.initramfs.get(), Some(&Initramfs::Mkinitcpio));
    assert_eq!(boot.early_modules.items(), ["vfio_pci", "vfio", "amdgpu"]);
    assert_eq!(
        boot.distribution.get().map(|system| (system.id.as_str(), system.name.as_str())),
        Some(("arch", "Arch Linux"))
    );
}
