//! `restart`: the newest build of one server, or a store once more on its data.

use crate::{
    addresses::Addresses,
    compile::{self, Binaries},
    embedded_redis,
    failure::Failure,
    launch, lock, output,
    service::{INVENTORY_SERVER, Service},
    start,
    state::State,
    stop,
    workspace::Workspace,
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
    let addresses = Addresses::of(&state);
    let mut binaries = Binaries::default();
    if let Some(program) = service.program() {
        // First, so that a build that fails leaves the old one running.
        binaries = output::step(&format!("building {name}"), || {
            compile::one(workspace, state.stack, service, program)
        })?;
    }
    output::step(&format!("stopping {name}"), || {
        stop::stop(workspace, &mut state, service.name)?;
        if *service == INVENTORY_SERVER {
            embedded_redis::stop_left_behind(workspace)?;
        }
        Ok(())
    })?;
    output::step(&format!("starting {name}"), || {
        let launch = launch::prepare(workspace, state.stack, service, &addresses, &binaries)?;
        start::start(
            workspace,
            &mut state,
            service,
            &launch,
            addresses.url(service),
        )?;
        start::wait_until_useful(workspace, &state, service, &[]).inspect_err(|_| {
            // The failure to report is the first one.
            let _ = stop::stop(workspace, &mut state, service.name);
        })
    })?;
    for dependent in service.dependents() {
        if state.alive(dependent.name).is_some() {
            output::step(&format!("waiting for {}", dependent.name), || {
                start::wait_until_ready(workspace, &state, dependent)
            })?;
        }
    }
    output::line(format!("{name} is ready at {}", addresses.url(service)));
    Ok(())
}
