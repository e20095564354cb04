//! The thread of the running build, and its cancel flag.

use super::news::{News, NewsSender};
use crate::build::{self, Order};
use crate::plan::{BuildEvent, BuildResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A build that was started.
#[derive(Debug)]
pub(super) struct Building {
    cancel: Arc<AtomicBool>,
}

impl Building {
    /// Starts it; its events come as news, the end last, whatever happens.
    pub(super) fn start(order: Order, news: &NewsSender) -> Self {
        let cancel = Arc::new(AtomicBool::new(false));
        let (flag, sender) = (cancel.clone(), news.clone());
        let run = move || {
            build::run(&order, &mut |event| sender.send(News::Build(Box::new(event))), &flag);
        };
        if let Err(error) = std::thread::Builder::new().name("build".into()).spawn(run) {
            let message = format!("cannot start the build: {error}");
            let ended = BuildEvent::Ended { at_ms: 0, outcome: BuildResult::Undone { message } };
            news.send(News::Build(Box::new(ended)));
        }
        Self { cancel }
    }

    /// Ends it at the next opportunity, then undoes what it made.
    pub(super) fn cancel(&self) {
        self.cancel.store(true, Ordering::SeqCst);
    }
}
