//! The kernel's modules for passthrough: which are there, how they are set, and what modprobe is told.

use super::attribute::{failed, flag, known, odd, text};
use crate::facts::vfio::{ModprobeDirective, ModprobeLine, ModuleState, Vfio};
use crate::facts::{Fact, Kernel};
use crate::host::Sysroot;
use std::collections::{BTreeMap, BTreeSet};

/// Modules whose state decides something.
const MODULES: [&str; 22] = [
    "amdgpu",
    "i915",
    "iommufd",
    "kvm_amd",
    "kvm_intel",
    "kvmfr",
    "mlx5_vfio_pci",
    "nouveau",
    "nvidia",
    "nvidia_drm",
    "nvidia_modeset",
    "nvidia_uvm",
    "nvme",
    "radeon",
    "snd_hda_intel",
    "vendor_reset",
    "vfio",
    "vfio_iommu_type1",
    "vfio_pci",
    "vfio_virqfd",
    "xe",
    "xhci_pci",
];

/// Folders of modprobe's configuration; a file hides those of its name in later folders.
const MODPROBE: [&str; 5] =
    ["/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"];

/// The modules of the running `kernel`.
pub fn read(sysroot: &Sysroot, kernel: &Fact<Kernel>) -> Fact<Vfio> {
    if !sysroot.exists("/sys/module") {
        return Fact::unknown("There is no /sys/module.");
    }
    let release = kernel.get().and_then(|kernel| kernel.release.get());
    let parameter = |path: &str| format!("/sys/module/{path}");
    let yes = |path: &str| {
        let path = parameter(path);
        text(sysroot, &path).try_map(|text| flag(&text), || odd(&path))
    };
    let limit = parameter("vfio_iommu_type1/parameters/dma_entry_limit");
    let mut vfio = Vfio {
        modules: modules(sysroot, release.map(String::as_str)),
        dma_entry_limit: text(sysroot, &limit).try_map(|text| text.parse().ok(), || odd(&limit)),
        nvidia_modeset: yes("nvidia_drm/parameters/modeset"),
        modprobe: modprobe(sysroot),
        ..Vfio::default()
    };
    let switch = |module, name| {
        let path = format!("/sys/module/{module}/parameters/{name}");
        if sysroot.exists(&path) {
            yes(&format!("{module}/parameters/{name}"))
        } else {
            absent(&vfio, kernel, module, name)
        }
    };
    let unsafe_interrupts = switch("vfio_iommu_type1", "allow_unsafe_interrupts");
    let no_iommu = switch("vfio", "enable_unsafe_noiommu_mode");
    let disable_idle_d3 = switch("vfio_pci", "disable_idle_d3");
    vfio = Vfio { unsafe_interrupts, no_iommu, disable_idle_d3, ..vfio };
    known(vfio, "/sys/module")
}

/// A switch of a module that shows none. Where the module runs, the kernel is built without the switch; where it does
/// not, it is what the module will be told on loading, and off by default.
fn absent(vfio: &Vfio, kernel: &Fact<Kernel>, module: &str, name: &str) -> Fact<bool> {
    let running = format!("/sys/module/{module}");
    match vfio.module(module) {
        Some(ModuleState::Loaded | ModuleState::Builtin) => return known(false, running),
        Some(ModuleState::Available | ModuleState::Missing) => {}
        None => return Fact::unknown(format!("There is no {running}/parameters/{name}.")),
    }
    if let Some(why) = vfio.modprobe.why_not() {
        return Fact::unknown(why);
    }
    let key = format!("{module}.{name}");
    let word = kernel.get().and_then(|kernel| kernel.words(&key).last()).and_then(|word| word.split_once('='));
    let line = vfio.options(module, name).last();
    let told = word.map(|(_, value)| ("/proc/cmdline", value)).or(line);
    let (file, value) = told.unwrap_or((MODPROBE.first().copied().unwrap_or_default(), "N"));
    match flag(value) {
        Some(on) => known(on, file),
        None => Fact::unknown(odd(file)),
    }
}

