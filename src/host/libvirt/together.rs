//! Questions that are asked together where each costs a trip over a network: what waits for nothing else does not wait.

use super::Connection;
use crate::host::{Cause, HostError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Questions to a host behind a network that are open at a time. A daemon works on five of one client and lets the others
/// wait in the socket, which must not be so many that the client's sign of life comes too late behind them.
const AFAR: usize = 32;
/// To the daemon of this machine: one is worked on while the answer to another is read.
const HERE: usize = 4;

impl Connection {
    /// What `ask` finds for each of `items`, in their order.
    pub(super) fn each<T: Sync, A: Send>(&self, items: &[T], ask: impl Fn(&T) -> A + Sync) -> Vec<A> {
        each(self.open_at_a_time(), items, ask)
    }

    /// Three lists of the same kind of thing, by the flags that choose what is in them.
    pub(super) fn lists<T: Send>(
        &self,
        flags: [u32; 3],
        list: impl Fn(u32) -> Result<Vec<T>, HostError> + Sync,
    ) -> Result<[Vec<T>; 3], HostError> {
        let lists = self.each(&flags, |flags| list(*flags)).into_iter().collect::<Result<Vec<_>, _>>()?;
        lists.try_into().map_err(|_| HostError::new(Cause::Other, "A list from libvirt is missing.", "Try again."))
    }

    /// How many questions may be open: one to the test driver, which is in this process and answers one at a time.
    fn open_at_a_time(&self) -> usize {
        match () {
            () if self.is_remote() => AFAR,
            () if self.is_test() => 1,
            () => HERE,
        }
    }

    /// True where each call costs a trip over a network.
    pub(super) fn is_remote(&self) -> bool {
        super::error::is_remote(self.uri())
    }
}

/// What `ask` finds for each of `items`, in their order; `open` questions are open at a time.
pub(in crate::host) fn each<T: Sync, A: Send>(open: usize, items: &[T], ask: impl Fn(&T) -> A + Sync) -> Vec<A> {
    if open.min(items.len()) <= 1 {
        return items.iter().map(ask).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        numbers.map_while(|number| Some((number, ask(items.get(number)?)))).collect::<Vec<_>>()
    };
    let mut answers: Vec<(usize, A)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..open.min(items.len())).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    answers.sort_unstable_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let items: Vec<usize> = (0..200).collect();
        for open in [1, 3, 32, 1000] {
            assert_eq!(each(open, &items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
        assert!(each(32, &[] as &[usize], |item| *item).is_empty());
    }
}
