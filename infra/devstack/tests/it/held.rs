//! A test process of its own that holds a server until it is killed: this very binary, asked for a test that
//! does nothing when nobody asks.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use devstack::{process::ServerProcess, wait};

const ASKED: &str = "DEVSTACK_TEST_HOLD";

const SOON: Duration = Duration::from_secs(60);

/// Whether servers die with the process that started them.
pub(crate) fn servers_are_tied() -> bool {
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether this process is the one that holds.
pub(crate) fn is_asked() -> bool {
    env::var_os(ASKED).is_some()
}

/// Tells of the server's pid and waits to be killed; bounded for the day that goes wrong.
pub(crate) fn until_killed(server: u32) {
    println!("\nholding {server}");
    wait::until(Duration::from_secs(180), "killed", || false).unwrap_err();
}

/// Runs the test that holds, with its temporary files in `folder`. The process, and the pid of its server.
pub(crate) fn hold(test: &str, folder: &Path) -> (ServerProcess, u32) {
    let process = ServerProcess::builder(env::current_exe().unwrap())
        .env("TMPDIR", folder)
        .env(ASKED, "1")
        .args(["--exact", test, "--nocapture"])
        .start()
        .unwrap();
    let line = process.wait_for_line(|line| line.starts_with("holding "), SOON);
    let pid = line.unwrap()["holding ".len()..].parse().unwrap();
    (process, pid)
}
