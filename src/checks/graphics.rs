//! Checks of the graphical consoles.

use super::note::{Remedy, Topic, without};
use super::row::RowName;
use super::text::{Arg, Joint, text};
use super::{Check, Notes, Subject, password_file};
use crate::facts::media;
use crate::machine::Console;
use crate::spec::{GraphicsKind, Place};
use core::net::IpAddr;

pub(super) static CHECKS: &[&Check] = &[
    &GRAPHICS_KIND,
    &GRAPHICS_NONE,
    &GRAPHICS_SAME,
    &GRAPHICS_ADDRESS,
    &GRAPHICS_PORT,
    &GRAPHICS_LISTEN,
    &GRAPHICS_PASSWORD,
    &GRAPHICS_WAY_IN,
];

pub(super) static GRAPHICS_KIND: Check = Check {
    code: "GRAPHICS-KIND",
    title: "QEMU supports the console type",
    explain: "Not every QEMU is built with SPICE: newer ones of Debian and Red Hat are not. A domain with a console \
              type that QEMU lacks cannot start. Use vnc.",
    run: Some(kind),
    ..Check::VM
};

static GRAPHICS_NONE: Check = Check {
    code: "GRAPHICS-NONE",
    title: "graphics 'none' is the only entry",
    explain: "The entry {\"type\": \"none\"} means no graphical console and no emulated video card. It contradicts a \
              vnc or spice entry, and it has neither address nor port.",
    run: Some(none),
    ..Check::VM
};

static GRAPHICS_SAME: Check = Check {
    code: "GRAPHICS-SAME",
    title: "one console of each kind",
    explain: "QEMU has one VNC and one SPICE server per VM. Several users can share the same one.",
    run: Some(same),
    ..Check::VM
};

pub(super) static GRAPHICS_ADDRESS: Check = Check {
    code: "GRAPHICS-ADDRESS",
    title: "consoles have a valid listen address",
    explain: "listen is an IP address of the host, such as 127.0.0.1 or ::1, or a host name that resolves to one. QEMU \
              cannot listen on an address that the host does not have, and the VM does not start. To listen on all of \
              the host's addresses write 0.0.0.0 or ::.",
    run: Some(address),
    ..Check::VM
};

static GRAPHICS_PORT: Check = Check {
    code: "GRAPHICS-PORT",
    title: "console ports are valid and distinct",
    explain: "VNC ports start at 5900, two consoles need different ports, and ports below 1024 are privileged. Leave \
              the port out, and libvirt takes a free one.",
    run: Some(port),
    ..Check::VM
};

static GRAPHICS_LISTEN: Check = Check {
    code: "GRAPHICS-LISTEN",
    title: "consoles are closed to the network",
    explain: "If a console without a password listens beyond the loopback address, everyone who can reach the port can \
              use the VM's keyboard and screen, before login and in the boot menu. Listen on 127.0.0.1 and connect \
              through SSH: `ssh -L 5900:127.0.0.1:5900 HOST`, or virt-viewer with qemu+ssh.",
    run: Some(listen),
    ..Check::VM
};

static GRAPHICS_PASSWORD: Check = Check {
    code: "GRAPHICS-PASSWORD",
    title: "console password files are usable",
    explain: "password_file names a file on the machine where vmbuild runs. Its first line is read when the VM is \
              built and given to libvirt with the definition; it is in no preview, plan, log, draft or preset. VNC \
              compares 8 characters and libvirt rejects more; SPICE supports 60. The file must be a regular file that \
              you can read and others cannot: chmod 600. A VNC password is weak, and the connection is not encrypted: \
              unless the network is yours alone, still listen on 127.0.0.1.",
    run: Some(password),
    ..Check::VM
};

static GRAPHICS_WAY_IN: Check = Check {
    code: "GRAPHICS-WAY-IN",
    title: "guest has a display or console",
    explain: "Without a graphical console and without a passed GPU, the guest can be reached only by its serial \
              console (`virsh console`) or over the network. Most installers show nothing on a serial console by \
              default.",
    run: Some(way_in),
    ..Check::VM
};

/// The place of a field of a console.
fn place(console: &Console, field: &str) -> Place {
    match console.row {
        Some(row) => Place::row("graphics", row, field),
        None => Place::root().key("graphics"),
    }
}

fn label(console: &Console) -> RowName {
    console.row.map_or(RowName::only("the default console"), |row| RowName::numbered("graphics", row))
}

/// A field of a console, with the name of its row.
fn topic(console: &Console, field: &str) -> Topic {
    Topic::from(place(console, field)).of(label(console))
}

