//! The program that starts before the guest.

/// What boots the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS; on other machines than PCs the firmware that QEMU has for them.
    Bios,
    /// edk2.
    Uefi {
        /// With Secure Boot and enrolled keys.
        secure_boot: bool,
    },
}

impl Firmware {
    /// True for UEFI, with or without Secure Boot.
    pub fn is_uefi(self) -> bool {
        matches!(self, Self::Uefi { .. })
    }
}
