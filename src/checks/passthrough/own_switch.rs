//! Checks of cards that carry a switch of their own.

use super::super::note::{Change, Remedy};
use super::super::text::{Arg, text};
use super::super::{Check, Notes, Subject};
use super::DEVICE;
use crate::machine::own_switch;

pub(in super::super) static CHECKS: &[&Check] = &[&GPU_SOUND_APART];

static GPU_SOUND_APART: Check = Check {
    code: "GPU-SOUND-APART",
    title: "sound of a GPU goes with it",
    explain: "Some cards, such as Intel's Arc, carry a PCI Express switch: their GPU and their sound are on different buses \
              behind it. The GPU works alone; for sound over HDMI or DisplayPort the guest needs the other function, too. \
              The ports of the switch stay with the host.",
    run: Some(sound),
    ..DEVICE
};

fn sound(subject: &Subject, notes: &mut Notes) {
    for row in subject.passed() {
        let found = row.device.and_then(|gpu| own_switch::of(subject.facts, gpu));
        let Some(found) = found else { continue };
        notes.looked();
        if subject.pci.iter().any(|row| row.address == found.sound) {
            continue;
        }
        let message = text!(
            "the sound of the card {address} is {sound}, behind the card's own switch",
            address = row.address,
            sound = found.sound
        );
        let ask = Arg::Ask { many: false, or_hold: false };
        let remedy = Remedy::from(text!("{ask} for sound over HDMI or DisplayPort", ask));
        notes.info(row.place(), message, remedy.by(Change::Add(vec![found.sound])));
    }
}
