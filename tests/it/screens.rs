//! Whole screens as a user sees them: every step at 80x24 and 120x40, and what lies over them. Each is a file to read.

use crate::support::events;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Position;
use std::fs;
use vmbuild::app::model::Start;
use vmbuild::app::{App, Draft, Effect, Key, LeftDraft, Msg, Saved, StoreReply, update};
use vmbuild::domain::{Difference, Weight, What};
use vmbuild::facts::{Domain, Fact, Facts, FactsPart, Part, Provenance};
use vmbuild::plan::{BuildEvent, BuildResult, Plan, Verdict};
use vmbuild::spec::{Layer, Origin, Spec};
use vmbuild::ui::{self, Look, Theme, glyphs};

const NOW: u64 = 1_700_000_000;

/// A session at a GPU workstation, and how its screen looks.
struct Session {
    app: App,
    look: Look,
}

fn colours() -> Look {
    Look { theme: Theme::named("ansi").unwrap(), glyphs: glyphs::UNICODE }
}

fn plain() -> Look {
    Look { theme: Theme::named("mono").unwrap(), glyphs: glyphs::ASCII }
}

fn facts() -> Facts {
    facts_of("workstation")
}

fn facts_of(host: &str) -> Facts {
    serde_json::from_str(&fs::read_to_string(format!("tests/golden/facts/{host}.json")).unwrap()).unwrap()
}

fn spec(text: &str) -> Spec {
    serde_json::from_str(text).unwrap()
}

/// What the user of most screens has typed: a passthrough workstation with three findings in it.
fn workstation() -> Spec {
    spec(
        r#"{
            "name": "gpu-ws-01", "os_variant": "win11", "vcpus": 16, "memory": "32 GiB",
            "storage": {
                "default_pool": "fast-nvme", "boot_iso": "/var/lib/libvirt/images/Win11.iso",
                "disks": [
                    {"action": "create", "size": "200 GiB"},
                    {"action": "clone", "clone_from": "/dev/bulk/golden"},
                    {"action": "attach", "path": "/mnt/shared/data.qcow2", "bus": "scsi"}
                ]
            },
            "networks": [{"type": "bridge", "source": "br0"}, {"type": "network", "source": "lab"}],
            "pci_devices": [
                {"host_address": "0000:01:00.0", "rom_file": "/usr/share/vgabios/rtx2080.rom", "primary_gpu": true},
                {"host_address": "0000:01:00.1"}, {"host_address": "0000:01:00.2"}, {"host_address": "0000:01:00.3"}
            ],
            "tpm": true,
            "metadata": {"owner": "jo", "ticket": "4711"}
        }"#,
    )
}

