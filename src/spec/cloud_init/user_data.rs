//! The user-data document as cloud-init takes it: what kind of document its first line makes of it, and which accounts can
//! be logged in to, and how.

use crate::spec::yaml::YamlNode;

/// What a user-data document is, by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserDataKind {
    /// YAML with settings.
    CloudConfig,
    /// Something else that cloud-init supports, whose effect cannot be told from its settings: what it is.
    Other(&'static str),
    /// Nothing that cloud-init supports: it is ignored.
    Ignored,
}

/// The beginnings that cloud-init looks for, the longer ones before those that they begin with.
const BEGINNINGS: [(&str, UserDataKind); 11] = [
    ("#cloud-config-archive", UserDataKind::Other("an archive of documents")),
    ("#cloud-config-jsonp", UserDataKind::Other("a JSON patch")),
    ("#cloud-config", UserDataKind::CloudConfig),
    ("#cloud-boothook", UserDataKind::Other("a script")),
    ("#include", UserDataKind::Other("a list of addresses")),
    ("#upstart-job", UserDataKind::Other("an Upstart job")),
    ("#part-handler", UserDataKind::Other("a program")),
    ("#!", UserDataKind::Other("a script")),
    ("## template: jinja", UserDataKind::Other("a template")),
    ("mime-version:", UserDataKind::Other("a message of several parts")),
    ("content-type:", UserDataKind::Other("a message of several parts")),
];

/// Blanks before the first word and upper case make no difference to cloud-init.
pub fn kind(document: &str) -> UserDataKind {
    let beginning: String = document.trim_start().chars().take(32).collect::<String>().to_ascii_lowercase();
    let known = BEGINNINGS.iter().find(|(text, _)| beginning.starts_with(text));
    // The envelope of a mail may precede its headers.
    let mail = || document.starts_with("From ").then_some(UserDataKind::Other("a message of several parts"));
    known.map(|(_, kind)| *kind).or_else(mail).unwrap_or(UserDataKind::Ignored)
}

/// One account of the guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name; empty for the account that the image has by default.
    pub name: String,
    /// The line that speaks of it first.
    pub line: usize,
    /// A password is set.
    pub has_password: bool,
    /// The password is of no use: locked, as cloud-init does unless it is told otherwise.
    pub is_locked: bool,
    /// An SSH key can be used.
    pub has_key: bool,
}

impl Account {
    /// True where somebody with the password or the key gets in.
    pub fn can_log_in(&self) -> bool {
        self.has_key || (self.has_password && !self.is_locked)
    }
}

/// The accounts of a document, and what it does beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Those that it names, and the image's default account where it makes that.
    pub all: Vec<Account>,
    /// The line with keys or a password for the default account, where there is no such account.
    pub lost: Option<usize>,
    /// What it does about SSH logins by password; `None` leaves the image's own setting.
    pub ssh_passwords: Option<bool>,
}

/// What `config`, a cloud-config, makes of accounts; `has_keys`: the meta-data bring keys for the default account.
pub fn accounts(config: &YamlNode, has_keys: bool) -> Accounts {
    let mut accounts = Accounts { ssh_passwords: config.get("ssh_pwauth").map(is_true), ..Accounts::default() };
    let mut has_default = false;
    match config.get("users").filter(|users| users.is_set()) {
        None => has_default = config.get("users").is_none(),
        Some(users) => {
            for entry in entries(users) {
                match entry {
                    Entry::Default(settings) => {
                        has_default = true;
                        accounts.change("", settings.line, |account| account.settle(settings));
                    }
                    Entry::Named(name, settings) => {
                        accounts.change(&name, settings.line, |account| account.settle(settings));
                    }
                }
            }
        }
    }
    if let Some(user) = config.get("user").filter(|user| user.is_set()) {
        has_default = true;
        accounts.change("", user.line, |account| account.settle(user));
    }
    default_account(config, has_default, has_keys, &mut accounts);
    passwords(config, has_default, &mut accounts);
    accounts
}

/// Keys at the top level go to the default account, and to root where logins as root are not disabled.
fn default_account(config: &YamlNode, has_default: bool, has_keys: bool, accounts: &mut Accounts) {
    let keys =
        ["ssh_authorized_keys", "ssh_import_id"].iter().find_map(|key| config.get(key).filter(|keys| keys.is_set()));
    let line = keys.map_or(1, |keys| keys.line);
    if has_default {
        accounts.change("", line, |account| account.has_key |= has_keys || keys.is_some());
    } else if keys.is_some() {
        accounts.lost = Some(line);
    }
    let as_root = config.get("disable_root").is_some_and(|disabled| !is_true(disabled));
    if as_root && (keys.is_some() || has_keys) {
        accounts.change("root", line, |account| account.has_key = true);
    }
}

