//! Running a program to its end, within a deadline.

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use crate::{Error, Result, program, wait};

/// How a program ended and what it printed.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed on stdout; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// What it printed on stderr.
    pub stderr: String,
}

/// As [`finish`], for a command that reads `input`.
///
/// # Errors
/// As [`finish`].
pub fn finish_with(command: &mut Command, input: &str, timeout: Duration) -> Result<Finished> {
    let what = "writing a temporary file";
    let mut file = tempfile::tempfile().map_err(Error::io(what))?;
    file.write_all(input.as_bytes())
        .and_then(|()| file.rewind())
        .map_err(Error::io(what))?;
    run(command.stdin(file), timeout)
}

/// Runs a command without input until it ends, whatever its exit status.
///
/// # Errors
/// [`Error::Io`] when it does not start; [`Error::TimedOut`] when it has not ended within `timeout`: it is
/// killed then.
pub fn finish(command: &mut Command, timeout: Duration) -> Result<Finished> {
    run(command.stdin(Stdio::null()), timeout)
}

fn run(command: &mut Command, timeout: Duration) -> Result<Finished> {
    let name = program::short_name(command.get_program().as_ref());
    let what = format!("running {name}");
    // Files, since a pipe that nobody reads while it is waited for would fill up.
    let file = || tempfile::tempfile().map_err(Error::io(what.clone()));
    let (stdout, stderr) = (file()?, file()?);
    let copy = |file: &File| file.try_clone().map_err(Error::io(what.clone()));
    let child = command
        .stdout(copy(&stdout)?)
        .stderr(copy(&stderr)?)
        .spawn()
        .map_err(Error::io(what.clone()))?;
    let mut child = KilledOnDrop(child);
    let status = wait::until_some(timeout, format!("{name} ends"), || {
        child.0.try_wait().transpose()
    })?
    .map_err(Error::io(what.clone()))?;
    let text = |mut file: File| {
        let mut bytes = Vec::new();
        file.rewind()
            .and_then(|()| file.read_to_end(&mut bytes))
            .map_err(Error::io(what.clone()))?;
        Ok::<_, Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Finished {
        status,
        stdout: text(stdout)?,
        stderr: text(stderr)?,
    })
}

struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_streams_and_the_status_come_back() {
        let finished = finish(
            &mut sh("echo out; echo err >&2; exit 3"),
            Duration::from_secs(10),
        )
        .unwrap();
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!((&*finished.stdout, &*finished.stderr), ("out\n", "err\n"));
    }

    #[test]
    fn what_is_to_be_read_is_read() {
        let limit = Duration::from_secs(10);
        assert_eq!(
            finish_with(&mut sh("cat"), "text", limit).unwrap().stdout,
            "text"
        );
        assert_eq!(finish(&mut sh("cat"), limit).unwrap().stdout, "");
    }

    #[test]
    fn what_does_not_end_is_named_and_killed() {
        let error = finish(&mut sh("exec sleep 60"), Duration::from_millis(20)).unwrap_err();
        assert!(
            error.to_string().starts_with("sh ends: not within"),
            "{error}"
        );
    }
}
