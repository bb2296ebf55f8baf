//! `restart`: the newest build of one server.

use crate::{
    compile, embedded_redis, failure::Failure, lock, output, service::Service, start, state::State,
    stop, workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace, name: &str) -> Result<(), Failure> {
    let service = Service::named(name)?;
    let _lock = lock::acquire(workspace)?;
    let mut state = State::load(workspace)?;
    if !state.processes.contains_key(service.name) {
        return Err(Failure::new(
            format!("{name} was not started"),
            "start it: cargo dev up",
        ));
    }
    // First, so that a build that fails leaves the old one running.
    let binary = output::step(&format!("building {name}"), || {
        compile::release(workspace, service.name)
    })?;
    output::step(&format!("stopping {name}"), || {
        stop::stop(workspace, &mut state, service.name)?;
        embedded_redis::stop_left_behind(workspace)
    })?;
    output::step(&format!("starting {name}"), || {
        start::start(workspace, &mut state, service, &binary)
    })?;
    output::line(format!(
        "{name} is ready at {}",
        service.url(state.port_offset)
    ));
    Ok(())
}
