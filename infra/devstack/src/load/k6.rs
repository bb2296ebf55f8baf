//! The scenarios of `load/scenarios/k6`: k6 makes the load, the runner seeds and verifies. Here is decided where they
//! run: on the stack of `up`, or on a private one.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::PathBuf,
};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    addresses::Addresses,
    cli::UpOptions,
    database, down,
    failure::Failure,
    output, packages,
    requirement::{self, Requirement},
    service::{
        AUTH_SERVICE, CATALOG_SERVICE, INVENTORY_SERVER, KAFKA, ORDER_SERVICE, PAYMENT_SERVICE,
        REDIS, SYNC_WORKER, Service, USER_SERVICE,
    },
    shop::people,
    state::State,
    up,
    workspace::Workspace,
};

pub(super) const FOLDER: &str = "scenarios";

const REQUIREMENTS: [&Requirement; 10] = [
    &requirement::REDIS_SERVER,
    &requirement::MARIADB_SERVER,
    &requirement::JAVA,
    &requirement::MAVEN,
    &requirement::CPP_COMPILER,
    &requirement::MAKE,
    &requirement::ZLIB,
    &requirement::OPENSSL,
    &requirement::PKG_CONFIG,
    &requirement::GO,
];

/// An access token lives 15 minutes; a run that may last longer, with seeding and settling, wants a server that takes
/// none.
const TOKEN_SECONDS: u64 = 600;

/// The runner's exit code when all stores agree and only thresholds were crossed.
const THRESHOLDS_CROSSED: u8 = 99;

/// Where smoke runs leave their results, from the root: they are no measurements.
const SMOKE_RESULTS: &str = "target/devstack/load-smoke";

/// A scenario, by its JSON block.
#[derive(Debug, Deserialize)]
pub(super) struct Scenario {
    #[serde(skip)]
    pub(super) name: String,
    pub(super) about: String,
    needs: Needs,
    profiles: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Needs {
    Inventory,
    Shop,
}

/// All of them, by name.
pub(super) fn list(workspace: &Workspace) -> Result<Vec<Scenario>, Failure> {
    let folder = workspace.root().join("load").join(FOLDER).join("k6");
    let what = format!("reading {}", workspace.shown(&folder));
    let entries = fs::read_dir(&folder).map_err(Failure::io(what))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension() == Some(OsStr::new("json")))
        .collect();
    files.sort_unstable();
    files.iter().map(|file| read(workspace, file)).collect()
}

fn read(workspace: &Workspace, file: &PathBuf) -> Result<Scenario, Failure> {
    let shown = workspace.shown(file);
    let text = fs::read_to_string(file).map_err(Failure::io(format!("reading {shown}")))?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let scenario: Scenario = serde_json::from_str(&text).map_err(|error| {
        let message = format!("{shown} is not understood: {error}");
        Failure::new(message, "load/README.md says what is in it")
    })?;
    Ok(Scenario {
        name: name.into_owned(),
        ..scenario
    })
}

pub(super) fn run(
    workspace: &Workspace,
    scenario: &Scenario,
    args: &[OsString],
) -> Result<(), Failure> {
    prepare()?;
    // Help needs no stack.
    let env = match args.iter().any(|arg| arg == "--help" || arg == "-h") {
        true => Vec::new(),
        false => place(workspace, scenario, args)?,
    };
    let words = [&[OsString::from("run"), scenario.name.clone().into()], args].concat();
    super::call(workspace, FOLDER, &words, &env).map_err(|failure| match failure.code {
        THRESHOLDS_CROSSED => Failure {
            message: format!(
                "load {}: clients and stores agree, but a threshold was crossed",
                scenario.name
            ),
            next: "the report shows where; is something else at work on this machine?".to_owned(),
            ..failure
        },
        _ => failure,
    })
}

fn prepare() -> Result<(), Failure> {
    output::step("packages", || packages::require(&REQUIREMENTS))?;
    install_k6()
}

/// Builds k6 where it is missing: a minute or two, once for each target folder.
pub(crate) fn install_k6() -> Result<(), Failure> {
    output::step("k6", || {
        let built = output::telling("building k6", || {
            devstack::k6::installed(&std::env::temp_dir())
        });
        built.map(drop).map_err(Failure::from)
    })
}

