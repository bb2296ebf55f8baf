//! `.devstack/state.json`: what should be running.

use std::{collections::BTreeMap, fs, io::ErrorKind, path::PathBuf};

use devstack::procfs;
use serde::{Deserialize, Serialize};

use crate::{failure::Failure, stack::Stack, workspace::Workspace};

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct State {
    /// Added to every port.
    pub(crate) port_offset: u16,
    /// What `up` was asked for last.
    #[serde(default)]
    pub(crate) stack: Stack,
    /// What `up` started and `down` has not stopped, by name.
    pub(crate) processes: BTreeMap<String, Process>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Clock ticks after boot; with the boot, this tells it from a later process with the same pid.
    pub(crate) start_ticks: u64,
    pub(crate) boot_id: String,
    pub(crate) url: String,
    /// Its output.
    pub(crate) log: PathBuf,
}

impl Process {
    /// `None` when the process has ended already.
    pub(crate) fn observe(pid: u32, url: String, log: PathBuf) -> Option<Self> {
        let start_ticks = procfs::stat(pid)?.start_ticks;
        Some(Self {
            pid,
            start_ticks,
            boot_id: boot_id(),
            url,
            log,
        })
    }

    /// Where it listens, from its URL.
    pub(crate) fn port(&self) -> Option<u16> {
        self.url.rsplit(':').next()?.parse().ok()
    }

    pub(crate) fn is_alive(&self) -> bool {
        let same = |stat: procfs::Stat| stat.start_ticks == self.start_ticks && !stat.is_zombie();
        self.boot_id == boot_id() && procfs::stat(self.pid).is_some_and(same)
    }
}

impl State {
    /// Nothing runs when there is no file.
    pub(crate) fn load(workspace: &Workspace) -> Result<Self, Failure> {
        let path = path(workspace);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Failure::io(format!("reading {}", path.display()))(error)),
        };
        serde_json::from_str(&text).map_err(|error| {
            let message = format!("{} is not understood: {error}", path.display());
            Failure::new(
                message,
                "stop the servers by hand (ps), then delete that file",
            )
        })
    }

    /// Readers see the old file or the new one, never half of it.
    pub(crate) fn save(&self, workspace: &Workspace) -> Result<(), Failure> {
        let path = path(workspace);
        let what = || format!("writing {}", path.display());
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::new(format!("{}: {error}", what()), "this is a bug"))?;
        fs::create_dir_all(workspace.devstack_dir()).map_err(Failure::io(what()))?;
        let new = path.with_extension("json.new");
        fs::write(&new, text + "\n").map_err(Failure::io(what()))?;
        fs::rename(&new, &path).map_err(Failure::io(what()))
    }

    /// Whether anything that was started still runs.
    pub(crate) fn runs(&self) -> bool {
        self.processes.values().any(Process::is_alive)
    }

    /// The process of this name, if it was started and still runs.
    pub(crate) fn alive(&self, name: &str) -> Option<&Process> {
        self.processes
            .get(name)
            .filter(|process| process.is_alive())
    }
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.devstack_dir().join("state.json")
}

fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this_process() -> Process {
        let url = "http://127.0.0.1:1".to_owned();
        Process::observe(std::process::id(), url, PathBuf::from("log")).unwrap()
    }

    #[test]
    fn what_is_saved_is_loaded_and_nothing_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        assert_eq!(State::load(&workspace).unwrap(), State::default());
        let mut state = State {
            port_offset: 7,
            ..State::default()
        };
        state.processes.insert("self".to_owned(), this_process());
        state.save(&workspace).unwrap();
        assert_eq!(State::load(&workspace).unwrap(), state);
        assert!(state.alive("self").is_some());
        assert!(state.alive("other").is_none());
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let now = this_process();
        assert!(now.is_alive());
        assert!(
            !Process {
                start_ticks: now.start_ticks + 1,
                ..now.clone()
            }
            .is_alive()
        );
        assert!(
            !Process {
                boot_id: "another boot".to_owned(),
                ..now
            }
            .is_alive()
        );
    }

    #[test]
    fn a_spoilt_file_is_reported_and_not_taken_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        State::default().save(&workspace).unwrap();
        fs::write(path(&workspace), "{").unwrap();
        assert!(
            State::load(&workspace)
                .unwrap_err()
                .message
                .contains("state.json")
        );
    }
}
