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
    title: "guest OS is in the osinfo database",
    explain: "The requirements and drivers of an OS are read from the osinfo database of the machine on which vmbuild \
              runs (package osinfo-db; /usr/share/osinfo, /etc/osinfo, ~/.config/osinfo), or else from a short table \
              of current systems in vmbuild. For an OS in neither, only the family is used: win... is treated as \
              Windows, any other as a current Linux. A newer database, or the ID of the previous release, gives better \
              defaults.",
    run: Some(is_known),
    ..Check::VM
};

static OS_MINIMUM: Check = Check {
    code: "OS-MINIMUM",
    title: "VM meets the OS minimum",
    explain: "The osinfo database, or vmbuild's own table, lists the minimum number of CPUs, memory and disk size of \
              the OS. Below that, installers refuse to start or fail halfway. vmbuild builds what was requested. For \
              Windows 11 see VM-WIN11.",
    run: Some(minimum),
    ..Check::VM
};

static OS_RECOMMENDED: Check = Check {
    code: "OS-RECOMMENDED",
    title: "VM meets the OS recommendation",
    explain: "The VM meets the minimum of its OS, but has less than recommended: it will run more slowly or with less \
              space than it could.",
    run: Some(recommended),
    ..Check::VM
};

static OS_ISO: Check = Check {
    code: "OS-ISO",
    title: "boot ISO matches the guest OS",
    explain: "CDs and DVDs have labels, and the osinfo database lists those of most installation media. If the label \
              belongs to one OS only and os_variant is absent, the defaults of that OS are used. If several have the \
              same label, as Windows 10 and 11 do, os_variant decides; vmbuild does not guess. If the medium is of \
              another OS than os_variant, it may be the wrong file. A medium that is not listed is not checked.",
    run: Some(medium),
    ..Check::VM
};

static OS_DRIVERS: Check = Check {
    code: "OS-DRIVERS",
    title: "virtio drivers for Windows are available",
    explain: "Windows has no driver for virtio disks and network cards. The virtio-win ISO contains them: if a pool \
              has it, it is attached as a second CD before the installation medium, for 'Load driver' in the \
              installer. Without it disks are on SATA and network cards are emulated Intel ones, which work but are \
              slower. It comes from https://fedorapeople.org/groups/virt/virtio-win/direct-downloads/ or from the \
              package virtio-win of Fedora; put it in a pool and refresh the pool. virtio_win: false in the spec turns \
              it off.",
    run: Some(drivers),
    ..Check::VM
};

fn is_known(subject: &Subject, notes: &mut Notes) {
    let Some(system) = subject.machine.guest.system.as_ref() else { return };
    if subject.machine.guest.profile.is_some() {
        return notes.looked();
    }
    let Some(why) = subject.facts.profiles.get(&system.value).and_then(|fact| fact.why_not()) else { return };
    let like = if subject.machine.windows { "Windows" } else { "a current Linux" };
    let message = text!(
        "nothing is known of {system}, which is treated as {like}: {why}",
        system = system.value,
        like,
        why = Arg::clause(why)
    );
    let known = subject.facts.systems.items().iter().map(|system| system.id.as_str());
    let known = known.chain(TABLE.iter().map(|known| known.id)).collect::<Vec<_>>();
    let remedy = match nearest(&system.value, known) {
        Some(near) => text!("if {near} was meant, write that", near),
        None => "write the ID of the nearest known release: virt-install --osinfo list shows them".into(),
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
        let message = text!(
            "the boot ISO is '{volume}', the drivers for Windows, which cannot be booted",
            volume = medium.volume
        );
        let remedy = "name the installation medium; the driver ISO is attached automatically if a pool has it";
        return notes.warning(place, message, remedy);
    }
    let asked = subject.spec.os_variant.as_deref().map(str::trim).filter(|id| !id.is_empty());
    match (asked, medium.systems.as_slice()) {
        (None, []) => {
            let message =
                text!("no known operating system matches the boot ISO label '{volume}'", volume = medium.volume);
            notes.info(place, message, "set os_variant for defaults that fit the OS");
        }
        (None, [only]) => {
            let message = text!(
                "the boot ISO is '{volume}', {only}: its defaults are used",
                volume = medium.volume,
                only = only.name
            );
            notes.info(place, message, text!("set os_variant to another OS if it is not {id}", id = only.id));
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
        "os_variant is {id}, but the boot ISO is '{volume}' of {either}",
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

const SOURCE: &str = "put virtio-win.iso in a pool and refresh it: it is at \
                      https://fedorapeople.org/groups/virt/virtio-win/direct-downloads/stable-virtio/ and in the \
                      package virtio-win of Fedora; or set virtio_win to false";

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
                    text!(
                        "no pool has the virtio-win ISO: {name} gets disks and network cards that it has drivers for",
                        name
                    )
                }
            };
            notes.warning(field("virtio_win"), message, SOURCE);
        }
    }
}
