//! The thread of the running build, and its cancel flag.

use super::news::{News, Teller};
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
    pub(super) fn start(order: Order, news: &Teller) -> Self {
        let cancel = Arc::new(AtomicBool::new(false));
        let (flag, told) = (cancel.clone(), news.clone());
        let run = move || {
            build::run(&order, &mut |event| told.tell(News::Build(Box::new(event))), &flag);
        };
        if let Err(error) = std::thread::Builder::new().name("build".into()).spawn(run) {
            let message = format!("no thread for the build: {error}");
            let ended = BuildEvent::Ended { at_ms: 0, outcome: BuildResult::Undone { message } };
            news.tell(News::Build(Box::new(ended)));
        }
        Self { cancel }
    }

    /// Has it end at the next opportunity and undo what it made.
    pub(super) fn cancel(&self) {
        self.cancel.store(true, Ordering::SeqCst);
    }
}
