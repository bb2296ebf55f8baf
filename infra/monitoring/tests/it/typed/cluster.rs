//! What `kubectl` and `docker compose` are told to touch is in `k8s/` and `infra/compose.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use monitoring::typed::{self, Page, Typed};

use super::sources::{below, read};

/// As kubectl takes them, and as manifests have them.
const KINDS: [(&str, &str); 8] = [
    ("deploy", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("cronjob", "CronJob"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("kafka", "Kafka"),
    ("kafkaconnect", "KafkaConnect"),
    ("kafkaconnector", "KafkaConnector"),
    ("pod", "StatefulSet"),
];

/// Everything else that a block may begin with. Functions of the shell come to these.
const TOOLS: [&str; 12] = [
    "cargo", "curl", "date", "docker", "echo", "for", "grep", "jq", "kubectl", "openssl", "tail",
    "top",
];

/// Defined by the blocks of "Where to type", each for one kind of machine.
const FUNCTIONS: [&str; 7] = [
    "reconcile",
    "dlq",
    "redis-cli",
    "sql",
    "kafka",
    "logs",
    "ports",
];

/// Not defined for `cargo dev`: they are programs of the machine there.
const PROGRAMS_THERE: [&str; 2] = ["reconcile", "redis-cli"];

fn names() -> BTreeSet<(String, String)> {
    let mut names = BTreeSet::new();
    for (_, text) in below("k8s", ".yaml") {
        for part in text.split("\n---") {
            let value = |key: &str| {
                let mut lines = part.lines().filter_map(|line| line.strip_prefix(key));
                lines.next().map(str::to_owned)
            };
            if let (Some(kind), Some(name)) = (value("kind: "), value("  name: ")) {
                names.insert((kind, name));
            }
        }
    }
    names
}

fn index() -> Page {
    let pages = typed::pages().unwrap();
    pages
        .into_iter()
        .find(|page| page.name == "README.md")
        .unwrap()
}

/// Kinds and names, as `deploy/NAME` or as two words.
fn touched(words: &[String]) -> Vec<(&str, &str)> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let slashed = words.iter().filter_map(|word| {
        let word = word.strip_prefix("--from=").unwrap_or(word);
        word.split_once('/')
    });
    let spaced = words.windows(2).map(|two| (two[0], two[1]));
    slashed.chain(spaced).collect()
}

fn is_open(name: &str) -> bool {
    name.starts_with('-')
        || name.contains('$')
        || !name.contains(|letter: char| letter.is_lowercase())
}

#[test]
fn what_kubectl_touches_is_there() {
    let names = names();
    let mut seen = 0;
    for Typed { page, words, .. } in typed::commands().unwrap() {
        if words.first().is_none_or(|word| word != "kubectl") {
            continue;
        }
        let outside = words.iter().position(|word| word == "--");
        for (kind, name) in touched(&words[..outside.unwrap_or(words.len())]) {
            let known = KINDS.iter().find(|(short, _)| *short == kind);
            let Some((_, kind)) = known.filter(|_| !is_open(name)) else {
                continue;
            };
            let name = if *kind == "StatefulSet" {
                name.trim_end_matches("-0")
            } else {
                name
            };
            let key = ((*kind).to_owned(), name.to_owned());
            assert!(names.contains(&key), "{page}: {words:?}: no {key:?}");
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

/// `port-forward deploy/NAME PORT`: the port is that container's, and the pages ask no other.
#[test]
fn ports_are_those_of_the_containers() {
    let mut ports = BTreeMap::new();
    for typed in index().commands() {
        if let [.., forward, workload, port] = typed.words.as_slice() {
            let service = workload.strip_prefix("deploy/");
            if let Some(service) = service.filter(|_| forward == "port-forward") {
                ports.insert(port.clone(), service.to_owned());
            }
        }
    }
    assert_eq!(ports.len(), 7, "{ports:?}");
    for (port, service) in &ports {
        let deployment = read(&format!("k8s/base/{service}/deployment.yaml"));
        assert!(
            deployment.contains(&format!("containerPort: {port} ")),
            "{service}"
        );
    }
    for page in typed::pages().unwrap() {
        for rest in page.text.split("localhost:").skip(1) {
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            assert!(
                port.is_empty() || ports.contains_key(&port),
                "{}: {port}",
                page.name
            );
        }
    }
}

/// `kubectl exec deploy/NAME -- PROGRAM`, and the same of compose: the image has it.
#[test]
fn what_is_run_in_a_container_is_in_its_image() {
    let compose = read("infra/compose.yaml");
    let mut seen = 0;
    for typed in typed::commands().unwrap() {
        let Some(place) = typed.words.iter().position(|word| word == "exec") else {
            continue;
        };
        let run = typed.run().unwrap();
        let workload = typed.words[place + 1..]
            .iter()
            .find(|word| !word.starts_with('-'));
        let workload = workload.unwrap();
        let image = if typed.words[0] == "kubectl" {
            let Some(service) = workload.strip_prefix("deploy/") else {
                continue;
            };
            read(&format!("k8s/base/{service}/deployment.yaml"))
        } else {
            let service = compose.split(&format!("\n  {workload}:\n")).nth(1);
            let service = service.unwrap_or_else(|| panic!("{typed:?}: no such service"));
            service.lines().take(2).collect()
        };
        let dockerfile = ["engine", "shop"].into_iter().find(|name| {
            image.contains(&format!("inventory-{name}")) || image.contains(&format!("*{name}"))
        });
        if let Some(name) = dockerfile.filter(|_| run.program != "ls") {
            let dockerfile = read(&format!("infra/docker/{name}.Dockerfile"));
            let copied = format!(" /usr/local/bin/{}\n", run.program);
            assert!(
                dockerfile.contains(&copied),
                "{typed:?}: not in {name}.Dockerfile"
            );
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn each_machine_has_all_that_the_pages_type() {
    let index = index();
    let start = index.text.find("## Where to type").unwrap();
    let section = Page {
        name: String::new(),
        text: index.text[start..].to_owned(),
    };
    let machines: Vec<String> = section
        .blocks()
        .into_iter()
        .take(3)
        .map(|block| block.text)
        .collect();
    for (number, machine) in machines.iter().enumerate() {
        for function in FUNCTIONS {
            let is_defined = machine
                .lines()
                .any(|line| line.starts_with(&format!("{function}() {{")));
            let is_there = number == 2 && PROGRAMS_THERE.contains(&function);
            assert!(is_defined || is_there, "{function} in {machine}");
        }
    }
}

#[test]
fn a_page_types_nothing_that_a_machine_lacks() {
    for Typed {
        page,
        words,
        in_block,
    } in typed::commands().unwrap()
    {
        // The index says how each of them comes about.
        if page == "README.md" || !in_block {
            continue;
        }
        let first = words[0].as_str();
        let is_known = TOOLS.contains(&first)
            || FUNCTIONS.contains(&first)
            || first.contains('=')
            || ["auth-service", "base64", "chronyc", "timedatectl"].contains(&first);
        assert!(is_known, "{page}: where does {first} come from? {words:?}");
    }
}

/// The groups that services consume in, from what their sources give `ConsumerSettings::new`.
fn groups() -> BTreeSet<String> {
    let mut sources = below("platform-services", ".rs");
    sources.extend(below("sync-worker/src", ".rs"));
    sources.retain(|(path, _)| {
        let mut parts = path
            .components()
            .filter_map(|part| part.as_os_str().to_str());
        !parts.any(|part| ["tests", "service-kit"].contains(&part))
    });
    let text_of = |rest: &str| rest.split('"').next().unwrap().to_owned();
    let mut groups = BTreeSet::new();
    for (_, text) in &sources {
        for rest in text.split("ConsumerSettings::new(").skip(1) {
            let given = rest.split(',').next().unwrap().trim();
            let name = given.rsplit(['.', ':']).next().unwrap();
            if let Some(literal) = given.strip_prefix('"') {
                groups.insert(text_of(literal));
            } else if name.chars().all(char::is_uppercase) {
                let constant = format!("const {name}: &str = \"");
                // `module::NAME` is another file's.
                let value = match given.split_once("::") {
                    None => text.split(&constant).nth(1),
                    Some((module, _)) => sources
                        .iter()
                        .filter(|(path, _)| path.iter().any(|part| part == module))
                        .find_map(|(_, text)| text.split(&constant).nth(1)),
                };
                groups.insert(text_of(value.unwrap()));
            } else {
                let config = order_service::Config::from_args(["order-service"]).unwrap();
                assert_eq!(name, "consumer_group", "whose is it?");
                groups.insert(config.consumer_group);
            }
        }
    }
    groups
}

/// A wrong name makes an empty group and tells nobody.
#[test]
fn every_consumer_group_is_one() {
    let groups = groups();
    assert!(groups.len() > 4, "{groups:?}");
    let mut seen = 0;
    for Typed { page, words, .. } in typed::commands().unwrap() {
        for two in words.windows(2).filter(|two| two[0] == "--group") {
            assert!(groups.contains(&two[1]), "{page}: no group {}", two[1]);
            seen += 1;
        }
    }
    assert!(seen > 2, "{seen}");
    let page = read("docs/runbooks/consumer-lag.md");
    for group in groups {
        assert!(
            page.contains(&format!("| `{group}`")),
            "consumer-lag.md lacks {group}"
        );
    }
}
