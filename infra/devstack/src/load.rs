//! `load`: runs a scenario of `load/`, with its tools installed.

mod k6;

use std::{
    ffi::{OsStr, OsString},
    path::{self, Path},
    process::Command,
};

use crate::{
    failure::Failure,
    output, packages,
    requirement::{self, Requirement},
    workspace::Workspace,
};

pub(crate) use k6::{install_k6, smoke};

/// A folder of `load/` with an executable `run`.
struct Folder {
    name: &'static str,
    about: &'static str,
    needs: &'static [&'static Requirement],
}

const FOLDERS: [Folder; 4] = [
    Folder {
        name: "compare",
        about: "the engine against the usual ways to do it, in one run on one machine",
        needs: &[
            &requirement::REDIS_SERVER,
            &requirement::WRK,
            &requirement::REDIS_BENCHMARK,
        ],
    },
    Folder {
        name: "events",
        about: "how long a change takes from its HTTP request to Kafka",
        needs: &[
            &requirement::REDIS_SERVER,
            &requirement::MARIADB_SERVER,
            &requirement::JAVA,
            &requirement::MAVEN,
            &requirement::CPP_COMPILER,
            &requirement::MAKE,
            &requirement::ZLIB,
            &requirement::OPENSSL,
            &requirement::PKG_CONFIG,
        ],
    },
    Folder {
        name: "projection",
        about: "the write-behind to MariaDB: how fast, beside plain SQL, and what it costs the engine",
        needs: &[
            &requirement::REDIS_SERVER,
            &requirement::MARIADB_SERVER,
            &requirement::WRK,
        ],
    },
    Folder {
        name: "shop",
        about: "the shop that cargo dev up has started: orders through the saga, logins, the catalog",
        needs: &[],
    },
];

/// Compares two results of k6 scenarios; no scenario may have its name.
const REPORT: &str = "report";

pub(crate) fn run(
    workspace: &Workspace,
    name: Option<&str>,
    args: &[OsString],
) -> Result<(), Failure> {
    let Some(name) = name else {
        return list(workspace);
    };
    if name == REPORT {
        output::step("packages", || {
            packages::require(&[
                &requirement::CPP_COMPILER,
                &requirement::MAKE,
                &requirement::ZLIB,
                &requirement::OPENSSL,
                &requirement::PKG_CONFIG,
            ])
        })?;
        // It is called in another folder than this.
        let word = |arg: &OsString| match Path::new(arg).exists() {
            true => path::absolute(arg).map_or_else(|_| arg.clone(), OsString::from),
            false => arg.clone(),
        };
        let words: Vec<OsString> = [REPORT.into()]
            .into_iter()
            .chain(args.iter().map(word))
            .collect();
        return call(workspace, k6::FOLDER, &words, &[]);
    }
    if let Some(folder) = FOLDERS.iter().find(|folder| folder.name == name) {
        output::step("packages", || packages::require(folder.needs))?;
        return call(workspace, folder.name, args, &[]);
    }
    let scenarios = k6::list(workspace)?;
    let Some(scenario) = scenarios.iter().find(|scenario| scenario.name == name) else {
        let folders = FOLDERS.iter().map(|folder| folder.name);
        let names: Vec<&str> = folders
            .chain(scenarios.iter().map(|scenario| &*scenario.name))
            .chain([REPORT])
            .collect();
        let message = format!("there is no load scenario called {name}");
        return Err(Failure::usage(
            message,
            format!("one of: {}", names.join(", ")),
        ));
    };
    k6::run(workspace, scenario, args)
}

fn list(workspace: &Workspace) -> Result<(), Failure> {
    let mut rows: Vec<Vec<String>> = FOLDERS
        .iter()
        .map(|folder| vec![folder.name.to_owned(), folder.about.to_owned()])
        .collect();
    for scenario in k6::list(workspace)? {
        rows.push(vec![scenario.name, scenario.about]);
    }
    let about = "two results of the k6 scenarios side by side: report BEFORE.json AFTER.json";
    rows.push(vec![REPORT.to_owned(), about.to_owned()]);
    output::table(&rows);
    Ok(())
}

/// Calls `load/FOLDER/run`; the failure has its exit code.
fn call(
    workspace: &Workspace,
    folder: &str,
    args: &[impl AsRef<OsStr>],
    env: &[(&str, OsString)],
) -> Result<(), Failure> {
    let program = workspace.root().join("load").join(folder).join("run");
    if !program.is_file() {
        let message = format!("{} is missing", workspace.shown(&program));
        return Err(Failure::new(message, "git status shows what was deleted"));
    }
    let mut command = Command::new(&program);
    crate::environment::without_cargo_run(&mut command);
    command
        .args(args)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .current_dir(workspace.root());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure {
            code: status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(1),
            ..Failure::new(
                format!("load {folder} failed ({status})"),
                "the reason is above",
            )
        }),
        Err(error) => {
            let message = format!("{} does not start: {error}", workspace.shown(&program));
            Err(Failure::new(message, "it has to be executable: chmod +x"))
        }
    }
}
