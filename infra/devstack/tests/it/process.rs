use std::{os::unix::process::ExitStatusExt as _, time::Duration};

use devstack::{
    Error,
    process::{Builder, ServerProcess},
    procfs, wait,
};

/// Far longer than anything here takes, for a busy machine.
const SOON: Duration = Duration::from_secs(60);

fn shell(script: &str) -> Builder {
    ServerProcess::builder("sh").args(["-c", script])
}

#[test]
fn a_line_written_before_or_after_the_call_is_found() {
    let server = shell("echo starting; echo listening address=127.0.0.1:4711 >&2; exec sleep 60")
        .start()
        .unwrap();
    let line = server
        .wait_for_line(|line| line.contains("listening"), SOON)
        .unwrap();
    assert_eq!(line, "listening address=127.0.0.1:4711");
    assert_eq!(
        server
            .wait_for_line(|line| line == "starting", SOON)
            .unwrap(),
        "starting"
    );
}

#[test]
fn an_early_end_shows_the_last_lines() {
    let server = shell("echo bad configuration; exit 64").start().unwrap();
    let error = server
        .wait_for_line(|line| line == "listening", SOON)
        .unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(error.to_string().contains("bad configuration"), "{error}");
    assert_eq!(server.wait_for_exit(SOON).unwrap().code(), Some(64));
}

#[test]
fn a_line_that_never_comes_is_a_timeout() {
    let server = shell("exec sleep 60").start().unwrap();
    let error = server
        .wait_for_line(|_| true, Duration::from_millis(20))
        .unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
}

#[test]
fn terminate_lets_it_finish_and_says_how_it_ended() {
    let server = shell("trap 'echo draining; exit 7' TERM; echo up; while :; do sleep 0.01; done")
        .start()
        .unwrap();
    server.wait_for_line(|line| line == "up", SOON).unwrap();
    assert_eq!(server.terminate().unwrap().code(), Some(7));
    assert!(server.log().contains("draining"));
    assert_eq!(server.pid(), None);
    assert_eq!(
        server.terminate().unwrap().code(),
        Some(7),
        "asked again, it says the same"
    );
}

#[test]
fn kill9_leaves_no_time_and_start_again_gives_a_new_life() {
    let server = shell("echo up $$; exec sleep 60").start().unwrap();
    server
        .wait_for_line(|line| line.starts_with("up"), SOON)
        .unwrap();
    assert!(matches!(server.start_again(), Err(Error::Running { .. })));
    let first = server.pid().unwrap();
    server.kill9().unwrap();
    assert_eq!(server.wait_for_exit(SOON).unwrap().signal(), Some(9));
    server.start_again().unwrap();
    let second = server.pid().unwrap();
    assert_ne!(first, second);
    let line = server
        .wait_for_line(|line| line.starts_with("up"), SOON)
        .unwrap();
    assert_eq!(
        line,
        format!("up {second}"),
        "lines of the first life do not count"
    );
}

#[test]
fn a_paused_process_is_stopped_until_resumed() {
    let server = shell("exec sleep 60").start().unwrap();
    let state = || procfs::stat(server.pid().unwrap()).unwrap().state;
    server.pause().unwrap();
    assert_eq!(state(), 'T');
    server.resume().unwrap();
    assert_ne!(state(), 'T');
    server.pause().unwrap();
    server.terminate().unwrap();
}

#[test]
fn drop_kills() {
    let server = shell("trap '' TERM; echo up; while :; do sleep 0.01; done")
        .start()
        .unwrap();
    server.wait_for_line(|line| line == "up", SOON).unwrap();
    let pid = server.pid().unwrap();
    drop(server);
    assert_eq!(procfs::stat(pid), None);
}

#[test]
fn the_environment_is_what_was_asked_for() {
    let server = shell("echo [$GREETING] [$CARGO_MANIFEST_DIR] $PWD")
        .env("GREETING", "hello")
        .without_env("CARGO_")
        .dir("/")
        .start()
        .unwrap();
    assert_eq!(
        server.wait_for_line(|_| true, SOON).unwrap(),
        "[hello] [] /"
    );
}

#[test]
fn a_program_that_is_not_installed_is_named() {
    let error = ServerProcess::builder("no-such-server")
        .start()
        .unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
}

#[test]
fn a_server_outlives_the_thread_that_started_it() {
    let server = std::thread::spawn(|| shell("exec sleep 60").start().unwrap())
        .join()
        .unwrap();
    // The kernel would have sent its signal before `join` returned or soon after.
    let died = wait::until(Duration::from_millis(100), "it dies", || {
        !server.is_running()
    });
    assert!(died.is_err(), "killed with the thread that started it");
}
