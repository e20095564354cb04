//! Checks of the simple fields of the first-boot configuration. Messages never hold a value: it may be a secret.

use super::note::{Topic, without};
use super::text::{Arg, text};
use super::{Check, Notes, Subject, password_file};
use crate::facts::media;
use crate::spec::cloud_init::user_data::is_hash;
use crate::spec::field::FIELDS;
use crate::spec::{CloudInit, Place};
use core::net::IpAddr;
use serde_json::Value;

pub(super) static CHECKS: &[&Check] = &[&CLOUD_ADDRESS, &CLOUD_CONFLICT, &CLOUD_KEY, &CLOUD_NAME, &CLOUD_SECRET];

static CLOUD_ADDRESS: Check = Check {
    code: "CLOUD-ADDRESS",
    title: "fixed addresses fit the network card",
    explain: "cloud_init.addresses are those of the first network card, each with the length of its prefix, such as \
              192.168.1.5/24. The gateway is in the network of one of them, or a link-local address; without addresses, \
              gateway and name servers come from DHCP and those fields have no effect. Further cards use DHCP.",
    run: Some(address),
    ..Check::VM
};

static CLOUD_CONFLICT: Check = Check {
    code: "CLOUD-CONFLICT",
    title: "cloud-init uses documents or fields",
    explain: "cloud_init takes either whole documents (user_data, meta_data, network_config) or the simple fields from \
              which they are made: hostname for meta_data, addresses, gateway and nameservers for network_config, all \
              others for user_data. With both, one would overwrite the other.",
    run: Some(conflict),
    ..Check::VM
};

static CLOUD_KEY: Check = Check {
    code: "CLOUD-KEY",
    title: "SSH keys are public keys",
    explain: "ssh_authorized_keys takes lines as they are in id_ed25519.pub: type, key, comment. Everyone who can read \
              the seed could use a private key. It belongs in its owner's home folder only; if it was exposed, make a \
              new key pair.",
    run: Some(key),
    ..Check::VM
};

static CLOUD_NAME: Check = Check {
    code: "CLOUD-NAME",
    title: "cloud-init names are valid",
    explain: "A user name starts with a lower-case letter or an underscore and consists of lower-case letters, digits, \
              dashes and underscores, at most 32. A host name consists of letters, digits and dashes in parts of at \
              most 63, separated by dots. Linux guests reject others, and cloud-init then continues without the \
              account or the name. A time zone is named by region and city, such as Europe/Paris, a locale as in \
              en_GB.UTF-8, and a package by one word.",
    run: Some(name),
    ..Check::VM
};

static CLOUD_SECRET: Check = Check {
    code: "CLOUD-SECRET",
    title: "cloud-init password comes from file or hash",
    explain: "cloud_init.password_file names a file on the machine where vmbuild runs. Its first line is read when the VM is \
              built, and only its SHA-512 hash is written into the seed. password_hash is such a hash itself: mkpasswd \
              --method=SHA-512 prints it. A password in plain text is never taken, because specs, drafts and templates \
              are stored. Give one of the two.",
    run: Some(secret),
    ..Check::VM
};

fn place(field: &str) -> Place {
    Place::root().key("cloud_init").key(field)
}

fn asked<'a>(subject: &Subject<'a>) -> Option<&'a CloudInit> {
    subject.spec.cloud_init.as_ref()
}

/// The documents, which exclude the fields that they are made from.
const DOCUMENTS: [&str; 3] = ["user_data", "meta_data", "network_config"];

/// The document that is made from a field.
fn document_from(field: &str) -> &'static str {
    match field {
        "hostname" => "meta_data",
        "addresses" | "gateway" | "nameservers" => "network_config",
        _ => "user_data",
    }
}

fn conflict(subject: &Subject, notes: &mut Notes) {
    let Some(cloud) = asked(subject) else { return };
    notes.looked();
    if [&cloud.user_data, &cloud.meta_data, &cloud.network_config].iter().all(|document| document.is_none()) {
        return;
    }
    let Ok(Value::Object(set)) = serde_json::to_value(cloud) else { return };
    let fields = FIELDS.iter().filter_map(|field| field.path.strip_prefix("cloud_init."));
    for field in fields.filter(|field| set.contains_key(*field) && !DOCUMENTS.contains(field)) {
        let document = document_from(field);
        if set.contains_key(document) {
            let message = text!("cloud_init.{field} and cloud_init.{document} exclude each other", field, document);
            notes.blocker(place(field), message, text!("write it in {document}, or remove {document}", document));
        }
    }
}

