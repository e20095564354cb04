//! Checks of the first-boot configuration. Messages never hold a value: it may be a secret.

use super::text::text;
use super::{Check, Notes, Subject};
use crate::spec::{CloudInit, Place};

pub(super) static CHECKS: &[&Check] =
    &[&CLOUD_CONFLICT, &CLOUD_HEADER, &CLOUD_KEY, &CLOUD_LOGIN, &CLOUD_NAME, &CLOUD_PASSWORD];

static CLOUD_CONFLICT: Check = Check {
    code: "CLOUD-CONFLICT",
    title: "cloud-init uses documents or fields",
    explain: "cloud_init takes either whole documents (user_data, meta_data) or the simple fields from which they are \
              made: user and ssh_authorized_keys for user_data, hostname for meta_data. With both, one would overwrite \
              the other.",
    run: Some(conflict),
    ..Check::VM
};

static CLOUD_HEADER: Check = Check {
    code: "CLOUD-HEADER",
    title: "user_data starts with a known header",
    explain: "cloud-init recognises user-data by its first line: #cloud-config, #!/bin/sh, #include, a MIME header and \
              others. A document without one is ignored, with only a warning in the guest's log.",
    run: Some(header),
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

static CLOUD_LOGIN: Check = Check {
    code: "CLOUD-LOGIN",
    title: "cloud-init user can log in",
    explain: "The account is created without a password, so login is impossible without a public key. Add a key, or \
              write a whole user_data document.",
    run: Some(login),
    ..Check::VM
};

static CLOUD_NAME: Check = Check {
    code: "CLOUD-NAME",
    title: "cloud-init user and host name are valid",
    explain: "A user name starts with a lower-case letter or an underscore and consists of lower-case letters, digits, \
              dashes and underscores, at most 32. A host name consists of letters, digits and dashes in parts of at \
              most 63, separated by dots. Linux guests reject others, and cloud-init then continues without the \
              account or the name.",
    run: Some(name),
    ..Check::VM
};

static CLOUD_PASSWORD: Check = Check {
    code: "CLOUD-PASSWORD",
    title: "user_data has no password in plain text",
    explain: "The seed volume stays with the VM. A password in it can be read by everyone who can read the volume, and \
              in the guest below /var/lib/cloud. Use a hash (mkpasswd --method=SHA-512), or SSH keys.",
    run: Some(password),
    ..Check::VM
};

fn place(field: &str) -> Place {
    Place::root().key("cloud_init").key(field)
}

fn asked<'a>(subject: &Subject<'a>) -> Option<&'a CloudInit> {
    subject.spec.cloud_init.as_ref()
}

fn conflict(subject: &Subject, notes: &mut Notes) {
    let Some(cloud) = asked(subject) else { return };
    notes.looked();
    let simple = [
        ("user", cloud.user.is_some(), "user_data", cloud.user_data.is_some()),
        ("ssh_authorized_keys", cloud.ssh_authorized_keys.is_some(), "user_data", cloud.user_data.is_some()),
        ("hostname", cloud.hostname.is_some(), "meta_data", cloud.meta_data.is_some()),
    ];
    for (field, set, document, whole) in simple {
        if set && whole {
            let message = text!("cloud_init.{field} and cloud_init.{document} exclude each other", field, document);
            notes.blocker(place(field), message, text!("write it in {document}, or remove {document}", document));
        }
    }
}

const HEADERS: [&str; 7] =
    ["#cloud-", "#!", "#include", "#upstart-job", "#part-handler", "Content-Type:", "## template:"];

fn header(subject: &Subject, notes: &mut Notes) {
    let Some(data) = asked(subject).and_then(|cloud| cloud.user_data.as_deref()) else { return };
    notes.looked();
    let mime = data.starts_with("MIME-Version:") || data.starts_with("From ");
    if !mime && !HEADERS.iter().any(|header| data.starts_with(header)) {
        let message = "cloud_init.user_data does not start with a header that cloud-init supports, so it is ignored";
        notes.warning(place("user_data"), message, "make #cloud-config the first line");
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

fn login(subject: &Subject, notes: &mut Notes) {
    let Some(cloud) = asked(subject).filter(|cloud| cloud.user.is_some() && cloud.user_data.is_none()) else { return };
    notes.looked();
    if cloud.ssh_authorized_keys.as_ref().is_none_or(Vec::is_empty) {
        let message = "cloud_init.user has no password and no SSH key, so login is impossible";
        notes.warning(place("user"), message, "add a public key to ssh_authorized_keys");
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
}

const PASSWORDS: [&str; 2] = ["plain_text_passwd:", "password:"];

fn password(subject: &Subject, notes: &mut Notes) {
    let Some(data) = asked(subject).and_then(|cloud| cloud.user_data.as_deref()) else { return };
    notes.looked();
    let plain = |line: &str| {
        let line = line.trim_start_matches(['-', ' ', '\t']);
        let value =
            PASSWORDS.iter().find_map(|key| line.strip_prefix(key)).map(|value| value.trim_matches([' ', '"', '\'']));
        value.is_some_and(|value| !value.is_empty() && !value.starts_with('$'))
    };
    if let Some(line) = data.lines().position(plain) {
        let message = text!("cloud_init.user_data has a plain-text password in line {line}", line = line + 1);
        notes.warning(place("user_data"), message, "write a hash (mkpasswd --method=SHA-512), or use SSH keys");
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
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
        Asked::good().quiet("CLOUD-CONFLICT");
    }

    #[test]
    fn user_data_without_a_header_is_pointed_out() {
        cloud(json!({"user_data": "users: []"})).said("CLOUD-HEADER").warning();
        for head in ["#cloud-config\n", "#!/bin/sh\n", "Content-Type: multipart/mixed", "## template: jinja\n"] {
            cloud(json!({"user_data": head})).passes("CLOUD-HEADER");
        }
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
    fn names_are_ones_that_guests_take() {
        cloud(json!({"user": "Joe"})).said("CLOUD-NAME").blocker();
        cloud(json!({"hostname": "web_1"})).said("CLOUD-NAME").blocker();
        cloud(json!({"hostname": "a..b"})).said("CLOUD-NAME").blocker();
        cloud(json!({"user": "joe-2", "hostname": "web-1.example.org"})).passes("CLOUD-NAME");
    }

    #[test]
    fn a_plain_password_is_pointed_out_and_not_repeated() {
        let said = cloud(json!({"user_data": "#cloud-config\npassword: hunter2\n"})).said("CLOUD-PASSWORD").warning();
        assert!(said.message.ends_with("in line 2") && !said.message.contains("hunter2"));
        cloud(json!({"user_data": "#cloud-config\nusers:\n - password: $6$abc\n"})).passes("CLOUD-PASSWORD");
        cloud(json!({"user_data": "#cloud-config\nlock_passwd: true\n"})).passes("CLOUD-PASSWORD");
    }
}
