//! What is rendered, once for all tests.

pub(crate) mod optional;
pub(crate) mod pods;
pub(crate) mod programs;
pub(crate) mod secrets;

use std::{env, path::Path, process::Command, sync::LazyLock, time::Duration};

use devstack::{command, golang::GoProgram};
use manifests::root;
use serde_json::Value;

pub(crate) const RENDER_TIMEOUT: Duration = Duration::from_secs(60);

/// Renders as `kubectl apply -k` does.
const KUSTOMIZE: GoProgram = GoProgram {
    name: "kustomize",
    package: "sigs.k8s.io/kustomize/kustomize/v5",
    version: "5.8.1",
};

/// The library that Docker Compose reads its files with, as a program.
const COMPOSE: GoProgram = GoProgram {
    name: "compose-spec",
    package: "github.com/compose-spec/compose-go/v2/cmd",
    version: "2.16.2",
};

pub(crate) static DEV: LazyLock<Vec<Value>> = LazyLock::new(|| rendered("k8s/overlays/dev"));
pub(crate) static PROD: LazyLock<Vec<Value>> = LazyLock::new(|| rendered("k8s/overlays/prod"));
pub(crate) static PROD_DEBEZIUM: LazyLock<Vec<Value>> =
    LazyLock::new(|| rendered("k8s/overlays/prod-debezium"));
pub(crate) static JOBS: LazyLock<Vec<Value>> = LazyLock::new(|| rendered("k8s/jobs"));
pub(crate) static READ_BACKUP: LazyLock<Vec<Value>> =
    LazyLock::new(|| rendered("k8s/jobs/read-backup"));

/// Everything that somebody may apply, by the name of its folder and of what is added to it.
pub(crate) fn overlays() -> Vec<(&'static str, &'static [Value])> {
    let mut all: Vec<(&str, &[Value])> = vec![
        ("dev", &DEV),
        ("prod", &PROD),
        ("prod-debezium", &PROD_DEBEZIUM),
        ("jobs", &JOBS),
        ("jobs/read-backup", &READ_BACKUP),
    ];
    all.extend(optional::VARIANTS.iter().map(|variant| {
        let resources: &[Value] = &variant.resources;
        (variant.name, resources)
    }));
    all
}

pub(crate) static COMPOSE_FILE: LazyLock<Value> = LazyLock::new(|| {
    let program = COMPOSE.installed(&env::temp_dir()).unwrap();
    let mut render = Command::new(program);
    render
        .args(["--format", "json", "compose.yaml"])
        .current_dir(root().join("infra"))
        .env_clear();
    serde_json::from_str(&output(&mut render)).unwrap()
});

fn rendered(folder: &str) -> Vec<Value> {
    yaml(&output(&mut kustomize(&root().join(folder))))
}

/// The command that renders a folder.
pub(crate) fn kustomize(folder: &Path) -> Command {
    let mut build = Command::new(KUSTOMIZE.installed(&env::temp_dir()).unwrap());
    build.arg("build").arg(folder).current_dir(root());
    build
}

/// What a command prints that succeeds without a warning.
pub(crate) fn output(command: &mut Command) -> String {
    let finished = command::finish(command, RENDER_TIMEOUT).unwrap();
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(finished.stderr, "");
    finished.stdout
}

/// All documents of a text.
pub(crate) fn yaml(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap()
}

pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

/// The elements of a list; none where there is no list.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

pub(crate) fn of_kind<'a>(
    resources: &'a [Value],
    kind: &'a str,
) -> impl Iterator<Item = &'a Value> {
    let is_it = move |resource: &&Value| resource["kind"] == kind;
    resources.iter().filter(is_it)
}

pub(crate) fn name(resource: &Value) -> &str {
    text(resource, "/metadata/name")
}

/// The ports that the contract gives each server.
pub(crate) const PORTS: [(&str, u64); 8] = [
    ("auth-service", 8089),
    ("user-service", 8081),
    ("catalog-service", 8084),
    ("inventory-server", 8083),
    ("order-service", 8085),
    ("payment-service", 8087),
    ("sync-worker", 8090),
    ("toss-sandbox", 8091),
];
