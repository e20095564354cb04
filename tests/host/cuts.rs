//! A build killed by SIGKILL: at each of its events, and at any moment; what `vmbuild recover` makes of it on a libvirt that
//! runs real guests. The build runs in a process of its own: this test program, started again.

use crate::support;
use crate::support::program::Home;
use rustix::process::{Signal, getpid, kill_process};
use serde_json::json;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vmbuild::build::{Order, run};
use vmbuild::case::{self, CaseInput, QueryScope};
use vmbuild::checks::Allowed;
use vmbuild::engine::EngineId;
use vmbuild::facts::Facts;
use vmbuild::host::{Source, opening};
use vmbuild::journal::Builds;
use vmbuild::spec::{Layer, Origin, Template, parse};
use vmbuild::store::Folders;

/// What the seed holds and no journal may.
const SECRET: &str = "hunter2-4711";

/// A pool of the test's own with an image to copy, and a home with the journals.
struct Site {
    uri: String,
    name: String,
    folder: tempfile::TempDir,
    home: Home,
}

impl Site {
    fn new(uri: String, test: &str) -> Self {
        // Tests run side by side, and no two VMs have one address.
        let mac = format!("52:54:00:12:34:{:02x}", test.len() + test.bytes().map(usize::from).sum::<usize>() % 200);
        // Not below /tmp, where libvirtd may have a view of its own.
        let folder = tempfile::Builder::new().prefix("vmbuild-cut-").tempdir_in("/var/tmp").unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let site = Self { uri, name: format!("vmbuild-cut-{test}-{}", std::process::id()), folder, home: Home::new() };
        let golden = site.folder.path().join("golden.qcow2");
        let raw = site.home.write("golden.raw", &"golden ".repeat(1 << 20));
        let args = ["convert", "-O", "qcow2", raw.to_str().unwrap(), golden.to_str().unwrap()];
        assert!(Command::new("qemu-img").args(args).status().unwrap().success());
        let path = site.folder.path().to_str().unwrap().to_owned();
        site.virsh(&["pool-create-as", &site.name, "dir", "--target", &path]).unwrap();
        let spec = json!({
            "name": site.name, "memory": 128, "vcpus": 1, "virt_type": "qemu", "uefi": true, "tpm": true,
            "autostart": true, "networks": [{"type": "user", "mac": mac}],
            "storage": {"default_pool": site.name, "disks": [
                {"action": "create", "size": 1},
                {"action": "clone", "clone_from": "golden.qcow2"},
            ]},
            "cloud_init": {"user_data": format!("#cloud-config\npassword: {SECRET}\n")},
        });
        site.home.write("spec.json", &spec.to_string());
        site
    }

