//! `--embedded-redis`

use std::{fs, process::Command};

use devstack::{process::ServerProcess, procfs, wait};
use tempfile::TempDir;

use crate::support::{TIMEOUT, json, server};

/// A folder whose Redis does not outlive the test, also when a server was killed.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(
            tempfile::Builder::new()
                .prefix("embedded-")
                .tempdir()
                .expect("a folder"),
        )
    }

    fn flag(&self) -> String {
        format!("--embedded-redis={}", self.0.path().join("redis").display())
    }

    fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.0.path().join("redis/redis.pid"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(pid) = self.pid().filter(|pid| is_redis(*pid)) {
            kill9(pid);
        }
    }
}

fn is_redis(pid: u32) -> bool {
    procfs::name(pid).is_some_and(|name| name == "redis-server")
        && procfs::stat(pid).is_some_and(|stat| !stat.is_zombie())
}

fn kill9(pid: u32) {
    let status = Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status()
        .expect("kill");
    assert!(status.success());
}

fn start(folder: &Folder) -> (ServerProcess, String) {
    let process = server::process(&[&folder.flag()]);
    let address = server::address(&process);
    (process, address)
}

/// Sends a request and says the status.
fn put(address: &str, sku: &str) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let url = format!("http://{address}/api/inventories/{sku}");
    agent
        .put(url)
        .send_json(json!({"onHandQuantity": 5}))
        .expect("an answer")
        .status()
        .as_u16()
}

fn get(address: &str, path: &str) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    agent
        .get(format!("http://{address}{path}"))
        .call()
        .expect("an answer")
        .status()
        .as_u16()
}

#[test]
fn its_redis_comes_and_goes_with_the_server_and_keeps_the_data() {
    let folder = Folder::new();
    let (process, address) = start(&folder);
    assert_eq!(put(&address, "a"), 201);
    let pid = folder.pid().expect("a pid file");
    assert!(is_redis(pid));
    assert_eq!(process.terminate().expect("it ends").code(), Some(0));
    assert!(!is_redis(pid));
    let (process, address) = start(&folder);
    assert_eq!(put(&address, "a"), 200);
    assert_eq!(process.terminate().expect("it ends").code(), Some(0));
}

#[test]
fn a_redis_that_outlived_its_server_is_adopted() {
    let folder = Folder::new();
    let (process, address) = start(&folder);
    assert_eq!(put(&address, "a"), 201);
    let pid = folder.pid().expect("a pid file");
    process.kill9().expect("killed");
    assert!(is_redis(pid));
    let (process, address) = start(&folder);
    assert_eq!(folder.pid(), Some(pid));
    assert!(process.log().contains("adopted"));
    assert_eq!(put(&address, "a"), 200);
    assert_eq!(process.terminate().expect("it ends").code(), Some(0));
    assert!(!is_redis(pid), "the adopted one is stopped, too");
}

#[test]
fn a_redis_that_dies_is_started_again() {
    let folder = Folder::new();
    let (process, address) = start(&folder);
    assert_eq!(put(&address, "a"), 201);
    let pid = folder.pid().expect("a pid file");
    kill9(pid);
    let back = || folder.pid().is_some_and(|new| new != pid) && get(&address, "/readyz") == 200;
    wait::until(TIMEOUT, "another Redis serves", back).expect("back");
    let serves = || put(&address, "a") == 200;
    wait::until(TIMEOUT, "it serves again", serves).expect("it serves");
    assert_eq!(process.terminate().expect("it ends").code(), Some(0));
}

#[test]
fn a_folder_serves_one_server() {
    let folder = Folder::new();
    let (process, _) = start(&folder);
    let second = server::process(&[&folder.flag()]);
    assert_eq!(
        second.wait_for_exit(TIMEOUT).expect("it ends").code(),
        Some(1)
    );
    assert!(
        second
            .log()
            .contains("is in use by another inventory-server"),
        "{}",
        second.log()
    );
    assert_eq!(process.terminate().expect("it ends").code(), Some(0));
}

#[test]
fn without_a_redis_server_it_says_what_to_install() {
    let folder = Folder::new();
    let output = Command::new(env!("CARGO_BIN_EXE_inventory-server"))
        .env("PATH", folder.0.path())
        .args(["--listen=127.0.0.1:0", &folder.flag()])
        .output()
        .expect("a server");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("apt-get install redis-server"), "{said}");
}
