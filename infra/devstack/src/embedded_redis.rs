//! The Redis that inventory-server starts and, when it is killed, cannot stop.

use std::fs;

use crate::{failure::Failure, left_behind, workspace::Workspace};

const PROGRAM: &str = "redis-server";

/// Redis processes that work in the folder of inventory-server.
pub(crate) fn pids(workspace: &Workspace) -> Vec<u32> {
    left_behind::pids(PROGRAM, &workspace.redis_dir())
}

/// Stops what a killed server left behind; its data stays.
pub(crate) fn stop_left_behind(workspace: &Workspace) -> Result<(), Failure> {
    left_behind::stop(PROGRAM, &workspace.redis_dir())
}

/// Its unix socket, from its process title.
pub(crate) fn socket(pid: u32) -> Option<String> {
    let title = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let title = String::from_utf8_lossy(&title).into_owned();
    let words = title.split([' ', '\0']);
    words
        .filter_map(|word| word.strip_prefix("unixsocket:"))
        .map(str::to_owned)
        .next()
}

#[cfg(test)]
mod tests {
    use devstack::redis::RedisServer;

    use super::*;

    #[test]
    fn its_socket_is_known_from_its_title() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let redis = RedisServer::builder()
            .dir(workspace.redis_dir())
            .start()
            .unwrap();
        assert_eq!(pids(&workspace), [redis.pid().unwrap()]);
        let shown = socket(redis.pid().unwrap()).unwrap();
        assert_eq!(shown, redis.socket().display().to_string());
        stop_left_behind(&workspace).unwrap();
        assert_eq!(redis.pid(), None);
    }
}
