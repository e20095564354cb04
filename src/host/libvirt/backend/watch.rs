//! What is written about a VM while it starts.

use crate::host::Source;
use crate::host::messages::{KernelMessages, QemuLog};
use std::time::Instant;

/// What QEMU and the kernel write from now on.
pub(super) struct LogWatch {
    pub(super) qemu: Result<QemuLog, String>,
    pub(super) kernel: Result<KernelMessages, String>,
    pub(super) began: Instant,
}

impl LogWatch {
    /// Begins before the start, so that nothing is missed.
    pub(super) fn begin(source: &Source, name: &str) -> Self {
        let (qemu, kernel) = (QemuLog::from_now(source, name), KernelMessages::from_now(source));
        Self { qemu, kernel, began: Instant::now() }
    }
}