fn modules(sysroot: &Sysroot, release: Option<&str>) -> BTreeMap<String, Fact<ModuleState>> {
    let installed = release.and_then(|release| Installed::read(sysroot, release));
    let state = |name: &'static str| {
        let running = format!("/sys/module/{name}");
        let fact = match &installed {
            // Parts of the kernel show up there, too, but have no state.
            _ if sysroot.exists(&format!("{running}/initstate")) => known(ModuleState::Loaded, running),
            Some(installed) => known(installed.state(name), installed.folder.clone()),
            None if sysroot.exists(&running) => known(ModuleState::Builtin, running),
            None => Fact::unknown("There is no list of the modules of the running kernel."),
        };
        (name.to_owned(), fact)
    };
    MODULES.into_iter().map(state).collect()
}

/// Those of our modules that are installed for a kernel.
struct Installed {
    folder: String,
    builtin: BTreeSet<String>,
    loadable: BTreeSet<String>,
}

impl Installed {
    fn read(sysroot: &Sysroot, release: &str) -> Option<Self> {
        let folders = ["/lib/modules", "/usr/lib/modules"].map(|folder| format!("{folder}/{release}"));
        let folder = folders.into_iter().find(|folder| sysroot.exists(&format!("{folder}/modules.dep")))?;
        // Both lists name thousands of modules, one per line by its path.
        let names = |file: &str| -> Option<BTreeSet<String>> {
            let list = sysroot.bytes(&format!("{folder}/{file}")).ok()?;
            Some(list.split(|byte| *byte == b'\n').filter_map(ours).collect())
        };
        let (builtin, loadable) = (names("modules.builtin").unwrap_or_default(), names("modules.dep")?);
        Some(Self { folder, builtin, loadable })
    }

    fn state(&self, name: &str) -> ModuleState {
        if self.builtin.contains(name) {
            ModuleState::Builtin
        } else if self.loadable.contains(name) {
            ModuleState::Available
        } else {
            ModuleState::Missing
        }
    }
}

/// `kernel/drivers/vfio/pci/vfio-pci.ko.zst: ...` is `vfio_pci`; `None` where it is none of ours.
fn ours(line: &[u8]) -> Option<String> {
    let path = line.split(|byte| *byte == b':').next()?;
    let file = std::str::from_utf8(path.rsplit(|byte| *byte == b'/').next()?).ok()?;
    let (name, _) = file.split_once(".ko")?;
    let name = name.replace('-', "_");
    MODULES.contains(&name.as_str()).then_some(name)
}

fn is_shipped(folder: &str) -> bool {
    folder.starts_with("/usr/") || folder.starts_with("/lib/")
}

fn concerns_us(line: &ModprobeLine) -> bool {
    let module = line.directive.module();
    let vfio = |names: &Vec<String>| names.iter().any(|name| name.starts_with("vfio"));
    MODULES.contains(&module)
        || module.starts_with("vfio")
        || matches!(&line.directive, ModprobeDirective::Softdep { pre, .. } if vfio(pre))
}

/// Lines in the order in which modprobe reads them: by the files' names, whatever their folders.
fn modprobe(sysroot: &Sysroot) -> Fact<Vec<ModprobeLine>> {
    let mut files = BTreeMap::new();
    for folder in MODPROBE {
        for name in sysroot.conf_names(folder) {
            files.entry(name).or_insert(folder);
        }
    }
    if files.is_empty() && !MODPROBE.iter().any(|folder| sysroot.exists(folder)) {
        return Fact::unknown("There is no folder of modprobe's configuration.");
    }
    let mut lines = Vec::new();
    for (name, folder) in files {
        let file = format!("{folder}/{name}");
        match sysroot.read(&file) {
            Ok(text) => {
                let said = super::modprobe::parse(&file, &text).into_iter();
                // Distributions ship hundreds of lines about other things; what an administrator wrote counts whole.
                lines.extend(said.filter(|line| !is_shipped(folder) || concerns_us(line)));
            }
            Err(error) => return failed(&file, &error),
        }
    }
    known(lines, MODPROBE.first().copied().unwrap_or_default())
}
