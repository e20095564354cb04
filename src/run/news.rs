//! What other threads tell the event loop, on one channel so that their order is kept.

use crate::app::Reply;
use crate::host;
use crate::plan::BuildEvent;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Something that happened on another thread.
#[derive(Debug)]
pub(super) enum News {
    /// The host with this number said something; hosts that were left are still talking for a while.
    Host(u64, Box<host::Reply>),
    /// The running build tells something.
    Build(Box<BuildEvent>),
    /// Our own files were read or written.
    Stored(Reply),
}

/// Tells the event loop, from any thread. Once the loop is over, nobody listens, and that is no error.
#[derive(Clone, Debug)]
pub(super) struct Teller(UnboundedSender<News>);

impl Teller {
    /// Tells it.
    pub(super) fn tell(&self, news: News) {
        let _ = self.0.send(news);
    }
}

/// The two ends of the channel.
pub(super) fn channel() -> (Teller, UnboundedReceiver<News>) {
    let (sender, receiver) = unbounded_channel();
    (Teller(sender), receiver)
}
