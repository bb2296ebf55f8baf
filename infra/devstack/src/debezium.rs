//! Kafka Connect with Debezium, which publishes the outboxes of the stack from the binlog of MariaDB.

use std::time::Duration;

use devstack::connect::{self, Builder, Installed, OUTBOXES, OutboxConnector, Rest, Stores};

use crate::{
    addresses::Addresses,
    database,
    failure::Failure,
    launch::Launch,
    left_behind, output,
    service::{CONNECT, KAFKA, MARIADB, Program, Service},
    stack::Stack,
    workspace::Workspace,
};

/// For a connector for each service.
const HEAP_MIB: u32 = 512;

/// How long a connector may take until it reads; usually seconds.
const RUNNING_TIMEOUT: Duration = Duration::from_secs(90);

/// Java and Debezium's jars, which are fetched where they are missing.
pub(crate) fn installed(workspace: &Workspace) -> Result<Installed, Failure> {
    let find = || Installed::find(&workspace.connect_dir());
    output::telling("Maven is fetching Debezium, some 80 MiB", find).map_err(|error| {
        let next = "cargo dev doctor says what is missing; Maven has to reach its repository";
        Failure::new(error.to_string(), next)
    })
}

pub(crate) fn launch(workspace: &Workspace, addresses: &Addresses) -> Result<Launch, Failure> {
    let installed = installed(workspace)?;
    let folder = workspace.connect_dir();
    left_behind::stop("java", &folder)?;
    let kafka = addresses.address(&KAFKA);
    let settings = Builder::new(&kafka).heap_mib(HEAP_MIB);
    let launch = installed.prepare(&folder, addresses.port(&CONNECT), &settings)?;
    let stores = Stores {
        database_host: "127.0.0.1",
        database_port: addresses.port(&MARIADB),
        user: connect::USER,
        password: &password(workspace)?,
        kafka: &kafka,
    };
    Ok(Launch {
        program: launch.program,
        args: launch.args,
        env: stores.environment(),
        // Where it is found when nobody knows of it any more.
        dir: Some(folder),
    })
}

/// Registers the connector of each service of the stack, and waits until it reads.
pub(crate) fn register(stack: Stack, url: &str) -> Result<(), Failure> {
    let rest = Rest::new(url);
    let failed = |error: devstack::Error| {
        Failure::new(
            error.to_string(),
            "cargo dev logs connect, cargo dev status",
        )
    };
    for outbox in outboxes(stack) {
        let name = outbox.name();
        rest.register(&name, &outbox.config()).map_err(failed)?;
        rest.wait_until_running(&name, RUNNING_TIMEOUT)
            .map_err(failed)?;
        output::progress(format!("    {name} publishes"));
    }
    Ok(())
}

/// Whether it takes connectors, and those that are registered run; the error says in a line why not.
pub(crate) fn check(stack: Stack, url: &str) -> Result<(), String> {
    let rest = Rest::new(url);
    if !rest.is_ready() {
        return Err("it does not take connectors".to_owned());
    }
    for outbox in outboxes(stack) {
        let name = outbox.name();
        let Some(state) = rest.state(&name).map_err(|error| error.to_string())? else {
            continue;
        };
        let states = [Some(state.connector), state.task];
        if let Some(state) = states
            .into_iter()
            .flatten()
            .find(|state| state != "RUNNING")
        {
            return Err(format!("{name} is {state}"));
        }
    }
    Ok(())
}

/// Statements that give its account the right to read the outboxes of the stack.
pub(crate) fn account(workspace: &Workspace, stack: Stack) -> Result<String, Failure> {
    let tables: Vec<_> = outboxes(stack)
        .map(|outbox| (outbox.database, outbox.service))
        .collect();
    Ok(connect::account_sql(&password(workspace)?, &tables))
}

fn password(workspace: &Workspace) -> Result<String, Failure> {
    database::account_password(workspace, connect::USER)
}

fn outboxes(stack: Stack) -> impl Iterator<Item = OutboxConnector<'static>> {
    let is_there = move |outbox: &OutboxConnector<'_>| {
        let mut databases = stack
            .built()
            .filter_map(Service::program)
            .flat_map(Program::databases);
        databases.any(|database| database == outbox.database)
    };
    OUTBOXES.into_iter().filter(is_there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outboxes_of_servers_that_run_are_read() {
        let names: Vec<_> = outboxes(Stack::Debezium)
            .map(|outbox| outbox.name())
            .collect();
        assert!(names.contains(&"inventory-outbox".to_owned()), "{names:?}");
        assert_eq!(outboxes(Stack::Inventory).count(), 0);
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let statements = account(&workspace, Stack::Debezium).unwrap();
        assert!(statements.contains(&password(&workspace).unwrap()));
        assert!(statements.contains("inventory_outbox"), "{statements}");
    }
}
