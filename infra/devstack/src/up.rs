//! `up`: from nothing to a stack that answers.

use crate::{
    addresses::Addresses,
    broker,
    cli::UpOptions,
    compile::{self, Binaries},
    debezium, demo, demo_stock, doctor, embedded_redis,
    failure::Failure,
    guide,
    http::Api,
    launch, lock, monitoring_service, output, packages, projection,
    requirement::{self, Requirement},
    service::{INVENTORY_SERVER, Kind, PROMETHEUS, Service},
    shop::{self, Which},
    stack::Stack,
    start,
    state::State,
    stop,
    workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace, options: &UpOptions) -> Result<(), Failure> {
    let stack = Stack::of(options);
    let _lock = lock::acquire(workspace)?;
    let mut state = State::load(workspace)?;
    require_same_stack(&state, stack)?;
    state.port_offset = port_offset(&state, options.port_offset)?;
    state.stack = stack;

    output::step("packages", || {
        packages::require(requirements(stack))?;
        if options.monitoring {
            packages::require(&[&requirement::PROMETHEUS])?;
        }
        Ok(())
    })?;
    let all_run = stack
        .services()
        .iter()
        .all(|service| state.alive(service.name).is_some());
    let mut addresses = if all_run {
        Addresses::of(&state)
    } else {
        output::step("ports", || Addresses::choose(&state, stack))?
    };
    if stack.is_full() {
        // Before the builds: what cannot be fetched is better known at once.
        output::step("Kafka's jars", || broker::fetch(workspace))?;
    }
    if stack == Stack::Debezium {
        output::step("Debezium's jars", || debezium::installed(workspace))?;
    }
    let binaries = compile::all(workspace, stack)?;
    let mut started = Vec::new();
    bring_up(workspace, &mut state, &addresses, &binaries, &mut started).inspect_err(|_| {
        // What ran before stays. The failure to report is the first one.
        for service in started.iter().rev() {
            let _ = stop::stop(workspace, &mut state, service.name);
        }
    })?;
    // Before the demo, so that its figures are seen.
    let monitored = options.monitoring || state.alive(PROMETHEUS.name).is_some();
    if monitored {
        monitoring_service::bring_up(workspace, &mut state, &mut addresses)?;
    }
    // Before the demo: who has to find out why it fails needs what is in there.
    let guide = guide::text(workspace, stack, &addresses, &binaries)?;
    show(workspace, stack, options, &addresses, &binaries)?;
    output::line(guide);
    if monitored {
        output::line(monitoring_service::guide(&addresses));
    }
    for service in stack.built() {
        let outdated = state.alive(service.name).is_some_and(|process| {
            let binary = binaries.path(service.name);
            binary.is_ok_and(|binary| compile::is_outdated(process.pid, binary))
        });
        if outdated {
            let name = service.name;
            output::line(format!(
                "\n{name} has been built anew since it was started: cargo dev restart {name}"
            ));
        }
    }
    Ok(())
}

/// Starts what does not run and waits until all of it is ready; `started` is what it has started so far.
fn bring_up(
    workspace: &Workspace,
    state: &mut State,
    addresses: &Addresses,
    binaries: &Binaries,
    started: &mut Vec<&'static Service>,
) -> Result<(), Failure> {
    let stack = state.stack;
    let services = stack.services();
    for &service in &services {
        output::step(&format!("starting {}", service.name), || {
            if let Some(process) = state.alive(service.name) {
                output::progress(format!("    runs already (pid {})", process.pid));
            } else {
                if *service == INVENTORY_SERVER {
                    embedded_redis::stop_left_behind(workspace)?;
                }
                let launch = launch::prepare(workspace, stack, service, addresses, binaries)?;
                start::start(workspace, state, service, &launch, addresses.url(service))?;
                started.push(service);
            }
            if waits_for_another(stack, service) {
                return Ok(());
            }
            start::wait_until_useful(workspace, state, service, &[])
        })?;
    }
    for service in &services {
        if waits_for_another(stack, service) {
            output::step(&format!("waiting for {}", service.name), || {
                start::wait_until_useful(workspace, state, service, &services)
            })?;
        }
    }
    Ok(())
}

