//! Events of a connection: what changed on the host, and the end of the connection. The only place that calls libvirt's C
//! functions directly, because the `virt` crate has no events.
#![allow(unsafe_code, reason = "event registration exists in C only; every block says why it is sound")]

use super::Connection;
use super::library::prepare;
use crate::facts::Part;
use crate::host::{HostError, Source};
use std::ffi::{c_int, c_void};
use std::mem::transmute;
use std::ptr::null_mut;
use std::sync::{Arc, Once};
use virt::connect::Connect;
use virt::sys;

/// Something that happened on the far side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// This part of the facts is no longer as it was read.
    Changed(Part),
    /// The connection was cut.
    Closed,
}

/// Told of events, on libvirt's event thread; should only pass them on.
pub(crate) type OnEvent = Arc<dyn Fn(Happening) + Send + Sync>;

/// A registration; dropping it ends it.
pub(crate) struct Registration {
    connect: Connect,
    registered: Vec<(CallbackKind, c_int)>,
}

/// What a callback belongs to, for its removal.
#[derive(Clone, Copy)]
enum CallbackKind {
    Domain,
    Network,
    Pool,
    NodeDevice,
}

/// What a callback gets as its opaque pointer.
struct Listener {
    part: Option<Part>,
    tell: OnEvent,
}

/// Prepares the process for events: must precede the opening of a connection that is to have them. Starts one thread,
/// which sleeps until libvirt has something to tell.
pub(crate) fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Err(error) = virt::event::event_register_default_impl() {
            tracing::warn!(%error, "no events from libvirt");
            return;
        }
        let turn = || loop {
            if let Err(error) = virt::event::event_run_default_impl() {
                tracing::warn!(%error, "libvirt's event loop ended");
                return;
            }
        };
        if let Err(error) = std::thread::Builder::new().name("libvirt-events".into()).spawn(turn) {
            tracing::warn!(%error, "no thread for libvirt's events");
        }
    });
}

impl Connection {
    /// [`Connection::open`], prepared for [`Connection::watch`]. Events cost a thread, and with a daemon its sign of life every few
    /// seconds, so a connection that asks once does without.
    pub(crate) fn open_with_events(source: &Source) -> Result<Self, HostError> {
        prepare()?;
        start();
        Self::open(source)
    }

    /// Tells `tell` what happens, as far as the driver reports it: domains, networks, pools, node devices, the end of the
    /// connection. A driver without some kind of event is no failure: that kind is then never told.
    pub(crate) fn watch(&self, tell: &OnEvent) -> Registration {
        let kinds = [
            Some((CallbackKind::Domain, sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE, Part::Domains)),
            Some((CallbackKind::Network, sys::VIR_NETWORK_EVENT_ID_LIFECYCLE, Part::Networks)),
            Some((CallbackKind::Pool, sys::VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, Part::Pools)),
            Some((CallbackKind::Pool, sys::VIR_STORAGE_POOL_EVENT_ID_REFRESH, Part::Pools)),
            Some((CallbackKind::NodeDevice, sys::VIR_NODE_DEVICE_EVENT_ID_LIFECYCLE, Part::Pci)),
            Some((CallbackKind::NodeDevice, sys::VIR_NODE_DEVICE_EVENT_ID_UPDATE, Part::Pci)),
            // The end of the connection.
            None,
        ];
        let connect = self.inner();
        let registered = self.each(&kinds, |kind| {
            let Some((kind, event, part)) = *kind else {
                register_close(connect, tell);
                return None;
            };
            register(connect, kind, event, part, tell)
        });
        Registration { connect: connect.clone(), registered: registered.into_iter().flatten().collect() }
    }
}

