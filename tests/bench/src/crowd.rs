//! vmbuild beside virt-install and virsh on hosts that hold much already: a libvirtd of our own with a thousand domains and
//! tens of thousands of volumes. Also what each leaves behind, which should be nothing.

use crate::commands::{Job, compare};
use crate::daemon::{Daemon, lacking, own_folder};
use crate::measure::{ms, percentile};
use crate::process;
use crate::program::find;
use crate::pty::{Answers, Output, Session};
use crate::volumes::{ManyVolumes, qcow2};
use crate::wire::Wire;
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Domains of a crowded host.
const DOMAINS: u32 = 1000;
/// Volumes of its pool: near the most that libvirt lists, 16,384.
const VOLUMES: u32 = 10_000;
/// Volumes of a pool that libvirt cannot list.
const TOO_MANY: u32 = 50_000;

/// A libvirtd that holds much.
struct Host {
    daemon: Daemon,
    /// They go after the daemon.
    _volumes: Vec<ManyVolumes>,
}

impl Host {
    /// Pool `small`, then one of each `(name, volumes)`.
    fn start(domains: u32, pools: &[(&str, u32)]) -> Result<Self> {
        let mut volumes = vec![("small", ManyVolumes::new("small", 3, &qcow2())?)];
        for (name, count) in pools {
            volumes.push((name, ManyVolumes::new(name, *count, &qcow2())?));
        }
        let daemon = Daemon::start_on(|configuration| {
            let (qemu, storage) = (configuration.join("qemu"), configuration.join("storage"));
            for folder in [&qemu, &storage, &storage.join("autostart")] {
                own_folder(folder)?;
            }
            for (name, volumes) in &volumes {
                let file = storage.join(format!("{name}.xml"));
                fs::write(&file, pool(name, volumes.folder()))?;
                std::os::unix::fs::symlink(&file, storage.join(format!("autostart/{name}.xml")))?;
            }
            (0..domains).try_for_each(|number| Ok(fs::write(qemu.join(format!("ws-{number:05}.xml")), domain(number))?))
        })?;
        let host = Self { daemon, _volumes: volumes.into_iter().map(|(_, volumes)| volumes).collect() };
        // The first answer comes when everything is read, and QEMU is asked once for what it can do.
        host.virsh(&["domcapabilities"])?;
        let (seen, started) = (host.virsh(&["list", "--all", "--name"])?, host.virsh(&["pool-list", "--name"])?);
        let lines = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
        if lines(&seen) != domains as usize || lines(&started) != pools.len() + 1 {
            bail!("libvirt has {} of {domains} domains, and of the pools {started}", lines(&seen));
        }
        Ok(host)
    }

