//! The cloud-init seed: three documents on a small FAT image labelled CIDATA, as bytes. Where it goes is not decided here.

use crate::host::{Cause, HostError};
use crate::spec::CloudInit;
use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};
use serde_json::{Map, Value, json};
use std::io::{Cursor, Write};

/// Smallest image; FAT needs room for its own tables, and a size that is whole MiB suits every pool.
const MIB: usize = 1 << 20;
/// Room that documents of this size and their folder entries need beyond their bytes.
const SLACK: usize = 128 << 10;
/// cloud-init looks for this label, upper or lower case.
const LABEL: [u8; 11] = *b"CIDATA     ";

/// The files of a NoCloud seed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Documents {
    /// Accounts, packages, commands.
    pub user_data: String,
    /// Identity of the instance.
    pub meta_data: String,
    /// Network configuration; no file where absent.
    pub network_config: Option<String>,
}

/// The VM that the documents are for, as it was defined.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeedGuest<'a> {
    /// Its name.
    pub name: &'a str,
    /// Tells it from any other, even one that had its name and its disks.
    pub instance: &'a str,
    /// The addresses of its network cards, in their order.
    pub cards: &'a [String],
    /// The hash of the password.
    pub password: Option<&'a str>,
}

/// The documents for `guest`: given ones as they are, the others made from the simple fields.
pub fn documents(guest: &SeedGuest<'_>, wanted: Option<&CloudInit>) -> Documents {
    let empty = CloudInit::default();
    let wanted = wanted.unwrap_or(&empty);
    Documents {
        user_data: wanted.user_data.clone().unwrap_or_else(|| user_data(guest, wanted)),
        meta_data: wanted.meta_data.clone().unwrap_or_else(|| meta_data(guest, wanted)),
        network_config: wanted.network_config.clone().or_else(|| network_config(guest, wanted)),
    }
}

/// The image. Equal documents give equal bytes.
pub fn image(documents: &Documents) -> Result<Vec<u8>, HostError> {
    let length = documents.user_data.len()
        + documents.meta_data.len()
        + documents.network_config.as_ref().map_or(0, String::len);
    let size = (length + SLACK).div_ceil(MIB) * MIB;
    let mut bytes = vec![0; size];
    write(&mut bytes, documents)
        .map_err(|error| HostError::new(Cause::Other, format!("The cloud-init seed cannot be made: {error}."), ""))?;
    Ok(bytes)
}

fn write(bytes: &mut [u8], documents: &Documents) -> std::io::Result<()> {
    // A fixed volume id keeps equal documents equal; nothing identifies a seed by it.
    let options = FormatVolumeOptions::new().volume_label(LABEL).volume_id(0x00c1_0da7);
    format_volume(Cursor::new(&mut *bytes), options)?;
    let disk = FileSystem::new(Cursor::new(bytes), FsOptions::new())?;
    let folder = disk.root_dir();
    let files = [
        ("user-data", Some(&documents.user_data)),
        ("meta-data", Some(&documents.meta_data)),
        ("network-config", documents.network_config.as_ref()),
    ];
    for (name, text) in files {
        if let Some(text) = text {
            let mut file = folder.create_file(name)?;
            file.write_all(text.as_bytes())?;
            file.flush()?;
        }
    }
    drop(folder);
    disk.unmount()
}

/// cloud-init sets a disk up once per instance id, so it does so again for another VM that gets the disk.
fn meta_data(guest: &SeedGuest<'_>, wanted: &CloudInit) -> String {
    let hostname = wanted.hostname.as_deref().unwrap_or(guest.name);
    document(&json!({"instance-id": guest.instance, "local-hostname": hostname}))
}

fn user_data(guest: &SeedGuest<'_>, wanted: &CloudInit) -> String {
    let mut account = Map::new();
    let keys: Vec<_> = wanted.ssh_authorized_keys.iter().flatten().map(|key| Value::from(key.trim())).collect();
    if !keys.is_empty() {
        account.insert("ssh_authorized_keys".into(), keys.into());
    }
    let mut config = match &wanted.user {
        Some(user) => named_account(user, guest.password, account),
        None => default_account(guest.password, account),
    };
    // The lists of packages of an image are old, or not there at all.
    if let Some(packages) = wanted.packages.as_ref().filter(|packages| !packages.is_empty()) {
        config.insert("package_update".into(), true.into());
        config.insert("packages".into(), json!(packages));
    }
    if let Some(commands) = wanted.runcmd.as_ref().filter(|commands| !commands.is_empty()) {
        config.insert("runcmd".into(), json!(commands));
    }
    for (key, text) in [("timezone", &wanted.timezone), ("locale", &wanted.locale)] {
        config.extend(text.as_ref().map(|text| (key.to_owned(), Value::from(text.trim()))));
    }
    format!("#cloud-config\n{}", document(&config.into()))
}

