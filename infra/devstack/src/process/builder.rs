//! What a [`ServerProcess`] is started with.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::ServerProcess;
use crate::Result;

/// Settings of a [`ServerProcess`]; made by [`ServerProcess::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) env_removed: Vec<OsString>,
    pub(super) dir: Option<PathBuf>,
    pub(super) log_file: Option<PathBuf>,
}

impl Builder {
    pub(super) fn new(program: &Path) -> Self {
        Self {
            program: program.to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            env_removed: Vec::new(),
            dir: None,
            log_file: None,
        }
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Does not pass on the variables whose name begins with `prefix`, such as `INVENTORY_`: a developer's
    /// shell must not decide what a test tests. Variables set by [`Builder::env`] stay.
    pub fn without_env(mut self, prefix: &str) -> Self {
        let names = env::vars_os().map(|(name, _)| name);
        self.env_removed
            .extend(names.filter(|name| name.as_encoded_bytes().starts_with(prefix.as_bytes())));
        self
    }

    /// Working directory; default: that of this process.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// File that takes stdout and stderr, appended to. Default: a temporary file that goes with the process.
    pub fn log_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.log_file = Some(path.into());
        self
    }

    /// Starts it; does not wait for anything.
    ///
    /// # Errors
    /// [`crate::Error::Missing`] when a program named without a folder is not on PATH;
    /// [`crate::Error::Io`] when the system refuses.
    pub fn start(self) -> Result<ServerProcess> {
        ServerProcess::start(self)
    }
}