/// Servers of ours wait for each other: inventory-server is closed until sync-worker, which is started after
/// it, has opened the shard. Debezium reads tables that they make.
fn waits_for_another(stack: Stack, service: &Service) -> bool {
    match service.kind {
        Kind::Built(_) => stack.is_full(),
        Kind::Connect => true,
        Kind::Redis | Kind::MariaDb | Kind::Kafka | Kind::Prometheus => false,
    }
}

/// What there is to sell, and the demo; in the full stack also whether both sides agree afterwards.
fn show(
    workspace: &Workspace,
    stack: Stack,
    options: &UpOptions,
    addresses: &Addresses,
    binaries: &Binaries,
) -> Result<(), Failure> {
    if stack.is_full() {
        shop::open(workspace, addresses, binaries)?;
        if !options.no_demo {
            shop::play(workspace, addresses, Which::LastOrNew)?;
        }
        return projection::check(workspace, addresses, binaries.path("reconcile")?);
    }
    let api = Api::new(addresses, &INVENTORY_SERVER);
    output::step("demo stock", || {
        let loaded = demo_stock::load(&api)?;
        output::progress(format!(
            "    {} created, {} there already",
            loaded.created, loaded.already_there
        ));
        Ok(())
    })?;
    output::line(format!("Demo stock: {}", demo_stock::summary()));
    if !options.no_demo {
        demo::play(&api)?;
    }
    Ok(())
}

fn requirements(stack: Stack) -> &'static [&'static Requirement] {
    match stack {
        Stack::Inventory => &[&requirement::C_COMPILER, &requirement::REDIS_SERVER],
        Stack::Full | Stack::Debezium => &doctor::REQUIRED,
    }
}

/// The stacks share servers, which are told other things in each.
fn require_same_stack(state: &State, stack: Stack) -> Result<(), Failure> {
    if state.stack == stack || !state.runs() {
        return Ok(());
    }
    let running = state.stack.command();
    let message = format!("what runs was started by: {running}");
    let next = "repeat that, or stop it first: cargo dev down";
    Err(Failure::new(message, next))
}

/// The offset asked for, else the one of last time. Servers that run keep theirs.
fn port_offset(state: &State, asked: Option<u16>) -> Result<u16, Failure> {
    let offset = asked.unwrap_or(state.port_offset);
    if state.runs() && offset != state.port_offset {
        let message = format!("the stack runs with --port-offset {}", state.port_offset);
        return Err(Failure::new(message, "stop it first: cargo dev down"));
    }
    Ok(offset)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::state::Process;

    fn run_something(state: &mut State) {
        let url = "http://127.0.0.1:8093".to_owned();
        let process = Process::observe(std::process::id(), url, PathBuf::new()).unwrap();
        state
            .processes
            .insert("inventory-server".to_owned(), process);
    }

    #[test]
    fn the_offset_is_remembered_and_fixed_while_something_runs() {
        let mut state = State {
            port_offset: 10,
            ..State::default()
        };
        assert_eq!(port_offset(&state, None).unwrap(), 10);
        assert_eq!(port_offset(&state, Some(0)).unwrap(), 0);
        run_something(&mut state);
        assert_eq!(port_offset(&state, None).unwrap(), 10);
        assert_eq!(port_offset(&state, Some(10)).unwrap(), 10);
        let failure = port_offset(&state, Some(0)).unwrap_err();
        assert!(failure.next.contains("cargo dev down"));
    }

    #[test]
    fn one_stack_is_not_started_over_the_other() {
        let mut state = State::default();
        require_same_stack(&state, Stack::Full).unwrap();
        run_something(&mut state);
        require_same_stack(&state, Stack::Inventory).unwrap();
        let failure = require_same_stack(&state, Stack::Full).unwrap_err();
        let expected = "what runs was started by: cargo dev up --only inventory";
        assert_eq!(failure.message, expected);
        state.stack = Stack::Debezium;
        require_same_stack(&state, Stack::Debezium).unwrap();
        let failure = require_same_stack(&state, Stack::Full).unwrap_err();
        assert!(failure.message.ends_with("up --cdc debezium"));
        assert!(failure.next.contains("cargo dev down"));
    }
}
