//! Hashes of passwords as crypt(3) of a guest checks them.

use super::secret::Secret;
use super::{Cause, HostError};
use sha_crypt::{PasswordHasher, ShaCrypt};

/// The SHA-512 hash of `password` with a salt of its own.
pub(super) fn hash(password: &Secret) -> Result<String, HostError> {
    let hash = ShaCrypt::SHA512.hash_password(password.expose().as_bytes());
    let failed = |error| HostError::new(Cause::Other, format!("The password cannot be hashed: {error}."), "");
    hash.map(|hash| hash.as_str().to_owned()).map_err(failed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use sha_crypt::PasswordVerifier;

    #[test]
    fn equal_passwords_have_different_hashes_that_both_hold() {
        let hash = || hash(&Secret::new("hunter2".into())).unwrap();
        let (one, other) = (hash(), hash());
        assert!(one.starts_with("$6$") && one != other, "{one} {other}");
        for hash in [one, other] {
            let holds = |password: &str| ShaCrypt::SHA512.verify_password(password.as_bytes(), hash.as_str()).is_ok();
            assert!(holds("hunter2") && !holds("hunter3"), "{hash}");
            assert!(crate::spec::cloud_init::user_data::is_hash(&hash));
        }
    }
}
