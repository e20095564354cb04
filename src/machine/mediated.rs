//! Mediated devices of the machine.

use crate::spec::{Place, Spec, filled};

/// One mediated device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mediated {
    /// `mediated_devices[row]`.
    pub place: Place,
    /// Its UUID, in lower case.
    pub uuid: String,
    /// Its picture is on the console.
    pub display: bool,
    /// There is a picture before the guest's driver runs.
    pub ramfb: bool,
}

/// The rows with a UUID, in order.
pub(super) fn mediated(spec: &Spec) -> Vec<Mediated> {
    let rows = spec.mediated_devices.iter().flatten().enumerate();
    rows.filter_map(|(row, asked)| {
        Some(Mediated {
            place: Place::root().key("mediated_devices").index(row),
            uuid: filled(asked.uuid.as_deref())?.to_ascii_lowercase(),
            display: asked.display.unwrap_or(false),
            ramfb: asked.ramfb.unwrap_or(false),
        })
    })
    .collect()
}
