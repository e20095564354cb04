//! Consoles, programs, keyboards and other USB devices traced to their PCI functions.

use super::{GPU, facts_of, gpu, uses_of};
use crate::support::tree::Tree;
use std::collections::BTreeSet;
use vmbuild::facts::{UsbRole, Use};

#[test]
fn consoles_monitors_and_programs_hold_a_gpu() {
    let tree = gpu(&[("boot_vga", "1\n")])
        .link("/sys/class/drm/card0", &format!("/sys/devices/{GPU}/drm/card0"))
        .link("/sys/class/drm/renderD128", &format!("/sys/devices/{GPU}/drm/renderD128"))
        .link("/sys/class/drm/card0-HDMI-A-1", &format!("/sys/devices/{GPU}/drm/card0/card0-HDMI-A-1"))
        .link("/sys/class/drm/card0-DP-1", &format!("/sys/devices/{GPU}/drm/card0/card0-DP-1"))
        .file(&format!("/sys/devices/{GPU}/drm/card0/card0-HDMI-A-1/status"), "connected\n")
        .file(&format!("/sys/devices/{GPU}/drm/card0/card0-DP-1/status"), "disconnected\n")
        .link("/sys/class/graphics/fb0", &format!("/sys/devices/{GPU}/graphics/fb0"))
        .file(&format!("/sys/devices/{GPU}/graphics/fb0/name"), "nvidia-drmdrmfb\n")
        .file("/sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n")
        .file("/sys/class/vtconsole/vtcon1/bind", "1\n")
        .file("/proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t NVIDIA\nDevice Minor: \t 0\n")
        .file("/proc/812/comm", "Xorg\n")
        .raw_link("/proc/812/fd/9", "/dev/dri/card0")
        .raw_link("/proc/812/fd/10", "/dev/dri/card0")
        .file("/proc/77/comm", "nvidia-persiste\n")
        .raw_link("/proc/77/fd/3", "/dev/nvidia0")
        .raw_link("/proc/77/fd/4", "/dev/nvidiactl")
        .raw_link("/proc/5/fd/0", "/dev/null")
        .file("/proc/iomem", "a0000000-a0ffffff : PCI Bus 0000:01\n  6000000000-60007fffff : BOOTFB\n");
    let facts = facts_of(&tree, None);
    let expected = BTreeSet::from([
        Use::BootDisplay,
        Use::Monitor { connector: "HDMI-A-1".into() },
        Use::Console { framebuffer: "fb0".into() },
        Use::HeldBy { program: "Xorg".into(), pid: 812 },
        Use::HeldBy { program: "nvidia-persiste".into(), pid: 77 },
    ]);
    assert_eq!(uses_of(&facts, "01:00.0"), expected);
    let displays = facts.displays.get().unwrap();
    assert_eq!(displays.firmware_framebuffer.get(), Some(&Some((0x60_0000_0000, 0x60_007f_ffff))));
    let holders = displays.holders.get().unwrap();
    assert_eq!((holders.seen.len(), holders.hidden), (3, 0));
    assert!(displays.consoles[0].bound && displays.consoles[0].on.contains("frame buffer"));
    let hidden = tree.file("/proc/iomem", "00000000-00000000 : BOOTFB\n");
    assert!(facts_of(&hidden, None).displays.get().unwrap().firmware_framebuffer.why_not().is_some());
}

#[test]
fn the_console_is_on_the_first_frame_buffer_or_where_the_kernel_is_told() {
    let frames = || {
        gpu(&[])
            .link("/sys/class/graphics/fb0", "/sys/devices/pci0000:00/0000:00:02.0/graphics/fb0")
            .link("/sys/class/graphics/fb1", &format!("/sys/devices/{GPU}/graphics/fb1"))
            .file("/sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n")
            .file("/sys/class/vtconsole/vtcon1/bind", "1\n")
    };
    let console = || BTreeSet::from([Use::Console { framebuffer: "fb1".into() }]);
    let uses = |tree: &Tree| uses_of(&facts_of(tree, None), "01:00.0");
    assert_eq!(uses(&frames()), BTreeSet::new(), "it is on fb0");
    assert_eq!(uses(&frames().file("/proc/cmdline", "quiet fbcon=map:1\n")), console());
    let unbound = frames().file("/proc/cmdline", "quiet fbcon=map:1\n").file("/sys/class/vtconsole/vtcon1/bind", "0\n");
    assert_eq!(uses(&unbound), BTreeSet::new(), "it was taken away from the frame buffers");
    let primary =
        gpu(&[("boot_vga", "1\n")]).link("/sys/class/graphics/fb1", &format!("/sys/devices/{GPU}/graphics/fb1"));
    assert!(uses(&primary).is_superset(&console()), "some kernels look for the firmware's display");
}

#[test]
fn usb_devices_and_the_only_keyboard_hang_on_their_controller() {
    let controller = "pci0000:00/0000:00:14.0";
    let device = |tree: Tree, path: &str, product: &str, interface: [&str; 3]| {
        let folder = format!("/sys/devices/{controller}/usb1/{path}");
        let names = ["bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"];
        let tree = tree
            .link(&format!("/sys/bus/usb/devices/{path}"), &folder)
            .link(&format!("/sys/bus/usb/devices/{path}:1.0"), &format!("{folder}/{path}:1.0"))
            .file(&format!("{folder}/idVendor"), "046d\n")
            .file(&format!("{folder}/idProduct"), "c31c\n")
            .file(&format!("{folder}/product"), product);
        names
            .iter()
            .zip(interface)
            .fold(tree, |tree, (name, value)| tree.file(&format!("{folder}/{path}:1.0/{name}"), value))
    };
    let tree = Tree::new().function(controller, "c0330", &[]);
    let tree = device(tree, "1-2", "USB Keyboard\n", ["03", "01", "01"]);
    let tree = device(tree, "1-3.1", "Flash Disk\n", ["08", "06", "50"]);
    let keyboard = format!(
        "N: Name=\"USB Keyboard\"\nS: Sysfs=/devices/{controller}/usb1/1-2/1-2:1.0/0003:046D:C31C.0001/input/input5\n\
         H: Handlers=sysrq kbd leds event5\nB: EV=120013\nB: KEY=1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe\n\n"
    );
    let tree = tree.file("/proc/bus/input/devices", &keyboard);
    let facts = facts_of(&tree, None);
    let stick = Use::Usb { name: "Flash Disk".into(), roles: vec![UsbRole::Storage] };
    let only = |only| Use::Keyboard { name: "USB Keyboard".into(), only };
    assert_eq!(uses_of(&facts, "00:14.0"), [only(true), stick.clone()].into());
    let internal =
        keyboard.replace("USB Keyboard", "AT Translated Set 2 keyboard").replace(controller, "platform/i8042");
    let tree = tree.file("/proc/bus/input/devices", &format!("{keyboard}{internal}"));
    assert_eq!(uses_of(&facts_of(&tree, None), "00:14.0"), [only(false), stick].into());
}
