//! Checks of what `custom_xml` does to a VM with passed devices: limits, files of devices, and elements that VFIO gets in
//! the way of.

use super::super::text::{Arg, text};
use super::super::wording::field;
use super::super::{Check, Notes, Subject};
use crate::spec::custom_xml::{self, NAMESPACE};
use roxmltree::{Document, Node};

pub(in super::super) static CHECKS: &[&Check] = &[&VM_HARDLIMIT, &HOST_CGROUP_ACL, &VM_BALLOON, &VM_SUSPEND, &VM_IOMMU];

static VM_HARDLIMIT: Check = Check {
    code: "VM-HARDLIMIT",
    title: "memory hard limit is left to libvirt",
    explain: "<memtune> with a <hard_limit> makes the kernel end QEMU when it exceeds the limit, and also limits the \
              memory that QEMU may lock. With passed devices all of the guest's memory is locked, and QEMU needs an \
              additional amount that cannot be predicted. libvirt sets the right limit automatically; leave the \
              element out.",
    run: Some(hard_limit),
    ..Check::VM
};

static HOST_CGROUP_ACL: Check = Check {
    code: "HOST-CGROUP-ACL",
    title: "QEMU may open its extra device files",
    explain: "QEMU opens a file below /dev because of an argument (qemu:commandline), such as /dev/kvmfr0 for Looking \
              Glass or an input device. libvirt lets QEMU open only the devices of its own elements, and those listed \
              as cgroup_device_acl in /etc/libvirt/qemu.conf. If the file is missing there, QEMU reports \"Permission \
              denied\" or \"No such file or directory\". Add it to the default list, and restart libvirtd or \
              virtqemud.",
    run: Some(device_files),
    ..Check::VM
};

static VM_BALLOON: Check = Check {
    code: "VM-BALLOON",
    title: "memory balloon is off with passed devices",
    explain: "VFIO pins all of the guest's memory, so the balloon cannot return any: the device exists and does \
              nothing. vmbuild leaves it out of VMs with passed devices.",
    run: Some(balloon),
    ..Check::VM
};

static VM_SUSPEND: Check = Check {
    code: "VM-SUSPEND",
    title: "guest suspend is off",
    explain: "A guest that suspends to memory or disk (S3, S4) leaves its graphics card in a state from which most do \
              not wake: its screen stays black. vmbuild turns both off (<pm>); custom_xml turns one on.",
    run: Some(suspend),
    ..Check::VM
};

static VM_IOMMU: Check = Check {
    code: "VM-IOMMU",
    title: "vIOMMU works with passed devices",
    explain: "A guest with a vIOMMU (<iommu model='intel'>) sees its passed devices only if the vIOMMU reports every \
              change to QEMU: <driver intremap='on' caching_mode='on'/>, with <ioapic driver='qemu'/> in <features> \
              for the interrupts. QEMU then needs to lock the guest's memory once per device. The model virtio needs \
              neither.",
    run: Some(iommu),
    ..Check::VM
};

/// Elements of custom_xml with this name that are merged in, in a VM with passed devices; `None` in any other.
fn elements<T>(subject: &Subject, name: &str, read: impl Fn(Node<'_, '_>) -> Option<T>) -> Option<Vec<T>> {
    let xml = subject.spec.custom_xml.as_deref().filter(|xml| !xml.trim().is_empty())?;
    let passes = !subject.pci.is_empty() || subject.machine.passes_devices();
    let removes = |node: Node<'_, '_>| node.attribute((NAMESPACE, "op")) == Some("remove");
    let found = |document: &Document<'_>| {
        let named = document.descendants().filter(|node| node.is_element() && node.tag_name().name() == name);
        named.filter(|node| !node.ancestors().any(removes)).filter_map(&read).collect()
    };
    custom_xml::read(xml, found).ok().filter(|_| passes)
}

