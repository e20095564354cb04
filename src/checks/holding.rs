//! Checks of what one domain of the host alone can have: shared memory, UEFI variables, sockets, ports.

use super::text::{Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::domain;
use crate::facts::{Domain, DomainState, Holding};
use crate::spec::Place;

pub(super) static CHECKS: &[&Check] = &[&SHARED_NAME];

pub(super) static SHARED_NAME: Check = Check {
    code: "SHARED-NAME",
    title: "no other domain has the VM's host names",
    explain: "Some things of a host have one name for all VMs: shared memory below /dev/shm, a file of UEFI variables, \
              a Unix socket, the number of a vsock, a console's port, a network interface, a USB device by bus and \
              number. Two VMs with one shared memory or one file of variables write into each other's data. Of the \
              others the second VM does not start while the first one runs.",
    run: Some(taken),
    ..Check::VM
};

/// What the VM has of the host for itself, with the field that names it.
fn holdings(subject: &Subject) -> Vec<(Holding, Place)> {
    let of = |tree| {
        let all = domain::holdings(tree).into_iter();
        all.map(|(holding, origin)| (holding, origin.unwrap_or_else(|| field("custom_xml")))).collect()
    };
    let devices = &subject.machine.devices;
    let any = devices.looking_glass.is_some()
        || subject.machine.nvram.is_some()
        || !devices.usb.is_empty()
        || subject.machine.consoles.iter().any(|console| console.port.is_some());
    match &subject.merged {
        Some((tree, _)) => of(tree),
        None if any => of(&domain::generated(subject.spec, subject.machine)),
        None => Vec::new(),
    }
}

/// In words, and true where two that have it damage each other's data.
fn said(holding: &Holding) -> (Text, bool) {
    match holding {
        Holding::SharedMemory(name) => (text!("shared memory {name}", name), true),
        Holding::Variables(path) => (text!("file of UEFI variables {path}", path), true),
        Holding::Socket(path) => (text!("socket {path}", path), false),
        Holding::Vsock(cid) => (text!("vsock number {cid}", cid), false),
        Holding::Port(port) => (text!("port {port}", port), false),
        Holding::Interface(name) => (text!("network interface {name}", name), false),
        Holding::Usb(bus, device) => (text!("USB device {device} of bus {bus}", device, bus), false),
    }
}

fn taken(subject: &Subject, notes: &mut Notes) {
    for (holding, place) in holdings(subject) {
        let (what, shared) = said(&holding);
        let unknown = text!("whether another domain has the {what}", what);
        let Some(domains) = notes.known(&subject.facts.domains, || place.clone(), &unknown) else { continue };
        let has = |domain: &&Domain| domain.holdings.contains(&holding);
        let running = domains.iter().filter(|domain| domain.state == DomainState::Active).find(has);
        let Some(domain) = running.or_else(|| domains.iter().find(has)) else { continue };
        let state = if running.is_some() { "running " } else { "" };
        let message = text!("{what} already belongs to {state}domain {domain}", what, state, domain = domain.name);
        if shared || running.is_some() && subject.starting {
            notes.blocker(place, message, "choose another one");
        } else {
            notes.warning(place, message, "choose another one: the two cannot run at the same time");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, domain};
    use crate::facts::{Domain, DomainState, Fact, Holding};
    use serde_json::json;

    fn holding(holding: Holding, state: DomainState) -> Domain {
        Domain { holdings: vec![holding], state, ..domain("web") }
    }

    #[test]
    fn memory_and_variables_of_another_domain_are_never_shared() {
        let asked = || Asked::with(json!({"looking_glass": {"resolution": "1920x1080"}}));
        let memory = |name: &str| holding(Holding::SharedMemory(name.into()), DomainState::Inactive);
        asked().beside(memory("looking-glass-web")).passes("SHARED-NAME");
        let want = "shared memory looking-glass-gpu-ws-01 already belongs to domain web";
        asked().beside(memory("looking-glass-gpu-ws-01")).blocks("SHARED-NAME", "looking_glass", want);
        asked().facts(|facts| facts.domains = Fact::default()).unknown("SHARED-NAME");
        let own = "<devices><shmem name='looking-glass'><model type='ivshmem-plain'/></shmem></devices>";
        let own = Asked::with(json!({"custom_xml": own})).beside(memory("looking-glass"));
        own.blocks("SHARED-NAME", "custom_xml", "shared memory looking-glass already belongs to domain web");
        let variables = holding(Holding::Variables("/v/a.fd".into()), DomainState::Inactive);
        Asked::with(json!({"uefi": true, "nvram": "/v/a.fd"})).beside(variables).said("SHARED-NAME").blocker();
        Asked::good().quiet("SHARED-NAME");
    }

    #[test]
    fn a_port_in_use_stops_the_start_alone() {
        let asked = |state| {
            let asked = Asked::with(json!({"graphics": [{"type": "vnc", "port": 5907}]}));
            asked.beside(holding(Holding::Port(5907), state))
        };
        let want = "port 5907 already belongs to running domain web";
        asked(DomainState::Active).warns("SHARED-NAME", "graphics[0]", want);
        asked(DomainState::Active).starting().said("SHARED-NAME").blocker();
        asked(DomainState::Inactive).starting().said("SHARED-NAME").warning();
    }
}
