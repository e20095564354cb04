//! Checks of the VM's name.

use super::note::Remedy;
use super::text::text;
use super::wording::{blank, field};
use super::{Check, Notes, Subject, left};
use crate::engine::Thing;
use crate::facts::DomainState;
use crate::units::VmName;

pub(super) static CHECKS: &[&Check] = &[&NAME_MISSING, &NAME_INVALID, &NAME_TAKEN];

static NAME_MISSING: Check = Check {
    code: "NAME-MISSING",
    title: "VM has a name",
    explain: "libvirt finds a domain by its name, and the names of the VM's new volumes contain it. Give the VM a name \
              that no other domain of the host has.",
    contract: Some(4),
    run: Some(missing),
    ..Check::VM
};

/// A name that cannot be used.
pub static NAME_INVALID: Check = Check {
    code: "NAME-INVALID",
    title: "VM name is valid",
    explain: "The name becomes part of volume, log and NVRAM file names and of virsh commands. A slash would leave the \
              folder, a leading dash would be read as an option, control characters break logs. Spaces, quotes and \
              letters of any script are allowed.",
    run: Some(invalid),
    ..Check::VM
};

static NAME_TAKEN: Check = Check {
    code: "NAME-TAKEN",
    title: "no other domain has the name",
    explain: "Defining a domain with the name of an existing one would either fail or change that domain. vmbuild \
              never overwrites a domain: choose another name, or remove or rename the other domain yourself.",
    run: Some(taken),
    ..Check::VM
};

fn missing(subject: &Subject, notes: &mut Notes) {
    notes.looked();
    if blank(subject.spec.name.as_ref()) {
        notes.blocker(field("name"), "name is required", "give the VM a name such as gpu-ws-01");
    }
}

fn invalid(subject: &Subject, notes: &mut Notes) {
    let Some(name) = subject.spec.name.as_deref().filter(|name| !name.trim().is_empty()) else { return };
    notes.looked();
    if let Err(error) = name.parse::<VmName>() {
        notes.blocker(
            field("name"),
            text!("{error}", error),
            "use letters, digits, dots and dashes, such as gpu-ws-01",
        );
    }
}

fn taken(subject: &Subject, notes: &mut Notes) {
    let Some(name) = subject.spec.name.as_deref().filter(|name| !name.trim().is_empty()) else { return };
    let what = text!("whether a domain named '{name}' exists", name);
    let Some(domains) = notes.known(&subject.facts.domains, || field("name"), &what) else { return };
    if let Some(domain) = domains.iter().find(|domain| domain.name == name) {
        let state = match domain.state {
            DomainState::Active => "running",
            DomainState::Inactive => "shut off",
        };
        let free = free_name(subject, name);
        let message =
            text!("a domain named '{name}' already exists ({state}, UUID {uuid})", name, state, uuid = domain.uuid);
        let ours = left::remedy(subject.left, |thing| matches!(thing, Thing::Domain { name: of, .. } if of == name));
        let another = || Remedy::from(text!("choose another name: {free}", free)).setting(field("name"), free.clone());
        notes.blocker(field("name"), message, ours.unwrap_or_else(another));
    }
}

/// The name with the next number that no domain has.
fn free_name(subject: &Subject, name: &str) -> String {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = name.len() - stem.len();
    let number: u64 = name.get(stem.len()..).and_then(|number| number.parse().ok()).unwrap_or(1);
    let taken = |text: &String| subject.facts.domains.items().iter().any(|domain| domain.name == *text);
    let stem = if digits == 0 { format!("{name}-") } else { stem.to_owned() };
    let mut numbers = (1..=subject.facts.domains.items().len() as u64 + 1)
        .map(|step| format!("{stem}{:0digits$}", number.saturating_add(step)));
    numbers.find(|text| !taken(text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said, domain};
    use crate::engine::Thing;
    use crate::facts::Fact;
    use serde_json::json;

    #[test]
    fn a_name_is_required() {
        Asked::with(json!({"name": null})).blocks("NAME-MISSING", "name", "name is required");
        Asked::with(json!({"name": "  "})).blocks("NAME-MISSING", "name", "name is required").quiet("NAME-INVALID");
        Asked::good().passes("NAME-MISSING");
    }

    #[test]
    fn a_name_that_breaks_files_is_refused() {
        Asked::with(json!({"name": "a/b"})).blocks("NAME-INVALID", "name", "'a/b' is not a VM name: it contains '/'");
        Asked::with(json!({"name": "Jörg's & co"})).passes("NAME-INVALID");
    }

    #[test]
    fn a_domain_that_an_interrupted_build_left_is_named_as_that() {
        let thing = Thing::Domain { name: "gpu-ws-01".into(), variables: false, tpm: false, started: false };
        let taken = Asked::good().beside(domain("gpu-ws-01")).left_by("7f3a91c2", thing);
        let Said { remedy, .. } = taken.said("NAME-TAKEN");
        assert!(remedy.starts_with("it was left by build 7f3a91c2, which was interrupted: "), "{remedy}");
        assert!(remedy.contains("'vmbuild recover 7f3a91c2 --resume'"), "{remedy}");
    }

    #[test]
    fn an_existing_domain_is_never_overwritten() {
        let taken = Asked::good().beside(domain("gpu-ws-01")).beside(domain("gpu-ws-02"));
        let Said { message, remedy, .. } = taken.said("NAME-TAKEN");
        assert!(message.starts_with("a domain named 'gpu-ws-01' already exists (shut off, UUID "), "{message}");
        assert_eq!(remedy, "choose another name: gpu-ws-03");
        Asked::good().beside(domain("GPU-WS-01")).passes("NAME-TAKEN");
        Asked::good().facts(|facts| facts.domains = Fact::default()).unknown("NAME-TAKEN");
    }
}
