//! What the remedies for this host are written for: its boot chain and the program that makes its initramfs.

use super::super::text::{Text, text};
use super::super::{Check, Notes, Scope, Subject};
use super::{DEVICE, host_place, of_host};
use crate::facts::{BootChain, Fact, Initramfs, Provenance};

pub(in super::super) static CHECKS: &[&Check] = &[&HOST_BOOT_CHAIN];

static HOST_BOOT_CHAIN: Check = Check {
    code: "HOST-BOOT-CHAIN",
    title: "boot chain is recognised",
    explain: "Remedies that change the kernel command line, the modules of the initramfs or the settings of a module name the \
              file and the command of this host. vmbuild recognises the boot chain and the program that makes the initramfs \
              by their files; this line names both with the file that showed it. If it is wrong, do the same in the files \
              of the boot chain that you use.",
    scope: Scope::Host(20),
    run: Some(recognised),
    ..DEVICE
};

fn recognised(subject: &Subject, notes: &mut Notes) {
    // Of single devices nothing depends on it.
    if !subject.host_alone {
        return;
    }
    let Some(boot) = of_host(subject, notes, &subject.facts.boot, "how the host boots") else { return };
    let system = boot.distribution.get().map(|system| system.name.as_str()).filter(|name| !name.is_empty());
    let message = text!(
        "{system}: boot chain {chain}; initramfs {initramfs}",
        system = system.unwrap_or("unknown distribution"),
        chain = shown(&boot.chain, BootChain::name),
        initramfs = shown(&boot.initramfs, |tool| Initramfs::name(*tool))
    );
    let way_out = match (boot.chain.get(), boot.initramfs.get()) {
        (Some(_), Some(_)) => "",
        _ => "remedies name no file for what is not recognised: use the tools of your distribution",
    };
    notes.info(host_place(subject), message, way_out);
}

/// What was recognised, and the file that showed it.
fn shown<T>(fact: &Fact<T>, name: impl Fn(&T) -> &'static str) -> Text {
    match fact {
        Fact::Known { value, source: Provenance::File(file), .. } => text!("{name} ({file})", name = name(value), file),
        Fact::Known { value, source: Provenance::Ssh { file, .. }, .. } => {
            text!("{name} ({file})", name = name(value), file)
        }
        Fact::Known { value, .. } => name(value).into(),
        _ => "not recognised".into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::doctor;
    use crate::checks::fixture::facts;
    use crate::checks::{HostLine, Wording};
    use crate::facts::{BootChain, Fact, HostBoot, Initramfs, Iommu, Provenance};

    fn line(lines: &[HostLine]) -> String {
        let own = lines.iter().filter(|line| line.code == "HOST-BOOT-CHAIN").flat_map(|line| &line.findings);
        own.map(|finding| finding.message(Wording::Full)).collect()
    }

    #[test]
    fn the_doctor_names_what_it_recognised_and_by_which_file() {
        let mut facts = facts();
        let seen = |path: &str| Provenance::File(path.into());
        let boot = HostBoot {
            chain: Fact::known(BootChain::UpdateGrub, seen("/usr/sbin/update-grub"), 0),
            initramfs: Fact::known(Initramfs::Dracut, seen("/usr/bin/dracut"), 0),
            ..HostBoot::default()
        };
        facts.boot = Fact::known(boot, seen("/etc"), 0);
        let told = line(&doctor(&facts));
        let want = "boot chain GRUB with update-grub (/usr/sbin/update-grub); initramfs dracut (/usr/bin/dracut)";
        assert!(told.ends_with(want), "{told}");
        facts.boot = Fact::known(HostBoot::default(), seen("/etc"), 0);
        assert!(line(&doctor(&facts)).contains("not recognised"));
    }

    #[test]
    fn without_an_iommu_the_doctor_has_no_good_news() {
        let mut facts = facts();
        facts.iommu = Fact::known(
            Iommu::Off { cause: String::new(), remedy: String::new() },
            Provenance::Command("test".into()),
            0,
        );
        assert!(doctor(&facts).iter().all(|line| !line.findings.is_empty()));
    }
}
