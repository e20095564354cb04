//! The families of machine types, and what each is built of: buses, firmware, ACPI.

use super::Firmware;
use crate::spec::DiskBus;

/// The family of a machine type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chipset {
    /// Intel Q35: PCI Express, AHCI, no IDE.
    Q35,
    /// Intel 440FX: PCI, IDE.
    Pc,
    /// `virt` of ARM, RISC-V and LoongArch: PCI Express, neither AHCI nor IDE.
    Virt,
    /// `s390-ccw-virtio`: channel devices, and firmware of its own that reads disks and networks.
    Ccw,
    /// `pseries` of POWER: PCI, and Open Firmware.
    Pseries,
    /// `microvm`: virtio at fixed addresses of memory, no PCI.
    Microvm,
    /// `isapc`: ISA alone, onto which libvirt attaches neither disks nor cards.
    Isa,
    /// Any other board.
    Other,
}

impl Chipset {
    /// The family of a machine type, versioned or not.
    pub fn of(machine_type: &str) -> Self {
        let is = |family: &str| {
            machine_type.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        match machine_type {
            "q35" => Self::Q35,
            "pc" => Self::Pc,
            "microvm" => Self::Microvm,
            "isapc" => Self::Isa,
            _ if is("pc-q35") => Self::Q35,
            _ if is("pc-i440fx") => Self::Pc,
            _ if is("virt") => Self::Virt,
            _ if is("s390-ccw-virtio") => Self::Ccw,
            _ if is("pseries") => Self::Pseries,
            _ => Self::Other,
        }
    }

    /// True where cards sit on PCI Express ports.
    pub fn is_pci_express(self) -> bool {
        matches!(self, Self::Q35 | Self::Virt | Self::Other)
    }

    /// True where libvirt puts devices on a PCI bus unless it is told another one.
    pub fn has_pci(self) -> bool {
        !matches!(self, Self::Ccw | Self::Microvm | Self::Isa)
    }

    /// True where libvirt attaches disks and cards at all.
    pub fn takes_devices(self) -> bool {
        self != Self::Isa
    }

    /// True where libvirt can attach a video card.
    pub fn has_video(self) -> bool {
        self.has_pci() || self == Self::Ccw
    }

    /// True where UEFI alone reads disks and networks.
    pub fn boots_by_uefi_alone(self) -> bool {
        matches!(self, Self::Virt | Self::Other)
    }

    /// True where the machine can have UEFI, whether the host has it or not.
    pub fn can_have_uefi(self) -> bool {
        matches!(self, Self::Q35 | Self::Pc | Self::Virt | Self::Other)
    }

    /// True where the machine has ACPI, by the rules of libvirt and QEMU: PCs with a PCI bus, and `virt` with UEFI, which
    /// hands its tables on.
    pub fn has_acpi(self, firmware: Firmware) -> bool {
        match self {
            // QEMU gives a microvm reduced ACPI, without power management.
            Self::Q35 | Self::Pc | Self::Microvm => true,
            Self::Virt => firmware.is_uefi(),
            Self::Ccw | Self::Pseries | Self::Isa | Self::Other => false,
        }
    }

    /// True for a PC with all that is usual in one: VMware's port, a HPET.
    pub fn is_whole_pc(self) -> bool {
        matches!(self, Self::Q35 | Self::Pc)
    }

    /// True where the guest can be put to sleep by ACPI.
    pub fn sleeps(self) -> bool {
        matches!(self, Self::Q35 | Self::Pc)
    }

    /// The bus that a CD-ROM is on, and why.
    pub fn cdrom_bus(self) -> (DiskBus, &'static str) {
        match self {
            Self::Q35 => (DiskBus::Sata, "q35 has no IDE"),
            Self::Pc | Self::Isa => (DiskBus::Ide, "every guest reads an IDE CD-ROM"),
            _ => (DiskBus::Scsi, "this machine has neither IDE nor SATA built in"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versioned_machine_types_keep_their_family() {
        for (name, family) in [
            ("q35", Chipset::Q35),
            ("pc-q35-10.0", Chipset::Q35),
            ("pc-i440fx-noble", Chipset::Pc),
            ("virt-9.2", Chipset::Virt),
            ("virt", Chipset::Virt),
            ("s390-ccw-virtio-10.0", Chipset::Ccw),
            ("pseries", Chipset::Pseries),
            ("microvm", Chipset::Microvm),
            ("isapc", Chipset::Isa),
            ("virtual", Chipset::Other),
            ("sifive_u", Chipset::Other),
        ] {
            assert_eq!(Chipset::of(name), family, "{name}");
        }
    }

    #[test]
    fn acpi_follows_machine_and_firmware() {
        let (bios, uefi) = (Firmware::Bios, Firmware::Uefi { secure_boot: false });
        assert!(Chipset::Q35.has_acpi(bios) && Chipset::Virt.has_acpi(uefi) && !Chipset::Virt.has_acpi(bios));
        assert!(!Chipset::Ccw.has_acpi(bios) && !Chipset::Pseries.has_acpi(bios) && !Chipset::Isa.has_acpi(bios));
    }
}