fn template() -> Layer {
    let spec = spec(r#"{"uefi": true, "secure_boot": true, "machine": "q35"}"#);
    Layer { origin: Origin::Template("gpu-workstation".into()), spec }
}

impl Session {
    /// A session before anything has answered.
    fn new(width: u16, height: u16) -> Self {
        let start = Start { uri: "qemu:///system".into(), size: (width, height), clock: NOW, ..Start::default() };
        Self { app: App::new(start).0, look: colours() }
    }

    /// A session with templates, the workstation's facts, and a draft that was taken up.
    fn full(width: u16, height: u16) -> Self {
        Self::with(workstation(), width, height)
    }

    fn with(own: Spec, width: u16, height: u16) -> Self {
        let mut session = Self::new(width, height);
        session.shelves();
        session.facts(facts());
        let draft = Draft { saved_at: NOW - 600, spec: own, layers: vec![template()], ..Draft::default() };
        let left = LeftDraft { path: "draft.json".into(), draft };
        session.tell(Msg::Stored(StoreReply::DraftsOffered(vec![left])));
        session.keys("Enter")
    }

    /// A step of a build that takes so many milliseconds.
    fn step(&mut self, plan: &Plan, step: usize, from: u64, took: u64) {
        for event in events::whole(plan, step, from, from + took) {
            self.tell(Msg::Build(event));
        }
    }

    fn shelves(&mut self) {
        let saved = |name: &str, description: &str, text: &str| Saved {
            name: name.into(),
            description: description.into(),
            spec: Ok(spec(text)),
            shipped: false,
        };
        self.tell(Msg::Stored(StoreReply::Templates(vec![
            saved("basic", "A small server", r#"{"vcpus": 2, "memory": 4096}"#),
            Saved { spec: Ok(template().spec), ..saved("gpu-workstation", "Passthrough of a whole GPU", "{}") },
        ])));
        let broken = Saved { spec: Err("line 3: unknown field".into()), ..saved("old", "", "{}") };
        self.tell(Msg::Stored(StoreReply::Presets(vec![saved("office", "Bridged", r#"{"networks": []}"#), broken])));
    }

    fn facts(&mut self, facts: Facts) {
        let Facts { host, memory, kvm, capabilities, domain_capabilities, pools, networks, .. } = facts;
        for part in [
            FactsPart::Host { host, memory, kvm },
            FactsPart::Cpus { cpus: facts.cpus, nodes: facts.nodes },
            FactsPart::Pools(pools),
            FactsPart::Networks { networks, bridges: facts.bridges },
            FactsPart::Domains(facts.domains),
            FactsPart::Pci { pci: facts.pci, iommu: facts.iommu },
            FactsPart::Capabilities { capabilities, domain_capabilities },
            FactsPart::Roms { roms: facts.roms, confinement: Box::new(facts.confinement) },
            FactsPart::Files(facts.files),
        ] {
            self.tell(Msg::Facts(part));
        }
    }

    fn tell(&mut self, msg: Msg) -> Vec<Effect> {
        update(&mut self.app, msg)
    }

    /// Presses keys by their names.
    fn keys(mut self, names: &str) -> Self {
        for name in names.split(' ') {
            let key: Key = name.parse().unwrap_or_else(|_| panic!("no key {name}"));
            self.tell(Msg::Key(key));
        }
        self
    }

    /// Types a text.
    fn types(mut self, text: &str) -> Self {
        for c in text.chars() {
            self.tell(Msg::Key(Key::char(c)));
        }
        self
    }

    fn plain(mut self) -> Self {
        self.look = plain();
        self
    }

    /// The screen as text, the place of the cursor below it.
    fn screen(&self) -> String {
        let (width, height) = self.app.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut cursor = None;
        terminal.draw(|frame| ui::draw(&self.app, &self.look, frame)).unwrap();
        if terminal.backend().cursor_visible() {
            cursor = Some(terminal.backend().cursor_position());
        }
        let buffer = terminal.backend().buffer();
        let mut out = String::new();
        for y in 0..height {
            let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
            out.push_str(line.trim_end());
            out.push('\n');
        }
        let Position { x, y } = cursor.unwrap_or_else(|| panic!("no cursor on\n{out}"));
        out + &format!("cursor in column {x} of row {y}\n")
    }
}

fn check(name: &str, session: &Session) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../screens");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, session.screen()));
}

/// The steps by key and name.
const STEPS: [(&str, &str); 9] = [
    ("1", "template"),
    ("2", "system"),
    ("3", "storage"),
    ("4", "disks"),
    ("5", "network"),
    ("6", "pci"),
    ("7", "extras"),
    ("8", "review"),
    ("9", "build"),
];

#[test]
fn every_step_at_80_by_24() {
    for (key, name) in STEPS {
        check(&format!("{name}-80x24"), &Session::full(80, 24).keys(key));
    }
}

#[test]
fn every_step_at_120_by_40() {
    for (key, name) in STEPS {
        check(&format!("{name}-120x40"), &Session::full(120, 40).keys("2 3 4 5 6 7 8").keys(key));
    }
}

#[test]
fn the_fields_that_few_vms_need_and_the_map_of_cpus() {
    check("system-more", &Session::full(100, 60).keys("2 m"));
    check("extras-more", &Session::full(100, 60).keys("7 m"));
    check("disks-more", &Session::full(80, 24).keys("4 m"));
    let mut map = Session::full(80, 24);
    map.facts(facts_of("ryzen"));
    check("cpu-map-80x24", &map.keys("2 M Space"));
}

#[test]
fn a_c_locale_without_colour_reads_as_well() {
    check("disks-ascii", &Session::full(80, 24).plain().keys("4"));
    check("pci-ascii", &Session::full(80, 24).plain().keys("6"));
    check("ask-ascii", &Session::full(80, 24).plain().keys("q"));
}

/// The drive and a port of the network card share the group of the graphics card.
fn crowded(width: u16, height: u16) -> Session {
    let mut session = Session::new(width, height);
    let mut facts = facts();
    for device in facts.pci.get_mut().unwrap() {
        if ["04:00.0", "05:00.1"].contains(&device.address.short().as_str()) {
            device.iommu_group = Some(16);
        }
    }
    session.facts(facts);
    session
}

/// The card of a preset on a host that has it elsewhere, or several like it.
fn preset(on: &str, width: u16, height: u16) -> Session {
    let own = spec(&fs::read_to_string("tests/golden/preset-moved/spec.json").unwrap());
    let mut session = Session::with(own, width, height);
    let mut facts = facts();
    let others = fs::read_to_string(format!("tests/golden/facts/{on}.json")).unwrap();
    let others: Facts = serde_json::from_str(&others).unwrap();
    (facts.pci, facts.domains) = (others.pci, others.domains);
    session.facts(facts);
    session
}

#[test]
fn what_a_preset_found_or_did_not_find_is_said_above_the_list() {
    check("pci-preset-moved", &preset("preset-moved", 80, 24).keys("6"));
    check("pci-preset-twins", &preset("preset-twins", 80, 24).keys("6"));
    check("pci-preset-explained", &preset("preset-moved", 120, 40).keys("6 c"));
}

#[test]
fn a_card_is_taken_with_what_shares_its_group() {
    check("pci-before-taking", &crowded(100, 30).keys("6 f f f f"));
    check("pci-taken", &crowded(100, 30).keys("6 f f f f Space"));
    check("pci-role", &crowded(80, 24).keys("6 f f f f Space j j j j h"));
    check("pci-checks", &crowded(80, 24).keys("6 Space c"));
    check("pci-sheet", &crowded(80, 24).keys("6 Enter"));
    // On the first row of the NVMe drives.
    check("pci-ways", &crowded(80, 24).keys("6 f f v"));
    check("pci-no-hit", &crowded(80, 24).keys("6 /").types("voodoo").keys("Enter"));
    check("help-80x24", &crowded(80, 24).keys("6 ?"));
}

#[test]
fn the_screen_before_anything_has_answered() {
    check("start-100x30", &Session::new(100, 30));
    check("storage-waiting", &Session::new(100, 30).keys("3"));
    let mut waiting = Session::new(100, 30).keys("6");
    waiting.tell(Msg::Waiting(Some((Part::Pci, 12))));
    check("pci-waiting", &waiting);
    let mut failed = Session::new(100, 30).keys("3");
    let text = "libvirt does not answer at qemu:///system.".to_owned();
    failed.tell(Msg::HostFailed { text, remedy: "Start it: systemctl start libvirtd.".into() });
    check("no-host-question", &failed);
    check("storage-no-connection", &failed.keys("Esc"));
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    check("notice-60x20", &Session::full(60, 20));
}

#[test]
fn wide_screens_show_the_xml_beside_the_step() {
    check("disks-140x40", &Session::full(140, 40).keys("4 Enter"));
    check("pci-180x50", &Session::full(180, 50).keys("6"));
}

#[test]
fn the_xml_over_a_step() {
    check("xml-100x30", &Session::full(100, 30).keys("2 x"));
}

#[test]
fn errors_show_under_their_field() {
    let typing = Session::full(100, 30).keys("4 a Enter").types("lots");
    check("disks-typing", &typing);
    check("disks-left", &typing.keys("Tab Shift-Tab"));
    check("system-name", &Session::full(100, 30).keys("2 Enter Esc Enter").types("/x").keys("Tab"));
}

/// A block device of the host is attached, and the build was asked for.
fn consent() -> Session {
    use vmbuild::facts::{Fact, FactsPart, MediaFile, MediaKind, Provenance};
    let device = MediaFile {
        kind: MediaKind::BlockDevice,
        size: vmbuild::units::Bytes::gib(10),
        world_readable: true,
        ..MediaFile::default()
    };
    let device = Fact::known(device, Provenance::File("stat".into()), NOW);
    let mut session = Session::full(80, 24).keys("4 e").types("/dev/sdz").keys("Enter");
    session.tell(Msg::Facts(FactsPart::Files([("/dev/sdz".to_owned(), device)].into())));
    session.tell(Msg::Facts(crate::support::drives::with_drive("sdz", &[])));
    session.keys("Esc 8 B").types("yes").keys("Enter")
}

#[test]
fn overlays() {
    check("help-100x30", &Session::full(100, 30).keys("6 ?"));
    check("palette-100x30", &Session::full(100, 30).keys("4 :").types("disk"));
    check("pick-100x30", &Session::full(100, 30).keys("4 i"));
    check("leave-100x30", &Session::full(100, 30).keys("q"));
    check("write-100x30", &Session::full(100, 30).keys("w"));
    check("prompt-100x30", &Session::full(100, 30).keys("w Enter"));
    check("consent-80x24", &consent());
    check("editor-100x30", &Session::full(100, 30).keys("7 Shift-Tab Enter").types("x"));
    check("checks-100x30", &Session::full(100, 30).keys("c j"));
}

#[test]
fn the_review_in_its_tabs() {
    let session = Session::full(100, 30).keys("8 ]");
    check("review-xml", &session);
    let session = session.keys("n n");
    check("review-xml-change", &session);
    let session = session.keys("]");
    check("review-plan", &session);
    check("review-json", &session.keys("]"));
}

/// The workstation beside what libvirt stored of an earlier one of the same name.
fn defined(width: u16, height: u16) -> Session {
    let mut session = Session::full(width, height);
    let mut domains = session.app.facts.domains.clone();
    if let Some(domains) = domains.get_mut() {
        domains.push(Domain { name: "gpu-ws-01".into(), ..domains[1].clone() });
    }
    session.tell(Msg::Facts(FactsPart::Domains(domains)));
    session.keys("8 ] t").types("name of this").keys("Enter")
}

#[test]
fn the_review_beside_a_domain_that_is_defined() {
    let answer = |mut session: Session, seen_at| {
        let xml = fs::read_to_string("tests/defined/gpu-ws-01.xml").unwrap();
        let fact = Fact::known(xml, Provenance::Libvirt("virDomainGetXMLDesc".into()), seen_at);
        session.tell(Msg::Facts(FactsPart::Definitions([("gpu-ws-01".to_owned(), fact)].into())));
        session
    };
    check("review-domain-asking", &defined(80, 24));
    check("review-domain-80x24", &answer(defined(80, 24), NOW).keys("n n"));
    check("review-domain-120x40", &answer(defined(120, 40), NOW - 300).keys("n n n n n"));
    check("review-domain-whole", &answer(defined(100, 30), NOW).keys("m n"));
    check("review-domain-ascii", &Session { look: plain(), ..answer(defined(80, 24), NOW).keys("n") });
    let mut gone = defined(80, 24);
    let why = "The domain gpu-ws-01 was not found: no domain with matching name 'gpu-ws-01'.";
    gone.tell(Msg::Facts(FactsPart::Definitions([("gpu-ws-01".to_owned(), Fact::unknown(why))].into())));
    check("review-domain-gone", &gone);
    check("review-bases", &defined(80, 24).keys("t"));
}

/// A spec that can be built.
fn buildable() -> Spec {
    spec(
        r#"{
            "name": "web-01", "vcpus": 4, "memory": 8192, "autostart": true,
            "storage": {"default_pool": "fast-nvme", "disks": [
                {"action": "create", "size": 20}, {"action": "clone", "clone_from": "/dev/bulk/golden"}
            ]}
        }"#,
    )
}

fn building() -> Session {
    let mut session = Session::with(buildable(), 100, 30).keys("8 B");
    if !session.app.overlays.is_empty() {
        session = session.keys("Enter");
    }
    let plan = session.app.build.plan.clone().unwrap_or_else(|| panic!("no build: {:?}", session.app.build_gate()));
    session.tell(Msg::Build(BuildEvent::began(&plan)));
    (0..2).for_each(|step| session.step(&plan, step, step as u64 * 400, 400));
    session.tell(Msg::Build(events::begins(&plan, 2, 800)));
    session.tell(Msg::Clock(NOW + 39));
    session.tell(Msg::Build(BuildEvent::Progress { step: 2, done: 24 << 30, total: 40 << 30 }));
    session
}

/// What libvirt makes of a domain, one thing dropped.
fn stored() -> Vec<Difference> {
    let change = |path: &str, what, weight| Difference { path: path.into(), what, weight };
    let address = "<address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>";
    vec![
        change("uuid", What::Added { to: "<uuid>6f9f0a3c-6a51-4c55-9c4c-0d5c3b0b6c11</uuid>".into() }, Weight::Own),
        change("memory", What::Changed { from: "8".into(), to: "8388608".into() }, Weight::Spelling),
        change("os/type@machine", What::Changed { from: "q35".into(), to: "pc-q35-10.0".into() }, Weight::Spelling),
        change("devices/disk vda/address", What::Added { to: address.into() }, Weight::Own),
        change(
            "devices/rng",
            What::Dropped { from: "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>".into() },
            Weight::Meaning,
        ),
    ]
}

#[test]
fn a_build_from_start_to_end() {
    check("building", &building());
    let mut built = building();
    let plan = built.app.build.plan.clone().unwrap();
    let uuid = "6f9f0a3c-6a51-4c55-9c4c-0d5c3b0b6c11".to_owned();
    (2..plan.steps.len()).for_each(|step| built.step(&plan, step, 60_000 + step as u64 * 100, 100));
    let outcome = BuildResult::Built { uuid, state: "shutoff".into() };
    let step = plan.steps.iter().position(|step| step.title == "Read back").unwrap();
    built.tell(Msg::Build(BuildEvent::Stored { step, changes: stored() }));
    built.tell(Msg::Build(BuildEvent::Ended { at_ms: 61_000, outcome }));
    check("built", &built);
    check("built-stored", &built.keys("t"));
    let mut failed = building();
    let message = "Clone volume web-01-vdb.qcow2: the pool fast-nvme is full".to_owned();
    let original = "cannot extend file '/srv/fast/web-01-vdb.qcow2': No space left on device".to_owned();
    failed.tell(Msg::Build(BuildEvent::StepFailed {
        step: 2,
        at_ms: 40_000,
        message: message.clone(),
        diagnosis: vmbuild::checks::diagnose(&original, &[]),
        original,
        unanswered: false,
    }));
    let made = events::made(&plan, 1).unwrap();
    failed.tell(Msg::Build(BuildEvent::Undone { step: 1, what: "deleted volume web-01-vda.qcow2".into(), made }));
    failed.tell(Msg::Build(BuildEvent::NotUndone {
        step: 2,
        what: "volume web-01-vdb.qcow2".into(),
        why: "the pool does not answer".into(),
        by_hand: "virsh vol-delete web-01-vdb.qcow2 fast-nvme".into(),
        made: events::made(&plan, 2),
    }));
    failed.tell(Msg::Build(BuildEvent::Ended { at_ms: 40_100, outcome: BuildResult::NotFullyUndone { message } }));
    check("build-failed", &failed);
}

#[test]
fn what_was_looked_at_after_the_start() {
    let mut session = building();
    let plan = session.app.build.plan.clone().unwrap();
    let last = plan.steps.len() - 1;
    (2..last).for_each(|step| session.step(&plan, step, 41_000 + step as u64 * 100, 100));
    session.tell(Msg::Build(events::begins(&plan, last, 41_000 + last as u64 * 100)));
    let words = "vfio-pci 0000:01:00.0: BAR 1: can't reserve [mem 0xe0000000-0xefffffff 64bit pref]".to_owned();
    let diagnosis = vmbuild::checks::diagnose(&words, &[]);
    let items = [
        ("0000:01:00.0 is on vfio-pci", Verdict::Passed, "", ""),
        ("0000:01:00.1 is on vfio-pci", Verdict::Passed, "", ""),
        ("the VM runs 10 s after its start", Verdict::Passed, "", ""),
        ("QEMU reports no trouble", Verdict::NotChecked, "this user may not read /var/log/libvirt/qemu", ""),
        (
            "the kernel reports no trouble with the devices",
            Verdict::Failed,
            "the console holds a window",
            words.as_str(),
        ),
    ];
    for (what, verdict, note, original) in items {
        let diagnosis = diagnosis.clone().filter(|_| verdict == Verdict::Failed);
        let (what, note, original) = (what.to_owned(), note.to_owned(), original.to_owned());
        session.tell(Msg::Build(BuildEvent::Verified { step: last, what, verdict, note, original, diagnosis }));
    }
    let message = "web-01 was started, but not all is as it must be (3 passed, 1 failed, 1 not checked).".to_owned();
    let failed = message.clone();
    session.tell(Msg::Build(BuildEvent::StepFailed {
        step: last,
        at_ms: 52_000,
        message: failed,
        original: words,
        diagnosis,
        unanswered: false,
    }));
    session.tell(Msg::Build(BuildEvent::NotUndone {
        step: last,
        what: "running domain web-01".into(),
        why: "for a look at what went wrong".into(),
        by_hand: "virsh destroy web-01".into(),
        made: None,
    }));
    let outcome = BuildResult::Unverified { uuid: String::new(), state: "running".into(), message };
    session.tell(Msg::Build(BuildEvent::Ended { at_ms: 52_000, outcome }));
    check("build-unverified", &session);
}

/// Keys that lead everywhere.
const KEYS: [&str; 30] = [
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "j",
    "k",
    "Tab",
    "Shift-Tab",
    "Enter",
    "Esc",
    "Space",
    "a",
    "d",
    "x",
    "c",
    "?",
    ":",
    "i",
    "]",
    "n",
    "G",
    "u",
    "w",
    "f",
    "/",
    "Right",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_screen_of_every_size_has_a_cursor_within(
        keys in proptest::collection::vec(0..KEYS.len(), 0..30), width in 1u16..200, height in 1u16..60,
    ) {
        let mut session = Session::full(100, 30);
        for key in keys {
            session.tell(Msg::Key(KEYS[key].parse().unwrap()));
        }
        session.tell(Msg::Size(width, height));
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| ui::draw(&session.app, &session.look, frame)).unwrap();
        proptest::prop_assert!(terminal.backend().cursor_visible());
        let Position { x, y } = terminal.backend().cursor_position();
        proptest::prop_assert!(x < width && y < height);
    }
}

/// Whoever is quicker than the host need not open the list again.
#[test]
fn a_list_that_was_opened_too_early_fills_when_the_host_answers() {
    let session = Session::new(100, 30).keys("4 i");
    assert!(session.screen().contains("not asked yet"), "{}", session.screen());
    let mut session = session.types("ubuntu");
    session.facts(facts());
    let screen = session.screen();
    assert!(screen.contains("ubuntu-desktop.iso") && !screen.contains("virtio-win"), "{screen}");
    assert!(screen.contains("▸ use \"ubuntu\" as typed"), "{screen}");
}

#[test]
fn the_end_of_a_list_of_50_000_volumes_is_shown() {
    let volume = |n: usize| vmbuild::facts::Volume {
        name: format!("v{n}.iso"),
        path: format!("/srv/fast/v{n}.iso"),
        capacity: vmbuild::units::Bytes(1 << 30),
        format: Some("iso".into()),
        ..vmbuild::facts::Volume::default()
    };
    let mut many = facts();
    let pools = many.pools.get_mut().unwrap();
    let source = vmbuild::facts::Provenance::File("test".into());
    pools[0].volumes = vmbuild::facts::Fact::known((0..50_000).map(volume).collect(), source, NOW);
    let mut session = Session::full(100, 30);
    session.facts(many);
    let session = session.keys("4 i End");
    let screen = session.screen();
    assert!(screen.contains("ubuntu-desktop.iso"), "{screen}");
    assert!(screen.contains("more above") && !screen.contains("more below"), "{screen}");
}