/// An account of its own name. cloud-init locks its password unless it is told otherwise.
fn named_account(user: &str, password: Option<&str>, keys: Map<String, Value>) -> Map<String, Value> {
    let mut account = Map::new();
    account.insert("name".into(), user.into());
    account.insert("sudo".into(), "ALL=(ALL) NOPASSWD:ALL".into());
    account.insert("shell".into(), "/bin/bash".into());
    account.insert("lock_passwd".into(), password.is_none().into());
    account.extend(password.map(|hash| ("passwd".to_owned(), Value::from(hash))));
    account.extend(keys);
    Map::from_iter([("users".to_owned(), json!([account]))])
}

/// Without an account of their own, keys and password go to the one that the image has.
fn default_account(password: Option<&str>, mut config: Map<String, Value>) -> Map<String, Value> {
    if let Some(hash) = password {
        config.insert("password".into(), hash.into());
        config.insert("chpasswd".into(), json!({"expire": false}));
    }
    config
}

/// The first card with fixed addresses, the others by DHCP; `None` where no address is set. Cards are found by what is
/// certain, their MAC address, and named, because some guests need a name.
fn network_config(guest: &SeedGuest<'_>, wanted: &CloudInit) -> Option<String> {
    let addresses = wanted.addresses.as_ref().filter(|addresses| !addresses.is_empty())?;
    let mut cards = Map::new();
    for (at, mac) in guest.cards.iter().enumerate() {
        let name = format!("eth{at}");
        let mut card = json!({"match": {"macaddress": mac}, "set-name": name});
        if at > 0 {
            card["dhcp4"] = true.into();
        } else {
            card["addresses"] = json!(addresses);
            card["dhcp4"] = false.into();
            if let Some(gateway) = &wanted.gateway {
                // Older cloud-inits have no word for the default route.
                let all = if gateway.contains(':') { "::/0" } else { "0.0.0.0/0" };
                card["routes"] = json!([{"to": all, "via": gateway}]);
            }
            if let Some(servers) = wanted.nameservers.as_ref().filter(|servers| !servers.is_empty()) {
                card["nameservers"] = json!({"addresses": servers});
            }
        }
        cards.insert(name, card);
    }
    Some(document(&json!({"version": 2, "ethernets": cards})))
}

