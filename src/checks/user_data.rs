//! Checks of the documents of the seed by cloud-init's own rules. Messages hold lines, names of accounts and of settings, and
//! no values: these may be secrets.

use super::text::{Arg, Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::spec::cloud_init::CloudDocuments;
use crate::spec::cloud_init::user_data::{Account, Accounts, UserDataKind, accounts, is_hash, kind, setting};
use crate::spec::suggest::nearest;
use crate::spec::yaml::{YamlNode, YamlValue};
use crate::spec::{CloudInit, Place};

pub(super) static CHECKS: &[&Check] = &[&CLOUD_DOCUMENT, &CLOUD_HEADER, &CLOUD_LOGIN, &CLOUD_PASSWORD, &CLOUD_SETTING];

static CLOUD_DOCUMENT: Check = Check {
    code: "CLOUD-DOCUMENT",
    title: "cloud-init documents can be read",
    explain: "user_data that begins with #cloud-config, meta_data and network_config are YAML, and a mapping at the top: \
              names with values. cloud-init ignores a document that it cannot read, with a message in the guest's log \
              only. The message here has line and column. Usual causes are tabs, a colon within a plain text, and wrong \
              indentation.",
    run: Some(document),
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

static CLOUD_LOGIN: Check = Check {
    code: "CLOUD-LOGIN",
    title: "cloud-init lets an account log in",
    explain: "An account can be used with an SSH key, or with a password that is not locked. cloud-init locks the password \
              of each account in `users` unless it has `lock_passwd: false`. Keys and a password at the top level are for \
              the image's default account, which is there only if `users` is absent or lists `default`. SSH takes \
              passwords only with `ssh_pwauth: true`; without it they are for the console. Accounts of the \
              image are not known here.",
    run: Some(login),
    ..Check::VM
};

static CLOUD_PASSWORD: Check = Check {
    code: "CLOUD-PASSWORD",
    title: "user_data has no password in plain text",
    explain: "The seed volume stays with the VM. A password in it can be read by everyone who can read the volume, and \
              in the guest below /var/lib/cloud. Use a hash (mkpasswd --method=SHA-512), or SSH keys. passwd and \
              hashed_passwd take only a hash: a plain text there fits no password.",
    run: Some(password),
    ..Check::VM
};

static CLOUD_SETTING: Check = Check {
    code: "CLOUD-SETTING",
    title: "user_data has settings of cloud-init",
    explain: "A setting that cloud-init does not have is ignored, and one of the wrong kind makes its module fail. An item \
              of runcmd or bootcmd is a text, or a list of texts: a colon followed by a blank makes a mapping of a plain \
              text, and then cloud-init runs none of the commands, so put the line in quotes. Networks are never \
              configured by user-data: that is the document network_config.",
    run: Some(settings),
    ..Check::VM
};

fn place(key: &str) -> Place {
    field("cloud_init").key(key)
}

fn asked<'a>(subject: &Subject<'a>) -> Option<&'a CloudInit> {
    subject.spec.cloud_init.as_ref()
}

fn user_data<'a>(subject: &Subject<'a>) -> Option<&'a str> {
    asked(subject)?.user_data.as_deref()
}

/// The cloud-config, where user-data is one that can be read.
fn cloud_config<'s>(subject: &'s Subject) -> Option<&'s YamlNode> {
    subject.documents().user_data.as_ref()?.as_ref().ok()
}

