//! Checks of the guest system: what it needs, what boots it, what the boot ISO says, where its drivers come from.

use super::text::{Arg, Joint, Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::{Iso, Profile, Resources, SystemName};
use crate::machine::profile::table::TABLE;
use crate::machine::{DiskOrigin, Drivers};
use crate::spec::suggest::nearest;
use crate::spec::{DiskBus, DiskDevice, Place};
use crate::units::Bytes;

pub(super) static CHECKS: &[&Check] = &[&OS_KNOWN, &OS_MINIMUM, &OS_RECOMMENDED, &OS_ISO, &OS_DRIVERS];

static OS_KNOWN: Check = Check {
    code: "OS-KNOWN",
    title: "the guest's system is known",
    explain: "What a system needs and which devices it has drivers for is read from the osinfo database of the machine \
              that vmbuild runs on (package osinfo-db; /usr/share/osinfo, /etc/osinfo, ~/.config/osinfo), else from a \
              short table of current systems in vmbuild. Of a system that neither knows, nothing follows but its \
              family: win... is taken for a Windows, any other for a Linux of today. A newer database, or the id of \
              the release before, gives better defaults.",
    run: Some(is_known),
    ..Check::VM
};

static OS_MINIMUM: Check = Check {
    code: "OS-MINIMUM",
    title: "the guest's system gets what it needs at least",
    explain: "The osinfo database, or vmbuild's own table, says how many CPUs, how much memory and how large a disk \
              the system needs at least. Below that, installers refuse or end in the middle. vmbuild builds what was \
              asked for. For Windows 11 see VM-WIN11.",
    run: Some(minimum),
    ..Check::VM
};

static OS_RECOMMENDED: Check = Check {
    code: "OS-RECOMMENDED",
    title: "the guest's system gets what is recommended for it",
    explain: "The VM has what its system needs, but less than its makers recommend: it will run, more slowly or with \
              less room than it could.",
    run: Some(recommended),
    ..Check::VM
};

static OS_ISO: Check = Check {
    code: "OS-ISO",
    title: "the boot ISO is one of the guest's system",
    explain: "CDs and DVDs carry labels, and the osinfo database knows those of most installation media. Where only \
              one system has such media and os_variant is absent, its defaults are used. Where several have the same \
              labels, as Windows 10 and 11 do, os_variant decides: nothing is guessed. A medium of another system than \
              os_variant says may be a wrong file; a medium that nobody knows says nothing.",
    run: Some(medium),
    ..Check::VM
};

static OS_DRIVERS: Check = Check {
    code: "OS-DRIVERS",
    title: "the drivers that Windows lacks are at hand",
    explain: "Windows has no driver for virtio disks and cards. The virtio-win ISO brings them: found in a pool, it is \
              attached as a second CD before the installation medium, and 'Load driver' in the installer reads it. \
              Without it disks are on SATA and cards are Intel's, which work and are slower. It comes from \
              https://fedorapeople.org/groups/virt/virtio-win/direct-downloads/ or from the package virtio-win of \
              Fedora; put it into a pool and refresh that. virtio_win: false in the spec does without.",
    run: Some(drivers),
    ..Check::VM
};

fn is_known(subject: &Subject, notes: &mut Notes) {
    let Some(system) = subject.machine.guest.system.as_ref() else { return };
    if subject.machine.guest.profile.is_some() {
        return notes.looked();
    }
    let Some(why) = subject.facts.profiles.get(&system.value).and_then(|fact| fact.why_not()) else { return };
    let like = if subject.machine.windows { "a Windows" } else { "a Linux of today" };
    let message = text!(
        "nothing is known of {system}, which is taken for {like}: {why}",
        system = system.value,
        like,
        why = Arg::clause(why)
    );
    let known = subject.facts.systems.items().iter().map(|system| system.id.as_str());
    let known = known.chain(TABLE.iter().map(|known| known.id)).collect::<Vec<_>>();
    let remedy = match nearest(&system.value, known) {
        Some(near) => text!("write {near} if that was meant", near),
        None => "write the id of the nearest release that is known: virt-install --osinfo list shows them".into(),
    };
    notes.info(field("os_variant"), message, remedy);
}

/// One resource of the VM beside what the system wants of it.
struct Amount {
    place: Place,
    what: &'static str,
    has: u64,
    wants: u64,
    shown: fn(u64) -> Arg,
}

/// Windows 11 has a check of its own, which says all of its demands in one sentence.
fn minimum(subject: &Subject, notes: &mut Notes) {
    let guest = &subject.machine.guest;
    let Some(profile) = guest.profile.as_ref().filter(|_| !guest.is_windows_11()) else { return };
    let wants = profile.needs(&subject.machine.arch.value).minimum;
    for amount in short_of(subject, notes, wants) {
        let message = text!("{profile} needs at least {said}", profile = profile.name, said = amount.said());
        notes.warning(amount.place, message, text!("give it {amount}", amount = (amount.shown)(amount.wants)));
    }
}

fn recommended(subject: &Subject, notes: &mut Notes) {
    let Some(profile) = &subject.machine.guest.profile else { return };
    let needs = profile.needs(&subject.machine.arch.value);
    let lacking: Vec<&str> = short_of(subject, notes, needs.minimum).iter().map(|amount| amount.what).collect();
    for amount in short_of(subject, notes, needs.recommended) {
        if !lacking.contains(&amount.what) {
            let message = text!("{profile} runs better with {said}", profile = profile.name, said = amount.said());
            notes.info(amount.place, message, text!("give it {amount}", amount = (amount.shown)(amount.wants)));
        }
    }
}

impl Amount {
    fn said(&self) -> Text {
        let (wants, has) = ((self.shown)(self.wants), (self.shown)(self.has));
        if self.what == "CPUs" {
            return text!("{wants}, and has {has}", wants, has);
        }
        text!("{wants} of {what}, and has {has}", wants, what = self.what, has)
    }
}

/// What of the VM is less than `wants`.
fn short_of(subject: &Subject, notes: &mut Notes, wants: Resources) -> Vec<Amount> {
    let bytes = |count: u64| Arg::Bytes(Bytes(count));
    let cpus =
        |count: u64| if count == 1 { Arg::Text("1 CPU".into()) } else { Arg::Text(text!("{count} CPUs", count)) };
    let machine = subject.machine;
    let cpu = machine.vcpus.map(u64::from).zip(wants.cpus.map(u64::from));
    let memory = machine.memory.map(|memory| memory.0).zip(wants.memory.map(|memory| memory.0));
    let disk = system_disk(subject).zip(wants.disk);
    let all = [
        cpu.map(|(has, wants)| Amount { place: field("vcpus"), what: "CPUs", has, wants, shown: cpus }),
        memory.map(|(has, wants)| Amount { place: field("memory"), what: "memory", has, wants, shown: bytes }),
        disk.map(|((row, has), wants)| Amount {
            place: Place::disk(row, "size"),
            what: "disk",
            has: has.0,
            wants: wants.0,
            shown: bytes,
        }),
    ];
    let compared: Vec<Amount> = all.into_iter().flatten().collect();
    if !compared.is_empty() {
        notes.looked();
    }
    compared.into_iter().filter(|amount| amount.has < amount.wants).collect()
}

/// The largest disk that the build makes, where it makes all of them: the system may go onto any.
fn system_disk(subject: &Subject) -> Option<(usize, Bytes)> {
    let disks = subject.disks().filter(|row| row.asked.device != Some(DiskDevice::Cdrom));
    let sizes: Option<Vec<(usize, Bytes)>> = disks
        .map(|row| match &row.made?.origin {
            DiskOrigin::New { size, .. } => Some((row.row, (*size)?)),
            _ => None,
        })
        .collect();
    // Of several equal ones the first.
    sizes?.into_iter().rev().max_by_key(|(_, size)| *size)
}

fn medium(subject: &Subject, notes: &mut Notes) {
    let Some(medium) = &subject.machine.guest.medium else { return };
    notes.looked();
    let place = Place::root().key("storage").key("boot_iso");
    if medium.is_virtio_win() {
        let message =
            text!("the boot ISO is '{volume}', the drivers for Windows: nothing boots from it", volume = medium.volume);
        let remedy = "name the installation medium; that of the drivers is attached by itself where a pool has it";
        return notes.warning(place, message, remedy);
    }
    let asked = subject.spec.os_variant.as_deref().map(str::trim).filter(|id| !id.is_empty());
    match (asked, medium.systems.as_slice()) {
        (None, []) => {
            let message = text!("the boot ISO is '{volume}', which nobody knows the system of", volume = medium.volume);
            notes.info(place, message, "set os_variant for defaults that fit the system");
        }
        (None, [only]) => {
            let message = text!(
                "the boot ISO is '{volume}', {only}: its defaults are used",
                volume = medium.volume,
                only = only.name
            );
            notes.info(place, message, text!("set os_variant to another system if it is not {id}", id = only.id));
        }
        (None, several) => {
            let message = text!(
                "the boot ISO is '{volume}', which may be {either}",
                volume = medium.volume,
                either = either(several, |one| &one.name)
            );
            notes.info(place, message, text!("set os_variant to {either}", either = either(several, |one| &one.id)));
        }
        (Some(id), systems) => contradiction(subject, notes, place, (id, medium, systems)),
    }
}

fn contradiction(subject: &Subject, notes: &mut Notes, place: Place, told: (&str, &Iso, &[SystemName])) {
    let (id, medium, systems) = told;
    if systems.is_empty() || systems.iter().any(|system| system.id == id) {
        return;
    }
    let message = text!(
        "os_variant is {id}, and the boot ISO is '{volume}' of {either}",
        id,
        volume = medium.volume,
        either = either(systems, |system| &system.name)
    );
    let remedy =
        text!("set os_variant to {either}, or name another medium", either = either(systems, |system| &system.id));
    let windows = systems.iter().all(|system| system.id.starts_with("win"));
    if windows == subject.machine.windows {
        notes.info(place, message, remedy);
    } else {
        notes.warning(place, message, remedy);
    }
}

/// `a, b or c`, of many the first.
fn either(systems: &[SystemName], word: impl Fn(&SystemName) -> &String) -> Arg {
    const MOST: usize = 5;
    let words: Vec<Text> = systems.iter().take(MOST).map(|system| text!("{system}", system = word(system))).collect();
    let others = systems.len().checked_sub(MOST).filter(|others| *others > 0);
    let others = others.map(|others| text!("{others} others", others));
    Arg::list(Joint::Or, words.into_iter().chain(others))
}

const SOURCE: &str = "put virtio-win.iso into a pool and refresh it: https://fedorapeople.org/groups/virt/virtio-win/direct-downloads/\
                      stable-virtio/ has it, and the package virtio-win of Fedora; or set virtio_win to false";

fn drivers(subject: &Subject, notes: &mut Notes) {
    let guest = &subject.machine.guest;
    match &guest.drivers {
        Drivers::NotWanted => {}
        Drivers::Attached | Drivers::Found(_) => notes.looked(),
        Drivers::Missing => {
            let what = "whether a pool has the virtio-win CD";
            if notes.known(&subject.facts.pools, || field("virtio_win"), what).is_none() {
                return;
            }
            let name = guest.profile.as_ref().map_or("Windows", |profile: &Profile| profile.name.as_str());
            let virtio = |bus: DiskBus| matches!(bus, DiskBus::Virtio | DiskBus::Scsi);
            let blind = subject.disks().find(|row| {
                let new = row.made.is_some_and(|made| matches!(made.origin, DiskOrigin::New { .. }));
                new && row.asked.bus.is_some_and(virtio)
            });
            let message = match blind {
                Some(row) => text!(
                    "no pool has the virtio-win ISO: the installer of {name} does not see disk {row}, which is on {bus}",
                    name,
                    row = row.row,
                    bus = row.asked.bus.unwrap_or(DiskBus::Virtio).name()
                ),
                None => {
                    text!("no pool has the virtio-win ISO: {name} gets disks and cards that it has drivers for", name)
                }
            };
            notes.warning(field("virtio_win"), message, SOURCE);
        }
    }
}