const KEY_TYPES: [&str; 4] = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"];

fn key(subject: &Subject, notes: &mut Notes) {
    let keys = asked(subject).and_then(|cloud| cloud.ssh_authorized_keys.as_deref()).unwrap_or_default();
    for (row, key) in keys.iter().enumerate() {
        notes.looked();
        let place = place("ssh_authorized_keys").index(row);
        let known = |word: &str| KEY_TYPES.iter().any(|kind| word.starts_with(kind));
        // Options may stand before the type.
        let mut words = key.split_whitespace();
        let has_key = words.by_ref().any(known) && words.next().is_some_and(|key| key.starts_with("AAAA"));
        if key.contains("PRIVATE KEY") {
            let message = text!("cloud_init.ssh_authorized_keys[{row}] is a private key", row);
            notes.blocker(
                place,
                message,
                "use the line of the .pub file, and make a new key pair if this one was exposed",
            );
        } else if !has_key || key.trim().contains('\n') {
            let message = text!("cloud_init.ssh_authorized_keys[{row}] is not one line with a public key", row);
            notes.warning(place, message, "use the line of the .pub file, such as ssh-ed25519 AAAA... name");
        }
    }
}

fn address(subject: &Subject, notes: &mut Notes) {
    let Some(cloud) = asked(subject) else { return };
    let addresses = cloud.addresses.as_deref().unwrap_or_default();
    let read: Vec<Option<Subnet>> = addresses.iter().map(|address| Subnet::read(address)).collect();
    for (row, address) in addresses.iter().enumerate().filter(|(row, _)| matches!(read.get(*row), Some(None))) {
        let message =
            text!("{address} is not an address with the length of its prefix", address = Arg::quoted(address));
        notes.blocker(place("addresses").index(row), message, "write it as in 192.168.1.5/24");
    }
    if !addresses.is_empty() {
        notes.looked();
        if subject.machine.interfaces.is_empty() {
            let message = "cloud_init.addresses has no effect: the VM has no network card";
            notes.blocker(place("addresses"), message, "add a row to networks");
        }
    }
    if let Some(gateway) = &cloud.gateway {
        match gateway.trim().parse::<IpAddr>() {
            Err(_) => {
                let message = text!("cloud_init.gateway {gateway} is not an address", gateway = Arg::quoted(gateway));
                notes.blocker(place("gateway"), message, "write it as in 192.168.1.1");
            }
            Ok(_) if addresses.is_empty() => without_addresses("gateway", notes),
            Ok(at) if !is_link_local(at) && !read.iter().flatten().any(|network| network.holds(at)) => {
                let message = text!("cloud_init.gateway {gateway} is in no network of cloud_init.addresses", gateway);
                notes.warning(place("gateway"), message, "correct the gateway, or the length of the prefix");
            }
            Ok(_) => notes.looked(),
        }
    }
    let servers = cloud.nameservers.as_deref().unwrap_or_default();
    for (row, server) in servers.iter().enumerate().filter(|(_, server)| server.trim().parse::<IpAddr>().is_err()) {
        let message = text!("name server {server} is not an address", server = Arg::quoted(server));
        notes.blocker(place("nameservers").index(row), message, "write its address, such as 9.9.9.9");
    }
    if addresses.is_empty() && !servers.is_empty() {
        without_addresses("nameservers", notes);
    }
}

fn without_addresses(field: &'static str, notes: &mut Notes) {
    let message = text!("cloud_init.{field} has no effect without cloud_init.addresses", field);
    notes.warning(place(field), message, without("add addresses, or leave it out"));
}

/// An address with the length of its prefix.
struct Subnet {
    bits: u128,
    /// Bits of an address of the family: 32 or 128.
    width: u32,
    prefix: u32,
}

impl Subnet {
    fn read(text: &str) -> Option<Self> {
        let (address, prefix) = text.trim().split_once('/')?;
        let (bits, width) = bits(address.parse().ok()?);
        let prefix = prefix.parse().ok().filter(|prefix| (1..=width).contains(prefix))?;
        Some(Self { bits, width, prefix })
    }

    fn holds(&self, address: IpAddr) -> bool {
        let (bits, width) = bits(address);
        width == self.width && (bits ^ self.bits) >> (width - self.prefix) == 0
    }
}

/// The bits of an address, and how many there are.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.segments()[0] & 0xffc0 == 0xfe80)
}

