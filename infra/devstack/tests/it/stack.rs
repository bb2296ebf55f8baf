//! The commands on a workspace of their own, whose servers are stand-ins: what is tested is the life of the
//! processes, not what they answer.

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use devstack::{procfs, wait};
use serde_json::Value;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(10);

/// A checkout in a temporary folder; nothing of it is left on drop.
struct Checkout {
    folder: TempDir,
    /// Of inventory-server.
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
            "[workspace]\nresolver = \"3\"\nmembers = [\"inventory-server\", \"sync-worker\"]\n\
             [profile.hot]\ninherits = \"release\"\n",
        );
        file("infra/devstack/Cargo.toml", "");
        let http = include_str!("../fixtures/fake_http.rs");
        for (name, text) in [
            (
                "inventory-server",
                include_str!("../fixtures/fake_server.rs"),
            ),
            ("sync-worker", include_str!("../fixtures/fake_worker.rs")),
        ] {
            let manifest = format!("[package]\nname = \"{name}\"\nedition = \"2021\"\n");
            file(&format!("{name}/Cargo.toml"), &manifest);
            file(&format!("{name}/src/main.rs"), text);
            file(&format!("{name}/src/http.rs"), http);
        }
        file(
            "sync-worker/src/bin/reconcile.rs",
            include_str!("../fixtures/fake_reconcile.rs"),
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

    /// The engine alone.
    fn up(&self) -> Output {
        let offset = self.offset().to_string();
        self.dev(&["up", "--only", "inventory", "--port-offset", &offset])
    }

    /// The full stack.
    fn up_all(&self) -> Output {
        self.dev(&["up", "--port-offset", &self.offset().to_string()])
    }

    fn offset(&self) -> u16 {
        self.port - 8083
    }

    fn process(&self, name: &str) -> Value {
        let state = fs::read(self.root().join(".devstack/state.json")).unwrap();
        let state: Value = serde_json::from_slice(&state).unwrap();
        state["processes"][name].clone()
    }

    fn pid(&self, name: &str) -> u32 {
        let pid = self.process(name)["pid"].as_u64().unwrap();
        pid.try_into().unwrap()
    }

    fn server_pid(&self) -> u32 {
        self.pid("inventory-server")
    }

    fn pids(&self) -> [u32; 4] {
        ["redis", "mariadb", "inventory-server", "sync-worker"].map(|name| self.pid(name))
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

/// A port for inventory-server with which those of the whole stack are free. Below the range that the kernel
/// gives to clients, who could take one of them before its server does.
fn free_port() -> u16 {
    const BASES: [u16; 4] = [8083, 8090, 6379, 3306];
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let offsets = std::iter::repeat_with(|| RandomState::new().hash_one(0) % 20_000);
    let mut offsets = offsets.map(|offset| u16::try_from(offset).unwrap() + 4_000);
    let offset = offsets.find(|offset| BASES.iter().all(|base| is_free(base + offset)));
    8083 + offset.unwrap()
}

fn kill9(pid: u32) {
    let mut kill = Command::new("kill");
    assert!(
        kill.args(["-9", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
    wait::until(SOON, "it is dead", || is_gone(pid)).unwrap();
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

    let second = checkout.dev(&["up", "--only", "inventory"]);
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
    kill9(pid);

    let status = checkout.dev(&["status"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(
        stderr(&status).contains("inventory-server is dead"),
        "{}",
        stderr(&status)
    );
    let up = checkout.dev(&["up", "--only", "inventory"]);
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
    // A process that another test is starting may hold a copy until it has become itself.
    let is_free = || TcpListener::bind((Ipv4Addr::LOCALHOST, checkout.port)).is_ok();
    wait::until(SOON, "the port is free", is_free).unwrap();

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

#[test]
fn the_full_stack_starts_stays_and_goes() {
    let checkout = Checkout::new();
    // Where servers of the user's run, the stores move.
    let own = 3306 + checkout.offset();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, own)).unwrap();
    let first = checkout.up_all();
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(stderr(&first).contains(&format!("{own} is taken")));
    let mariadb = checkout.process("mariadb")["url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!mariadb.ends_with(&format!(":{own}")), "{mariadb}");
    let shown = stdout(&first);
    for expected in [
        "| demo-2         | RELEASED  | demo-2-order | mug-celadon |        4 |",
        "check: fine",
        &mariadb,
        "mariadb --defaults-file=.devstack/mariadb/client.cnf inventory",
    ] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    let folder = checkout.root().join(".devstack");
    let password = fs::read_to_string(folder.join("mariadb/password")).unwrap();
    for secret in ["mariadb/password", "mariadb/client.cnf", "sync.env"] {
        let mode = fs::metadata(folder.join(secret))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    let logs = fs::read_dir(folder.join("logs")).unwrap().flatten();
    let logs = logs.map(|log| fs::read_to_string(log.path()).unwrap());
    let seen = logs.chain([shown.clone(), stderr(&first)]);
    assert!(seen.into_iter().all(|text| !text.contains(&password)));

    let pids = checkout.pids();
    drop(taken);
    let second = checkout.dev(&["up"]);
    assert_eq!(stdout(&second), shown, "{}", stderr(&second));
    assert_eq!(checkout.pids(), pids);
    let other = checkout.dev(&["up", "--only", "inventory"]);
    assert_eq!(other.status.code(), Some(1));
    assert!(
        stderr(&other).contains("cargo dev down"),
        "{}",
        stderr(&other)
    );
    let status = checkout.dev(&["status"]);
    assert!(status.status.success(), "{}", stderr(&status));
    assert_eq!(
        stdout(&status).matches(" ready ").count(),
        4,
        "{}",
        stdout(&status)
    );
    let logs = checkout.dev(&["logs", "mariadb"]);
    assert!(stdout(&logs).contains("ready for connections"));
    let demo = checkout.dev(&["demo"]);
    assert!(stdout(&demo).contains("| demo-1 "), "{}", stderr(&demo));

    let down = checkout.dev(&["down"]);
    assert!(down.status.success(), "{}", stderr(&down));
    assert!(pids.into_iter().all(is_gone));
    let stopped = stdout(&down);
    let place = |name: &str| stopped.find(&format!("{name} stopped")).unwrap();
    assert!(place("sync-worker") < place("mariadb") && place("inventory-server") < place("redis"));

    // On the same data, and on the port that is free again.
    let again = checkout.dev(&["up"]);
    assert!(again.status.success(), "{}", stderr(&again));
    assert!(stdout(&again).contains(&format!("mysql://127.0.0.1:{own}")));
    let same = fs::read_to_string(folder.join("mariadb/password")).unwrap();
    assert_eq!(same, password);
}

#[test]
fn a_killed_store_comes_back_where_it_was_and_drift_is_reported() {
    let checkout = Checkout::new();
    let up = checkout.up_all();
    assert!(up.status.success(), "{}", stderr(&up));
    let (before, address) = (checkout.pids(), checkout.process("redis")["url"].clone());
    kill9(before[0]);
    let status = checkout.dev(&["status"]);
    assert!(
        stderr(&status).contains("redis is dead"),
        "{}",
        stderr(&status)
    );
    let up = checkout.dev(&["up"]);
    assert!(up.status.success(), "{}", stderr(&up));
    assert_eq!(
        checkout.pids()[1..],
        before[1..],
        "only Redis is another one"
    );
    assert_eq!(checkout.process("redis")["url"], address);

    let before = checkout.pids();
    for name in ["mariadb", "sync-worker"] {
        let restart = checkout.dev(&["restart", name]);
        assert!(restart.status.success(), "{}", stderr(&restart));
    }
    let after = checkout.pids();
    assert_eq!((after[0], after[2]), (before[0], before[2]));
    assert!(is_gone(before[1]) && is_gone(before[3]));

    fs::write(checkout.root().join("drift"), "").unwrap();
    let up = checkout.dev(&["up"]);
    assert_eq!(up.status.code(), Some(1));
    assert!(stdout(&up).contains("check: 1 difference"));
    assert_eq!(checkout.pids(), after, "it goes on running");

    // Nobody knows of them any more; they are in our folders.
    fs::remove_file(checkout.root().join(".devstack/state.json")).unwrap();
    for pid in [after[2], after[3]] {
        kill9(pid);
    }
    let down = checkout.dev(&["down"]);
    assert!(down.status.success(), "{}", stderr(&down));
    assert!(is_gone(after[0]) && is_gone(after[1]));
}

#[test]
fn when_a_server_of_the_full_stack_cannot_start_nothing_of_it_is_left() {
    let checkout = Checkout::new();
    let broken = checkout.root().join("broken");
    fs::write(&broken, "").unwrap();
    let up = checkout.up_all();
    assert_eq!(up.status.code(), Some(1));
    assert!(stderr(&up).contains("this is why"), "{}", stderr(&up));
    let status = checkout.dev(&["status"]);
    assert!(
        stdout(&status).contains("nothing runs"),
        "{}",
        stdout(&status)
    );

    // The engine alone has nothing to do with it.
    fs::remove_file(broken).unwrap();
    let up = checkout.up();
    assert!(up.status.success(), "{}", stderr(&up));
}
