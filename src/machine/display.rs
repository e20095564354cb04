//! Graphical consoles and the emulated video card.

use super::{Chipset, Choice, Firmware, Guest, GuestSlot};
use crate::facts::DomainCapabilities;
use crate::spec::devices::VideoModel;
use crate::spec::{GraphicsKind, Place, Spec, filled};

/// One graphical console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    /// Row in `graphics`; `None` for the console that is there by default.
    pub row: Option<usize>,
    /// VNC or SPICE.
    pub kind: GraphicsKind,
    /// Address it listens on.
    pub listen: Choice<String>,
    /// Port; `None` lets libvirt choose.
    pub port: Option<u16>,
    /// File with its password, on the machine where vmbuild runs.
    pub password_file: Option<String>,
}

/// The consoles asked for; VNC for this host alone where `graphics` is absent; none where it is empty or says `none`, or
/// where the machine cannot have a video card.
pub(super) fn consoles(spec: &Spec, chipset: Chipset) -> Vec<Console> {
    let Some(rows) = &spec.graphics else {
        if !chipset.has_video() {
            return Vec::new();
        }
        let (kind, listen) = (GraphicsKind::Vnc, loopback());
        return vec![Console { row: None, kind, listen, port: None, password_file: None }];
    };
    let rows = rows.iter().enumerate().filter(|(_, row)| row.kind != Some(GraphicsKind::None));
    rows.map(|(row, graphics)| Console {
        row: Some(row),
        kind: graphics.kind.unwrap_or(GraphicsKind::Vnc),
        listen: match filled(graphics.listen.as_deref()) {
            Some(address) => Choice::asked(address.to_owned(), Place::row("graphics", row, "listen")),
            None => loopback(),
        },
        port: graphics.port,
        password_file: filled(graphics.password_file.as_deref()).map(ToOwned::to_owned),
    })
    .collect()
}

fn loopback() -> Choice<String> {
    Choice::default("127.0.0.1".into(), "from the host only; use SSH from elsewhere")
}

/// The emulated card asked for, else one that fits. With a passed GPU as first display, a card without VGA registers leaves it that place.
pub(super) fn video(
    spec: &Spec,
    host: Option<&DomainCapabilities>,
    chipset: Chipset,
    consoles: &[Console],
    slots: &[GuestSlot],
    firmware: Firmware,
    guest: &Guest,
) -> Choice<Option<String>> {
    if let Some(asked) = spec.video {
        return Choice::asked(libvirt_model(asked).map(ToOwned::to_owned), Place::root().key("video"));
    }
    if consoles.is_empty() {
        return Choice::default(None, "there is no graphical console");
    }
    if is_mirrored(spec, slots) {
        return Choice::default(
            None,
            "Looking Glass shows the passed GPU; a second display would take windows from it",
        );
    }
    if !chipset.has_video() {
        return Choice::default(None, "this machine has no bus for a video card");
    }
    let primary_gpu = slots.iter().flat_map(|slot| &slot.functions).any(|function| function.primary_gpu);
    let (first, why) = if primary_gpu && firmware.is_uefi() {
        ("bochs", "a second head without VGA registers: the passed GPU is the first display")
    } else if chipset == Chipset::Ccw {
        ("virtio", "the only card on channel devices")
    } else if guest.windows {
        ("vga", "Windows draws on it without a driver")
    } else if !guest.virtio.value {
        ("vga", "every guest draws on it without a driver")
    } else {
        ("virtio", "the best model for Linux guests")
    };
    let model = if lacks(host, first) { "vga" } else { first };
    let why = if model == first { why.to_owned() } else { format!("this host's QEMU has no {first}") };
    Choice::default(Some(model.to_owned()), why)
}

/// True where Looking Glass shows what a passed GPU draws.
pub(super) fn is_mirrored(spec: &Spec, slots: &[GuestSlot]) -> bool {
    spec.looking_glass.is_some() && slots.iter().any(GuestSlot::is_gpu)
}

/// The model as libvirt names it; `None` for no card.
pub fn libvirt_model(model: VideoModel) -> Option<&'static str> {
    match model {
        VideoModel::Std => Some("vga"),
        VideoModel::Vmware => Some("vmvga"),
        VideoModel::Qxl | VideoModel::Virtio | VideoModel::Bochs => Some(model.name()),
        VideoModel::None => None,
    }
}

/// True where the host's QEMU is known to be built without the model.
fn lacks(host: Option<&DomainCapabilities>, model: &str) -> bool {
    let known = host.filter(|known| !known.video_models.is_empty());
    known.is_some_and(|known| !known.video_models.iter().any(|name| name == model))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::Facts;
    use crate::machine::machine;
    use serde_json::{Value, json};

    fn video_of(spec: Value) -> Option<String> {
        machine(&serde_json::from_value(spec).unwrap(), &Facts::default()).video.value
    }

    #[test]
    fn consoles_listen_on_this_host_alone_unless_asked() {
        let of = |spec| consoles(&serde_json::from_value(spec).unwrap(), Chipset::Q35);
        assert_eq!(of(json!({}))[0].listen.value, "127.0.0.1");
        assert_eq!(of(json!({"graphics": [{"listen": " "}]}))[0].listen.value, "127.0.0.1");
        assert_eq!(of(json!({"graphics": [{"listen": "::"}]}))[0].listen.value, "::");
        assert_eq!(consoles(&Spec::default(), Chipset::Microvm), []);
        assert_eq!((of(json!({"graphics": []})), of(json!({"graphics": [{"type": "none"}]}))), (vec![], vec![]));
    }

    #[test]
    fn the_emulated_card_makes_room_for_a_passed_one() {
        let gpu = json!([{"host_address": "01:00.0", "primary_gpu": true}]);
        assert_eq!(video_of(json!({})).as_deref(), Some("virtio"));
        assert_eq!(video_of(json!({"os_type": "windows"})).as_deref(), Some("vga"));
        assert_eq!(video_of(json!({"uefi": true, "pci_devices": gpu})).as_deref(), Some("bochs"));
        assert_eq!(video_of(json!({"graphics": [], "pci_devices": gpu})), None);
        assert_eq!(video_of(json!({"looking_glass": {}, "pci_devices": gpu})), None);
        assert_eq!(video_of(json!({"looking_glass": {}})).as_deref(), Some("virtio"), "there is nothing to show");
    }
}
