//! Graphical consoles and the emulated video card.

use super::Element;
use crate::machine::{Console, Machine};
use crate::spec::{GraphicsKind, Place};

/// Stands where a password will be.
const PASSWORD_NOTE: &str = "the password is set when the VM is built";

/// Puts the password of the console of that kind in. What comes out is for libvirt alone.
pub fn protect(domain: &mut Element, kind: GraphicsKind, password: &str) {
    let devices = domain.elements_mut().filter(|element| element.name == "devices");
    let consoles = devices.flat_map(Element::elements_mut).filter(|element| element.name == "graphics");
    for console in consoles.filter(|console| console.attribute("type") == Some(kind.name())) {
        console.set("passwd".into(), password.to_owned().into());
    }
}

/// One console. The address stands in the listen element alone: libvirt refuses the pair of it and an attribute that
/// custom XML has made differ.
pub(super) fn console(console: &Console) -> Element {
    let place = match console.row {
        Some(row) => Place::root().key("graphics").index(row),
        None => Place::root().key("graphics"),
    };
    let (port, automatic) = match console.port {
        Some(port) => (port.to_string(), "no"),
        None => ("-1".to_owned(), "yes"),
    };
    let listen = Element::new("listen").attr("type", "address").attr("address", console.listen.value.clone());
    Element::new("graphics")
        .attr("type", console.kind.name())
        .attr("port", port)
        .attr("autoport", automatic)
        .comment(console.password_file.is_some().then_some(PASSWORD_NOTE))
        .child(listen.origin(if console.row.is_some() { place.clone().key("listen") } else { place.clone() }))
        .origin(place)
}

/// The video card. Without one it must be said: libvirt adds a card to any domain that is silent.
pub(super) fn video(machine: &Machine) -> Element {
    let model = Element::new("model");
    let model = match machine.video.value.as_deref() {
        None => model.attr("type", "none"),
        Some("vga") => model.attr("type", "vga").attr("vram", "16384").attr("heads", "1").attr("primary", "yes"),
        Some(other @ ("qxl" | "vmvga")) => {
            model.attr("type", other.to_owned()).attr("vram", "16384").attr("heads", "1").attr("primary", "yes")
        }
        Some(other) => model.attr("type", other.to_owned()).attr("heads", "1").attr("primary", "yes"),
    };
    let field = if machine.video.why().is_none() { "video" } else { "graphics" };
    Element::new("video").child(model).field(field)
}
