//! `down`: stops what `up` started.

use crate::{
    embedded_redis, failure::Failure, lock, output, state::State, stop, workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    if !workspace.devstack_dir().exists() {
        output::line("nothing was started");
        return Ok(());
    }
    let _lock = lock::acquire(workspace)?;
    down(workspace)
}

/// For a caller that holds the lock.
pub(crate) fn down(workspace: &Workspace) -> Result<(), Failure> {
    let mut state = State::load(workspace)?;
    if state.processes.is_empty() {
        output::line("nothing runs");
    }
    stop::stop_all(workspace, &mut state)?;
    embedded_redis::stop_left_behind(workspace)
}
