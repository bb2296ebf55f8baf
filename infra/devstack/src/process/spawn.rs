//! Starting a child that cannot outlive this process.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use crate::program;

/// A command for `program` that the kernel kills when this process dies, where `setpriv` can ask it to.
pub(super) fn tied_command(program: &Path, args: &[OsString]) -> Command {
    static SETPRIV: LazyLock<Option<&OsStr>> = LazyLock::new(|| {
        let found = program::find("setpriv").ok()?;
        // Busybox has a setpriv without this option.
        let works = Command::new(&found)
            .args(["--pdeathsig", "KILL", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        works
            .is_ok_and(|status| status.success())
            .then(|| OsStr::new("setpriv"))
    });
    let mut command = match *SETPRIV {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(args).stdin(Stdio::null());
    command
}

type Job = (Command, SyncSender<io::Result<Child>>);

/// Spawns from one thread that lives as long as the process: the kernel's "parent died" means the *thread*
/// that forked, and a test's thread ends with the test while a server may be shared by several.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: LazyLock<Option<SyncSender<Job>>> = LazyLock::new(|| {
        let (sender, jobs) = sync_channel::<Job>(0);
        let run = move || {
            for (mut command, answer) in jobs {
                // The caller waits for the answer, so it is there to take it.
                let _ = answer.send(command.spawn());
            }
        };
        thread::Builder::new()
            .name("devstack-spawner".to_owned())
            .spawn(run)
            .ok()?;
        Some(sender)
    });
    let gone = || io::Error::other("the spawner thread could not be started");
    let (answer, result) = sync_channel(1);
    SPAWNER
        .as_ref()
        .ok_or_else(gone)?
        .send((command, answer))
        .map_err(|_| gone())?;
    result.recv().map_err(|_| gone())?
}