/// Lifecycle callbacks get an event and a detail before the opaque pointer, the others do not.
fn register(
    connect: &Connect,
    kind: CallbackKind,
    event: u32,
    part: Part,
    tell: &OnEvent,
) -> Option<(CallbackKind, c_int)> {
    let event = c_int::try_from(event).ok()?;
    let opaque = boxed(Some(part), tell);
    let free = Some(forget as unsafe extern "C" fn(*mut c_void));
    let has_detail = event == 0;
    // SAFETY: the connection is open. libvirt calls the function back with the arguments of its event id, which the
    // two functions match: with event and detail for id 0, the lifecycle of every kind of object, without them for
    // id 1, refresh and update. Both take the object as an opaque pointer and do not touch it. `opaque` is freed by
    // `forget`, once, when the registration ends.
    let id = unsafe {
        let connect = connect.as_ptr();
        match kind {
            CallbackKind::Domain => {
                let callback = Some(transmute::<Lifecycle, Generic<sys::virDomainPtr>>(lifecycle));
                sys::virConnectDomainEventRegisterAny(connect, null_mut(), event, callback, opaque, free)
            }
            CallbackKind::Network => {
                let callback = Some(transmute::<Lifecycle, Generic<sys::virNetworkPtr>>(lifecycle));
                sys::virConnectNetworkEventRegisterAny(connect, null_mut(), event, callback, opaque, free)
            }
            CallbackKind::Pool => {
                let callback = Some(if has_detail {
                    transmute::<Lifecycle, Generic<sys::virStoragePoolPtr>>(lifecycle)
                } else {
                    transmute::<Plain, Generic<sys::virStoragePoolPtr>>(plain)
                });
                sys::virConnectStoragePoolEventRegisterAny(connect, null_mut(), event, callback, opaque, free)
            }
            CallbackKind::NodeDevice => {
                let callback = Some(if has_detail {
                    transmute::<Lifecycle, Generic<sys::virNodeDevicePtr>>(lifecycle)
                } else {
                    transmute::<Plain, Generic<sys::virNodeDevicePtr>>(plain)
                });
                sys::virConnectNodeDeviceEventRegisterAny(connect, null_mut(), event, callback, opaque, free)
            }
        }
    };
    if id < 0 {
        // SAFETY: libvirt refused the registration, so nobody else frees what it would have carried.
        unsafe { forget(opaque) };
    }
    (id >= 0).then_some((kind, id))
}

fn register_close(connect: &Connect, tell: &OnEvent) {
    let opaque = boxed(None, tell);
    // SAFETY: as above; the close callback has its own exact type.
    let outcome = unsafe { sys::virConnectRegisterCloseCallback(connect.as_ptr(), Some(closed), opaque, Some(forget)) };
    if outcome < 0 {
        // SAFETY: libvirt refused it, so nobody else frees it.
        unsafe { forget(opaque) };
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: the connection is held by this value; each id was registered once and is removed once. Removal fails
        // harmlessly where the connection is cut.
        unsafe {
            let connect = self.connect.as_ptr();
            for (kind, id) in self.registered.drain(..) {
                match kind {
                    CallbackKind::Domain => sys::virConnectDomainEventDeregisterAny(connect, id),
                    CallbackKind::Network => sys::virConnectNetworkEventDeregisterAny(connect, id),
                    CallbackKind::Pool => sys::virConnectStoragePoolEventDeregisterAny(connect, id),
                    CallbackKind::NodeDevice => sys::virConnectNodeDeviceEventDeregisterAny(connect, id),
                };
            }
            sys::virConnectUnregisterCloseCallback(connect, Some(closed));
        }
    }
}

/// libvirt's declared callback type for objects of type `O`.
type Generic<O> = unsafe extern "C" fn(sys::virConnectPtr, O, *mut c_void);
/// The real type of lifecycle callbacks.
type Lifecycle = unsafe extern "C" fn(sys::virConnectPtr, *mut c_void, c_int, c_int, *mut c_void) -> c_int;
/// The real type of callbacks without details.
type Plain = unsafe extern "C" fn(sys::virConnectPtr, *mut c_void, *mut c_void);

unsafe extern "C" fn lifecycle(
    _: sys::virConnectPtr,
    _: *mut c_void,
    _event: c_int,
    _detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: `opaque` is what was registered with this function.
    unsafe { pass_on(opaque) };
    0
}

unsafe extern "C" fn plain(_: sys::virConnectPtr, _: *mut c_void, opaque: *mut c_void) {
    // SAFETY: `opaque` is what was registered with this function.
    unsafe { pass_on(opaque) };
}

unsafe extern "C" fn closed(_: sys::virConnectPtr, _reason: c_int, opaque: *mut c_void) {
    // SAFETY: `opaque` is what was registered with this function.
    unsafe { pass_on(opaque) };
}

/// # Safety
/// `opaque` comes from [`boxed`] and is not freed yet.
unsafe fn pass_on(opaque: *mut c_void) {
    // SAFETY: libvirt frees it only after the registration ended, and not during a callback.
    let listener = unsafe { &*opaque.cast::<Listener>() };
    (listener.tell)(listener.part.map_or(Happening::Closed, Happening::Changed));
}

fn boxed(part: Option<Part>, tell: &OnEvent) -> *mut c_void {
    Box::into_raw(Box::new(Listener { part, tell: tell.clone() })).cast()
}

unsafe extern "C" fn forget(opaque: *mut c_void) {
    // SAFETY: called once for each pointer that `boxed` made, by libvirt or where it refused it.
    drop(unsafe { Box::from_raw(opaque.cast::<Listener>()) });
}
