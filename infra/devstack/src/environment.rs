//! The one place that reads this process's environment.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

/// The cargo that started us, else the one on PATH.
pub(crate) fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Removes from a child's environment what `cargo run` put into ours. Build scripts may watch any of it, so
/// a nested cargo that sees it could build anew what a direct one has built.
pub(crate) fn without_cargo_run(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_set_by_cargo_run) {
            command.env_remove(name);
        }
    }
    match env::var_os("LD_LIBRARY_PATH").map(|paths| without_build_folders(&paths)) {
        Some(paths) if paths.is_empty() => command.env_remove("LD_LIBRARY_PATH"),
        Some(paths) => command.env("LD_LIBRARY_PATH", paths),
        None => command,
    };
}

/// Whether nobody will go on working with what is built: CI says so by `CI`, as all services for it do.
fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Keeps cargo from storing what makes a second build faster, a third of the target folder, where there is no
/// second build.
pub(crate) fn for_one_build(command: &mut Command) {
    if is_ci() && env::var_os("CARGO_INCREMENTAL").is_none() {
        command.env("CARGO_INCREMENTAL", "0");
    }
}

/// How many tests of a program run at once, unless the caller has said it.
pub(crate) fn set_test_threads(command: &mut Command, threads: usize) {
    const THREADS: &str = "RUST_TEST_THREADS";
    if env::var_os(THREADS).is_none() {
        command.env(THREADS, threads.to_string());
    }
}

/// Where a test and what it starts put temporary files.
pub(crate) const TEMPORARY_FOLDER: &str = "TMPDIR";

/// Removes from a server's environment what would configure it besides its command line. The log level may
/// be set from outside.
pub(crate) fn without_server_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_server_setting) {
            command.env_remove(name);
        }
    }
}

/// What the variables of servers begin with: each server has a prefix of its own.
const SERVER_PREFIXES: [&str; 9] = [
    "INVENTORY_",
    "SYNC_",
    "AUTH_",
    "USER_",
    "CATALOG_",
    "ORDER_",
    "PAYMENT_",
    "SANDBOX_",
    "DEBEZIUM_",
];

fn is_server_setting(name: &str) -> bool {
    let mut prefixes = SERVER_PREFIXES.iter();
    prefixes.any(|prefix| name.starts_with(prefix)) && !name.ends_with("_LOG_LEVEL")
}

fn is_set_by_cargo_run(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || matches!(
            name,
            "CARGO_MANIFEST_DIR"
                | "CARGO_MANIFEST_PATH"
                | "CARGO_BIN_NAME"
                | "CARGO_CRATE_NAME"
                | "CARGO_PRIMARY_PACKAGE"
                | "OUT_DIR"
        )
}

/// `cargo run` prepends folders of the target directory and of the toolchain.
fn without_build_folders(paths: &OsStr) -> OsString {
    let build_folder = |path: &Path| {
        path.components()
            .any(|part| matches!(part.as_os_str().to_str(), Some("rustlib" | "deps")))
            || path.ends_with("lib")
                && path
                    .components()
                    .any(|part| part.as_os_str() == "toolchains")
            || path.ends_with("target/debug")
            || path.ends_with("target/release")
    };
    let kept = env::split_paths(paths)
        .filter(|path| !path.as_os_str().is_empty() && !build_folder(path))
        .collect::<Vec<PathBuf>>();
    env::join_paths(kept).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_set_for_cargo_stays() {
        for name in [
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_TERM_COLOR",
            "CARGO_NET_OFFLINE",
        ] {
            assert!(!is_set_by_cargo_run(name), "{name}");
        }
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
            assert!(is_set_by_cargo_run(name), "{name}");
        }
    }

    #[test]
    fn the_library_path_loses_only_the_folders_of_the_build() {
        let paths = "/src/target/debug/deps:/src/target/debug:/opt/lib:\
                     /home/u/.rustup/toolchains/stable/lib:/t/lib/rustlib/x86/lib";
        assert_eq!(without_build_folders(OsStr::new(paths)), "/opt/lib");
        assert_eq!(
            without_build_folders(OsStr::new("/src/target/debug/deps")),
            ""
        );
    }

    #[test]
    fn a_developers_settings_do_not_reach_the_server_but_the_log_level_does() {
        assert!(is_server_setting("INVENTORY_REDIS_URL"));
        assert!(is_server_setting("SYNC_DATABASE_URL"));
        assert!(is_server_setting("ORDER_DATABASE_URL"));
        assert!(!is_server_setting("INVENTORY_LOG_LEVEL"));
        assert!(!is_server_setting("PAYMENT_LOG_LEVEL"));
        for other in ["HOME", "USER"] {
            assert!(!is_server_setting(other));
        }
    }
}
