//! Starting a server that lives on without us.

use std::{
    ffi::OsString,
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{environment, failure::Failure, launch::Launch, workspace::Workspace};

/// Starts a server in its folder, in a session of its own, without input, its output in `log`.
/// What an earlier life wrote is kept in `LOG.1`.
pub(crate) fn start(workspace: &Workspace, launch: &Launch, log: &Path) -> Result<Child, Failure> {
    let file = open_log(log).map_err(Failure::io(format!("opening {}", log.display())))?;
    let copy = file
        .try_clone()
        .map_err(Failure::io(format!("opening {}", log.display())))?;
    // Ourselves, even when the file has been replaced by a build.
    let mut command = Command::new("/proc/self/exe");
    environment::without_cargo_run(&mut command);
    environment::without_server_settings(&mut command);
    command
        .arg("detached")
        .arg(&launch.program)
        .args(&launch.args)
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .current_dir(launch.dir.as_deref().unwrap_or_else(|| workspace.root()));
    command.stdin(Stdio::null()).stdout(file).stderr(copy);
    command.spawn().map_err(Failure::io(format!(
        "starting {}",
        launch.program.display()
    )))
}

/// The other half, in the new process: leaves the caller's session, gives up every descriptor that it
/// inherited but stdio, and becomes the server. Returns only when that fails.
pub(crate) fn become_server(program: &Path, args: &[OsString]) -> Failure {
    const FIRST_AFTER_STDIO: i32 = 3;
    close_fds::set_fds_cloexec(FIRST_AFTER_STDIO, &[]);
    if let Err(error) = rustix::process::setsid() {
        return Failure::io("starting a session")(error.into());
    }
    Failure::io(format!("starting {}", program.display()))(Command::new(program).args(args).exec())
}

fn open_log(log: &Path) -> std::io::Result<File> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    if log.exists() {
        let mut older = log.as_os_str().to_owned();
        older.push(".1");
        fs::rename(log, older)?;
    }
    File::options().create(true).append(true).open(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_the_life_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("logs/server.log");
        drop(open_log(&log).unwrap());
        fs::write(&log, "first life").unwrap();
        drop(open_log(&log).unwrap());
        assert_eq!(fs::read_to_string(&log).unwrap(), "");
        assert_eq!(
            fs::read_to_string(folder.path().join("logs/server.log.1")).unwrap(),
            "first life"
        );
    }
}