fn kind(subject: &Subject, notes: &mut Notes) {
    for console in &subject.machine.consoles {
        let what = text!("whether QEMU supports {kind} graphics", kind = console.kind.name());
        let place = || place(console, "type");
        let Some(_) = notes.known(&subject.facts.domain_capabilities, place, &what) else { continue };
        match subject.capabilities().filter(|known| !known.graphics.is_empty()) {
            None => notes.unknown(place(), &what, "libvirt does not report it for this machine type"),
            Some(known) if !known.graphics.iter().any(|graphics| graphics == console.kind.name()) => {
                let message = text!("this host's QEMU does not support {kind} graphics", kind = console.kind.name());
                notes.blocker(topic(console, "type"), message, Remedy::from("use vnc").setting(place(), "vnc"));
            }
            Some(_) => {}
        }
    }
}

fn none(subject: &Subject, notes: &mut Notes) {
    let rows = subject.spec.graphics.as_deref().unwrap_or_default();
    let Some(row) = rows.iter().position(|graphics| graphics.kind == Some(GraphicsKind::None)) else { return };
    notes.looked();
    if rows.len() > 1 {
        let message = text!("'none' cannot be combined with {rows} other entries", rows = rows.len() - 1);
        notes.blocker(
            Topic::from(Place::row("graphics", row, "type")).of(RowName::numbered("graphics", row)),
            message,
            "remove it, or remove the others",
        );
    }
    for (row, graphics) in rows.iter().enumerate().filter(|(_, graphics)| graphics.kind == Some(GraphicsKind::None)) {
        let password = graphics.password_file.is_some();
        for (field, set) in
            [("listen", graphics.listen.is_some()), ("port", graphics.port.is_some()), ("password_file", password)]
        {
            if set {
                let message = text!("{field} has no effect for type none", field);
                notes.warning(
                    Topic::from(Place::row("graphics", row, field)).of(RowName::numbered("graphics", row)),
                    message,
                    without("remove it, or choose vnc"),
                );
            }
        }
    }
}

fn same(subject: &Subject, notes: &mut Notes) {
    let consoles = &subject.machine.consoles;
    for (index, console) in consoles.iter().enumerate() {
        notes.looked();
        if let Some(earlier) = consoles.iter().take(index).find(|earlier| earlier.kind == console.kind) {
            let message =
                text!("a second {kind} console, after {earlier}", kind = console.kind.name(), earlier = label(earlier));
            notes.blocker(topic(console, "type"), message, "remove one of them");
        }
    }
}

fn address(subject: &Subject, notes: &mut Notes) {
    for console in &subject.machine.consoles {
        notes.looked();
        let address = console.listen.value.trim();
        let host_name = address.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        if !host_name && address.parse::<IpAddr>().is_err() {
            let message = text!("{address} is not a valid listen address", address = Arg::quoted(address));
            notes.blocker(
                topic(console, "listen"),
                message,
                without("write an IP address such as 127.0.0.1, or leave it out"),
            );
        }
        if let Ok(address) = address.parse::<IpAddr>() {
            of_host(subject, notes, console, address);
        }
    }
}

/// QEMU listens on addresses of the host alone.
fn of_host(subject: &Subject, notes: &mut Notes, console: &Console, address: IpAddr) {
    if address.is_loopback() || address.is_unspecified() {
        return;
    }
    let what = text!("whether the host has the address {address}", address);
    let place = || place(console, "listen");
    let Some(networking) = notes.known(&subject.facts.networking, place, &what) else { return };
    let own: Vec<IpAddr> = networking.interfaces.iter().flat_map(|known| known.addresses.iter().copied()).collect();
    if own.contains(&address) {
        return;
    }
    let remedy = if own.is_empty() {
        without("leave it out, and the console is reached through SSH")
    } else {
        without(text!(
            "choose one of this host: {own}, or leave it out",
            own = Arg::list(Joint::Comma, own.iter().take(6))
        ))
    };
    notes.blocker(topic(console, "listen"), text!("the host does not have the address {address}", address), remedy);
}

const FIRST_VNC_PORT: u16 = 5900;
const FIRST_FREE_PORT: u16 = 1024;

fn port(subject: &Subject, notes: &mut Notes) {
    let consoles = &subject.machine.consoles;
    for (index, console) in consoles.iter().enumerate() {
        let Some(port) = console.port else { continue };
        notes.looked();
        let least = if console.kind == GraphicsKind::Vnc { FIRST_VNC_PORT } else { FIRST_FREE_PORT };
        if port < least {
            let message = text!(
                "port {port} is below {least}, the first port for {kind}",
                port,
                kind = console.kind.name(),
                least
            );
            notes.blocker(topic(console, "port"), message, without("leave the port out, and libvirt takes a free one"));
        } else if let Some(earlier) = consoles.iter().take(index).find(|earlier| earlier.port == Some(port)) {
            let message = text!("port {port} is already used by {earlier}", port, earlier = label(earlier));
            notes.blocker(topic(console, "port"), message, without("give each its own port, or leave the port out"));
        }
    }
}

