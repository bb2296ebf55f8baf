//! The images: what they copy is there, and what they build is what is named.

use std::{collections::BTreeSet, fs, process::Command};

use manifests::{
    dockerfile::{Stage, Step, stages},
    root,
};
use serde_json::Value;

use crate::{
    policy::is_pinned,
    support::{COMPOSE_FILE, PORTS, output, overlays, pods::workloads, text},
};

const FILES: [&str; 2] = ["engine.Dockerfile", "shop.Dockerfile"];

fn read(file: &str) -> Vec<Stage> {
    stages(&root().join("infra/docker").join(file)).unwrap()
}

/// Programs by package, as cargo has them.
fn programs() -> Vec<(String, String)> {
    let mut ask = Command::new(env!("CARGO"));
    ask.args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ])
    .current_dir(root());
    let metadata: Value = serde_json::from_str(&output(&mut ask)).unwrap();
    let mut programs = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        for target in package["targets"].as_array().unwrap() {
            if target["kind"] == serde_json::json!(["bin"]) {
                programs.push((
                    text(package, "/name").to_owned(),
                    text(target, "/name").to_owned(),
                ));
            }
        }
    }
    programs
}

#[test]
fn what_is_copied_is_built_there_or_in_the_workspace() {
    let programs = programs();
    for file in FILES {
        let stages = read(file);
        let build = stages
            .iter()
            .find(|stage| stage.name.as_deref() == Some("build"))
            .unwrap();
        let built: BTreeSet<(String, &str)> =
            build.steps.iter().flat_map(|step| builds(step)).collect();
        for stage in &stages {
            for step in &stage.steps {
                let Step::Copy {
                    from,
                    sources,
                    target,
                } = step
                else {
                    continue;
                };
                for source in sources {
                    match from.as_deref() {
                        None => assert!(
                            root().join(source.trim_start_matches('/')).exists(),
                            "{file}: {source}"
                        ),
                        Some("build") => {
                            let path = source.strip_prefix("/src/target/").unwrap();
                            let (profile, program) = path.split_once('/').unwrap();
                            let (package, _) =
                                programs.iter().find(|(_, name)| name == program).unwrap();
                            assert!(
                                built.contains(&(package.clone(), profile)),
                                "{file}: {source}"
                            );
                            assert_eq!(*target, format!("/usr/local/bin/{program}"));
                        }
                        Some(other) => assert!(
                            stages
                                .iter()
                                .any(|stage| stage.name.as_deref() == Some(other))
                        ),
                    }
                }
            }
        }
    }
}

/// Package and profile folder of each `-p` in a line that calls cargo.
fn builds(step: &Step) -> Vec<(String, &'static str)> {
    let Step::Run(line) = step else {
        return Vec::new();
    };
    if !line.starts_with("cargo build --locked ") {
        return Vec::new();
    }
    let profile = if line.contains("--profile hot") {
        "hot"
    } else {
        "release"
    };
    assert!(profile == "hot" || line.contains("--release"), "{line}");
    line.split(" -p ")
        .skip(1)
        .map(|package| (package.trim().to_owned(), profile))
        .collect()
}

#[test]
fn images_are_small_closed_and_start_one_program() {
    for file in FILES {
        for stage in read(file) {
            let is_stage = read(file)
                .iter()
                .any(|other| other.name.as_deref() == Some(&stage.base));
            assert!(is_stage || is_pinned(&stage.base), "{file}: {}", stage.base);
            let Some(Step::Cmd(words)) =
                stage.steps.iter().find(|step| matches!(step, Step::Cmd(_)))
            else {
                continue;
            };
            // A path, and no shell: the program gets the signal.
            assert!(words[0].starts_with("/usr/local/bin/"), "{words:?}");
            assert_eq!(stage.user(), Some("65532:65532"), "{file}");
            assert!(
                stage.base.starts_with("debian:") || stage.base == "runtime",
                "{file}"
            );
        }
        let text = fs::read_to_string(root().join("infra/docker").join(file)).unwrap();
        // Lines for a debugger are four fifths of a program.
        let lean = |profile: &str| format!("CARGO_PROFILE_{profile}_DEBUG=none");
        assert!(text.contains(&lean("RELEASE")), "{file}");
        assert!(!text.contains("--profile hot") || text.contains(&lean("HOT")));
        for said in [
            "STOPSIGNAL SIGTERM",
            "org.opencontainers.image.title",
            "org.opencontainers.image.revision",
        ] {
            assert!(text.contains(said), "{file}: {said}");
        }
    }
}