/// A document of the seed: cloud-init reads YAML, and JSON is YAML.
fn document(content: &Value) -> String {
    format!("{content:#}\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read;

    fn read(image: &[u8], name: &str) -> Option<String> {
        let disk = FileSystem::new(Cursor::new(image.to_vec()), FsOptions::new()).unwrap();
        let mut text = String::new();
        disk.root_dir().open_file(name).ok()?.read_to_string(&mut text).unwrap();
        Some(text)
    }

    /// The documents of a VM called `name` with the instance id `i-1`.
    fn made(name: &str, wanted: &CloudInit) -> Documents {
        documents(&SeedGuest { name, instance: "i-1", ..SeedGuest::default() }, Some(wanted))
    }

    #[test]
    fn the_image_holds_the_documents_under_their_names_and_the_label_that_cloud_init_looks_for() {
        let wanted = CloudInit { user_data: Some("#cloud-config\n".into()), ..CloudInit::default() };
        let image = image(&made("web", &wanted)).unwrap();
        assert_eq!(image.len(), MIB);
        assert_eq!(read(&image, "user-data").as_deref(), Some("#cloud-config\n"));
        let meta_data: Value = serde_json::from_str(&read(&image, "meta-data").unwrap()).unwrap();
        assert_eq!(meta_data, json!({"instance-id": "i-1", "local-hostname": "web"}));
        assert_eq!(read(&image, "network-config"), None);
        let disk = FileSystem::new(Cursor::new(image), FsOptions::new()).unwrap();
        assert_eq!(disk.read_volume_label_from_root_dir().unwrap().as_deref(), Some("CIDATA"));
    }

    #[test]
    fn equal_documents_give_equal_bytes_and_large_ones_fit() {
        let large = Documents { user_data: "#".repeat(3 * MIB), ..Documents::default() };
        let bytes = image(&large).unwrap();
        assert_eq!(bytes, image(&large).unwrap());
        assert_eq!(read(&bytes, "user-data").unwrap().len(), 3 * MIB);
    }

    /// The content of a document behind its first line, where it has one.
    fn content(document: &str) -> Value {
        serde_json::from_str(document.trim_start_matches("#cloud-config\n")).unwrap()
    }

    #[test]
    fn simple_fields_become_an_account_with_its_keys() {
        let wanted = CloudInit {
            hostname: Some("ws".into()),
            user: Some("ann: the #1".into()),
            ssh_authorized_keys: Some(vec![" ssh-ed25519 AAAA \"ann\"\n".into()]),
            ..CloudInit::default()
        };
        let all = made("gpu-ws-01", &wanted);
        assert!(all.user_data.starts_with("#cloud-config\n{"));
        let account = json!({
            "name": "ann: the #1", "sudo": "ALL=(ALL) NOPASSWD:ALL", "shell": "/bin/bash", "lock_passwd": true,
            "ssh_authorized_keys": ["ssh-ed25519 AAAA \"ann\""],
        });
        assert_eq!(content(&all.user_data), json!({"users": [account]}));
        assert_eq!(content(&all.meta_data), json!({"instance-id": "i-1", "local-hostname": "ws"}));
        let keys_alone = made("web", &CloudInit { user: None, ..wanted });
        assert_eq!(content(&keys_alone.user_data), json!({"ssh_authorized_keys": ["ssh-ed25519 AAAA \"ann\""]}));
        assert_eq!(made("web", &CloudInit::default()).user_data, "#cloud-config\n{}\n");
    }

    #[test]
    fn a_password_unlocks_its_account() {
        let guest = SeedGuest { name: "web", password: Some("$6$salt$hash"), ..SeedGuest::default() };
        let user = CloudInit { user: Some("ann".into()), ..CloudInit::default() };
        let account = &content(&documents(&guest, Some(&user)).user_data)["users"][0];
        assert_eq!((&account["passwd"], &account["lock_passwd"]), (&json!("$6$salt$hash"), &json!(false)));
        let default = content(&documents(&guest, Some(&CloudInit::default())).user_data);
        assert_eq!(default, json!({"password": "$6$salt$hash", "chpasswd": {"expire": false}}));
    }

    #[test]
    fn what_is_set_up_at_the_first_boot_is_in_the_document() {
        let wanted = CloudInit {
            packages: Some(vec!["nginx".into()]),
            runcmd: Some(vec!["echo a: b".into()]),
            timezone: Some("Europe/Paris".into()),
            locale: Some("en_GB.UTF-8".into()),
            ..CloudInit::default()
        };
        let want = json!({
            "package_update": true, "packages": ["nginx"], "runcmd": ["echo a: b"],
            "timezone": "Europe/Paris", "locale": "en_GB.UTF-8",
        });
        assert_eq!(content(&made("web", &wanted).user_data), want);
    }

    #[test]
    fn fixed_addresses_are_those_of_the_first_card() {
        let cards = ["52:54:00:00:00:0a", "52:54:00:00:00:0b"].map(str::to_owned);
        let guest = SeedGuest { name: "web", cards: &cards, ..SeedGuest::default() };
        let wanted = CloudInit {
            addresses: Some(vec!["192.168.1.5/24".into()]),
            gateway: Some("192.168.1.1".into()),
            nameservers: Some(vec!["9.9.9.9".into()]),
            ..CloudInit::default()
        };
        let config = documents(&guest, Some(&wanted)).network_config.unwrap();
        let first = json!({
            "match": {"macaddress": "52:54:00:00:00:0a"}, "set-name": "eth0", "dhcp4": false,
            "addresses": ["192.168.1.5/24"], "routes": [{"to": "0.0.0.0/0", "via": "192.168.1.1"}],
            "nameservers": {"addresses": ["9.9.9.9"]},
        });
        let second = json!({"match": {"macaddress": "52:54:00:00:00:0b"}, "set-name": "eth1", "dhcp4": true});
        assert_eq!(content(&config), json!({"version": 2, "ethernets": {"eth0": first, "eth1": second}}));
        assert_eq!(made("web", &CloudInit::default()).network_config, None);
    }
}