fn listen(subject: &Subject, notes: &mut Notes) {
    for console in &subject.machine.consoles {
        notes.looked();
        let address = console.listen.value.trim();
        let local = address == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if local {
            continue;
        }
        let all = address.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
        let reach =
            if all { "every network of the host".into() } else { text!("everyone who can reach {address}", address) };
        if console.password_file.is_some() {
            let kind = console.kind.name();
            let message = text!("listens on {address}, protected by a {kind} password only", address, kind);
            let remedy = "the password is weak and the connection is not encrypted; listen on 127.0.0.1 and connect \
                          through SSH";
            notes.info(topic(console, "listen"), message, remedy);
            continue;
        }
        let remedy =
            Remedy::from("listen on 127.0.0.1 and connect through SSH").setting(place(console, "listen"), "127.0.0.1");
        let message = text!("listens on {address}, open to {reach} without a password", address, reach);
        notes.warning(topic(console, "listen"), message, remedy);
    }
}

fn password(subject: &Subject, notes: &mut Notes) {
    for console in &subject.machine.consoles {
        let Some(path) = console.password_file.as_deref() else { continue };
        notes.looked();
        let topic = topic(console, "password_file");
        let (most, kind) = if console.kind == GraphicsKind::Vnc {
            (media::VNC_PASSWORD, "VNC supports")
        } else {
            (media::SPICE_PASSWORD, "SPICE supports")
        };
        password_file::judge(path, &topic, most, kind, subject, notes);
    }
}

