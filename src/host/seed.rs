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

/// The documents for the VM `name`: given ones as they are, the others made from the simple fields.
pub fn documents(name: &str, wanted: Option<&CloudInit>) -> Documents {
    let empty = CloudInit::default();
    let wanted = wanted.unwrap_or(&empty);
    Documents {
        user_data: wanted.user_data.clone().unwrap_or_else(|| user_data(wanted)),
        meta_data: wanted.meta_data.clone().unwrap_or_else(|| meta_data(name, wanted)),
        network_config: wanted.network_config.clone(),
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

/// cloud-init runs once per instance id: a VM of the same name on new disks starts fresh nevertheless, because what
/// cloud-init remembers is on the disk.
fn meta_data(name: &str, wanted: &CloudInit) -> String {
    document(&json!({"instance-id": name, "local-hostname": wanted.hostname.as_deref().unwrap_or(name)}))
}

fn user_data(wanted: &CloudInit) -> String {
    let mut config = Map::new();
    let keys: Vec<_> = wanted.ssh_authorized_keys.iter().flatten().map(|key| Value::from(key.trim())).collect();
    if !keys.is_empty() {
        config.insert("ssh_authorized_keys".into(), keys.into());
    }
    // Without an account of their own the keys go to the image's default one.
    if let Some(user) = &wanted.user {
        let mut account =
            json!({"name": user, "sudo": "ALL=(ALL) NOPASSWD:ALL", "shell": "/bin/bash", "lock_passwd": true});
        account.as_object_mut().into_iter().for_each(|account| account.append(&mut config));
        config.insert("users".into(), json!([account]));
    }
    format!("#cloud-config\n{}", document(&config.into()))
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

    #[test]
    fn the_image_holds_the_documents_under_their_names_and_the_label_that_cloud_init_looks_for() {
        let wanted = CloudInit { user_data: Some("#cloud-config\n".into()), ..CloudInit::default() };
        let image = image(&documents("web", Some(&wanted))).unwrap();
        assert_eq!(image.len(), MIB);
        assert_eq!(read(&image, "user-data").as_deref(), Some("#cloud-config\n"));
        let meta_data: Value = serde_json::from_str(&read(&image, "meta-data").unwrap()).unwrap();
        assert_eq!(meta_data, json!({"instance-id": "web", "local-hostname": "web"}));
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
        let made = documents("gpu-ws-01", Some(&wanted));
        assert!(made.user_data.starts_with("#cloud-config\n{"));
        let account = json!({
            "name": "ann: the #1", "sudo": "ALL=(ALL) NOPASSWD:ALL", "shell": "/bin/bash", "lock_passwd": true,
            "ssh_authorized_keys": ["ssh-ed25519 AAAA \"ann\""],
        });
        assert_eq!(content(&made.user_data), json!({"users": [account]}));
        assert_eq!(content(&made.meta_data), json!({"instance-id": "gpu-ws-01", "local-hostname": "ws"}));
        let keys_alone = documents("web", Some(&CloudInit { user: None, ..wanted }));
        assert_eq!(content(&keys_alone.user_data), json!({"ssh_authorized_keys": ["ssh-ed25519 AAAA \"ann\""]}));
        assert_eq!(documents("web", None).user_data, "#cloud-config\n{}\n");
    }
}
