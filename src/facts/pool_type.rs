//! What each type of storage pool can do, a row for each type that libvirt has. Machine, steps, checks and the XML read it.
//!
//! Sources, all in libvirt's own tree:
//! - `creates`, `copies`, `uploads`, `resizes` and `deletes`: which of `createVol`, `buildVolFrom`, `uploadVol`, `resizeVol`
//!   and `deleteVol` the table at the end of `src/storage/storage_backend_TYPE.c` has; dir, fs and netfs share
//!   `storage_backend_fs.c`. `virStorageBackendRBDBuildVolFrom` looks for the source by its name in the pool of the copy
//!   and nowhere else.
//! - `volumes`: `vol->type` in the same file. A copy is made by a path of the host (`storage_util.c`), so that a volume of the
//!   network is a source for nothing but its own pool.
//! - `names`: `virStorageBackendDiskMakeDataVol` for partitions, `lvcreate` and `zfs create` for the others.
//! - `source`: `virDomainStorageSourceTranslateSourcePool`, which refuses mpath, rbd, sheepdog and gluster at the start.
//! - `formats`: `poolTypeInfo` in `src/conf/storage_conf.c`, which `virsh pool-capabilities` prints.

/// One type of pool.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a row of a table: each is a column")]
pub struct PoolType {
    /// As in the pool's XML.
    pub name: &'static str,
    /// What its volumes are on the host.
    pub volumes: VolumeKind,
    /// What a volume can hold.
    pub formats: VolumeFormats,
    /// Which names a new volume can have.
    pub names: VolumeNames,
    /// A volume can be created.
    pub creates: bool,
    /// From which volumes it makes a new one.
    pub copies: CopySources,
    /// Bytes can be sent into a volume.
    pub uploads: bool,
    /// A volume can grow.
    pub resizes: bool,
    /// A volume can be deleted.
    pub deletes: bool,
    /// A new volume takes space as the guest writes, not at once.
    pub thin: bool,
    /// A new volume reads as zeros. What the device held before is readable in the others.
    pub zeroed: bool,
    /// How a domain names a volume.
    pub source: VolumeSource,
    /// What the pool is kept on.
    pub ground: PoolGround,
}

/// What volumes are on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeKind {
    /// Files below the pool's path.
    File,
    /// Block devices.
    Block,
    /// Nothing that has a path on the host.
    Network,
}

/// What a volume can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeFormats {
    /// Images of any format.
    Images,
    /// Plain bytes only.
    Raw,
}

/// Which names new volumes can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeNames {
    /// Any that a file can have.
    Free,
    /// Letters, digits and `_.+-`, as LVM and ZFS accept them.
    Device,
    /// That of the next partition and no other.
    Partition,
}

/// From which volumes a pool makes a new one by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopySources {
    /// Those of every pool of the host that have a path.
    Host,
    /// Its own.
    Own,
    /// None.
    Nothing,
}

/// How a domain names a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// `<disk type='file'>` with its path.
    File,
    /// `<disk type='block'>` with its path.
    Block,
    /// `<disk type='volume'>`: libvirt knows where it is.
    Volume,
    /// `<disk type='network'>`.
    Network {
        /// Its protocol.
        protocol: &'static str,
        /// The port that libvirt writes into a domain that says none.
        port: Option<u16>,
    },
    /// Not at all: QEMU has no driver for it.
    Nothing,
}

/// What a pool is kept on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolGround {
    /// A folder of a mounted file system.
    Folder,
    /// A volume group of LVM.
    VolumeGroup,
    /// A drive, of which its volumes are the partitions.
    Drive,
    /// A pool of ZFS.
    Zpool,
    /// Devices that it only lists, or another machine.
    Elsewhere,
}

/// Pools of folders. Volumes are as sparse as their file system allows.
const FOLDER: PoolType = PoolType {
    name: "dir",
    volumes: VolumeKind::File,
    formats: VolumeFormats::Images,
    names: VolumeNames::Free,
    creates: true,
    copies: CopySources::Host,
    uploads: true,
    resizes: true,
    deletes: true,
    thin: true,
    zeroed: true,
    source: VolumeSource::File,
    ground: PoolGround::Folder,
};

