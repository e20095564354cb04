//! The guest's clock and timers.

use super::Element;
use crate::machine::Machine;
use crate::spec::VirtType;

/// UTC, or local time for Windows, which expects it in the hardware clock. The timers are those that neither drift nor
/// cost interrupts.
pub(super) fn clock(machine: &Machine) -> Element {
    let clock =
        Element::new("clock").attr("offset", if machine.windows { "localtime" } else { "utc" }).field("os_type");
    if !machine.is_x86() {
        return clock;
    }
    let hyper_v = machine.windows && machine.virt_type.value == VirtType::Kvm;
    clock
        .child(timer("rtc").attr("tickpolicy", "catchup"))
        .child(timer("pit").attr("tickpolicy", "delay"))
        .child(machine.chipset.is_whole_pc().then(|| timer("hpet").attr("present", "no")))
        .child(hyper_v.then(|| timer("hypervclock").attr("present", "yes")))
}

fn timer(name: &'static str) -> Element {
    Element::new("timer").attr("name", name)
}