fn document(subject: &Subject, notes: &mut Notes) {
    let CloudDocuments { user_data, meta_data, network_config } = subject.documents();
    let all = [("user_data", user_data), ("meta_data", meta_data), ("network_config", network_config)];
    for (name, read) in all.into_iter().filter_map(|(name, read)| Some((name, read.as_ref()?))) {
        notes.looked();
        match read {
            Err(fault) => {
                let message = text!("cloud_init.{name} is not YAML: {fault}", name, fault = Arg::shown(fault));
                notes.blocker(place(name), message, "correct the line, or put texts with a colon in quotes");
            }
            Ok(YamlNode { value: YamlValue::Null | YamlValue::Map(_), .. }) if name != "network_config" => {}
            Ok(YamlNode { value: YamlValue::Map(_), .. }) => {}
            Ok(root) => {
                let message =
                    text!("cloud_init.{name} is {kind}, but cloud-init takes a mapping", name, kind = root.kind());
                notes.blocker(place(name), message, "write names with values, such as version: 2");
            }
        }
        for (key, line) in read.iter().flat_map(YamlNode::doubles) {
            let message = text!(
                "cloud_init.{name} has {key} twice: that of line {line} counts",
                name,
                key = Arg::quoted(key),
                line
            );
            notes.warning(place(name), message, "remove one of them");
        }
    }
}

fn header(subject: &Subject, notes: &mut Notes) {
    let Some(data) = user_data(subject) else { return };
    notes.looked();
    if kind(data) == UserDataKind::Ignored {
        let message = "cloud_init.user_data does not start with a header that cloud-init supports, so it is ignored";
        notes.warning(place("user_data"), message, "make #cloud-config the first line");
    }
}

fn login(subject: &Subject, notes: &mut Notes) {
    let Some(cloud) = asked(subject) else { return };
    let Some(data) = cloud.user_data.as_deref() else { return by_fields(subject, cloud, notes) };
    match kind(data) {
        // What cloudbase-init makes of accounts in Windows is another matter.
        _ if subject.machine.windows => {}
        UserDataKind::CloudConfig => {
            if let Some(config) = cloud_config(subject) {
                by_document(&accounts(config, has_keys(subject)), notes);
            }
        }
        UserDataKind::Other(what) => {
            notes.unknown(place("user_data"), "whether an account can log in", text!("user_data is {what}", what));
        }
        UserDataKind::Ignored => {}
    }
}

/// True where the meta-data bring keys for the default account.
fn has_keys(subject: &Subject) -> bool {
    let meta_data = subject.documents().meta_data.as_ref().and_then(|read| read.as_ref().ok());
    meta_data.is_some_and(|root| root.get("public-keys").is_some_and(YamlNode::is_set))
}

fn by_fields(subject: &Subject, cloud: &CloudInit, notes: &mut Notes) {
    notes.looked();
    let has_key = cloud.ssh_authorized_keys.as_ref().is_some_and(|keys| !keys.is_empty());
    if has_key || cloud.password_file.is_some() || cloud.password_hash.is_some() {
        return;
    }
    if cloud.user.is_some() {
        let message = "cloud_init.user has no password and no SSH key, so login is impossible";
        notes.warning(place("user"), message, "add a public key to ssh_authorized_keys, or a password_file");
    } else if !has_keys(subject) {
        notes.info(field("cloud_init"), ONLY_THE_IMAGE, "add user and ssh_authorized_keys if it has none");
    }
}

const ONLY_THE_IMAGE: &str = "cloud_init gives no account a key or a password: only accounts of the image can log in";