fn way_in(subject: &Subject, notes: &mut Notes) {
    notes.looked();
    let machine = subject.machine;
    if machine.consoles.is_empty() && !machine.slots.iter().any(crate::machine::GuestSlot::is_gpu) {
        let message = "no graphical console and no passed GPU: the guest can be seen only by serial console or network";
        notes.info(Place::root().key("graphics"), message, "add {\"type\": \"vnc\"}, or use virsh console");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::checks::fixture::{Asked, Said, known};
    use crate::facts::{Fact, HostInterface, MediaFile, MediaKind, Networking, Password, SecretFile};
    use serde_json::{Value, json};

    fn graphics(rows: Value) -> Asked {
        Asked::set("graphics", rows)
    }

    #[test]
    fn qemu_must_have_the_graphics() {
        let want = "graphics 0: this host's QEMU does not support spice graphics";
        graphics(json!([{"type": "spice"}])).blocks("GRAPHICS-KIND", "graphics[0].type", want);
        graphics(json!([{"type": "vnc"}])).passes("GRAPHICS-KIND");
        graphics(json!([{"type": "none"}])).quiet("GRAPHICS-KIND");
        let asked = graphics(json!([{"type": "spice"}]));
        asked.facts(|facts| facts.domain_capabilities = Fact::default()).unknown("GRAPHICS-KIND");
    }

    #[test]
    fn none_stands_alone() {
        graphics(json!([{"type": "vnc"}, {"type": "none"}])).said("GRAPHICS-NONE").blocker();
        graphics(json!([{"type": "none"}])).passes("GRAPHICS-NONE");
        let want = "graphics 0: listen has no effect for type none";
        graphics(json!([{"type": "none", "listen": "0.0.0.0"}])).warns("GRAPHICS-NONE", "graphics[0].listen", want);
    }

    #[test]
    fn one_console_of_each_kind() {
        let want = "graphics 1: a second vnc console, after graphics 0";
        graphics(json!([{}, {"type": "vnc"}])).blocks("GRAPHICS-SAME", "graphics[1].type", want);
        graphics(json!([{"type": "vnc"}, {"type": "spice"}])).passes("GRAPHICS-SAME");
    }

    #[test]
    fn consoles_listen_on_addresses() {
        let listen = |address: &str| graphics(json!([{"listen": address}]));
        for address in ["127.0.0.1", "::1", "0.0.0.0", "::", "host.example.org"] {
            listen(address).passes("GRAPHICS-ADDRESS");
        }
        listen("192.0.2.7").unknown("GRAPHICS-ADDRESS");
        let on_host = |address: &str| {
            let addresses = vec!["192.0.2.7".parse().unwrap()];
            let interface = HostInterface { name: "br0".into(), addresses, ..HostInterface::default() };
            let networking = Networking { interfaces: vec![interface], ..Networking::default() };
            listen(address).facts(|facts| facts.networking = known(networking))
        };
        on_host("192.0.2.7").passes("GRAPHICS-ADDRESS");
        let want = "graphics 0: the host does not have the address 192.0.2.8";
        on_host("192.0.2.8").blocks("GRAPHICS-ADDRESS", "graphics[0].listen", want);
        let want = "graphics 0: 'all of them' is not a valid listen address";
        listen("all of them").blocks("GRAPHICS-ADDRESS", "graphics[0].listen", want);
    }

    #[test]
    fn ports_are_in_range_and_differ() {
        let two = |first: u16, second: u16| {
            graphics(json!([{"type": "vnc", "port": first}, {"type": "vnc", "port": second}]))
        };
        two(5899, 5901).blocks(
            "GRAPHICS-PORT",
            "graphics[0].port",
            "graphics 0: port 5899 is below 5900, the first \
                                                                     port for vnc",
        );
        two(5900, 5900).blocks(
            "GRAPHICS-PORT",
            "graphics[1].port",
            "graphics 1: port 5900 is already used by graphics 0",
        );
        two(5900, 5901).passes("GRAPHICS-PORT");
        Asked::good().quiet("GRAPHICS-PORT");
    }

    #[test]
    fn an_open_console_is_pointed_out() {
        let listen = |address: &str| graphics(json!([{"type": "vnc", "listen": address}]));
        let Said { message, .. } = listen("0.0.0.0").said("GRAPHICS-LISTEN").warning();
        assert_eq!(message, "graphics 0: listens on 0.0.0.0, open to every network of the host without a password");
        listen("::").said("GRAPHICS-LISTEN").warning();
        listen("hv03.lan").said("GRAPHICS-LISTEN").warning();
        for local in ["127.0.0.1", "127.1.2.3", "::1", "localhost"] {
            listen(local).passes("GRAPHICS-LISTEN");
        }
        Asked::good().passes("GRAPHICS-LISTEN");
    }

    #[test]
    fn a_password_file_must_give_a_password() {
        let console = |kind: &str| graphics(json!([{"type": kind, "password_file": "/etc/vnc.key"}]));
        let with = |kind: &str, file: MediaFile| console(kind).known_file("local:/etc/vnc.key", file);
        let holding = |password: Password, mode: u32| MediaFile {
            kind: MediaKind::File,
            secret: Some(SecretFile { password, mode }),
            ..MediaFile::default()
        };
        let place = "graphics[0].password_file";
        for (file, why) in [
            (MediaFile::default(), "does not exist"),
            (MediaFile { kind: MediaKind::Folder, ..MediaFile::default() }, "is not a regular file"),
            (holding(Password::Unreadable, 0o600), "cannot be read by you"),
            (holding(Password::Empty, 0o600), "has an empty first line"),
            (holding(Password::NoText, 0o600), "has no text in its first line"),
            (holding(Password::Long, 0o600), "has a longer first line than VNC supports: 8 characters"),
        ] {
            let want = format!("graphics 0: password_file /etc/vnc.key {why}");
            with("vnc", file).blocks("GRAPHICS-PASSWORD", place, &want);
        }
        let want = "graphics 0: password_file /etc/vnc.key has a longer first line than SPICE supports: 60 characters";
        with("spice", holding(Password::TooLong, 0o600)).blocks("GRAPHICS-PASSWORD", place, want);
        with("spice", holding(Password::Long, 0o600)).passes("GRAPHICS-PASSWORD");
        with("vnc", holding(Password::Short, 0o400)).passes("GRAPHICS-PASSWORD");
        let want = "graphics 0: password_file /etc/vnc.key can be read by other users (mode 0640)";
        with("vnc", holding(Password::Short, 0o640)).warns("GRAPHICS-PASSWORD", place, want);
        console("vnc").unknown("GRAPHICS-PASSWORD");
        let relative = graphics(json!([{"type": "vnc", "password_file": "~/key"}]));
        let want = "graphics 0: password_file '~/key' is not an absolute path";
        relative.blocks("GRAPHICS-PASSWORD", place, want);
        graphics(json!([{"type": "vnc", "password_file": " "}])).quiet("GRAPHICS-PASSWORD");
        let none = json!([{"type": "none", "password_file": "/etc/vnc.key"}]);
        let want = "graphics 0: password_file has no effect for type none";
        graphics(none).warns("GRAPHICS-NONE", place, want);
    }

    #[test]
    fn an_open_console_with_a_password_is_told() {
        let open = json!([{"type": "vnc", "listen": "0.0.0.0", "password_file": "/etc/vnc.key"}]);
        let said = graphics(open).said("GRAPHICS-LISTEN").info();
        assert_eq!(said.message, "graphics 0: listens on 0.0.0.0, protected by a vnc password only");
    }

    #[test]
    fn a_guest_that_nobody_sees_is_worth_a_word() {
        graphics(json!([{"type": "none"}])).said("GRAPHICS-WAY-IN").info();
        let gpu = json!({"graphics": [{"type": "none"}], "pci_devices": [{"host_address": "0000:01:00.0"}]});
        Asked::with(gpu).passes("GRAPHICS-WAY-IN");
        Asked::good().passes("GRAPHICS-WAY-IN");
    }
}
