//! Checks of what the spec says about the guest's system: family and osinfo id.

use super::wording::field;
use super::{Check, Notes, Subject};
use crate::spec::suggest::{nearest, quoted};

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "OS-TYPE",
        title: "the family of the guest's system is a known one",
        explain: "os_type is the family: linux, windows, bsd, solaris, macos, dos or other. Only windows changes the VM: \
                  clock in local time and Hyper-V features. Any other text stands for a system without these, so a \
                  slip of the pen takes them away. The system itself (ubuntu24.04, win11) belongs into os_variant.",
        run: family,
    },
    Check {
        code: "OS-VARIANT",
        title: "the guest's system has the form of an osinfo id",
        explain: "os_variant is an id of the osinfo database, such as ubuntu24.04, debian12, win11 or win2k22; \
                  `virt-install --osinfo list` lists them. It is kept with the domain for other programs, and win... \
                  brings the settings for Windows. vmbuild looks at its form only, not into the database.",
        run: variant,
    },
];

const FAMILIES: [&str; 7] = ["linux", "windows", "bsd", "solaris", "macos", "dos", "other"];

fn family(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = subject.spec.os_type.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return };
    notes.looked();
    let lower = asked.to_ascii_lowercase();
    if FAMILIES.contains(&lower.as_str()) {
        return;
    }
    let message = format!("os_type {} is not a known family; no settings for Windows are made", quoted(asked));
    let remedy = match meant(&lower) {
        Some(family) => format!("write {family}; the system itself belongs into os_variant"),
        None => format!("write one of {}", FAMILIES.join(", ")),
    };
    notes.warning(field("os_type"), message, remedy);
}

/// The family of a name that is one of its members, or nearly the family's own.
fn meant(asked: &str) -> Option<&'static str> {
    const MEMBERS: [(&str, &str); 13] = [
        ("win", "windows"),
        ("ubuntu", "linux"),
        ("debian", "linux"),
        ("fedora", "linux"),
        ("rhel", "linux"),
        ("centos", "linux"),
        ("rocky", "linux"),
        ("alma", "linux"),
        ("opensuse", "linux"),
        ("arch", "linux"),
        ("freebsd", "bsd"),
        ("openbsd", "bsd"),
        ("netbsd", "bsd"),
    ];
    let member = MEMBERS.iter().find(|(start, _)| asked.starts_with(start)).map(|(_, family)| *family);
    member.or_else(|| nearest(asked, FAMILIES))
}

fn variant(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = subject.spec.os_variant.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return };
    notes.looked();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_+".contains(c);
    if !asked.chars().all(fits) || !asked.starts_with(|c: char| c.is_ascii_lowercase()) {
        let message = format!("os_variant {} has not the form of an osinfo id", quoted(asked));
        let remedy = "write an id such as ubuntu24.04 or win11: virt-install --osinfo list shows them";
        notes.warning(field("os_variant"), message, remedy);
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::json;

    #[test]
    fn a_family_that_is_none_is_pointed_out_with_the_likely_one() {
        for (asked, remedy) in [
            ("900 GiB", "write one of linux, windows, bsd, solaris, macos, dos, other"),
            ("Windows 11", "write windows; the system itself belongs into os_variant"),
            ("ubuntu", "write linux; the system itself belongs into os_variant"),
            ("linus", "write linux; the system itself belongs into os_variant"),
        ] {
            assert_eq!(Asked::with(json!({"os_type": asked})).said("OS-TYPE").warning().remedy, remedy, "{asked}");
        }
        Asked::with(json!({"os_type": "Windows"})).passes("OS-TYPE");
        Asked::good().quiet("OS-TYPE").quiet("OS-VARIANT");
    }

    #[test]
    fn an_osinfo_id_is_one_word_in_lower_case() {
        let want = "os_variant 'Windows 11' has not the form of an osinfo id";
        Asked::with(json!({"os_variant": "Windows 11"})).warns("OS-VARIANT", "os_variant", want);
        for id in ["win11", "ubuntu24.04", "opensuse15.6", "silverblue-unknown"] {
            Asked::with(json!({"os_variant": id})).passes("OS-VARIANT");
        }
    }
}
