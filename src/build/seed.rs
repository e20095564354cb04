//! The cloud-init seed: three documents on a small FAT image labelled CIDATA, as bytes. Where it goes is not decided here.

use crate::host::{Cause, HostError};
use crate::spec::CloudInit;
use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};
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

/// cloud-init runs once per instance id: a VM of the same name on new disks is a new start all the same, since what
/// cloud-init remembers is on the disk.
fn meta_data(name: &str, wanted: &CloudInit) -> String {
    let hostname = wanted.hostname.as_deref().unwrap_or(name);
    format!("instance-id: {}\nlocal-hostname: {}\n", scalar(name), scalar(hostname))
}

fn user_data(wanted: &CloudInit) -> String {
    let keys = wanted.ssh_authorized_keys.as_deref().unwrap_or_default();
    let mut text = String::from("#cloud-config\n");
    let mut line = |indent: usize, content: &str| {
        text.push_str(&" ".repeat(indent));
        text.push_str(content);
        text.push('\n');
    };
    // Without an account of their own the keys go to the image's default one.
    let indent = if let Some(user) = &wanted.user {
        line(0, "users:");
        line(2, &format!("- name: {}", scalar(user)));
        line(4, "sudo: \"ALL=(ALL) NOPASSWD:ALL\"");
        line(4, "shell: /bin/bash");
        line(4, "lock_passwd: true");
        4
    } else {
        0
    };
    if !keys.is_empty() {
        line(indent, "ssh_authorized_keys:");
        for key in keys {
            line(indent + 2, &format!("- {}", scalar(key.trim())));
        }
    }
    text
}

/// A YAML scalar that is a string whatever it looks like: JSON's quoting is YAML's double-quoted style.
fn scalar(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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
        assert_eq!(read(&image, "meta-data").as_deref(), Some("instance-id: \"web\"\nlocal-hostname: \"web\"\n"));
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

    #[test]
    fn simple_fields_become_an_account_with_its_keys() {
        let wanted = CloudInit {
            hostname: Some("ws".into()),
            user: Some("ann: the #1".into()),
            ssh_authorized_keys: Some(vec!["ssh-ed25519 AAAA \"ann\"".into()]),
            ..CloudInit::default()
        };
        let documents = documents("gpu-ws-01", Some(&wanted));
        assert!(documents.user_data.starts_with("#cloud-config\nusers:\n  - name: \"ann: the #1\"\n"));
        assert!(documents.user_data.ends_with("    ssh_authorized_keys:\n      - \"ssh-ed25519 AAAA \\\"ann\\\"\"\n"));
        assert!(documents.meta_data.contains("local-hostname: \"ws\""));
    }
}