/// Rust and Debian are those that the workspace is for.
#[test]
fn the_toolchain_is_not_older_than_the_workspace_asks_for() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let asked = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .unwrap();
    let asked = asked.trim_matches('"');
    for file in FILES {
        let stages = read(file);
        let rust = stages
            .iter()
            .find_map(|stage| stage.base.strip_prefix("rust:"))
            .unwrap();
        assert!(
            rust.starts_with(asked) && rust.ends_with("-slim-bookworm"),
            "{file}: {rust} for {asked}"
        );
    }
}

/// What compose and Kubernetes start is in the image that they start it from.
#[test]
fn every_command_is_in_its_image() {
    let mut checked = 0;
    let mut check = |image: &str, command: &str| {
        let name = image.rsplit('/').next().unwrap().split(':').next().unwrap();
        let Some(programs) = in_image(name) else {
            return;
        };
        assert!(
            programs.contains(command),
            "{image} has no {command}: {programs:?}"
        );
        checked += 1;
    };
    for (_, resources) in overlays() {
        for workload in workloads(resources) {
            for container in workload.containers() {
                let command = container["command"][0].as_str().unwrap_or_default();
                check(text(container, "/image"), command);
            }
        }
    }
    for service in COMPOSE_FILE["services"].as_object().unwrap().values() {
        let command = service["command"][0].as_str().unwrap_or_default();
        check(text(service, "/image"), command);
    }
    assert!(checked > 30, "{checked}");
}

/// Programs of an image of ours.
fn in_image(image: &str) -> Option<BTreeSet<String>> {
    let (file, stage) = match image {
        "inventory-engine" => ("engine.Dockerfile", None),
        "inventory-shop" => ("shop.Dockerfile", None),
        "inventory-sandbox" => ("shop.Dockerfile", Some("sandbox")),
        _ => return None,
    };
    let stages = read(file);
    let stage = match stage {
        Some(name) => stages.iter().find(|one| one.name.as_deref() == Some(name)),
        None => stages.last(),
    };
    let mut programs = BTreeSet::new();
    for step in &stage.unwrap().steps {
        if let Step::Copy { target, .. } = step {
            programs.insert(target.clone());
        }
    }
    Some(programs)
}

#[test]
fn exposed_ports_are_those_of_the_programs() {
    let mut exposed = BTreeSet::new();
    for file in FILES {
        for step in read(file).iter().flat_map(|stage| &stage.steps) {
            if let Step::Says(word, ports) = step
                && word == "EXPOSE"
            {
                exposed.extend(ports.split(' ').map(|port| port.parse::<u64>().unwrap()));
            }
        }
    }
    // The sandbox listens on loopback only.
    let ports = PORTS
        .iter()
        .filter(|(program, _)| *program != "toss-sandbox")
        .map(|(_, port)| *port);
    assert_eq!(exposed, ports.collect());
}

/// Changed steps want another rehearsal.
#[test]
fn each_was_rehearsed_as_it_is() {
    for file in FILES {
        let path = root()
            .join("infra/docker/rehearsals")
            .join(format!("{file}.md"));
        let record = fs::read_to_string(&path)
            .unwrap_or_else(|_| panic!("infra/docker/rehearse infra/docker/{file}"));
        for stage in read(file) {
            for line in stage.steps.iter().filter_map(Step::line) {
                assert!(
                    record.contains(&format!("| `{line}` |")),
                    "{file}: not rehearsed: {line}"
                );
            }
        }
    }
}

/// The layer with the dependencies: what cargo needs to know of the workspace, and no code.
#[test]
fn the_skeleton_of_the_workspace_is_one_that_cargo_reads() {
    let folder = tempfile::tempdir().unwrap();
    let mut make = Command::new("sh");
    make.arg("infra/docker/skeleton.sh")
        .arg(root())
        .arg(folder.path())
        .current_dir(root());
    output(&mut make);
    let mut ask = Command::new(env!("CARGO"));
    ask.args([
        "metadata",
        "--no-deps",
        "--offline",
        "--locked",
        "--format-version",
        "1",
    ])
    .current_dir(folder.path());
    let metadata: Value = serde_json::from_str(&output(&mut ask)).unwrap();
    let members = metadata["packages"].as_array().unwrap();
    assert!(members.len() > 15, "{}", members.len());
    let code = fs::read_to_string(folder.path().join("sync-worker/src/lib.rs")).unwrap();
    assert_eq!(code, "\n");
    assert!(!folder.path().join("sync-worker/src/worker.rs").exists());
}
