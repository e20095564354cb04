//! What is in every domain, whatever the spec says, and why. Everything else names the field that made it.

/// Elements by name, with the reason in a few words.
pub const ALWAYS: [(&str, &str); 18] = [
    ("domain", "the VM itself; virt_type and custom_xml change what it says"),
    ("metadata", "holds what is remembered of the VM"),
    ("vmbuild:vm", "holds what vmbuild remembers of the VM"),
    ("features", "holds what the virtual platform has"),
    ("acpi", "without it no guest is told to shut down"),
    ("apic", "without it no guest has several CPUs"),
    ("vmport", "VMware's port is off: guests that look for it take this for VMware"),
    ("on_poweroff", "a guest that switches itself off is off"),
    ("on_reboot", "a guest that restarts is started again"),
    ("on_crash", "a guest that crashed is ended, not left standing"),
    ("pm", "nobody wakes a guest that goes to sleep by itself"),
    ("suspend-to-mem", "nobody wakes a guest that goes to sleep by itself"),
    ("suspend-to-disk", "nobody wakes a guest that goes to sleep by itself"),
    ("devices", "holds the devices"),
    ("serial", "a serial console is the last way in"),
    ("console", "a serial console is the last way in"),
    ("target", "a serial console is the last way in"),
    ("memballoon", "it tells how much memory the guest uses, and takes some back"),
];

/// Why an element that no field made is there.
pub fn reason(name: &str) -> Option<&'static str> {
    ALWAYS.iter().find(|(known, _)| *known == name).map(|(_, reason)| *reason)
}
