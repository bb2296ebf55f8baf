//! Ids and randomness: the one seam.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

static PROCESS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A new UUID of version 7, hyphenated.
#[must_use]
pub fn uuid() -> String {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    let uuid = uuid::Uuid::now_v7();
    uuid.hyphenated().to_string()
}

/// A number that nobody can foretell well enough to matter for load. Not for secrets.
#[must_use]
pub fn random() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    PROCESS.hash_one(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Who this is among the replicas of a service: host, process id, and a number that no earlier
/// process with the same two had. At most 100 characters.
#[must_use]
pub fn replica() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c))
        .take(63)
        .collect();
    format!("{host}:{}:{:08x}", std::process::id(), random() >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        assert_ne!(uuid(), uuid());
        assert_ne!(random(), random());
        assert_ne!(replica(), replica());
        assert!(replica().len() <= 100 && replica().is_ascii());
    }
}
