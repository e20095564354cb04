//! Checks of a directly started kernel by its own bytes.

use super::image::written;
use super::note::{Topic, clause};
use super::row::RowName;
use super::text::{Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::{BootForm, Bootable, FileContent, ImageFormat, ImageHeader, NOT_ASKED};

pub(super) static CHECKS: &[&Check] = &[&KERNEL_FORMAT];

static KERNEL_FORMAT: Check = Check {
    code: "KERNEL-FORMAT",
    title: "kernel has a form that QEMU starts",
    explain: "QEMU loads a kernel by its header: a bzImage (vmlinuz), a Multiboot program or an ELF file with a PVH \
              note on x86; an Image, packed or not, on aarch64 and riscv64; ELF elsewhere. UEFI firmware also starts \
              EFI programs. With another file the start fails, or the VM runs and executes nothing.",
    run: Some(kernel),
    ..Check::VM
};

fn kernel(subject: &Subject, notes: &mut Notes) {
    let Some(at) = subject.machine.direct_boot.as_ref().and_then(|boot| boot.kernel.as_ref()) else { return };
    let (topic, name) = (Topic::from(field("boot").key("kernel")).of(RowName::only("boot.kernel")), written(at));
    let Some(image) = subject.known(at).image().filter(|image| is_told_apart(image)) else {
        let why = subject.why_not_read(at);
        let seen = subject.file(at.path().unwrap_or_default()).is_ok_and(|file| file.image.is_some());
        if why != NOT_ASKED && seen {
            notes.unknown(topic, text!("whether {name} is a kernel", name), clause(why));
        }
        return;
    };
    notes.looked();
    let arch = subject.machine.arch.value.as_str();
    let uefi = subject.machine.firmware.value.is_uefi();
    let Some(message) = refusal(image, arch, uefi, &name) else { return };
    let needs = match arch {
        "x86_64" | "i686" => "name a bzImage (vmlinuz), or a vmlinux that was built with CONFIG_PVH",
        "aarch64" | "riscv64" => "name the Image of a kernel for this architecture",
        _ => "name a kernel for this architecture",
    };
    notes.blocker(topic, message, needs);
}

fn is_told_apart(image: &ImageHeader) -> bool {
    image.format != ImageFormat::Raw || image.content != FileContent::Unknown
}

/// Why QEMU does not start it on `arch`; `None` where it does.
fn refusal(image: &ImageHeader, arch: &str, uefi: bool, name: &Text) -> Option<Text> {
    let kernel = match &image.content {
        FileContent::Bootable(kernel) => kernel,
        // What is below is looked at by QEMU alone.
        FileContent::Packed(program) if program == "gzip" && matches!(arch, "aarch64" | "riscv64") => return None,
        // Nothing was read: another check reports it.
        FileContent::Empty => return None,
        _ => return Some(text!("{name} is not a kernel: neither bzImage, ELF, Image nor EFI program", name)),
    };
    if let Some(own) = kernel.arch.as_deref().filter(|own| !runs_on(own, arch)) {
        return Some(text!("{name} is a kernel for {own}, and the VM is {arch}", name, own, arch));
    }
    (!starts(kernel, arch, uefi)).then(|| {
        let form = form(kernel.form);
        text!("{name} is {form}, which QEMU does not start on {arch}", name, form, arch)
    })
}

/// 64-bit x86 runs kernels of 32 bits.
fn runs_on(kernel: &str, arch: &str) -> bool {
    kernel == arch || (kernel, arch) == ("i686", "x86_64") || (kernel, arch) == ("x86_64", "i686") || {
        // The order of bytes is chosen by the kernel.
        kernel.starts_with("ppc64") && arch.starts_with("ppc64")
    }
}

/// Sources: hw/i386/x86-common.c, hw/arm/boot.c, hw/riscv/boot.c, hw/s390x/ipl.c, hw/loongarch/boot.c of QEMU.
fn starts(kernel: &Bootable, arch: &str, uefi: bool) -> bool {
    let by_firmware = uefi && kernel.efi;
    let by_qemu = match arch {
        "x86_64" | "i686" => matches!(kernel.form, BootForm::BzImage | BootForm::ElfPvh | BootForm::Multiboot),
        "aarch64" => {
            matches!(kernel.form, BootForm::Image | BootForm::ZBoot | BootForm::Elf | BootForm::UImage)
        }
        "riscv64" => matches!(kernel.form, BootForm::Image | BootForm::Elf | BootForm::UImage),
        "armv7l" => matches!(kernel.form, BootForm::ZImage | BootForm::Elf | BootForm::UImage | BootForm::Image),
        "s390x" => matches!(kernel.form, BootForm::S390 | BootForm::Elf),
        "ppc64" | "ppc64le" => kernel.form == BootForm::Elf,
        // Not compared with QEMU's source.
        _ => true,
    };
    by_firmware || by_qemu
}

fn form(form: BootForm) -> &'static str {
    match form {
        BootForm::BzImage => "a bzImage",
        BootForm::Elf => "an ELF file without a PVH note",
        BootForm::ElfPvh => "an ELF file with a PVH note",
        BootForm::Multiboot => "a Multiboot program",
        BootForm::Image => "an Image",
        BootForm::ZImage => "a zImage",
        BootForm::ZBoot => "a packed EFI kernel",
        BootForm::Efi => "an EFI program",
        BootForm::UImage => "a uImage",
        BootForm::S390 => "a kernel for s390x",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::fixture::{Asked, file, known};
    use crate::facts::MediaFile;
    use serde_json::json;

    fn booted(content: FileContent) -> Asked {
        let image = ImageHeader { content, ..ImageHeader::default() };
        let asked = Asked::with(json!({"boot": {"kernel": "/srv/vmlinuz"}}));
        asked.known_file("/srv/vmlinuz", MediaFile { image: Some(known(image)), ..file() })
    }

    fn is(form: BootForm, arch: Option<&str>) -> FileContent {
        FileContent::Bootable(Bootable { arch: arch.map(str::to_owned), form, efi: form == BootForm::Efi })
    }

    #[test]
    fn a_kernel_is_a_kernel() {
        booted(is(BootForm::BzImage, None)).passes("KERNEL-FORMAT");
        booted(is(BootForm::ElfPvh, Some("x86_64"))).passes("KERNEL-FORMAT");
        let want = "boot.kernel: /srv/vmlinuz is not a kernel: neither bzImage, ELF, Image nor EFI program";
        booted(FileContent::FileSystem("ext4".into())).blocks("KERNEL-FORMAT", "boot.kernel", want);
        let want = "boot.kernel: /srv/vmlinuz is an ELF file without a PVH note, which QEMU does not start on x86_64";
        booted(is(BootForm::Elf, Some("x86_64"))).blocks("KERNEL-FORMAT", "boot.kernel", want);
        let want = "boot.kernel: /srv/vmlinuz is a kernel for aarch64, and the VM is x86_64";
        booted(is(BootForm::Image, Some("aarch64"))).blocks("KERNEL-FORMAT", "boot.kernel", want);
    }

    #[test]
    fn each_architecture_has_forms_of_its_own() {
        let refused = |content: FileContent, arch: &str, uefi: bool| {
            refusal(&ImageHeader { content, ..ImageHeader::default() }, arch, uefi, &"k".into()).is_some()
        };
        assert!(!refused(is(BootForm::Image, Some("aarch64")), "aarch64", false));
        assert!(!refused(FileContent::Packed("gzip".into()), "aarch64", false));
        assert!(refused(FileContent::Packed("gzip".into()), "x86_64", false));
        assert!(refused(FileContent::Packed("xz".into()), "aarch64", false));
        assert!(!refused(is(BootForm::Efi, Some("x86_64")), "x86_64", true));
        assert!(refused(is(BootForm::Efi, Some("x86_64")), "x86_64", false));
        assert!(!refused(is(BootForm::Elf, Some("ppc64le")), "ppc64", false));
        assert!(!refused(is(BootForm::S390, Some("s390x")), "s390x", false));
        assert!(!refused(is(BootForm::Multiboot, Some("i686")), "x86_64", false));
    }
}
