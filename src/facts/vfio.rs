//! The kernel's modules for passthrough: whether they are there, how they are set, what modprobe is told of them.

use super::Fact;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// VFIO on the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vfio {
    /// Modules that passthrough depends on, by name with underscores.
    pub modules: BTreeMap<String, Fact<ModuleState>>,
    /// True where devices are given away without remapped interrupts.
    pub unsafe_interrupts: Fact<bool>,
    /// True where devices are given away without an IOMMU.
    pub no_iommu: Fact<bool>,
    /// Most mappings of one container.
    pub dma_entry_limit: Fact<u32>,
    /// True where idle devices on vfio-pci stay awake.
    pub disable_idle_d3: Fact<bool>,
    /// True where nvidia drives the console, which makes it hold the card. Readable by root alone.
    pub nvidia_modeset: Fact<bool>,
    /// What modprobe is told, in the order in which it reads its files.
    pub modprobe: Fact<Vec<ModprobeLine>>,
}

/// Where a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModuleState {
    /// Running.
    Loaded,
    /// Part of the kernel, so that modprobe's settings have no effect on it.
    Builtin,
    /// Installed, loaded when needed.
    Available,
    /// Not there.
    Missing,
}

impl ModuleState {
    /// True where it is running or can be.
    pub fn is_usable(self) -> bool {
        self != Self::Missing
    }
}

/// One line of modprobe's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModprobeLine {
    /// The file that it stands in.
    pub file: String,
    /// What it says.
    pub directive: ModprobeDirective,
}

/// What a line of modprobe's configuration says; modules' names with underscores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModprobeDirective {
    /// Parameters for a module.
    Options {
        /// The module.
        module: String,
        /// `name=value`, each.
        options: Vec<String>,
    },
    /// The module is not loaded for a device by itself.
    Blacklist {
        /// The module.
        module: String,
    },
    /// A command runs in place of loading the module; `/bin/false` forbids it.
    Install {
        /// The module.
        module: String,
        /// The command.
        command: String,
    },
    /// Other modules go first or follow.
    Softdep {
        /// The module.
        module: String,
        /// Those that go first.
        pre: Vec<String>,
        /// Those that follow.
        post: Vec<String>,
    },
}

impl ModprobeDirective {
    /// The module that it speaks of.
    pub fn module(&self) -> &str {
        match self {
            Self::Options { module, .. }
            | Self::Blacklist { module }
            | Self::Install { module, .. }
            | Self::Softdep { module, .. } => module,
        }
    }
}

impl Vfio {
    /// The state of a module, where it is known; dashes and underscores are the same.
    pub fn module(&self, name: &str) -> Option<ModuleState> {
        self.modules.get(&name.replace('-', "_")).and_then(Fact::get).copied()
    }

    /// The values of a module's parameter in modprobe's configuration, with the file of each.
    pub fn options<'a>(&'a self, module: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.modprobe.items().iter().filter(move |line| line.directive.module() == module).flat_map(move |line| {
            let options = match &line.directive {
                ModprobeDirective::Options { options, .. } => options.as_slice(),
                _ => &[],
            };
            let value = move |option: &'a String| option.strip_prefix(name)?.strip_prefix('=');
            options.iter().filter_map(value).map(|value| (line.file.as_str(), value))
        })
    }
}
