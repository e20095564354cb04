//! The options of virt-install 4.0 and newer, and which parts of an element each has a word for.
//!
//! A word is the path of an attribute or a text within the element, with dots: `topology.cores` is the attribute `cores`
//! of `<topology>`. `#` stands for the number of an element among its like, from 0. `a>b`: virt-install says `b`.
//! `a:MiB`: its value is a number of MiB.

/// An option and the elements that it makes.
#[derive(Debug)]
pub(super) struct Flag {
    /// Its name on the command line.
    pub(super) option: &'static str,
    /// What it makes.
    pub(super) makes: Makes,
    /// What it has words for.
    pub(super) words: &'static [&'static str],
}

/// What an option makes.
#[derive(Debug)]
pub(super) enum Makes {
    /// All of these children of the domain, given once; its words begin with their names.
    Settings(&'static [&'static str]),
    /// One child of the domain; its words begin within.
    Setting(&'static str),
    /// One device of this name, given once for each.
    Device(&'static str),
}

use Makes::{Device, Setting, Settings};

/// Words of every device: its place in the guest and its name.
pub(super) const OF_DEVICES: &[&str] = &[
    "address.type",
    "address.domain",
    "address.bus",
    "address.slot",
    "address.function",
    "address.multifunction",
    "address.controller",
    "address.unit",
    "address.port",
    "address.target",
    "alias.name",
    "boot.order",
];

/// Every option, in the order of the line.
pub(super) const FLAGS: &[Flag] = &[
    Flag {
        option: "--metadata",
        makes: Settings(&["title", "description", "uuid"]),
        words: &["title", "description", "uuid"],
    },
    Flag {
        option: "--memory",
        makes: Settings(&["memory", "currentMemory", "maxMemory"]),
        words: &["memory:MiB", "currentMemory:MiB", "maxMemory:MiB", "maxMemory.slots"],
    },
    Flag {
        option: "--memorybacking",
        makes: Setting("memoryBacking"),
        words: &[
            "hugepages.page#.size",
            "hugepages.page#.unit",
            "hugepages.page#.nodeset",
            "nosharepages",
            "locked",
            "access.mode",
            "source.type",
        ],
    },
    Flag {
        option: "--vcpus",
        makes: Settings(&["vcpu", "vcpus"]),
        words: &[
            "vcpu",
            "vcpu.placement",
            "vcpu.current",
            "vcpus.vcpu#.id",
            "vcpus.vcpu#.enabled",
            "vcpus.vcpu#.hotpluggable",
        ],
    },
    Flag { option: "--iothreads", makes: Settings(&["iothreads"]), words: &["iothreads"] },
    Flag {
        option: "--cputune",
        makes: Setting("cputune"),
        words: &[
            "global_period",
            "global_quota",
            "vcpupin#.vcpu",
            "vcpupin#.cpuset",
            "emulatorpin.cpuset",
            "iothreadpin#.iothread",
            "iothreadpin#.cpuset",
        ],
    },
    Flag {
        option: "--numatune",
        makes: Setting("numatune"),
        words: &["memory.mode", "memory.nodeset", "memnode#.cellid", "memnode#.mode", "memnode#.nodeset"],
    },
    Flag { option: "--sysinfo", makes: Setting("sysinfo"), words: &["type", "oemStrings.entry#"] },
    Flag {
        option: "--boot",
        makes: Setting("os"),
        words: &[
            "type.arch>arch",
            "type.machine>machine",
            "firmware",
            "firmware.feature#.enabled",
            "firmware.feature#.name",
            "loader.secure",
            "nvram",
            "kernel",
            "initrd",
            "cmdline",
            "bootmenu.enable",
            "bootmenu.timeout",
            "smbios.mode",
        ],
    },
    Flag {
        option: "--features",
        makes: Setting("features"),
        words: &[
            "acpi",
            "apic",
            "vmport.state",
            "smm.state",
            "kvm.hidden.state",
            "hyperv.relaxed.state",
            "hyperv.vapic.state",
            "hyperv.spinlocks.state",
            "hyperv.spinlocks.retries",
            "hyperv.synic.state",
            "hyperv.reset.state",
        ],
    },
    Flag {
        option: "--cpu",
        makes: Setting("cpu"),
        words: &[
            "mode",
            "check",
            "migratable",
            "model",
            "model.fallback",
            "topology.sockets",
            "topology.dies",
            "topology.cores",
            "topology.threads",
            "cache.level",
            "cache.mode",
            "numa.cell#.id",
            "numa.cell#.cpus",
            "numa.cell#.memory",
            "numa.cell#.unit",
            "numa.cell#.memAccess",
        ],
    },
    Flag {
        option: "--clock",
        makes: Setting("clock"),
        words: &["offset", "timer#.name", "timer#.present", "timer#.tickpolicy"],
    },
    Flag {
        option: "--events",
        makes: Settings(&["on_poweroff", "on_reboot", "on_crash"]),
        words: &["on_poweroff", "on_reboot", "on_crash"],
    },
    Flag {
        option: "--pm",
        makes: Setting("pm"),
        words: &["suspend-to-mem.enabled>suspend_to_mem.enabled", "suspend-to-disk.enabled>suspend_to_disk.enabled"],
    },
    Flag {
        option: "--disk",
        makes: Device("disk"),
        words: &[
            "device",
            "source.file>path",
            "source.dev>path",
            "source.pool",
            "source.volume",
            "source.startupPolicy",
            "source.type",
            "source.namespace",
            "source.managed",
            "source.address.domain",
            "source.address.bus",
            "source.address.slot",
            "source.address.function",
            "driver.name",
            "driver.type",
            "driver.cache",
            "driver.io",
            "driver.discard",
            "driver.detect_zeroes",
            "driver.iothread",
            "target.dev",
            "target.bus",
            "target.rotation_rate",
            "serial",
            "readonly",
        ],
    },
    Flag {
        option: "--controller",
        makes: Device("controller"),
        words: &["type", "index", "model", "target.hotplug", "target.busNr", "target.node"],
    },
    Flag {
        option: "--filesystem",
        makes: Device("filesystem"),
        words: &["type", "accessmode", "driver.type", "source.dir", "target.dir", "readonly"],
    },
    Flag {
        option: "--network",
        makes: Device("interface"),
        words: &[
            "type",
            "source.network>source",
            "source.bridge>source",
            "source.dev>source",
            "source.mode",
            "model.type",
            "mac.address",
            "driver.name",
            "driver.queues",
            "mtu.size",
        ],
    },
    Flag { option: "--serial", makes: Device("serial"), words: CHARACTER },
    Flag { option: "--console", makes: Device("console"), words: CHARACTER },
    Flag { option: "--channel", makes: Device("channel"), words: CHARACTER },
    Flag {
        option: "--input",
        makes: Device("input"),
        words: &["type", "bus", "source.dev", "source.grab", "source.grabToggle", "source.repeat"],
    },
    Flag {
        option: "--tpm",
        makes: Device("tpm"),
        words: &["model", "backend.type", "backend.version", "backend.device.path"],
    },
    Flag {
        option: "--graphics",
        makes: Device("graphics"),
        words: &["type", "port", "listen#.type>listens#.type", "listen#.address>listens#.address"],
    },
    Flag { option: "--sound", makes: Device("sound"), words: &["model"] },
    Flag {
        option: "--video",
        makes: Device("video"),
        words: &["model.type", "model.heads", "model.vram", "model.ram", "model.vgamem"],
    },
    Flag { option: "--hostdev", makes: Device("hostdev"), words: &["rom.bar"] },
    Flag { option: "--watchdog", makes: Device("watchdog"), words: &["model", "action"] },
    Flag { option: "--memballoon", makes: Device("memballoon"), words: &["model"] },
    Flag { option: "--memdev", makes: Device("memory"), words: &["model", "target.size:MiB", "target.node"] },
    Flag { option: "--rng", makes: Device("rng"), words: &["model", "backend.model", "backend"] },
    Flag { option: "--shmem", makes: Device("shmem"), words: &["name", "model.type", "size", "size.unit"] },
];

const CHARACTER: &[&str] = &["type", "target.type", "target.port", "target.name"];