fn hard_limit(subject: &Subject, notes: &mut Notes) {
    let limit = |node: Node<'_, '_>| {
        let unit = node.attribute("unit").unwrap_or("KiB");
        Some(text!("{text} {unit}", text = node.text().unwrap_or_default().trim(), unit))
    };
    let Some(limits) = elements(subject, "hard_limit", limit) else { return };
    notes.looked();
    if let Some(limit) = limits.first() {
        let message = text!("custom_xml ends the VM if it needs more than {limit} (hard_limit)", limit);
        notes.warning(field("custom_xml"), message, "remove <hard_limit>: libvirt limits locked memory automatically");
    }
}

fn device_files(subject: &Subject, notes: &mut Notes) {
    let files = |node: Node<'_, '_>| Some(device_paths(node.attribute("value")?));
    let Some(files) = elements(subject, "arg", files) else { return };
    let mut files: Vec<String> = files.into_iter().flatten().collect();
    files.dedup();
    if files.is_empty() {
        return;
    }
    let (at, what) = (|| field("custom_xml"), "which devices QEMU may open");
    let Some(confinement) = notes.known(&subject.facts.confinement, at, what) else { return };
    let Some(listed) = notes.known(&confinement.devices, at, what) else { return };
    files.retain(|file| !listed.contains(file));
    if !files.is_empty() {
        let message =
            text!("custom_xml makes QEMU open {files}, which libvirt does not allow", files = Arg::all(files));
        let way_out = "add it to the defaults of cgroup_device_acl in /etc/libvirt/qemu.conf, and restart libvirtd \
                       (virtqemud)";
        notes.blocker(field("custom_xml"), message, way_out);
    }
}

/// Files below /dev in an argument, those apart that every QEMU with passed devices may open or that are no devices.
fn device_paths(argument: &str) -> Vec<String> {
    let parts = argument.split(|c: char| c.is_whitespace() || ",='\"{}[]".contains(c));
    let free = ["/dev/vfio/", "/dev/shm/", "/dev/hugepages", "/dev/fdset/", "/dev/pts/"];
    let device = |part: &&str| part.starts_with("/dev/") && !free.iter().any(|free| part.starts_with(free));
    parts.filter(device).map(str::to_owned).collect()
}

fn balloon(subject: &Subject, notes: &mut Notes) {
    let model = |node: Node<'_, '_>| node.attribute("model").map(str::to_owned);
    let Some(models) = elements(subject, "memballoon", model) else { return };
    notes.looked();
    if let Some(model) = models.iter().find(|model| *model != "none") {
        let message =
            text!("custom_xml adds a memory balloon ({model}), which has no effect with passed devices", model);
        notes.warning(field("custom_xml"), message, "remove <memballoon>");
    }
}

fn suspend(subject: &Subject, notes: &mut Notes) {
    let on = |node: Node<'_, '_>| (node.attribute("enabled") == Some("yes")).then(|| node.tag_name().name().to_owned());
    let found = ["suspend-to-mem", "suspend-to-disk"].map(|name| elements(subject, name, on));
    for on in found.into_iter().flatten() {
        notes.looked();
        if let Some(name) = on.first() {
            let message =
                text!("custom_xml lets the guest sleep ({name}), from which its passed devices may not wake", name);
            notes.warning(field("custom_xml"), message, "remove <pm>");
        }
    }
}

