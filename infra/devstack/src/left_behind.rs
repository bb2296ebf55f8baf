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
        .filter(|pid| is_called(*pid, program) && works_in(*pid, &folder))
        .collect()
}

/// Stops them: two on the same data would spoil it. Their data stays.
pub(crate) fn stop(program: &str, folder: &Path) -> Result<(), Failure> {
    let Ok(folder) = fs::canonicalize(folder) else {
        return Ok(());
    };
    for pid in pids(program, &folder) {
        end(pid, program, || {
            is_called(pid, program) && works_in(pid, &folder)
        })?;
    }
    Ok(())
}

/// Stops everything that works in the folder, whatever its name.
pub(crate) fn stop_all(folder: &Path) -> Result<(), Failure> {
    let Ok(folder) = fs::canonicalize(folder) else {
        return Ok(());
    };
    for pid in procfs::pids().filter(|pid| works_in(*pid, &folder)) {
        let name = procfs::name(pid).unwrap_or_default();
        end(pid, &name, || works_in(pid, &folder))?;
    }
    Ok(())
}

fn end(pid: u32, name: &str, is_ours: impl FnOnce() -> bool) -> Result<(), Failure> {
    // Not by its folder: one that is ending has none, and is still there.
    let seen = procfs::stat(pid).filter(|_| is_ours());
    let is_same = |stat: procfs::Stat| {
        !stat.is_zombie() && seen.is_some_and(|seen| seen.start_ticks == stat.start_ticks)
    };
    stop::end(&format!("a {name} left behind"), pid, || {
        procfs::stat(pid).is_some_and(is_same)
    })?;
    output::line(format!("{name} stopped (pid {pid}), it was left behind"));
    Ok(())
}

fn is_called(pid: u32, program: &str) -> bool {
    procfs::name(pid).is_some_and(|name| name == program)
}

fn works_in(pid: u32, folder: &Path) -> bool {
    procfs::cwd(pid).is_some_and(|cwd| cwd.starts_with(folder))
        && procfs::stat(pid).is_some_and(|stat| !stat.is_zombie())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use devstack::{
        mariadb::MariaDbServer,
        process::ServerProcess,
        redis::{Appendonly, RedisServer},
        wait,
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
    fn whatever_works_in_a_folder_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let sleeper = ServerProcess::builder("sleep").arg("60");
        let ours = sleeper.clone().dir(folder.path()).start().unwrap();
        let elsewhere = sleeper.start().unwrap();
        let works = || works_in(ours.pid().unwrap(), &folder.path().canonicalize().unwrap());
        wait::until(Duration::from_secs(10), "it works there", works).unwrap();
        stop_all(folder.path()).unwrap();
        assert!(!ours.is_running() && elsewhere.is_running());
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