    fn virsh(&self, args: &[&str]) -> Option<String> {
        let output = Command::new("virsh").args(["-q", "-c", &self.uri]).args(args).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    fn state(&self) -> PathBuf {
        self.home.path().join(".local/state/vmbuild")
    }

    /// The build in a process of its own, killed after so many events; its own end is that of a build that was not.
    fn build(&self, events: Option<usize>) -> std::process::Child {
        let order = json!({
            "uri": self.uri, "state": self.state(), "spec": self.home.path().join("spec.json"), "events": events,
        });
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "cuts::the_build_that_is_cut"]).env("VMBUILD_TEST_CUT", order.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// All that a build of this test could leave.
    fn everything(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        let mut files = |folder: &Path| {
            let names = std::fs::read_dir(folder)
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            all.extend(names.filter(|name| folder == self.folder.path() || name.contains(&self.name)));
        };
        files(self.folder.path());
        files(Path::new("/var/lib/libvirt/qemu/nvram"));
        files(Path::new("/etc/libvirt/qemu/autostart"));
        for uuid in self.uuids() {
            let state = format!("/var/lib/libvirt/swtpm/{uuid}");
            all.extend(Path::new(&state).exists().then_some(state));
        }
        for (word, args) in [("domain", &["list", "--all", "--name"][..]), ("running", &["list", "--name"])] {
            let listed = self.virsh(args).unwrap();
            all.extend(listed.lines().filter(|name| name.contains(&self.name)).map(|name| format!("{word} {name}")));
        }
        let volumes = self.virsh(&["vol-list", &self.name]).unwrap();
        all.extend(
            volumes.lines().filter_map(|line| line.split_whitespace().next()).map(|name| format!("volume {name}")),
        );
        all
    }

    fn journals(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.state().join("builds")).into_iter().flatten();
        let files = files.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.extension().is_some());
        files.map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect()
    }

    /// The identities that were chosen for the VM.
    fn uuids(&self) -> BTreeSet<String> {
        let cut = |text: &String| Some(text.split_once("<uuid>")?.1.split_once("</uuid>")?.0.to_owned());
        self.journals().iter().filter_map(cut).collect()
    }

    /// The VM with all that a build decides, but for what is new each time.
    fn vm(&self) -> String {
        let xml = self.virsh(&["dumpxml", "--inactive", &self.name]).expect("the VM is there");
        let uuid = self.virsh(&["domuuid", &self.name]).unwrap().trim().to_owned();
        let info = self.virsh(&["dominfo", &self.name]).unwrap();
        let kept = |line: &&str| ["State", "Autostart", "Persistent"].iter().any(|word| line.starts_with(word));
        let info: Vec<_> = info.lines().filter(kept).map(|line| line.split_whitespace().collect::<String>()).collect();
        let seed = std::fs::read(self.folder.path().join(format!("{}-cidata.img", self.name))).unwrap_or_default();
        let seed = String::from_utf8_lossy(&seed).replace(&uuid, "UUID");
        let files: Vec<_> = self.everything().into_iter().map(|name| name.replace(&uuid, "UUID")).collect();
        let vdb = self.folder.path().join(format!("{}-vdb.qcow2", self.name));
        let golden = self.folder.path().join("golden.qcow2");
        let same = Command::new("qemu-img").args(["compare", "-U"]).arg(golden).arg(vdb).output().unwrap();
        assert!(same.status.success(), "the copy differs: {}", String::from_utf8_lossy(&same.stdout));
        format!("{}\n{info:?}\n{files:?}\n{}", xml.replace(&uuid, "UUID"), seed.contains(SECRET))
    }

    /// Removes what is there without vmbuild.
    fn clear(&self) {
        self.virsh(&["destroy", &self.name]);
        self.virsh(&["undefine", "--nvram", "--tpm", &self.name]);
        let volumes = self.virsh(&["vol-list", &self.name]).unwrap_or_default();
        for name in
            volumes.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "golden.qcow2")
        {
            self.virsh(&["vol-delete", "--pool", &self.name, name]);
        }
        // Builds that are over are not in the way; those that were cut are.
        std::fs::remove_dir_all(self.state()).ok();
    }

    /// Ends the interrupted build by `verb`; what the program said.
    fn recover(&self, verb: &str) -> String {
        let spec = self.home.path().join("spec.json");
        let mut args = vec!["recover", verb, "--yes"];
        if verb == "--resume" {
            args.extend(["--spec", spec.to_str().unwrap()]);
        }
        let ran = self.home.run(&args).code(0);
        format!("{}{}", ran.out, ran.err)
    }

    fn is_interrupted(&self) -> bool {
        !self.home.run(&["builds", "list", "--open"]).code(0).out.contains("No build is interrupted")
    }

    fn assert_no_secret(&self) {
        assert!(self.journals().iter().all(|text| !text.contains(SECRET)), "a journal holds the secret");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.clear();
        self.virsh(&["pool-destroy", &self.name]);
    }
}

/// No test of its own: the process that builds, and ends by SIGKILL.
#[test]
fn the_build_that_is_cut() {
    let Ok(order) = std::env::var("VMBUILD_TEST_CUT") else { return };
    let order: serde_json::Value = serde_json::from_str(&order).unwrap();
    let text = |name: &str| order[name].as_str().unwrap();
    let spec = parse(&std::fs::read_to_string(text("spec")).unwrap()).unwrap();
    let layer = Layer { origin: Origin::User, spec };
    let input = CaseInput::of(&[layer], &|_| Template::Pending).starting(true);
    let source = Source::at(text("uri"));
    let mut backend = opening::open(EngineId::Libvirt, &source, None).unwrap();
    let (mut facts, cancel) = (Facts::default(), std::sync::Arc::default());
    let case = case::complete(&input, &mut facts, &QueryScope::default(), |queries| backend.facts(&queries, &cancel));
    assert_eq!(case.report.blockers().next(), None);
    let builds = Some(Builds::new(&Folders { state: text("state").into(), ..Folders::below(Path::new("/none")) }));
    let (plan, spec) = (case.plan, case.stack.spec);
    let order_of_build = Order { plan, spec, allowed: Allowed::default(), source, builds, ssh: None };
    let mut left = order["events"].as_u64();
    run(
        &order_of_build,
        &mut |_| {
            left = left.map(|left| left - 1);
            if left == Some(0) {
                kill_process(getpid(), Signal::KILL).unwrap();
            }
        },
        &cancel,
    );
}

/// Cuts the build at each of its events; `then` judges what is left.
fn cut_everywhere(site: &Site, then: impl Fn(usize)) {
    for events in 1.. {
        let status = site.build(Some(events)).wait().unwrap();
        site.assert_no_secret();
        if status.success() {
            assert!(events > 20, "the build ended after {events} events");
            return;
        }
        assert_eq!(status.signal(), Some(9));
        // Killed right after its end, it is over.
        if !site.is_interrupted() {
            assert!(events > 20, "nothing is left to recover after {events} events");
            return;
        }
        then(events);
    }
}

