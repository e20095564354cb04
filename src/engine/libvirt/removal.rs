//! The calls of libvirt that an undo is made of.

/// What libvirt is asked to do. The names are for people: the thing is found by its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LibvirtRemoval {
    /// Delete a volume.
    DeleteVolume {
        /// Pool.
        pool: String,
        /// Name within the pool.
        name: String,
    },
    /// Undefine a domain.
    Undefine {
        /// Name.
        name: String,
        /// It has UEFI variables.
        variables: bool,
        /// It has an emulated TPM.
        tpm: bool,
        /// With the files of both; else they are kept, because they are of another.
        with_files: bool,
    },
    /// Stop a domain.
    Destroy {
        /// Name.
        name: String,
    },
}
