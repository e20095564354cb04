//! What other threads send to the event loop, on one channel so that their order is kept.

use crate::app::StoreReply;
use crate::host;
use crate::plan::BuildEvent;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Something that happened on another thread.
#[derive(Debug)]
pub(super) enum News {
    /// A reply of the host with this number; one that was left may still send some.
    Host(u64, Box<host::HostReply>),
    /// An event of the running build.
    Build(Box<BuildEvent>),
    /// Our own files were read or written.
    Stored(StoreReply),
}

/// Sends news to the event loop, from any thread. After the loop has ended they are dropped, which is not an error.
#[derive(Clone, Debug)]
pub(super) struct NewsSender(UnboundedSender<News>);

impl NewsSender {
    /// Sends it.
    pub(super) fn send(&self, news: News) {
        let _ = self.0.send(news);
    }
}

/// The two ends of the channel.
pub(super) fn channel() -> (NewsSender, UnboundedReceiver<News>) {
    let (sender, receiver) = unbounded_channel();
    (NewsSender(sender), receiver)
}
