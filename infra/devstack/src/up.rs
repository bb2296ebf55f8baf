//! `up`: from nothing to a stack that answers.

use crate::{
    cli::{Part, UpOptions},
    compile, demo, demo_stock, embedded_redis,
    failure::Failure,
    http::Api,
    lock, output, packages, ports, requirement,
    service::INVENTORY_SERVER,
    start,
    state::State,
    workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace, options: &UpOptions) -> Result<(), Failure> {
    // The engine is all there is so far: with or without `--only inventory`.
    let (None | Some(Part::Inventory)) = options.only;
    let _lock = lock::acquire(workspace)?;
    let mut state = State::load(workspace)?;
    state.port_offset = port_offset(&state, options.port_offset)?;
    let service = &INVENTORY_SERVER;

    output::step("packages", || {
        packages::require(&[&requirement::C_COMPILER, &requirement::REDIS_SERVER])
    })?;
    if state.alive(service.name).is_none() {
        output::step("ports", || {
            ports::require_free(&[(service.name, service.port(state.port_offset))])
        })?;
    }
    let binary = output::step(&format!("building {}", service.name), || {
        compile::release(workspace, service.name)
    })?;
    output::step(&format!("starting {}", service.name), || {
        match state.alive(service.name) {
            Some(process) => {
                output::progress(format!("    runs already (pid {})", process.pid));
                start::wait_until_ready(workspace, service, process)
            }
            None => {
                embedded_redis::stop_left_behind(workspace)?;
                start::start(workspace, &mut state, service, &binary)
            }
        }
    })?;
    let url = service.url(state.port_offset);
    let api = Api::new(&url);
    output::step("demo stock", || {
        let loaded = demo_stock::load(&api)?;
        output::progress(format!(
            "    {} created, {} there already",
            loaded.created, loaded.already_there
        ));
        Ok(())
    })?;

    output::line(format!("Demo stock: {}", demo_stock::summary()));
    demo::play(&api)?;
    output::line(guide(&url));
    if state
        .alive(service.name)
        .is_some_and(|process| compile::is_outdated(process.pid, &binary))
    {
        output::line(format!(
            "\n{name} has been built anew since it was started: cargo dev restart {name}",
            name = service.name
        ));
    }
    Ok(())
}

/// The offset asked for, else the one of last time. Servers that run keep theirs.
fn port_offset(state: &State, asked: Option<u16>) -> Result<u16, Failure> {
    let offset = asked.unwrap_or(state.port_offset);
    let runs = state
        .processes
        .keys()
        .any(|name| state.alive(name).is_some());
    if runs && offset != state.port_offset {
        let message = format!("the stack runs with --port-offset {}", state.port_offset);
        return Err(Failure::new(message, "stop it first: cargo dev down"));
    }
    Ok(offset)
}

fn guide(url: &str) -> String {
    let name = INVENTORY_SERVER.name;
    format!(
        "
{name} is ready at {url}
  health   {url}/healthz  {url}/readyz
  docs     {url}/docs
  openapi  {url}/openapi.json
  metrics  {url}/metrics
  log      cargo dev logs {name} -f
  stop     cargo dev down

Try:
  curl -s {url}/api/inventories/1
  curl -s -X POST {url}/api/reservations -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first' -d '{{\"items\":[{{\"skuId\":\"1\",\"quantity\":2}}]}}'
  curl -s -X POST {url}/api/reservations/my-first/confirm"
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::state::Process;

    #[test]
    fn the_offset_is_remembered_and_fixed_while_something_runs() {
        let mut state = State {
            port_offset: 10,
            ..State::default()
        };
        assert_eq!(port_offset(&state, None).unwrap(), 10);
        assert_eq!(port_offset(&state, Some(0)).unwrap(), 0);
        let url = "http://127.0.0.1:8093".to_owned();
        let process = Process::observe(std::process::id(), url, PathBuf::new()).unwrap();
        state
            .processes
            .insert("inventory-server".to_owned(), process);
        assert_eq!(port_offset(&state, None).unwrap(), 10);
        assert_eq!(port_offset(&state, Some(10)).unwrap(), 10);
        let failure = port_offset(&state, Some(0)).unwrap_err();
        assert!(failure.next.contains("cargo dev down"));
    }
}
