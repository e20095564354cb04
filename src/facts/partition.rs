//! The name of the next partition. libvirt accepts a new volume of a pool of partitions under that name only
//! (`virStorageBackendDiskMakeDataVol` in `src/storage/storage_backend_disk.c`), and has made the partition by then.

use super::{HostStorage, Pool};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Why the name of the next partition is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnnamedPartition {
    /// The partitions that there are were not read, for this reason.
    Unread(String),
    /// The drive has a name that may be a link, and was not seen itself.
    Drive(Option<String>),
    /// How partitions of such a table are numbered is not known.
    Table(String),
    /// No number is free.
    Full,
}

/// Highest number in a GPT of the usual size.
const GPT: u32 = 128;
/// Highest number of a primary or extended partition.
const PRIMARY: u32 = 4;
/// Highest number of a logical partition that parted gives.
const LOGICAL: u32 = 64;

/// The name, such as `loop0p1`, where `taken` are the names that earlier disks of the same VM get. parted takes the lowest
/// free number.
pub fn next_partition(
    pool: &Pool,
    storage: Option<&HostStorage>,
    taken: &BTreeSet<String>,
) -> Result<String, UnnamedPartition> {
    let unread = || UnnamedPartition::Unread(pool.volumes.why_not().unwrap_or_default().to_owned());
    let volumes = pool.volumes.get().ok_or_else(unread)?;
    let prefix = prefix(pool, storage)?;
    let free = |numbers: RangeInclusive<u32>| {
        let is_free = |name: &String| !taken.contains(name) && volumes.iter().all(|volume| volume.name != *name);
        numbers.map(|number| format!("{prefix}{number}")).find(is_free).ok_or(UnnamedPartition::Full)
    };
    match pool.source.format.as_deref().unwrap_or("unknown") {
        "gpt" => free(1..=GPT),
        // Once four are taken, libvirt makes logical ones inside the extended one.
        "dos" => free(1..=PRIMARY).or_else(|full| {
            let extended = volumes.iter().any(|volume| volume.format.as_deref() == Some("extended"));
            if extended { free(PRIMARY + 1..=LOGICAL) } else { Err(full) }
        }),
        // Either of the two, which number the first four alike.
        "unknown" => free(1..=PRIMARY),
        other => Err(UnnamedPartition::Table(other.to_owned())),
    }
}

/// What stands before the number: as in the names that there are, else by the kernel's rule, a `p` behind a digit.
fn prefix(pool: &Pool, storage: Option<&HostStorage>) -> Result<String, UnnamedPartition> {
    let volumes = pool.volumes.items();
    let mut known = volumes.iter().map(|volume| volume.name.trim_end_matches(|c: char| c.is_ascii_digit()));
    if let Some(known) = known.find(|known| !known.is_empty()) {
        return Ok(known.to_owned());
    }
    let path = pool.source.device.as_deref();
    let unseen = || UnnamedPartition::Drive(path.map(ToOwned::to_owned));
    let below = path.and_then(|path| path.strip_prefix("/dev/")).ok_or_else(unseen)?;
    let seen = storage.and_then(|storage| storage.device_at(path?)).map(|device| device.name.as_str());
    let name = seen.or((!below.contains('/')).then_some(below)).ok_or_else(unseen)?;
    // Partitions of mapped devices have names that depend on the mapping.
    if name.starts_with("dm-") {
        return Err(unseen());
    }
    let separator = if name.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
    Ok(format!("{name}{separator}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{BlockDevice, Fact, PoolSource, Provenance, Volume};

    fn pool(device: &str, format: &str, volumes: &[(&str, &str)]) -> Pool {
        let volume = |(name, format): &(&str, &str)| Volume {
            name: (*name).into(),
            format: Some((*format).into()),
            ..Volume::default()
        };
        Pool {
            kind: "disk".into(),
            source: PoolSource { device: Some(device.into()), format: Some(format.into()), ..PoolSource::default() },
            volumes: Fact::known(volumes.iter().map(volume).collect(), Provenance::Command("test".into()), 0),
            ..Pool::default()
        }
    }

    fn next(pool: &Pool) -> Result<String, UnnamedPartition> {
        next_partition(pool, None, &BTreeSet::new())
    }

    #[test]
    fn the_lowest_free_number_is_next() {
        assert_eq!(next(&pool("/dev/loop0", "gpt", &[])).unwrap(), "loop0p1");
        assert_eq!(next(&pool("/dev/sdb", "gpt", &[])).unwrap(), "sdb1");
        let some = pool("/dev/disk/by-id/x", "gpt", &[("nvme0n1p1", "none"), ("nvme0n1p3", "none")]);
        assert_eq!(next(&some).unwrap(), "nvme0n1p2");
        let taken = BTreeSet::from(["nvme0n1p2".to_owned()]);
        assert_eq!(next_partition(&some, None, &taken).unwrap(), "nvme0n1p4");
    }

    #[test]
    fn an_old_table_has_four_numbers_and_those_in_the_extended_one() {
        let four = [("sdb1", "none"), ("sdb2", "none"), ("sdb3", "none"), ("sdb4", "none")];
        assert_eq!(next(&pool("/dev/sdb", "dos", &four)), Err(UnnamedPartition::Full));
        let extended = [("sdb1", "none"), ("sdb2", "none"), ("sdb3", "none"), ("sdb4", "extended"), ("sdb5", "none")];
        assert_eq!(next(&pool("/dev/sdb", "dos", &extended)).unwrap(), "sdb6");
        assert_eq!(next(&pool("/dev/sdb", "unknown", &four)), Err(UnnamedPartition::Full));
        assert_eq!(next(&pool("/dev/sdb", "sun", &[])), Err(UnnamedPartition::Table("sun".into())));
    }

    #[test]
    fn a_link_to_a_drive_is_followed_where_the_drive_was_seen() {
        let linked = pool("/dev/disk/by-id/ata-A", "gpt", &[]);
        assert!(matches!(next(&linked), Err(UnnamedPartition::Drive(Some(_)))));
        let drive =
            BlockDevice { name: "sdc".into(), links: vec!["disk/by-id/ata-A".into()], ..BlockDevice::default() };
        let storage = HostStorage { devices: vec![drive], ..HostStorage::default() };
        assert_eq!(next_partition(&linked, Some(&storage), &BTreeSet::new()).unwrap(), "sdc1");
        assert!(next(&pool("/dev/mapper/mpatha", "gpt", &[])).is_err());
        let unread = Pool { volumes: Fact::default(), ..linked };
        assert!(matches!(next(&unread), Err(UnnamedPartition::Unread(_))));
    }
}
