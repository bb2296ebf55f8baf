//! Private servers for tests, started from the binaries installed on this machine.
//!
//! A test owns its [`redis::RedisServer`], [`mariadb::MariaDbServer`] or [`process::ServerProcess`]: sockets
//! and ports that nobody else uses, a directory of its own, killed on drop, and killed by the kernel when the
//! test process dies without a drop (`setpriv` of util-linux, where installed). Nothing here ever talks to a
//! server it did not start.
//!
//! Everything blocks and is bounded by a deadline. Nothing sleeps for a fixed time: see [`wait`].
//!
//! The same crate is the `cargo dev` command; its modules belong to the binary and are not public.

pub mod command;
pub mod connect;
mod error;
pub mod golang;
mod java;
pub mod k6;
pub mod kafka;
pub mod logfile;
mod made_once;
pub mod mariadb;
mod maven;
pub mod monitoring;
pub mod own_dir;
pub mod process;
pub mod procfs;
pub mod program;
mod random;
pub mod redis;
pub mod server;
pub mod wait;

pub use error::{Error, Result};
