//! The Kafka of the stack.

use devstack::kafka::{Installed, KafkaServer, Tools};

use crate::{
    addresses::Addresses, failure::Failure, launch::Launch, left_behind, output, ports,
    service::KAFKA, workspace::Workspace,
};

/// Ports to look at for its controller, which nobody but itself talks to.
const PORTS_TRIED_MAX: u16 = 100;

/// Longer than for tests: a machine that is busy does not lose its broker.
const SESSION_TIMEOUT_MS: &str = "6000";

/// Java and Kafka's jars, which are fetched where they are missing.
fn installed(workspace: &Workspace) -> Result<Installed, Failure> {
    fetched(|| Installed::find(&workspace.kafka_dir()))
}

/// The same for Kafka's commands.
pub(crate) fn tools(workspace: &Workspace) -> Result<Tools, Failure> {
    fetched(|| Tools::find(&workspace.kafka_dir()))
}

/// Fetches all that the stack needs of Kafka.
pub(crate) fn fetch(workspace: &Workspace) -> Result<(), Failure> {
    installed(workspace)?;
    tools(workspace).map(drop)
}

fn fetched<T: Send>(find: impl FnOnce() -> devstack::Result<T> + Send) -> Result<T, Failure> {
    let found = output::telling("Maven is fetching Kafka, some 50 MiB", find);
    found.map_err(|error| {
        let next = "cargo dev doctor says what is missing; Maven has to reach its repository";
        Failure::new(error.to_string(), next)
    })
}

pub(crate) fn launch(workspace: &Workspace, addresses: &Addresses) -> Result<Launch, Failure> {
    let installed = installed(workspace)?;
    let folder = workspace.kafka_dir();
    left_behind::stop("java", &folder)?;
    let port = addresses.port(&KAFKA);
    let controller_port = (port.saturating_add(1)..port.saturating_add(PORTS_TRIED_MAX))
        .find(|port| ports::is_free(*port))
        .ok_or_else(|| {
            let message = format!("no free port for Kafka's controller behind {port}");
            Failure::new(message, "use other ports: cargo dev up --port-offset 1000")
        })?;
    let settings = KafkaServer::builder().property("broker.session.timeout.ms", SESSION_TIMEOUT_MS);
    let launch = installed.prepare(&folder, port, controller_port, &settings)?;
    Ok(Launch {
        program: launch.program,
        args: launch.args,
        env: Vec::new(),
        // Where it is found when nobody knows of it any more.
        dir: Some(folder),
    })
}