/// What the module that sets passwords does, after the accounts are made: it takes the lock off.
fn passwords(config: &YamlNode, has_default: bool, accounts: &mut Accounts) {
    let chpasswd = config.get("chpasswd");
    let part = |key: &str| chpasswd.and_then(|chpasswd| chpasswd.get(key)).filter(|part| part.is_set());
    let mut unlock = |name: &str, line: usize| {
        accounts.change(name, line, |account| (account.has_password, account.is_locked) = (true, false));
    };
    let mut any = false;
    for user in part("users").iter().flat_map(|users| users.items()) {
        if let Some(name) = user.get("name").and_then(YamlNode::text) {
            any = true;
            unlock(name, user.line);
        }
    }
    if let Some(list) = part("list") {
        let lines = list.text().unwrap_or_default().lines().chain(list.items().iter().filter_map(YamlNode::text));
        for (name, _) in lines.filter_map(|line| line.split_once(':')) {
            any = true;
            unlock(name.trim(), list.line);
        }
    }
    // A list of passwords takes the place of the one password.
    let Some(password) = config.get("password").filter(|password| password.is_set() && !any) else { return };
    if has_default {
        unlock("", password.line);
    } else if accounts.lost.is_none() {
        accounts.lost = Some(password.line);
    }
}

impl Accounts {
    /// Changes the account `name`, which is one more where it is not known yet.
    fn change(&mut self, name: &str, line: usize, change: impl FnOnce(&mut Account)) {
        if let Some(known) = self.all.iter_mut().find(|account| account.name == name) {
            return change(known);
        }
        let mut account = Account { name: name.to_owned(), line, is_locked: true, ..Account::default() };
        change(&mut account);
        self.all.push(account);
    }
}

impl Account {
    /// Takes over the settings of one entry of `users`.
    fn settle(&mut self, settings: &YamlNode) {
        let set = |keys: &[&str]| keys.iter().any(|key| setting(settings, key).is_some_and(YamlNode::is_set));
        self.has_password |= set(&["passwd", "hashed_passwd", "plain_text_passwd"]);
        self.has_key |= set(&["ssh_authorized_keys", "ssh_import_id"]);
        if let Some(lock) = setting(settings, "lock_passwd") {
            self.is_locked = lock.is_set();
        }
    }
}

/// A setting of an account; cloud-init takes dashes for underscores there.
pub fn setting<'a>(settings: &'a YamlNode, key: &str) -> Option<&'a YamlNode> {
    settings.get(key).or_else(|| settings.get(&key.replace('_', "-")))
}

/// One entry of `users`.
enum Entry<'a> {
    /// The image's default account.
    Default(&'a YamlNode),
    /// An account by its name.
    Named(String, &'a YamlNode),
}

/// The entries of `users`: a list of names and mappings, a mapping by name, or names between commas.
fn entries(users: &YamlNode) -> Vec<Entry<'_>> {
    let named = |name: &str, settings| match name.trim() {
        "default" => Entry::Default(settings),
        name => Entry::Named(name.to_owned(), settings),
    };
    let of_text = |node: &'_ YamlNode| -> Vec<String> {
        node.text().unwrap_or_default().split(',').map(str::to_owned).filter(|name| !name.trim().is_empty()).collect()
    };
    let by_name = users.named().filter(|(_, value)| value.is_set()).map(|(name, value)| named(name, value));
    let texts = of_text(users).into_iter().map(|name| named(&name, users));
    let items = users.items().iter().flat_map(|item| {
        let whole =
            item.members().first().map(|_| named(item.get("name").and_then(YamlNode::text).unwrap_or("default"), item));
        whole.into_iter().chain(of_text(item).into_iter().map(move |name| named(&name, item))).collect::<Vec<_>>()
    });
    by_name.chain(texts).chain(items).collect()
}

/// What cloud-init takes for true where it reads a word.
fn is_true(node: &YamlNode) -> bool {
    let word = node.text().map(str::to_ascii_lowercase);
    word.map_or_else(|| node.is_set(), |word| matches!(word.as_str(), "true" | "1" | "on" | "yes"))
}

