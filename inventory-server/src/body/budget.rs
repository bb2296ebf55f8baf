use std::{
    ops::Deref,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use inventory_core::Code;

use crate::problem::Problem;

/// How many bytes of request bodies the server may hold, all requests together.
#[derive(Debug)]
pub(crate) struct Budget {
    max: usize,
    held: AtomicUsize,
}

/// A body, or the part of it that is there; counted against the budget until it is dropped, which
/// a handler does when it has answered.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    budget: &'a Budget,
    counted: usize,
    pub(super) bytes: Bytes,
}

impl Budget {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            max,
            held: AtomicUsize::new(0),
        }
    }

    /// Bytes held now.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// A body of which nothing has come yet.
    pub(super) const fn hold(&self) -> Held<'_> {
        Held {
            budget: self,
            counted: 0,
            bytes: Bytes::new(),
        }
    }
}

impl Held<'_> {
    /// Counts `len` bytes more, or refuses the request. A number and nothing else depends on it,
    /// hence the relaxed orderings.
    pub(super) fn count(&mut self, len: usize) -> Result<(), Problem> {
        let before = self.budget.held.fetch_add(len, Ordering::Relaxed);
        self.counted = self.counted.saturating_add(len);
        if before.saturating_add(len) <= self.budget.max {
            return Ok(());
        }
        Err(Problem::new(
            Code::Overloaded,
            "too many bytes of requests are held already; nothing was changed",
        ))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.counted > 0 {
            self.budget.held.fetch_sub(self.counted, Ordering::Relaxed);
        }
    }
}

impl Deref for Held<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back_also_where_it_was_too_much() {
        let budget = Budget::new(100);
        let (mut first, mut second) = (budget.hold(), budget.hold());
        first.count(60).expect("room");
        second.count(40).expect("room for exactly that");
        assert_eq!(second.count(1).expect_err("no room").code, Code::Overloaded);
        drop(second);
        assert_eq!(budget.held(), 60);
        first.count(40).expect("room again");
        drop(first);
        assert_eq!(budget.held(), 0);
    }
}
