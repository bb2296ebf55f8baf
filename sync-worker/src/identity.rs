//! Who this process is to others: in leases, blessings and reports.

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
};

/// Name of the machine, as its kernel has it.
fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(
        |_| "localhost".to_owned(),
        // An owner has to fit into its column.
        |name| name.trim().chars().take(64).collect(),
    )
}

/// `sync-worker HOST:PID`, for people.
#[must_use]
pub fn who() -> String {
    format!("sync-worker {}:{}", host(), std::process::id())
}

/// `HOST:PID:RANDOM`: no other worker is called so, not even the next one with this process id.
#[must_use]
pub fn owner() -> String {
    format!("{}:{}:{:016x}", host(), std::process::id(), draw())
}

/// 32 hex digits that no other shard has.
#[must_use]
pub fn lineage() -> String {
    format!("{:016x}{:016x}", draw(), draw())
}

/// The standard library keys its hashers from the system's source of randomness.
fn draw() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