fn by_document(accounts: &Accounts, notes: &mut Notes) {
    notes.looked();
    let place = || place("user_data");
    if let Some(line) = accounts.lost {
        let message = text!(
            "cloud_init.user_data has a key or password in line {line} for the image's default account, which users leaves out",
            line
        );
        notes.warning(place(), message, "add default to users, or move it to an account");
    }
    let named = || accounts.all.iter().filter(|account| !account.name.is_empty());
    if !accounts.all.iter().any(Account::can_log_in) {
        let all = named().chain(accounts.all.iter().filter(|account| account.name.is_empty() && account.has_password));
        let all: Vec<Text> = all.map(why_not).collect();
        if all.is_empty() {
            notes.info(place(), ONLY_THE_IMAGE, "add ssh_authorized_keys if it has none");
        } else {
            let message = text!("login is impossible by cloud_init.user_data: {all}", all = Arg::all(all));
            notes.warning(place(), message, "write lock_passwd: false beside the password, or add ssh_authorized_keys");
        }
        return;
    }
    for account in accounts.all.iter().filter(|account| account.has_password && !account.can_log_in()) {
        let message = text!("cloud_init.user_data: {why}", why = why_not(account));
        notes.warning(place(), message, "write lock_passwd: false beside the password, or add ssh_authorized_keys");
    }
    if !accounts.all.iter().any(|account| account.has_key) && accounts.ssh_passwords != Some(true) {
        let enterable = accounts.all.iter().filter(|account| account.can_log_in()).map(name);
        let message =
            text!("{names} can log in at the console only: SSH takes no passwords here", names = Arg::all(enterable));
        notes.info(place(), message, "write ssh_pwauth: true, or add ssh_authorized_keys, if SSH is meant");
    }
}

fn name(account: &Account) -> Text {
    match account.name.as_str() {
        "" => "the image's default account".into(),
        name => text!("account {name}", name = Arg::quoted(name)),
    }
}

fn why_not(account: &Account) -> Text {
    let (name, line) = (name(account), account.line);
    if account.has_password {
        text!("{name} (line {line}) is locked, as cloud-init does by default", name, line)
    } else {
        text!("{name} (line {line}) has neither password nor key", name, line)
    }
}

fn password(subject: &Subject, notes: &mut Notes) {
    let Some(data) = user_data(subject) else { return };
    notes.looked();
    let Some(config) = cloud_config(subject) else {
        if let Some(line) = data.lines().position(is_plain) {
            plain_text(line + 1, notes);
        }
        return;
    };
    let (plain, unfit) = passwords(config);
    if let Some(line) = plain.first() {
        plain_text(*line, notes);
    }
    for line in unfit.iter().filter(|_| !subject.machine.windows) {
        let message = text!(
            "cloud_init.user_data has a password in line {line} that is not a hash, so no password matches it",
            line
        );
        notes.warning(place("user_data"), message, "write a hash (mkpasswd --method=SHA-512)");
    }
}

fn plain_text(line: usize, notes: &mut Notes) {
    let message = text!("cloud_init.user_data has a plain-text password in line {line}", line);
    notes.warning(place("user_data"), message, "write a hash (mkpasswd --method=SHA-512), or use SSH keys");
}

/// A line of a document that is not read as YAML.
fn is_plain(line: &str) -> bool {
    let line = line.trim_start_matches(['-', ' ', '\t']);
    let value = ["plain_text_passwd:", "password:"].iter().find_map(|key| line.strip_prefix(key));
    let value = value.map(|value| value.trim_matches([' ', '"', '\'']));
    value.is_some_and(|value| !value.is_empty() && !value.starts_with('$'))
}

/// Lines with passwords in plain text, and those with a plain text where only a hash is taken.
fn passwords(config: &YamlNode) -> (Vec<usize>, Vec<usize>) {
    let (mut plain, mut unfit) = (Vec::new(), Vec::new());
    let written = |node: &YamlNode| node.is_set() && !node.text().is_some_and(is_hash);
    let users = config.get("users");
    let users = users.iter().flat_map(|users| users.items().iter().chain(users.members().iter().map(|(_, user)| user)));
    for user in users {
        plain.extend(setting(user, "plain_text_passwd").filter(|node| node.is_set()).map(|node| node.line));
        for hash in ["passwd", "hashed_passwd"].iter().filter_map(|key| setting(user, key)) {
            let locked = hash.text().is_some_and(|text| text.starts_with(['!', '*']));
            unfit.extend((written(hash) && !locked).then_some(hash.line));
        }
    }
    plain.extend(config.get("password").filter(|node| written(node)).map(|node| node.line));
    let chpasswd = config.get("chpasswd");
    for user in chpasswd.and_then(|chpasswd| chpasswd.get("users")).iter().flat_map(|users| users.items()) {
        let Some(password) = user.get("password").filter(|node| written(node)) else { continue };
        match user.get("type").and_then(YamlNode::text) {
            Some("text") => plain.push(password.line),
            Some("RANDOM") => {}
            _ => unfit.push(password.line),
        }
    }
    if let Some(list) = chpasswd.and_then(|chpasswd| chpasswd.get("list")) {
        let lines = list.text().unwrap_or_default().lines().map(|line| (list.line, line));
        let items = list.items().iter().filter_map(|item| Some((item.line, item.text()?)));
        let pairs = lines.chain(items).filter_map(|(line, text)| Some((line, text.split_once(':')?.1)));
        plain.extend(
            pairs.filter(|(_, word)| !is_hash(word) && !matches!(*word, "R" | "RANDOM" | "")).map(|(line, _)| line),
        );
    }
    plain.sort_unstable();
    (plain, unfit)
}