fn iommu(subject: &Subject, notes: &mut Notes) {
    let intel = |node: Node<'_, '_>| {
        let driver = node.children().find(|child| child.has_tag_name("driver"));
        let caches = driver.and_then(|driver| driver.attribute("caching_mode")) == Some("on");
        Some((node.attribute("model")?.to_owned(), caches))
    };
    let Some(units) = elements(subject, "iommu", intel) else { return };
    let ioapic = |node: Node<'_, '_>| node.attribute("driver").map(str::to_owned);
    let ioapic = elements(subject, "ioapic", ioapic).unwrap_or_default();
    notes.looked();
    if let Some((model, caches)) = units.iter().find(|(model, _)| model == "intel") {
        let mut missing = Vec::new();
        if !caches {
            missing.push("<driver caching_mode='on'/>".to_owned());
        }
        if ioapic.first().map(String::as_str) != Some("qemu") {
            missing.push("<ioapic driver='qemu'/> in <features>".to_owned());
        }
        if !missing.is_empty() {
            let message = text!(
                "custom_xml gives the guest an IOMMU ({model}) without {missing}",
                model,
                missing = Arg::all(missing)
            );
            notes.warning(field("custom_xml"), message, "add what is missing, or use the model virtio");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::device_paths;
    use crate::checks::fixture::{Asked, known};
    use crate::facts::Confinement;
    use serde_json::json;

    fn asked(xml: &str) -> Asked {
        let devices = json!([{"host_address": "0000:01:00.0"}, {"host_address": "0000:01:00.1"}]);
        Asked::with(json!({"uefi": true, "pci_devices": devices, "custom_xml": xml}))
    }

    #[test]
    fn a_limit_that_was_guessed_ends_the_vm() {
        let xml = "<memtune><hard_limit unit='GiB'>9</hard_limit></memtune>";
        let want = "custom_xml ends the VM if it needs more than 9 GiB (hard_limit)";
        asked(xml).warns("VM-HARDLIMIT", "custom_xml", want);
        let gone = "<memtune xmlns:v='urn:vmbuild:domain:1' v:op='remove'><hard_limit>1</hard_limit></memtune>";
        asked(gone).passes("VM-HARDLIMIT");
        asked("<memtune><soft_limit>9</soft_limit></memtune>").passes("VM-HARDLIMIT");
        Asked::with(json!({ "custom_xml": xml })).quiet("VM-HARDLIMIT");
    }

    fn arguments(value: &str) -> Asked {
        let xml = format!(
            "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:commandline>\
             <qemu:arg value='-object'/><qemu:arg value='{value}'/></qemu:commandline></domain>"
        );
        asked(&xml)
    }

    #[test]
    fn what_qemu_opens_by_itself_must_be_listed() {
        let kvmfr = || arguments("memory-backend-file,id=lg,share=on,mem-path=/dev/kvmfr0,size=32M");
        let listed = |devices: &[&str]| {
            let devices = known(devices.iter().map(|device| (*device).into()).collect());
            known(Confinement { devices, ..Confinement::default() })
        };
        let want = "custom_xml makes QEMU open /dev/kvmfr0, which libvirt does not allow";
        kvmfr().facts(|f| f.confinement = listed(&["/dev/null"])).blocks("HOST-CGROUP-ACL", "custom_xml", want);
        kvmfr().facts(|f| f.confinement = listed(&["/dev/null", "/dev/kvmfr0"])).passes("HOST-CGROUP-ACL");
        kvmfr().unknown("HOST-CGROUP-ACL");
        arguments("memory-backend-file,mem-path=/dev/shm/looking-glass").quiet("HOST-CGROUP-ACL");
        assert_eq!(device_paths("{\"evdev\":\"/dev/input/event3\"}"), ["/dev/input/event3"]);
        assert!(device_paths("vfio-pci,sysfsdev=/sys/bus/pci,x=/dev/vfio/2").is_empty());
    }

    #[test]
    fn what_vfio_keeps_from_working_is_told() {
        asked("<devices><memballoon model='virtio'/></devices>").said("VM-BALLOON").warning();
        asked("<devices><memballoon model='none'/></devices>").passes("VM-BALLOON");
        asked("<pm><suspend-to-mem enabled='yes'/></pm>").said("VM-SUSPEND").warning();
        asked("<pm><suspend-to-mem enabled='no'/></pm>").passes("VM-SUSPEND");
        Asked::with(json!({"custom_xml": "<memballoon model='virtio'/>"})).quiet("VM-BALLOON");
    }

    #[test]
    fn an_iommu_of_the_guest_must_tell_of_its_changes() {
        let want = "custom_xml gives the guest an IOMMU (intel) without <ioapic driver='qemu'/> in <features>";
        let bare = "<devices><iommu model='intel'><driver caching_mode='on'/></iommu></devices>";
        asked(bare).warns("VM-IOMMU", "custom_xml", want);
        let whole = format!("<domain><features><ioapic driver='qemu'/></features>{bare}</domain>");
        asked(&whole).passes("VM-IOMMU");
        asked("<iommu model='virtio'/>").passes("VM-IOMMU");
    }
}