    fn virsh(&self, args: &[&str]) -> Result<String> {
        let output = Command::new("virsh").args(["-q", "-c", &self.daemon.uri()]).args(args).output()?;
        if !output.status.success() {
            bail!("virsh {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// All that somebody could leave behind.
    fn state(&self) -> Result<Vec<String>> {
        let mut state = vec![];
        for args in [
            &["list", "--all", "--name"][..],
            &["list", "--all", "--name", "--autostart"],
            &["pool-list", "--all"],
            &["net-list", "--all"],
        ] {
            let text = self.virsh(args)?;
            state.extend(text.split('\n').map(|line| format!("{}: {}", args.join(" "), line.trim())));
        }
        Ok(state)
    }
}

fn pool(name: &str, folder: &Path) -> String {
    format!("<pool type='dir'><name>{name}</name><target><path>{}</path></target></pool>", folder.display())
}

fn domain(number: u32) -> String {
    let (high, low) = (number >> 8, number & 255);
    format!(
        "<domain type='qemu'><name>ws-{number:05}</name><uuid>5a6f0a16-0000-4000-8000-0000{number:08x}</uuid>
        <memory unit='MiB'>32768</memory><vcpu>16</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>
        <features><acpi/><apic/></features><devices>
        <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/p/ws-{number:05}.qcow2'/>
        <target dev='vda' bus='virtio'/></disk>
        <disk type='file' device='cdrom'><source file='/srv/iso/u.iso'/><target dev='sda' bus='sata'/><readonly/></disk>
        <interface type='user'><mac address='52:54:00:00:{high:02x}:{low:02x}'/><model type='virtio'/></interface>
        <console type='pty'/><memballoon model='virtio'/></devices></domain>"
    )
}

/// Prints all tables.
pub fn run(vmbuild: &Path, home: &Path, quick: bool) -> Result<()> {
    println!("\nHosts that hold much (a libvirtd of our own): the XML of one new machine with a CD, whole process");
    if let Some(lacking) = lacking().or(find("virsh").is_none().then_some("virsh")) {
        println!("not measured: {lacking} is lacking");
        return Ok(());
    }
    let vmbuild = vmbuild.to_string_lossy().into_owned();
    let many = format!("{DOMAINS} domains, {VOLUMES} volumes");
    xml(&vmbuild, home, "empty", &Host::start(0, &[])?, quick)?;
    if !quick {
        xml(&vmbuild, home, &format!("{DOMAINS} domains"), &Host::start(DOMAINS, &[])?, quick)?;
    }
    let host = Host::start(DOMAINS, &[("some", VOLUMES)])?;
    let peer = xml(&vmbuild, home, &many, &host, quick)?;
    facts(&vmbuild, &host, peer, quick)?;
    println!("The same host behind a network of 200 ms, and an empty one");
    trips(&vmbuild, home, &many, &host)?;
    drop(host);
    trips(&vmbuild, home, "empty", &Host::start(0, &[])?)?;
    volumes(&vmbuild, home, quick)
}

/// The machine of the tables.
fn spec(iso: &Path) -> String {
    format!(
        r#"{{"name": "bench-ws", "memory": 2048, "vcpus": 2, "networks": [], "graphics": [{{"type": "vnc"}}],
        "storage": {{"default_pool": "small", "boot_iso": "{}", "disks": [{{"action": "create", "size": 20}}]}}}}"#,
        iso.display()
    )
}

/// Both programs on one host; the time of virt-install.
fn xml(vmbuild: &str, home: &Path, what: &str, host: &Host, quick: bool) -> Result<Option<f64>> {
    // Where the daemon's user may look.
    let folder = host.daemon.folder.join("media");
    own_folder(&folder)?;
    let (iso, file) = (folder.join("boot.iso"), home.join("crowd.json"));
    fs::File::create(&iso)?.set_len(1 << 20)?;
    fs::write(&file, spec(&iso))?;
    let uri = host.daemon.uri();
    let file = file.to_string_lossy();
    let ours = job("vmbuild xml", &[vmbuild, "--connect", &uri, "xml", &file]);
    let offline = job("vmbuild xml --offline", &[vmbuild, "xml", "--offline", &file]);
    let cd = format!("{},device=cdrom", iso.display());
    let theirs = job(
        "virt-install",
        &[
            &["virt-install", "--connect", &uri, "--print-xml", "--dry-run", "--name", "bench-ws"][..],
            &["--memory", "2048", "--vcpus", "2", "--disk", "pool=small,size=20", "--disk", &cd, "--import"],
            &["--osinfo", "linux2022", "--network", "none", "--graphics", "vnc,listen=127.0.0.1"],
        ]
        .concat(),
    );
    println!("{what}");
    let leaves = |job: &Job| -> Result<String> {
        let before = host.state()?;
        let _ = output(job)?;
        let after = host.state()?;
        let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).map(String::as_str).collect();
        let gone = before.iter().filter(|line| !after.contains(line)).count();
        let mut text = if new.is_empty() && gone == 0 { "leaves nothing behind".to_owned() } else { String::new() };
        new.iter().try_for_each(|line| write!(text, "LEAVES '{line}' "))?;
        Ok(if gone > 0 { format!("{text}CHANGED {gone}") } else { text })
    };
    let with_peer = find("virt-install").is_some();
    let mut times = vec![];
    for (job, runs) in [(&offline, 15), (&ours, 15), (&theirs, 3)] {
        if std::ptr::eq(job, &theirs) && !with_peer {
            continue;
        }
        let left = leaves(job)?;
        let runs = if quick { 1 } else { runs };
        let time = compare(std::slice::from_ref(job), runs)?.pop().flatten();
        let time = time.with_context(|| format!("{} failed: {}", job.name, output(job).unwrap_or_default()))?;
        println!("  {:22} {time:9.2} ms  {}  {left}", job.name, peak(job, time)?);
        times.push(time);
    }
    let [offline, ours, theirs] = times[..] else { return Ok(None) };
    println!("  times faster: offline {:.0}, with the host {:.1}", theirs / offline, theirs / ours);
    Ok(Some(theirs))
}

/// All facts of a crowded host beside virt-install, which reads them for itself.
fn facts(vmbuild: &str, host: &Host, peer: Option<f64>, quick: bool) -> Result<()> {
    println!("All facts of that host, whole process");
    let uri = host.daemon.uri();
    let jobs = [
        job("vmbuild facts", &[vmbuild, "--connect", &uri, "facts"]),
        job("vmbuild facts --json", &[vmbuild, "--connect", &uri, "facts", "--json"]),
    ];
    for (job, time) in jobs.iter().zip(compare(&jobs, if quick { 2 } else { 9 })?) {
        let time = time.with_context(|| format!("{} failed", job.name))?;
        print!("  {:22} {time:9.2} ms  {}", job.name, peak(job, time)?);
        println!(
            "{}",
            peer.map(|peer| format!("  {:.1} times faster than virt-install", peer / time)).unwrap_or_default()
        );
    }
    Ok(())
}

