//! Signals during a headless build: SIGINT, SIGTERM and SIGQUIT cancel it, more of them change nothing, SIGHUP lets it
//! go on without its terminal.

use crate::run::signals::{OutsideEvent, Signals};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// A flag that is set when the user wants no more. Once this returns, none of these signals kills the process any more.
pub fn cancel_flag() -> io::Result<Arc<AtomicBool>> {
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = cancel.clone();
    let (ready, is_ready) = sync_channel(1);
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Err(error) = listen(&flag, &ready) {
            // Nobody waits for it any more once the signals are caught.
            let _ = ready.try_send(Err(error));
        }
    })?;
    is_ready.recv().map_err(io::Error::other)??;
    Ok(cancel)
}

fn listen(cancel: &AtomicBool, ready: &SyncSender<io::Result<()>>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let _ = ready.send(Ok(()));
        loop {
            if matches!(signals.next().await, OutsideEvent::Terminate | OutsideEvent::Interrupt) {
                cancel.store(true, Ordering::SeqCst);
            }
        }
    })
}
