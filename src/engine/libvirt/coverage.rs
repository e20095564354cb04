//! The fields of the spec that libvirt gets in another way than by a part of the domain XML of their own.

use crate::engine::Coverage;
use crate::engine::coverage::Support::{self, Carried};

/// The table.
pub(super) static COVERAGE: Coverage = Coverage::DomainXml(ROWS);

const ROWS: &[(&str, Support)] = &[
    // They decide the pins, which are written.
    ("cpu.pinning.auto", Carried),
    ("cpu.pinning.reserve", Carried),
    // The steps of a build make the volumes.
    ("storage.default_pool", Carried),
    ("storage.disks[].action", Carried),
    ("storage.disks[].size", Carried),
    ("storage.disks[].storage_pool", Carried),
    ("storage.disks[].clone_from", Carried),
    // It is part of the kernel's command line.
    ("storage.disks[].root", Carried),
    // The password is added at the definition alone.
    ("graphics[].password_file", Carried),
    // They find the function, whose address is written.
    ("pci_devices[].match.address", Carried),
    ("pci_devices[].match.ids", Carried),
    ("pci_devices[].match.subsystem", Carried),
    ("pci_devices[].match.kind", Carried),
    ("pci_devices[].match.any", Carried),
    ("pci_devices[].match.group[].address", Carried),
    ("pci_devices[].match.group[].ids", Carried),
    // It decides the emulated display.
    ("pci_devices[].primary_gpu", Carried),
    // A step writes them into the seed.
    ("cloud_init.hostname", Carried),
    ("cloud_init.user", Carried),
    ("cloud_init.ssh_authorized_keys", Carried),
    ("cloud_init.password_file", Carried),
    ("cloud_init.password_hash", Carried),
    ("cloud_init.packages", Carried),
    ("cloud_init.runcmd", Carried),
    ("cloud_init.timezone", Carried),
    ("cloud_init.locale", Carried),
    ("cloud_init.addresses", Carried),
    ("cloud_init.gateway", Carried),
    ("cloud_init.nameservers", Carried),
    ("cloud_init.user_data", Carried),
    ("cloud_init.meta_data", Carried),
    ("cloud_init.network_config", Carried),
    // A step of its own.
    ("autostart", Carried),
    // Any part of the XML.
    ("custom_xml", Carried),
];
