//! `doctor`: what this machine has, and how to get what it lacks.

use crate::{
    cargo,
    failure::Failure,
    output, packages,
    requirement::{self, Check, Requirement},
};

/// Of the full stack; the engine alone needs the first two.
pub(crate) const REQUIRED: [&Requirement; 10] = [
    &requirement::C_COMPILER,
    &requirement::REDIS_SERVER,
    &requirement::MARIADB_SERVER,
    &requirement::CPP_COMPILER,
    &requirement::MAKE,
    &requirement::ZLIB,
    &requirement::OPENSSL,
    &requirement::PKG_CONFIG,
    &requirement::JAVA,
    &requirement::MAVEN,
];

const OPTIONAL: [&Requirement; 7] = [
    &requirement::GO,
    &requirement::REDIS_BENCHMARK,
    &requirement::WRK,
    &requirement::PERF,
    &requirement::SETPRIV,
    &requirement::STRACE,
    &requirement::PROMETHEUS,
];

/// Cargo component and the rustup name of what brings it.
const COMPONENTS: [(&str, &str); 2] = [("fmt", "rustfmt"), ("clippy", "clippy")];

pub(crate) fn run() -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut lacking = Vec::new();
    for requirement in REQUIRED {
        let check = requirement.check();
        if !matches!(check, Check::Found(_)) {
            lacking.push(requirement.binary);
        }
        rows.push(row(requirement, &check, "MISSING"));
    }
    for requirement in OPTIONAL {
        rows.push(row(requirement, &requirement.check(), "optional"));
    }
    for (component, package) in COMPONENTS {
        rows.push(component_row(component, package));
    }
    output::table(&rows);
    if lacking.is_empty() {
        return Ok(());
    }
    let message = format!("missing or too old: {}", lacking.join(", "));
    Err(Failure::new(
        message,
        "how to get it is above; cargo dev up and cargo dev test install what is missing",
    ))
}

fn row(requirement: &Requirement, check: &Check, lacking: &str) -> Vec<String> {
    let get = packages::install_command(&[requirement.package]);
    let (word, detail) = match check {
        Check::Found(version) => ("ok", version.clone()),
        Check::Missing => (
            lacking,
            format!("for {}; get it: {get}", requirement.purpose),
        ),
        Check::TooOld(version) => (lacking, packages::too_old(requirement, version)),
    };
    vec![word.to_owned(), requirement.binary.to_owned(), detail]
}

fn component_row(component: &str, package: &str) -> Vec<String> {
    let name = format!("cargo {component}");
    if cargo::has_component(component) {
        return vec!["ok".to_owned(), name, String::new()];
    }
    let detail = format!("for cargo dev test; get it: {}", get_component(package));
    vec!["optional".to_owned(), name, detail]
}

pub(crate) fn get_component(package: &str) -> String {
    format!("rustup component add {package}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_comes_with_its_command() {
        let cells = row(&requirement::REDIS_SERVER, &Check::Missing, "MISSING");
        assert_eq!(cells[0], "MISSING");
        let command = "apt-get install -y --no-install-recommends redis-server";
        assert!(cells[2].ends_with(command), "{cells:?}");
        let cells = row(
            &requirement::REDIS_SERVER,
            &Check::TooOld("6.0".to_owned()),
            "MISSING",
        );
        assert!(cells[2].contains("6.0 is too old: 7.0"), "{cells:?}");
    }
}
