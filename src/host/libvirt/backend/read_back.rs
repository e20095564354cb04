//! What libvirt made of the XML that it was sent.

use crate::domain::difference::round_trip;
use crate::domain::{Detail, Difference, compare, parse};

/// Every difference between what was sent and what is stored; `None` where one of them cannot be read.
pub(super) fn changes(sent: &str, stored: &str) -> Option<Vec<Difference>> {
    let (sent, stored) = (parse(sent).ok()?, parse(stored).ok()?);
    Some(compare(&sent, &stored, Detail::Everything).changes)
}

/// One clause for the step's note.
pub(super) fn note(changes: Option<&[Difference]>) -> String {
    changes.map_or_else(
        || "what libvirt stored cannot be compared".into(),
        |changes| format!("libvirt {}", round_trip(changes)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "<domain><name>a</name><devices><disk/><tpm/></devices></domain>";

    #[test]
    fn what_libvirt_adds_is_counted_and_what_it_drops_is_named() {
        let told = |stored| {
            let changes = changes(SENT, stored);
            (
                note(changes.as_deref()),
                changes.into_iter().flatten().filter(Difference::is_lost).map(|it| it.path).collect(),
            )
        };
        assert_eq!(told(SENT), ("libvirt kept all that was sent".into(), Vec::<String>::new()));
        let stored = "<domain><name>a</name><uuid/><devices><disk><address/></disk><controller/></devices></domain>";
        assert_eq!(told(stored), ("libvirt dropped 1, added 3".into(), vec!["devices/tpm".into()]));
        assert_eq!(told("<domain"), ("what libvirt stored cannot be compared".into(), vec![]));
    }
}