/// Pools that libvirt lists slowly, or not at all.
fn volumes(vmbuild: &str, home: &Path, quick: bool) -> Result<()> {
    println!("All volumes with their sizes, whole process");
    let runs = if quick { 2 } else { 9 };
    for (count, pool) in [(VOLUMES, "some"), (TOO_MANY, "too-many")] {
        let host = Host::start(0, &[(pool, count)])?;
        let uri = host.daemon.uri();
        let ours = job("vmbuild pools", &[vmbuild, "--connect", &uri, "pools"]);
        let theirs = job("virsh vol-list --details", &["virsh", "-c", &uri, "vol-list", "--details", pool]);
        let listed = output(&ours)?;
        if !listed.lines().any(|line| line.starts_with(pool) && line.contains(&count.to_string())) {
            bail!("vmbuild does not list {count} volumes:\n{listed}");
        }
        let time = compare(std::slice::from_ref(&ours), runs)?.pop().flatten().context("vmbuild pools failed")?;
        println!("  {count:6} {:26} {time:9.2} ms  {}", ours.name, peak(&ours, time)?);
        match compare(std::slice::from_ref(&theirs), if quick { 1 } else { 3 })?.pop().flatten() {
            Some(peer) => println!("  {count:6} {:26} {peer:9.2} ms  {:.0} times", theirs.name, peer / time),
            None => println!("  {count:6} {:26} {}", theirs.name, output(&theirs)?.lines().next().unwrap_or_default()),
        }
        list(vmbuild, home, &host, count)?;
    }
    Ok(())
}

/// The list of the volumes of a pool in the wizard: how soon it is there, and what a key in its filter takes.
fn list(vmbuild: &str, home: &Path, host: &Host, count: u32) -> Result<()> {
    let home = home.join(format!("list-{count}"));
    fs::create_dir(&home)?;
    let argv = [vmbuild.to_owned(), "--connect".into(), host.daemon.uri()];
    let mut session = Session::start(&argv, &[("HOME".into(), home.to_string_lossy().into_owned())], Answers::AtOnce)?;
    let started = Instant::now();
    session.shows("step 1 of 9", Duration::from_secs(20), &mut Output::default())?;
    session.send(b"4e")?;
    let listed = session.shows("disk-0.qcow2", Duration::from_secs(30), &mut Output::default())?;
    let listed = listed.with_context(|| format!("no volume on:\n{}", session.text()))?;
    session.collect(Duration::from_millis(700), Duration::from_secs(5))?;
    let memory = process::rss_kib(session.pid().context("no pid")?)?;
    let mut times = vec![];
    for key in [&b"9"[..], b"8", b"\x7f", b"\x7f"].iter().cycle().take(40) {
        let sent = session.send(key)?;
        let output = session.collect(Duration::from_millis(30), Duration::from_secs(2))?;
        times.extend(output.painted.map(|painted| ms(painted - sent)));
    }
    println!(
        "  {count:6} in the wizard: first rows {:.0} ms after its start; a key in the filter p50 {:.1} ms, p99 {:.1} ms; {memory} KiB",
        ms(listed - started),
        percentile(&times, 50),
        percentile(&times, 99)
    );
    Ok(())
}

/// Calls and round trips that wait for one another, over a wire to the daemon as to a remote host.
fn trips(vmbuild: &str, home: &Path, what: &str, host: &Host) -> Result<()> {
    let file = home.join("trips.json").to_string_lossy().into_owned();
    fs::write(&file, spec(&home.join("boot.iso")))?;
    for (name, args) in [("vmbuild xml", &["xml", &file][..]), ("vmbuild facts", &["facts"])] {
        let wire = Wire::to(host.daemon.socket(), Duration::from_millis(200))?;
        let uri = wire.uri("qemu", "/session");
        let job = job(name, &[&[vmbuild, "--connect", &uri][..], args].concat());
        let began = Instant::now();
        let text = output(&job)?;
        let tally = wire.tally();
        if tally.calls < 10 {
            bail!("{name} asked next to nothing:\n{text}");
        }
        println!(
            "  {what:28} {name:14} {:4} calls, {:3} round trips, {:5.1} s",
            tally.calls,
            tally.trips,
            began.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

fn job(name: &str, argv: &[&str]) -> Job {
    Job { name: name.into(), argv: argv.iter().map(|&arg| arg.to_owned()).collect() }
}

/// What a job prints, errors too.
fn output(job: &Job) -> Result<String> {
    let output = Command::new(&job.argv[0]).args(&job.argv[1..]).stdin(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout))
}

/// The most memory that a job has at a time, in words. A short one may end between two looks, so it is run again.
fn peak(job: &Job, ms: f64) -> Result<String> {
    let runs = if ms < 100.0 { 9 } else { 1 };
    let most: u64 = (0..runs).try_fold(0, |most, _| anyhow::Ok(peak_of_one(job)?.max(most)))?;
    Ok(if most < 1024 { "too short to be seen".to_owned() } else { format!("{most:7} KiB") })
}

fn peak_of_one(job: &Job) -> Result<u64> {
    let mut command = Command::new(&job.argv[0]);
    let mut child =
        command.args(&job.argv[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut most = 0;
    while child.try_wait()?.is_none() {
        most = process::peak_kib(child.id()).unwrap_or(0).max(most);
    }
    Ok(most)
}