/// Pools that show the units of a storage system, which alone can make them.
const UNITS: PoolType = PoolType {
    name: "scsi",
    volumes: VolumeKind::Block,
    formats: VolumeFormats::Raw,
    names: VolumeNames::Device,
    creates: false,
    copies: CopySources::Nothing,
    uploads: true,
    resizes: false,
    deletes: false,
    thin: false,
    zeroed: false,
    source: VolumeSource::Block,
    ground: PoolGround::Elsewhere,
};

/// Volumes that QEMU reaches by itself.
const NETWORK: PoolType = PoolType {
    volumes: VolumeKind::Network,
    names: VolumeNames::Free,
    uploads: false,
    source: VolumeSource::Volume,
    ..UNITS
};

/// Every type that libvirt has.
pub static POOL_TYPES: &[PoolType] = &[
    FOLDER,
    PoolType { name: "fs", ..FOLDER },
    PoolType { name: "netfs", ..FOLDER },
    PoolType { name: "vstorage", ..FOLDER },
    PoolType {
        name: "logical",
        creates: true,
        copies: CopySources::Host,
        deletes: true,
        ground: PoolGround::VolumeGroup,
        ..UNITS
    },
    PoolType {
        name: "disk",
        names: VolumeNames::Partition,
        creates: true,
        copies: CopySources::Host,
        deletes: true,
        ground: PoolGround::Drive,
        ..UNITS
    },
    PoolType { name: "zfs", creates: true, deletes: true, zeroed: true, ground: PoolGround::Zpool, ..UNITS },
    UNITS,
    PoolType { name: "iscsi", ..UNITS },
    PoolType { name: "mpath", ..UNITS },
    PoolType { name: "iscsi-direct", ..NETWORK },
    PoolType {
        name: "rbd",
        creates: true,
        copies: CopySources::Own,
        resizes: true,
        deletes: true,
        thin: true,
        zeroed: true,
        source: VolumeSource::Network { protocol: "rbd", port: None },
        ..NETWORK
    },
    PoolType {
        name: "gluster",
        formats: VolumeFormats::Images,
        deletes: true,
        source: VolumeSource::Network { protocol: "gluster", port: Some(24007) },
        ..NETWORK
    },
    // QEMU has had no driver for it since 6.0.
    PoolType {
        name: "sheepdog",
        creates: true,
        resizes: true,
        deletes: true,
        thin: true,
        zeroed: true,
        source: VolumeSource::Nothing,
        ..NETWORK
    },
];

/// What a type that is not in the table is taken for: libvirt itself says what it cannot do.
static UNKNOWN: PoolType = PoolType {
    name: "",
    creates: true,
    copies: CopySources::Host,
    uploads: true,
    deletes: true,
    source: VolumeSource::Volume,
    ..NETWORK
};

impl PoolType {
    /// The row of a type.
    pub fn named(name: &str) -> &'static Self {
        POOL_TYPES.iter().find(|row| row.name == name).unwrap_or(&UNKNOWN)
    }

    /// False for what libvirt has and this table has not.
    pub fn is_known(&self) -> bool {
        !self.name.is_empty()
    }

    /// True where a volume can be an image with a header of its own.
    pub fn holds_images(&self) -> bool {
        self.formats == VolumeFormats::Images
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_one_row() {
        for row in POOL_TYPES {
            assert!(std::ptr::eq(PoolType::named(row.name), row), "{}", row.name);
        }
        assert!(!PoolType::named("tape").is_known());
    }

    #[test]
    fn what_can_be_made_can_be_removed() {
        for row in POOL_TYPES.iter().filter(|row| row.creates) {
            assert!(row.deletes, "{}", row.name);
        }
    }

    #[test]
    fn a_volume_of_the_host_is_named_by_its_path() {
        for row in POOL_TYPES {
            let by_path = matches!(row.source, VolumeSource::File | VolumeSource::Block);
            assert_eq!(by_path, row.volumes != VolumeKind::Network, "{}", row.name);
            assert_eq!(row.source == VolumeSource::File, row.volumes == VolumeKind::File, "{}", row.name);
        }
    }
}
