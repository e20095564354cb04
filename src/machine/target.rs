//! Target names of disks: vda, sdb, hdc. Unique per VM; scsi, sata and usb share one row of names.

use std::collections::{HashMap, HashSet};

/// A disk that wants a target.
pub(super) struct TargetWish<'a> {
    /// What the name starts with: vd, sd or hd.
    pub(super) prefix: &'static str,
    /// The name that the user asked for.
    pub(super) asked: Option<&'a str>,
    /// The name that is taken if it is free.
    pub(super) preferred: Option<&'static str>,
}

/// One name per wish, in order. Names asked for stand as they are, twice the same included (a check says so); then
/// preferred names are taken, then the first free letters.
pub(super) fn assign(wishes: &[TargetWish<'_>]) -> Vec<String> {
    let mut taken: HashSet<String> = wishes.iter().filter_map(|wish| wish.asked).map(ToOwned::to_owned).collect();
    let mut names: Vec<Option<String>> = wishes.iter().map(|wish| wish.asked.map(ToOwned::to_owned)).collect();
    for (wish, name) in wishes.iter().zip(&mut names) {
        if let (None, Some(preferred)) = (&name, wish.preferred)
            && taken.insert(preferred.to_owned())
        {
            *name = Some(preferred.to_owned());
        }
    }
    // What is before the next letters of a prefix is taken.
    let mut next = HashMap::new();
    let mut free = |prefix: &'static str| {
        let index: &mut usize = next.entry(prefix).or_default();
        loop {
            let name = format!("{prefix}{}", letters(*index));
            *index += 1;
            if taken.insert(name.clone()) {
                return name;
            }
        }
    };
    names.into_iter().zip(wishes).map(|(name, wish)| name.unwrap_or_else(|| free(wish.prefix))).collect()
}

/// a to z, then aa, ab and so on, as the kernel counts disks.
pub(super) fn letters(index: usize) -> String {
    let last = char::from(b'a' + u8::try_from(index % 26).unwrap_or(0));
    if index < 26 { last.to_string() } else { letters(index / 26 - 1) + &last.to_string() }
}

/// The number that a target's letters count to: 0 for vda, 26 for vdaa; `None` for what is no target name.
pub fn index(target: &str) -> Option<u32> {
    let letters =
        target.get(2..).filter(|letters| !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_lowercase()))?;
    let count = letters.bytes().try_fold(0u32, |n, b| n.checked_mul(26)?.checked_add(u32::from(b - b'a') + 1))?;
    count.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(prefix: &'static str, asked: Option<&'static str>) -> TargetWish<'static> {
        TargetWish { prefix, asked, preferred: None }
    }

    #[test]
    fn free_letters_go_round_the_names_asked_for() {
        let names = assign(&[wish("vd", None), wish("vd", Some("vda")), wish("sd", None), wish("vd", None)]);
        assert_eq!(names, ["vdb", "vda", "sda", "vdc"]);
    }

    #[test]
    fn a_preferred_name_is_kept_free_for_its_disk() {
        let iso = TargetWish { prefix: "hd", asked: None, preferred: Some("hdc") };
        let names = assign(&[wish("hd", None), wish("hd", None), wish("hd", None), iso]);
        assert_eq!(names, ["hda", "hdb", "hdd", "hdc"]);
    }

    #[test]
    fn letters_count_on_after_z() {
        assert_eq!(
            (letters(25), letters(26), letters(701), letters(702)),
            ("z".into(), "aa".into(), "zz".into(), "aaa".into())
        );
        for n in [0, 25, 26, 701, 702] {
            assert_eq!(index(&format!("vd{}", letters(n))), u32::try_from(n).ok());
        }
        assert_eq!(index("vd"), None);
    }
}
