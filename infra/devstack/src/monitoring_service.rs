//! Prometheus beside the stack: `up --monitoring`.

use std::{fs, path::PathBuf, time::Duration};

use devstack::{
    monitoring::{self, Target},
    program,
};

use crate::{
    addresses::Addresses,
    failure::Failure,
    launch::Launch,
    left_behind, output,
    service::{Kind, PROMETHEUS},
    stack::Stack,
    start,
    state::State,
    stop,
    workspace::Workspace,
};

/// How often it looks. A shop that somebody plays with shows a figure soon.
const EVERY: Duration = Duration::from_secs(5);

/// Starts it, or gives the one that runs the targets of now; prints where it is.
pub(crate) fn bring_up(
    workspace: &Workspace,
    state: &mut State,
    addresses: &mut Addresses,
) -> Result<(), Failure> {
    output::step("starting prometheus", || {
        if let Some(process) = state.alive(PROMETHEUS.name) {
            output::progress(format!("    runs already (pid {})", process.pid));
            return configure(workspace, state.stack, addresses).map(drop);
        }
        addresses.place(&PROMETHEUS)?;
        let launch = launch(workspace, state.stack, addresses)?;
        let url = addresses.url(&PROMETHEUS);
        start::start(workspace, state, &PROMETHEUS, &launch, url)?;
        start::wait_until_ready(workspace, state, &PROMETHEUS).inspect_err(|_| {
            // The failure to report is the first one.
            let _ = stop::stop(workspace, state, PROMETHEUS.name);
        })
    })
}

/// What a person can look at.
pub(crate) fn guide(addresses: &Addresses) -> String {
    let url = addresses.url(&PROMETHEUS);
    format!(
        "\nprometheus is at {url}, with alerts and targets in its menu; dashboards for Grafana: infra/grafana/"
    )
}

/// What it is started with.
pub(crate) fn launch(
    workspace: &Workspace,
    stack: Stack,
    addresses: &Addresses,
) -> Result<Launch, Failure> {
    let data = folder(workspace).join("data");
    fs::create_dir_all(&data).map_err(Failure::io(format!("making {}", data.display())))?;
    left_behind::stop("prometheus", &data)?;
    let config = configure(workspace, stack, addresses)?;
    Ok(Launch {
        program: program::find("prometheus")?,
        args: monitoring::args(&config, &data, addresses.port(&PROMETHEUS)),
        env: Vec::new(),
        dir: Some(data),
    })
}

/// Writes what it reads: every server of the stack that has metrics, and itself.
fn configure(
    workspace: &Workspace,
    stack: Stack,
    addresses: &Addresses,
) -> Result<PathBuf, Failure> {
    let mut targets: Vec<Target<'_>> = stack
        .services()
        .into_iter()
        .filter(|service| matches!(service.kind, Kind::Built(_)))
        .map(|service| (service.name, addresses.address(service)))
        .collect();
    targets.push((PROMETHEUS.name, addresses.address(&PROMETHEUS)));
    let source = workspace.root().join("infra/prometheus");
    let dir = folder(workspace).join("config");
    Ok(monitoring::configure(&source, &dir, &targets, EVERY)?)
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.devstack_dir().join(PROMETHEUS.name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_server_of_ours_is_a_target() {
        let folder = tempfile::tempdir().unwrap();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../prometheus");
        let infra = folder.path().join("infra");
        fs::create_dir_all(&infra).unwrap();
        std::os::unix::fs::symlink(fs::canonicalize(rules).unwrap(), infra.join("prometheus"))
            .unwrap();
        let workspace = Workspace::at(folder.path());
        let state = State {
            port_offset: 100,
            ..State::default()
        };
        let config = configure(&workspace, Stack::Full, &Addresses::of(&state)).unwrap();
        let targets = fs::read_to_string(config.with_file_name("targets.json")).unwrap();
        for (job, port) in [
            ("sync-worker", 8190),
            ("toss-sandbox", 8191),
            ("prometheus", 9190),
        ] {
            let group = format!(r#"{{"labels":{{"job":"{job}"}},"targets":["127.0.0.1:{port}"]}}"#);
            assert!(targets.contains(&group), "{group} in {targets}");
        }
        assert_eq!(targets.matches("127.0.0.1").count(), 9, "{targets}");
    }
}
