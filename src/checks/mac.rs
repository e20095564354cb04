//! Checks of MAC addresses.

use super::network::{label, place, topic};
use super::note::without;
use super::text::text;
use super::{Check, Notes, Subject};
use crate::facts::DomainState;
use crate::machine::Interface;
use crate::units::MacAddr;

pub(super) static CHECKS: &[&Check] = &[&MAC_INVALID, &MAC_SAME, &MAC_TAKEN];

static MAC_INVALID: Check = Check {
    code: "MAC-INVALID",
    title: "MAC addresses are valid",
    explain: "A MAC address has six pairs of hexadecimal digits. The first pair of a guest's own address is even: an \
              odd one is a multicast address, which libvirt rejects. 52:54:00 is the usual prefix of QEMU guests. \
              Leave the field out, and libvirt generates an address.",
    run: Some(invalid),
    ..Check::VM
};

static MAC_SAME: Check = Check {
    code: "MAC-SAME",
    title: "MAC addresses are unique in the VM",
    explain: "Two interfaces with one address on the same network receive each other's frames, and the guest's network \
              configuration, which goes by address, confuses them.",
    run: Some(same),
    ..Check::VM
};

static MAC_TAKEN: Check = Check {
    code: "MAC-TAKEN",
    title: "no other domain has the MAC address",
    explain: "Two VMs with one address on the same network interrupt each other: the bridge sends frames to whichever \
              sent last, and DHCP gives both one IP address. Often it comes from a copied spec.",
    run: Some(taken),
    ..Check::VM
};

/// The interfaces with a readable address.
fn addressed<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (&'a Interface, MacAddr)> + use<'a> {
    let interfaces = subject.machine.interfaces.iter();
    interfaces.filter_map(|interface| Some((interface, interface.mac.as_deref()?.parse().ok()?)))
}

fn invalid(subject: &Subject, notes: &mut Notes) {
    for interface in &subject.machine.interfaces {
        let Some(mac) = interface.mac.as_deref() else { continue };
        notes.looked();
        match mac.parse::<MacAddr>() {
            Err(error) => {
                notes.blocker(
                    topic(interface, "mac"),
                    text!("{error}", error),
                    without("leave it out, and libvirt generates one"),
                );
            }
            Ok(mac) if mac.is_multicast() => {
                let message = text!("{mac} is a multicast address (its first pair is odd)", mac);
                notes.blocker(topic(interface, "mac"), message, without("start it with 52:54:00, or leave it out"));
            }
            Ok(_) => {}
        }
    }
}

fn same(subject: &Subject, notes: &mut Notes) {
    let all: Vec<_> = addressed(subject).collect();
    for (index, (interface, mac)) in all.iter().enumerate() {
        notes.looked();
        if let Some((earlier, _)) = all.iter().take(index).find(|(_, earlier)| earlier == mac) {
            let message = text!("{mac} is already the address of {earlier}", mac, earlier = label(earlier));
            notes.blocker(topic(interface, "mac"), message, without("give each interface its own, or leave it out"));
        }
    }
}

fn taken(subject: &Subject, notes: &mut Notes) {
    for (interface, mac) in addressed(subject) {
        let what = text!("whether another domain has the address {mac}", mac);
        let Some(domains) = notes.known(&subject.facts.domains, || place(interface, "mac"), &what) else { continue };
        let text = mac.to_string();
        let Some(domain) = domains.iter().find(|domain| domain.macs.contains(&text)) else {
            continue;
        };
        let state = if domain.state == DomainState::Active { "running " } else { "" };
        let message = text!("{mac} already belongs to {state}domain {domain}", mac, state, domain = domain.name);
        let remedy = without("leave it out, and libvirt generates one");
        if domain.state == DomainState::Active {
            notes.blocker(topic(interface, "mac"), message, remedy);
        } else {
            notes.warning(topic(interface, "mac"), message, remedy);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, domain};
    use crate::facts::{Domain, DomainState, Fact};
    use serde_json::json;

    fn macs(macs: &[&str]) -> Asked {
        let rows: Vec<_> = macs.iter().map(|mac| json!({"mac": mac})).collect();
        Asked::with(json!({"networks": rows}))
    }

    #[test]
    fn an_address_is_six_pairs_for_one_receiver() {
        macs(&["52:54:00:00:00"]).said("MAC-INVALID").blocker();
        let want = "network 0: 01:00:5e:00:00:01 is a multicast address (its first pair is odd)";
        macs(&["01:00:5e:00:00:01"]).blocks("MAC-INVALID", "networks[0].mac", want);
        macs(&["52-54-00-00-00-01"]).passes("MAC-INVALID");
        Asked::good().quiet("MAC-INVALID");
    }

    #[test]
    fn each_interface_has_its_own() {
        let want = "network 1: 52:54:00:00:00:0a is already the address of network 0";
        macs(&["52:54:00:00:00:0a", "52:54:00:00:00:0A"]).blocks("MAC-SAME", "networks[1].mac", want);
        macs(&["52:54:00:00:00:0a", "52:54:00:00:00:0b"]).passes("MAC-SAME");
    }

    #[test]
    fn no_other_domain_has_it() {
        let with = |state| {
            let other = Domain { macs: vec!["52:54:00:00:00:0a".into()], state, ..domain("web") };
            macs(&["52:54:00:00:00:0A"]).beside(other)
        };
        with(DomainState::Active).blocks(
            "MAC-TAKEN",
            "networks[0].mac",
            "network 0: 52:54:00:00:00:0a already belongs to running domain web",
        );
        with(DomainState::Inactive).said("MAC-TAKEN").warning();
        macs(&["52:54:00:00:00:0b"]).passes("MAC-TAKEN");
        macs(&["52:54:00:00:00:0b"]).facts(|facts| facts.domains = Fact::default()).unknown("MAC-TAKEN");
    }
}
