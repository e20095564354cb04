//! What is in every domain, whatever the spec says, and why. Everything else names the field that made it.

/// Elements by name, with the reason in a few words.
pub const ALWAYS: [(&str, &str); 18] = [
    ("domain", "the VM itself; virt_type and custom_xml change it"),
    ("metadata", "contains what is stored about the VM"),
    ("vmbuild:vm", "contains what vmbuild stores about the VM"),
    ("features", "contains the features of the virtual platform"),
    ("acpi", "without it a guest cannot be asked to shut down"),
    ("apic", "without it a guest has one CPU only"),
    ("vmport", "VMware's port is off: guests that look for it take this for VMware"),
    ("on_poweroff", "a guest that switches itself off is off"),
    ("on_reboot", "a guest that restarts is started again"),
    ("on_crash", "a guest that crashed is stopped, not kept"),
    ("pm", "a guest that suspends itself cannot be woken"),
    ("suspend-to-mem", "a guest that suspends itself cannot be woken"),
    ("suspend-to-disk", "a guest that suspends itself cannot be woken"),
    ("devices", "holds the devices"),
    ("serial", "a serial console is the last way in"),
    ("console", "a serial console is the last way in"),
    ("target", "a serial console is the last way in"),
    ("memballoon", "it reports how much memory the guest uses, and reclaims some"),
];

/// Why an element that no field made is there.
pub fn reason(name: &str) -> Option<&'static str> {
    ALWAYS.iter().find(|(known, _)| *known == name).map(|(_, reason)| *reason)
}