#[test]
fn a_build_cut_at_any_event_is_taken_back_without_a_trace() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "undo");
    let before = site.everything();
    cut_everywhere(&site, |events| {
        let said = site.recover("--undo");
        assert_eq!(site.everything(), before, "cut after {events} events; {said}");
        assert!(!site.is_interrupted());
    });
}

#[test]
fn a_build_cut_at_any_event_is_finished_as_if_it_had_not_been() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "resume");
    assert!(site.build(None).wait().unwrap().success());
    let uncut = site.vm();
    site.clear();
    cut_everywhere(&site, |events| {
        let said = site.recover("--resume");
        similar(&site.vm(), &uncut, &format!("cut after {events} events; {said}"));
        site.clear();
    });
}

#[test]
fn a_volume_that_another_replaced_is_left_and_listed() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "replaced");
    let volume = site.folder.path().join(format!("{}-vda.qcow2", site.name));
    // The first events until the volume is there.
    let events = (1..20).find(|events| {
        site.clear();
        assert_eq!(site.build(Some(*events)).wait().unwrap().signal(), Some(9));
        volume.exists()
    });
    assert!(events.is_some());
    let theirs = site.home.write("theirs", "precious");
    std::fs::copy(theirs, volume.with_extension("new")).unwrap();
    std::fs::rename(volume.with_extension("new"), &volume).unwrap();
    let ran = site.home.run(&["recover", "--undo", "--yes"]).code(6);
    assert!(ran.out.contains("is no longer the file that this build made"), "{}", ran.out);
    assert_eq!(std::fs::read_to_string(&volume).unwrap(), "precious");
    assert!(site.home.run(&["builds", "list", "--open"]).out.contains("not fully undone"));
}

#[test]
fn of_builds_of_one_vm_at_once_one_wins_and_the_others_say_which() {
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "at-once");
    let args = ["-c", &site.uri, "build", "spec.json", "--json", "--yes"];
    let spawn = || site.home.command(&args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let children: Vec<_> = (0..3).map(|_| spawn()).collect();
    let ends: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let winners = ends.iter().filter(|end| end.status.code() == Some(0)).count();
    for lost in ends.iter().filter(|end| end.status.code() != Some(0)) {
        let text = String::from_utf8_lossy(&lost.stdout);
        let body: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        // One that comes after the winner has made something is told by the checks.
        let known = ["BUILD-RUNNING", "NAME-TAKEN", "VOLUME-EXISTS", "MAC-TAKEN"];
        assert!(lost.status.code() == Some(3) && known.contains(&body["code"].as_str().unwrap()), "{text}");
        assert!(!text.contains("\"event\":\"made\""), "{text}");
    }
    assert_eq!(winners, 1);
    assert!(site.virsh(&["dominfo", &site.name]).is_some());
}

#[track_caller]
fn similar(now: &str, want: &str, when: &str) {
    let differs = now.lines().zip(want.lines()).find(|(now, want)| now != want);
    assert!(differs.is_none() && now.lines().count() == want.lines().count(), "{when}: {differs:?}\n{now}\n{want}");
}

/// `make cuts`: as many cuts as `VMBUILD_TEST_CUTS` says, at moments that are spread over the length of a build.
#[test]
fn a_build_cut_at_any_moment_is_taken_back_or_finished() {
    let Some(cuts) = std::env::var("VMBUILD_TEST_CUTS").ok().and_then(|cuts| cuts.parse::<u32>().ok()) else { return };
    let Some(uri) = support::system_uri() else { return };
    let site = Site::new(uri, "moment");
    let before = site.everything();
    let began = Instant::now();
    assert!(site.build(None).wait().unwrap().success());
    let (took, uncut) = (began.elapsed(), site.vm());
    site.clear();
    let mut open = 0;
    for cut in 0..cuts {
        let mut child = site.build(None);
        // Each moment once, in an order that looks at no neighbours in turn.
        std::thread::sleep(took * (cut * 37 % cuts) / cuts);
        child.kill().unwrap();
        child.wait().unwrap();
        site.assert_no_secret();
        if !site.is_interrupted() {
            site.clear();
            continue;
        }
        open += 1;
        if cut % 2 == 0 {
            let said = site.recover("--undo");
            assert_eq!(site.everything(), before, "cut {cut}; {said}");
        } else {
            let said = site.recover("--resume");
            similar(&site.vm(), &uncut, &format!("cut {cut}; {said}"));
            site.clear();
        }
        // What the daemon had not begun when its client was killed would be there by now.
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(open > cuts / 4, "only {open} of {cuts} cuts met a build");
}