/// True where `text` is the hash of a password as crypt writes it.
pub fn is_hash(text: &str) -> bool {
    let rest = text.strip_prefix('$').and_then(|rest| rest.split_once('$'));
    let method = |id: &str| matches!(id, "1" | "2a" | "2b" | "2y" | "5" | "6" | "7" | "y" | "gy" | "sha1");
    rest.is_some_and(|(id, rest)| method(id) && !rest.is_empty() && !text.contains([':', '\n', ' ']))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::spec::yaml;

    fn of(text: &str) -> Accounts {
        accounts(&yaml::read(text).unwrap(), false)
    }

    /// Each account with `password`, `locked` and `key` as far as they hold.
    fn told(text: &str) -> Vec<String> {
        let word = |holds: bool, word: &'static str| if holds { word } else { "" };
        of(text)
            .all
            .iter()
            .map(|account| {
                let words = [
                    word(account.has_password, " password"),
                    word(account.has_password && account.is_locked, " locked"),
                    word(account.has_key, " key"),
                ];
                format!("{}{}", account.name, words.concat())
            })
            .collect()
    }

    #[test]
    fn the_kind_follows_from_the_first_line() {
        assert_eq!(kind("#cloud-config\nusers: []"), UserDataKind::CloudConfig);
        assert_eq!(kind("\n  #Cloud-Config"), UserDataKind::CloudConfig);
        assert_eq!(kind("#cloud-conf\n"), UserDataKind::Ignored);
        assert_eq!(kind("# cloud-config\n"), UserDataKind::Ignored);
        assert_eq!(kind("#!/bin/sh\n"), UserDataKind::Other("a script"));
        assert_eq!(kind("#cloud-config-archive\n"), UserDataKind::Other("an archive of documents"));
        assert_eq!(kind("MIME-Version: 1.0\n"), UserDataKind::Other("a message of several parts"));
        assert_eq!(kind("From nobody Mon Nov 30\n"), UserDataKind::Other("a message of several parts"));
        assert_eq!(kind(""), UserDataKind::Ignored);
    }

    #[test]
    fn an_account_is_locked_unless_the_document_says_otherwise() {
        let with = |more: &str| told(&format!("users:\n- name: ops\n  passwd: $6$a$b\n{more}"));
        assert_eq!(with(""), ["ops password locked"]);
        assert_eq!(with("  lock_passwd: no\n"), ["ops password"]);
        assert_eq!(with("  lock-passwd: false\n"), ["ops password"]);
        // A word in quotes is no truth value: Python takes any text for true.
        assert_eq!(with("  lock_passwd: 'false'\n"), ["ops password locked"]);
        assert_eq!(with("chpasswd: {users: [{name: ops, password: x}]}\n"), ["ops password"]);
        assert_eq!(with("chpasswd:\n  list: |\n    ops:RANDOM\n"), ["ops password"]);
        assert_eq!(with("  ssh_import_id: [gh:ops]\n"), ["ops password locked key"]);
    }

    #[test]
    fn the_default_account_is_there_unless_users_leave_it_out() {
        assert_eq!(told("packages: [a]"), [""]);
        assert_eq!(told("ssh_authorized_keys: [k]"), [" key"]);
        assert_eq!(told("users: [default, bob]\nssh_authorized_keys: [k]"), [" key", "bob"]);
        assert_eq!(told("users: default,bob\npassword: x"), [" password", "bob"]);
        assert_eq!(told("users: {bob: {ssh-authorized-keys: [k]}, eve: no}"), ["bob key"]);
        let lost = of("users:\n- name: bob\nssh_authorized_keys:\n- k\n");
        assert_eq!((lost.lost, lost.all.len()), (Some(4), 1));
        assert_eq!(of("users:\n- bob\npassword: x\n").lost, Some(3));
        assert_eq!(told("users: []\ndisable_root: false\nssh_authorized_keys: [k]"), ["root key"]);
        assert_eq!(told("user: {name: bob, lock_passwd: false}\npassword: x\n"), [" password"]);
    }

    #[test]
    fn hashes_are_told_from_plain_texts() {
        for hash in ["$6$rounds=4096$salt$abc/.", "$y$j9T$abc$def", "$2b$12$abcdef"] {
            assert!(is_hash(hash), "{hash}");
        }
        for plain in ["", "secret", "$ecret", "$6$", "$9$a$b", "$6$a b"] {
            assert!(!is_hash(plain), "{plain}");
        }
    }
}