fn settings(subject: &Subject, notes: &mut Notes) {
    let Some(config) = cloud_config(subject) else { return };
    notes.looked();
    let warn = |notes: &mut Notes, message: Text, remedy: Text| notes.warning(place("user_data"), message, remedy);
    for (key, _) in config.members() {
        let Some(name) = key.text() else { continue };
        if name == "network" && config.get("autoinstall").is_none() {
            let message = text!("network in line {line} of cloud_init.user_data has no effect", line = key.line);
            warn(notes, message, "move it to cloud_init.network_config".into());
        } else if let Some(near) = nearest(name, SETTINGS).filter(|_| !SETTINGS.contains(&name)) {
            let message = text!(
                "cloud-init has no setting {name} (line {line} of cloud_init.user_data), so it is ignored",
                name = Arg::quoted(name),
                line = key.line
            );
            warn(notes, message, text!("did you mean {near}?", near));
        }
    }
    for name in LISTS {
        let Some(node) = config.get(name).filter(|node| node.is_set() && node.items().is_empty()) else { continue };
        let message = text!(
            "{name} in line {line} of cloud_init.user_data is {kind}, but cloud-init takes a list",
            name,
            line = node.line,
            kind = node.kind()
        );
        warn(notes, message, "begin each item with a dash".into());
    }
    for name in ["runcmd", "bootcmd"] {
        let items = config.get(name).map(YamlNode::items).unwrap_or_default();
        let refused =
            |item: &&YamlNode| !matches!(item.value, YamlValue::Text(_) | YamlValue::List(_) | YamlValue::Null);
        if let Some(item) = items.iter().find(refused) {
            let message = text!(
                "an item of {name} in line {line} of cloud_init.user_data is {kind}, so cloud-init runs none of them",
                name,
                line = item.line,
                kind = item.kind()
            );
            warn(notes, message, "put the whole command in quotes".into());
        }
    }
    for file in config.get("write_files").map(YamlNode::items).unwrap_or_default() {
        if file.get("path").and_then(YamlNode::text).is_none_or(|path| path.trim().is_empty()) {
            let message = text!("write_files in line {line} of cloud_init.user_data has no path", line = file.line);
            warn(notes, message, "add path: with an absolute path".into());
        }
    }
}

/// Settings that are lists.
const LISTS: [&str; 6] = ["runcmd", "bootcmd", "packages", "write_files", "mounts", "ssh_authorized_keys"];

