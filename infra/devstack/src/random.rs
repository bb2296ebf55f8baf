//! Numbers that two processes hardly ever share.

use std::hash::{BuildHasher as _, RandomState};

/// The keys of the standard library's hash maps come from the system's random source.
pub(crate) fn number() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_another_one_each_time() {
        assert_ne!(number(), number());
    }
}