/// Each scenario for some seconds; crossed thresholds are told and no failure: how fast it is, is not what this asks.
/// What it has to start for that, it stops.
pub(crate) fn smoke(workspace: &Workspace) -> Result<(), Failure> {
    prepare()?;
    let ran_before = State::load(workspace)?.runs();
    let args = ["--profile", "smoke", "--keep", SMOKE_RESULTS].map(OsString::from);
    let mut failed = Vec::new();
    for scenario in list(workspace)? {
        let name = format!("{}: {}", scenario.name, scenario.about);
        let result = output::step(&name, || run(workspace, &scenario, &args));
        match result {
            Err(failure) if failure.code == THRESHOLDS_CROSSED => {
                output::progress(format!("    {}", failure.message));
            }
            Err(failure) => {
                output::failure(&failure);
                failed.push(scenario.name);
            }
            Ok(()) => {}
        }
    }
    if !ran_before && State::load(workspace)?.runs() {
        output::step("stopping the stack", || down::run(workspace))?;
    }
    output::line(format!("the smoke runs are in {SMOKE_RESULTS}"));
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("smoke runs failed: {}", failed.join(", "));
    Err(Failure::new(message, "the reasons are above"))
}

/// What tells the runner where things are. Nothing: it starts a private stack, or was told by its arguments.
fn place(
    workspace: &Workspace,
    scenario: &Scenario,
    args: &[OsString],
) -> Result<Vec<(&'static str, OsString)>, Failure> {
    let state = State::load(workspace)?;
    if let Some(url) = value(args, "--base-url") {
        // Whoever names the stack of `up` need not name its stores as well.
        return match is_up(&state) && is_own(url, &state) {
            true => of_stack(workspace, &state),
            false => Ok(Vec::new()),
        };
    }
    match scenario.needs {
        Needs::Inventory if !is_up(&state) => return Ok(Vec::new()),
        Needs::Inventory if has(args, "--durability") => {
            output::progress("    on a private stack: the one that runs has its own durability");
            return Ok(Vec::new());
        }
        Needs::Inventory if lasts_seconds(scenario, args) > TOKEN_SECONDS => {
            output::progress("    on a private stack: a token for the one that runs would expire");
            return Ok(Vec::new());
        }
        Needs::Shop if !is_up(&state) => {
            output::progress("    the shop does not run: cargo dev up --no-demo");
            let options = UpOptions {
                only: None,
                cdc: None,
                no_demo: true,
                monitoring: false,
                port_offset: None,
            };
            up::run(workspace, &options)?;
        }
        Needs::Inventory | Needs::Shop => {}
    }
    output::progress("    on the stack of cargo dev up");
    of_stack(workspace, &State::load(workspace)?)
}

/// Whether the whole shop runs.
fn is_up(state: &State) -> bool {
    let services = state.stack.services();
    let all_run = services
        .iter()
        .all(|service| state.alive(service.name).is_some());
    state.stack.is_full() && all_run
}

/// Whether this is the URL of the stack's own inventory-server.
fn is_own(url: &str, state: &State) -> bool {
    let port = Addresses::of(state).port(&INVENTORY_SERVER);
    let hosts = ["127.0.0.1", "localhost", "[::1]"].into_iter();
    let mut own = hosts.map(|host| format!("http://{host}:{port}"));
    own.any(|own| own == url.trim_end_matches('/'))
}

fn of_stack(
    workspace: &Workspace,
    state: &State,
) -> Result<Vec<(&'static str, OsString)>, Failure> {
    let addresses = Addresses::of(state);
    let mut env: Vec<(&str, OsString)> = Vec::new();
    let urls: [(&str, &Service); 8] = [
        ("LOAD_BASE_URL", &INVENTORY_SERVER),
        ("LOAD_REDIS_URL", &REDIS),
        ("LOAD_WORKER_URL", &SYNC_WORKER),
        ("LOAD_AUTH_URL", &AUTH_SERVICE),
        ("LOAD_USER_URL", &USER_SERVICE),
        ("LOAD_CATALOG_URL", &CATALOG_SERVICE),
        ("LOAD_ORDER_URL", &ORDER_SERVICE),
        ("LOAD_PAYMENT_URL", &PAYMENT_SERVICE),
    ];
    env.extend(urls.map(|(name, service)| (name, addresses.url(service).into())));
    env.push(("LOAD_KAFKA_BROKERS", addresses.address(&KAFKA).into()));
    let port = addresses.port(&crate::service::MARIADB);
    let database_url = database::url(workspace, port, database::DATABASE)?;
    env.push(("LOAD_DATABASE_URL", database_url.into()));
    for (name, service) in [
        ("LOAD_SERVER_PID", &INVENTORY_SERVER),
        ("LOAD_WORKER_PID", &SYNC_WORKER),
    ] {
        let pid = state.alive(service.name).map(|process| process.pid);
        env.extend(pid.map(|pid| (name, pid.to_string().into())));
    }
    env.push((
        "LOAD_ADMIN_LOGIN",
        people::ADMIN.login_file(workspace).into(),
    ));
    Ok(env)
}

