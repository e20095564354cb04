//! What /proc/cpuinfo says of the host's CPU.

use crate::host::Sysroot;
use std::collections::BTreeSet;
use std::io;

/// The first CPU's features.
pub(super) struct CpuFlags {
    flags: BTreeSet<String>,
    /// GenuineIntel, AuthenticAMD, ...
    pub(super) vendor: String,
    /// Width of physical addresses, in bits.
    pub(super) address_bits: Option<u32>,
}

impl CpuFlags {
    /// Reads /proc/cpuinfo.
    pub(super) fn read(sysroot: &Sysroot) -> io::Result<Self> {
        let text = sysroot.read("/proc/cpuinfo")?;
        let value = |key: &str| {
            let line = text.lines().find(|line| line.split(':').next().is_some_and(|name| name.trim() == key))?;
            line.split_once(':').map(|(_, value)| value.trim())
        };
        let flags = value("flags").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        // `46 bits physical, 48 bits virtual`.
        let sizes = value("address sizes").unwrap_or_default().split(',').next().unwrap_or_default();
        let address_bits = sizes.trim().strip_suffix("bits physical").and_then(|bits| bits.trim().parse().ok());
        Ok(Self { flags, vendor: value("vendor_id").unwrap_or_default().to_owned(), address_bits })
    }

    /// True on x86, where flags are listed: elsewhere nothing can be told from their absence.
    pub(super) fn lists_flags(&self) -> bool {
        !self.flags.is_empty()
    }

    /// The features by the kernel's names.
    pub(super) fn into_flags(self) -> BTreeSet<String> {
        self.flags
    }

    /// True where the CPU offers Intel VT-x or AMD-V.
    pub(super) fn virtualises(&self) -> bool {
        self.flags.contains("vmx") || self.flags.contains("svm")
    }

    /// True inside a virtual machine.
    pub(super) fn is_virtual(&self) -> bool {
        self.flags.contains("hypervisor")
    }

    /// True for Intel's.
    pub(super) fn is_intel(&self) -> bool {
        self.vendor == "GenuineIntel"
    }
}
