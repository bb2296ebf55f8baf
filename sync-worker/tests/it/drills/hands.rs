//! Somebody's shell, in which the programs of the page find the servers of a test.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use devstack::{mariadb::MariaDbServer, process::ServerProcess, redis::RedisServer};
use tempfile::TempDir;

/// The day of the page's examples.
const DATE: &str = "#!/bin/sh\n[ \"$1\" = +%F ] && echo 2026-11-23\n";

/// The host and the password, which a person has in a configuration.
const REDIS_CLI: &str = "#!/bin/bash\nPATH=${PATH#*:} exec redis-cli -s \"$REDIS_SOCKET\" \"$@\"\n";

const KUBECTL: &str = include_str!("kubectl.sh");

const ROOT_PASSWORD: &str = "of the root of a pod";

/// Longer than any command takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder to type in, and a home.
pub(super) struct Hands {
    folder: TempDir,
    env: Vec<(String, String)>,
}

impl Hands {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).unwrap();
        for (name, text) in [
            ("date", DATE),
            ("redis-cli", REDIS_CLI),
            ("kubectl", KUBECTL),
        ] {
            let file = programs.join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let reconcile = env!("CARGO_BIN_EXE_reconcile");
        std::os::unix::fs::symlink(reconcile, programs.join("reconcile")).unwrap();
        for name in ["binlogs", "pod"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let path = format!(
            "{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            programs.display()
        );
        let mut hands = Self {
            env: vec![],
            folder,
        };
        hands.set("PATH", path);
        hands.set("HOME", hands.at("."));
        hands.set("USER", "tester");
        hands.set("ROOT_PASSWORD", ROOT_PASSWORD);
        hands.set("POD_HOME", hands.at("pod"));
        hands.set("SCALED", hands.at("scaled"));
        let deployments = concat!(env!("CARGO_MANIFEST_DIR"), "/../k8s/base");
        hands.set("DEPLOYMENTS", deployments);
        hands
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.into()));
    }

    /// A place in the folder.
    pub(super) fn at(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(super) fn binlogs(&self) -> PathBuf {
        self.folder.path().join("binlogs")
    }

    /// `redis-cli` and `redis-0` are this one from now on, and `reconcile` looks there.
    pub(super) fn has_redis(&mut self, redis: &RedisServer) {
        self.set("REDIS_SOCKET", shown(&redis.socket()));
        self.set("SYNC_REDIS_URL", redis.url());
    }

    /// `mariadb-0` is this one from now on, and `reconcile` looks there.
    pub(super) fn has_mariadb(&mut self, mariadb: &MariaDbServer) {
        // In the pod root has a password, which the server of a test does not ask for on its socket.
        let root = "root@127.0.0.1";
        let sql = format!(
            "CREATE USER {root} IDENTIFIED BY '{ROOT_PASSWORD}'; GRANT ALL ON *.* TO {root}"
        );
        mariadb.sql(&sql).unwrap();
        let port = mariadb.port();
        let there = format!("[client]\nhost = 127.0.0.1\nport = {port}\n");
        fs::write(self.at("pod/.my.cnf"), there).unwrap();
        self.set("SYNC_DATABASE_URL", mariadb.url("inventory"));
    }

    /// What MariaDB's programs read in this home.
    pub(super) fn write_my_cnf(&self, text: &str) {
        fs::write(self.at(".my.cnf"), text).unwrap();
    }

    /// As root of this server, on its machine.
    pub(super) fn are_root_of(&self, mariadb: &MariaDbServer) {
        let socket = shown(&mariadb.socket());
        self.write_my_cnf(&format!("[client]\nsocket = {socket}\nuser = root\n"));
    }

    /// Runs a block to its end, which is a good one; what it said.
    pub(super) async fn type_in(&self, block: &str) -> String {
        let output = tokio::process::Command::new("bash")
            .args(["-eu", "-c", block])
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(PATIENCE, output).await;
        let output = output.unwrap_or_else(|_| panic!("it does not end: {block}"));
        let output = output.unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && err.is_empty(), "{block}\n{err}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Begins with a block that goes on until something ends it.
    pub(super) fn begin(&self, block: &str) -> ServerProcess {
        let builder = ServerProcess::builder("bash")
            .without_env("MYSQL")
            .args(["-eu", "-c", block])
            .dir(self.folder.path());
        let env = self.env.iter();
        let builder = env.fold(builder, |builder, (name, value)| builder.env(name, value));
        builder.start().unwrap()
    }

    /// What was scaled to how many since the last time.
    pub(super) fn scaled(&self) -> Vec<String> {
        let text = fs::read_to_string(self.at("scaled")).unwrap();
        fs::remove_file(self.at("scaled")).unwrap();
        text.lines().map(ToOwned::to_owned).collect()
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
