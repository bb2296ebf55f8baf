//! The Redis that inventory-server starts and, when it is killed, cannot stop.

use std::{fs, path::Path};

use devstack::procfs;

use crate::{failure::Failure, output, stop, workspace::Workspace};

/// Redis processes that work in the stack's own data folder: nobody else's can be there.
pub(crate) fn pids(workspace: &Workspace) -> Vec<u32> {
    let Ok(folder) = fs::canonicalize(workspace.redis_dir()) else {
        return Vec::new();
    };
    procfs::pids()
        .filter(|pid| is_redis_in(*pid, &folder))
        .collect()
}

/// Stops what a killed server left behind; its data stays.
pub(crate) fn stop_left_behind(workspace: &Workspace) -> Result<(), Failure> {
    let Ok(folder) = fs::canonicalize(workspace.redis_dir()) else {
        return Ok(());
    };
    for pid in pids(workspace) {
        stop::end("the embedded redis-server", pid, || {
            is_redis_in(pid, &folder)
        })?;
        output::line(format!(
            "redis-server stopped (pid {pid}), left behind by inventory-server"
        ));
    }
    Ok(())
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

fn is_redis_in(pid: u32, folder: &Path) -> bool {
    procfs::name(pid).is_some_and(|name| name == "redis-server")
        && procfs::cwd(pid).is_some_and(|cwd| cwd.starts_with(folder))
        && procfs::stat(pid).is_some_and(|stat| !stat.is_zombie())
}

#[cfg(test)]
mod tests {
    use devstack::redis::{Appendonly, RedisServer};

    use super::*;

    #[test]
    fn only_a_redis_in_our_folder_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        assert!(pids(&workspace).is_empty());
        let elsewhere = RedisServer::builder().start().unwrap();
        let ours = RedisServer::builder()
            .dir(workspace.redis_dir())
            .appendonly(Appendonly::Everysec)
            .start()
            .unwrap();
        assert_eq!(pids(&workspace), [ours.pid().unwrap()]);
        let shown = socket(ours.pid().unwrap()).unwrap();
        assert_eq!(shown, ours.socket().display().to_string());
        stop_left_behind(&workspace).unwrap();
        assert_eq!(ours.pid(), None);
        assert!(elsewhere.pid().is_some());
    }
}
