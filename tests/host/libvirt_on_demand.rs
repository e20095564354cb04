//! libvirt that is opened on the first call reaches the daemon, too.

use crate::support;
use virt::connect::Connect;
use virt_sys as sys;

#[test]
fn a_running_libvirtd_is_reached() {
    let Some(uri) = support::system_uri() else { return };
    sys::load().unwrap();
    let connection = Connect::open_read_only(Some(&uri)).unwrap();
    assert_eq!(connection.driver_type().unwrap(), "QEMU");
}
