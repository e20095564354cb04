//! Serial port, text console and channels: the ways in that need no screen.

use super::Element;
use crate::machine::Machine;
use crate::spec::GraphicsKind;

/// Always a serial console, the last way in when the screen is gone; the guest agent's channel; SPICE's where it is used.
pub(super) fn lines(machine: &Machine) -> Vec<Element> {
    let pty = |name| Element::new(name).attr("type", "pty");
    let port = || Element::new("target").attr("port", "0");
    let console = Element::new("target").attr("type", "serial").attr("port", "0");
    let mut lines = vec![pty("serial").child(port()), pty("console").child(console)];
    lines.extend(machine.devices.guest_agent.value.then(agent));
    if machine.consoles.iter().any(|console| console.kind == GraphicsKind::Spice) {
        lines.push(channel("spicevmc", "com.redhat.spice.0").field("graphics"));
    }
    lines
}

/// The channel through which the host asks the guest.
fn agent() -> Element {
    channel("unix", "org.qemu.guest_agent.0").field("guest_agent")
}

fn channel(kind: &'static str, name: &'static str) -> Element {
    let target = Element::new("target").attr("type", "virtio").attr("name", name);
    Element::new("channel").attr("type", kind).child(target)
}
