//! Every container of ours runs a program that takes its command line and its environment.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

use crate::support::{
    COMPOSE_FILE, PORTS, list, name, of_kind, overlays,
    pods::workloads,
    programs::{help, problems},
    secrets, text,
};

/// Where the images have them.
const FOLDER: &str = "/usr/local/bin";

#[test]
fn every_container_is_configured_as_its_program_wants() {
    let mut seen = 0;
    for (overlay, resources) in overlays() {
        for workload in workloads(resources) {
            for container in workload.containers() {
                let Some(program) = ours(container) else {
                    continue;
                };
                let args: Vec<String> = words(container, "/args");
                let env = environment(container, resources);
                let problems = checked(program, args, env);
                let name = workload.name();
                assert!(problems.is_empty(), "{overlay}: {name}: {problems:#?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 25, "{seen}");
}

#[test]
fn every_service_of_the_compose_file_is_configured_as_its_program_wants() {
    let mut seen = 0;
    for (name, service) in COMPOSE_FILE["services"].as_object().unwrap() {
        let command = words(service, "/command");
        let program = command
            .first()
            .and_then(|path| Path::new(path).strip_prefix(FOLDER).ok());
        let Some(program) = program.and_then(Path::to_str) else {
            continue;
        };
        let env = service["environment"].as_object().unwrap().iter();
        let env = env.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        let problems = checked(
            program,
            command.get(1..).unwrap_or_default().to_vec(),
            env.collect(),
        );
        assert!(problems.is_empty(), "{name}: {problems:#?}");
        seen += 1;
    }
    assert_eq!(seen, PORTS.len());
}

#[test]
fn the_ports_are_those_that_the_programs_have_by_default() {
    for (program, port) in PORTS {
        let help = help(program);
        assert!(
            help.contains(&format!("[default: 127.0.0.1:{port}]")),
            "{program}: {help}"
        );
    }
}

/// Else nobody could tell from the audit who it was.
#[test]
fn every_job_says_who_it_is() {
    let mut seen = BTreeSet::new();
    for (overlay, resources) in overlays() {
        for workload in workloads(resources).iter().filter(|one| !one.serves()) {
            for container in workload.containers() {
                if ours(container).is_none() {
                    continue;
                }
                let args = words(container, "/args");
                let user = args.iter().skip_while(|arg| *arg != "--user").nth(1);
                assert!(user.is_some(), "{overlay}: {}: {args:?}", workload.name());
                seen.insert(workload.name());
            }
        }
    }
    assert_eq!(
        Vec::from_iter(seen),
        ["auth-rotate-keys", "create-admin", "reconcile-check"]
    );
}

/// A mistake would be found.
#[test]
fn a_variable_or_value_that_nobody_knows_is_a_problem() {
    let env = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for (name, value) in [
        ("INVENTORY_REDIS_URI", "redis://redis:6379"),
        ("INVENTORY_PROJECTION", "requirred"),
        ("INVENTORY_LISTEN", "0.0.0.0:8083"),
        ("REDIS_URL", "redis://redis:6379"),
    ] {
        let problems = problems("inventory-server", &[], &env(name, value));
        assert!(!problems.is_empty(), "{name}");
    }
}

fn checked(program: &str, mut args: Vec<String>, mut env: Vec<(String, String)>) -> Vec<String> {
    // Kubernetes puts variables into arguments.
    env.retain(|(name, value)| {
        let reference = format!("$({name})");
        let is_argument = args.contains(&reference);
        for arg in args.iter_mut().filter(|arg| **arg == reference) {
            value.clone_into(arg);
        }
        !is_argument
    });
    // The only ones that are no flag, since everybody sees a command line.
    env.retain(|(name, _)| name != "USER_ADMIN_PASSWORD");
    // OpenTelemetry's own: every process reads them, and no flag says the same.
    env.retain(|(name, _)| !name.starts_with("OTEL_"));
    if program == "reconcile" {
        // It would look for the stores.
        for (_, url) in &mut env {
            let (scheme, _) = url.split_once("://").unwrap();
            *url = format!("{scheme}://127.0.0.1:1");
        }
    }
    problems(program, &args, &env)
}

/// The program of an image of ours.
fn ours(container: &Value) -> Option<&str> {
    let command = list(container, "/command").first()?.as_str()?;
    Path::new(command).strip_prefix(FOLDER).ok()?.to_str()
}

fn words(value: &Value, pointer: &str) -> Vec<String> {
    let words = list(value, pointer).iter();
    words
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn environment(container: &Value, resources: &[Value]) -> Vec<(String, String)> {
    let variables = list(container, "/env").iter();
    variables
        .map(|variable| {
            let name = text(variable, "/name").to_owned();
            let from = &variable["valueFrom"];
            let value = if let Some(value) = variable["value"].as_str() {
                value.to_owned()
            } else if from["configMapKeyRef"].is_object() {
                setting(resources, &from["configMapKeyRef"])
            } else {
                let secret = &from["secretKeyRef"];
                secrets::value(resources, text(secret, "/name"), text(secret, "/key"))
            };
            (name, value)
        })
        .collect()
}

fn setting(resources: &[Value], reference: &Value) -> String {
    let wanted = text(reference, "/name");
    let map = of_kind(resources, "ConfigMap").find(|map| name(map) == wanted);
    let map = map.unwrap_or_else(|| panic!("no ConfigMap {wanted}"));
    let data = map["data"].as_object().unwrap();
    data[text(reference, "/key")].as_str().unwrap().to_owned()
}
