//! The commands on a workspace of their own, whose inventory-server is a stand-in: what is tested is the life
//! of the processes, not what they answer.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use devstack::{procfs, wait};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(10);

/// A checkout in a temporary folder; nothing of it is left on drop.
struct Checkout {
    folder: TempDir,
    port: u16,
}

impl Checkout {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"inventory-server\"]\n",
        );
        file("infra/devstack/Cargo.toml", "");
        let manifest = "[package]\nname = \"inventory-server\"\nedition = \"2021\"\n";
        file("inventory-server/Cargo.toml", manifest);
        file(
            "inventory-server/src/main.rs",
            include_str!("../fixtures/fake_server.rs"),
        );
        Self {
            folder,
            port: free_port(),
        }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Through a shell that lends it one more descriptor of the caller's pipe.
    fn dev(&self, args: &[&str]) -> Output {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "exec 7>&1 && exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_devstack"),
        ]);
        command.args(args).current_dir(self.root());
        // The build of the stand-in belongs into its own folder.
        for name in [
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET_DIR",
            "CARGO_BUILD_BUILD_DIR",
        ] {
            command.env_remove(name);
        }
        command.output().unwrap()
    }

    fn up(&self) -> Output {
        self.dev(&["up", "--port-offset", &(self.port - 8083).to_string()])
    }

    fn server_pid(&self) -> u32 {
        let state = fs::read(self.root().join(".devstack/state.json")).unwrap();
        let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
        state["processes"]["inventory-server"]["pid"]
            .as_u64()
            .unwrap()
            .try_into()
            .unwrap()
    }

    fn redis_pids(&self) -> Vec<u32> {
        let folder = fs::canonicalize(self.root().join(".devstack/redis")).unwrap();
        let is_ours = |pid: &u32| {
            procfs::cwd(*pid).as_ref() == Some(&folder)
                && procfs::name(*pid).as_deref() == Some("redis-server")
        };
        procfs::pids().filter(is_ours).collect()
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        self.dev(&["reset"]);
    }
}

/// In the range that `--port-offset` can reach.
fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        if port < 58_000 {
            return port;
        }
    }
}

fn is_gone(pid: u32) -> bool {
    procfs::stat(pid).is_none_or(|stat| stat.is_zombie())
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Of a process, from `/proc/PID/stat`.
fn session(pid: u32) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn a_stack_starts_stays_restarts_and_goes() {
    let checkout = Checkout::new();
    // `output` returns at the end of both pipes: nobody may hold them.
    let first = checkout.up();
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(stdout(&first).contains(&format!("http://127.0.0.1:{}", checkout.port)));
    let pid = checkout.server_pid();
    assert_eq!(session(pid), pid);
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let mut inherited = descriptors.filter(|file| file.file_name() == "7");
    assert!(inherited.all(|file| !fs::read_link(file.path()).unwrap().starts_with("pipe:")));

    let second = checkout.dev(&["up"]);
    assert_eq!(stdout(&second), stdout(&first), "{}", stderr(&second));
    assert_eq!(checkout.server_pid(), pid);
    let status = checkout.dev(&["status"]);
    assert!(status.status.success());
    assert!(stdout(&status).contains("ready"), "{}", stdout(&status));
    let logs = checkout.dev(&["logs", "inventory-server", "-n", "1"]);
    assert_eq!(stdout(&logs), "listening\n");

    let restart = checkout.dev(&["restart", "inventory-server"]);
    assert!(restart.status.success(), "{}", stderr(&restart));
    assert!(is_gone(pid));
    assert_ne!(checkout.server_pid(), pid);
    assert_eq!(
        checkout.redis_pids().len(),
        1,
        "that of the server before is stopped"
    );

    let (pid, redis) = (checkout.server_pid(), checkout.redis_pids());
    let down = checkout.dev(&["down"]);
    assert!(down.status.success(), "{}", stderr(&down));
    assert!(is_gone(pid) && redis.into_iter().all(is_gone));
    assert!(
        checkout.dev(&["status"]).status.success(),
        "nothing should run, and nothing does"
    );

    let reset = checkout.dev(&["reset"]);
    assert!(
        stdout(&reset).contains(".devstack/redis"),
        "{}",
        stdout(&reset)
    );
    assert!(!checkout.root().join(".devstack").exists());
}

#[test]
fn a_killed_server_is_reported_and_started_again() {
    let checkout = Checkout::new();
    let up = checkout.up();
    assert!(up.status.success(), "{}", stderr(&up));
    let (pid, redis) = (checkout.server_pid(), checkout.redis_pids());
    assert!(
        Command::new("kill")
            .args(["-9", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
    wait::until(SOON, "it is dead", || is_gone(pid)).unwrap();

    let status = checkout.dev(&["status"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(
        stderr(&status).contains("inventory-server is dead"),
        "{}",
        stderr(&status)
    );
    let up = checkout.dev(&["up"]);
    assert!(up.status.success(), "{}", stderr(&up));
    assert_ne!(checkout.server_pid(), pid);
    assert!(
        redis.into_iter().all(is_gone),
        "the Redis left behind is stopped first"
    );
}

#[test]
fn a_taken_port_and_a_server_that_cannot_start_are_explained() {
    let checkout = Checkout::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, checkout.port)).unwrap();
    let up = checkout.up();
    assert_eq!(up.status.code(), Some(1));
    let taken = format!("port {} (for inventory-server) is taken by", checkout.port);
    let pid = format!("(pid {})", std::process::id());
    assert!(
        stderr(&up).contains(&taken) && stderr(&up).contains(&pid),
        "{}",
        stderr(&up)
    );
    drop(listener);

    let broken = checkout.root().join("broken");
    fs::write(&broken, "").unwrap();
    let up = checkout.up();
    assert_eq!(up.status.code(), Some(1));
    assert!(stderr(&up).contains("this is why"), "{}", stderr(&up));
    assert!(
        checkout.dev(&["status"]).status.success(),
        "nothing is left of it"
    );

    fs::remove_file(broken).unwrap();
    // Two at once: one starts it, the other finds it running.
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| checkout.up());
        let two = scope.spawn(|| checkout.up());
        (one.join().unwrap(), two.join().unwrap())
    });
    assert!(one.status.success(), "{}", stderr(&one));
    assert!(two.status.success(), "{}", stderr(&two));
    assert_eq!(checkout.redis_pids().len(), 1);
}