/// The settings of cloud-init up to 25.1, from the schemas of its modules.
#[rustfmt::skip]
const SETTINGS: [&str; 104] = [
    "allow_public_ssh_keys", "ansible", "apk_repos", "apt", "apt_pipelining", "apt_reboot_if_required", "apt_update",
    "apt_upgrade", "authkey_hash", "autoinstall", "bootcmd", "byobu_by_default", "ca-certs", "ca_certs", "chef",
    "chpasswd", "cloud_config_modules", "cloud_final_modules", "cloud_init_modules", "create_hostname_file",
    "datasource", "datasource_list", "device_aliases", "disable_ec2_metadata", "disable_root", "disable_root_opts",
    "disk_setup", "drivers", "fan", "final_message", "fqdn", "fs_setup", "groups", "growpart", "grub-dpkg", "grub_dpkg",
    "hostname", "instance-data", "keyboard", "landscape", "launch-index", "locale", "locale_configfile", "log_cfgs",
    "lxd", "manage_etc_hosts", "manage_resolv_conf", "manual_cache_clean", "mcollective", "merge_how", "merge_type",
    "migrate", "mount_default_fields", "mounts", "network", "no_ssh_fingerprints", "ntp", "output",
    "package_reboot_if_required", "package_update", "package_upgrade", "packages", "password", "phone_home",
    "power_state", "prefer_fqdn_over_hostname", "preserve_hostname", "puppet", "random_seed", "reporting",
    "resize_rootfs", "resolv_conf", "rh_subscription", "rsyslog", "runcmd", "salt_minion", "snap", "spacewalk", "ssh",
    "ssh_authorized_keys", "ssh_deletekeys", "ssh_fp_console_blacklist", "ssh_genkeytypes", "ssh_import_id",
    "ssh_key_console_blacklist", "ssh_keys", "ssh_publish_hostkeys", "ssh_pwauth", "ssh_quiet_keygen", "swap",
    "system_info", "timezone", "ubuntu_advantage", "ubuntu_pro", "updates", "user", "users", "vendor_data", "version",
    "wireguard", "write_files", "yum_repo_dir", "yum_repos", "zypper",
];

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::json;

    fn config(text: &str) -> Asked {
        Asked::set("cloud_init", json!({"user_data": format!("#cloud-config\n{text}")}))
    }

    #[test]
    fn a_document_that_is_not_yaml_is_refused_with_its_line() {
        let said = config("users:\n\t- a\n").said("CLOUD-DOCUMENT").blocker();
        assert!(said.message.starts_with("cloud_init.user_data is not YAML: line 3, column "), "{}", said.message);
        let config_of = |text: &str| Asked::set("cloud_init", json!({"user": "a", "network_config": text}));
        let said = config_of("version: [2").said("CLOUD-DOCUMENT").blocker();
        assert!(said.message.starts_with("cloud_init.network_config is not YAML: line "), "{}", said.message);
        let want = "cloud_init.user_data is a list, but cloud-init takes a mapping";
        config("- a\n").blocks("CLOUD-DOCUMENT", "cloud_init.user_data", want);
        config_of("").said("CLOUD-DOCUMENT").blocker();
        let want = "cloud_init.user_data has 'packages' twice: that of line 3 counts";
        config("packages: [a]\npackages: [b]\n").warns("CLOUD-DOCUMENT", "cloud_init.user_data", want);
        config("").passes("CLOUD-DOCUMENT");
        Asked::set("cloud_init", json!({"user_data": "#!/bin/sh\n\t[ x"})).quiet("CLOUD-DOCUMENT");
    }

    #[test]
    fn user_data_without_a_header_is_pointed_out() {
        let asked = |text: &str| Asked::set("cloud_init", json!({"user_data": text}));
        asked("users: []").said("CLOUD-HEADER").warning();
        for head in ["#cloud-config\n", "#!/bin/sh\n", "Content-Type: multipart/mixed", "## template: jinja\n"] {
            asked(head).passes("CLOUD-HEADER");
        }
    }

    #[test]
    fn an_account_that_cloud_init_locks_is_named() {
        let want = "login is impossible by cloud_init.user_data: account 'ops' (line 3) is locked, as cloud-init does by default";
        let ops = "users:\n- name: ops\n  passwd: \"$6$rounds=4096$saltsalt$abcdefghijk./0123456789\"\n";
        config(ops).warns("CLOUD-LOGIN", "cloud_init.user_data", want);
        config(&format!("{ops}  lock_passwd: false\nssh_pwauth: true\n")).passes("CLOUD-LOGIN");
        let want = "account 'ops' can log in at the console only: SSH takes no passwords here";
        assert_eq!(config(&format!("{ops}  lock_passwd: false\n")).said("CLOUD-LOGIN").info().message, want);
        let beside = config(&format!("{ops}- name: eve\n  ssh_authorized_keys: [k]\n")).said("CLOUD-LOGIN").warning();
        assert_eq!(
            beside.message,
            "cloud_init.user_data: account 'ops' (line 3) is locked, as cloud-init does by default"
        );
        config("users: [{name: bob}]\n").said("CLOUD-LOGIN").warning();
        config("ssh_authorized_keys: [k]\n").passes("CLOUD-LOGIN");
        config("packages: [nginx]\n").said("CLOUD-LOGIN").info();
    }

    #[test]
    fn keys_for_an_account_that_is_not_made_are_pointed_out() {
        let said = config("users: [bob]\nssh_authorized_keys: [k]\n").said("CLOUD-LOGIN").warning();
        assert!(said.message.contains("in line 3 for the image's default account"), "{}", said.message);
    }

    #[test]
    fn what_cannot_be_told_from_the_document_is_not_checked() {
        Asked::set("cloud_init", json!({"user_data": "#!/bin/sh\n"})).unknown("CLOUD-LOGIN");
        let windows = json!({"os_type": "windows", "cloud_init": {"user_data": "#cloud-config\nusers: [{name: a}]\n"}});
        Asked::with(windows).quiet("CLOUD-LOGIN");
    }

    #[test]
    fn a_plain_password_is_pointed_out_and_not_repeated() {
        for text in [
            "password: hunter2\n",
            "users: [{name: a, plain_text_passwd: hunter2}]\n",
            "chpasswd: {list: ['a:hunter2']}\n",
            "chpasswd: {users: [{name: a, password: hunter2, type: text}]}\n",
        ] {
            let said = config(text).said("CLOUD-PASSWORD").warning();
            assert!(said.message.ends_with("in line 2") && !said.message.contains("hunter2"), "{}", said.message);
        }
        let want = "cloud_init.user_data has a password in line 3 that is not a hash, so no password matches it";
        config("users:\n- {name: a, passwd: hunter2}\n").warns("CLOUD-PASSWORD", "cloud_init.user_data", want);
        config("users:\n- {name: a, passwd: $6$a$abc}\n- {name: b, passwd: '*'}\n").passes("CLOUD-PASSWORD");
        config("chpasswd: {list: ['a:RANDOM', 'b:$6$a$abc']}\n").passes("CLOUD-PASSWORD");
        config("lock_passwd: true\n").passes("CLOUD-PASSWORD");
        let template = json!({"user_data": "## template: jinja\npassword: hunter2\n"});
        Asked::set("cloud_init", template).said("CLOUD-PASSWORD").warning();
    }

    #[test]
    fn a_setting_that_does_nothing_is_pointed_out() {
        let warns = |text: &str| config(text).said("CLOUD-SETTING").warning().message;
        assert!(warns("package: [a]\n").starts_with("cloud-init has no setting 'package' (line 2"));
        assert!(warns("network: {version: 2}\n").starts_with("network in line 2"));
        assert!(warns("packages: nginx\n").contains("is a text, but cloud-init takes a list"));
        let want = "an item of runcmd in line 4 of cloud_init.user_data is a mapping, so cloud-init runs none of them";
        assert_eq!(warns("runcmd:\n- ls\n- echo foo: bar\n"), want);
        assert!(warns("write_files:\n- content: x\n").ends_with("has no path"));
        config("runcmd:\n- ls\n- [a, b]\n- # nothing\nx_own: 1\n").passes("CLOUD-SETTING");
    }
}
