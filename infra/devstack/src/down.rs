//! `down`: stops what `up` started.

use crate::{
    database, embedded_redis, failure::Failure, left_behind, lock, output, state::State, stop,
    workspace::Workspace,
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
    embedded_redis::stop_left_behind(workspace)?;
    left_behind::stop("redis-server", &workspace.shared_redis_dir())?;
    left_behind::stop("mariadbd", &database::data_dir(workspace))?;
    left_behind::stop("java", &workspace.connect_dir())?;
    left_behind::stop("java", &workspace.kafka_dir())
}