/// How long the load takes, as the arguments or the profile say it.
fn lasts_seconds(scenario: &Scenario, args: &[OsString]) -> u64 {
    let given = value(args, "--duration").and_then(|text| text.parse().ok());
    let profile = value(args, "--profile").unwrap_or("baseline");
    let own = || {
        scenario
            .profiles
            .get(profile)?
            .get("durationSeconds")?
            .as_u64()
    };
    given.or_else(own).unwrap_or(0)
}

fn has(args: &[OsString], flag: &str) -> bool {
    value(args, flag).is_some()
}

/// Of `--flag value` and `--flag=value`.
fn value<'a>(args: &'a [OsString], flag: &str) -> Option<&'a str> {
    let mut words = args.iter().map(|arg| arg.to_str().unwrap_or_default());
    while let Some(word) = words.next() {
        match word.strip_prefix(flag) {
            Some("") => return words.next(),
            Some(rest) if rest.starts_with('=') => return rest.get(1..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Stack;

    fn words(line: &str) -> Vec<OsString> {
        line.split_ascii_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn values_are_found_in_either_form() {
        let args = words("--profile soak --duration=30 --closed");
        assert_eq!(value(&args, "--profile"), Some("soak"));
        assert_eq!(value(&args, "--duration"), Some("30"));
        assert_eq!(value(&args, "--dur"), None);
        assert!(has(&args, "--profile") && !has(&args, "--base-url"));
    }

    #[test]
    fn every_scenario_is_listed_with_what_it_is_about() {
        let scenarios = list(&Workspace::find().unwrap()).unwrap();
        let sale = scenarios.iter().find(|it| it.name == "flash-sale").unwrap();
        assert!(!sale.about.is_empty() && sale.needs == Needs::Inventory);
        let shop = scenarios
            .iter()
            .find(|it| it.name == "browse-and-buy")
            .unwrap();
        assert_eq!(shop.needs, Needs::Shop);
        let folders = super::super::FOLDERS.iter().map(|folder| folder.name);
        for name in folders.chain([super::super::REPORT]) {
            assert!(
                scenarios.iter().all(|it| it.name != name),
                "{name} is two things"
            );
        }
        assert!(lasts_seconds(sale, &words("--profile smoke")) <= 10);
        assert!(lasts_seconds(sale, &words("--profile=soak")) >= 600);
        assert_eq!(
            lasts_seconds(sale, &words("--profile soak --duration 7")),
            7
        );
    }

    #[test]
    fn the_stack_is_known_by_its_port() {
        let state = State {
            port_offset: 10,
            ..State::default()
        };
        for url in ["http://127.0.0.1:8093", "http://localhost:8093/"] {
            assert!(is_own(url, &state), "{url}");
        }
        for url in ["http://127.0.0.1:8083", "http://example.com:8093", ""] {
            assert!(!is_own(url, &state), "{url}");
        }
    }

    #[test]
    fn a_stack_that_was_never_started_is_not_up() {
        assert!(!is_up(&State::default()));
        let stack = Stack::Full;
        assert!(!is_up(&State {
            stack,
            ..State::default()
        }));
    }

    #[test]
    fn the_runner_is_told_all_places_and_no_secret_on_its_command_line() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let mariadb = workspace.mariadb_dir();
        fs::create_dir_all(&mariadb).unwrap();
        fs::write(mariadb.join("password"), "secret").unwrap();
        let env = of_stack(&workspace, &State::default()).unwrap();
        let of = |name: &str| {
            env.iter()
                .find(|(it, _)| *it == name)
                .unwrap()
                .1
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(of("LOAD_BASE_URL"), "http://127.0.0.1:8083");
        assert_eq!(of("LOAD_KAFKA_BROKERS"), "127.0.0.1:9092");
        assert!(of("LOAD_DATABASE_URL").contains(":secret@127.0.0.1:3306/inventory"));
    }
}
