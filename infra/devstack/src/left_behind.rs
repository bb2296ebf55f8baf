//! Servers that work in a folder of ours and that no state speaks of: nobody else's can be there.

use std::{fs, path::Path};

use devstack::procfs;

use crate::{failure::Failure, output, stop};

/// Processes of this name that work in the folder.
pub(crate) fn pids(program: &str, folder: &Path) -> Vec<u32> {
    let Ok(folder) = fs::canonicalize(folder) else {
        return Vec::new();
    };
    procfs::pids()
        .filter(|pid| works_in(*pid, program, &folder))
        .collect()
}

/// Stops them: two on the same data would spoil it. Their data stays.
pub(crate) fn stop(program: &str, folder: &Path) -> Result<(), Failure> {
    let Ok(folder) = fs::canonicalize(folder) else {
        return Ok(());
    };
    for pid in pids(program, &folder) {
        // Not by its folder: one that is ending has none, and is still there.
        let seen = procfs::stat(pid).filter(|_| works_in(pid, program, &folder));
        let is_same = |stat: procfs::Stat| {
            !stat.is_zombie() && seen.is_some_and(|seen| seen.start_ticks == stat.start_ticks)
        };
        stop::end(&format!("a {program} left behind"), pid, || {
            procfs::stat(pid).is_some_and(is_same)
        })?;
        output::line(format!("{program} stopped (pid {pid}), it was left behind"));
    }
    Ok(())
}

fn works_in(pid: u32, program: &str, folder: &Path) -> bool {
    procfs::name(pid).is_some_and(|name| name == program)
        && procfs::cwd(pid).is_some_and(|cwd| cwd.starts_with(folder))
        && procfs::stat(pid).is_some_and(|stat| !stat.is_zombie())
}

#[cfg(test)]
mod tests {
    use devstack::{
        mariadb::MariaDbServer,
        redis::{Appendonly, RedisServer},
    };

    use super::*;

    #[test]
    fn only_a_redis_in_the_folder_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("redis");
        assert!(pids("redis-server", &data).is_empty());
        let elsewhere = RedisServer::builder().start().unwrap();
        let ours = RedisServer::builder()
            .dir(&data)
            .appendonly(Appendonly::Everysec)
            .start()
            .unwrap();
        assert_eq!(pids("redis-server", &data), [ours.pid().unwrap()]);
        assert!(pids("mariadbd", &data).is_empty());
        stop("redis-server", &data).unwrap();
        assert_eq!(ours.pid(), None);
        assert!(elsewhere.pid().is_some());
    }

    #[test]
    fn a_mariadb_works_in_its_data_folder() {
        let mariadb = MariaDbServer::builder().start().unwrap();
        let data = mariadb.data_dir();
        assert_eq!(pids("mariadbd", &data), [mariadb.pid().unwrap()]);
        stop("mariadbd", &data).unwrap();
        assert_eq!(mariadb.pid(), None);
    }
}
