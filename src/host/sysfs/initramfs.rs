//! The modules that the initramfs is told to load, from the configuration of the program that makes it.

use super::attribute::{failed, known};
use crate::facts::Fact;
use crate::facts::boot::Initramfs;
use crate::host::Sysroot;

/// Modules in their order, as they are written there.
pub(super) fn early_modules(sysroot: &Sysroot, tool: &Fact<Initramfs>) -> Fact<Vec<String>> {
    match tool.get() {
        Some(Initramfs::InitramfsTools) => read(sysroot, &["/etc/initramfs-tools/modules"], lines),
        Some(Initramfs::Mkinitcpio) => {
            let files = with_fragments(sysroot, "/etc/mkinitcpio.conf", "/etc/mkinitcpio.conf.d");
            read(sysroot, &files, |text| listed(text, &["MODULES"]))
        }
        Some(Initramfs::Dracut) => {
            let files = with_fragments(sysroot, "/etc/dracut.conf", "/etc/dracut.conf.d");
            read(sysroot, &files, |text| listed(text, &["force_drivers", "add_drivers"]))
        }
        Some(Initramfs::Nixos) => Fact::unknown("NixOS keeps them in its configuration (boot.initrd.kernelModules)."),
        None => Fact::unknown(tool.why_not().unwrap_or_default()),
    }
}

fn with_fragments(sysroot: &Sysroot, file: &str, folder: &str) -> Vec<String> {
    let fragments = sysroot.conf_names(folder).into_iter().map(|name| format!("{folder}/{name}"));
    std::iter::once(file.to_owned()).chain(fragments).collect()
}

/// What `parse` finds in those of `files` that exist.
fn read(sysroot: &Sysroot, files: &[impl AsRef<str>], parse: impl Fn(&str) -> Vec<String>) -> Fact<Vec<String>> {
    let mut found = Vec::new();
    let mut last = "";
    for file in files.iter().map(AsRef::as_ref).filter(|file| sysroot.exists(file)) {
        match sysroot.read(file) {
            Ok(text) => found.extend(parse(&text)),
            Err(error) => return failed(file, &error),
        }
        last = file;
    }
    match files.first() {
        Some(first) => known(found, if last.is_empty() { first.as_ref() } else { last }),
        None => Fact::unknown("No file names them."),
    }
}

/// One module per line, its parameters after it.
fn lines(text: &str) -> Vec<String> {
    uncommented(text).filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

/// The words of shell assignments such as `MODULES=(a b)` and `force_drivers+=" a b "`, over several lines where they are.
fn listed(text: &str, names: &[&str]) -> Vec<String> {
    let text: Vec<&str> = uncommented(text).collect();
    let text = text.join("\n");
    let mut found = Vec::new();
    for (at, _) in text.match_indices('=') {
        let (before, after) = text.split_at(at);
        let name = before.trim_end_matches('+').rsplit(|c: char| c.is_whitespace() || c == ';').next();
        if !name.is_some_and(|name| names.contains(&name)) {
            continue;
        }
        let value = after.trim_start_matches('=');
        let value = match value.chars().next() {
            Some('(') => value.split([')']).next(),
            Some(quote @ ('"' | '\'')) => value.split(quote).nth(1),
            _ => value.split_whitespace().next(),
        };
        let words = value.unwrap_or_default().split(|c: char| c.is_whitespace() || "()\"'".contains(c));
        found.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    found
}

fn uncommented(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_names_its_modules_in_its_own_way() {
        assert_eq!(lines("# comment\nvfio\nvfio_pci ids=10de:2704\n\n"), ["vfio", "vfio_pci"]);
        assert_eq!(
            listed("# MODULES=(none)\nMODULES=(vfio_pci vfio\n  amdgpu)\nHOOKS=(base)", &["MODULES"]),
            ["vfio_pci", "vfio", "amdgpu"]
        );
        assert_eq!(
            listed("force_drivers+=\" vfio_pci vfio \"\nfilesystems+=\" ext4 \"", &["force_drivers"]),
            ["vfio_pci", "vfio"]
        );
        assert_eq!(listed("MODULES=\"vfio\"\nMODULES=()", &["MODULES"]), ["vfio"]);
    }
}