fn secret(subject: &Subject, notes: &mut Notes) {
    let Some(cloud) = asked(subject) else { return };
    if let Some(path) = subject.machine.seed_password.as_deref() {
        notes.looked();
        let topic = Topic::from(place("password_file"));
        password_file::judge(path, &topic, media::LONGEST_PASSWORD, "vmbuild reads", subject, notes);
    }
    if let Some(hash) = &cloud.password_hash {
        notes.looked();
        if !is_hash(hash.trim()) {
            let message = "cloud_init.password_hash is not the hash of a password";
            notes.blocker(
                place("password_hash"),
                message,
                "write what mkpasswd --method=SHA-512 prints, or use password_file",
            );
        } else if cloud.password_file.is_some() {
            let message = "cloud_init.password_file and cloud_init.password_hash exclude each other";
            notes.blocker(place("password_hash"), message, "remove one of them");
        }
    }
}

const LONGEST_USER: usize = 32;
const LONGEST_LABEL: usize = 63;

fn name(subject: &Subject, notes: &mut Notes) {
    let Some(cloud) = asked(subject) else { return };
    if let Some(user) = &cloud.user {
        notes.looked();
        let first = user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let rest = user.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if !first || !rest || user.len() > LONGEST_USER {
            let message = "cloud_init.user is not a user name that Linux guests accept";
            notes.blocker(place("user"), message, "use at most 32 lower-case letters, digits, dashes and underscores");
        }
    }
    if let Some(hostname) = &cloud.hostname {
        notes.looked();
        let label = |label: &str| {
            let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            plain && (1..=LONGEST_LABEL).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        };
        if !hostname.split('.').all(label) {
            let message = "cloud_init.hostname is not a host name";
            notes.blocker(place("hostname"), message, "use letters, digits and dashes, with dots between the parts");
        }
    }
    let word = |text: &str, more: &[u8]| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
        !text.is_empty() && text.bytes().all(fits)
    };
    let zone = |zone: &str| word(zone, b"_+-/") && !zone.starts_with('/') && !zone.ends_with('/');
    let texts = [
        (
            "timezone",
            cloud.timezone.as_deref(),
            zone(cloud.timezone.as_deref().unwrap_or_default().trim()),
            "Europe/Paris",
        ),
        (
            "locale",
            cloud.locale.as_deref(),
            word(cloud.locale.as_deref().unwrap_or_default().trim(), b"_-.@"),
            "en_GB.UTF-8",
        ),
    ];
    for (key, text, fits, example) in texts {
        let Some(text) = text else { continue };
        notes.looked();
        if !fits {
            let message =
                text!("cloud_init.{key} {text} is not a name that Linux guests have", key, text = Arg::quoted(text));
            notes.blocker(place(key), message, text!("write it as in {example}", example));
        }
    }
    for (row, package) in cloud.packages.iter().flatten().enumerate() {
        notes.looked();
        if !word(package.trim(), b"_-.+:@=~/*^") || package.trim().starts_with('-') {
            let message = text!("{package} is not the name of a package", package = Arg::quoted(package));
            notes.blocker(place("packages").index(row), message, "write one package in each row");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DOCUMENTS, document_from};
    use crate::checks::fixture::Asked;
    use crate::facts::{MediaFile, MediaKind, Password, SecretFile};
    use crate::spec::field::FIELDS;
    use crate::spec::grammar::Grammar;
    use serde_json::{Value, json};

    fn cloud(fields: Value) -> Asked {
        Asked::set("cloud_init", fields)
    }

    #[test]
    fn documents_and_simple_fields_exclude_each_other() {
        let want = "cloud_init.user and cloud_init.user_data exclude each other";
        cloud(json!({"user": "joe", "user_data": "#cloud-config"})).blocks("CLOUD-CONFLICT", "cloud_init.user", want);
        cloud(json!({"hostname": "a", "meta_data": "{}"})).said("CLOUD-CONFLICT").blocker();
        cloud(json!({"hostname": "a", "user_data": "#cloud-config"})).passes("CLOUD-CONFLICT");
        for field in FIELDS.iter().filter(|field| field.path.starts_with("cloud_init.")) {
            let key = field.path.trim_start_matches("cloud_init.");
            if !DOCUMENTS.contains(&key) {
                let value = if field.grammar == Grammar::List { json!(["x"]) } else { json!("x") };
                let both = Value::Object(
                    [(key.to_owned(), value), (document_from(key).to_owned(), json!("a: 1"))].into_iter().collect(),
                );
                cloud(both).said("CLOUD-CONFLICT").blocker();
            }
        }
        Asked::good().quiet("CLOUD-CONFLICT");
    }

    #[test]
    fn a_private_key_is_refused_and_not_repeated() {
        let key = |key: &str| cloud(json!({"user": "joe", "ssh_authorized_keys": [key]}));
        let said = key("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r").said("CLOUD-KEY").blocker();
        assert!(!said.message.contains("b3Blb"));
        key("joe@example").said("CLOUD-KEY").warning();
        key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 joe").passes("CLOUD-KEY");
        key("no-pty,command=\"/bin/ls -l\" ssh-rsa AAAAB3NzaC1yc2E joe").passes("CLOUD-KEY");
    }

    #[test]
    fn an_account_without_a_way_in_is_pointed_out() {
        cloud(json!({"user": "joe"})).said("CLOUD-LOGIN").warning();
        cloud(json!({"user": "joe", "ssh_authorized_keys": ["ssh-rsa AAAA"]})).passes("CLOUD-LOGIN");
    }

    #[test]
    fn fixed_addresses_have_a_prefix_and_a_gateway_that_they_reach() {
        let with = |more: Value| {
            let mut fields = json!({"addresses": ["192.168.1.5/24"]});
            fields
                .as_object_mut()
                .into_iter()
                .for_each(|all| all.extend(more.as_object().cloned().unwrap_or_default()));
            cloud(fields)
        };
        with(json!({"gateway": "192.168.1.1", "nameservers": ["9.9.9.9", "2620:fe::fe"]})).passes("CLOUD-ADDRESS");
        with(json!({"addresses": ["fd00::5/64"], "gateway": "fe80::1"})).passes("CLOUD-ADDRESS");
        let want = "'192.168.1.5' is not an address with the length of its prefix";
        cloud(json!({"addresses": ["192.168.1.5"]})).blocks("CLOUD-ADDRESS", "cloud_init.addresses[0]", want);
        with(json!({"gateway": "10.0.0.1"})).said("CLOUD-ADDRESS").warning();
        with(json!({"gateway": "fd00::1"})).said("CLOUD-ADDRESS").warning();
        with(json!({"gateway": "gw"})).said("CLOUD-ADDRESS").blocker();
        with(json!({"nameservers": ["dns.quad9.net"]})).said("CLOUD-ADDRESS").blocker();
        cloud(json!({"gateway": "10.0.0.1"})).said("CLOUD-ADDRESS").warning();
        let none = json!({"networks": [], "cloud_init": {"addresses": ["10.0.0.5/8"]}});
        Asked::with(none).said("CLOUD-ADDRESS").blocker();
        cloud(json!({"user": "joe"})).quiet("CLOUD-ADDRESS");
    }

    #[test]
    fn a_password_is_a_file_or_a_hash() {
        let hash = "$6$salt$hash";
        cloud(json!({"user": "joe", "password_hash": hash})).passes("CLOUD-SECRET").passes("CLOUD-LOGIN");
        let said = cloud(json!({"password_hash": "hunter2"})).said("CLOUD-SECRET").blocker();
        assert!(!said.message.contains("hunter2"));
        let file = |password| MediaFile {
            kind: MediaKind::File,
            secret: Some(SecretFile { password, mode: 0o600 }),
            ..MediaFile::default()
        };
        let from = || cloud(json!({"password_file": "/etc/ops.key"}));
        let known = |password| from().known_file("local:/etc/ops.key", file(password));
        known(Password::Long).passes("CLOUD-SECRET");
        let want = "password_file /etc/ops.key has an empty first line";
        known(Password::Empty).blocks("CLOUD-SECRET", "cloud_init.password_file", want);
        from().unknown("CLOUD-SECRET");
        let both = cloud(json!({"password_hash": hash, "password_file": "/etc/ops.key"}));
        both.said("CLOUD-SECRET").blocker();
    }

    #[test]
    fn names_are_ones_that_guests_take() {
        cloud(json!({"timezone": "Europe/Paris", "locale": "en_GB.UTF-8", "packages": ["g++"]})).passes("CLOUD-NAME");
        cloud(json!({"timezone": "/etc/passwd"})).said("CLOUD-NAME").blocker();
        cloud(json!({"locale": "en GB"})).said("CLOUD-NAME").blocker();
        cloud(json!({"packages": ["nginx curl"]})).said("CLOUD-NAME").blocker();
        cloud(json!({"user": "Joe"})).said("CLOUD-NAME").blocker();
        cloud(json!({"hostname": "web_1"})).said("CLOUD-NAME").blocker();
        cloud(json!({"hostname": "a..b"})).said("CLOUD-NAME").blocker();
        cloud(json!({"user": "joe-2", "hostname": "web-1.example.org"})).passes("CLOUD-NAME");
    }
}
