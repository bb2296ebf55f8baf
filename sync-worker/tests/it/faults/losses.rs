//! Ways to lose Redis. Each comes back when Redis answers again.

use std::path::Path;

use devstack::redis::RedisServer;

use super::stage::replace_folder;

/// An operator restarts it.
pub(crate) fn restart(redis: &RedisServer) {
    redis.stop().unwrap();
    redis.start_again().unwrap();
}

/// The process dies, the machine lives: the page cache has all that was written. Under `everysec`
/// that is not all that was answered: while the disk is busy with a flush, Redis writes later.
pub(crate) fn die(redis: &RedisServer) {
    redis.kill9().unwrap();
    redis.start_again().unwrap();
}

/// The machine dies: the append-only file ends early, in the middle of a command.
pub(crate) fn cut(redis: &RedisServer, bytes: u64) {
    redis.kill9().unwrap();
    redis.truncate_aof_to(bytes).unwrap();
    redis.start_again().unwrap();
}

pub(crate) fn flush(redis: &RedisServer) {
    redis.command(&["FLUSHALL"]).unwrap();
}

/// Another Redis takes its place, with this data or none.
pub(crate) fn replace(redis: &RedisServer, with: Option<&Path>) {
    redis.kill9().unwrap();
    replace_folder(redis.dir(), with);
    redis.start_again().unwrap();
}
